/**
 * Port ranges as Mesos keeps them: ascending, disjoint, not adjacent, both ends included.
 * Follows apache/mesos src/common/values.cpp.
 */
import { Refusal } from './refusal.ts';

/** Ports begin..end, both included. */
export interface PortRange {
  readonly begin: number;
  readonly end: number;
}

/** Ascending, disjoint, non-adjacent ranges. */
export type PortRanges = readonly PortRange[];

/** What a DC/OS private agent offers (dcos/dcos gen/dcos-config.yaml, 1.11 to 2.2). */
export const PRIVATE_AGENT_PORTS: PortRanges = [
  { begin: 1025, end: 2180 },
  { begin: 2182, end: 3887 },
  { begin: 3889, end: 5049 },
  { begin: 5052, end: 8079 },
  { begin: 8082, end: 8180 },
  { begin: 8182, end: 32000 },
];
/** What a DC/OS public agent offers, in role slave_public. */
export const PUBLIC_AGENT_PORTS: PortRanges = [
  { begin: 1, end: 21 },
  { begin: 23, end: 5050 },
  { begin: 5052, end: 32000 },
];

/**
 * Sorts and merges ranges.
 * @throws Refusal `bad-ranges` for numbers outside 0..65535 or begin > end
 */
export function portRanges(ranges: readonly PortRange[]): PortRanges {
  for (const { begin, end } of ranges) {
    if (!isPort(begin) || !isPort(end)) throw refuse(`ports are 0 to 65535, not ${begin}-${end}`);
    if (begin > end) throw refuse('Invalid ranges resource: begin > end');
  }
  const merged: { begin: number; end: number }[] = [];
  for (const range of [...ranges].sort((a, b) => a.begin - b.begin)) {
    const last = merged.at(-1);
    if (last !== undefined && range.begin <= last.end + 1) last.end = Math.max(last.end, range.end);
    else merged.push({ ...range });
  }
  return merged;
}

/**
 * Reads `[1025-2180, 2182-3887]`.
 * @throws Refusal `bad-ranges`
 */
export function parseRanges(text: string): PortRanges {
  const inner = /^\s*\[(.*)\]\s*$/s.exec(text)?.[1]?.trim();
  if (inner === undefined) throw refuse(`'${text.slice(0, 60)}' is not of the form [31000-32000]`);
  if (inner === '') return [];
  return portRanges(
    inner.split(',').map((part) => {
      const ends = /^\s*(\d{1,9})\s*-\s*(\d{1,9})\s*$/.exec(part);
      if (ends === null) throw refuse(`'${part.slice(0, 60)}' is not of the form 31000-32000`);
      return { begin: Number(ends[1]), end: Number(ends[2]) };
    }),
  );
}

/** `[1025-2180, 2182-3887]`. */
export function formatRanges(ranges: PortRanges): string {
  return `[${ranges.map((r) => `${r.begin}-${r.end}`).join(', ')}]`;
}

/** Whether the port lies in one of the ranges. */
export function includesPort(ranges: PortRanges, port: number): boolean {
  return ranges.some((r) => r.begin <= port && port <= r.end);
}

/** How many ports there are. */
export function countPorts(ranges: PortRanges): number {
  return ranges.reduce((sum, r) => sum + r.end - r.begin + 1, 0);
}

/** The ranges without one port. */
export function withoutPort(ranges: PortRanges, port: number): PortRanges {
  const i = ranges.findIndex((r) => r.begin <= port && port <= r.end);
  const hit = ranges[i];
  if (hit === undefined) return ranges;
  const rest: PortRange[] = [];
  if (hit.begin < port) rest.push({ begin: hit.begin, end: port - 1 });
  if (port < hit.end) rest.push({ begin: port + 1, end: hit.end });
  return [...ranges.slice(0, i), ...rest, ...ranges.slice(i + 1)];
}

/** The ranges with one port more. */
export function withPort(ranges: PortRanges, port: number): PortRanges {
  return portRanges([...ranges, { begin: port, end: port }]);
}

function isPort(n: number): boolean {
  return Number.isInteger(n) && n >= 0 && n <= 65535;
}

function refuse(message: string): Refusal {
  return new Refusal({ component: 'mesos', code: 'bad-ranges', path: 'ports', message });
}
