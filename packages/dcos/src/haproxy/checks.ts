/**
 * HAProxy's own health checks: real connections to every checked server, spread over the interval; after `fall` failures in
 * a row a server is down, after `rise` successes up again (HAProxy 2.0, src/checks.c). What is known of a server outlives a
 * reload, as its state file does.
 */
import { type Clock, type Namespace, parseResponse, requestText, type Timer } from '@portolan/core';
import type { Balancer } from './balance.ts';
import type { Backend, BackendServer, ServerCheck } from './haproxy.ts';

/** Milliseconds a connection may take, `timeout connect`. */
const CONNECT_TIMEOUT = 3000;

/** What is known of a server. */
export interface Health {
  up: boolean;
  /** Results in a row that speak for a change. */
  against: number;
}

/** Healths by backend and server, to be passed from one configuration to the next. */
export type HealthStates = Map<string, Health>;

/** A server's status as the statistics show it: on its way, how far it is. */
export function statusOf({ check }: BackendServer, health: Health | undefined): string {
  if (check === undefined) return 'no check';
  if (health === undefined || health.against === 0) return health?.up === false ? 'DOWN' : 'UP';
  return health.up ? `UP ${check.fall - health.against}/${check.fall}` : `DOWN ${health.against}/${check.rise}`;
}

/** The key of a server among healths. */
export function healthKey(backend: Backend, server: BackendServer): string {
  return `${backend.name} ${server.name}`;
}

/** The checks of one backend. */
export class HealthChecks {
  private readonly timers = new Map<BackendServer, Timer>();
  private stopped = false;

  constructor(
    private readonly around: { readonly ns: Namespace; readonly clock: Clock; readonly states: HealthStates },
    private readonly backend: Backend,
    private readonly balancer: Balancer,
  ) {
    const checked = backend.servers.flatMap((server) => (server.check === undefined ? [] : [{ server, check: server.check }]));
    checked.forEach(({ server, check }, place) => {
      if (!this.healthOf(server).up) balancer.setUp(server, false);
      this.schedule(server, check, Math.floor((check.intervalSeconds * 1000 * place) / checked.length));
    });
  }

  /** Ends them; a check under way counts no more. */
  stop(): void {
    this.stopped = true;
    for (const timer of this.timers.values()) timer.cancel();
  }

  private schedule(server: BackendServer, check: ServerCheck, delay: number): void {
    const run = () => this.probe(server, check);
    this.timers.set(server, this.around.clock.after(Math.max(1, delay), run, true));
  }

  private probe(server: BackendServer, check: ServerCheck): void {
    const interval = check.intervalSeconds * 1000;
    const begun = this.around.clock.now;
    const done = (good: boolean): void => {
      if (this.stopped) return;
      this.count(server, check, good);
      this.schedule(server, check, Math.max(0, begun + interval - this.around.clock.now));
    };
    connectTo(this.around.ns, server, check, this.backend, done);
  }

  private count(server: BackendServer, check: ServerCheck, good: boolean): void {
    const health = this.healthOf(server);
    if (good === health.up) health.against = 0;
    else if (++health.against >= (health.up ? check.fall : check.rise)) {
      health.up = good;
      health.against = 0;
      this.balancer.setUp(server, good);
    }
  }

  private healthOf(server: BackendServer): Health {
    const key = healthKey(this.backend, server);
    const known = this.around.states.get(key);
    if (known !== undefined) return known;
    const health = { up: true, against: 0 };
    this.around.states.set(key, health);
    return health;
  }
}

/** One check: a connection, and if the backend asks for it a request whose answer must be of class 2xx or 3xx. */
function connectTo(
  ns: Namespace,
  server: BackendServer,
  check: ServerCheck,
  backend: Backend,
  done: (good: boolean) => void,
): void {
  const { address } = server;
  const { path, timeoutSeconds } = backend.check;
  if (address === undefined) return done(false);
  const timeout = (timeoutSeconds ?? Math.min(CONNECT_TIMEOUT / 1000, check.intervalSeconds)) * 1000;
  let settled = false;
  const finish = (good: boolean): void => {
    if (settled) return;
    settled = true;
    timer.cancel();
    socket?.reset();
    done(good);
  };
  const timer = ns.after(timeout, () => finish(false));
  let text = '';
  const socket = ns.sockets.connect(
    { address, port: check.port ?? server.port },
    {
      connected: (s) => {
        if (path === undefined) return finish(true);
        s.write(requestText({ method: 'GET', path, headers: [], body: '' }).replace(' HTTP/1.1\r\n', ' HTTP/1.0\r\n'));
      },
      received: (_, part) => {
        text += part;
        const response = parseResponse(text);
        if (response !== undefined) finish(response.status >= 200 && response.status < 400);
      },
      closed: () => finish(false),
      failed: () => finish(false),
    },
  );
  if (socket === undefined) finish(false);
}
