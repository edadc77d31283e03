/** Every match extension (`-m`) by its name: one file of match/ a family. Follows iptables 1.8.9. */
import { type Extension, type ExtensionDescription, extension } from './extension.ts';
import { addrtype } from './match/addrtype.ts';
import { comment } from './match/comment.ts';
import { conntrack, state } from './match/conntrack.ts';
import { iprange, length, ttl } from './match/header.ts';
import { icmp } from './match/icmp.ts';
import { ipvs } from './match/ipvs.ts';
import { limit } from './match/limit.ts';
import { mac, physdev, pkttype } from './match/link.ts';
import { connmark, mark } from './match/mark.ts';
import { multiport } from './match/multiport.ts';
import { owner } from './match/owner.ts';
import { tcp, udp } from './match/ports.ts';
import { set } from './match/set.ts';
import { statistic } from './match/statistic.ts';
import type { Match } from './rule.ts';
import type { Test } from './rule-host.ts';

/** What a match extension is made of. */
export interface MatchDescription<T extends { readonly name: string }> extends ExtensionDescription<T> {
  /** Whether its tests remember packets: each table at work then has tests of its own. */
  readonly stateful?: true;
  /** What a packet must pass. */
  tests(value: T): readonly Test[];
}

/** A match extension with its value's type closed over. */
export interface MatchExtension extends Extension<Match> {
  readonly stateful: boolean;
  tests(value: Match): readonly Test[];
}

function matchExtension<T extends Match>(description: MatchDescription<T>): MatchExtension {
  return {
    ...extension<Match, T>(description),
    stateful: description.stateful === true,
    tests: (value) => description.tests(value as T),
  };
}

/** Every match extension, by name. */
export const MATCHES: ReadonlyMap<string, MatchExtension> = new Map(
  [
    matchExtension(tcp),
    matchExtension(udp),
    matchExtension(multiport),
    matchExtension(icmp),
    matchExtension(conntrack),
    matchExtension(state),
    matchExtension(addrtype),
    matchExtension(mark),
    matchExtension(connmark),
    matchExtension(comment),
    matchExtension(set),
    matchExtension(iprange),
    matchExtension(length),
    matchExtension(ttl),
    matchExtension(mac),
    matchExtension(pkttype),
    matchExtension(physdev),
    matchExtension(limit),
    matchExtension(statistic),
    matchExtension(owner),
    matchExtension(ipvs),
  ].map((kind) => [kind.name, kind] as const),
);
