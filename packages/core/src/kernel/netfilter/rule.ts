/**
 * Tables, chains and rules as values. A rule keeps what `iptables` was told in the order `iptables -S` prints it.
 * Follows iptables 1.8.9.
 */
import type { Cidr, Ipv4 } from '../../base/address.ts';

/** Name of a table. */
export type TableName = 'raw' | 'mangle' | 'nat' | 'filter';

/** The tables of one namespace; each an array of chains, built-in ones first in hook order, then user chains as created. */
export type Netfilter = { readonly [table in TableName]: readonly Chain[] };

/** A chain: built-in if it has a policy. */
export interface Chain {
  readonly name: string;
  readonly policy?: 'ACCEPT' | 'DROP';
  readonly rules: readonly Rule[];
}

/** A rule: all that is given must match; then the target is taken. */
export interface Rule {
  readonly source?: AddressMatch;
  readonly destination?: AddressMatch;
  readonly in?: InterfaceMatch;
  readonly out?: InterfaceMatch;
  readonly protocol?: ProtocolMatch;
  /** Extensions (`-m`), in the order given. */
  readonly matches: readonly Match[];
  readonly target: Target;
  /** Who asked for the rule: the daemon, and the app field it comes from. Not printed by iptables. */
  readonly cause?: string;
}

/** `-s`, `-d`. */
export interface AddressMatch {
  readonly network: Cidr;
  readonly not?: boolean;
}
/** `-i`, `-o`; a trailing `+` matches any continuation. */
export interface InterfaceMatch {
  readonly name: string;
  readonly not?: boolean;
}
/** `-p`, by IANA number. */
export interface ProtocolMatch {
  readonly number: number;
  readonly not?: boolean;
}
/** Ports first..last, both included. */
export interface PortMatch {
  readonly first: number;
  readonly last: number;
  readonly not?: boolean;
}

/** A connection's state as the conntrack match names it. */
export type CtState = 'INVALID' | 'NEW' | 'ESTABLISHED' | 'RELATED' | 'UNTRACKED' | 'SNAT' | 'DNAT';

/** A match extension. */
export type Match =
  | { readonly name: 'tcp' | 'udp'; readonly sourcePort?: PortMatch; readonly destinationPort?: PortMatch }
  | { readonly name: 'icmp'; readonly type: number; readonly code?: number; readonly not?: boolean }
  | { readonly name: 'conntrack' | 'state'; readonly states: readonly CtState[]; readonly not?: boolean }
  | {
      readonly name: 'addrtype';
      readonly source?: AddressType;
      readonly destination?: AddressType;
      readonly notSource?: boolean;
      readonly notDestination?: boolean;
    }
  | { readonly name: 'mark'; readonly value: number; readonly mask: number; readonly not?: boolean }
  | { readonly name: 'comment'; readonly text: string }
  /** `directions`: one of src, dst for each part of the set's type. */
  | { readonly name: 'set'; readonly set: string; readonly directions: readonly ('src' | 'dst')[]; readonly not?: boolean }
  | {
      readonly name: 'ipvs';
      readonly direction?: 'ORIGINAL' | 'REPLY';
      readonly method?: 'MASQ' | 'GATE' | 'IPIP';
      readonly not?: boolean;
    };

/** Address type of the addrtype match. */
export type AddressType = 'LOCAL' | 'UNICAST' | 'BROADCAST' | 'MULTICAST';

/** What a matching rule does. */
export type Target =
  | { readonly name: 'ACCEPT' | 'DROP' | 'RETURN' }
  | { readonly name: 'JUMP' | 'GOTO'; readonly chain: string }
  | { readonly name: 'DNAT'; readonly address?: Ipv4; readonly port?: PortSpan }
  | { readonly name: 'SNAT'; readonly address: Ipv4; readonly port?: PortSpan }
  | { readonly name: 'MASQUERADE' | 'REDIRECT'; readonly port?: PortSpan }
  | { readonly name: 'MARK'; readonly value: number; readonly mask: number }
  | {
      readonly name: 'REJECT';
      readonly with:
        | 'icmp-port-unreachable'
        | 'icmp-host-unreachable'
        | 'icmp-net-unreachable'
        | 'icmp-admin-prohibited'
        | 'tcp-reset';
    }
  /** A rule without `-j`: counts and goes on. */
  | { readonly name: 'NONE' };

/** Ports first..last a translation may use. */
export interface PortSpan {
  readonly first: number;
  readonly last: number;
}

/** IANA protocol numbers used here. */
export const PROTOCOL = { icmp: 1, tcp: 6, udp: 17 } as const;

/** The chains every table is born with, in hook order. */
export const BUILT_IN: { readonly [table in TableName]: readonly string[] } = {
  raw: ['PREROUTING', 'OUTPUT'],
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
};

/** A table as `iptables` finds it on a fresh machine: built-in chains, policy ACCEPT, no rules. */
export function emptyTable(table: TableName): readonly Chain[] {
  return BUILT_IN[table].map((name) => ({ name, policy: 'ACCEPT', rules: [] }));
}

/** No rules at all. */
export const EMPTY_NETFILTER: Netfilter = {
  raw: emptyTable('raw'),
  mangle: emptyTable('mangle'),
  nat: emptyTable('nat'),
  filter: emptyTable('filter'),
};
