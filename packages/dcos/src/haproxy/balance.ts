/**
 * Which server of a backend gets the next request: the algorithms of HAProxy (src/backend.c), each with its own state, from
 * one reload to the next. `random` and `rdp-cookie` are not modelled.
 */
import type { Ipv4 } from '@portolan/core';
import type { HeaderField } from './conditions.ts';
import { WeightedRoundRobin } from './fwrr.ts';
import type { Backend, BackendServer } from './haproxy.ts';
import type { HaproxyVersion } from './headers.ts';
import { LeastConnections } from './leastconn.ts';
import { HashMap, StaticRoundRobin } from './map.ts';

/** What a choice may depend on: a connection's source, and of an HTTP request its target and headers. */
export interface Chooser {
  readonly source: Ipv4;
  readonly target?: string;
  readonly headers?: readonly HeaderField[];
}

/** The choices of one backend, from one reload to the next. */
export interface Balancer {
  /**
   * The server for a new request, which counts as taken until it is released; nothing if none is left.
   * @param avoid a server that has just refused a connection: not this one again if there is another
   */
  take(request: Chooser, avoid?: BackendServer): BackendServer | undefined;
  /** Takes a certain server: a cookie asks for it, or it is tried once more. */
  takeServer(server: BackendServer): void;
  /** A request at this server is over. */
  release(server: BackendServer): void;
  /** Whether a server gets requests. */
  isUp(server: BackendServer): boolean;
  /** Takes a server out, or back in. */
  setUp(server: BackendServer, up: boolean): void;
}

/** A balancer at its start. */
export function createBalancer(backend: Backend, version: HaproxyVersion = '2.0'): Balancer {
  const { balance, servers } = backend;
  switch (balance.kind) {
    case 'roundrobin':
      return new WeightedRoundRobin(servers);
    case 'leastconn':
      return new LeastConnections(servers, version);
    case 'static-rr':
      return new StaticRoundRobin(servers);
    case 'first':
      return new FirstServer(servers);
    default:
      return new HashMap(servers, balance);
  }
}

/** The first that is up: servers have no limit of connections here. */
class FirstServer implements Balancer {
  private readonly down = new Set<BackendServer>();

  constructor(private readonly servers: readonly BackendServer[]) {}

  take(_request: Chooser, avoid?: BackendServer): BackendServer | undefined {
    const up = this.servers.filter((server) => this.isUp(server) && server.weight > 0);
    return up.find((server) => server !== avoid) ?? up[0];
  }

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
