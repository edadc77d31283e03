/**
 * IPVS: the virtual services of one namespace, their real servers and connections, as `ipvsadm` changes them and as
 * packets meet them.
 * Follows linux net/netfilter/ipvs/ip_vs_core.c and ip_vs_ctl.c (6.1); without synchronisation, SCTP, IPv6, the
 * helper for FTP, and dropping connections for want of memory.
 */
import type { Ipv4 } from '../../base/address.ts';
import type { Packet } from '../../wire/ipv4.ts';
import { FLAG } from '../../wire/tcp.ts';
import { IpvsConnection } from './connection.ts';
import { ConnectionTable } from './connections.ts';
import { schedulePersistent } from './persistence.ts';
import { checkKey, checkServer, checkService, checkTimeout, checkUnicast, ipvsRefusal } from './refusals.ts';
import { RealServer, type ServerKey, type ServerSpec, type ServiceKey, type ServiceSpec, VirtualService } from './service.ts';
import { ServiceTable } from './services.ts';
import { type IpvsTimeouts, STATE } from './state.ts';
import { Estimator, Statistics } from './statistics.ts';
import { Trash } from './trash.ts';

/** The kernel's switches under net.ipv4.vs. */
export interface IpvsSettings {
  /** conn_reuse_mode: a SYN on a connection that has ended is scheduled anew. */
  readonly connReuse: boolean;
  /** expire_nodest_conn: connections of a deleted server go at once. */
  readonly expireNodest: boolean;
  /** expire_quiescent_template: weight 0 ends persistence, too. */
  readonly expireQuiescentTemplate: boolean;
}

/** The port from which an FTP server opens data connections: those are never scheduled. */
const FTP_DATA = 20;

/** The IPVS tables of one namespace. Connections expire in virtual time: before anything is read or decided. */
export class Ipvs {
  settings: IpvsSettings = { connReuse: true, expireNodest: false, expireQuiescentTemplate: false };
  private readonly clock: { readonly now: number };
  private readonly table = new ServiceTable();
  private readonly trash = new Trash();
  private readonly connectionTable = new ConnectionTable((server, now) => this.trash.released(server, now));
  private readonly estimator: Estimator;
  private readonly all = new Statistics();

  /**
   * @param clock virtual milliseconds, never falling
   * @param options `born`: virtual milliseconds at which the namespace was made; estimates fall on every two seconds after it
   */
  constructor(clock: { readonly now: number }, options: { readonly born?: number } = {}) {
    this.clock = clock;
    this.estimator = new Estimator(options.born ?? 0);
  }

  /**
   * `ipvsadm -A`
   * @throws Refusal
   */
  addService(spec: ServiceSpec): void {
    this.work();
    const { scheduler, flags } = checkService(spec);
    if (this.table.find(spec) !== undefined) throw ipvsRefusal('service-exists');
    if (scheduler === undefined) throw ipvsRefusal('no-scheduler');
    const service = new VirtualService(spec, (of) => scheduler.start(of));
    writeService(service, spec, flags);
    this.table.add(service);
  }

  /**
   * `ipvsadm -E`: another scheduler begins afresh.
   * @throws Refusal
   */
  editService(spec: ServiceSpec): void {
    this.work();
    const { scheduler, flags } = checkService(spec);
    const service = this.table.find(spec);
    if (service === undefined) throw ipvsRefusal('no-such-service');
    if (scheduler === undefined) throw ipvsRefusal('no-scheduler');
    if (scheduler.name !== service.scheduler) service.scheduling = scheduler.start(service);
    writeService(service, spec, flags);
  }

  /**
   * `ipvsadm -D`
   * @throws Refusal
   */
  deleteService(key: ServiceKey): void {
    this.work();
    checkKey(key);
    const service = this.table.find(key);
    if (service === undefined) throw ipvsRefusal('no-such-service');
    this.table.remove(service);
    for (const server of service.servers) this.discard(service, server);
    this.dropOrphans();
  }

  /** `ipvsadm -C` */
  clear(): void {
    for (const service of this.services()) this.deleteService(service);
  }

  /**
   * `ipvsadm -Z`: counts of one service, or of all and of the namespace, begin at 0 again.
   * @throws Refusal
   */
  zero(key?: ServiceKey): void {
    this.work();
    const found = key === undefined ? this.table.list() : [this.table.find(key)];
    for (const service of found) {
      if (service === undefined) throw ipvsRefusal('no-such-service');
      service.statistics.reset();
      for (const { statistics } of service.servers) statistics.reset();
    }
    if (key === undefined) this.all.reset();
  }

