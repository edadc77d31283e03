/**
 * Who has which part of the overlay: the records dcos-net's overlay part gossips, and the routes, neighbours and
 * forwarding entries a node makes of those it has heard of, once it has a tunnel device itself. Kept once for all nodes.
 * Follows dcos-net apps/dcos_overlay/src/dcos_overlay_configure.erl and dcos_overlay_lashup_kv_listener.erl (7bd01ac).
 * Records never go away by themselves. What a record replaces is forgotten at once, before all have heard of it.
 */
import {
  type Cidr,
  contains,
  type Ipv4,
  type Mac,
  maskOf,
  networkOf,
  type PermanentNeighbour,
  type Route,
  type RouteSource,
  type StaticFdbEntry,
  TABLE,
} from '@portolan/core';

/** One node's part of one overlay. */
export interface OverlayRecord {
  /** The node's own address on the underlay. */
  readonly agent: Ipv4;
  readonly vtep: Ipv4;
  readonly vtepMac: Mac;
  readonly subnet: Cidr;
}

/** Name of the tunnel device. */
export const VTEP_DEVICE = 'vtep1024';
/** Table that sends overlay traffic to agents through the tunnel. */
export const OVERLAY_TABLE = 42;

/** An overlay as its nodes share it: its network, and how long the prefix of a node's subnet is. */
export interface OverlayShape {
  readonly network: Cidr;
  readonly prefix: number;
}

/** A record and the virtual milliseconds at which it was gossiped. */
interface Gossiped extends OverlayRecord {
  readonly at: number;
}

/** What one node makes of the records. */
export interface OverlayView {
  /** Rises whenever the node hears of something. */
  epoch(): number;
  /** `9.0.3.0/24 via 44.128.0.4 dev vtep1024` for every other node. */
  readonly subnetRoutes: RouteSource;
  /** `172.16.17.198 via 44.128.0.4 dev vtep1024 table 42` for every other node. */
  readonly agentRoutes: RouteSource;
  /** MAC address of another node's tunnel end. */
  neighbour(device: string, address: Ipv4): Mac | undefined;
  /** Permanent neighbours of the tunnel device. */
  neighbours(): readonly PermanentNeighbour[];
  /** The node behind a tunnel MAC address. */
  remote(device: string, mac: Mac): Ipv4 | undefined;
  /** Forwarding entries of the tunnel device. */
  fdb(): readonly StaticFdbEntry[];
}

/** The records of all overlays; a node's tunnel end is the same in each. */
export class OverlayDirectory {
  private readonly overlays: readonly [OverlayShape, ...OverlayShape[]];
  private readonly now: () => number;
  /** When it changed, each time. */
  private readonly changes: number[] = [];
  private readonly bySubnet = new Map<Ipv4, Gossiped>();
  private readonly byAgent = new Map<Ipv4, Gossiped[]>();
  private readonly byVtep = new Map<Ipv4, Gossiped>();
  private readonly byMac = new Map<Mac, Gossiped>();

  /** @param now virtual milliseconds, for views that hear of changes later; default a time after everything */
  constructor(overlays: readonly [OverlayShape, ...OverlayShape[]], now: () => number = () => Number.POSITIVE_INFINITY) {
    this.overlays = overlays;
    this.now = now;
  }

  /** The network of the first overlay, `dcos`. */
  get overlay(): Cidr {
    return this.overlays[0].network;
  }

  /**
   * Adds a node's record of one overlay, or replaces it; says whether it is news.
   * @param at virtual milliseconds; default a time before everything
   */
  put(record: OverlayRecord, at = Number.NEGATIVE_INFINITY): boolean {
    const shape = this.shapeOf(record.subnet.address);
    const own = this.byAgent.get(record.agent) ?? [];
    const known = own.find((other) => this.shapeOf(other.subnet.address) === shape);
    // A subnet outside all overlays does not stay beside a right one.
    const others = own.filter((other) => other !== known && this.shapeOf(other.subnet.address) !== undefined);
    if (known !== undefined && isSame(known, record) && others.length === own.length - 1) return false;
    const { agent, vtep, vtepMac, subnet } = record;
    const gossiped = { agent, vtep, vtepMac, subnet, at };
    this.changes.push(at);
    this.byAgent.set(agent, [...others, gossiped]);
    this.bySubnet.set(networkOf(subnet).address, gossiped);
    this.byVtep.set(vtep, gossiped);
    this.byMac.set(vtepMac, gossiped);
    return true;
  }

