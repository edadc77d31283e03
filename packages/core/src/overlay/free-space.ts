/**
 * What is still free of a pool: ascending intervals, closed below and open above, that never touch. An immutable
 * list whose head is the lowest interval, so that taking the lowest free value costs the same however much is free.
 * Stands for stout's IntervalSet (over Boost.ICL) in dcos-mesos-modules overlay/master.cpp, edc45dc.
 */

/** A run of free values and those above it. */
export interface FreeSpace<T extends number | bigint> {
  readonly lower: T;
  /** The first value above it that is not free. */
  readonly upper: T;
  readonly rest: FreeSpace<T> | undefined;
}

/** The value after another in a pool; what that is differs for addresses and subnets. */
export type Successor<T> = (value: T) => T;

/** The space from one value up to another, which is not in it; undefined if that is nothing. */
export function spaceBetween<T extends number | bigint>(lower: T, upper: T): FreeSpace<T> | undefined {
  return lower < upper ? { lower, upper, rest: undefined } : undefined;
}

/** Whether the value is free. */
export function isFree<T extends number | bigint>(space: FreeSpace<T> | undefined, value: T): boolean {
  let part = space;
  while (part !== undefined && part.upper <= value) part = part.rest;
  return part !== undefined && part.lower <= value;
}

/** The space without a value and all up to its successor. */
export function without<T extends number | bigint>(
  space: FreeSpace<T> | undefined,
  value: T,
  next: Successor<T>,
): FreeSpace<T> | undefined {
  const upper = next(value);
  if (value >= upper) return space;
  const below: FreeSpace<T>[] = [];
  let part = space;
  while (part !== undefined && part.upper <= value) {
    below.push(part);
    part = part.rest;
  }
  while (part !== undefined && part.lower < upper) {
    if (part.lower < value) below.push({ lower: part.lower, upper: value, rest: undefined });
    if (part.upper > upper) {
      part = { lower: upper, upper: part.upper, rest: part.rest };
      break;
    }
    part = part.rest;
  }
  return prepend(below, part);
}

/** The space with a value and all up to its successor; neighbours merge. */
export function withValue<T extends number | bigint>(
  space: FreeSpace<T> | undefined,
  value: T,
  next: Successor<T>,
): FreeSpace<T> | undefined {
  let lower = value;
  let upper = next(value);
  if (lower >= upper) return space;
  const below: FreeSpace<T>[] = [];
  let part = space;
  while (part !== undefined && part.upper < lower) {
    below.push(part);
    part = part.rest;
  }
  while (part !== undefined && part.lower <= upper) {
    if (part.lower < lower) lower = part.lower;
    if (part.upper > upper) upper = part.upper;
    part = part.rest;
  }
  return prepend(below, { lower, upper, rest: part });
}

/** Its intervals, ascending. */
export function intervals<T extends number | bigint>(
  space: FreeSpace<T> | undefined,
): readonly { readonly lower: T; readonly upper: T }[] {
  const list: FreeSpace<T>[] = [];
  for (let part = space; part !== undefined; part = part.rest) list.push(part);
  return list;
}

/** `{[9.0.1.0/24,9.0.2.0/24)[9.0.3.0/24,10.0.0.0/24)}`: as the IPAM's log prints it. */
export function printSpace<T extends number | bigint>(space: FreeSpace<T> | undefined, print: (value: T) => string): string {
  return `{${intervals(space)
    .map(({ lower, upper }) => `[${print(lower)},${print(upper)})`)
    .join('')}}`;
}

function prepend<T extends number | bigint>(
  below: readonly FreeSpace<T>[],
  rest: FreeSpace<T> | undefined,
): FreeSpace<T> | undefined {
  let head = rest;
  for (let i = below.length - 1; i >= 0; i--) {
    const { lower, upper } = below[i] as FreeSpace<T>;
    head = { lower, upper, rest: head };
  }
  return head;
}
