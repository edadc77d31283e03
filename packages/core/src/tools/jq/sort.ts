/** How jq sorts, groups and picks the least and greatest. Follows jq 1.6 (src/builtin.c, order_cmp; src/jv_aux.c). */
import { compareJson, described, isArray, JqError, type Json } from './value.ts';

/** A filter: its outputs for an input. */
export type Filter = (input: Json) => Iterable<Json>;

/** What a function may ask of the run: to iterate, and to count work. */
export interface Run {
  items(value: Json): Iterable<Json>;
  step(): void;
}

/** The filter `.`. */
export const SELF: Filter = (input) => [input];

interface Keyed {
  readonly item: Json;
  readonly key: Json;
}

/** Items with what `f` says of them; of an object `f` is asked, and then it is refused. */
function keyed(input: Json, f: Filter, run: Run, what: string): readonly Keyed[] {
  const rows = [...run.items(input)].map((item) => ({ item, key: [...f(item)] }));
  if (!isArray(input)) throw new JqError(`${described(input)} and ${described(rows.map(({ key }) => key))} ${what}`);
  return rows;
}

/** Sorted by key; equal ones stay in order. */
function sorted(rows: readonly Keyed[]): readonly Keyed[] {
  return [...rows].sort((a, b) => compareJson(a.key, b.key));
}

const NOT_BOTH = 'cannot be sorted, as they are not both arrays';

/** `sort_by(f)`. */
export function sortBy(input: Json, f: Filter, run: Run): Json {
  return sorted(keyed(input, f, run, NOT_BOTH)).map(({ item }) => item);
}

/** `sort`. */
export function sortItems(input: Json): Json {
  if (!isArray(input)) throw new JqError(`${described(input)} cannot be sorted, as it is not an array`);
  return [...input].sort(compareJson);
}

/** `group_by(f)`. */
export function groups(input: Json, f: Filter, run: Run): readonly (readonly Json[])[] {
  const found: { key: Json; items: Json[] }[] = [];
  for (const { item, key } of sorted(keyed(input, f, run, NOT_BOTH))) {
    const last = found.at(-1);
    if (last !== undefined && compareJson(last.key, key) === 0) last.items.push(item);
    else found.push({ key, items: [item] });
  }
  return found.map(({ items }) => items);
}

/** The least (-1) or greatest (1), by key if there is a filter: of equal ones the first least, the last greatest. */
export function extreme(sign: 1 | -1, input: Json, f: Filter | undefined, run: Run): Json {
  if (f === undefined && !isArray(input))
    throw new JqError(`${described(input)} and ${described(input)} cannot be iterated over`);
  let best: Keyed | undefined;
  for (const row of keyed(input, f ?? SELF, run, 'cannot be iterated over')) {
    const difference = best === undefined ? 0 : compareJson(row.key, best.key) * sign;
    if (best === undefined || difference > 0 || (difference === 0 && sign > 0)) best = row;
  }
  return best?.item ?? null;
}
