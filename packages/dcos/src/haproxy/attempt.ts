/**
 * One request's way to a server that accepts: who is tried, when it is tried again, when HAProxy gives up (HAProxy 2.0,
 * src/stream.c, with `retries 3`, `option redispatch` and `timeout connect 3s` as Marathon-LB sets them; the waits are those
 * seen on the real program).
 */

import type { Balancer, Chooser } from './balance.ts';
import type { Backend, BackendServer } from './haproxy.ts';
import type { HaproxyVersion } from './headers.ts';

/** Attempts after the first. */
const RETRIES = 3;
/** Milliseconds before a server that has refused is tried again. */
const WAIT = 1000;

/** What comes after a refused connection. */
export type NextAttempt =
  /** Try this server, in so many milliseconds. */
  | { readonly kind: 'try'; readonly server: BackendServer; readonly delay: number }
  | { readonly kind: 'give-up'; readonly delay: number };

/** A request that looks for its server. */
export class Attempt {
  private refusals = 0;

  private constructor(
    private readonly backend: Backend,
    private readonly balancer: Balancer,
    private readonly client: Chooser,
    private current: BackendServer,
    private byCookie: boolean,
    private readonly version: HaproxyVersion,
  ) {}

  /**
   * Chooses the first server; nothing if the backend has none that is up.
   * @param cookie what the client sent for the backend's cookie
   */
  static start(
    backend: Backend,
    balancer: Balancer,
    client: Chooser,
    cookie?: string,
    version: HaproxyVersion = '2.0',
  ): Attempt | undefined {
    const sticky =
      backend.cookie !== '' && cookie
        ? backend.servers.find((server) => server.cookie === cookie && balancer.isUp(server))
        : undefined;
    if (sticky !== undefined) balancer.takeServer(sticky);
    const server = sticky ?? balancer.take(client);
    return server === undefined ? undefined : new Attempt(backend, balancer, client, server, sticky !== undefined, version);
  }

  /** The server to connect to. */
  get server(): BackendServer {
    return this.current;
  }

  /** The value for a cookie the response must set, if it must. */
  get newCookie(): string | undefined {
    return this.backend.cookie === '' || this.byCookie || this.current.cookie === '' ? undefined : this.current.cookie;
  }

  /** The server refused, or no answer came in time. */
  refused(): NextAttempt {
    this.refusals++;
    const alone = this.backend.servers.filter((server) => this.balancer.isUp(server)).length < 2;
    const moves = !alone && this.movesOn();
    this.balancer.release(this.current);
    if (this.refusals > RETRIES) return { kind: 'give-up', delay: 0 };
    const delay = moves && this.atOnce() ? 0 : WAIT;
    if (moves) {
      const next = this.balancer.take(this.client, this.current);
      if (next === undefined) return { kind: 'give-up', delay: 0 };
      this.current = next;
      this.byCookie = false;
    } else this.balancer.takeServer(this.current);
    return { kind: 'try', server: this.current, delay };
  }

  /** The request is over. */
  finished(): void {
    this.balancer.release(this.current);
  }

  /** A free choice goes to another server at once, a cookie's client at the second retry, the others at the last. */
  private movesOn(): boolean {
    if (this.byCookie) return this.refusals >= RETRIES - 1;
    return this.isFree() || this.refusals === RETRIES;
  }

  /** Whether another server is tried without waiting: since 2.2 always, before only where the choice is free. */
  private atOnce(): boolean {
    return !this.byCookie && (this.isFree() || this.version === '2.6');
  }

  /** Whether it does not matter which server it is: round robin, since 2.2 also the fewest connections. */
  private isFree(): boolean {
    const { kind } = this.backend.balance;
    return kind === 'roundrobin' || kind === 'static-rr' || (kind === 'leastconn' && this.version === '2.6');
  }
}
