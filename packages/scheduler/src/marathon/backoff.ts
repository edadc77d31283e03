/**
 * How long an app waits after a failed task before it is launched again.
 * Follows mesosphere/marathon v1.8 core/launchqueue/impl/RateLimiter.scala; an expired delay is forgotten when it is looked at.
 */

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

  /** A task came up: the delay stays, and counts from now. */
  advance(now: number): void {
    this.forgetExpired(now);
    if (this.delay > 0) this.reference = now;
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
