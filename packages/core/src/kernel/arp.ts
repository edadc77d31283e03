/**
 * ARP as it comes in: whom this namespace answers, for itself or on behalf of others, and what it learns of the sender.
 * Follows linux net/ipv4/arp.c (arp_process) with arp_ignore, arp_filter and arp_accept as they are by default: every
 * own address is answered for on every device, and nobody is remembered who did not ask for one.
 */
import { Arp } from '../wire/arp.ts';
import type { Device } from './link/device.ts';
import { transmit } from './link/transmit.ts';
import type { Namespace } from './namespace.ts';
import { isMartian } from './source.ts';

/** net.ipv4.neigh.default.proxy_delay, in milliseconds */
const PROXY_DELAY_MS = 800;

/** Takes an ARP packet that came in by a device. */
export function receiveArp(ns: Namespace, arp: Arp, device: Device): void {
  if (arp.operation === 'reply') return ns.neighbours.learn(device, arp.senderAddress, arp.senderMac, 'answer');
  const asked = whoIsAsked(ns, arp, device);
  ns.neighbours.learn(device, arp.senderAddress, arp.senderMac, asked === 'nobody here' ? 'request' : 'request for us');
  if (asked === 'nobody here') return;
  const answer = (): void => transmit(device, new Arp('reply', device.mac, arp.targetAddress, arp.senderMac, arp.senderAddress));
  const most = asked === 'this' ? 0 : (ns.config.sysctl.proxyDelayMs ?? PROXY_DELAY_MS);
  if (most === 0) answer();
  else ns.after(ns.random.nextInt(most), answer);
}

/** A proxy answers where it would pass packets on to another device. */
function whoIsAsked(ns: Namespace, arp: Arp, device: Device): 'this' | 'somebody behind' | 'nobody here' {
  const { forwarding, proxyArp } = device.switches;
  const route = ns.route(arp.targetAddress, arp.senderAddress);
  const behind = proxyArp && forwarding && route?.type === 'unicast' && route.device !== device.name;
  if (!behind && route?.type !== 'local') return 'nobody here';
  const ends = { source: arp.senderAddress, destination: arp.targetAddress, mark: 0 };
  if (isMartian(ns, ends, device)) return 'nobody here';
  return behind ? 'somebody behind' : 'this';
}
