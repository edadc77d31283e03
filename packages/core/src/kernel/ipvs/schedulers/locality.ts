/**
 * What lblc and lblcr have in common: when a server is too busy for locality, and when an address is forgotten.
 * Follows linux net/netfilter/ipvs/ip_vs_lblc.c and ip_vs_lblcr.c (6.1).
 */
import type { RealServer, VirtualService } from '../service.ts';

/** More addresses are not remembered. */
export const MOST = (16 * 1024 * 3) / 2;
/** Milliseconds for which an address is remembered, and between two looks for old ones: net.ipv4.vs.lblc_expiration. */
export const DAY = 24 * 60 * 60_000;
const LOOK = 30 * 60_000;

/** Whether a server has more active connections than its weight says, and another less than half of its own weight. */
export function isCrowded(server: RealServer, service: VirtualService): boolean {
  if (server.active <= server.weight) return false;
  for (let other = service.first; other !== undefined; other = other.next) if (other.active * 2 < other.weight) return true;
  return false;
}

/**
 * Whether an address was forgotten at the last of the looks that fall on every half hour after the start.
 * @param usedAt virtual milliseconds, as the others
 */
export function isStale(usedAt: number, start: number, now: number): boolean {
  const lastLook = start + Math.floor((now - start) / LOOK) * LOOK;
  return lastLook >= usedAt + DAY;
}
