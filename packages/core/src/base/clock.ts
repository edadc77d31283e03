/**
 * Virtual time: events in the order of (time, sequence). Nothing here or above reads a wall clock.
 */
import { assert } from './assert.ts';

/** A scheduled event; `cancel` takes it back. */
export interface Timer {
  /** Milliseconds since the start. */
  readonly at: number;
  cancel(): void;
}

interface Event extends Timer {
  readonly sequence: number;
  readonly periodic: boolean;
  readonly action: (() => void) | undefined;
}

/** A clock that moves only when it is told to. */
export class Clock {
  private time = 0;
  private sequence = 0;
  private pending = 0;
  private cancelled = 0;
  private heap: ScheduledEvent[] = [];

  /** Milliseconds since the start. */
  get now(): number {
    return this.time;
  }

  /** Whether anything but periodic polling is still to come. */
  get busy(): boolean {
    return this.pending > 0;
  }

  /** When the next event is due; Infinity if there is none. */
  get nextAt(): number {
    return this.peek()?.at ?? Number.POSITIVE_INFINITY;
  }

  /**
   * Runs `action` in `delay` milliseconds.
   * @param periodic events of that kind alone do not keep {@link settle} waiting
   */
  after(delay: number, action: () => void, periodic = false): Timer {
    assert(delay >= 0, () => `a delay of ${delay} ms`);
    const event = new ScheduledEvent(this, this.time + delay, this.sequence++, periodic, action);
    if (!periodic) this.pending++;
    this.push(event);
    return event;
  }

  /** Runs the next event. False if there is none. */
  step(): boolean {
    for (;;) {
      const event = this.pop();
      if (event === undefined) return false;
      const action = event.action;
      if (action === undefined) {
        this.cancelled--;
        continue;
      }
      this.time = event.at;
      event.action = undefined;
      this.settleAccount(event);
      action();
      return true;
    }
  }

  /** Runs all that is due within the next `milliseconds`, and stands at their end. */
  advance(milliseconds: number): void {
    assert(milliseconds >= 0, () => `a span of ${milliseconds} ms`);
    const end = this.time + milliseconds;
    for (let next = this.peek(); next !== undefined && next.at <= end; next = this.peek()) this.step();
    this.time = end;
  }

  /** Runs until nothing but periodic events is left, or `limit` milliseconds have passed; says which. */
  settle(limit: number): boolean {
    const end = this.time + limit;
    while (this.busy) {
      const next = this.peek();
      if (next === undefined || next.at > end) {
        this.time = Math.max(this.time, end);
        return false;
      }
      this.step();
    }
    return true;
  }

  /** @internal A cancelled event stays in the heap until half of the heap is such. */
  forget(event: Event): void {
    this.settleAccount(event);
    this.cancelled++;
    if (this.cancelled < 1024 || this.cancelled * 2 < this.heap.length) return;
    const live = this.heap.filter((other) => other.action !== undefined);
    this.heap = [];
    this.cancelled = 0;
    for (const other of live) this.push(other);
  }

  private settleAccount(event: Event): void {
    if (!event.periodic) this.pending--;
  }

  private peek(): ScheduledEvent | undefined {
    while (this.heap[0] !== undefined && this.heap[0].action === undefined) {
      this.pop();
      this.cancelled--;
    }
    return this.heap[0];
  }

  private push(event: ScheduledEvent): void {
    const heap = this.heap;
    let i = heap.push(event) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const above = heap[parent] as ScheduledEvent;
      if (!before(event, above)) break;
      heap[i] = above;
      i = parent;
    }
    heap[i] = event;
  }

  private pop(): ScheduledEvent | undefined {
    const heap = this.heap;
    const top = heap[0];
    const last = heap.pop();
    if (last === undefined || last === top) return top;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right !== undefined && before(right, heap[child] as ScheduledEvent)) child++;
      const smaller = heap[child] as ScheduledEvent;
      if (!before(smaller, last)) break;
      heap[i] = smaller;
      i = child;
    }
    heap[i] = last;
    return top;
  }
}

class ScheduledEvent implements Event {
  constructor(
    private readonly clock: Clock,
    readonly at: number,
    readonly sequence: number,
    readonly periodic: boolean,
    public action: (() => void) | undefined,
  ) {}

  cancel(): void {
    if (this.action === undefined) return;
    this.action = undefined;
    this.clock.forget(this);
  }
}

function before(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.sequence < b.sequence);
}
