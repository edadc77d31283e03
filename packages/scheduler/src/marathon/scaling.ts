/**
 * Which instances go when an app is scaled down, and how many come when it is scaled up.
 * Follows mesosphere/marathon v1.8 core/deployment/ScalingProposition.scala.
 */
import type { KillSelection } from '../app/definition.ts';
import type { Condition } from '../task/state.ts';

/** What the choice depends on. Times in virtual milliseconds. */
export interface Candidate {
  readonly id: string;
  readonly condition: Condition;
  readonly stagedAt: number | undefined;
  readonly since: number;
  readonly startedAt: number | undefined;
}

/** What scaling means for an app. */
export interface ScalingProposition<C extends Candidate> {
  /** In the order in which they go. */
  readonly decommission: readonly C[];
  readonly start: number;
}

/**
 * Counts instances of goal Running that are not given up. Named victims go first, then those `forEvenness` picks, then by condition
 * and age.
 */
export function propose<C extends Candidate>(
  instances: readonly C[],
  target: number,
  named: readonly string[],
  selection: KillSelection,
  forEvenness: (candidates: readonly C[], count: number) => readonly C[] = () => [],
): ScalingProposition<C> {
  const counted = instances.filter((instance) => instance.condition !== 'UnreachableInactive');
  const wanted = Math.max(0, target);
  const sentenced = counted.filter((instance) => named.includes(instance.id));
  const count = Math.max(counted.length - wanted, sentenced.length);
  const unnamed = counted.filter((instance) => !named.includes(instance.id));
  const even = count > sentenced.length ? forEvenness(unnamed, count - sentenced.length) : [];
  const picked = new Set([...sentenced, ...even]);
  const others = unnamed.filter((instance) => !picked.has(instance)).sort((a, b) => compareVictims(a, b, selection));
  const decommission = [...sentenced, ...even, ...others].slice(0, count);
  return { decommission, start: Math.max(0, wanted - counted.length + count) };
}

/** Negative if `a` goes before `b`. */
export function compareVictims(a: Candidate, b: Candidate, selection: KillSelection): number {
  const weights = weight(a.condition) - weight(b.condition);
  if (weights !== 0) return weights;
  const [at, bt] = [time(a), time(b)];
  if (at === bt) return 0;
  if (at === undefined) return -1;
  if (bt === undefined) return 1;
  return selection === 'YOUNGEST_FIRST' ? bt - at : at - bt;
}

function weight(condition: Condition): number {
  switch (condition) {
    case 'Unreachable':
      return 1;
    case 'Staging':
      return 2;
    case 'Starting':
      return 3;
    case 'Running':
      return 4;
    default:
      return 5;
  }
}

function time(instance: Candidate): number | undefined {
  if (instance.condition === 'Staging') return instance.stagedAt;
  return instance.condition === 'Starting' ? instance.since : instance.startedAt;
}
