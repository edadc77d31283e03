/**
 * Whether a packet's source may come in by a device: martians, and the look back along the route to the source.
 * Follows linux net/ipv4/fib_frontend.c (fib_validate_source), and route.c (ip_route_input_slow).
 */
import type { Ipv4 } from '../base/address.ts';
import type { Route } from './config.ts';
import type { Device } from './link/device.ts';
import { isOfMany } from './many.ts';
import type { Namespace } from './namespace.ts';
import { DEFAULT_RULES } from './route.ts';

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
  const { rpFilter } = device.switches;
  const back = routeBack(ns, ends, device);
  if (back?.type === 'local') return true;
  // Who speaks from a network's last address is found out only where routes are looked up at all.
  if (back?.type === 'broadcast') return rpFilter !== 0 || isRoutedSpecially(ns);
  if (rpFilter === 0) return false;
  return back?.type !== 'unicast' || (rpFilter === 1 && back.device !== device.name);
}

/** The way of an answer: from the packet's destination to its source. */
function routeBack(ns: Namespace, { source, destination, mark }: Ends, device: Device): Route | undefined {
  return ns.route(source, destination, device.switches.sourceValidMark ? mark : 0);
}

/** Whether somebody has added routing rules, or local routes (fib4_has_custom_rules, fib_has_custom_local_routes). */
function isRoutedSpecially({ config }: Namespace): boolean {
  const { rules, routes } = config;
  return rules.length > DEFAULT_RULES.length || routes.some(({ type, protocol }) => type === 'local' && protocol !== 'kernel');
}

/** Whether a sender is reached by that device without a gateway. */
export function isNear(ns: Namespace, ends: Ends, device: Device): boolean {
  const back = routeBack(ns, ends, device);
  return back?.type === 'unicast' && back.device === device.name && back.via === undefined;
}

/** Whether an address is one of 127.0.0.0/8. */
export function isLoopback(address: Ipv4): boolean {
  return address >>> 24 === 127;
}
