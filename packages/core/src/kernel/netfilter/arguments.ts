/**
 * A rule read from iptables' arguments: `-s 9.0.0.0/8 -m set --match-set overlay dst -j MASQUERADE`.
 * Follows iptables 1.8.9 (iptables/xshared.c, do_parse). What iptables would refuse is refused in its words, but for
 * the options of extensions that the model does not have: those are kept as they are.
 */
import type { Refusal } from '../../base/refusal.ts';
import type { Mutable } from './extension.ts';
import { MATCHES } from './matches.ts';
import { notModelled, parameterProblem, parseNetwork, parseProtocol, shellWord, shorten } from './notation.ts';
import { Part } from './part.ts';
import type { AddressMatch, InterfaceMatch, Match, ProtocolMatch, Rule, Target } from './rule.ts';
import { checkRule } from './rule-check.ts';
import { TARGETS } from './targets.ts';
import { UNMODELLED_MATCHES, UNMODELLED_TARGETS } from './unmodelled.ts';

type BaseOption = 'source' | 'destination' | 'in' | 'out' | 'protocol' | 'jump' | 'goto' | 'match' | 'fragment' | 'counters';

/** The options that need no extension. */
const BASE: ReadonlyMap<string, BaseOption> = new Map<string, BaseOption>([
  ['-s', 'source'],
  ['--source', 'source'],
  ['--src', 'source'],
  ['-d', 'destination'],
  ['--destination', 'destination'],
  ['--dst', 'destination'],
  ['-i', 'in'],
  ['--in-interface', 'in'],
  ['-o', 'out'],
  ['--out-interface', 'out'],
  ['-p', 'protocol'],
  ['--protocol', 'protocol'],
  ['--proto', 'protocol'],
  ['-j', 'jump'],
  ['--jump', 'jump'],
  ['-g', 'goto'],
  ['--goto', 'goto'],
  ['-m', 'match'],
  ['--match', 'match'],
  ['-f', 'fragment'],
  ['--fragment', 'fragment'],
  ['-c', 'counters'],
  ['--set-counters', 'counters'],
]);
const NEGATABLE: readonly BaseOption[] = ['source', 'destination', 'in', 'out', 'protocol', 'fragment'];
const IMPLICIT_MATCH = new Map([
  [6, 'tcp'],
  [17, 'udp'],
  [1, 'icmp'],
]);
/** The one option of an extension that is also one of iptables itself: `-m policy --proto esp`. */
const POLICY_PROTO = '--proto';

/**
 * Reads a rule's arguments: all that stands after `-A CHAIN`.
 * @param written the arguments as they were written, quotes and all: what is not modelled is printed back so
 * @throws Refusal of component `iptables`: `unknown option "--foo"` (code `unknown-option`), bad values (code
 * `parameter-problem`), what is not modelled of iptables itself (code `not-modelled`)
 */
export function parseRule(args: readonly string[], written: readonly string[] = args.map(shellWord)): Rule {
  return new RuleParser(args, written).parse();
}

/** How many words follow a rule's option, whichever extension it is of; undefined if there is no such option. */
export function ruleOptionArity(flag: string): number | undefined {
  const base = BASE.get(flag);
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
  private readonly rule: Mutable<Rule> = { matches: [], target: { name: 'NONE' } };
  private readonly matches: Part<Match>[] = [];
  private target?: Part<Target>;
  private chain?: Target;
  /** An extension that the model does not have, as long as words may be its own. */
  private loose: Part<Match> | Part<Target> | undefined;
  private readonly seen = new Set<BaseOption>();

  constructor(
    private readonly args: readonly string[],
    private readonly written: readonly string[],
  ) {}

  parse(): Rule {
    while (this.position < this.args.length) this.option();
    this.rule.matches = this.matches.map((match) => match.finish());
    this.rule.target = this.target?.finish() ?? this.chain ?? { name: 'NONE' };
    checkRule(this.rule);
    return this.rule;
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
    const [flag, attached] = splitFlag(word);
    const base = BASE.get(flag);
    if (base !== undefined && !(flag === POLICY_PROTO && this.loose?.name === 'policy')) {
      if (not && !NEGATABLE.includes(base)) throw parameterProblem(`unexpected ! flag before ${flag}`, flag);
      this.baseOption(base, flag, not, attached);
      return;
    }
    const part = this.owner(flag);
    if (part === undefined) {
      if (this.loose === undefined) throw unknownOption(flag);
      return this.keep(start);
    }
    const words: string[] = attached === undefined ? [] : [attached];
    const arity = part.arity(flag) ?? 0;
    while (words.length < arity) words.push(this.value(flag));
    part.take(flag, { words, not }, this.written.slice(start, this.position));
  }

  private keep(start: number): void {
    for (const word of this.written.slice(start, this.position)) this.loose?.add(word);
  }

  /** Who an option belongs to: the target, a match, or the protocol's match, which need not be named. */
  private owner(flag: string): Part<Match> | Part<Target> | undefined {
    if (this.target?.arity(flag) !== undefined) return this.target;
    for (const match of this.matches.toReversed()) if (match.arity(flag) !== undefined) return match;
    const { protocol } = this.rule;
    const implicit = protocol?.not === true ? undefined : IMPLICIT_MATCH.get(protocol?.number ?? -1);
    if (implicit === undefined || MATCHES.get(implicit)?.arity(flag) === undefined) return undefined;
    return this.matches.some(({ name }) => name === implicit) ? undefined : this.addMatch(implicit);
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
    if (base === 'counters') throw notModelled(`option ${flag}`);
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
    else this.setAddress(base, parseNetwork(value), not);
  }

  private setProtocol(match: ProtocolMatch | undefined): void {
    if (match !== undefined) this.rule.protocol = match;
  }

  private setInterface(field: 'in' | 'out', match: InterfaceMatch | undefined): void {
    if (match !== undefined) this.rule[field] = match;
  }

  private setAddress(field: 'source' | 'destination', match: AddressMatch, not: boolean): void {
    if (match.network.prefix > 0 || not) this.rule[field] = not ? { ...match, not } : match;
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

function interfaceMatch(name: string, not: boolean): InterfaceMatch | undefined {
  if (name.length > 15) throw parameterProblem(`interface name \`${shorten(name)}' must be shorter than IFNAMSIZ (15)`);
  if (name === '' || /[\s/]/.test(name)) throw parameterProblem(`Bad interface name \`${shorten(name)}'`);
  if (name === '+' && !not) return undefined;
  return not ? { name, not } : { name };
}
