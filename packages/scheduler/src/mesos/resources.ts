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
}

/** From units to thousandths, rounded to the nearest. */
export function thousandths(amount: { readonly cpus: number; readonly mem: number; readonly disk: number }): Scalars {
  return { cpus: toThousandths(amount.cpus), mem: toThousandths(amount.mem), disk: toThousandths(amount.disk) };
}

/** From thousandths to units. */
export function units(scalars: Scalars): { readonly cpus: number; readonly mem: number; readonly disk: number } {
  return { cpus: scalars.cpus / 1000, mem: scalars.mem / 1000, disk: scalars.disk / 1000 };
}

/** The difference. */
export function minus(a: Scalars, b: Scalars): Scalars {
  return { cpus: a.cpus - b.cpus, mem: a.mem - b.mem, disk: a.disk - b.disk };
}

/** The sum. */
export function plus(a: Scalars, b: Scalars): Scalars {
  return { cpus: a.cpus + b.cpus, mem: a.mem + b.mem, disk: a.disk + b.disk };
}

/** The ranges without a port that is in them, or undefined if it is in none. */
export function takePort(ranges: PortRanges, port: number): PortRanges | undefined {
  const i = position(ranges, port);
  const hit = ranges[i];
  if (hit === undefined || hit.begin > port) return undefined;
  const rest = ranges.slice();
  if (hit.begin === hit.end) rest.splice(i, 1);
  else if (hit.begin === port) rest[i] = { begin: port + 1, end: hit.end };
  else if (hit.end === port) rest[i] = { begin: hit.begin, end: port - 1 };
  else rest.splice(i, 1, { begin: hit.begin, end: port - 1 }, { begin: port + 1, end: hit.end });
  return rest;
}

/** The ranges with a port more that is in none of them, joined to its neighbours. */
export function givePort(ranges: PortRanges, port: number): PortRanges {
  const i = position(ranges, port);
  const before = ranges[i - 1];
  const after = ranges[i];
  const joinsBefore = before !== undefined && before.end === port - 1;
  const joinsAfter = after !== undefined && after.begin === port + 1;
  const joined: PortRange = { begin: joinsBefore ? before.begin : port, end: joinsAfter ? after.end : port };
  const rest = ranges.slice();
  rest.splice(i - (joinsBefore ? 1 : 0), (joinsBefore ? 1 : 0) + (joinsAfter ? 1 : 0), joined);
  return rest;
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
