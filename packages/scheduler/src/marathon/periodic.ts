/**
 * What Marathon does again and again by its own clock, which began at virtual time 0.
 * Follows mesosphere/marathon v1.8 MarathonSchedulerService.scala and core/task/jobs/TaskJobsConfig.scala, with their defaults.
 */

/** When a job runs first, and how long after that again. In milliseconds. */
export interface Periodic {
  readonly first: number;
  readonly every: number;
}

/** Counts each app's instances (`--scale_apps_initial_delay`, `--scale_apps_interval`). */
export const SCALE_CHECK: Periodic = { first: 15_000, every: 300_000 };
/** Asks Mesos for the state of all tasks (`--reconciliation_initial_delay`, `--reconciliation_interval`). */
export const RECONCILIATION: Periodic = { first: 15_000, every: 600_000 };
/** Looks for lost instances that are overdue (`--task_lost_expunge_initial_delay`, `--task_lost_expunge_interval`). */
export const EXPUNGE_LOST: Periodic = { first: 300_000, every: 30_000 };

/** The first run of a job that is later than `after`. */
export function nextRun({ first, every }: Periodic, after: number): number {
  return after < first ? first : first + (Math.floor((after - first) / every) + 1) * every;
}
