/**
 * Whether a packet's source may come in by a device: martians, and the look back along the route to the source.
 * Follows linux net/ipv4/fib_frontend.c (fib_validate_source), and route.c (ip_route_input_slow).
 */
import type { Ipv4 } from '../base/address.ts';
import type { Device } from './link/device.ts';
import { isOfMany } from './many.ts';
import type { Namespace } from './namespace.ts';

/** The ends of a packet, and its firewall mark. */
export interface Ends {
  readonly source: Ipv4;
  readonly destination: Ipv4;
  readonly mark: number;
}

/** Whether no route need be asked to say that nobody can have sent such a packet by that device: as many, or as nobody. */
export function isBogus({ source, destination }: Ends, device: Device): boolean {
  if (isOfMany(source) || source >>> 24 === 0) return true;
  return (isLoopback(source) || isLoopback(destination)) && !device.switches.routeLocalnet;
}

/** Whether a packet between those addresses has no business to come in by that device. */
export function isMartian(ns: Namespace, ends: Ends, device: Device): boolean {
  if (isBogus(ends, device)) return true;
  const { source, mark } = ends;
  const { rpFilter, sourceValidMark } = device.switches;
  const back = ns.route(source, 0, sourceValidMark ? mark : 0);
  if (back?.type === 'local') return true;
  if (rpFilter === 0) return false;
  return back?.type !== 'unicast' || (rpFilter === 1 && back.device !== device.name);
}

/** Whether a sender is reached by that device without a gateway. */
export function isNear(ns: Namespace, { source, mark }: Ends, device: Device): boolean {
  const back = ns.route(source, 0, device.switches.sourceValidMark ? mark : 0);
  return back?.type === 'unicast' && back.device === device.name && back.via === undefined;
}

/** Whether an address is one of 127.0.0.0/8. */
export function isLoopback(address: Ipv4): boolean {
  return address >>> 24 === 127;
}
