/**
 * Rules made ready: flat comparisons, what the target does, once per value.
 * Follows linux net/ipv4/netfilter/ip_tables.c (ipt_do_table, ip_packet_match).
 */
import type { Ipv4 } from '../../base/address.ts';
import { memo } from '../../base/immutable.ts';
import type { SkBuff } from '../skb.ts';
import { MATCHES } from './matches.ts';
import { maskOfMatch } from './notation.ts';
import type { AddressMatch, InterfaceMatch, Rule } from './rule.ts';
import type { Act, Test } from './rule-host.ts';
import { TARGETS } from './targets.ts';
import { PASSING } from './unmodelled.ts';

/** A rule ready to be asked. */
export interface CompiledRule {
  readonly rule: Rule;
  readonly matches: Test;
  /** What its target does before the next rule is asked; undefined for targets that decide or do nothing. */
  readonly act: Act | undefined;
  /** A match or target of it that the model does not have, and whether packets go on nevertheless. */
  readonly unmodelled: Unmodelled | undefined;
}

/** Something that the model does not have. */
export interface Unmodelled {
  readonly what: string;
  readonly passes: boolean;
}

/** Compiles the rules of a chain, once per array of rules; those that remember packets are the caller's alone. */
export function compileRules(rules: readonly Rule[]): readonly CompiledRule[] {
  const shared = compileShared(rules);
  if (!shared.some(({ rule }) => isStateful(rule))) return shared;
  return shared.map((compiled) => (isStateful(compiled.rule) ? compile(compiled.rule) : compiled));
}

/** Whether a rule remembers the packets it was asked about. */
export function isStateful({ matches }: Rule): boolean {
  return matches.some(({ name }) => MATCHES.get(name)?.stateful === true);
}

const compileShared: (rules: readonly Rule[]) => readonly CompiledRule[] = memo((rules) => rules.map(compileRule));

const compileRule: (rule: Rule) => CompiledRule = memo(compile);

function compile(rule: Rule): CompiledRule {
  const tests: Test[] = [];
  if (rule.protocol !== undefined) {
    const { number, not = false } = rule.protocol;
    tests.push((_, skb) => (skb.protocol === number) !== not);
  }
  if (rule.in !== undefined) tests.push(interfaceTest(rule.in, (skb) => skb.input?.name));
  if (rule.out !== undefined) tests.push(interfaceTest(rule.out, (skb) => skb.output?.name));
  if (rule.destination !== undefined) tests.push(addressTest(rule.destination, (skb) => skb.destination));
  if (rule.source !== undefined) tests.push(addressTest(rule.source, (skb) => skb.source));
  // Rules see whole packets only: fragments are put together before.
  if (rule.fragment !== undefined && rule.fragment.not !== true) tests.push(() => false);
  for (const match of rule.matches) tests.push(...(MATCHES.get(match.name)?.tests(match) ?? []));
  return { rule, matches: all(tests), act: TARGETS.get(rule.target.name)?.act(rule.target), unmodelled: unmodelledOf(rule) };
}

function unmodelledOf({ matches, target }: Rule): Unmodelled | undefined {
  for (const match of matches) if (match.name === 'unmodelled') return { what: `match ${match.match}`, passes: false };
  if (target.name !== 'UNMODELLED') return undefined;
  return { what: `target ${target.target}`, passes: PASSING.has(target.target) };
}

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

function addressTest(match: AddressMatch, of: (skb: SkBuff) => Ipv4): Test {
  const { network, not = false } = match;
  const mask = maskOfMatch(match);
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
