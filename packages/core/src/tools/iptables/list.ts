/**
 * What `iptables -L` prints of a chain.
 * Follows iptables 1.8.9 (iptables/xshared.c, print_header, print_rule_details) and 1.4.21, which with `-n` still
 * wrote protocols by name.
 */
import { MATCHES } from '../../kernel/netfilter/matches.ts';
import { listNetwork, protocolName } from '../../kernel/netfilter/notation.ts';
import type { AddressMatch, Chain, InterfaceMatch, Rule, Target } from '../../kernel/netfilter/rule.ts';
import type { ChainCounters } from '../../kernel/netfilter/save.ts';
import { TARGETS } from '../../kernel/netfilter/targets.ts';
import { unmodelledText } from '../../kernel/netfilter/unmodelled.ts';

/** A release of iptables whose layout is printed: the post's, or a newer one. */
export type IptablesVersion = '1.4.21' | '1.8.9';

/** What of a chain is shown, and how. */
export interface ListOptions {
  readonly numeric: boolean;
  readonly verbose: boolean;
  /** `-x`: counters in full. */
  readonly exact: boolean;
  readonly lineNumbers: boolean;
  readonly version: IptablesVersion;
}

/** One chain with its header lines and rules. */
export function listChain(chain: Chain, references: number, counters: ChainCounters, options: ListOptions): string {
  const rows = chain.rules.map((rule, i) => row(rule, i + 1, counters, options));
  return [title(chain, references, counters, options), header(options), ...rows].map((line) => `${line}\n`).join('');
}

/** How many rules of a table jump or go to a chain. */
export function referencesTo(chains: readonly Chain[], name: string): number {
  let count = 0;
  for (const { rules } of chains) {
    for (const { target } of rules) if ((target.name === 'JUMP' || target.name === 'GOTO') && target.chain === name) count++;
  }
  return count;
}

/** A count as `iptables -v` shortens it: plain below 100,000, then K, M, G, T. */
export function shortCount(count: number): string {
  if (count <= 99_999) return String(count);
  let rest = count;
  for (const unit of ['K', 'M', 'G']) {
    rest = Math.floor((rest + 500) / 1000);
    if (rest <= 9999) return `${rest}${unit}`;
  }
  return `${Math.floor((rest + 500) / 1000)}T`;
}

function title(chain: Chain, references: number, counters: ChainCounters, { verbose, exact }: ListOptions): string {
  if (chain.policy === undefined) return `Chain ${chain.name} (${references} references)`;
  const { packets, bytes } = counters.policy;
  const text = (count: number) => (exact ? String(count) : shortCount(count));
  return `Chain ${chain.name} (policy ${chain.policy}${verbose ? ` ${text(packets)} packets, ${text(bytes)} bytes` : ''})`;
}

function header({ verbose, exact, lineNumbers }: ListOptions): string {
  const counts = !verbose
    ? ''
    : exact
      ? `${'pkts'.padStart(8)} ${'bytes'.padStart(10)} `
      : `${'pkts'.padStart(5)} ${'bytes'.padStart(5)} `;
  const devices = verbose ? `${'in'.padEnd(6)} ${'out'.padEnd(6)}  ` : '';
  const number = lineNumbers ? 'num  ' : '';
  return `${number}${counts}${'target'.padEnd(9)}  ${'prot'.padEnd(4)} opt ${devices}${'source'.padEnd(19)}  ${'destination'.padEnd(19)} `;
}

function row(rule: Rule, number: number, counters: ChainCounters, options: ListOptions): string {
  const numbered = options.lineNumbers ? `${String(number).padEnd(4)} ` : '';
  return `${numbered}${counts(counters.rules[number - 1], options)}${protocol(rule, options)}${devices(rule, options)}${addresses(rule, options)}${extensions(rule, options)}`;
}

function counts(
  counter: { readonly packets: number; readonly bytes: number } | undefined,
  { verbose, exact }: ListOptions,
): string {
  if (!verbose) return '';
  const { packets, bytes } = counter ?? { packets: 0, bytes: 0 };
  if (exact) return `${String(packets).padStart(8)} ${String(bytes).padStart(8)} `;
  return `${shortCount(packets).padStart(5)} ${shortCount(bytes).padStart(5)} `;
}

function protocol(rule: Rule, { numeric, version }: ListOptions): string {
  const { target } = rule;
  const number = rule.protocol?.number ?? 0;
  const text = numeric && version === '1.8.9' ? String(number) : protocolName(number, numeric);
  const fragment = rule.fragment === undefined ? '--' : rule.fragment.not === true ? '!f' : '-f';
  return `${targetName(target).padEnd(9)} ${rule.protocol?.not === true ? '!' : ' '}${text.padEnd(4)} ${fragment} `;
}

function targetName(target: Target): string {
  if (target.name === 'JUMP' || target.name === 'GOTO') return target.chain;
  if (target.name === 'UNMODELLED') return target.target;
  // NOTRACK is only another name of CT's.
  if (target.name === 'NOTRACK') return 'CT';
  return target.name === 'NONE' ? '' : target.name;
}

function devices(rule: Rule, { numeric, verbose }: ListOptions): string {
  if (!verbose) return '';
  const text = (match: InterfaceMatch | undefined) =>
    match === undefined ? (numeric ? '*' : 'any') : `${match.not === true ? '!' : ''}${match.name}`;
  return ` ${text(rule.in).padEnd(6)} ${text(rule.out).padEnd(6)} `;
}

function addresses(rule: Rule, { numeric }: ListOptions): string {
  const text = (match: AddressMatch | undefined) =>
    `${match?.not === true ? '!' : ' '}${listNetwork(match, numeric).padEnd(19)} `;
  return text(rule.source) + text(rule.destination);
}

function extensions(rule: Rule, { numeric }: ListOptions): string {
  const protocol = rule.protocol?.number ?? 0;
  const texts = rule.matches.map((match) =>
    match.name === 'unmodelled'
      ? unmodelledText(match.match, match.words)
      : (MATCHES.get(match.name)?.list(match, numeric, protocol) ?? ''),
  );
  texts.push(targetText(rule.target, numeric, protocol));
  const goto = rule.target.name === 'GOTO' ? '[goto] ' : '';
  return (
    goto +
    texts
      .filter((text) => text !== '')
      .map((text) => ` ${text}`)
      .join('')
  );
}

function targetText(target: Target, numeric: boolean, protocol: number): string {
  if (target.name === 'UNMODELLED') return target.words.join(' ');
  return TARGETS.get(target.name)?.list(target, numeric, protocol) ?? '';
}
