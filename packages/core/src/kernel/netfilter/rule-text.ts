/**
 * A rule as iptables prints it: `-s 9.0.0.0/8 -m set --match-set overlay dst -j MASQUERADE`.
 * Follows iptables 1.8.9 (iptables/iptables.c, print_rule4).
 */
import { formatCidr, formatIpv4 } from '../../base/address.ts';
import { MATCHES } from './matches.ts';
import { protocolName } from './notation.ts';
import type { AddressMatch, InterfaceMatch, Match, Rule, Target } from './rule.ts';
import type { Counter } from './table.ts';
import { TARGETS } from './targets.ts';
import { unmodelledText } from './unmodelled.ts';

/** A rule's arguments in the order of `iptables -S`, without `-A CHAIN`; with counters as `-S -v` shows them. */
export function ruleArguments(rule: Rule, counter?: Readonly<Counter>): string {
  let text = '';
  if (rule.source !== undefined) text += option('-s', networkText(rule.source), rule.source.not);
  if (rule.destination !== undefined) text += option('-d', networkText(rule.destination), rule.destination.not);
  if (isNamed(rule.in)) text += option('-i', rule.in.name, rule.in.not);
  if (isNamed(rule.out)) text += option('-o', rule.out.name, rule.out.not);
  if (rule.protocol !== undefined) text += option('-p', protocolName(rule.protocol.number, false), rule.protocol.not);
  if (rule.fragment !== undefined) text += rule.fragment.not === true ? ' ! -f' : ' -f';
  for (const match of rule.matches) text += ` -m ${matchText(match)}`;
  if (counter !== undefined) text += ` -c ${counter.packets} ${counter.bytes}`;
  return (text + targetText(rule.target)).slice(1);
}

/** iptables prints nothing of `+`, which is any device, not even behind `!`. */
function isNamed(match: InterfaceMatch | undefined): match is InterfaceMatch {
  return match !== undefined && match.name !== '+';
}

function matchText(match: Match): string {
  if (match.name === 'unmodelled') return unmodelledText(match.match, match.words);
  return `${match.name}${MATCHES.get(match.name)?.save(match) ?? ''}`;
}

function targetText(target: Target): string {
  if (target.name === 'NONE') return '';
  if (target.name === 'JUMP') return ` -j ${target.chain}`;
  if (target.name === 'GOTO') return ` -g ${target.chain}`;
  if (target.name === 'UNMODELLED') return ` -j ${unmodelledText(target.target, target.words)}`;
  return ` -j ${target.name}${TARGETS.get(target.name)?.save(target) ?? ''}`;
}

function option(flag: string, value: string, not: boolean | undefined): string {
  return `${not === true ? ' !' : ''} ${flag} ${value}`;
}

/** `9.0.0.0/8`; a mask whose bits are not contiguous in full. */
export function networkText({ network, mask }: AddressMatch): string {
  return mask === undefined ? formatCidr(network) : `${formatIpv4(network.address)}/${formatIpv4(mask)}`;
}
