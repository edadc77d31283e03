/**
 * A rule read from iptables' arguments: `-s 9.0.0.0/8 -m set --match-set overlay dst -j MASQUERADE`.
 * Follows iptables 1.8.9 (iptables/xshared.c, do_parse). What iptables would refuse is refused in its words, but for
 * the options of extensions that the model does not have: those are kept as they are.
 */
import type { Refusal } from '../../base/refusal.ts';
import type { Mutable } from './extension.ts';
import { letterOf, lettersFrom } from './long-options.ts';
import { MATCHES } from './matches.ts';
import { parameterProblem, parseNetwork, parseProtocol, shellWord, shorten } from './notation.ts';
import { Part } from './part.ts';
import type { AddressMatch, InterfaceMatch, Match, ProtocolMatch, Rule, Target } from './rule.ts';
import { checkRule } from './rule-check.ts';
import type { Counter } from './table.ts';
import { TARGETS } from './targets.ts';
import { UNMODELLED_MATCHES, UNMODELLED_TARGETS } from './unmodelled.ts';

type BaseOption = 'source' | 'destination' | 'in' | 'out' | 'protocol' | 'jump' | 'goto' | 'match' | 'fragment' | 'counters';

/** The options that need no extension. */
const BASE: ReadonlyMap<string, BaseOption> = new Map<string, BaseOption>([
  ['-s', 'source'],
  ['-d', 'destination'],
  ['-i', 'in'],
  ['-o', 'out'],
  ['-p', 'protocol'],
  ['-j', 'jump'],
  ['-g', 'goto'],
  ['-m', 'match'],
  ['-f', 'fragment'],
  ['-c', 'counters'],
]);
const NEGATABLE: readonly BaseOption[] = ['source', 'destination', 'in', 'out', 'protocol', 'fragment'];
const IMPLICIT_MATCH = new Map([
  [6, 'tcp'],
  [17, 'udp'],
  [1, 'icmp'],
]);

/**
 * Reads a rule's arguments: all that stands after `-A CHAIN`.
 * @param written the arguments as they were written, quotes and all: what is not modelled is printed back so
 * @throws Refusal of component `iptables`: `unknown option "--foo"` (code `unknown-option`), bad values (code
 * `parameter-problem`)
 */
export function parseRule(args: readonly string[], written: readonly string[] = args.map(shellWord)): Rule {
  const { rules } = parseRules(args, written);
  const [rule, another] = rules;
  if (rule === undefined || another !== undefined) throw parameterProblem('Replacement rule does not specify a unique address');
  return rule;
}

/** What rule's arguments say: several rules if addresses are listed, and what they shall have counted already. */
export interface ParsedRules {
  readonly rules: readonly Rule[];
  /** `-c PACKETS BYTES` */
  readonly counter: Readonly<Counter> | undefined;
}

/** As {@link parseRule}, with a rule for each pair of the sources and destinations listed (`-s 10.0.0.1,10.0.0.2`). */
export function parseRules(args: readonly string[], written: readonly string[] = args.map(shellWord)): ParsedRules {
  return new RuleParser(args, written).parse();
}

/** How many words follow a rule's option, whichever extension it is of; undefined if there is no such option. */
export function ruleOptionArity(flag: string): number | undefined {
  const base = BASE.get(letterOf(flag));
  if (base !== undefined) return base === 'fragment' ? 0 : base === 'counters' ? 2 : 1;
  for (const kinds of [MATCHES, TARGETS]) {
    for (const kind of kinds.values()) {
      const arity = kind.arity(flag);
      if (arity !== undefined) return arity;
    }
  }
  return undefined;
}

/** One pass over the words: base options, then those of the target, then those of the matches, latest first. */
class RuleParser {
  private position = 0;
  private readonly rule: Mutable<Omit<Rule, 'source' | 'destination' | 'matches' | 'target'>> = {};
  private sources: readonly Pick<Rule, 'source'>[] = [{}];
  private destinations: readonly Pick<Rule, 'destination'>[] = [{}];
  private readonly matches: Part<Match>[] = [];
  private target?: Part<Target>;
  private chain?: Target;
  private counter: Readonly<Counter> | undefined;
  /** An extension that the model does not have, as long as words may be its own. */
  private loose: Part<Match> | Part<Target> | undefined;
  private readonly seen = new Set<BaseOption>();

