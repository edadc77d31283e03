/** A queue by key, first come first served among equal keys: HAProxy's elastic binary trees (ebtree, eb32), as far as it uses them to choose servers. */

/** Items in the order of their keys. */
export class KeyQueue<T> {
  private readonly entries: { readonly key: number; readonly item: T }[] = [];

  /** Puts an item behind those of the same key. */
  insert(key: number, item: T): void {
    let [low, high] = [0, this.entries.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.entries[middle]?.key ?? 0) <= key) low = middle + 1;
      else high = middle;
    }
    this.entries.splice(low, 0, { key, item });
  }

  /** Takes an item out, if it is there. */
  remove(item: T): void {
    const index = this.entries.findIndex((entry) => entry.item === item);
    if (index >= 0) this.entries.splice(index, 1);
  }

  /** The item of the lowest key for which `wanted` holds. */
  first(wanted: (item: T) => boolean = () => true): T | undefined {
    return this.entries.find(({ item }) => wanted(item))?.item;
  }

  /** The key of an item. */
  keyOf(item: T): number | undefined {
    return this.entries.find((entry) => entry.item === item)?.key;
  }
}
