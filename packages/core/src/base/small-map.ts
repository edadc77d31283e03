/**
 * A map that is a plain list while it has few entries: nearly every container has two devices, one server and one
 * neighbour, and there are very many containers. Beyond so many entries it is a Map. Entries keep the order in which they came.
 */

/** A list is searched up to so many entries. */
const FEW = 8;
const NOTHING: readonly never[] = [];

/** A map with the methods of Map that are needed. */
export class SmallMap<K extends string | number, V> {
  /** Keys and values in turn. */
  private list: readonly (K | V)[] = NOTHING;
  private map: Map<K, V> | undefined = undefined;

  /** The value of a key. */
  get(key: K): V | undefined {
    if (this.map !== undefined) return this.map.get(key);
    const { list } = this;
    for (let i = 0; i < list.length; i += 2) if (list[i] === key) return list[i + 1] as V;
    return undefined;
  }

  /** Whether a key has a value. */
  has(key: K): boolean {
    return this.get(key) !== undefined;
  }

  /** Gives a key a value; its place stays if it had one. */
  set(key: K, value: V): this {
    if (this.map !== undefined) this.map.set(key, value);
    else if (this.has(key)) this.list = this.list.map((old, i) => (i % 2 === 1 && this.list[i - 1] === key ? value : old));
    else if (this.list.length < 2 * FEW) this.list = [...this.list, key, value].slice();
    else {
      this.map = new Map([...this, [key, value]]);
      this.list = NOTHING;
    }
    return this;
  }

  /** Takes a key out. */
  delete(key: K): void {
    if (this.map !== undefined) this.map.delete(key);
    else if (this.has(key)) this.list = this.list.filter((_, i) => this.list[i - (i % 2)] !== key).slice();
  }

  /** The values. */
  *values(): Iterable<V> {
    for (const [, value] of this) yield value;
  }

  /** Keys with their values. */
  *[Symbol.iterator](): Iterator<readonly [K, V]> {
    if (this.map !== undefined) yield* this.map;
    else for (let i = 0; i < this.list.length; i += 2) yield [this.list[i] as K, this.list[i + 1] as V];
  }
}