  /**
   * `ipvsadm -a`: a server that was deleted and still has connections comes back with them.
   * @throws Refusal
   */
  addServer(key: ServiceKey, spec: ServerSpec): void {
    this.work();
    checkServer(spec);
    const service = this.definedService(key);
    if (service.find(spec) !== undefined) throw ipvsRefusal('server-exists');
    const server = this.trash.take(service, spec, this.clock.now) ?? newServer(service, spec);
    if (server.service !== service) server.statistics.reset();
    writeServer(server, spec);
    server.lastWeight = spec.weight;
    service.link(server);
    service.scheduling.added(server);
  }

  /**
   * `ipvsadm -e`: weight, thresholds and way of forwarding; the place in the list stays.
   * @throws Refusal
   */
  editServer(key: ServiceKey, spec: ServerSpec): void {
    this.work();
    checkServer(spec);
    const server = this.definedService(key).find(spec);
    if (server === undefined) throw ipvsRefusal('no-such-server');
    writeServer(server, spec);
    server.service.scheduling.edited(server);
  }

  /**
   * `ipvsadm -d`: its connections stay, and their packets are dropped.
   * @throws Refusal
   */
  deleteServer(key: ServiceKey, serverKey: ServerKey): void {
    this.work();
    const service = this.definedService(key);
    const server = service.find(serverKey);
    if (server === undefined) throw ipvsRefusal('no-such-server');
    this.discard(service, server);
    this.dropOrphans();
  }

  /** The service of that key. */
  service(key: ServiceKey): VirtualService | undefined {
    this.work();
    return this.table.find(key);
  }

  /** All services in the kernel's order, each with its servers, newest first. */
  services(): readonly VirtualService[] {
    this.work();
    return this.table.list();
  }

  /** All connections and templates, in no particular but a repeatable order. */
  connections(): Iterable<IpvsConnection> {
    this.work();
    return this.connectionTable.values();
  }

  /** What was counted of the whole namespace. */
  get total(): Statistics {
    this.work();
    return this.all;
  }

  /** Seconds after which connections go. */
  get timeouts(): IpvsTimeouts {
    return this.connectionTable.timeouts;
  }

  /**
   * `ipvsadm --set`: for the next packet of every connection; 0 leaves a timeout as it is.
   * @throws Refusal
   */
  setTimeouts({ tcp, tcpfin, udp }: IpvsTimeouts): void {
    for (const seconds of [tcp, tcpfin, udp]) checkTimeout(seconds);
    const before = this.timeouts;
    this.connectionTable.timeouts = { tcp: tcp || before.tcp, tcpfin: tcpfin || before.tcpfin, udp: udp || before.udp };
  }

  /**
   * A packet towards a virtual service, at LOCAL_IN or LOCAL_OUT: its connection, found or scheduled, its state moved.
   * `none`: not IPVS's business. `unavailable`: no usable server, the caller answers ICMP port unreachable.
   * `drop`: its server was deleted.
   */
  incoming(p: Packet): IpvsConnection | 'none' | 'unavailable' | 'drop' {
    const { now } = this.clock;
    this.work();
    let found = this.connectionTable.towards(p.protocol, p.source, p.sourcePort, p.destination, p.destinationPort);
    if (found !== undefined && this.isReplacedBy(found, p)) {
      this.connectionTable.expireNow(found, now);
      found = undefined;
    }
    if (found !== undefined && !found.server.available) {
      if (!this.settings.expireNodest) return 'drop';
      this.connectionTable.expireNow(found, now);
      found = undefined;
    }
    if (found === undefined) return this.schedule(p, now);
    this.countPacket(found, 0, p.length, now);
    this.connectionTable.move(found, 'input', p.flags, now);
    return found;
  }

  /** A packet from a real server back to a client: its connection, state moved. */
  outgoing(p: Packet): IpvsConnection | undefined {
    const { now } = this.clock;
    this.work();
    if (this.connectionTable.size === 0) return undefined;
    const found = this.connectionTable.from(p.protocol, p.source, p.sourcePort, p.destination, p.destinationPort);
    if (found === undefined) return undefined;
    this.countPacket(found, 1, p.length, now);
    this.connectionTable.move(found, 'output', p.flags, now);
    return found;
  }

  /** The connection between a real server and a client, left as it is: for what an ICMP error of the client's side quotes. */
  find(protocol: number, server: Ipv4, serverPort: number, client: Ipv4, clientPort: number): IpvsConnection | undefined {
    this.work();
    return this.connectionTable.from(protocol, server, serverPort, client, clientPort);
  }

  /** The connection between a client and a virtual address, left as it is: for what an ICMP error to a server quotes. */
  findTowards(protocol: number, client: Ipv4, clientPort: number, virtual: Ipv4, port: number): IpvsConnection | undefined {
    this.work();
    return this.connectionTable.towards(protocol, client, clientPort, virtual, port);
  }

