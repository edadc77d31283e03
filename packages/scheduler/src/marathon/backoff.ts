/**
 * How long an app waits after a failed task before it is launched again.
 * Follows mesosphere/marathon v1.8 core/launchqueue/impl/RateLimiter.scala; an expired delay is forgotten when it is looked at.
 */
import type { MarathonVersion } from '../app/marathon-version.ts';
import type { Condition } from '../task/state.ts';

/** What a change of condition does to the delay. */
export type BackoffAction = 'add' | 'advance' | 'reset' | 'none';

const ADDING: ReadonlySet<Condition> = new Set<Condition>(['Dropped', 'Error', 'Failed', 'Gone', 'Finished']);
const ADVANCING: ReadonlySet<Condition> = new Set<Condition>(['Staging', 'Starting', 'Running', 'Provisioned']);

/** The action for a condition; in 1.11 a task that ends because its agent drains takes the delay away. */
export function backoffAction(
  condition: Condition,
  status: { readonly reason?: string },
  version: MarathonVersion,
): BackoffAction {
  const ended = condition === 'Killed' || condition === 'Gone';
  if (version !== '1.8' && ended && status.reason === 'REASON_SLAVE_DRAINING') return 'reset';
  if (ADDING.has(condition)) return 'add';
  return ADVANCING.has(condition) ? 'advance' : 'none';
}

/** The app's settings that count. */
export interface BackoffSettings {
  readonly backoffSeconds: number;
  readonly backoffFactor: number;
  readonly maxLaunchDelaySeconds: number;
}

/** The delay of one configuration of an app. Times in virtual milliseconds. */
export class Backoff {
  private delay = 0;
  private reference = 0;

  constructor(private readonly settings: BackoffSettings) {}

  /** A task failed: the delay starts or grows. */
  fail(now: number): void {
    const { backoffSeconds, backoffFactor, maxLaunchDelaySeconds } = this.settings;
    this.forgetExpired(now);
    const grown = this.delay === 0 ? backoffSeconds * 1000 : this.delay * backoffFactor;
    this.delay = Math.min(grown, maxLaunchDelaySeconds * 1000);
    this.reference = now;
  }

  /** The delay is forgotten. */
  reset(): void {
    this.delay = 0;
  }

  /** Does what a change of condition does. */
  apply(action: BackoffAction, now: number): void {
    if (action === 'add') this.fail(now);
    else if (action === 'advance') this.advance(now);
    else if (action === 'reset') this.reset();
  }

  /** A task came up: the delay stays, and counts from now. */
  advance(now: number): void {
    this.forgetExpired(now);
    if (this.delay > 0) this.reference = now;
  }

  /** Until when a delay lasts that is still remembered; undefined if there is none. */
  at(now: number): number | undefined {
    this.forgetExpired(now);
    return this.delay === 0 ? undefined : Math.ceil(this.reference + this.delay);
  }

  /** When the next launch is allowed; `now` if it is. */
  deadline(now: number): number {
    this.forgetExpired(now);
    return this.delay === 0 ? now : Math.max(now, Math.ceil(this.reference + this.delay));
  }

  private forgetExpired(now: number): void {
    if (now > this.reference + this.settings.maxLaunchDelaySeconds * 1000) this.delay = 0;
  }
}
