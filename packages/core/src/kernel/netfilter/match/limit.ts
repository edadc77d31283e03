/**
 * `-m limit`: a bucket of tokens that fills by virtual time.
 * Follows linux net/netfilter/xt_limit.c and iptables 1.8.9, extensions/libxt_limit.c. Differs: time counts in
 * milliseconds, not in jiffies; a bucket is filled again only when its own chain changes, not with any rule of the table.
 */
import type { MatchDescription } from '../matches.ts';
import { parameterProblem, shorten } from '../notation.ts';
import { parseNumber } from '../option.ts';

/** `period` is how long a token takes, in ten-thousandths of a second. */
export interface LimitMatch {
  readonly name: 'limit';
  readonly period: number;
  readonly burst: number;
}

/** Units of {@link LimitMatch.period} in a second. */
const SCALE = 10_000;
const WORD = 2 ** 32;
/** For 250 and for 1000 jiffies a second alike. */
const CREDITS_PER_SECOND = 32_000;
const UNITS: readonly (readonly [name: string, printed: string, seconds: number])[] = [
  ['day', 'day', 86_400],
  ['hour', 'hour', 3_600],
  ['minute', 'min', 60],
  ['second', 'sec', 1],
];
const DEFAULT_BURST = 5;

/** `-m limit` */
export const limit: MatchDescription<LimitMatch> = {
  name: 'limit',
  options: [
    {
      flags: ['--limit'],
      read: ({ words: [text = ''] }, into) => {
        into.period = parseRate(text);
      },
      write: ({ period }) => ({ words: [formatRate(period)], not: false }),
    },
    {
      flags: ['--limit-burst'],
      read: ({ words: [text = ''] }, into) => {
        into.burst = parseNumber('limit', '--limit-burst', text, 0, 10_000);
        if (into.burst === 0) throw parameterProblem('Numerical result out of range.', '--limit-burst', 'invalid-argument');
      },
      write: ({ burst }) => (burst === DEFAULT_BURST ? undefined : { words: [String(burst)], not: false }),
    },
  ],
  start: () => ({ name: 'limit', period: parseRate('3/hour'), burst: DEFAULT_BURST }),
  missing({ period, burst }) {
    // The kernel's 32 bits must hold a full bucket.
    if (burst > 0 && credits((period * burst) % WORD) < credits(period))
      throw parameterProblem('Numerical result out of range.', '--limit-burst', 'invalid-argument');
    return undefined;
  },
  list: ({ period, burst }) => `limit: avg ${formatRate(period)} burst ${burst}`,
  stateful: true,
  tests({ period, burst }) {
    const full = period * burst;
    let credit = full;
    let last: number | undefined;
    return [
      ({ now }) => {
        credit = Math.min(full, credit + (now - (last ?? now)) * (SCALE / 1000));
        last = now;
        if (credit < period) return false;
        credit -= period;
        return true;
      },
    ];
  },
};

/** What a period is in the kernel's credits (user2credits), which it counts in 32 bits. */
function credits(period: number): number {
  const exact =
    period > (WORD - 1) / CREDITS_PER_SECOND
      ? Math.floor(period / SCALE) * CREDITS_PER_SECOND
      : Math.floor((period * CREDITS_PER_SECOND) / SCALE);
  return exact % WORD;
}

/**
 * Reads `5/min`, `3`: a rate as the period of one.
 * @throws Refusal in iptables' words
 */
function parseRate(text: string): number {
  const match = /^(\d{1,9})(?:\/([a-zA-Z]+))?$/.exec(text);
  const unit = match?.[2]?.toLowerCase() ?? 'second';
  const seconds = UNITS.find(([name]) => name.startsWith(unit))?.[2];
  const rate = Number(match?.[1] ?? 0);
  if (rate === 0 || seconds === undefined) throw parameterProblem(`bad rate "${shorten(text)}"'`, '--limit');
  const period = Math.floor((SCALE * seconds) / rate);
  if (period === 0) throw parameterProblem(`Rate too fast "${shorten(text)}"`, '--limit');
  return period;
}

/** In the largest unit that a smaller one would not say better. */
function formatRate(period: number): string {
  let best = 0;
  for (let i = 1; i < UNITS.length; i++) {
    const unit = (UNITS[i]?.[2] ?? 1) * SCALE;
    if (period > unit || Math.floor(unit / period) < unit % period) break;
    best = i;
  }
  const [, name, seconds] = UNITS[best] ?? ['', 'sec', 1];
  return `${Math.floor((seconds * SCALE) / period)}/${name}`;
}