  /** Counts a packet that goes by a connection without moving it: an ICMP error. */
  countRelated(connection: IpvsConnection, out: 0 | 1, bytes: number): void {
    this.countPacket(connection, out, bytes, this.clock.now);
  }

  private schedule(p: Packet, now: number): IpvsConnection | 'none' | 'unavailable' {
    if (p.protocol === 6) {
      if ((p.flags & (FLAG.syn | FLAG.rst)) !== FLAG.syn) return 'none';
    } else if (p.protocol !== 17) return 'none';
    const service = this.table.forPacket(p.mark, p.protocol, p.destination, p.destinationPort);
    if (service === undefined || p.sourcePort === FTP_DATA) return 'none';
    const made =
      service.persistentSeconds > 0
        ? schedulePersistent(service, p, now, this.connectionTable, this.settings.expireQuiescentTemplate)
        : this.scheduleOnce(service, p, now);
    if (typeof made === 'string') return made;
    this.estimate(made.server, now);
    made.server.statistics.connection();
    service.statistics.connection();
    this.all.connection();
    this.countPacket(made, 0, p.length, now);
    return made;
  }

  private scheduleOnce(service: VirtualService, p: Packet, now: number): IpvsConnection | 'none' | 'unavailable' {
    // A packet that came here as a data connection of FTP.
    if (service.mark === 0 && p.destinationPort !== service.port) return 'none';
    const server = service.scheduling.choose(p, now);
    if (server === undefined) return 'unavailable';
    const port = server.port === 0 ? p.destinationPort : server.port;
    const { protocol, source, sourcePort, destination, destinationPort } = p;
    const made = new IpvsConnection(protocol, source, sourcePort, destination, destinationPort, server, port, false);
    if (!service.onePacket || protocol !== 17) this.connectionTable.open(made, p.flags, now);
    return made;
  }

  /** Whether a packet begins a connection where another one has ended. */
  private isReplacedBy(connection: IpvsConnection, p: Packet): boolean {
    if (p.protocol !== 6 || (p.flags & FLAG.syn) === 0) return false;
    if (this.settings.expireNodest && connection.server.weight === 0) return true;
    return this.settings.connReuse && (connection.phase === STATE.timeWait || connection.phase === STATE.close);
  }

  private countPacket({ server }: IpvsConnection, out: 0 | 1, bytes: number, now: number): void {
    if (!server.available) return;
    this.estimate(server, now);
    server.statistics.packet(out, bytes);
    server.service.statistics.packet(out, bytes);
    this.all.packet(out, bytes);
  }

  private estimate({ statistics, service }: RealServer, now: number): void {
    if (statistics.awake && service.statistics.awake && this.all.awake) return;
    this.estimator.wake(statistics, now);
    this.estimator.wake(service.statistics, now);
    this.estimator.wake(this.all, now);
  }

  private work(): void {
    const { now } = this.clock;
    if (now >= this.connectionTable.next) this.connectionTable.work(now);
    if (now >= this.estimator.next) this.estimator.work(now);
  }

  private definedService(key: ServiceKey): VirtualService {
    checkKey(key);
    const service = this.table.find(key);
    if (service === undefined) throw ipvsRefusal('service-not-defined');
    return service;
  }

  private discard(service: VirtualService, server: RealServer): void {
    service.unlink(server);
    service.scheduling.removed(server);
    this.trash.add(server, this.clock.now);
  }

  private dropOrphans(): void {
    if (this.settings.expireNodest) this.connectionTable.expireOrphans(this.clock.now);
  }
}

function newServer(service: VirtualService, spec: ServerSpec): RealServer {
  checkUnicast(spec.address);
  return new RealServer(service, spec);
}

function writeService(service: VirtualService, spec: ServiceSpec, flags: number): void {
  service.scheduler = spec.scheduler;
  service.flags = flags;
  service.onePacket = spec.onePacket ?? false;
  service.persistentSeconds = spec.persistentSeconds ?? 0;
  service.netmask = spec.netmask ?? 0xffffffff;
  service.cause = spec.cause ?? service.cause;
}

function writeServer(server: RealServer, spec: ServerSpec): void {
  const { weight, forward = 'masquerade', upperThreshold = 0, lowerThreshold = 0 } = spec;
  if (upperThreshold === 0 || upperThreshold > server.upperThreshold) server.overloaded = false;
  server.weight = weight;
  if (weight !== 0) server.lastWeight = weight;
  server.forward = forward;
  server.upperThreshold = upperThreshold;
  server.lowerThreshold = lowerThreshold;
  server.cause = spec.cause ?? server.cause;
}
