/**
 * A lab as a plain JSON value: namespaces with their links, addresses, routes and rules, and the probes sent between
 * them. The same value is built in Portolan and of real namespaces, and both are asked the same.
 */

/** A whole lab. */
export interface Lab {
  readonly name: string;
  readonly namespaces: readonly LabNamespace[];
  readonly probes: readonly LabProbe[];
}

/** One network namespace. */
export interface LabNamespace {
  readonly name: string;
  /** All off unless given. */
  readonly sysctl?: {
    readonly ipForward?: boolean;
    readonly bridgeNfCallIptables?: boolean;
    /** net.ipv4.conf.all.rp_filter */
    readonly rpFilter?: 0 | 1 | 2;
    /** Devices with route_localnet. */
    readonly routeLocalnet?: readonly string[];
    readonly sendRedirects?: boolean;
    /** net.ipv4.conf.all.src_valid_mark */
    readonly sourceValidMark?: boolean;
    /** net.ipv4.tcp_sack: on unless false. */
    readonly tcpSack?: boolean;
    /** What single devices have otherwise. */
    readonly devices?: readonly {
      readonly name: string;
      readonly forwarding?: boolean;
      readonly rpFilter?: 0 | 1 | 2;
      readonly proxyArp?: boolean;
    }[];
  };
  /** Without `lo`, which is always there. */
  readonly links: readonly LabLink[];
  /** Beside those that addresses bring. */
  readonly routes?: readonly LabRoute[];
  /** Beside the three that are always there. */
  readonly rules?: readonly {
    readonly priority: number;
    readonly from?: string;
    /** `0x1` or `0x1/0x3` */
    readonly mark?: string;
    readonly table: number;
  }[];
  /** Permanent ones. */
  readonly neighbours?: readonly { readonly address: string; readonly device: string; readonly mac: string }[];
  /** Far tunnel ends of VXLAN devices. */
  readonly fdb?: readonly { readonly mac: string; readonly device: string; readonly remote: string }[];
  readonly sets?: readonly LabSet[];
  /** What `iptables-save` would print. */
  readonly iptables?: string;
  readonly listeners?: readonly LabListener[];
}

/** Who listens, and answers what it is sent, once it is all there, with the same. */
export interface LabListener {
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
  /** All addresses unless given. */
  readonly address?: string;
  /** tcp: `address:port` to which it passes everything on, and from which it takes the answers, as docker-proxy does. */
  readonly forward?: string;
  /** Answers with the ends it sees, as JSON, instead of the same. */
  readonly tellsEnds?: boolean;
}

/** A device. */
export interface LabLink {
  readonly name: string;
  readonly type: 'veth' | 'bridge' | 'dummy' | 'vxlan';
  readonly mac: string;
  readonly mtu: number;
  /** `9.0.3.129/25` */
  readonly addresses?: readonly string[];
  /** veth: the other end as `namespace/device`. */
  readonly peer?: string;
  /** The bridge it is a port of. */
  readonly master?: string;
  readonly hairpin?: boolean;
  readonly isolated?: boolean;
  /** Up unless false. */
  readonly up?: boolean;
  /** vxlan */
  readonly vni?: number;
  readonly port?: number;
  /** vxlan and ports of bridges: on unless false. */
  readonly learning?: boolean;
  /** bridge: seconds after which it forgets an address; 300 unless given. */
  readonly ageing?: number;
  /** Ports of bridges: whether frames to addresses nobody has seen leave there; unless false they do. */
  readonly flood?: boolean;
}

/** A route. */
export interface LabRoute {
  readonly type?: 'unicast' | 'local' | 'blackhole' | 'unreachable' | 'prohibit' | 'throw';
  readonly to: string;
  readonly via?: string;
  readonly device?: string;
  readonly source?: string;
  readonly table?: number;
  readonly metric?: number;
}

/** An ipset: members as `ipset add` takes them. */
export interface LabSet {
  readonly name: string;
  readonly type: 'hash:ip' | 'hash:net' | 'hash:ip,port';
  readonly members: readonly string[];
}

/** Something sent: a TCP exchange of one word, a datagram that is echoed, an ICMP echo request. */
export interface LabProbe {
  /** Name of the namespace. */
  readonly from: string;
  readonly protocol: 'tcp' | 'udp' | 'icmp';
  readonly to: string;
  readonly port?: number;
  /** For icmp the identifier. */
  readonly sourcePort: number;
  /** The address bound to. */
  readonly source?: string;
  readonly ttl?: number;
  /** Bytes of payload; 4 unless given. */
  readonly bytes?: number;
  /** udp and icmp: true lets routers cut it into fragments, false nobody; unless given, only the sender may. */
  readonly fragment?: boolean;
  /** Seconds that pass before it. */
  readonly wait?: number;
  /** udp: the socket is connected, and hears of errors as such. */
  readonly connect?: boolean;
  /** udp and icmp: it may go to a broadcast address. */
  readonly broadcast?: boolean;
}

/** What a lab answered, from either side. */
export interface Answer {
  readonly probes: readonly ProbeAnswer[];
  /** By namespace. */
  readonly tables: Readonly<Record<string, Tables>>;
}

/** What came of one probe. */
export interface ProbeAnswer {
  /** `ok`, `timeout`, an errno's name, or `icmp TYPE/CODE`. */
  readonly verdict: string;
  /** Where the sender sees the answer come from. */
  readonly reply: string | null;
  /** What servers saw. */
  readonly seen: readonly { readonly in: string; readonly peer: string; readonly local: string }[];
  /** By `namespace/device`: every frame that passed, in order. */
  readonly packets: Readonly<Record<string, readonly string[]>>;
}

/** What traffic left behind in one namespace. */
export interface Tables {
  /** As in /proc/net/nf_conntrack. */
  readonly conntrack: readonly string[];
  /** `iptables-save -c`; empty if the lab gave no rules. */
  readonly save: string;
  /** Learned entries as `bridge fdb show` prints them. */
  readonly fdb: readonly string[];
  /** As `ip neigh show`. */
  readonly neighbours: readonly string[];
}
