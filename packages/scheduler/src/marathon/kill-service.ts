/**
 * Requests to kill tasks: a limited number at a time, repeated while the task does not end.
 * Follows mesosphere/marathon v1.8 core/task/termination/impl/KillServiceActor.scala; those that wait go in the order of their asking,
 * where the original takes them in that of a hash.
 */
import type { Clock, Timer } from '@portolan/core';

/** `--kill_chunk_size`: requests that may be under way at once. */
const KILL_CHUNK_SIZE = 100;
/** `--kill_retry_timeout`, in milliseconds. */
const KILL_RETRY_TIMEOUT = 30_000;

/** Keeps the requests. */
export class KillService {
  private readonly waiting = new Set<string>();
  /** When each request that is under way was made last. */
  private readonly issued = new Map<string, number>();
  private timer: Timer | undefined;
  private busy = false;

  constructor(
    private readonly options: {
      readonly clock: Clock;
      /** Passes a request on. */
      readonly kill: (taskId: string) => void;
    },
  ) {}

  /** Has a task killed, now or when its turn comes. */
  kill(taskId: string): void {
    if (this.issued.has(taskId)) return;
    this.waiting.add(taskId);
    this.process();
  }

  /** A task is over: another's turn. */
  ended(taskId: string): void {
    if (this.issued.delete(taskId) || this.waiting.delete(taskId)) this.process();
  }

  private process(): void {
    // A task that ends while it is asked to end lets the next one in: one loop does that, not one within the other.
    if (this.busy) return;
    this.busy = true;
    for (const taskId of this.waiting) {
      if (this.issued.size >= KILL_CHUNK_SIZE) break;
      this.waiting.delete(taskId);
      this.issue(taskId);
    }
    this.busy = false;
    if (this.issued.size > 0) this.timer ??= this.options.clock.after(KILL_RETRY_TIMEOUT, () => this.retry());
    else {
      this.timer?.cancel();
      this.timer = undefined;
    }
  }

  private issue(taskId: string): void {
    this.issued.set(taskId, this.options.clock.now);
    this.options.kill(taskId);
  }

  private retry(): void {
    this.timer = undefined;
    const { now } = this.options.clock;
    for (const [taskId, at] of [...this.issued]) {
      if (at + KILL_RETRY_TIMEOUT <= now && this.issued.has(taskId)) this.issue(taskId);
    }
    this.process();
  }
}
