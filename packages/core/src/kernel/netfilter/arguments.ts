/**
 * A rule as iptables' arguments, both ways: `-s 9.0.0.0/8 -m set --match-set overlay dst -j MASQUERADE`.
 * Follows iptables 1.8.9 (iptables/xshared.c, do_parse; iptables/iptables.c, print_rule4). What iptables would
 * refuse is refused in its words, what it could do and the model cannot by name.
 */
import { type Cidr, formatCidr } from '../../base/address.ts';
import type { Refusal } from '../../base/refusal.ts';
import type { Builder, Extension, Mutable } from './extension.ts';
import { MATCHES, UNMODELLED_MATCHES } from './match-options.ts';
import { notModelled, parameterProblem, parseNetwork, parseProtocol, protocolName, shorten } from './notation.ts';
import type { AddressMatch, InterfaceMatch, Match, ProtocolMatch, Rule, Target } from './rule.ts';
import type { Counter } from './table.ts';
import { TARGETS, UNMODELLED_TARGETS } from './target-options.ts';

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
const NEGATABLE: readonly BaseOption[] = ['source', 'destination', 'in', 'out', 'protocol'];
const IMPLICIT_MATCH = new Map([
  [6, 'tcp'],
  [17, 'udp'],
  [1, 'icmp'],
]);

/**
 * Reads a rule's arguments: all that stands after `-A CHAIN`.
 * @throws Refusal of component `iptables`: `unknown option "--foo"` (code `unknown-option`), bad values (code
 * `parameter-problem`), what is not modelled (code `not-modelled`)
 */
export function parseRule(args: readonly string[]): Rule {
  return new RuleParser(args).parse();
}

/** A rule's arguments in the order of `iptables -S`, without `-A CHAIN`; with counters as `-S -v` shows them. */
export function ruleArguments(rule: Rule, counter?: Readonly<Counter>): string {
  let text = '';
  if (rule.source !== undefined) text += option('-s', formatCidr(rule.source.network), rule.source.not);
  if (rule.destination !== undefined) text += option('-d', formatCidr(rule.destination.network), rule.destination.not);
  if (rule.in !== undefined) text += option('-i', rule.in.name, rule.in.not);
  if (rule.out !== undefined) text += option('-o', rule.out.name, rule.out.not);
  if (rule.protocol !== undefined) text += option('-p', protocolName(rule.protocol.number, false), rule.protocol.not);
  for (const match of rule.matches) text += ` -m ${match.name}${MATCHES.get(match.name)?.save(match) ?? ''}`;
  if (counter !== undefined) text += ` -c ${counter.packets} ${counter.bytes}`;
  return (text + targetArguments(rule.target)).slice(1);
}

function targetArguments(target: Target): string {
  if (target.name === 'NONE') return '';
  if (target.name === 'JUMP') return ` -j ${target.chain}`;
  if (target.name === 'GOTO') return ` -g ${target.chain}`;
  return ` -j ${target.name}${TARGETS.get(target.name)?.save(target) ?? ''}`;
}

