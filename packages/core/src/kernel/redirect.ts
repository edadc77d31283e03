/**
 * ICMP redirects: a router tells a sender on the same link that another gateway is nearer, and a host believes it.
 * Follows linux net/ipv4/route.c (__mkroute_input, ip_rt_send_redirect, __ip_do_redirect) with shared_media and
 * secure_redirects as they are by default.
 */
import { formatIpv4, type Ipv4 } from '../base/address.ts';
import type { Namespace } from './namespace.ts';
import type { SkBuff } from './skb.ts';
import { isNear } from './source.ts';

/** net.ipv4.route.redirect_load: the pause after the first, doubled with each. */
const PAUSE_MS = 20;
/** net.ipv4.route.redirect_number and redirect_silence: so many in vain, then a sender is left alone for so long. */
const MOST = 9;
const SILENCE_MS = 20_480;
const SENDERS = 4096;

/** How often a sender was told, and when last. */
interface Told {
  count: number;
  at: number;
}

/** Whom the routers of one namespace told lately. */
export class RedirectLimit {
  private told: Map<Ipv4, Told> | undefined = undefined;

  /** Whether a sender may be told now; it counts as told then. */
  allows(sender: Ipv4, now: number): boolean {
    this.told ??= new Map();
    const told = this.told.get(sender) ?? begin(this.told, sender);
    if (now - told.at > SILENCE_MS) told.count = 0;
    if (told.count >= MOST) {
      told.at = now;
      return false;
    }
    if (told.count > 0 && now - told.at <= PAUSE_MS * 2 ** told.count) return false;
    told.at = now;
    told.count++;
    return true;
  }
}

function begin(all: Map<Ipv4, Told>, sender: Ipv4): Told {
  const [oldest] = all.keys();
  if (all.size >= SENDERS && oldest !== undefined) all.delete(oldest);
  const told = { count: 0, at: Number.NEGATIVE_INFINITY };
  all.set(sender, told);
  return told;
}

/** Whether the sender of a packet that leaves by the device it came in by is to be told that it could send it to the next hop itself. */
export function couldGoItself(ns: Namespace, skb: SkBuff): boolean {
  const { input, nextHop } = skb;
  if (input === undefined || input !== skb.output || !input.switches.sendRedirects || !isNear(ns, skb, input)) return false;
  if (!ns.redirects.allows(skb.source, ns.now)) return false;
  skb.hop?.steps.push({ action: 'redirect', text: `${formatIpv4(skb.source)} is told of ${formatIpv4(nextHop)}` });
  return true;
}

/** A router says that another gateway is nearer to where a packet from here went. */
export function hearRedirect(ns: Namespace, skb: SkBuff, { source, destination }: { source: Ipv4; destination: Ipv4 }): void {
  const route = ns.route(destination, source);
  const device = skb.input;
  const gateway = skb.icmpInfo;
  if (route === undefined || device === undefined || !device.switches.acceptRedirects) return;
  const before = ns.exceptions.find(route, destination, ns.now)?.gateway ?? route.via;
  if (before !== skb.source || gateway === before || ns.addressType(gateway) !== 'UNICAST') return;
  // Only who answers to ARP is taken for a gateway: the first time it is asked for.
  if (!ns.neighbours.knows(device, gateway)) ns.neighbours.seek(device, gateway);
  else ns.exceptions.learnGateway(route, destination, gateway, ns.now);
}
