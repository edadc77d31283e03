/**
 * `-m iprange`, `-m length`, `-m ttl`: fields of the IP header.
 * Follows linux net/netfilter/xt_{iprange,length,hl}.c and iptables 1.8.9, extensions/libxt_{iprange,length}.c and
 * libipt_ttl.c.
 */
import { formatIpv4, isIpv4, parseIpv4 } from '../../../base/address.ts';
import type { OptionDescription } from '../extension.ts';
import type { MatchDescription } from '../matches.ts';
import { parameterProblem, shorten } from '../notation.ts';
import { fieldOption, formatSpan, type Negatable, parseNumber, parseSpan, type Span, within } from '../option.ts';
import type { Test } from '../rule-host.ts';

/** Addresses first..last. */
export interface IprangeMatch {
  readonly name: 'iprange';
  readonly source?: Span & Negatable;
  readonly destination?: Span & Negatable;
}
/** Bytes of the packet, header included. */
export interface LengthMatch {
  readonly name: 'length';
  readonly length: Span & Negatable;
}
/** `ne` is how iptables keeps a negated `--ttl-eq`. */
export interface TtlMatch {
  readonly name: 'ttl';
  readonly how: 'eq' | 'ne' | 'lt' | 'gt';
  readonly ttl: number;
}

function range(flag: string, field: 'source' | 'destination'): OptionDescription<IprangeMatch> {
  const parse = (text: string): Span => {
    const [low = '', high = low, more] = text.split('-');
    if (!isIpv4(low) || !isIpv4(high) || more !== undefined)
      throw parameterProblem(`iprange: Bad value for "${flag}" option: "${shorten(text)}"`, flag);
    return { first: parseIpv4(low), last: parseIpv4(high) };
  };
  return fieldOption<IprangeMatch, Span & Negatable>([flag], field, parse, formatRange);
}

function formatRange({ first, last }: Span): string {
  return `${formatIpv4(first)}-${formatIpv4(last)}`;
}

/** `-m iprange` */
export const iprange: MatchDescription<IprangeMatch> = {
  name: 'iprange',
  options: [range('--src-range', 'source'), range('--dst-range', 'destination')],
  start: () => ({ name: 'iprange' }),
  missing: (_, given) => (given === 0 ? "iprange match: You must specify `--src-range' or `--dst-range'" : undefined),
  list({ source, destination }) {
    const text = (label: string, span: (Span & Negatable) | undefined) =>
      span === undefined ? [] : [`${label} IP range ${span.not === true ? '! ' : ''}${formatRange(span)}`];
    return [...text('source', source), ...text('destination', destination)].join(' ');
  },
  tests({ source, destination }) {
    const tests: Test[] = [];
    if (source !== undefined) tests.push((_, skb) => within(source, skb.source));
    if (destination !== undefined) tests.push((_, skb) => within(destination, skb.destination));
    return tests;
  },
};

/** `-m length` */
export const length: MatchDescription<LengthMatch> = {
  name: 'length',
  options: [
    fieldOption<LengthMatch, Span & Negatable>(
      ['--length'],
      'length',
      (text) => parseSpan('length', '--length', text, 65535),
      formatSpan,
    ),
  ],
  start: () => ({ name: 'length', length: { first: 0, last: 65535 } }),
  missing: (_, given) => (given === 0 ? 'length: option "--length" must be specified' : undefined),
  list: ({ length }) => `length ${length.not === true ? '!' : ''}${formatSpan(length)}`,
  tests: ({ length }) => [(_, skb) => within(length, skb.length)],
};

const TTL_SIGNS = { eq: '==', ne: '!=', lt: '<', gt: '>' } as const;

function ttlOption(how: 'eq' | 'lt' | 'gt'): OptionDescription<TtlMatch> {
  const flag = `--ttl-${how}`;
  return {
    flags: [flag],
    negatable: how === 'eq',
    read({ words: [text = ''], not }, into) {
      into.ttl = parseNumber('ttl', flag, text, 0, 255);
      into.how = not ? 'ne' : how;
    },
    write: (from) => {
      const mine = from.how === how || (how === 'eq' && from.how === 'ne');
      return mine ? { words: [String(from.ttl)], not: from.how === 'ne' } : undefined;
    },
  };
}

/** `-m ttl` */
export const ttl: MatchDescription<TtlMatch> = {
  name: 'ttl',
  options: [ttlOption('eq'), ttlOption('lt'), ttlOption('gt')],
  start: () => ({ name: 'ttl', how: 'eq', ttl: 0 }),
  missing(_, given) {
    if (given === 0) return "TTL match: You must specify one of `--ttl-eq', `--ttl-lt', `--ttl-gt";
    return given > 1 ? 'ttl: its options cannot be used together.' : undefined;
  },
  list: ({ how, ttl }) => `TTL match TTL ${TTL_SIGNS[how]} ${ttl}`,
  tests: ({ how, ttl }) => [
    {
      eq: (_: unknown, skb: { readonly ttl: number }) => skb.ttl === ttl,
      ne: (_: unknown, skb: { readonly ttl: number }) => skb.ttl !== ttl,
      lt: (_: unknown, skb: { readonly ttl: number }) => skb.ttl < ttl,
      gt: (_: unknown, skb: { readonly ttl: number }) => skb.ttl > ttl,
    }[how],
  ],
};
