/**
 * Which instances GROUP_BY constraints would see go first when an app is scaled down: those whose going keeps groups even.
 * Follows mesosphere/marathon v1.8 mesos/Constraints.scala (selectInstancesToKill).
 */
import type { Constraint } from '../app/constraint.ts';
import { fieldValue, type Place } from '../match/constraints.ts';

/** An instance with its place; one without a place is a group of its own. */
export interface Placed {
  readonly id: string;
  readonly place: Place | undefined;
}

/** At most `count` instances; none if no GROUP_BY constraint is there to be kept even. */
export function selectForEvenness<P extends Placed>(
  constraints: readonly Constraint[],
  instances: readonly P[],
  count: number,
): readonly P[] {
  const fields = constraints.filter(({ operator }) => operator === 'GROUP_BY').map(({ field }) => field);
  if (fields.length === 0) return [];
  const distributions = fields.map((field) => groupsBy(field, instances));
  const selected: P[] = [];
  while (selected.length < count) {
    const pick = nextVictim(distributions);
    if (pick === undefined) break;
    selected.push(pick);
    for (const groups of distributions) for (const group of groups) group.delete(pick);
  }
  return selected;
}

type Groups<P> = readonly Set<P>[];

function groupsBy<P extends Placed>(field: string, instances: readonly P[]): Groups<P> {
  const groups = new Map<string | undefined, Set<P>>();
  for (const instance of instances) {
    const value = instance.place === undefined ? undefined : fieldValue(field, instance.place);
    const group = groups.get(value);
    if (group === undefined) groups.set(value, new Set([instance]));
    else group.add(instance);
  }
  return [...groups.values()];
}

/** Out of the largest group of the most uneven distribution, the first whose going makes none worse. */
function nextVictim<P>(distributions: readonly Groups<P>[]): P | undefined {
  const byUnevenness = [...distributions].sort((a, b) => difference(b) - difference(a));
  for (const groups of byUnevenness) {
    for (const group of [...groups].sort((a, b) => b.size - a.size)) {
      for (const candidate of group) if (distributions.every((other) => staysEven(other, candidate))) return candidate;
    }
  }
  return undefined;
}

function staysEven<P>(groups: Groups<P>, without: P): boolean {
  const after = difference(groups, without);
  return after <= 1 || after < difference(groups);
}

function difference<P>(groups: Groups<P>, without?: P): number {
  const sizes = groups.map((group) => group.size - (without !== undefined && group.has(without) ? 1 : 0));
  return Math.max(...sizes) - Math.min(...sizes);
}