  constructor(
    private readonly args: readonly string[],
    private readonly written: readonly string[],
  ) {}

  parse(): ParsedRules {
    while (this.position < this.args.length) this.option();
    const rule: Rule = {
      ...this.rule,
      matches: this.matches.map((match) => match.finish()),
      target: this.target?.finish() ?? this.chain ?? { name: 'NONE' },
    };
    checkRule(rule);
    const rules = this.sources.flatMap((source) =>
      this.destinations.map((destination) => ({ ...source, ...destination, ...rule })),
    );
    return { rules, counter: this.counter };
  }

  private option(): void {
    const start = this.position;
    let word = this.next() ?? '';
    const not = word === '!';
    if (not) word = this.next() ?? '';
    if (!word.startsWith('-') || word === '-') {
      if (this.loose === undefined) throw parameterProblem(`Bad argument \`${shorten(word)}'`);
      return this.keep(start);
    }
    const [name, attached] = splitFlag(word);
    const flag = this.complete(name);
    const base = BASE.get(flag);
    if (base !== undefined) {
      if (not && !NEGATABLE.includes(base)) throw parameterProblem(`unexpected ! flag before ${flag}`, flag);
      this.baseOption(base, flag, not, attached);
      return;
    }
    const part = this.owner(flag);
    if (part === undefined) {
      if (this.loose === undefined) throw unknownOption(name);
      return this.keep(start);
    }
    const words: string[] = attached === undefined ? [] : [attached];
    const arity = part.arity(flag) ?? 0;
    while (words.length < arity) words.push(this.value(flag));
    part.take(flag, { words, not }, this.written.slice(start, this.position));
  }

  /** The option that is meant: by its letter if it needs no extension. Words of unknown extensions are not completed. */
  private complete(name: string): string {
    const letter = letterOf(name);
    const parts = [...this.matches, ...(this.target === undefined ? [] : [this.target])];
    if (BASE.has(letter) || this.loose !== undefined || parts.some((part) => part.arity(name) !== undefined)) return letter;
    const found = new Set([...lettersFrom(name), ...parts.flatMap((part) => part.completions(name))]);
    const open = this.implicitMatch();
    const all = found.size > 0 || open === undefined ? [...found] : (MATCHES.get(open)?.completions(name) ?? []);
    return all.length === 1 ? (all[0] ?? name) : name;
  }

  private keep(start: number): void {
    for (const word of this.written.slice(start, this.position)) this.loose?.add(word);
  }

  /** Who an option belongs to: the target, a match, or the protocol's match, which need not be named. */
  private owner(flag: string): Part<Match> | Part<Target> | undefined {
    if (this.target?.arity(flag) !== undefined) return this.target;
    for (const match of this.matches.toReversed()) if (match.arity(flag) !== undefined) return match;
    const implicit = this.implicitMatch();
    return implicit === undefined || MATCHES.get(implicit)?.arity(flag) === undefined ? undefined : this.addMatch(implicit);
  }

  /** The match of the rule's protocol, if it was not named. */
  private implicitMatch(): string | undefined {
    const { protocol } = this.rule;
    const implicit = protocol?.not === true ? undefined : IMPLICIT_MATCH.get(protocol?.number ?? -1);
    return this.matches.some(({ name }) => name === implicit) ? undefined : implicit;
  }

  private addMatch(name: string): Part<Match> {
    const kind = MATCHES.get(name);
    if (kind === undefined && !UNMODELLED_MATCHES.has(name))
      throw parameterProblem(`Couldn't load match \`${shorten(name)}':No such file or directory\n`, '-m');
    const part = new Part<Match>(name, kind, (words) => ({ name: 'unmodelled', match: name, words }));
    this.matches.push(part);
    this.loose = kind === undefined ? part : undefined;
    return part;
  }

  private baseOption(base: BaseOption, flag: string, not: boolean, attached: string | undefined): void {
    if (base === 'counters') {
      this.counter = parseCounter(attached ?? this.next(), this.next());
      return;
    }
    if (base === 'match') {
      this.addMatch(attached ?? this.value(flag));
      return;
    }
    if (this.seen.has(base)) throw parameterProblem(`multiple ${flag} flags not allowed`, flag);
    this.seen.add(base);
    if (base === 'fragment') {
      this.rule.fragment = not ? { not } : {};
      return;
    }
    const value = attached ?? this.value(flag);
    if (base === 'jump' || base === 'goto') this.jump(base, value);
    else if (base === 'protocol') this.setProtocol(protocolMatch(parseProtocol(value), not));
    else if (base === 'in' || base === 'out') this.setInterface(base, interfaceMatch(value, not));
    else if (base === 'source')
      this.sources = addressMatches(value, not).map((match) => (match === undefined ? {} : { source: match }));
    else this.destinations = addressMatches(value, not).map((match) => (match === undefined ? {} : { destination: match }));
  }

