/** Spans of time as people write them. */
import { Refusal } from '@portolan/core';

const UNITS: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1000],
  ['min', 60_000],
  ['h', 3_600_000],
]);

/**
 * Milliseconds of `15s`, `500ms`, `2min`, `1h`, or a number of them.
 * @throws Refusal `bad-duration`
 */
export function parseDuration(span: number | string): number {
  if (typeof span === 'number' && span >= 0 && Number.isFinite(span)) return span;
  const text = String(span);
  const match = /^(\d{1,9})(ms|s|min|h)$/.exec(text);
  const unit = UNITS.get(match?.[2] ?? '');
  if (unit === undefined)
    throw new Refusal({
      component: 'clock',
      code: 'bad-duration',
      path: 'span',
      message: `'${text.slice(0, 40)}' is not a span such as 15s, 500ms, 2min or 1h`,
    });
  return Number(match?.[1]) * unit;
}
