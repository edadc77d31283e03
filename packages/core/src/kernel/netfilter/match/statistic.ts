/**
 * `-m statistic`: each nth packet, or some by chance.
 * Follows linux net/netfilter/xt_statistic.c and iptables 1.8.9, extensions/libxt_statistic.c. Where the kernel draws
 * from its own chance, the namespace's seeded chance is drawn from.
 */
import type { MatchDescription } from '../matches.ts';
import { parameterProblem, shorten } from '../notation.ts';
import { type Negatable, parseNumber } from '../option.ts';

/** What the options say; `mode` decides which of them count. */
export interface StatisticMatch {
  readonly name: 'statistic';
  readonly mode: 'nth' | 'random';
  /** In 2^-31. */
  readonly probability?: { readonly parts: number } & Negatable;
  readonly every?: { readonly count: number } & Negatable;
  readonly packet?: number;
}

const ONE = 2 ** 31;

/** `-m statistic` */
export const statistic: MatchDescription<StatisticMatch> = {
  name: 'statistic',
  options: [
    {
      flags: ['--mode'],
      read({ words: [text = ''] }, into) {
        if (text !== 'nth' && text !== 'random') throw parameterProblem(`Bad mode "${shorten(text)}"`, '--mode');
        into.mode = text;
      },
      write: ({ mode }) => ({ words: [mode], not: false }),
    },
    {
      flags: ['--probability'],
      negatable: true,
      read({ words: [text = ''], not }, into) {
        const value = /^\d{1,3}(\.\d{1,20})?$/.test(text) ? Number(text) : -1;
        if (value < 0 || value > 1)
          throw parameterProblem('statistic: bad value for option "--probability", or out of range (0-1).', '--probability');
        const parts = Math.round(ONE * value);
        into.probability = not ? { parts, not } : { parts };
      },
      write: ({ probability }) =>
        probability === undefined ? undefined : { words: [fraction(probability.parts)], not: probability.not === true },
    },
    {
      flags: ['--every'],
      negatable: true,
      read({ words: [text = ''], not }, into) {
        const count = parseNumber('statistic', '--every', text, 1, 0xffffffff);
        into.every = not ? { count, not } : { count };
      },
      write: ({ every }) => (every === undefined ? undefined : { words: [String(every.count)], not: every.not === true }),
    },
    {
      flags: ['--packet'],
      read({ words: [text = ''] }, into) {
        into.packet = parseNumber('statistic', '--packet', text, 0, 0xffffffff);
      },
      write: ({ packet }) => (packet === undefined ? undefined : { words: [String(packet)], not: false }),
    },
  ],
  start: () => ({ name: 'statistic', mode: 'random' }),
  missing({ mode, probability, every, packet }) {
    if (mode === 'random')
      return probability === undefined ? '--probability must be specified when using random mode' : undefined;
    if (every === undefined || packet === undefined) return '--every and --packet must be specified when using nth mode';
    return packet >= every.count ? 'the --packet p must be 0 <= p <= n-1' : undefined;
  },
  list({ mode, probability, every, packet }) {
    const not = (part: Negatable | undefined) => (part?.not === true ? ' !' : '');
    if (mode === 'random') return `statistic mode random${not(probability)} probability ${fraction(probability?.parts ?? 0)}`;
    return `statistic mode nth${not(every)} every ${every?.count}${packet === 0 ? '' : ` packet ${packet}`}`;
  },
  stateful: true,
  tests({ mode, probability, every, packet = 0 }) {
    if (mode === 'random') {
      const { parts, not = false } = probability ?? { parts: 0 };
      return [({ random }) => random.next(31) < parts !== not];
    }
    const { count, not = false } = every ?? { count: 1 };
    let passed = count - 1 - packet;
    return [
      () => {
        passed = passed === count - 1 ? 0 : passed + 1;
        return (passed === 0) !== not;
      },
    ];
  },
};

function fraction(parts: number): string {
  return (parts / ONE).toFixed(11);
}