  private setProtocol(match: ProtocolMatch | undefined): void {
    if (match !== undefined) this.rule.protocol = match;
  }

  private setInterface(field: 'in' | 'out', match: InterfaceMatch | undefined): void {
    if (match !== undefined) this.rule[field] = match;
  }

  private jump(how: 'jump' | 'goto', name: string): void {
    if (this.seen.has('jump') && this.seen.has('goto')) throw parameterProblem("Can't use -j and -g together", '-g');
    this.loose = undefined;
    const kind = how === 'jump' ? TARGETS.get(name) : undefined;
    const known = how === 'jump' && UNMODELLED_TARGETS.has(name);
    if (kind !== undefined || known) {
      this.target = new Part<Target>(name, kind, (words) => ({ name: 'UNMODELLED', target: name, words }));
      if (known) this.loose = this.target;
      return;
    }
    if (name.length > 28) throw parameterProblem(`Invalid target name \`${shorten(name)}' (28 chars max)`, '-j');
    if (name === '' || /\s/.test(name)) throw parameterProblem(`Invalid target name \`${shorten(name)}'`, '-j');
    this.chain = { name: how === 'jump' ? 'JUMP' : 'GOTO', chain: name };
  }

  private value(flag: string): string {
    const word = this.next();
    if (word === undefined) throw parameterProblem(`option "${flag}" requires an argument`, flag);
    return word;
  }

  private next(): string | undefined {
    return this.args[this.position++];
  }
}

/**
 * Reads the two numbers of `-c`.
 * @throws Refusal in iptables' words
 */
export function parseCounter(packets: string | undefined, bytes: string | undefined): Readonly<Counter> {
  if (packets === undefined || bytes === undefined || bytes.startsWith('-'))
    throw parameterProblem('-c requires packet and byte counter', '-c');
  if (!COUNT.test(packets)) throw parameterProblem('-c packet counter not numeric', '-c');
  if (!COUNT.test(bytes)) throw parameterProblem('-c byte counter not numeric', '-c');
  return { packets: Number(packets), bytes: Number(bytes) };
}

/** As many digits as a number holds exactly. */
const COUNT = /^\d{1,15}$/;

/** `-ptcp` is `-p tcp`, `--dport=80` is `--dport 80`. */
function splitFlag(word: string): readonly [string, string | undefined] {
  if (!word.startsWith('--')) return word.length > 2 ? [word.slice(0, 2), word.slice(2)] : [word, undefined];
  const equals = word.indexOf('=');
  return equals < 0 ? [word, undefined] : [word.slice(0, equals), word.slice(equals + 1)];
}

function unknownOption(flag: string): Refusal {
  return parameterProblem(`unknown option "${shorten(flag)}"`, shorten(flag), 'unknown-option');
}

function protocolMatch(number: number, not: boolean): ProtocolMatch | undefined {
  if (number === 0 && not) throw parameterProblem('rule would never match protocol', '-p');
  if (number === 0) return undefined;
  return not ? { number, not } : { number };
}

/** One match for each network of a list; undefined for one that every address is in. */
function addressMatches(text: string, not: boolean): readonly (AddressMatch | undefined)[] {
  const words = text.split(',');
  if (not && words.length > 1) throw parameterProblem('! not allowed with multiple source or destination IP addresses');
  const matches = words.map((word) => parseNetwork(word)).map((match) => (not ? { ...match, not } : match));
  return matches.map((match) => (match.network.prefix > 0 || not ? match : undefined));
}

function interfaceMatch(name: string, not: boolean): InterfaceMatch | undefined {
  if (name.length > 15) throw parameterProblem(`interface name \`${shorten(name)}' must be shorter than IFNAMSIZ (15)`);
  if (name === '' || /[\s/]/.test(name)) throw parameterProblem(`Bad interface name \`${shorten(name)}'`);
  if (name === '+' && !not) return undefined;
  return not ? { name, not } : { name };
}
