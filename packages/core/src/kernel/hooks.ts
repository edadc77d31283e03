/**
 * Who looks at packets where: the kernel's own table of hooks and priorities, filled.
 * Follows linux include/uapi/linux/netfilter_ipv4.h, net/netfilter/nf_conntrack_proto.c, nf_nat_proto.c,
 * iptable_*.c and ipvs/ip_vs_core.c (6.1).
 */
import { memo } from '../base/immutable.ts';
import { ICMP_ERROR } from './icmp.ts';
import { ipvsIn, ipvsOut } from './ipvs-hooks.ts';
import { markOfMany } from './many.ts';
import type { Namespace } from './namespace.ts';
import type { Connection } from './netfilter/connection.ts';
import { confirm, track } from './netfilter/conntrack.ts';
import { type Hook, type HookEntry, type PerHook, PRIORITY, type Verdict } from './netfilter/hook.ts';
import { MATCHES } from './netfilter/matches.ts';
import { decide, translate } from './netfilter/nat.ts';
import { type Mapping, mappingTo, netmapped } from './netfilter/nat-range.ts';
import { type Chain, type Match, type Netfilter, PROTOCOL, type Rule, type TableName, type Target } from './netfilter/rule.ts';
import { isUsed, type TableVerdict } from './netfilter/table.ts';
import { TARGETS } from './netfilter/targets.ts';
import { TRACKING } from './netfilter/unmodelled.ts';
import { outFailure, reject } from './path.ts';
import type { SkBuff } from './skb.ts';

type Entry = HookEntry<Namespace>;

