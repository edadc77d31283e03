/**
 * A hash table keyed by (protocol, source, source port, destination, destination port) without building a key: what
 * connection tracking and sockets look up for every packet. The entries are the links of the table's chains
 * themselves, and keep addresses and ports packed in signed 32-bit numbers, so that an entry needs little room.
 */

/** The five numbers that name one direction of a flow. */
export interface Tuple {
  readonly protocol: number;
  readonly source: number;
  readonly sourcePort: number;
  readonly destination: number;
  readonly destinationPort: number;
}

/** A tuple that can be an entry of one table. */
export class TupleEntry implements Tuple {
  readonly protocol: number;
  readonly sourceBits: number;
  readonly destinationBits: number;
  readonly portBits: number;
  /** @internal The next of its chain. */
  next: TupleEntry | undefined = undefined;

  constructor(protocol: number, source: number, sourcePort: number, destination: number, destinationPort: number) {
    this.protocol = protocol;
    this.sourceBits = source | 0;
    this.destinationBits = destination | 0;
    this.portBits = (sourcePort << 16) | destinationPort;
  }

  get source(): number {
    return this.sourceBits >>> 0;
  }

  get sourcePort(): number {
    return this.portBits >>> 16;
  }

  get destination(): number {
    return this.destinationBits >>> 0;
  }

  get destinationPort(): number {
    return this.portBits & 0xffff;
  }
}

/** One bucket, forever empty, so that looking up needs no case of its own. */
const NO_BUCKETS: undefined[] = [undefined];
const FIRST_BUCKETS = 8;

/** A multimap from tuples to the entries that have them; of those alike the newest comes first. */
export class TupleTable<E extends TupleEntry> {
  // Made with the first entry: many tables never have one.
  private buckets: (TupleEntry | undefined)[] = NO_BUCKETS;
  private count = 0;

  /** How many entries there are. */
  get size(): number {
    return this.count;
  }

  /** The newest entry of that tuple. */
  get(protocol: number, source: number, sourcePort: number, destination: number, destinationPort: number): E | undefined {
    const portBits = (sourcePort << 16) | destinationPort;
    let entry = this.buckets[hashOf(protocol, source | 0, destination | 0, portBits) & (this.buckets.length - 1)];
    while (
      entry !== undefined &&
      (entry.sourceBits !== (source | 0) ||
        entry.destinationBits !== (destination | 0) ||
        entry.portBits !== portBits ||
        entry.protocol !== protocol)
    )
      entry = entry.next;
    return entry as E | undefined;
  }

  /** The next older entry with the same tuple. */
  older(entry: E): E | undefined {
    let other = entry.next;
    while (other !== undefined && !same(other, entry)) other = other.next;
    return other as E | undefined;
  }

  /** Adds an entry that is in no table. */
  add(entry: E): void {
    if (this.buckets === NO_BUCKETS) this.buckets = new Array(FIRST_BUCKETS).fill(undefined);
    else if (this.count >= this.buckets.length) this.grow();
    const slot = hashOfEntry(entry) & (this.buckets.length - 1);
    entry.next = this.buckets[slot];
    this.buckets[slot] = entry;
    this.count++;
  }

  /** Takes an entry out; false if it was not in the table. */
  delete(entry: E): boolean {
    const slot = hashOfEntry(entry) & (this.buckets.length - 1);
    let previous: TupleEntry | undefined;
    let other = this.buckets[slot];
    while (other !== undefined && other !== entry) {
      previous = other;
      other = other.next;
    }
    if (other === undefined) return false;
    if (previous === undefined) this.buckets[slot] = entry.next;
    else previous.next = entry.next;
    entry.next = undefined;
    this.count--;
    return true;
  }

  /** Every entry, in no particular but a repeatable order. */
  *values(): Iterable<E> {
    for (const first of this.buckets) for (let e = first; e !== undefined; e = e.next) yield e as E;
  }

  /** Shows every entry, in that order; the one shown may be taken out. */
  each(show: (entry: E) => void): void {
    for (let entry of this.buckets) {
      while (entry !== undefined) {
        const { next }: TupleEntry = entry;
        show(entry as E);
        entry = next;
      }
    }
  }

  /** The entries of a bucket, counted on from the one in which a tuple has its place. */
  *nearby(t: Tuple, distance: number): Iterable<E> {
    const hash = hashOf(t.protocol, t.source | 0, t.destination | 0, (t.sourcePort << 16) | t.destinationPort);
    let entry = this.buckets[(hash + distance) & (this.buckets.length - 1)];
    for (; entry !== undefined; entry = entry.next) yield entry as E;
  }

  /** Twice as many buckets; within each the order stays. */
  private grow(): void {
    const old = this.buckets;
    const size = old.length;
    this.buckets = new Array(size * 2).fill(undefined);
    for (let slot = 0; slot < size; slot++) {
      let lower: TupleEntry | undefined;
      let upper: TupleEntry | undefined;
      for (let entry = old[slot]; entry !== undefined; ) {
        const { next }: TupleEntry = entry;
        entry.next = undefined;
        if ((hashOfEntry(entry) & size) === 0) {
          if (lower === undefined) this.buckets[slot] = entry;
          else lower.next = entry;
          lower = entry;
        } else {
          if (upper === undefined) this.buckets[slot + size] = entry;
          else upper.next = entry;
          upper = entry;
        }
        entry = next;
      }
    }
  }
}

function same(a: TupleEntry, b: TupleEntry): boolean {
  return (
    a.sourceBits === b.sourceBits &&
    a.destinationBits === b.destinationBits &&
    a.portBits === b.portBits &&
    a.protocol === b.protocol
  );
}

function hashOfEntry(e: TupleEntry): number {
  return hashOf(e.protocol, e.sourceBits, e.destinationBits, e.portBits);
}

function hashOf(protocol: number, source: number, destination: number, ports: number): number {
  let h = Math.imul(source, 0x9e3779b1) ^ Math.imul(destination, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 15) ^ ports, 0xc2b2ae35) ^ protocol;
  h ^= h >>> 13;
  h = Math.imul(h, 0x27d4eb2f);
  return h ^ (h >>> 16);
}
