/**
 * IPVS: the virtual services of one namespace, their real servers and connections, as `ipvsadm` changes them and as
 * packets meet them.
 * Follows linux net/netfilter/ipvs/ip_vs_core.c and ip_vs_ctl.c (6.1); masquerading only, without persistence, firewall
 * marks, synchronisation and IPv6.
 */
import type { Ipv4 } from '../../base/address.ts';
import type { Packet } from '../../wire/ipv4.ts';
import { FLAG } from '../../wire/tcp.ts';
import { IpvsConnection } from './connection.ts';
import { ConnectionTable } from './connections.ts';
import { checkServer, checkService, checkTimeout, ipvsRefusal, schedulerRefusal } from './refusals.ts';
import { schedulerOf } from './schedulers/registry.ts';
import {
  endOf,
  RealServer,
  type ServerKey,
  type ServerSpec,
  type ServiceKey,
  type ServiceSpec,
  VirtualService,
} from './service.ts';
import { ServiceTable } from './services.ts';
import { type IpvsTimeouts, STATE } from './state.ts';

/** The kernel's switches under net.ipv4.vs. */
export interface IpvsSettings {
  /** conn_reuse_mode: a SYN on a connection that has ended is scheduled anew. */
  readonly connReuse: boolean;
  /** expire_nodest_conn: connections of a deleted server go at once. */
  readonly expireNodest: boolean;
}

/** The IPVS tables of one namespace. Connections expire in virtual time: before anything is read or decided. */
export class Ipvs {
  settings: IpvsSettings = { connReuse: true, expireNodest: false };
  private readonly clock: { readonly now: number };
  private readonly table = new ServiceTable();
  private readonly connectionTable = new ConnectionTable((server) => this.forget(server));
  /** Deleted servers that connections still point to, by address and port. */
  private readonly trash = new Map<number, readonly RealServer[]>();

  /** @param clock virtual milliseconds, never falling */
  constructor(clock: { readonly now: number }) {
    this.clock = clock;
  }

  /**
   * `ipvsadm -A`
   * @throws Refusal
   */
  addService(spec: ServiceSpec): void {
    this.work();
    checkService(spec);
    if (this.service(spec) !== undefined) throw ipvsRefusal('service-exists');
    const scheduler = schedulerOf(spec.scheduler);
    if (scheduler === undefined) throw schedulerRefusal(spec.scheduler);
    const service = new VirtualService(spec, (of) => scheduler.start(of));
    writeService(service, spec);
    this.table.add(service);
  }

  /**
   * `ipvsadm -E`: another scheduler begins afresh.
   * @throws Refusal
   */
  editService(spec: ServiceSpec): void {
    this.work();
    checkService(spec);
    const service = this.service(spec);
    if (service === undefined) throw ipvsRefusal('no-such-service');
    const scheduler = schedulerOf(spec.scheduler);
    if (scheduler === undefined) throw schedulerRefusal(spec.scheduler);
    if (scheduler.name !== service.scheduler) service.scheduling = scheduler.start(service);
    writeService(service, spec);
  }