function option(flag: string, value: string, not: boolean | undefined): string {
  return `${not === true ? ' !' : ''} ${flag} ${value}`;
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
  private source?: AddressMatch;
  private destination?: AddressMatch;
  private in?: InterfaceMatch;
  private out?: InterfaceMatch;
  private protocol?: ProtocolMatch;
  private readonly matches: Builder<Match>[] = [];
  private target?: Builder<Target>;
  private chain?: Target;
  private readonly seen = new Set<BaseOption>();

  constructor(private readonly args: readonly string[]) {}

  parse(): Rule {
    while (this.position < this.args.length) this.option();
    const rule: Mutable<Rule> = { matches: this.matches.map((match) => match.finish()), target: this.finishTarget() };
    if (this.source !== undefined) rule.source = this.source;
    if (this.destination !== undefined) rule.destination = this.destination;
    if (this.in !== undefined) rule.in = this.in;
    if (this.out !== undefined) rule.out = this.out;
    if (this.protocol !== undefined) rule.protocol = this.protocol;
    checkProtocol(rule);
    return rule;
  }

  private finishTarget(): Target {
    return this.target?.finish() ?? this.chain ?? { name: 'NONE' };
  }

  private option(): void {
    let word = this.next() ?? '';
    const not = word === '!';
    if (not) word = this.next() ?? '';
    if (!word.startsWith('-') || word === '-') throw parameterProblem(`Bad argument \`${shorten(word)}'`);
    const [flag, attached] = splitFlag(word);
    const base = BASE.get(flag);
    if (base !== undefined) {
      if (not && !NEGATABLE.includes(base)) throw parameterProblem(`unexpected ! flag before ${flag}`, flag);
      this.baseOption(base, flag, not, attached);
      return;
    }
    const builder = this.owner(flag);
    if (builder === undefined) throw unknownOption(flag);
    const words: string[] = attached === undefined ? [] : [attached];
    const arity = builder.extension.arity(flag) ?? 0;
    while (words.length < arity) words.push(this.value(flag));
    builder.take(flag, { words, not });
  }

  /** Who an option belongs to: the target, a match, or the protocol's match, which need not be named. */
  private owner(flag: string): Builder<Match> | Builder<Target> | undefined {
    if (this.target?.extension.arity(flag) !== undefined) return this.target;
    for (const match of this.matches.toReversed()) if (match.extension.arity(flag) !== undefined) return match;
    const implicit = this.protocol?.not === true ? undefined : IMPLICIT_MATCH.get(this.protocol?.number ?? -1);
    const kind = implicit === undefined ? undefined : MATCHES.get(implicit);
    if (kind?.arity(flag) === undefined || this.matches.some((match) => match.extension === kind)) return undefined;
    return this.addMatch(kind);
  }

  private addMatch(kind: Extension<Match>): Builder<Match> {
    const builder = kind.begin();
    this.matches.push(builder);
    return builder;
  }

  private baseOption(base: BaseOption, flag: string, not: boolean, attached: string | undefined): void {
    if (base === 'fragment' || base === 'counters') throw notModelled(`option ${flag}`);
    const value = attached ?? this.value(flag);
    if (base === 'match') {
      this.addMatch(matchNamed(value));
      return;
    }
    if (this.seen.has(base)) throw parameterProblem(`multiple ${flag} flags not allowed`, flag);
    this.seen.add(base);
    if (base === 'jump' || base === 'goto') this.jump(base, value);
    else if (base === 'protocol') this.setProtocol(protocolMatch(parseProtocol(value), not));
    else if (base === 'in' || base === 'out') this.setInterface(base, interfaceMatch(value, not));
    else this.setAddress(base, parseNetwork(value), not);
  }

  private setProtocol(match: ProtocolMatch | undefined): void {
    if (match !== undefined) this.protocol = match;
  }

  private setInterface(field: 'in' | 'out', match: InterfaceMatch | undefined): void {
    if (match !== undefined) this[field] = match;
  }

  private setAddress(field: 'source' | 'destination', network: Cidr, not: boolean): void {
    if (network.prefix > 0 || not) this[field] = not ? { network, not } : { network };
  }

  private jump(how: 'jump' | 'goto', name: string): void {
    if (this.seen.has('jump') && this.seen.has('goto')) throw parameterProblem("Can't use -j and -g together", '-g');
    if (UNMODELLED_TARGETS.has(name)) throw notModelled(`target ${name}`);
    const kind = how === 'jump' ? TARGETS.get(name) : undefined;
    if (kind !== undefined) {
      this.target = kind.begin();
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

function matchNamed(name: string): Extension<Match> {
  if (UNMODELLED_MATCHES.has(name)) throw notModelled(`match ${name}`);
  const kind = MATCHES.get(name);
  if (kind === undefined) throw parameterProblem(`Couldn't load match \`${shorten(name)}':No such file or directory\n`, '-m');
  return kind;
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

/** Matches and targets that need a protocol: the kernel refuses `-m tcp` without `-p tcp`. */
function checkProtocol(rule: Rule): void {
  const protocol = rule.protocol?.not === true ? undefined : rule.protocol?.number;
  const target = rule.target;
  if (
    (target.name === 'DNAT' || target.name === 'SNAT' || target.name === 'MASQUERADE' || target.name === 'REDIRECT') &&
    target.port !== undefined
  ) {
    if (protocol === undefined || ![6, 17, 132, 33].includes(protocol)) {
      throw parameterProblem('Need TCP, UDP, SCTP or DCCP with port specification');
    }
  }
  for (const match of rule.matches) {
    const wanted = [...IMPLICIT_MATCH].find(([, name]) => name === match.name)?.[0];
    if (wanted !== undefined && wanted !== protocol)
      throw parameterProblem("Invalid argument. Run `dmesg' for more information.", '-m', 'invalid-argument');
  }
  if (target.name === 'REJECT' && target.with === 'tcp-reset' && protocol !== 6) {
    throw parameterProblem("Invalid argument. Run `dmesg' for more information.", '--reject-with', 'invalid-argument');
  }
}
