/**
 * What two sorted lists do not share, in the order in which dcos-net finds it (`dcos_net_utils:complement/2` and
 * `diff/2` of dcos_l4lb_mgr, dcos/dcos-net@7bd01ac). That order is the order of its writes to the kernel: what lies
 * beyond the other list's end comes first, ascending; the rest follows, descending.
 */

/** An order: negative, 0 or positive. */
export type Compare<T> = (a: T, b: T) => number;

/** Elements of one list only. */
export interface Complement<T> {
  readonly onlyA: readonly T[];
  readonly onlyB: readonly T[];
}

/**
 * Compares two lists. Parts of longer lists may be given, if all they leave out is in both; then the longer lists'
 * last elements must come along.
 * @param a sorted, as is `b`; equal elements count each
 * @param lastA the last element of the list that `a` is part of
 */
export function complement<T>(
  a: readonly T[],
  b: readonly T[],
  compare: Compare<T>,
  lastA = a.at(-1),
  lastB = b.at(-1),
): Complement<T> {
  if (b.length === 0) return { onlyA: inWriteOrder(a, lastB, compare), onlyB: [] };
  const onlyA: T[] = [];
  const onlyB: T[] = [];
  walk(a, b, compare, { onlyA: (item) => onlyA.push(item), onlyB: (item) => onlyB.push(item), both: () => {} });
  return { onlyA: inWriteOrder(onlyA, lastB, compare), onlyB: inWriteOrder(onlyB, lastA, compare) };
}

/** What is done with an element of one list only, and with two that are equal. */
export interface Visitor<T> {
  onlyA(item: T): void;
  onlyB(item: T): void;
  both(a: T, b: T): void;
}

/** Walks two sorted lists together, ascending. */
export function walk<T>(a: readonly T[], b: readonly T[], compare: Compare<T>, visitor: Visitor<T>): void {
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const order = i === a.length ? 1 : j === b.length ? -1 : compare(a[i] as T, b[j] as T);
    if (order < 0) visitor.onlyA(a[i++] as T);
    else if (order > 0) visitor.onlyB(b[j++] as T);
    else visitor.both(a[i++] as T, b[j++] as T);
  }
}

/**
 * Puts what one list alone has, ascending, into the order of its writing.
 * @param last the other list's last element, undefined if it is empty
 */
export function inWriteOrder<T>(items: readonly T[], last: T | undefined, compare: Compare<T>): T[] {
  if (items.length < 2) return items.slice();
  const beyond = last === undefined ? 0 : lowerBound(items, last, compare);
  return [...items.slice(beyond), ...items.slice(0, beyond).toReversed()];
}

/** Index of the first element that is not below `item`. */
export function lowerBound<T>(items: readonly T[], item: T, compare: Compare<T>): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compare(items[middle] as T, item) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Puts an element into a sorted list. */
export function insertSorted<T>(items: T[], item: T, compare: Compare<T>): void {
  const last = items.at(-1);
  if (last === undefined || compare(last, item) < 0) items.push(item);
  else items.splice(lowerBound(items, item, compare), 0, item);
}

/**
 * Puts elements into a sorted list, those that come to stand side by side at once: as {@link insertSorted} would one by one.
 * @param more in any order
 */
export function insertAllSorted<T>(items: T[], more: readonly T[], compare: Compare<T>): void {
  const [only] = more;
  if (more.length === 1 && only !== undefined) return insertSorted(items, only, compare);
  // Of equal elements the later one comes to stand first.
  const sorted = more.toReversed().sort(compare);
  for (let end = sorted.length; end > 0; ) {
    const at = lowerBound(items, sorted[end - 1] as T, compare);
    let start = end - 1;
    while (start > 0 && (at === 0 || compare(items[at - 1] as T, sorted[start - 1] as T) < 0)) start--;
    items.splice(at, 0, ...sorted.slice(start, end));
    end = start;
  }
}

/** Takes one element equal to `item` out of a sorted list; says whether there was one. */
export function removeSorted<T>(items: T[], item: T, compare: Compare<T>): T | undefined {
  const index = lowerBound(items, item, compare);
  const found = items[index];
  if (found === undefined || compare(found, item) !== 0) return undefined;
  items.splice(index, 1);
  return found;
}
