/**
 * What becomes of an instance whose agent cannot be reached, by how long it has been so.
 * Follows mesosphere/marathon v1.8 core/instance/update/InstanceUpdater.scala and core/task/jobs/impl/ExpungeOverdueLostTasksActor.scala.
 */
import type { App } from '../app/app.ts';

/** Kept as it is, given up and replaced, or forgotten. */
export type UnreachableVerdict = 'Unreachable' | 'UnreachableInactive' | 'expunge';

/** The verdict after so many seconds. */
export function unreachableVerdict(strategy: App['unreachableStrategy'], seconds: number): UnreachableVerdict {
  if (strategy === 'disabled') return 'Unreachable';
  if (seconds >= strategy.expungeAfterSeconds) return 'expunge';
  return seconds >= strategy.inactiveAfterSeconds ? 'UnreachableInactive' : 'Unreachable';
}
