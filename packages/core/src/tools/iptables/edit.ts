/**
 * What the commands of `iptables` do to the chains of a table.
 * Follows libiptc of iptables 1.8.9 (libiptc/libiptc.c) for errors and their texts, and the kernel's checks of where
 * a target may stand (net/netfilter/x_tables.c, xt_check_target).
 */
import { Refusal } from '../../base/refusal.ts';
import { parseCounter, parseRules } from '../../kernel/netfilter/arguments.ts';
import { MATCHES } from '../../kernel/netfilter/matches.ts';
import { parameterProblem, shorten } from '../../kernel/netfilter/notation.ts';
import type { Chain, Rule, Target } from '../../kernel/netfilter/rule.ts';
import { loops } from '../../kernel/netfilter/rule-check.ts';
import { ruleArguments } from '../../kernel/netfilter/rule-text.ts';
import { listedChains } from '../../kernel/netfilter/save.ts';
import type { Counter } from '../../kernel/netfilter/table.ts';
import { TARGETS } from '../../kernel/netfilter/targets.ts';
import { UNMODELLED_TARGETS } from '../../kernel/netfilter/unmodelled.ts';
import type { Command } from './command.ts';
import { referencesTo } from './list.ts';

const NO_CHAIN = 'No chain/target/match by that name.';
const BAD_RULE = 'Bad rule (does a matching rule exist in that chain?).';
const INVALID = "Invalid argument. Run `dmesg' for more information.";

/** A refusal by the kernel or libiptc: exit code 1. */
export function kernelRefusal(message: string, path = ''): Refusal {
  return new Refusal({ component: 'iptables', code: 'refused', path, message });
}

/** A counter that a command sets: of a rule by its place from 0, or of a chain's policy. */
export interface SetCounter {
  readonly chain: string;
  readonly place: number | 'policy';
  readonly counter: Readonly<Counter>;
}

/** What a command leaves behind. */
export interface Edited {
  readonly chains: readonly Chain[];
  readonly counters: readonly SetCounter[];
}

const ZERO: Readonly<Counter> = { packets: 0, bytes: 0 };

/**
 * The chains after a command that changes them (`-A`, `-C`, `-D`, `-I`, `-R`, `-F`, `-N`, `-X`, `-E`, `-P`, `-Z`).
 * @throws Refusal of component `iptables`: code `refused` for exit code 1, else 2
 */
export function applyCommand(chains: readonly Chain[], command: Command): Edited {
  switch (command.letter) {
    case 'A':
    case 'I':
    case 'R':
      return withRule(chains, command);
    case 'P':
      return withPolicy(chains, command);
    case 'Z':
      noRule(command);
      return { chains, counters: zeroed(chains, command) };
    default:
      return { chains: withoutCounters(chains, command), counters: [] };
  }
}

function withoutCounters(chains: readonly Chain[], command: Command): readonly Chain[] {
  const name = command.chain;
  if (command.letter === 'C' || command.letter === 'D') return withoutRule(chains, command);
  noRule(command);
  switch (command.letter) {
    case 'F':
      return name === undefined ? chains.map((chain) => ({ ...chain, rules: [] })) : replace(chains, named(chains, name), []);
    case 'N':
      if (TARGETS.has(name ?? '') || UNMODELLED_TARGETS.has(name ?? ''))
        throw parameterProblem('chain name may not clash with target name', '-N');
      if (chains.some((chain) => chain.name === name)) throw kernelRefusal('Chain already exists.', name);
      return [...chains, { name: name ?? '', rules: [] }];
    case 'X':
      return chains.filter((chain) => !removable(chains, chain, name));
    case 'E':
      return renamed(chains, name ?? '', command.newName ?? '');
    default:
      return chains;
  }
}

