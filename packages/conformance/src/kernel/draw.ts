/** How generators choose: from a source of fast-check, so that one seed gives one lab. */
import fc from 'fast-check';

/** A source of choices. */
export interface Draw {
  /** One of the items. */
  pick<T>(items: readonly T[]): T;
  /** True in so many cases of a hundred. */
  chance(percent: number): boolean;
  /** A number from `low` to `high`, both included. */
  number(low: number, high: number): number;
}

/** An arbitrary made of a function that draws. */
export function drawn<T>(make: (draw: Draw) => T): fc.Arbitrary<T> {
  return fc.gen().map((g) =>
    make({
      pick: (items) => items[g(fc.integer, { min: 0, max: items.length - 1 })] as (typeof items)[number],
      chance: (percent) => g(fc.integer, { min: 0, max: 99 }) < percent,
      number: (low, high) => g(fc.integer, { min: low, max: high }),
    }),
  );
}
