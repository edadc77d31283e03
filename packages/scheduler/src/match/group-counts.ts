/**
 * How many instances each value of a field has: the books GROUP_BY, UNIQUE, CLUSTER and MAX_PER are read from.
 * Kept up to date by counting, so that a decision does not look at instances (mesosphere/marathon v1.8 mesos/Constraints.scala does).
 */

/** Counts by value. Instances whose agent lacks the field are a group of their own, `undefined`. */
export class GroupCounts {
  private readonly counts = new Map<string | undefined, number>();
  /** How many groups have so many instances. */
  private readonly groupsOfSize: number[] = [];
  private smallestSize = 0;

  /** Number of different values. */
  get groups(): number {
    return this.counts.size;
  }

  /** Instances of the smallest group; 0 if there is none. */
  get smallest(): number {
    return this.smallestSize;
  }

  /** The value that has been there longest. */
  get first(): string | undefined {
    for (const value of this.counts.keys()) return value;
    return undefined;
  }

  /** Instances with that value. */
  of(value: string | undefined): number {
    return this.counts.get(value) ?? 0;
  }

  /** By how much groups exceed a size, in sum. */
  surplus(size: number): number {
    let sum = 0;
    for (let at = size + 1; at < this.groupsOfSize.length; at++) sum += (this.groupsOfSize[at] ?? 0) * (at - size);
    return sum;
  }

  /** Counts an instance in (1) or out (-1). */
  change(value: string | undefined, by: 1 | -1): void {
    const before = this.of(value);
    const after = before + by;
    if (after < 0) return;
    if (after === 0) this.counts.delete(value);
    else this.counts.set(value, after);
    if (before > 0) this.groupsOfSize[before] = (this.groupsOfSize[before] ?? 0) - 1;
    if (after > 0) this.groupsOfSize[after] = (this.groupsOfSize[after] ?? 0) + 1;
    this.smallestSize = this.nextSmallest(after);
  }

  private nextSmallest(changed: number): number {
    if (this.counts.size === 0) return 0;
    if (changed > 0 && (this.smallestSize === 0 || changed < this.smallestSize)) return changed;
    let size = Math.max(1, this.smallestSize);
    while ((this.groupsOfSize[size] ?? 0) === 0) size++;
    return size;
  }
}
