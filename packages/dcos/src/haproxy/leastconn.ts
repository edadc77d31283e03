/**
 * HAProxy's `leastconn`: the server with the fewest requests in flight for its weight, among equals the one that has been so
 * for longest (src/lb_fwlc.c). Before 2.2 an idle server's weight counts too, and every request moves its server to the end
 * of its equals.
 */

import type { Balancer, Chooser } from './balance.ts';
import type { BackendServer } from './haproxy.ts';
import type { HaproxyVersion } from './headers.ts';
import { KeyQueue } from './queue.ts';

const MOST = 4096;
const SCALE = 16;

/** The requests in flight of one backend. */
export class LeastConnections implements Balancer {
  private readonly queue = new KeyQueue<BackendServer>();
  private readonly taken = new Map<BackendServer, number>();
  private readonly down = new Set<BackendServer>();

  constructor(
    servers: readonly BackendServer[],
    private readonly version: HaproxyVersion,
  ) {
    for (const server of servers) if (server.weight > 0) this.queue.insert(this.keyOf(server), server);
  }

  take(_request: Chooser, avoid?: BackendServer): BackendServer | undefined {
    const server = this.queue.first((candidate) => candidate !== avoid) ?? this.queue.first();
    if (server !== undefined) this.change(server, 1);
    return server;
  }

  takeServer(server: BackendServer): void {
    this.change(server, 1);
  }

  release(server: BackendServer): void {
    this.change(server, -1);
  }

  isUp(server: BackendServer): boolean {
    return !this.down.has(server);
  }

  setUp(server: BackendServer, up: boolean): void {
    if (up === this.isUp(server)) return;
    if (up) {
      this.down.delete(server);
      if (server.weight > 0) this.queue.insert(this.keyOf(server), server);
    } else {
      this.down.add(server);
      this.queue.remove(server);
    }
  }

  private change(server: BackendServer, by: number): void {
    this.taken.set(server, (this.taken.get(server) ?? 0) + by);
    const before = this.queue.keyOf(server);
    if (before === undefined) return;
    const key = this.keyOf(server);
    if (this.version === '2.6' && key === before) return;
    this.queue.remove(server);
    this.queue.insert(key, server);
  }

  private keyOf(server: BackendServer): number {
    const taken = this.taken.get(server) ?? 0;
    if (this.version === '2.6' && taken === 0) return 0;
    return Math.floor(((taken + 1) * MOST) / (server.weight * SCALE));
  }
}
