/**
 * HAProxy's map of servers: a table in which every server stands as often as it weighs, and what is looked up in it by a
 * hash: `source`, `uri`, `hdr(...)`, `url_param`, or one after the other: `static-rr` (src/lb_map.c, src/backend.c). The
 * default hash function, sdbm, and the default method, the remainder.
 */

import type { Balancer, Chooser } from './balance.ts';
import type { BackendServer, Balance } from './haproxy.ts';

/** Balances by what is hashed. */
export type HashBalance = Extract<Balance, { kind: 'source' | 'uri' | 'hdr' | 'url_param' }>;

/** What both share: the table of those that are up. */
abstract class MapBalancer implements Balancer {
  protected table: readonly BackendServer[];
  private readonly down = new Set<BackendServer>();

  constructor(private readonly servers: readonly BackendServer[]) {
    this.table = tableOf(servers, servers);
  }

  abstract take(request: Chooser, avoid?: BackendServer): BackendServer | undefined;

  takeServer(_server: BackendServer): void {}

  release(_server: BackendServer): void {}

  isUp(server: BackendServer): boolean {
    return !this.down.has(server);
  }

  setUp(server: BackendServer, up: boolean): void {
    if (up) this.down.delete(server);
    else this.down.add(server);
    this.table = tableOf(
      this.servers.filter((other) => this.isUp(other)),
      this.servers,
    );
  }
}

/** One place of the table after the other. */
export class StaticRoundRobin extends MapBalancer {
  private index = 0;

  take(_request: Chooser, avoid?: BackendServer): BackendServer | undefined {
    const { length } = this.table;
    if (this.index >= length) this.index = 0;
    for (let tries = 0; tries < length; tries++) {
      const server = this.table[(this.index + tries) % length];
      if (server === avoid) continue;
      this.index = (this.index + tries + 1) % length;
      return server;
    }
    return this.table[this.index];
  }
}

/** The place a request hashes to; what has nothing to hash goes round. */
export class HashMap extends StaticRoundRobin {
  constructor(
    servers: readonly BackendServer[],
    private readonly balance: HashBalance,
  ) {
    super(servers);
  }

  override take(request: Chooser, avoid?: BackendServer): BackendServer | undefined {
    const hash = hashOf(this.balance, request);
    return hash === undefined ? super.take(request, avoid) : this.table[hash % this.table.length];
  }
}

function hashOf(balance: HashBalance, { source, target, headers }: Chooser): number | undefined {
  switch (balance.kind) {
    case 'source':
      return source;
    case 'uri':
      return target === undefined ? undefined : sdbm(uriPart(target, balance));
    case 'hdr': {
      const value = headers?.find(([name]) => name.toLowerCase() === balance.name)?.[1];
      return value === undefined || value === '' ? undefined : sdbm(value);
    }
    case 'url_param': {
      const query = target?.split('?', 2)[1] ?? '';
      const pair = query.split('&').find((part) => part.startsWith(`${balance.name}=`));
      return pair === undefined ? undefined : sdbm(pair.slice(balance.name.length + 1));
    }
  }
}

/** The part of a request's target that is hashed. */
function uriPart(target: string, { length, depth, whole }: Extract<HashBalance, { kind: 'uri' }>): string {
  const limited = length === undefined ? target : target.slice(0, length);
  let slashes = 0;
  for (let end = 0; end < limited.length; end++) {
    const char = limited[end];
    if (char === '/' && depth !== undefined && ++slashes === depth + 1) return limited.slice(0, end);
    if (char === '?' && !whole) return limited.slice(0, end);
  }
  return limited;
}

/** The hash function of that name, over bytes. */
function sdbm(text: string): number {
  let hash = 0;
  for (const byte of new TextEncoder().encode(text)) hash = (byte + (hash << 6) + (hash << 16) - hash) >>> 0;
  return hash;
}

/** Every server as often as it weighs, spread: each place goes to whoever has the highest score, the first among equals. */
function tableOf(up: readonly BackendServer[], all: readonly BackendServer[]): readonly BackendServer[] {
  const divisor = all.reduce((common, { weight }) => gcd(common, weight), 0) || 1;
  const scores = up.map((server) => ({ server, weight: server.weight / divisor, score: 0 })).filter(({ weight }) => weight > 0);
  const total = scores.reduce((sum, { weight }) => sum + weight, 0);
  return Array.from({ length: total }, () => {
    let best: (typeof scores)[number] | undefined;
    let most = 0;
    for (const candidate of scores) {
      candidate.score += candidate.weight;
      const value = Math.trunc((candidate.score + total) / total);
      if (best === undefined || value > most) [best, most] = [candidate, value];
    }
    if (best !== undefined) best.score -= total;
    return best?.server;
  }).flatMap((server) => (server === undefined ? [] : [server]));
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
