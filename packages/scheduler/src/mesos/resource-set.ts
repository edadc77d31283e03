/**
 * A list of Mesos resources of any kind, and what is left when some of it is used: scalars, ranges and sets.
 * Follows mesosphere/marathon v1.8 tasks/ResourceUtil.scala: what is used beyond what there is takes the resource away.
 */
import { type PortRange, portRanges } from '@portolan/core';

/** One resource's value. */
export type ResourceValue = number | readonly PortRange[] | readonly string[];

/** Resources by name. */
export type ResourceSet = ReadonlyMap<string, ResourceValue>;

/** What is left; resources of which nothing is left are gone. */
export function consumeResources(offered: ResourceSet, used: ResourceSet): ResourceSet {
  const left = new Map<string, ResourceValue>();
  for (const [name, value] of offered) {
    const rest = consumed(value, used.get(name));
    if (rest !== undefined) left.set(name, rest);
  }
  return left;
}

/** Ranges without other ranges, which may reach beyond them. */
export function subtractRanges(ranges: readonly PortRange[], used: readonly PortRange[]): readonly PortRange[] {
  let left: PortRange[] = [...ranges];
  for (const { begin, end } of used) {
    left = left.flatMap((range) => {
      const before = { begin: range.begin, end: Math.min(range.end, begin - 1) };
      const after = { begin: Math.max(range.begin, end + 1), end: range.end };
      return [before, after].filter((part) => part.begin <= part.end);
    });
  }
  return left;
}

function consumed(value: ResourceValue, used: ResourceValue | undefined): ResourceValue | undefined {
  if (used === undefined) return value;
  if (typeof value === 'number') {
    const left = Math.round((value - (typeof used === 'number' ? used : 0)) * 1000) / 1000;
    return left > 0 ? left : undefined;
  }
  if (typeof used === 'number') return value;
  const rest = isRanges(value)
    ? subtractRanges(value, isRanges(used) ? portRanges(used) : [])
    : (value as readonly string[]).filter((item) => !(used as readonly string[]).includes(item));
  return rest.length === 0 ? undefined : rest;
}

function isRanges(value: readonly PortRange[] | readonly string[]): value is readonly PortRange[] {
  return typeof value[0] === 'object';
}