/** Every look at a packet there is, by priority within its hook. */
export const HOOKS: readonly Entry[] = [
  ...each(['PREROUTING'], PRIORITY.defragment, 'defragment', tracks, (ns, skb) => (ns.isWhole(skb) ? 'accept' : 'stop')),
  ...table('raw', PRIORITY.raw, ['PREROUTING', 'OUTPUT']),
  ...each(['PREROUTING', 'OUTPUT'], PRIORITY.conntrack, 'conntrack', tracks, track),
  ...table('mangle', PRIORITY.mangle, ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING']),
  ...each(['PREROUTING', 'OUTPUT'], PRIORITY.destinationNat, 'nat', translates, nat),
  ...each(['OUTPUT'], PRIORITY.ipvsOutLocal, 'ipvs', balances, ipvsOut),
  ...each(['OUTPUT'], PRIORITY.ipvsInLocal, 'ipvs', balances, ipvsIn),
  ...table('filter', PRIORITY.filter, ['INPUT', 'FORWARD', 'OUTPUT']),
  ...each(['INPUT'], PRIORITY.ipvsOutInput, 'ipvs', balances, ipvsOut),
  ...each(['INPUT'], PRIORITY.ipvsInInput, 'ipvs', balances, ipvsIn),
  ...each(['FORWARD'], PRIORITY.ipvsForward, 'ipvs', balances, ipvsOut),
  ...each(['INPUT', 'POSTROUTING'], PRIORITY.sourceNat, 'nat', translates, nat),
  ...each(['INPUT', 'POSTROUTING'], PRIORITY.confirm, 'confirm', tracks, (ns, skb) => confirm(ns.connections, skb, ns.now)),
];

/** The handlers that have anything to do in a namespace, hook by hook. */
export function activeHooks(ns: Namespace): PerHook<readonly Entry[]> {
  const active = HOOKS.filter((entry) => entry.active(ns)).sort((a, b) => a.priority - b.priority);
  return active.length === 0 ? NOBODY : byHook(active);
}

function byHook(active: readonly Entry[]): PerHook<readonly Entry[]> {
  const entriesAt = (hook: Hook) => active.filter((entry) => entry.hook === hook);
  return {
    PREROUTING: entriesAt('PREROUTING'),
    INPUT: entriesAt('INPUT'),
    FORWARD: entriesAt('FORWARD'),
    OUTPUT: entriesAt('OUTPUT'),
    POSTROUTING: entriesAt('POSTROUTING'),
  };
}

/** As in most containers. */
const NOBODY = byHook([]);

function each(hooks: readonly Hook[], priority: number, name: string, active: Entry['active'], handle: Entry['handle']): Entry[] {
  return hooks.map((hook) => ({ hook, priority, name, active, handle }));
}

function table(name: TableName, priority: number, hooks: readonly Hook[]): Entry[] {
  return each(
    hooks,
    priority,
    name,
    (ns) => isUsed(ns.config.netfilter[name]).used,
    (ns, skb, hook) => settle(ns, skb, ns.tables[name].walk(hook, ns, skb)),
  );
}

function settle(ns: Namespace, skb: SkBuff, verdict: TableVerdict): Verdict {
  if (verdict === 'ACCEPT') return 'accept';
  if (verdict === 'UNKNOWN') return 'drop';
  if (verdict === 'DROP') {
    skb.hop?.steps.push({ action: 'dropped', text: 'by the rule or policy above' });
    return 'drop';
  }
  if (verdict.name === 'REJECT') {
    reject(ns, skb, verdict.with);
    return 'drop';
  }
  return 'accept';
}

// Connections are tracked only where a rule asks for it, as in kernels since 4.10.
function tracks(ns: Namespace): boolean {
  return asksForTracking(ns.config.netfilter).asks || balances(ns);
}

const asksForTracking: (netfilter: Netfilter) => { readonly asks: boolean } = memo((netfilter) => ({
  asks: Object.values(netfilter).some((chains) => tracksIn(chains).asks),
}));

const tracksIn: (chains: readonly Chain[]) => { readonly asks: boolean } = memo((chains) => ({
  asks: chains.some(({ rules }) => rulesTrack(rules).asks),
}));

const rulesTrack: (rules: readonly Rule[]) => { readonly asks: boolean } = memo((rules) => ({
  asks: rules.some(({ matches, target }) => targetTracks(target) || matches.some(matchTracks)),
}));

function matchTracks(match: Match): boolean {
  return match.name === 'unmodelled' ? TRACKING.has(match.match) : MATCHES.get(match.name)?.tracks === true;
}

function targetTracks(target: Target): boolean {
  return target.name === 'UNMODELLED' ? TRACKING.has(target.target) : TARGETS.get(target.name)?.tracks === true;
}

function translates(ns: Namespace): boolean {
  return isUsed(ns.config.netfilter.nat).used;
}

function balances(ns: Namespace): boolean {
  return ns.balances;
}

function nat(ns: Namespace, skb: SkBuff, hook: Hook): Verdict {
  const connection = skb.connection;
  if (connection === undefined) return 'accept';
  const side = hook === 'PREROUTING' || hook === 'OUTPUT' ? 'destination' : 'source';
  const decided = side === 'source' ? connection.sourceDecided : connection.destinationDecided;
  // A reset that a REJECT rule made belongs to the connection it refuses, and may come here before its packets.
  const first = skb.ctInfo === 'new' || (skb.ctInfo === 'related' && skb.protocol !== PROTOCOL.icmp);
  if (!decided && first) {
    const verdict = ns.tables.nat.walk(hook, ns, skb);
    if (verdict === 'DROP' || verdict === 'UNKNOWN') return settle(ns, skb, verdict);
    const mapping = verdict === 'ACCEPT' ? undefined : mappingOf(ns, skb, hook, verdict);
    // A connection that was entered meanwhile stays as it is (nf_nat_setup_info).
    if (!connection.confirmed && !decide(connection, side, mapping, ns.connections, ns.random, ns.now)) {
      skb.hop?.steps.push({ action: 'dropped', text: 'no free port for the translation' });
      return 'drop';
    }
  }
  if (skb.icmpType === ICMP_ERROR.redirect.type && skb.quoted !== undefined && !mayRedirect(connection)) {
    skb.hop?.steps.push({ action: 'dropped', text: 'a redirect about a connection that is translated' });
    return 'drop';
  }
  const { destination } = skb;
  translate(connection, side, skb);
  // A new destination is routed at once; the device that later rules see stays the old one.
  if (hook !== 'OUTPUT' || skb.destination === destination) return 'accept';
  const route = ns.route(skb.destination, skb.source, skb.mark);
  const failure = outFailure(ns, skb, route);
  if (route === undefined || failure !== undefined) {
    skb.hop?.steps.push({ action: 'no-route', text: failure ?? 'ENETUNREACH' });
    return 'drop';
  }
  markOfMany(skb, route);
  return 'accept';
}

/** 127.0.0.1 */
const LOOPBACK = 0x7f000001;

/** Redirects pass only about connections that are known not to be translated (nf_nat_icmp_reply_translation). */
function mayRedirect({ sourceDecided, destinationDecided, sourceNat, destinationNat }: Connection): boolean {
  return sourceDecided && destinationDecided && !sourceNat && !destinationNat;
}

function mappingOf(ns: Namespace, skb: SkBuff, hook: Hook, verdict: Exclude<TableVerdict, string>): Mapping | undefined {
  switch (verdict.name) {
    case 'DNAT':
    case 'SNAT':
      return mappingTo(verdict.address, verdict);
    case 'MASQUERADE':
      return mappingTo(skb.output === undefined ? 0 : ns.addressTowards(skb.output, skb.nextHop), verdict);
    case 'REDIRECT': {
      const address = (hook === 'OUTPUT' ? undefined : skb.input?.link.addresses[0]?.address) ?? LOOPBACK;
      return mappingTo(address, verdict);
    }
    case 'NETMAP':
      return mappingTo(netmapped(verdict.network, hook === 'PREROUTING' || hook === 'OUTPUT' ? skb.destination : skb.source), {});
    default:
      return undefined;
  }
}
