/**
 * A virtual service and its real servers, as the kernel lists them: the newest server first.
 * Follows struct ip_vs_service and struct ip_vs_dest of linux include/net/ip_vs.h (6.1).
 */
import type { Ipv4 } from '../../base/address.ts';
import type { Packet } from '../../wire/ipv4.ts';
import { Statistics } from './statistics.ts';

/** What names a virtual service: protocol, address and port, or a firewall mark alone. */
export interface ServiceKey {
  readonly protocol: 6 | 17;
  readonly address: Ipv4;
  /** 0 for all ports: persistent services only. */
  readonly port: number;
  /** Firewall mark of its packets; then it takes TCP and UDP alike and the rest of the key is {@link markKey}'s. */
  readonly mark?: number;
}

/** The key of a service by firewall mark: as the kernel keeps it, TCP at 0.0.0.0:0. */
export function markKey(mark: number): ServiceKey {
  return { protocol: 6, address: 0, port: 0, mark };
}

/** A service as it is added or edited. */
export interface ServiceSpec extends ServiceKey {
  /** Name of the scheduler: `wlc`. */
  readonly scheduler: string;
  /** Scheduler flags as `-b` takes them: `sh-port`, `mh-fallback`, `flag-3`. */
  readonly flags?: readonly string[];
  /** UDP: every packet is scheduled anew, no connection is kept (`-o`). */
  readonly onePacket?: boolean;
  /** All connections of a client go to one server for that many seconds after the last one began (`-p`). */
  readonly persistentSeconds?: number;
  /** What of a client's address counts as one client (`-M`); all of it if not given. */
  readonly netmask?: Ipv4;
  /** What in the cluster asked for it, for whoever wants to know why. */
  readonly cause?: string;
}

/** What names a real server within its service. */
export interface ServerKey {
  readonly address: Ipv4;
  readonly port: number;
}

/** How packets reach a real server: by its address (`-m`), as they are (`-g`), inside packets to it (`-i`). */
export type Forwarding = 'masquerade' | 'route' | 'tunnel';

/** A real server as it is added or edited. */
export interface ServerSpec extends ServerKey {
  readonly weight: number;
  /** `masquerade` if not given, as DC/OS has it; ipvsadm's own default is `route`. */
  readonly forward?: Forwarding;
  /** Connections from which on it gets no more; 0 for no limit. */
  readonly upperThreshold?: number;
  /** Connections below which it gets some again; 0 for three quarters of the upper threshold. */
  readonly lowerThreshold?: number;
  readonly cause?: string;
}

/** A scheduler at work on one service. It is told of every change after it was made. */
export interface Scheduling {
  /**
   * The server for a new connection; undefined if none is usable.
   * @param now virtual milliseconds
   */
  choose(packet: Packet, now: number): RealServer | undefined;
  added(server: RealServer): void;
  removed(server: RealServer): void;
  /** Weight or thresholds changed. */
  edited(server: RealServer): void;
  /** Its connections were counted anew. */
  counted(server: RealServer): void;
}

/** A real server at work. Its fields are written by the IPVS tables alone. */
export class RealServer implements ServerKey {
  readonly address: Ipv4;
  readonly port: number;
  /** Its service; the service it was deleted from if it is no longer available. */
  service: VirtualService;
  weight = 0;
  /** The latest weight other than 0, or the one it was added with. */
  lastWeight = 0;
  forward: Forwarding = 'masquerade';
  upperThreshold = 0;
  lowerThreshold = 0;
  cause: string | undefined = undefined;
  /** Connections in states that count as active, and the others. */
  active = 0;
  inactive = 0;
  /** Templates that lead here. */
  persistent = 0;
  /** Reached its upper threshold and has not gone below the lower since. */
  overloaded = false;
  /** False once deleted: connections that still point here are dropped. */
  available = false;
  /** Neighbours in the service's list: `next` is older. */
  next: RealServer | undefined = undefined;
  previous: RealServer | undefined = undefined;
  /** Grows with every server added to the service: of two, the one listed first has the higher number. */
  sequence = 0;
  /** Its slot in a scheduler's index, or -1. */
  slot = -1;
  private counters: Statistics | undefined = undefined;

  constructor(service: VirtualService, key: ServerKey) {
    this.service = service;
    this.address = key.address;
    this.port = key.port;
  }

  /** Whether a scheduler may choose it. */
  get usable(): boolean {
    return this.weight > 0 && !this.overloaded;
  }

  /** What was counted of it. */
  get statistics(): Statistics {
    this.counters ??= new Statistics();
    return this.counters;
  }
}

/** A virtual service at work. Its fields are written by the IPVS tables alone. */
export class VirtualService implements ServiceKey {
  readonly protocol: 6 | 17;
  readonly address: Ipv4;
  readonly port: number;
  /** Firewall mark; 0 for a service by address. */
  readonly mark: number;
  /** Name of the scheduler. */
  scheduler = '';
  /** Scheduler flags: bit 0 for sh-fallback, mh-fallback, flag-1; bit 1 for sh-port, mh-port, flag-2; bit 2 for flag-3. */
  flags = 0;
  onePacket = false;
  /** 0 if it is not persistent. */
  persistentSeconds = 0;
  netmask: Ipv4 = 0xffffffff;
  cause: string | undefined = undefined;
  /** The head of the list: the server added last. */
  first: RealServer | undefined = undefined;
  /** How many servers it has. */
  size = 0;
  /** The scheduler's state for this service. */
  scheduling: Scheduling;
  readonly statistics = new Statistics();
  private readonly byEnd = new Map<number, RealServer>();
  private sequence = 0;

  constructor(key: ServiceKey, scheduling: (service: VirtualService) => Scheduling) {
    this.protocol = key.protocol;
    this.address = key.address;
    this.port = key.port;
    this.mark = key.mark ?? 0;
    this.scheduling = scheduling(this);
  }

  /** Its servers, newest first. */
  get servers(): readonly RealServer[] {
    const list: RealServer[] = [];
    for (let server = this.first; server !== undefined; server = server.next) list.push(server);
    return list;
  }

  /** The server of that address and port. */
  find(key: ServerKey): RealServer | undefined {
    return this.byEnd.get(endOf(key));
  }

  /** Puts a server at the head of the list. */
  link(server: RealServer): void {
    server.service = this;
    server.available = true;
    server.sequence = ++this.sequence;
    server.slot = -1;
    server.previous = undefined;
    server.next = this.first;
    if (this.first !== undefined) this.first.previous = server;
    this.first = server;
    this.size++;
    this.byEnd.set(endOf(server), server);
  }

  /** Takes a server out of the list; its own pointers stay, for a scheduler that stands on it. */
  unlink(server: RealServer): void {
    if (server.previous === undefined) this.first = server.next;
    else server.previous.next = server.next;
    if (server.next !== undefined) server.next.previous = server.previous;
    server.available = false;
    this.size--;
    this.byEnd.delete(endOf(server));
  }
}

/** Address and port as one number below 2^48. */
export function endOf({ address, port }: ServerKey): number {
  return address * 0x10000 + port;
}

/** Whether two keys name the same service. */
export function isSameKey(a: ServiceKey, b: ServiceKey): boolean {
  const mark = a.mark ?? 0;
  if (mark !== (b.mark ?? 0)) return false;
  return mark !== 0 || (a.protocol === b.protocol && a.address === b.address && a.port === b.port);
}
