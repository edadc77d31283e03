/**
 * The sequence in which Marathon tries an offer's ports: ranges shuffled, one random start, consecutive from there, around to the start.
 * Follows mesosphere/marathon v1.8 tasks/PortsMatcher.scala (PortWithRole.lazyRandomPortsFromRanges): one draw for the start,
 * and one less than there are ranges for the shuffle, on making the sequence; none on walking it.
 */
import { countPorts, type PortRange, type Random, shuffle } from '@portolan/core';

/** Ports one after the other; undefined when all have been given. */
export class RandomPorts {
  private readonly ranges: readonly PortRange[];
  private readonly startRange: number;
  private readonly startPort: number;
  private range: number;
  private port: number;
  private wrapped = false;

  constructor(ranges: readonly PortRange[], random: Random) {
    const total = countPorts(ranges);
    this.ranges = ranges.length > 1 && total > 0 ? shuffle(ranges, random) : ranges;
    let offset = total > 0 ? random.nextInt(total) : 0;
    let start = 0;
    for (let size = this.sizeOf(start); offset >= size && start < ranges.length; size = this.sizeOf(start)) {
      offset -= size;
      start++;
    }
    this.startRange = start;
    this.startPort = (this.ranges[start]?.begin ?? 0) + offset;
    this.range = start;
    this.port = this.startPort;
    if (total === 0) this.wrapped = true;
  }

  /** The next port of the sequence. */
  next(): number | undefined {
    for (;;) {
      const range = this.ranges[this.range];
      if (range === undefined) return undefined;
      if (this.wrapped && this.range === this.startRange && this.port >= this.startPort) return undefined;
      if (this.port <= range.end) return this.port++;
      this.range++;
      if (this.range === this.ranges.length) {
        this.range = 0;
        this.wrapped = true;
      }
      this.port = this.ranges[this.range]?.begin ?? 0;
      if (this.range === this.startRange) this.wrapped = true;
    }
  }

  private sizeOf(index: number): number {
    const range = this.ranges[index];
    return range === undefined ? 0 : range.end - range.begin + 1;
  }
}
