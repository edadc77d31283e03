/**
 * Tables, chains and rules as values. A rule keeps what `iptables` was told in the order `iptables -S` prints it.
 * Follows iptables 1.8.9.
 */
import type { Cidr, Ipv4 } from '../../base/address.ts';
import type { AddrtypeMatch } from './match/addrtype.ts';
import type { CommentMatch } from './match/comment.ts';
import type { ConntrackMatch, StateMatch } from './match/conntrack.ts';
import type { IprangeMatch, LengthMatch, TtlMatch } from './match/header.ts';
import type { IcmpMatch } from './match/icmp.ts';
import type { IpvsMatch } from './match/ipvs.ts';
import type { LimitMatch } from './match/limit.ts';
import type { MacMatch, PhysdevMatch, PkttypeMatch } from './match/link.ts';
import type { MarkMatch } from './match/mark.ts';
import type { MultiportMatch } from './match/multiport.ts';
import type { OwnerMatch } from './match/owner.ts';
import type { TcpMatch, UdpMatch } from './match/ports.ts';
import type { SetMatch } from './match/set.ts';
import type { StatisticMatch } from './match/statistic.ts';
import type { LogTarget } from './target/log.ts';
import type { ConnmarkTarget, MarkTarget } from './target/mark.ts';
import type { DnatTarget, NetmapTarget, PortsTarget, SnatTarget } from './target/nat.ts';
import type { NotrackTarget } from './target/notrack.ts';
import type { RejectTarget } from './target/reject.ts';
import type { TcpmssTarget } from './target/tcpmss.ts';
import type { VerdictTarget } from './target/verdict.ts';
import type { UnmodelledMatch, UnmodelledTarget } from './unmodelled.ts';

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
  /** `-f`: second and further fragments only, or `! -f`: all others. */
  readonly fragment?: { readonly not?: boolean };
  /** Extensions (`-m`), in the order given. */
  readonly matches: readonly Match[];
  readonly target: Target;
  /** Who asked for the rule: the daemon, and the app field it comes from. Not printed by iptables. */
  readonly cause?: string;
}

/** `-s`, `-d`. */
export interface AddressMatch {
  readonly network: Cidr;
  /** A mask whose bits are not contiguous; the prefix length counts nothing then. */
  readonly mask?: Ipv4;
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
  | TcpMatch
  | UdpMatch
  | MultiportMatch
  | IcmpMatch
  | ConntrackMatch
  | StateMatch
  | AddrtypeMatch
  | MarkMatch<'mark'>
  | MarkMatch<'connmark'>
  | CommentMatch
  | SetMatch
  | IprangeMatch
  | LengthMatch
  | TtlMatch
  | MacMatch
  | PkttypeMatch
  | PhysdevMatch
  | LimitMatch
  | StatisticMatch
  | OwnerMatch
  | IpvsMatch
  | UnmodelledMatch;

/** Whose an address is. */
export type AddressType = 'LOCAL' | 'UNICAST' | 'BROADCAST' | 'MULTICAST';

/** What a matching rule does. */
export type Target =
  | VerdictTarget
  | { readonly name: 'JUMP' | 'GOTO'; readonly chain: string }
  | DnatTarget
  | SnatTarget
  | PortsTarget
  | NetmapTarget
  | MarkTarget
  | ConnmarkTarget
  | NotrackTarget
  | TcpmssTarget
  | LogTarget
  | RejectTarget
  | UnmodelledTarget
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
