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

/** The records of one overlay. */
export class OverlayDirectory {
  readonly overlay: Cidr;
  /** How often it has changed. */
  changes = 0;
  private readonly prefix: number;
  private readonly bySubnet = new Map<Ipv4, OverlayRecord>();
  private readonly byAgent = new Map<Ipv4, OverlayRecord>();
  private readonly byVtep = new Map<Ipv4, OverlayRecord>();
  private readonly byMac = new Map<Mac, OverlayRecord>();

  /** @param prefix length of a node's subnet */
  constructor(overlay: Cidr, prefix: number) {
    this.overlay = overlay;
    this.prefix = prefix;
  }

  /** Adds a node's record, or replaces it. */
  put(record: OverlayRecord): void {
    this.changes++;
    this.bySubnet.set(networkOf(record.subnet).address, record);
    this.byAgent.set(record.agent, record);
    this.byVtep.set(record.vtep, record);
    this.byMac.set(record.vtepMac, record);
  }

  /** The node whose subnet an address lies in. */
  holder(address: Ipv4): OverlayRecord | undefined {
    if (!contains(this.overlay, address)) return undefined;
    return this.bySubnet.get((address & maskOf(this.prefix)) >>> 0);
  }

  /** All records, in the order in which they came. */
  records(): readonly OverlayRecord[] {
    return [...this.byAgent.values()];
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
      find: (destination) => route(this.byAgent.get(destination)),
      list: () => this.records().flatMap((record) => route(record) ?? []),
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

  private others(self: Ipv4): readonly OverlayRecord[] {
    return this.records().filter((record) => record.agent !== self);
  }
}

function tunnelRoute(table: number, destination: Cidr, via: Ipv4): Route {
  return { table, type: 'unicast', destination, via, device: VTEP_DEVICE, scope: 'global', protocol: 'boot', metric: 0 };
}
