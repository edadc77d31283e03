/**
 * Rules made ready: flat comparisons, what the target does, once per value.
 * Follows linux net/ipv4/netfilter/ip_tables.c (ipt_do_table, ip_packet_match).
 */
import type { Ipv4 } from '../../base/address.ts';
import { memo } from '../../base/immutable.ts';
import { isLaterFragment } from '../../wire/ipv4.ts';
import type { Device } from '../link/device.ts';
import type { SkBuff } from '../skb.ts';
import { MATCHES } from './matches.ts';
import { maskOfMatch } from './notation.ts';
import type { AddressMatch, InterfaceMatch, Match, Rule } from './rule.ts';
import type { Act, RuleHost, Test } from './rule-host.ts';
import { TARGETS } from './targets.ts';
import { PASSING } from './unmodelled.ts';

/** Something that the model does not have. */
export interface Unmodelled {
  readonly what: string;
  readonly passes: boolean;
}

/** Compiles the rules of a chain, once per array of rules; those that remember packets are the caller's alone. */
export function compileRules(rules: readonly Rule[]): readonly CompiledRule[] {
  const shared = compileShared(rules);
  if (!shared.some(({ rule }) => isStateful(rule))) return shared;
  return shared.map((compiled) => (isStateful(compiled.rule) ? new CompiledRule(compiled.rule) : compiled));
}

/** Whether a rule remembers the packets it was asked about. */
export function isStateful({ matches }: Rule): boolean {
  return matches.some(({ name }) => MATCHES.get(name)?.stateful === true);
}

const compileShared: (rules: readonly Rule[]) => readonly CompiledRule[] = memo((rules) => rules.map(compileRule));

const compileRule: (rule: Rule) => CompiledRule = memo((rule) => new CompiledRule(rule));

/**
 * A rule ready to be asked. What nearly every rule names stands in fields of its own and is compared in place, as in the
 * kernel's ipt_ip; only the rest are functions. What a {@link Sweep} may ask comes first: as nothing else of those
 * remembers packets, the order does not show.
 */
export class CompiledRule {
  readonly rule: Rule;
  /** Whether it asks for more than the packet's devices and its relation to its connection. */
  readonly asksMore: boolean;
  /** What its target does before the next rule is asked; undefined for targets that decide or do nothing. */
  readonly act: Act | undefined;
  /** A match or target of it that the model does not have, and whether packets go on nevertheless. */
  readonly unmodelled: Unmodelled | undefined;
  /** Of the one device meant; undefined for any. */
  private readonly input: string | undefined;
  private readonly output: string | undefined;
  private readonly relations: readonly Test[];
  /** -1 for any. */
  private readonly protocol: number;
  private readonly source: number;
  private readonly sourceMask: number;
  private readonly destination: number;
  private readonly destinationMask: number;
  private readonly rest: readonly Test[];

  constructor(rule: Rule) {
    const relations: Test[] = [];
    const rest: Test[] = [];
    this.rule = rule;
    this.input = plainName(rule.in);
    if (rule.in !== undefined && this.input === undefined) relations.push(interfaceTest(rule.in, (skb) => skb.input));
    this.output = plainName(rule.out);
    if (rule.out !== undefined && this.output === undefined) relations.push(interfaceTest(rule.out, (skb) => skb.output));
    const { protocol, source, destination } = rule;
    this.protocol = protocol === undefined || protocol.not === true ? -1 : protocol.number;
    if (protocol?.not === true) rest.push((_, skb) => skb.protocol !== protocol.number);
    this.sourceMask = plainMask(source);
    this.source = (source?.network.address ?? 0) & this.sourceMask;
    if (source?.not === true) rest.push(otherAddress(source, (skb) => skb.source));
    this.destinationMask = plainMask(destination);
    this.destination = (destination?.network.address ?? 0) & this.destinationMask;
    if (destination?.not === true) rest.push(otherAddress(destination, (skb) => skb.destination));
    if (rule.fragment !== undefined) rest.push(fragmentTest(rule.fragment.not === true));
    else if (rule.matches.some(({ name }) => OF_TRANSPORT.has(name))) rest.push(fragmentTest(true));
    for (const match of rule.matches) {
      const tests = MATCHES.get(match.name)?.tests(match) ?? [];
      if (rest.length === 0 && asksForRelation(match)) relations.push(...tests);
      else rest.push(...tests);
    }
    this.relations = relations;
    this.rest = rest;
    this.asksMore = this.protocol !== -1 || this.sourceMask !== 0 || this.destinationMask !== 0 || rest.length > 0;
    this.act = TARGETS.get(rule.target.name)?.act(rule.target);
    this.unmodelled = unmodelledOf(rule);
  }

  /** Whether a packet's devices and its relation to its connection are those it asks for. */
  concerns(host: RuleHost, skb: SkBuff): boolean {
    if (this.output !== undefined && skb.output?.name !== this.output) return false;
    if (this.input !== undefined && skb.input?.name !== this.input) return false;
    for (const test of this.relations) if (!test(host, skb)) return false;
    return true;
  }

  /** Whether a packet that it {@link concerns} matches. */
  matches(host: RuleHost, skb: SkBuff): boolean {
    if (this.protocol !== -1 && skb.protocol !== this.protocol) return false;
    if ((skb.destination & this.destinationMask) !== this.destination) return false;
    if ((skb.source & this.sourceMask) !== this.source) return false;
    for (const test of this.rest) if (!test(host, skb)) return false;
    return true;
  }
}

/** Matches that look at a header which only the first fragment of a packet has. */
const OF_TRANSPORT: ReadonlySet<string> = new Set(['tcp', 'udp', 'icmp', 'multiport']);

function fragmentTest(not: boolean): Test {
  return (_, skb) => isLaterFragment(skb) !== not;
}

/** Whether a match asks for nothing but a packet's relation to its connection. */
function asksForRelation(match: Match): boolean {
  if (match.name !== 'state' && match.name !== 'conntrack') return false;
  const { name, states, not, ...more } = match;
  return (
    Object.values(more).every((value) => value === undefined) && states?.every((one) => one !== 'SNAT' && one !== 'DNAT') === true
  );
}

/** The name of the one device meant, if it is one. */
function plainName(match: InterfaceMatch | undefined): string | undefined {
  return match === undefined || match.not === true || match.name.endsWith('+') ? undefined : match.name;
}

/** The bits of an address that must agree. */
function plainMask(match: AddressMatch | undefined): number {
  return match === undefined || match.not === true ? 0 : maskOfMatch(match) | 0;
}

function unmodelledOf({ matches, target }: Rule): Unmodelled | undefined {
  for (const match of matches) if (match.name === 'unmodelled') return { what: `match ${match.match}`, passes: false };
  if (target.name !== 'UNMODELLED') return undefined;
  return { what: `target ${target.target}`, passes: PASSING.has(target.target) };
}

function otherAddress(match: AddressMatch, of: (skb: SkBuff) => Ipv4): Test {
  const mask = maskOfMatch(match);
  const unwanted = match.network.address & mask;
  return (_, skb) => (of(skb) & mask) !== unwanted;
}

function interfaceTest({ name, not = false }: InterfaceMatch, of: (skb: SkBuff) => Device | undefined): Test {
  if (name.endsWith('+')) {
    const stem = name.slice(0, -1);
    return (_, skb) => (of(skb)?.name ?? '').startsWith(stem) !== not;
  }
  return (_, skb) => (of(skb)?.name === name) !== not;
}
