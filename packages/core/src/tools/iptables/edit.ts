/**
 * What the commands of `iptables` do to the chains of a table.
 * Follows libiptc of iptables 1.8.9 (libiptc/libiptc.c) for errors and their texts, and the kernel's checks of where
 * a target may stand (net/netfilter/x_tables.c, xt_check_target).
 */
import { Refusal } from '../../base/refusal.ts';
import { parseRule } from '../../kernel/netfilter/arguments.ts';
import { MATCHES } from '../../kernel/netfilter/matches.ts';
import { parameterProblem } from '../../kernel/netfilter/notation.ts';
import type { Chain, Rule, Target } from '../../kernel/netfilter/rule.ts';
import { loops } from '../../kernel/netfilter/rule-check.ts';
import { ruleArguments } from '../../kernel/netfilter/rule-text.ts';
import { TARGETS } from '../../kernel/netfilter/targets.ts';
import type { Command } from './command.ts';
import { referencesTo } from './list.ts';

const NO_CHAIN = 'No chain/target/match by that name.';
const BAD_RULE = 'Bad rule (does a matching rule exist in that chain?).';
const INVALID = "Invalid argument. Run `dmesg' for more information.";

/** A refusal by the kernel or libiptc: exit code 1. */
export function kernelRefusal(message: string, path = ''): Refusal {
  return new Refusal({ component: 'iptables', code: 'refused', path, message });
}

/**
 * The chains after a command that changes them (`-A`, `-C`, `-D`, `-I`, `-R`, `-F`, `-N`, `-X`, `-P`).
 * @throws Refusal of component `iptables`: code `refused` for exit code 1, else 2
 */
export function applyCommand(chains: readonly Chain[], command: Command): readonly Chain[] {
  const name = command.chain;
  switch (command.letter) {
    case 'A':
    case 'I':
    case 'R':
      return withRule(chains, command);
    case 'C':
    case 'D':
      return withoutRule(chains, command);
    case 'F':
      noRule(command);
      return name === undefined ? chains.map((chain) => ({ ...chain, rules: [] })) : replace(chains, named(chains, name), []);
    case 'N':
      noRule(command);
      if (chains.some((chain) => chain.name === name)) throw kernelRefusal('Chain already exists.', name);
      return [...chains, { name: name ?? '', rules: [] }];
    case 'X':
      noRule(command);
      return chains.filter((chain) => !removable(chains, chain, name));
    case 'P':
      noRule(command);
      return withPolicy(chains, command);
    default:
      return chains;
  }
}

function withRule(chains: readonly Chain[], command: Command): readonly Chain[] {
  const rule = parseRule(command.rule);
  checkTable(command.table, rule.target);
  const chain = named(chains, command.chain ?? '');
  if ((rule.target.name === 'JUMP' || rule.target.name === 'GOTO') && !isUserChain(chains, rule.target.chain))
    throw kernelRefusal(NO_CHAIN, '-j');
  checkPlaces(command.table, chain, rule);
  const rules = [...chain.rules];
  if (command.letter === 'A') rules.push(rule);
  else if (command.letter === 'R') {
    if (command.number === undefined) throw parameterProblem('-R requires a rule number', '-R');
    if (command.number > rules.length) throw kernelRefusal('Index of replacement too big.', '-R');
    rules[command.number - 1] = rule;
  } else {
    const number = command.number ?? 1;
    if (number > rules.length + 1) throw kernelRefusal('Index of insertion too big.', '-I');
    rules.splice(number - 1, 0, rule);
  }
  const next = replace(chains, chain, rules);
  if (loops(next, chain.name)) throw kernelRefusal('Too many levels of symbolic links.', '-j');
  return next;
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
  const wanted = ruleArguments(parseRule(command.rule));
  const at = chain?.rules.findIndex((rule) => ruleArguments(rule) === wanted) ?? -1;
  if (chain === undefined || at < 0) throw kernelRefusal(BAD_RULE, command.chain);
  return command.letter === 'C' ? chains : replace(chains, chain, chain.rules.toSpliced(at, 1));
}

function withPolicy(chains: readonly Chain[], { chain: name = '', policy }: Command): readonly Chain[] {
  const chain = named(chains, name);
  if (chain.policy === undefined) throw kernelRefusal('Bad built-in chain name.', name);
  if (policy !== 'ACCEPT' && policy !== 'DROP') throw kernelRefusal("Bad policy name. Run `dmesg' for more information.", name);
  return chains.map((known) => (known === chain ? { ...chain, policy } : known));
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

/** A rule's argument with a command that takes none. */
function noRule(command: Command): void {
  const [first] = command.rule;
  if (first === undefined) return;
  parseRule(command.rule);
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
