/**
 * Which server of a backend gets the next request (HAProxy 2.0, src/lb_fwrr.c, src/lb_fwlc.c, src/lb_map.c), for servers of
 * equal weight, which are all that Marathon-LB makes. Servers that health checks took out are given from outside; when one
 * comes back, round robin goes on where it was, which the real one need not.
 */
import { assert, type Ipv4 } from '@portolan/core';
import type { Backend, BackendServer } from './haproxy.ts';

/** The choices of one backend, from one reload to the next. */
export interface Balancer {
  /**
   * The server for a new request, which counts as taken until it is released; nothing if none is left.
   * @param client its address, for `source`
   * @param avoid a server that has just refused a connection: not this one again if there is another
   */
  take(client: Ipv4, avoid?: BackendServer): BackendServer | undefined;
  /** Takes a certain server: a cookie asks for it, or it is tried once more. */
  takeServer(server: BackendServer): void;
  /** A request at this server is over. */
  release(server: BackendServer): void;
  /** Whether a server gets requests. */
  isUp(server: BackendServer): boolean;
  /** Takes a server out, or back in. */
  setUp(server: BackendServer, up: boolean): void;
}

/** A balancer at its start: the first request goes to the first server. */
export function createBalancer(backend: Backend): Balancer {
  switch (backend.balance) {
    case 'roundrobin':
      return new RoundRobin(backend.servers);
    case 'leastconn':
      return new LeastConnections(backend.servers);
    case 'source':
      return new SourceHash(backend.servers);
  }
}

/** What balancers share: servers by index, and which are down. */
abstract class ServerList implements Balancer {
  protected readonly down = new Set<BackendServer>();

  constructor(protected readonly servers: readonly BackendServer[]) {}

  abstract take(client: Ipv4, avoid?: BackendServer): BackendServer | undefined;

  takeServer(_server: BackendServer): void {}

  release(_server: BackendServer): void {}

  isUp(server: BackendServer): boolean {
    return !this.down.has(server);
  }

  setUp(server: BackendServer, up: boolean): void {
    if (up) this.down.delete(server);
    else this.down.add(server);
  }
}

/** In the order of the file, cyclic. */
class RoundRobin extends ServerList {
  private next = 0;

  take(_client: Ipv4, avoid?: BackendServer): BackendServer | undefined {
    let fallback: BackendServer | undefined;
    for (let tries = 0; tries < this.servers.length; tries++) {
      const server = this.servers[this.next];
      this.next = (this.next + 1) % this.servers.length;
      if (server === undefined || this.down.has(server)) continue;
      if (server !== avoid) return server;
      fallback = server;
    }
    return fallback;
  }
}

interface Load {
  readonly server: BackendServer;
  taken: number;
  /** When it was last put into its place. */
  placed: number;
}

/** The fewest requests in flight; among equals the one that has been so for longest. */
class LeastConnections extends ServerList {
  private readonly loads: readonly Load[];
  private clock: number;

  constructor(servers: readonly BackendServer[]) {
    super(servers);
    this.loads = servers.map((server, placed) => ({ server, taken: 0, placed }));
    this.clock = servers.length;
  }

  take(_client: Ipv4, avoid?: BackendServer): BackendServer | undefined {
    let best: Load | undefined;
    let fallback: Load | undefined;
    for (const load of this.loads) {
      if (this.down.has(load.server)) continue;
      if (load.server === avoid) fallback = load;
      else if (best === undefined || load.taken < best.taken || (load.taken === best.taken && load.placed < best.placed))
        best = load;
    }
    const chosen = best ?? fallback;
    if (chosen !== undefined) this.place(chosen, 1);
    return chosen?.server;
  }

  override takeServer(server: BackendServer): void {
    this.place(this.loadOf(server), 1);
  }

  override release(server: BackendServer): void {
    this.place(this.loadOf(server), -1);
  }

  private loadOf(server: BackendServer): Load {
    const load = this.loads[this.servers.indexOf(server)];
    assert(load !== undefined, `server ${server.name} is not of this backend`);
    return load;
  }

  private place(load: Load, change: number): void {
    load.taken += change;
    load.placed = this.clock++;
  }
}

/** By the client's address, modulo the number of servers that are up. */
class SourceHash extends ServerList {
  take(client: Ipv4): BackendServer | undefined {
    const up = this.servers.filter((server) => !this.down.has(server));
    return up[client % up.length];
  }
}
