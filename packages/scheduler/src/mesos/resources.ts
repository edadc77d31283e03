/**
 * Resources of agents and offers: scalars as integers of a thousandth, as Mesos' fixed-point arithmetic keeps them, and port ranges.
 * Follows apache/mesos 1.8 src/common/values.cpp.
 */
import type { PortRange, PortRanges } from '@portolan/core';

/** Scalar resources in thousandths: milli-CPUs, thousandths of a MiB. */
export interface Scalars {
  readonly cpus: number;
  readonly mem: number;
  readonly disk: number;
  readonly gpus: number;
}

/** Scalar resources in units; memory and disk in MiB. */
export interface ScalarUnits {
  readonly cpus: number;
  readonly mem: number;
  readonly disk: number;
  readonly gpus?: number | undefined;
}

/** From units to thousandths, rounded to the nearest. */
export function thousandths({ cpus, mem, disk, gpus = 0 }: ScalarUnits): Scalars {
  return { cpus: toThousandths(cpus), mem: toThousandths(mem), disk: toThousandths(disk), gpus: toThousandths(gpus) };
}

/** From thousandths to units; `gpus` only if there are any. */
export function units({ cpus, mem, disk, gpus }: Scalars): ScalarUnits {
  const common = { cpus: cpus / 1000, mem: mem / 1000, disk: disk / 1000 };
  return gpus === 0 ? common : { ...common, gpus: gpus / 1000 };
}

/** None of anything. */
export const NO_SCALARS: Scalars = { cpus: 0, mem: 0, disk: 0, gpus: 0 };

/** The difference. */
export function minus(a: Scalars, b: Scalars): Scalars {
  return { cpus: a.cpus - b.cpus, mem: a.mem - b.mem, disk: a.disk - b.disk, gpus: a.gpus - b.gpus };
}

/** The sum. */
export function plus(a: Scalars, b: Scalars): Scalars {
  return { cpus: a.cpus + b.cpus, mem: a.mem + b.mem, disk: a.disk + b.disk, gpus: a.gpus + b.gpus };
}

/** The difference, where nothing is less than nothing. */
export function minusAtMost(a: Scalars, b: Scalars): Scalars {
  return {
    cpus: Math.max(0, a.cpus - b.cpus),
    mem: Math.max(0, a.mem - b.mem),
    disk: Math.max(0, a.disk - b.disk),
    gpus: Math.max(0, a.gpus - b.gpus),
  };
}

/** Of each the lesser. */
export function lesser(a: Scalars, b: Scalars): Scalars {
  return {
    cpus: Math.min(a.cpus, b.cpus),
    mem: Math.min(a.mem, b.mem),
    disk: Math.min(a.disk, b.disk),
    gpus: Math.min(a.gpus, b.gpus),
  };
}

/** Whether there is at least so much of each. */
export function covers(has: Scalars, wanted: Scalars): boolean {
  return has.cpus >= wanted.cpus && has.mem >= wanted.mem && has.disk >= wanted.disk && has.gpus >= wanted.gpus;
}

/** Chosen ports as a ports resource: a range goes on only while the next port is the one after, so that their order is kept. */
export function portResources(ports: readonly number[]): readonly PortRange[] {
  const ranges: PortRange[] = [];
  for (const port of ports) {
    const last = ranges.at(-1);
    if (last !== undefined && last.end === port - 1) ranges[ranges.length - 1] = { begin: last.begin, end: port };
    else ranges.push({ begin: port, end: port });
  }
  return ranges;
}

/** Whether a port is there twice. */
export function hasRepeats(ports: readonly number[]): boolean {
  return ports.length > 1 && new Set(ports).size < ports.length;
}

/** The ranges without a port that is in them, or undefined if it is in none. */
export function takePort(ranges: PortRanges, port: number): PortRanges | undefined {
  const i = position(ranges, port);
  const hit = ranges[i];
  if (hit === undefined || hit.begin > port) return undefined;
  const parts: PortRange[] = [];
  if (hit.begin < port) parts.push({ begin: hit.begin, end: port - 1 });
  if (port < hit.end) parts.push({ begin: port + 1, end: hit.end });
  return ranges.toSpliced(i, 1, ...parts);
}

/** The ranges with a port more that is in none of them, joined to its neighbours. */
export function givePort(ranges: PortRanges, port: number): PortRanges {
  const i = position(ranges, port);
  const before = ranges[i - 1];
  const after = ranges[i];
  const joinsBefore = before !== undefined && before.end === port - 1;
  const joinsAfter = after !== undefined && after.begin === port + 1;
  const joined: PortRange = { begin: joinsBefore ? before.begin : port, end: joinsAfter ? after.end : port };
  return ranges.toSpliced(i - (joinsBefore ? 1 : 0), (joinsBefore ? 1 : 0) + (joinsAfter ? 1 : 0), joined);
}

/** Index of the first range that ends at or after the port. */
function position(ranges: PortRanges, port: number): number {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ranges[middle] as PortRange).end < port) low = middle + 1;
    else high = middle;
  }
  return low;
}

function toThousandths(amount: number): number {
  return Math.round(amount * 1000);
}
