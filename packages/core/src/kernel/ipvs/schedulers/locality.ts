/**
 * What lblc and lblcr have in common: the choice of wlc where an address has no server yet,
 * when a server is too busy for locality, and when an address is forgotten.
 * Follows linux net/netfilter/ipvs/ip_vs_lblc.c and ip_vs_lblcr.c (6.1).
 */
import type { Ipv4 } from '../../../base/address.ts';
import type { Packet } from '../../../wire/ipv4.ts';
import type { RealServer, Scheduling, VirtualService } from '../service.ts';
import { wlc } from './wlc.ts';

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

/** A scheduler that remembers something by destination address, beside a wlc that is told of all changes. */
export abstract class Locality<Entry> implements Scheduling {
  protected readonly least: Scheduling;
  protected readonly byAddress = new Map<Ipv4, Entry>();
  /** When the first connection came. */
  protected start: number | undefined = undefined;

  constructor(protected readonly service: VirtualService) {
    this.least = wlc.start(service);
  }

  abstract choose(packet: Packet, now: number): RealServer | undefined;

  added(server: RealServer): void {
    this.least.added(server);
  }

  removed(server: RealServer): void {
    this.least.removed(server);
  }

  edited(server: RealServer): void {
    this.least.edited(server);
  }

  counted(server: RealServer): void {
    this.least.counted(server);
  }
}
