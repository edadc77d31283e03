/**
 * A hash table keyed by (protocol, source, source port, destination, destination port) without building a key:
 * what connection tracking and IPVS look up for every packet.
 */

/** The five numbers that name one direction of a flow. */
export interface Tuple {
  readonly protocol: number;
  readonly source: number;
  readonly sourcePort: number;
  readonly destination: number;
  readonly destinationPort: number;
}

interface Node<T> {
  readonly hash: number;
  readonly tuple: Tuple;
  readonly value: T;
  next: Node<T> | undefined;
}

/** A map from tuples to values. */
export class TupleTable<T> {
  private buckets: (Node<T> | undefined)[] = new Array(8).fill(undefined);
  private count = 0;

  /** How many entries there are. */
  get size(): number {
    return this.count;
  }

  /** The value of that tuple. */
  get(protocol: number, source: number, sourcePort: number, destination: number, destinationPort: number): T | undefined {
    const hash = hashOf(protocol, source, sourcePort, destination, destinationPort);
    let node = this.buckets[hash & (this.buckets.length - 1)];
    while (node !== undefined) {
      const t = node.tuple;
      if (
        node.hash === hash &&
        t.source === source &&
        t.destination === destination &&
        t.sourcePort === sourcePort &&
        t.destinationPort === destinationPort &&
        t.protocol === protocol
      )
        return node.value;
      node = node.next;
    }
    return undefined;
  }

  /** Adds an entry; the tuple must be new and must not change as long as it is in the table. */
  add(tuple: Tuple, value: T): void {
    if (this.count >= this.buckets.length) this.grow();
    const hash = hashOf(tuple.protocol, tuple.source, tuple.sourcePort, tuple.destination, tuple.destinationPort);
    const slot = hash & (this.buckets.length - 1);
    this.buckets[slot] = { hash, tuple, value, next: this.buckets[slot] };
    this.count++;
  }

  /** Takes an entry out; false if there was none. */
  delete(tuple: Tuple): boolean {
    const hash = hashOf(tuple.protocol, tuple.source, tuple.sourcePort, tuple.destination, tuple.destinationPort);
    const slot = hash & (this.buckets.length - 1);
    let previous: Node<T> | undefined;
    for (let node = this.buckets[slot]; node !== undefined; previous = node, node = node.next) {
      if (node.hash !== hash || !sameTuple(node.tuple, tuple)) continue;
      if (previous === undefined) this.buckets[slot] = node.next;
      else previous.next = node.next;
      this.count--;
      return true;
    }
    return false;
  }

  /** Every value, in no particular but a repeatable order. */
  *values(): Iterable<T> {
    for (const first of this.buckets) for (let node = first; node !== undefined; node = node.next) yield node.value;
  }

  private grow(): void {
    const old = this.buckets;
    this.buckets = new Array(old.length * 2).fill(undefined);
    const mask = this.buckets.length - 1;
    for (const first of old) {
      for (let node = first; node !== undefined; ) {
        const next: Node<T> | undefined = node.next;
        node.next = this.buckets[node.hash & mask];
        this.buckets[node.hash & mask] = node;
        node = next;
      }
    }
  }
}

function sameTuple(a: Tuple, b: Tuple): boolean {
  return (
    a.source === b.source &&
    a.destination === b.destination &&
    a.sourcePort === b.sourcePort &&
    a.destinationPort === b.destinationPort &&
    a.protocol === b.protocol
  );
}

function hashOf(protocol: number, source: number, sourcePort: number, destination: number, destinationPort: number): number {
  let h = Math.imul(source, 0x9e3779b1) ^ Math.imul(destination, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 15) ^ ((sourcePort << 16) | destinationPort), 0xc2b2ae35) ^ protocol;
  h ^= h >>> 13;
  h = Math.imul(h, 0x27d4eb2f);
  return h ^ (h >>> 16);
}
