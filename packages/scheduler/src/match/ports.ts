/**
 * Which host ports of an offer an instance would get, slot by slot.
 * Follows mesosphere/marathon v1.8 tasks/PortsMatcher.scala: host mode ignores the declared numbers unless ports are required.
 */
import { includesPort, type PortRange, type Random } from '@portolan/core';
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
  if (request.exactPorts) return 0;
  return request.anyPorts ? request.slots.length : request.slots.filter((port) => port === 0).length;
}

/** The host ports, or undefined if the ranges cannot give them all. */
export function matchPorts(request: PortRequest, ranges: readonly PortRange[], draw: DrawPorts): HostPorts | undefined {
  const { slots } = request;
  if (slots.length === 0) return slots;
  if (request.exactPorts) return slots.every((port) => port !== undefined && includesPort(ranges, port)) ? slots : undefined;
  const fixed = request.anyPorts ? [] : slots.filter((port) => port !== undefined && port !== 0);
  const dynamic = draw(dynamicCount(request), fixed as readonly number[]);
  if (dynamic === undefined || !fixed.every((port) => includesPort(ranges, port as number))) return undefined;
  if (request.anyPorts) return dynamic;
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
    return ports;
  };
}
