/**
 * Who has which part of the overlay: the records dcos-net's overlay part gossips, and the routes, neighbours and
 * forwarding entries every node makes of them for its tunnel device. Kept once for all nodes, since each holds the same.
 * Follows dcos-net apps/dcos_overlay/src/dcos_overlay_configure.erl (7bd01ac). Records never go away by themselves.
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

/** The records of all overlays; a node's tunnel end is the same in each. */
export class OverlayDirectory {
  private readonly overlays: readonly [OverlayShape, ...OverlayShape[]];
  /** How often it has changed. */
  changes = 0;
  private readonly bySubnet = new Map<Ipv4, OverlayRecord>();
  private readonly byAgent = new Map<Ipv4, OverlayRecord[]>();
  private readonly byVtep = new Map<Ipv4, OverlayRecord>();
  private readonly byMac = new Map<Mac, OverlayRecord>();

  constructor(overlays: readonly [OverlayShape, ...OverlayShape[]]) {
    this.overlays = overlays;
  }

  /** The network of the first overlay, `dcos`. */
  get overlay(): Cidr {
    return this.overlays[0].network;
  }

  /** Adds a node's record of one overlay, or replaces it; says whether it is news. */
  put(record: OverlayRecord): boolean {
    const shape = this.shapeOf(record.subnet.address);
    const own = this.byAgent.get(record.agent) ?? [];
    const known = own.find((other) => this.shapeOf(other.subnet.address) === shape);
    // A subnet outside all overlays does not stay beside a right one.
    const others = own.filter((other) => other !== known && this.shapeOf(other.subnet.address) !== undefined);
    if (known !== undefined && isSame(known, record) && others.length === own.length - 1) return false;
    this.changes++;
    this.byAgent.set(record.agent, [...others, record]);
    this.bySubnet.set(networkOf(record.subnet).address, record);
    this.byVtep.set(record.vtep, record);
    this.byMac.set(record.vtepMac, record);
    return true;
  }

  /** The node whose subnet an address lies in. */
  holder(address: Ipv4): OverlayRecord | undefined {
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

  /** `9.0.3.0/24 via 44.128.0.4 dev vtep1024` for every other node. */
  subnetRoutes(self: Ipv4): RouteSource {
    const route = (record: OverlayRecord | undefined): Route | undefined =>
      record === undefined || record.agent === self ? undefined : tunnelRoute(TABLE.main, record.subnet, record.vtep);
    return {
      table: TABLE.main,
      find: (destination) => route(this.holder(destination)),
      list: () => this.records().flatMap((record) => route(record) ?? []),
    };
  }

  /** `172.16.17.198 via 44.128.0.4 dev vtep1024 table 42` for every other node. */
  agentRoutes(self: Ipv4): RouteSource {
    const route = (record: OverlayRecord | undefined): Route | undefined =>
      record === undefined || record.agent === self
        ? undefined
        : tunnelRoute(OVERLAY_TABLE, { address: record.agent, prefix: 32 }, record.vtep);
    return {
      table: OVERLAY_TABLE,
      find: (destination) => route(this.byAgent.get(destination)?.[0]),
      list: () => this.others(self).flatMap((record) => route(record) ?? []),
    };
  }

  /** MAC address of another node's tunnel end. */
  neighbour(self: Ipv4, device: string, address: Ipv4): Mac | undefined {
    const record = device === VTEP_DEVICE ? this.byVtep.get(address) : undefined;
    return record === undefined || record.agent === self ? undefined : record.vtepMac;
  }

  /** The node behind a tunnel MAC address. */
  remote(self: Ipv4, device: string, mac: Mac): Ipv4 | undefined {
    const record = device === VTEP_DEVICE ? this.byMac.get(mac) : undefined;
    return record === undefined || record.agent === self ? undefined : record.agent;
  }

  /** Permanent neighbours of a node's tunnel device. */
  neighbours(self: Ipv4): readonly PermanentNeighbour[] {
    return this.others(self).map((record) => ({ address: record.vtep, device: VTEP_DEVICE, mac: record.vtepMac }));
  }

  /** Forwarding entries of a node's tunnel device. */
  fdb(self: Ipv4): readonly StaticFdbEntry[] {
    return this.others(self).map((record) => ({ mac: record.vtepMac, device: VTEP_DEVICE, remote: record.agent }));
  }

  /** One record each of the other nodes. */
  private others(self: Ipv4): readonly OverlayRecord[] {
    return [...this.byAgent].flatMap(([agent, [first]]) => (agent === self || first === undefined ? [] : [first]));
  }
}

function tunnelRoute(table: number, destination: Cidr, via: Ipv4): Route {
  return { table, type: 'unicast', destination, via, device: VTEP_DEVICE, scope: 'global', protocol: 'boot', metric: 0 };
}

function isSame(a: OverlayRecord, b: OverlayRecord): boolean {
  const subnet = a.subnet.address === b.subnet.address && a.subnet.prefix === b.subnet.prefix;
  return subnet && a.vtep === b.vtep && a.vtepMac === b.vtepMac;
}
