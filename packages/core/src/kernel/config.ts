/**
 * What has been set up in one network namespace by `ip`, `bridge`, `iptables`, `ipset` and `sysctl`, or by the
 * daemons that do the same: an immutable value. What traffic leaves behind is not here but in the namespace's tables.
 */
import type { Cidr, Ipv4, Mac } from '../base/address.ts';
import type { Netfilter } from './netfilter/rule.ts';

/** One network namespace's configuration. */
export interface NamespaceConfig {
  /** By interface index, ascending. */
  readonly links: readonly Link[];
  /** Of all tables; addresses bring their own (local, broadcast, connected) with them. */
  readonly routes: readonly Route[];
  /** By priority, ascending. */
  readonly rules: readonly RoutingRule[];
  /** Permanent entries only; what ARP learns is flow state. */
  readonly neighbours: readonly PermanentNeighbour[];
  /** Static entries only; what bridges learn is flow state. */
  readonly fdb: readonly StaticFdbEntry[];
  readonly netfilter: Netfilter;
  readonly sets: readonly IpSet[];
  readonly sysctl: Sysctl;
}

/** A network device as `ip link` and `ip address` show it. */
export interface Link {
  readonly index: number;
  readonly name: string;
  readonly mac: Mac;
  /** Bytes of an IP packet. */
  readonly mtu: number;
  /** Set up by an administrator. */
  readonly up: boolean;
  readonly kind: LinkKind;
  readonly addresses: readonly Cidr[];
  /** The bridge it is a port of, and how. */
  readonly port?: BridgePort;
}

/** What a device is. */
export type LinkKind =
  | { readonly type: 'loopback' }
  | { readonly type: 'dummy' }
  /** Plugged into a network between machines; the underlay if none is named. */
  | { readonly type: 'ethernet'; readonly network?: string }
  /** One end of a pair; `peer` names the other's namespace and index. */
  | { readonly type: 'veth'; readonly peer: { readonly namespace: string; readonly index: number } }
  | { readonly type: 'bridge'; readonly ageingSeconds: number }
  | { readonly type: 'vxlan'; readonly vni: number; readonly port: number; readonly learning: boolean };

/** Membership of a device in a bridge. */
export interface BridgePort {
  /** Name of the bridge. */
  readonly master: string;
  readonly hairpin: boolean;
  readonly isolated: boolean;
  /** Whether it remembers who sends there; unless false it does. */
  readonly learning?: boolean;
  /** Whether frames to addresses nobody has seen leave there; unless false they do. */
  readonly flood?: boolean;
}

/** 0.0.0.0/0, where a default route leads. */
export const ANYWHERE: Cidr = { address: 0, prefix: 0 };

/** Number of a routing table. */
export type TableId = number;
/** The routing tables that always exist. */
export const TABLE = { local: 255, main: 254, default: 253 } as const;

/** A route of one table. */
export interface Route {
  readonly table: TableId;
  readonly type: 'unicast' | 'local' | 'broadcast' | 'blackhole' | 'unreachable' | 'prohibit' | 'throw';
  readonly destination: Cidr;
  /** Next hop; without it the destination is on the link. */
  readonly via?: Ipv4;
  /** Name of the device; blackhole, unreachable, prohibit and throw have none. */
  readonly device?: string;
  /** Source address preferred for packets made here. */
  readonly source?: Ipv4;
  readonly scope: 'global' | 'link' | 'host';
  readonly protocol: 'kernel' | 'boot' | 'static';
  readonly metric: number;
}

/** A rule of `ip rule`: whose packets look into which table. */
export interface RoutingRule {
  readonly priority: number;
  /** Source network; all sources without it. */
  readonly from?: Cidr;
  /** `fwmark VALUE/MASK`; all packets without it. */
  readonly mark?: { readonly value: number; readonly mask: number };
  readonly table: TableId;
}

/** `ip neigh replace ... nud permanent`. */
export interface PermanentNeighbour {
  readonly address: Ipv4;
  readonly device: string;
  readonly mac: Mac;
}

/** `bridge fdb replace MAC dev vtep1024 dst REMOTE self permanent`. */
export interface StaticFdbEntry {
  readonly mac: Mac;
  readonly device: string;
  /** The remote tunnel end, for a VXLAN device; several for the address 0, whither go frames to all and to unknown ones. */
  readonly remote?: Ipv4;
}

/** A set of `ipset`. */
export interface IpSet {
  readonly name: string;
  readonly type: 'hash:ip' | 'hash:net' | 'hash:ip,port';
  /** Of its type, as whoever made it asked for; absent if that was the newest. */
  readonly revision?: number;
  readonly counters: boolean;
  readonly members: readonly IpSetMember[];
}

/** A member of an ipset. */
export interface IpSetMember {
  readonly network: Cidr;
  /** For hash:ip,port; of ICMP the type times 256 and the code. */
  readonly port?: { readonly protocol: number; readonly number: number };
  readonly nomatch?: boolean;
}

/** The kernel's switches that bear on packets, with Linux's names. */
export interface Sysctl {
  readonly ipForward: boolean;
  readonly bridgeNfCallIptables: boolean;
  /** net.ipv4.conf.*.rp_filter: 0 off, 1 strict, 2 loose. */
  readonly rpFilter: 0 | 1 | 2;
  /** Devices with net.ipv4.conf.NAME.route_localnet = 1. */
  readonly routeLocalnet: readonly string[];
  /** net.netfilter.nf_conntrack_max; 262144 unless given. */
  readonly conntrackMax?: number;
  /** net.ipv4.conf.all.send_redirects */
  readonly sendRedirects: boolean;
  /** net.ipv4.conf.all.src_valid_mark */
  readonly sourceValidMark?: boolean;
  /** net.ipv4.tcp_sack; on unless given. */
  readonly tcpSack?: boolean;
  /** What single devices have otherwise. */
  readonly devices?: readonly DeviceSysctl[];
  /** net.ipv4.neigh.*.proxy_delay: ARP on behalf of others is answered within so many milliseconds, by chance; 800 unless given. */
  readonly proxyDelayMs?: number;
  /** net.ipv4.vs.conntrack */
  readonly ipvsConntrack: boolean;
  /** net.ipv4.neigh.*.retrans_time_ms; 1000 unless given. */
  readonly neighbourRetransMs?: number;
}

/** net.ipv4.conf.NAME.* of one device. */
export interface DeviceSysctl {
  readonly name: string;
  /** As ip_forward unless given. */
  readonly forwarding?: boolean;
  /** The stricter of this and that of all devices counts. */
  readonly rpFilter?: 0 | 1 | 2;
  readonly proxyArp?: boolean;
}
