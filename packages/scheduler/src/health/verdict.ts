/**
 * What one result of a health check means for its task. Follows mesosphere/marathon v1.8 core/health/impl/HealthCheckActor.scala and
 * core/health/Health.scala, and for checks on the agent apache/mesos 1.8 src/checks/health_checker.cpp.
 */
import type { HealthCheck } from '../app/definition.ts';
import type { Condition } from '../task/state.ts';

/** What is known of one task and one check. Times in virtual milliseconds. */
export interface Health {
  readonly firstSuccess: number | undefined;
  readonly lastSuccess: number | undefined;
  readonly lastFailure: number | undefined;
  readonly consecutiveFailures: number;
}

/** Nothing is known yet. */
export const UNKNOWN_HEALTH: Health = {
  firstSuccess: undefined,
  lastSuccess: undefined,
  lastFailure: undefined,
  consecutiveFailures: 0,
};

/** A check's settings with Marathon's defaults. */
export function checkSettings(check: HealthCheck) {
  return {
    protocol: check.protocol ?? 'HTTP',
    path: check.path ?? '/',
    gracePeriodSeconds: check.gracePeriodSeconds ?? 300,
    intervalSeconds: check.intervalSeconds ?? 60,
    maxConsecutiveFailures: check.maxConsecutiveFailures ?? 3,
    timeoutSeconds: check.timeoutSeconds ?? 20,
    delaySeconds: check.delaySeconds ?? 15,
  };
}

/** Whether the check runs on the agent and not in Marathon. */
export function runsOnAgent(check: HealthCheck): boolean {
  const { protocol = 'HTTP' } = check;
  return protocol === 'COMMAND' || protocol.startsWith('MESOS_');
}

/** After a success. */
export function succeeded(health: Health, now: number): Health {
  return { ...health, firstSuccess: health.firstSuccess ?? now, lastSuccess: now, consecutiveFailures: 0 };
}

/** After a failure; within the grace period of a task that never was healthy it does not count. */
export function failed(health: Health, check: HealthCheck, runningSince: number, now: number): Health {
  if (health.firstSuccess === undefined && now - runningSince < checkSettings(check).gracePeriodSeconds * 1000) return health;
  return { ...health, lastFailure: now, consecutiveFailures: health.consecutiveFailures + 1 };
}

/** Whether the task is healthy; undefined while nothing counts. */
export function isHealthy({ lastSuccess, lastFailure, consecutiveFailures }: Health): boolean | undefined {
  if (consecutiveFailures > 0) return false;
  return lastSuccess === undefined && lastFailure === undefined ? undefined : true;
}

/**
 * Whether one failure more kills the task. Marathon looks at the counter before it counts that failure, so that the one after
 * `maxConsecutiveFailures` kills; on the agent it is the last of them.
 */
export function failureKills(check: HealthCheck, failuresBefore: number, condition: Condition): boolean {
  const { maxConsecutiveFailures } = checkSettings(check);
  if (maxConsecutiveFailures === 0 || condition === 'Unreachable' || condition === 'UnreachableInactive') return false;
  return failuresBefore + (runsOnAgent(check) ? 1 : 0) >= maxConsecutiveFailures;
}
