/**
 * Deleted real servers: kept as long as connections point to them and for two to three minutes after, so that one that
 * comes back finds its connections, counters and statistics again.
 * Follows ip_vs_trash_get_dest and ip_vs_dest_trash_expire of linux net/netfilter/ipvs/ip_vs_ctl.c (6.1). What a
 * scheduler remembers of a deleted server does not keep it here.
 */
import { endOf, isSameKey, type RealServer, type ServerKey, type VirtualService } from './service.ts';

/** Milliseconds between two looks of the kernel, and for which it keeps a server after the look that found it unused. */
const LOOK = 60_000;
const IDLE = 120_000;

interface Entry {
  readonly server: RealServer;
  /** Virtual milliseconds; Infinity while connections point to it. */
  removeAt: number;
}

/** The deleted servers of a namespace. */
export class Trash {
  private readonly byEnd = new Map<number, readonly Entry[]>();
  private count = 0;
  /** When the first of those that are here now came: looks fall on whole minutes after it. */
  private start = 0;
  private earliest = Number.POSITIVE_INFINITY;

  /** Puts a server in. */
  add(server: RealServer, now: number): void {
    this.purge(now);
    if (this.count === 0) this.start = now;
    const entry: Entry = { server, removeAt: Number.POSITIVE_INFINITY };
    this.byEnd.set(endOf(server), [entry, ...(this.byEnd.get(endOf(server)) ?? [])]);
    this.count++;
    if (server.active + server.inactive + server.persistent === 0) this.released(server, now);
  }

  /** A server's last connection has gone. */
  released(server: RealServer, now: number): void {
    const entry = this.byEnd.get(endOf(server))?.find((other) => other.server === server);
    if (entry === undefined) return;
    entry.removeAt = this.start + (Math.floor((now - this.start) / LOOK) + 1) * LOOK + IDLE;
    this.earliest = Math.min(this.earliest, entry.removeAt);
  }

  /** Takes out the server of that service, address and port that was deleted last. */
  take(service: VirtualService, key: ServerKey, now: number): RealServer | undefined {
    this.purge(now);
    const found = this.byEnd.get(endOf(key))?.find(({ server }) => isSameKey(server.service, service));
    if (found !== undefined) this.keep(endOf(key), (entry) => entry !== found);
    return found?.server;
  }

  private purge(now: number): void {
    if (now < this.earliest) return;
    this.earliest = Number.POSITIVE_INFINITY;
    for (const end of [...this.byEnd.keys()]) {
      this.keep(end, ({ removeAt }) => {
        if (removeAt > now) this.earliest = Math.min(this.earliest, removeAt);
        return removeAt > now;
      });
    }
  }

  private keep(end: number, which: (entry: Entry) => boolean): void {
    const before = this.byEnd.get(end) ?? [];
    const left = before.filter(which);
    this.count -= before.length - left.length;
    if (left.length === 0) this.byEnd.delete(end);
    else if (left.length < before.length) this.byEnd.set(end, left);
  }
}
