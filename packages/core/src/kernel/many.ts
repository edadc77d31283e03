/**
 * Packets to many: 255.255.255.255, a network's last address, and groups, of which every host hears 224.0.0.1 only.
 * Follows linux net/ipv4/route.c (ip_route_input_mc, __mkroute_output), ip_output.c (ip_mc_output), icmp.c
 * (icmp_echo_ignore_broadcasts). No group is joined, and no router passes groups on.
 */
import { BROADCAST_MAC, type Ipv4, type Mac } from '../base/address.ts';
import type { Route } from './config.ts';
import type { Device } from './link/device.ts';
import type { Namespace } from './namespace.ts';
import { arrive, deliver, pass } from './path.ts';
import type { SkBuff } from './skb.ts';
import { isMartian } from './source.ts';

const LIMITED_BROADCAST: Ipv4 = 0xffffffff;
const ALL_HOSTS: Ipv4 = 0xe0000001;

/** Whether an address alone says that it is of many. */
export function isOfMany(address: Ipv4): boolean {
  return address >>> 28 === 14 || address === LIMITED_BROADCAST;
}

/** The MAC address of the many that a route leads to; 0 if it leads to one. */
export function macOfMany(destination: Ipv4, route: Route): Mac {
  if (route.type === 'broadcast' || destination === LIMITED_BROADCAST) return BROADCAST_MAC;
  return destination >>> 28 === 14 ? 0x01005e000000 + (destination & 0x7fffff) : 0;
}

/** A packet to many came in: it is for this namespace too, or for nobody here. */
export function receiveOfMany(ns: Namespace, skb: SkBuff, device: Device): void {
  if (skb.destination !== LIMITED_BROADCAST && skb.destination !== ALL_HOSTS)
    skb.hop?.steps.push({ action: 'not-forwarded', text: 'nobody here has joined that group' });
  else if (isMartian(ns, skb, device)) skb.hop?.steps.push({ action: 'martian', text: `on ${device.name}` });
  else {
    skb.ofMany = true;
    deliver(ns, skb);
  }
}

/** Who sends to many hears it too: a copy comes back from the device without having been on it. */
export function loopBack(ns: Namespace, skb: SkBuff, device: Device): void {
  if (device.kind === 'loopback' || (skb.destination >>> 28 === 14 && skb.destination !== ALL_HOSTS)) return;
  const copy = skb.copy();
  copy.connection = skb.connection;
  copy.ctInfo = skb.ctInfo;
  copy.output = device;
  if (!pass(ns, 'POSTROUTING', copy)) return;
  copy.output = undefined;
  arrive(ns, copy, device);
  copy.ofMany = true;
  if (pass(ns, 'PREROUTING', copy)) deliver(ns, copy);
}
