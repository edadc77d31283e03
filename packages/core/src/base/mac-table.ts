/**
 * A map keyed by MAC addresses, which are too long for the engine's small integers: it is asked for every frame, so it
 * looks at the last four octets, a 32-bit number, and compares the rest. Entries keep the order in which they came;
 * those with the same last four octets stand together.
 */
import type { Mac } from './address.ts';

interface Entry<T> {
  readonly mac: Mac;
  value: T;
  next: Entry<T> | undefined;
}

/** A map from MAC addresses to values. */
export class MacTable<T> {
  private readonly byEnd = new Map<number, Entry<T>>();

  /** The value of that address. */
  get(mac: Mac): T | undefined {
    let entry = this.byEnd.get(mac | 0);
    while (entry !== undefined && entry.mac !== mac) entry = entry.next;
    return entry?.value;
  }

  /** Gives an address another value; its place stays. */
  set(mac: Mac, value: T): void {
    const first = this.byEnd.get(mac | 0);
    if (first === undefined) {
      this.byEnd.set(mac | 0, { mac, value, next: undefined });
      return;
    }
    let entry = first;
    while (entry.mac !== mac && entry.next !== undefined) entry = entry.next;
    if (entry.mac === mac) entry.value = value;
    else entry.next = { mac, value, next: undefined };
  }

  /** Takes an address out. */
  delete(mac: Mac): void {
    let before: Entry<T> | undefined;
    let entry = this.byEnd.get(mac | 0);
    while (entry !== undefined && entry.mac !== mac) {
      before = entry;
      entry = entry.next;
    }
    if (entry === undefined) return;
    if (before !== undefined) before.next = entry.next;
    else if (entry.next === undefined) this.byEnd.delete(mac | 0);
    else this.byEnd.set(mac | 0, entry.next);
  }

  /** All addresses with their values. */
  *[Symbol.iterator](): Iterator<readonly [Mac, T]> {
    for (const first of this.byEnd.values())
      for (let entry: Entry<T> | undefined = first; entry !== undefined; entry = entry.next) yield [entry.mac, entry.value];
  }
}
