/**
 * The way from here to an address as programs see it: from which address, in packets of which size.
 * Follows linux net/ipv4/route.c (ip_route_output_key_hash, ipv4_mtu, ip_rt_update_pmtu).
 */
import type { Ipv4 } from '../base/address.ts';
import type { Packet } from '../wire/ipv4.ts';
import type { Namespace } from './namespace.ts';
import type { Way } from './socket/way.ts';

/** The way to an address for a packet with a mark; undefined without a route. */
export function wayTo(ns: Namespace, destination: Ipv4, mark: number): Way | undefined {
  const route = ns.route(destination, 0, mark);
  if (route === undefined) return undefined;
  if (route.type === 'local') return { address: route.source ?? destination, mtu: ns.device('lo')?.mtu ?? 65536, locked: false };
  const device = route.device === undefined ? undefined : ns.device(route.device);
  if (device === undefined) return undefined;
  const { mtu = device.mtu, locked = false } = ns.exceptions.find(route, destination, ns.now) ?? {};
  return { address: route.source ?? ns.addressTowards(device, route.via ?? destination), mtu, locked };
}

/** What was found out about the way to an address, if it is narrower than its device. */
export function pathMtu(ns: Namespace, destination: Ipv4): number | undefined {
  if (!ns.exceptions.any) return undefined;
  const route = ns.route(destination, 0);
  return route === undefined ? undefined : ns.exceptions.find(route, destination, ns.now)?.mtu;
}

/** Whether TCP's segments to an address may be cut: routers on the way claim less than is believed (ip_dont_fragment). */
export function mayBeCut(ns: Namespace, destination: Ipv4): boolean {
  return ns.exceptions.any && wayTo(ns, destination, 0)?.locked === true;
}

/** Believes what an ICMP error says about the way of a packet sent from here. */
export function learnMtu(ns: Namespace, { source, destination }: Packet, mtu: number): void {
  const route = ns.route(destination, source);
  const before = wayTo(ns, destination, 0)?.mtu;
  if (route !== undefined && before !== undefined) ns.exceptions.learnMtu(route, destination, mtu, before, ns.now);
}
