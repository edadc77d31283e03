/**
 * Which host ports of an offer an instance would get, slot by slot.
 * Follows mesosphere/marathon v1.8 tasks/PortsMatcher.scala: host mode ignores the declared numbers unless ports are required.
 */
import { includesPort, memo, type PortRange, type Random } from '@portolan/core';
import { RandomPorts } from './random-ports.ts';

/** What an app asks of an offer's ports: per slot a number, 0 for any, or undefined for none. */
export interface PortRequest {
  readonly slots: readonly (number | undefined)[];
  /** Host mode without required ports: only the number of slots counts. */
  readonly anyPorts: boolean;
  /** Host mode with required ports: exactly these, no chance involved. */
  readonly exactPorts: boolean;
}

/** The host port of each slot; undefined for a slot that asked for none. */
export type HostPorts = readonly (number | undefined)[];

/** Draws the ports of the slots that may get any; undefined if there are not enough. */
export type DrawPorts = (count: number, excluded: readonly number[]) => readonly number[] | undefined;

/** How many ports are left to chance. */
export function dynamicCount(request: PortRequest): number {
  return wishesOf(request).dynamic;
}

/** How many ports of a request are left to chance, and which must be found. */
const wishesOf = memo(({ slots, anyPorts, exactPorts }: PortRequest) => {
  if (exactPorts) return { dynamic: 0, fixed: [] };
  if (anyPorts) return { dynamic: slots.length, fixed: [] };
  return {
    dynamic: slots.filter((port) => port === 0).length,
    fixed: slots.filter((port): port is number => port !== undefined && port !== 0),
  };
});

/** The host ports, or undefined if the ranges cannot give them all. */
export function matchPorts(request: PortRequest, ranges: readonly PortRange[], draw: DrawPorts): HostPorts | undefined {
  const { slots } = request;
  if (slots.length === 0) return slots;
  if (request.exactPorts) return slots.every((port) => port !== undefined && includesPort(ranges, port)) ? slots : undefined;
  const { dynamic: count, fixed } = wishesOf(request);
  const dynamic = draw(count, fixed);
  if (dynamic === undefined || !fixed.every((port) => includesPort(ranges, port))) return undefined;
  if (count === slots.length) return dynamic;
  let next = 0;
  return slots.map((port) => (port === 0 ? dynamic[next++] : port));
}

/** Draws from the random sequence over the ranges: one shuffle and one start, whether any port is needed or not. */
export function randomDraw(ranges: readonly PortRange[], random: Random): DrawPorts {
  return (count, excluded) => {
    const sequence = new RandomPorts(ranges, random);
    const ports: number[] = [];
    while (ports.length < count) {
      const port = sequence.next();
      if (port === undefined) return undefined;
      if (!excluded.includes(port)) ports.push(port);
    }
    // The task keeps them, and a list that grew has room for more.
    return ports.slice();
  };
}
