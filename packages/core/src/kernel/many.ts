/**
 * Packets to many: 255.255.255.255, a network's last address, and groups, of which every host hears 224.0.0.1 only.
 * Follows linux net/ipv4/route.c (ip_route_input_mc, __mkroute_output), ip_output.c (ip_mc_output), icmp.c
 * (icmp_echo_ignore_broadcasts). No group is joined, and no router passes groups on.
 */
import { BROADCAST_MAC, type Ipv4, type Mac } from '../base/address.ts';
import type { Route } from './config.ts';
import type { SkBuff } from './skb.ts';

const LIMITED_BROADCAST: Ipv4 = 0xffffffff;
const ALL_HOSTS: Ipv4 = 0xe0000001;

/** Whether an address alone says that it is of many. */
export function isOfMany(address: Ipv4): boolean {
  return address >>> 28 === 14 || address === LIMITED_BROADCAST;
}

/** The MAC address of the many that a route leads to; 0 if it leads to one. */
function macOfMany(destination: Ipv4, route: Route): Mac {
  if (route.type === 'broadcast' || destination === LIMITED_BROADCAST) return BROADCAST_MAC;
  return destination >>> 28 === 14 ? 0x01005e000000 + (destination & 0x7fffff) : 0;
}

/** Whether this namespace hears what is sent to such an address. */
export function isHeardHere(address: Ipv4): boolean {
  return address === LIMITED_BROADCAST || address === ALL_HOSTS;
}

/** Notes whether a packet goes to many by its route, and to which MAC address. */
export function markOfMany(skb: SkBuff, route: Route): void {
  skb.ofMany = route.type === 'broadcast';
  skb.destinationMac = route.type === 'local' ? 0 : macOfMany(skb.destination, route);
}
