/**
 * `-m mark`, `-m connmark`: the firewall mark of a packet, and that of its connection.
 * Follows linux net/netfilter/xt_{mark,connmark}.c and iptables 1.8.9, extensions/libxt_{mark,connmark}.c.
 */
import type { MatchDescription } from '../matches.ts';
import { hex, parseMark } from '../notation.ts';

/** A mark under a mask. */
export interface MarkMatch<N extends 'mark' | 'connmark'> {
  readonly name: N;
  readonly value: number;
  readonly mask: number;
  readonly not?: boolean;
}

function description<N extends 'mark' | 'connmark'>(name: N, head: string): Omit<MatchDescription<MarkMatch<N>>, 'tests'> {
  return {
    name,
    options: [
      {
        flags: ['--mark'],
        negatable: true,
        read({ words: [text = ''], not }, into) {
          Object.assign(into, parseMark(text, '--mark'));
          if (not) into.not = true;
        },
        write: (from) => ({ words: [markText(from)], not: from.not === true }),
      },
    ],
    start: () => ({ name, value: 0, mask: 0 }),
    missing: (_, given) => (given === 0 ? `${name}: option "--mark" must be specified` : undefined),
    list: (match) => `${head} ${match.not === true ? '! ' : ''}${markText(match)}`,
  };
}

function markText({ value, mask }: { readonly value: number; readonly mask: number }): string {
  return mask === 0xffffffff ? hex(value) : `${hex(value)}/${hex(mask)}`;
}

/** `-m mark` */
export const mark: MatchDescription<MarkMatch<'mark'>> = {
  ...description('mark', 'mark match'),
  tests: ({ value, mask, not = false }) => [(_, skb) => ((skb.mark & mask) >>> 0 === value) !== not],
};

/** `-m connmark`: a packet without a connection never matches. */
export const connmark: MatchDescription<MarkMatch<'connmark'>> = {
  ...description('connmark', 'connmark match'),
  tracks: true,
  // Two blanks, but for a negated one.
  list: (match) => `connmark match ${match.not === true ? '!' : ''} ${markText(match)}`,
  tests: ({ value, mask, not = false }) => [
    (_, { connection }) => connection !== undefined && ((connection.mark & mask) >>> 0 === value) !== not,
  ],
};
