/**
 * Locality-based least connection with replication: as lblc, but an address has a set of servers that grows when all of
 * them are busy, and loses the busiest when it did not change for a day.
 * Follows linux net/netfilter/ipvs/ip_vs_lblcr.c (6.1), with lblc's deviation.
 */
import type { Packet } from '../../../wire/ipv4.ts';
import type { RealServer } from '../service.ts';
import { compareProducts } from './least.ts';
import { DAY, isCrowded, isStale, Locality, MOST } from './locality.ts';
import type { Scheduler } from './scheduler.ts';
import { overhead } from './wlc.ts';

/** `ipvsadm -s lblcr` */
export const lblcr: Scheduler = { name: 'lblcr', start: (service) => new ReplicatedLocality(service) };

interface Entry {
  /** Newest first. */
  servers: readonly RealServer[];
  changedAt: number;
  usedAt: number;
}

class ReplicatedLocality extends Locality<Entry> {
  choose(packet: Packet, now: number): RealServer | undefined {
    this.start ??= now;
    let entry = this.byAddress.get(packet.destination);
    if (entry !== undefined && isStale(entry.usedAt, this.start, now)) {
      this.byAddress.delete(packet.destination);
      entry = undefined;
    }
    if (entry !== undefined) {
      entry.usedAt = now;
      const server = leastOf(entry.servers);
      if (entry.servers.length > 1 && now > entry.changedAt + DAY) shrink(entry, now);
      if (server !== undefined && !isCrowded(server, this.service)) return server;
    }
    const server = this.least.choose(packet, now);
    if (server === undefined) return undefined;
    if (entry !== undefined) grow(entry, server, now);
    else if (this.byAddress.size < MOST)
      this.byAddress.set(packet.destination, { servers: [server], changedAt: now, usedAt: now });
    return server;
  }
}

function grow(entry: Entry, server: RealServer, now: number): void {
  if (entry.servers.includes(server)) return;
  entry.servers = [server, ...entry.servers];
  entry.changedAt = now;
}

function shrink(entry: Entry, now: number): void {
  const most = mostOf(entry.servers);
  if (most === undefined) return;
  entry.servers = entry.servers.filter((server) => server !== most);
  entry.changedAt = now;
}

function leastOf(servers: readonly RealServer[]): RealServer | undefined {
  let least: RealServer | undefined;
  for (const server of servers) {
    if (!server.usable || !server.available) continue;
    if (least === undefined || load(least, server) > 0) least = server;
  }
  return least;
}

function mostOf(servers: readonly RealServer[]): RealServer | undefined {
  let most: RealServer | undefined;
  for (const server of servers) {
    if (server.weight === 0) continue;
    if (most === undefined || load(most, server) < 0) most = server;
  }
  return most;
}

function load(a: RealServer, b: RealServer): number {
  return compareProducts(overhead(a), b.weight, overhead(b), a.weight);
}
