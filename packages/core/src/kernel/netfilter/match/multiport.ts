/**
 * `-m multiport`: up to fifteen ports, a range counting as two.
 * Follows linux net/netfilter/xt_multiport.c and iptables 1.8.9, extensions/libxt_multiport.c.
 */
import type { SkBuff } from '../../skb.ts';
import type { OptionDescription } from '../extension.ts';
import type { MatchDescription } from '../matches.ts';
import { parameterProblem, parsePort, serviceName } from '../notation.ts';
import { formatSpan, type Span } from '../option.ts';

/** Ports of either end. */
export interface MultiportMatch {
  readonly name: 'multiport';
  readonly end: 'sports' | 'dports' | 'ports';
  readonly ports: readonly Span[];
  readonly not?: boolean;
}

const MOST = 15;

function option(end: MultiportMatch['end'], ...others: readonly string[]): OptionDescription<MultiportMatch> {
  return {
    flags: [`--${end}`, ...others],
    negatable: true,
    read({ words: [text = ''], not }, into) {
      into.end = end;
      into.ports = parsePorts(text);
      if (not) into.not = true;
    },
    write: (from) => (from.end === end ? { words: [from.ports.map(formatSpan).join(',')], not: from.not === true } : undefined),
  };
}

function parsePorts(text: string): readonly Span[] {
  const spans = text.split(',').map((part) => {
    const colon = part.indexOf(':');
    if (colon < 0) {
      const port = parsePort(part);
      return { first: port, last: port };
    }
    const span = { first: parsePort(part.slice(0, colon)), last: parsePort(part.slice(colon + 1)) };
    if (span.first >= span.last) throw parameterProblem('invalid portrange specified', '--ports');
    return span;
  });
  const used = spans.reduce((sum, { first, last }) => sum + (first === last ? 1 : 2), 0);
  if (used > MOST) throw parameterProblem('too many ports specified', '--ports');
  return spans;
}

/** `-m multiport` */
export const multiport: MatchDescription<MultiportMatch> = {
  name: 'multiport',
  options: [option('sports', '--source-ports'), option('dports', '--destination-ports'), option('ports')],
  start: () => ({ name: 'multiport', end: 'ports', ports: [] }),
  missing: (_, given) =>
    given === 0 ? 'multiport expection an option' : given > 1 ? 'multiport: only one of its options can be used' : undefined,
  list({ end, ports, not }, numeric, protocol) {
    const text = (port: number) => (numeric ? String(port) : serviceName(port, protocol));
    const list = ports.map(({ first, last }) => (first === last ? text(first) : `${text(first)}:${text(last)}`));
    return `multiport ${end} ${not === true ? ' !' : ''}${list.join(',')}`;
  },
  tests({ end, ports, not = false }) {
    const has = (port: number) => ports.some(({ first, last }) => first <= port && port <= last);
    const test = {
      sports: (skb: SkBuff) => has(skb.sourcePort),
      dports: (skb: SkBuff) => has(skb.destinationPort),
      ports: (skb: SkBuff) => has(skb.sourcePort) || has(skb.destinationPort),
    }[end];
    return [(_, skb) => test(skb) !== not];
  },
};