  /**
   * `ipvsadm -D`
   * @throws Refusal
   */
  deleteService(key: ServiceKey): void {
    this.work();
    const service = this.service(key);
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
   * `ipvsadm -a`: a server that was deleted and still has connections comes back with them.
   * @throws Refusal
   */
  addServer(key: ServiceKey, spec: ServerSpec): void {
    this.work();
    checkServer(spec);
    const service = this.definedService(key);
    if (service.find(spec) !== undefined) throw ipvsRefusal('server-exists');
    const server = this.takeFromTrash(service, spec) ?? new RealServer(service, spec);
    writeServer(server, spec);
    service.link(server);
    service.scheduling.added(server);
  }

  /**
   * `ipvsadm -e`: weight and thresholds; the place in the list stays.
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
  service({ protocol, address, port }: ServiceKey): VirtualService | undefined {
    this.work();
    return this.table.find(protocol, address, port);
  }

  /** All services in the kernel's order, each with its servers, newest first. */
  services(): readonly VirtualService[] {
    this.work();
    return this.table.list();
  }

  /** All connections, in no particular but a repeatable order. */
  connections(): Iterable<IpvsConnection> {
    this.work();
    return this.connectionTable.values();
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
    this.connectionTable.work(now);
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
    if (found !== undefined) {
      this.connectionTable.move(found, 'input', p.flags, now);
      return found;
    }
    return this.schedule(p, now);
  }

  /** A packet from a real server back to a client: its connection, state moved. */
  outgoing(p: Packet): IpvsConnection | undefined {
    const { now } = this.clock;
    this.connectionTable.work(now);
    const found = this.connectionTable.from(p.protocol, p.source, p.sourcePort, p.destination, p.destinationPort);
    if (found !== undefined) this.connectionTable.move(found, 'output', p.flags, now);
    return found;
  }

  /** The connection between a real server and a client, left as it is: for what an ICMP error quotes. */
  find(protocol: number, server: Ipv4, serverPort: number, client: Ipv4, clientPort: number): IpvsConnection | undefined {
    this.work();
    return this.connectionTable.from(protocol, server, serverPort, client, clientPort);
  }

  private schedule(p: Packet, now: number): IpvsConnection | 'none' | 'unavailable' {
    if (p.protocol === 6 && (p.flags & (FLAG.syn | FLAG.rst)) !== FLAG.syn) return 'none';
    const service = this.table.find(p.protocol, p.destination, p.destinationPort);
    if (service === undefined) return 'none';
    const server = service.scheduling.choose(p);
    if (server === undefined) return 'unavailable';
    const made = new IpvsConnection(service.protocol, p.source, p.sourcePort, p.destination, p.destinationPort, server);
    if (service.onePacket && service.protocol === 17) return made;
    this.connectionTable.open(made);
    this.connectionTable.move(made, 'input', p.flags, now);
    return made;
  }

  /** Whether a packet begins a connection where another one has ended. */
  private isReplacedBy(connection: IpvsConnection, p: Packet): boolean {
    if (p.protocol !== 6 || (p.flags & FLAG.syn) === 0) return false;
    if (this.settings.expireNodest && connection.server.weight === 0) return true;
    return this.settings.connReuse && (connection.phase === STATE.timeWait || connection.phase === STATE.close);
  }

  private work(): void {
    this.connectionTable.work(this.clock.now);
  }

  private definedService(key: ServiceKey): VirtualService {
    const service = this.table.find(key.protocol, key.address, key.port);
    if (service === undefined) throw ipvsRefusal('service-not-defined');
    return service;
  }

  private discard(service: VirtualService, server: RealServer): void {
    service.unlink(server);
    service.scheduling.removed(server);
    if (server.active + server.inactive === 0) return;
    this.trash.set(endOf(server), [...(this.trash.get(endOf(server)) ?? []), server]);
  }

  private dropOrphans(): void {
    if (this.settings.expireNodest) this.connectionTable.expireOrphans();
  }

  private takeFromTrash(service: VirtualService, key: ServerKey): RealServer | undefined {
    const server = this.trash.get(endOf(key))?.find(({ service: old }) => isSameKey(old, service));
    if (server !== undefined) this.forget(server);
    return server;
  }

  private forget(server: RealServer): void {
    const left = (this.trash.get(endOf(server)) ?? []).filter((other) => other !== server);
    if (left.length === 0) this.trash.delete(endOf(server));
    else this.trash.set(endOf(server), left);
  }
}

function writeService(service: VirtualService, { scheduler, flags = [], onePacket = false, cause }: ServiceSpec): void {
  service.scheduler = scheduler;
  service.flags = flags;
  service.onePacket = onePacket;
  service.cause = cause ?? service.cause;
}

function writeServer(server: RealServer, { weight, upperThreshold = 0, lowerThreshold = 0, cause }: ServerSpec): void {
  if (upperThreshold === 0 || upperThreshold > server.upperThreshold) server.overloaded = false;
  server.weight = weight;
  server.upperThreshold = upperThreshold;
  server.lowerThreshold = lowerThreshold;
  server.cause = cause ?? server.cause;
}

function isSameKey(a: ServiceKey, b: ServiceKey): boolean {
  return a.protocol === b.protocol && a.address === b.address && a.port === b.port;
}
