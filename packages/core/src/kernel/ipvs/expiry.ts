/**
 * When connections go: every packet gives its connection another span, and of spans there are few, one for each state.
 * So each span has a queue that is always in the order of expiry; a packet moves its connection to the end of one.
 * Stands for the kernel's timers, which may fire later by up to an eighth of the span; these are exact.
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
  private readonly queues: ExpiryQueue[] = [];
  /** Nothing goes before this. */
  private earliest = Number.POSITIVE_INFINITY;

  /** Gives a connection `span` milliseconds from now. */
  prolong(connection: IpvsConnection, now: number, span: number): void {
    const before = connection.queue;
    const queue = before !== undefined && before.span === span ? before : this.queueOf(span);
    connection.expiresAt = now + span;
    if (connection.expiresAt < this.earliest) this.earliest = connection.expiresAt;
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

  /** Whether something may be due. */
  isDue(now: number): boolean {
    return now >= this.earliest;
  }

  /** A connection that is due, taken out; undefined if there is none. */
  takeDue(now: number): IpvsConnection | undefined {
    let earliest = Number.POSITIVE_INFINITY;
    for (const { first } of this.queues) {
      if (first === undefined) continue;
      if (first.expiresAt <= now) {
        this.remove(first);
        return first;
      }
      earliest = Math.min(earliest, first.expiresAt);
    }
    this.earliest = earliest;
    return undefined;
  }

  private queueOf(span: number): ExpiryQueue {
    for (const queue of this.queues) if (queue.span === span) return queue;
    const queue = new ExpiryQueue(span);
    this.queues.push(queue);
    return queue;
  }
}
