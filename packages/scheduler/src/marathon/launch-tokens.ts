/**
 * How many tasks may be launched now: a number set anew every 30 s, and one more for each healthy instance that reports.
 * Follows mesosphere/marathon v1.8 core/flow/impl/OfferMatcherLaunchTokensActor.scala.
 */
import type { Clock, Timer } from '@portolan/core';

/** `--launch_tokens`. */
const TOKENS = 100;
/** `--launch_token_refresh_interval`, in milliseconds. */
const INTERVAL = 30_000;

/** The tokens. */
export class LaunchTokens {
  private count = TOKENS;
  private refreshed = 0;
  private awaited: Timer | undefined;

  /** `available` is called once there are tokens again after {@link await}. */
  constructor(
    private readonly clock: Clock,
    private readonly available: () => void,
  ) {}

  /** Tokens left. */
  get left(): number {
    const period = Math.floor(this.clock.now / INTERVAL);
    if (period > this.refreshed) {
      this.refreshed = period;
      this.count = TOKENS;
    }
    return this.count;
  }

  /** Tasks were launched. */
  take(count: number): void {
    this.count = Math.max(0, this.left - count);
  }

  /** A running instance that is not unhealthy reports. */
  give(): void {
    this.count = this.left + 1;
    this.wake();
  }

  /** There are none: asks to be told of the next. */
  await(): void {
    this.awaited ??= this.clock.after(INTERVAL - (this.clock.now % INTERVAL), () => this.wake());
  }

  private wake(): void {
    if (this.awaited === undefined || this.left === 0) return;
    this.awaited.cancel();
    this.awaited = undefined;
    this.available();
  }
}