/** Counters that `-Z`, alone or with a listing, sets to 0: those of one rule, of one chain, of all. */
export function zeroed(chains: readonly Chain[], { chain: name, number }: Command): readonly SetCounter[] {
  const chosen = name === undefined ? listedChains(chains) : [named(chains, name)];
  return chosen.flatMap(({ name: chain, rules }): readonly SetCounter[] => {
    const all = rules.map((_, place) => ({ chain, place, counter: ZERO }));
    if (number === undefined) return [{ chain, place: 'policy', counter: ZERO }, ...all];
    if (number > rules.length) throw kernelRefusal('Index of counter too big.', '-Z');
    return all.slice(number - 1, number);
  });
}

function withRule(chains: readonly Chain[], command: Command): Edited {
  const { rules: added, counter } = parseRules(command.rule);
  const [first, another] = added;
  if (first === undefined || (another !== undefined && command.letter === 'R'))
    throw parameterProblem('Replacement rule does not specify a unique address');
  const { target } = first;
  checkTable(command.table, target);
  checkChain(chains, target);
  const chain = named(chains, command.chain ?? '');
  checkPlaces(command.table, chain, first);
  const place = placeOf(chain, command);
  // Each is put at the same place, so that those of a list stand in reverse.
  const put = command.letter === 'I' ? added.toReversed() : added;
  const next = replace(chains, chain, chain.rules.toSpliced(place, command.letter === 'R' ? 1 : 0, ...put));
  if (loops(next, chain.name)) throw kernelRefusal('Too many levels of symbolic links.', '-j');
  const counters = counter === undefined ? [] : put.map((_, i) => ({ chain: chain.name, place: place + i, counter }));
  return { chains: next, counters };
}

/** A word that is no chain must be an extension, and there is none of that name. */
function checkChain(chains: readonly Chain[], target: Target): void {
  if (target.name !== 'JUMP' && target.name !== 'GOTO') return;
  const chain = chains.find(({ name }) => name === target.chain);
  if (chain?.policy !== undefined) throw kernelRefusal(INVALID, '-j');
  if (chain !== undefined) return;
  throw parameterProblem(
    target.name === 'GOTO'
      ? `goto '${shorten(target.chain)}' is not a chain`
      : `Couldn't load target \`${shorten(target.chain)}':No such file or directory\n`,
    '-j',
  );
}

/** Where a rule is put or replaced, from 0. */
function placeOf({ rules }: Chain, { letter, number }: Command): number {
  if (letter === 'A') return rules.length;
  if (letter === 'R' && number === undefined) throw parameterProblem('-R requires a rule number', '-R');
  if (letter === 'R' && (number ?? 1) > rules.length) throw kernelRefusal('Index of replacement too big.', '-R');
  if ((number ?? 1) > rules.length + 1) throw kernelRefusal('Index of insertion too big.', '-I');
  return (number ?? 1) - 1;
}

/** A user chain by another name, to which all jumps lead. */
function renamed(chains: readonly Chain[], name: string, to: string): readonly Chain[] {
  if (chains.some((chain) => chain.name === to)) throw kernelRefusal('File exists.', to);
  if (!isUserChain(chains, name)) throw kernelRefusal(NO_CHAIN, name);
  const follow = (rule: Rule): Rule =>
    (rule.target.name === 'JUMP' || rule.target.name === 'GOTO') && rule.target.chain === name
      ? { ...rule, target: { ...rule.target, chain: to } }
      : rule;
  return chains.map((chain) => ({ ...chain, name: chain.name === name ? to : chain.name, rules: chain.rules.map(follow) }));
}

