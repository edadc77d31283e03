/**
 * When connections go: every packet gives its connection another span, and of spans there are few, one for each state
 * and each service's persistence. So each span has a queue that is always in the order of expiry; a packet moves its
 * connection to the end of one. Stands for the kernel's timers, which may fire later by up to an eighth of the span;
 * these are exact.
 */
import type { IpvsConnection } from './connection.ts';

/** The connections that wait for the same span. */
export class ExpiryQueue {
  /** Milliseconds. */
  readonly span: number;
  first: IpvsConnection | undefined = undefined;
  last: IpvsConnection | undefined = undefined;

  constructor(span: number) {
    this.span = span;
  }
}

/** All connections, by when they go. */
export class Expiry {
  /** Nothing goes before this. */
  earliest = Number.POSITIVE_INFINITY;
  private readonly queues: ExpiryQueue[] = [];

  /** Gives a connection `span` milliseconds from now. */
  prolong(connection: IpvsConnection, now: number, span: number): void {
    const before = connection.queue;
    const queue = before !== undefined && before.span === span ? before : this.queueOf(span);
    const expiresAt = now + span;
    connection.expiresAt = expiresAt;
    if (expiresAt < this.earliest) this.earliest = expiresAt;
    if (queue.last === connection) return;
    if (before !== undefined) this.remove(connection);
    connection.queue = queue;
    connection.sooner = queue.last;
    if (queue.last === undefined) queue.first = connection;
    else queue.last.later = connection;
    queue.last = connection;
  }

  /** Takes a connection out. */
  remove(connection: IpvsConnection): void {
    const { queue, sooner, later } = connection;
    if (queue === undefined) return;
    if (sooner === undefined) queue.first = later;
    else sooner.later = later;
    if (later === undefined) queue.last = sooner;
    else later.sooner = sooner;
    connection.queue = undefined;
    connection.sooner = undefined;
    connection.later = undefined;
  }

  /** Takes out what is due, in the order of time, and tells of each; what is told may be given another span. */
  work(now: number, due: (connection: IpvsConnection) => void): void {
    while (this.earliest <= now) {
      let soonest: ExpiryQueue | undefined;
      let next = Number.POSITIVE_INFINITY;
      let second = Number.POSITIVE_INFINITY;
      for (const queue of this.queues) {
        const at = queue.first === undefined ? Number.POSITIVE_INFINITY : queue.first.expiresAt;
        if (at < next) {
          second = next;
          next = at;
          soonest = queue;
        } else if (at < second) second = at;
      }
      this.earliest = next;
      if (soonest === undefined || next > now) return;
      const until = Math.min(second, now);
      for (let c = soonest.first; c !== undefined && c.expiresAt <= until; c = soonest.first) {
        this.remove(c);
        due(c);
      }
    }
  }

  private queueOf(span: number): ExpiryQueue {
    for (const queue of this.queues) if (queue.span === span) return queue;
    const queue = new ExpiryQueue(span);
    this.queues.push(queue);
    return queue;
  }
}