  /** The node whose subnet an address lies in. */
  holder(address: Ipv4): OverlayRecord | undefined {
    return this.holderOf(address);
  }

  private holderOf(address: Ipv4): Gossiped | undefined {
    const shape = this.shapeOf(address);
    return shape === undefined ? undefined : this.bySubnet.get((address & maskOf(shape.prefix)) >>> 0);
  }

  /** All records, by node in the order in which they came. */
  records(): readonly OverlayRecord[] {
    return [...this.byAgent.values()].flat();
  }

  private shapeOf(address: Ipv4): OverlayShape | undefined {
    for (const shape of this.overlays) if (contains(shape.network, address)) return shape;
    return undefined;
  }

  /** What a node makes of the records that hears of each so many milliseconds late; nothing before it has one itself. */
  view(self: Ipv4, delay = 0): OverlayView {
    const hears = (record: Gossiped): boolean => record.agent !== self && record.at <= this.now() - delay && takesPart();
    // Asked for every packet, and never untrue again.
    let isOn = false;
    const takesPart = () => {
      isOn ||= this.byAgent.has(self);
      return isOn;
    };
    const heard = (record: Gossiped | undefined) => (record !== undefined && hears(record) ? record : undefined);
    const others = () => [...this.byAgent.values()].flatMap((own) => own.find(hears) ?? []);
    const subnetRoute = (record: Gossiped) => tunnelRoute(TABLE.main, record.subnet, record.vtep);
    const agentRoute = ({ agent, vtep }: Gossiped) => tunnelRoute(OVERLAY_TABLE, { address: agent, prefix: 32 }, vtep);
    return {
      epoch: () => this.heardAfter(delay) + (takesPart() ? 1 : 0),
      subnetRoutes: {
        table: TABLE.main,
        find: (destination) => optional(heard(this.holderOf(destination)), subnetRoute),
        list: () => [...this.byAgent.values()].flat().filter(hears).map(subnetRoute),
      },
      agentRoutes: {
        table: OVERLAY_TABLE,
        find: (destination) => optional(this.byAgent.get(destination)?.find(hears), agentRoute),
        list: () => others().map(agentRoute),
      },
      neighbour: (device, address) => (device === VTEP_DEVICE ? heard(this.byVtep.get(address))?.vtepMac : undefined),
      neighbours: () => others().map(({ vtep, vtepMac }) => ({ address: vtep, device: VTEP_DEVICE, mac: vtepMac })),
      remote: (device, mac) => (device === VTEP_DEVICE ? heard(this.byMac.get(mac))?.agent : undefined),
      fdb: () => others().map(({ agent, vtepMac }) => ({ mac: vtepMac, device: VTEP_DEVICE, remote: agent })),
    };
  }

  /** How many changes have reached those who hear of them so many milliseconds late. */
  private heardAfter(delay: number): number {
    const latest = this.now() - delay;
    let count = this.changes.length;
    while (count > 0 && (this.changes[count - 1] ?? 0) > latest) count--;
    return count;
  }
}

function optional<A, B>(value: A | undefined, make: (value: A) => B): B | undefined {
  return value === undefined ? undefined : make(value);
}

function tunnelRoute(table: number, destination: Cidr, via: Ipv4): Route {
  return { table, type: 'unicast', destination, via, device: VTEP_DEVICE, scope: 'global', protocol: 'boot', metric: 0 };
}

function isSame(a: OverlayRecord, b: OverlayRecord): boolean {
  const subnet = a.subnet.address === b.subnet.address && a.subnet.prefix === b.subnet.prefix;
  return subnet && a.vtep === b.vtep && a.vtepMac === b.vtepMac;
}
