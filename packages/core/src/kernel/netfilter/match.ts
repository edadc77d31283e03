/**
 * Whether a rule matches a packet: rules are compiled once per value into flat comparisons.
 * Follows linux net/ipv4/netfilter/ip_tables.c and net/netfilter/xt_*.c.
 */
import { type Ipv4, maskOf } from '../../base/address.ts';
import { memo } from '../../base/immutable.ts';
import type { SkBuff } from '../skb.ts';
import type { AddressMatch, AddressType, CtState, InterfaceMatch, Match, PortMatch, Rule } from './rule.ts';
import type { SetIndex } from './set.ts';

/** What matches ask of the namespace. */
export interface MatchHost {
  addressType(address: Ipv4): AddressType;
  /** A set by name; undefined if there is none. */
  setIndex(name: string): SetIndex | undefined;
}

/** A rule ready to be asked. */
export interface CompiledRule {
  readonly rule: Rule;
  matches(host: MatchHost, skb: SkBuff): boolean;
}

type Test = (host: MatchHost, skb: SkBuff) => boolean;

/** Compiles the rules of a chain, once per array of rules. */
export const compileRules: (rules: readonly Rule[]) => readonly CompiledRule[] = memo((rules) => rules.map(compileRule));

const compileRule: (rule: Rule) => CompiledRule = memo((rule) => {
  const tests: Test[] = [];
  if (rule.protocol !== undefined) {
    const { number, not = false } = rule.protocol;
    tests.push((_, skb) => (skb.protocol === number) !== not);
  }
  if (rule.in !== undefined) tests.push(interfaceTest(rule.in, (skb) => skb.input?.name));
  if (rule.out !== undefined) tests.push(interfaceTest(rule.out, (skb) => skb.output?.name));
  if (rule.destination !== undefined) tests.push(addressTest(rule.destination, (skb) => skb.destination));
  if (rule.source !== undefined) tests.push(addressTest(rule.source, (skb) => skb.source));
  for (const match of rule.matches) tests.push(...matchTests(match));
  return { rule, matches: all(tests) };
});

function all(tests: readonly Test[]): Test {
  const [a, b, c] = tests;
  if (a === undefined) return () => true;
  if (b === undefined) return a;
  if (c === undefined) return (host, skb) => a(host, skb) && b(host, skb);
  return (host, skb) => {
    for (const test of tests) if (!test(host, skb)) return false;
    return true;
  };
}

function addressTest({ network, not = false }: AddressMatch, of: (skb: SkBuff) => Ipv4): Test {
  const mask = maskOf(network.prefix);
  const wanted = network.address & mask;
  return (_, skb) => ((of(skb) & mask) === wanted) !== not;
}

function interfaceTest({ name, not = false }: InterfaceMatch, of: (skb: SkBuff) => string | undefined): Test {
  if (name.endsWith('+')) {
    const stem = name.slice(0, -1);
    return (_, skb) => (of(skb) ?? '').startsWith(stem) !== not;
  }
  return (_, skb) => (of(skb) === name) !== not;
}

function matchTests(match: Match): Test[] {
  switch (match.name) {
    case 'tcp':
    case 'udp':
      return [
        ...(match.sourcePort === undefined ? [] : [portTest(match.sourcePort, (skb) => skb.sourcePort)]),
        ...(match.destinationPort === undefined ? [] : [portTest(match.destinationPort, (skb) => skb.destinationPort)]),
      ];
    case 'icmp':
      return [
        (_, skb) =>
          (skb.icmpType === match.type && (match.code === undefined || skb.icmpCode === match.code)) !== (match.not === true),
      ];
    case 'conntrack':
    case 'state':
      return [(_, skb) => match.states.some((state) => inState(skb, state)) !== (match.not === true)];
    case 'addrtype':
      return [
        (host, skb) =>
          (match.source === undefined || (host.addressType(skb.source) === match.source) !== (match.notSource === true)) &&
          (match.destination === undefined ||
            (host.addressType(skb.destination) === match.destination) !== (match.notDestination === true)),
      ];
    case 'mark':
      return [(_, skb) => ((skb.mark & match.mask) >>> 0 === match.value) !== (match.not === true)];
    case 'comment':
      return [];
    case 'set':
      return [setTest(match)];
    case 'ipvs':
      return [
        (_, skb) =>
          (skb.ipvs !== undefined &&
            (match.direction === undefined || (match.direction === 'REPLY') === skb.reply) &&
            (match.method === undefined || match.method === METHODS[skb.ipvs.forward])) !==
          (match.not === true),
      ];
  }
}

/** How IPVS's ways of forwarding are called here. */
const METHODS = { masquerade: 'MASQ', route: 'GATE', tunnel: 'IPIP' } as const;

function portTest({ first, last, not = false }: PortMatch, of: (skb: SkBuff) => number): Test {
  return (_, skb) => {
    const port = of(skb);
    return (first <= port && port <= last) !== not;
  };
}

function setTest(match: Match & { readonly name: 'set' }): Test {
  const [first, second = first] = match.directions;
  return (host, skb) => {
    const address = first === 'src' ? skb.source : skb.destination;
    const port = second === 'src' ? skb.sourcePort : skb.destinationPort;
    return (host.setIndex(match.set)?.has(address, skb.protocol, port) ?? false) !== (match.not === true);
  };
}

function inState(skb: SkBuff, state: CtState): boolean {
  switch (state) {
    case 'NEW':
      return skb.ctInfo === 'new';
    case 'ESTABLISHED':
      return skb.ctInfo === 'established';
    case 'RELATED':
      return skb.ctInfo === 'related';
    case 'INVALID':
      // In the raw table no packet has a connection yet.
      return skb.ctInfo === 'invalid' || skb.ctInfo === undefined;
    case 'UNTRACKED':
      return skb.ctInfo === 'untracked';
    case 'SNAT':
      return skb.connection?.sourceNat === true;
    case 'DNAT':
      return skb.connection?.destinationNat === true;
  }
}