function withoutRule(chains: readonly Chain[], command: Command): readonly Chain[] {
  const chain = chains.find((known) => known.name === command.chain);
  if (command.letter === 'D' && command.number !== undefined) {
    noRule(command);
    const rules = [...named(chains, command.chain ?? '').rules];
    if (command.number > rules.length) throw kernelRefusal('Index of deletion too big.', '-D');
    rules.splice(command.number - 1, 1);
    return chain === undefined ? chains : replace(chains, chain, rules);
  }
  const { rules: wanted, counter } = parseRules(command.rule);
  if (counter !== undefined) throw parameterProblem("Illegal option `-c' with this command", '-c');
  let rules = chain?.rules ?? [];
  for (const rule of wanted) {
    const text = ruleArguments(rule);
    const at = rules.findIndex((known) => ruleArguments(known) === text);
    if (at < 0) throw kernelRefusal(BAD_RULE, command.chain);
    if (command.letter === 'D') rules = rules.toSpliced(at, 1);
  }
  return chain === undefined || command.letter === 'C' ? chains : replace(chains, chain, rules);
}

function withPolicy(chains: readonly Chain[], command: Command): Edited {
  const { chain: name = '', policy } = command;
  const { counter } = onlyCounter(command);
  const chain = named(chains, name);
  if (chain.policy === undefined) throw kernelRefusal('Bad built-in chain name.', name);
  if (policy !== 'ACCEPT' && policy !== 'DROP') throw kernelRefusal("Bad policy name. Run `dmesg' for more information.", name);
  return {
    chains: chains.map((known) => (known === chain ? { ...chain, policy } : known)),
    counters: counter === undefined ? [] : [{ chain: name, place: 'policy', counter }],
  };
}

/** Whether `-X [NAME]` removes the chain; refuses if it was asked to and cannot. */
function removable(chains: readonly Chain[], chain: Chain, name: string | undefined): boolean {
  if (name === undefined ? chain.policy !== undefined : chain !== named(chains, name)) return false;
  if (chain.policy !== undefined) throw kernelRefusal("Can't delete built-in chain.", chain.name);
  if (referencesTo(chains, chain.name) > 0) throw kernelRefusal('Too many links.', chain.name);
  if (chain.rules.length > 0) throw kernelRefusal('Directory not empty.', chain.name);
  return true;
}

function named(chains: readonly Chain[], name: string): Chain {
  const chain = chains.find((known) => known.name === name);
  if (chain === undefined) throw kernelRefusal(NO_CHAIN, name);
  return chain;
}

function replace(chains: readonly Chain[], chain: Chain, rules: readonly Rule[]): readonly Chain[] {
  return chains.map((known) => (known === chain ? { ...chain, rules } : known));
}

function isUserChain(chains: readonly Chain[], name: string): boolean {
  return chains.some((chain) => chain.name === name && chain.policy === undefined);
}

/** `-P` takes `-c` and nothing else of a rule. */
function onlyCounter(command: Command): { readonly counter?: Readonly<Counter> } {
  const [first, packets, bytes, another] = command.rule;
  if (first !== '-c' && first !== '--set-counters') noRule(command);
  if (another !== undefined) noRule({ ...command, rule: command.rule.slice(3) });
  return first === undefined ? {} : { counter: parseCounter(packets, bytes) };
}

/** A rule's argument with a command that takes none. */
function noRule(command: Command): void {
  const [first] = command.rule;
  if (first === undefined) return;
  parseRules(command.rule);
  throw parameterProblem(`Illegal option \`${first}' with this command`, first);
}

function checkTable(table: string, target: Target): void {
  if (table !== 'nat' || target.name !== 'DROP') return;
  throw parameterProblem('\nThe "nat" table is not intended for filtering, the use of DROP is therefore inhibited.\n\n', '-j');
}

function checkPlaces(table: string, chain: Chain, { matches, target }: Rule): void {
  const places = [TARGETS.get(target.name)?.place(target), ...matches.map((match) => MATCHES.get(match.name)?.place(match))];
  for (const place of places) {
    if (place === undefined) continue;
    const chains = chain.policy === undefined ? undefined : place.chains;
    if ((place.table ?? table) !== table || chains?.includes(chain.name) === false) throw kernelRefusal(INVALID, '-j');
  }
}
