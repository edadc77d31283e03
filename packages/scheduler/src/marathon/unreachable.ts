/**
 * What becomes of an instance whose agent cannot be reached, by how long it has been so.
 * Follows mesosphere/marathon v1.8 core/instance/update/InstanceUpdater.scala and core/task/jobs/impl/ExpungeOverdueLostTasksActor.scala.
 */
import type { App } from '../app/app.ts';
import { EXPUNGE_LOST, nextRun, RECONCILIATION } from './periodic.ts';

/** Kept as it is, given up and replaced, or forgotten. */
export type UnreachableVerdict = 'Unreachable' | 'UnreachableInactive' | 'expunge';

type Strategy = App['unreachableStrategy'];

/** The verdict after so many seconds. */
export function unreachableVerdict(strategy: Strategy, seconds: number): UnreachableVerdict {
  if (strategy === 'disabled') return 'Unreachable';
  if (seconds >= strategy.expungeAfterSeconds) return 'expunge';
  return seconds >= strategy.inactiveAfterSeconds ? 'UnreachableInactive' : 'Unreachable';
}

/**
 * When a verdict on what is lost since then may be another: an instance is given up by a reconciliation, and one that is given up
 * forgotten by a job of its own.
 */
export function nextLook(
  { inactiveAfterSeconds, expungeAfterSeconds }: Exclude<Strategy, 'disabled'>,
  verdict: Exclude<UnreachableVerdict, 'expunge'>,
  since: number,
  now: number,
): number {
  const [job, seconds] =
    verdict === 'Unreachable' ? [RECONCILIATION, inactiveAfterSeconds] : ([EXPUNGE_LOST, expungeAfterSeconds] as const);
  return nextRun(job, Math.max(now, since + seconds * 1000 - 1));
}
