/**
 * HAProxy as a program of a node: it listens where its configuration says, asks servers on behalf of clients and checks them.
 * Marathon-LB 1.12 and 1.13 bundle 1.9. TLS is not modelled; a reload takes no time and starts every round anew; of the
 * timeouts only that of connections counts.
 */
import {
  type Clock,
  headerValue,
  type Ipv4,
  type Listener,
  type Namespace,
  parseRequest,
  parseResponse,
  requestText,
  responseText,
  type TcpProgram,
  type TcpSocket,
} from '@portolan/core';
import { Attempt } from './attempt.ts';
import { type Balancer, createBalancer } from './balance.ts';
import { HealthChecks, type HealthStates, healthKey } from './checks.ts';
import type { ProxiedRequest } from './conditions.ts';
import type { Backend, BackendServer, Frontend, HaproxyConfig } from './haproxy.ts';
import { cookieOf, type OwnReason, ownAnswer, requestHeaders, responseHeaders } from './headers.ts';
import { monitorPage, type PageSources, scriptPage, statsPage } from './pages.ts';
import { rewrittenTarget } from './rewrite.ts';
import { frontendsAt, routeConnection, routeRequest } from './route.ts';
import { ServerNames } from './server-names.ts';
import { Statistics } from './statistics.ts';

/** The HAProxy of Marathon-LB 1.12 and 1.13. */
const HAPROXY_VERSION = '1.9';
/** Process ids begin here, one to a reload. */
const FIRST_PID = 100;
/** `timeout connect`, in milliseconds. */
const CONNECT_TIMEOUT = 3000;

/** What HAProxy is given: its configuration, as text and as a value, and the map files that it names. */
export interface LoadedConfig {
  readonly text: string;
  readonly haproxy: HaproxyConfig;
  readonly maps?: { readonly domain2backend: string; readonly app2backend: string } | undefined;
}

/** One HAProxy. */
export class Haproxy {
  text: string | undefined;
  private loaded: string | undefined;
  private readonly ns: Namespace;
  private readonly clock: Clock;
  private readonly health: HealthStates = new Map();
  private listeners: readonly Listener[] = [];
  private balancers = new Map<Backend, Balancer>();
  private checks: readonly HealthChecks[] = [];
  private names: ServerNames | undefined;
  private statistics = new Statistics();
  /** What ends the session that an attempt has with its server. */
  private readonly sessions = new WeakMap<Attempt, () => void>();
  /** Reloads so far. */
  private reloads = 0;

  constructor(ns: Namespace, clock: Clock) {
    this.ns = ns;
    this.clock = clock;
  }

  /** Takes a configuration, once it has looked up the names in it; connections that are open go on as they are. */
  load(loaded: LoadedConfig): void {
    const { text, maps, haproxy } = loaded;
    const fresh = `${text}\n${maps?.domain2backend}\n${maps?.app2backend}`;
    if (fresh === this.loaded) return;
    this.loaded = fresh;
    this.names?.stop();
    this.names = new ServerNames({ ns: this.ns, clock: this.clock }, haproxy, (config) => this.start(loaded, config));
  }

  private start({ text, maps }: LoadedConfig, config: HaproxyConfig): void {
    this.close();
    this.text = text;
    this.reloads++;
    this.statistics = new Statistics();
    this.balancers = new Map();
    const around = { ns: this.ns, clock: this.clock, states: this.health };
    this.checks = [...config.backends.values()]
      .filter(({ servers }) => servers.some(({ check }) => check !== undefined))
      .map((backend) => new HealthChecks(around, backend, this.balancer(backend)));
    const files = new Map([
      ['/marathon-lb/domain2backend.map', maps?.domain2backend ?? ''],
      ['/marathon-lb/app2backend.map', maps?.app2backend ?? ''],
    ]);
    const { statistics, reloads, health } = this;
    const healthOf = (backend: Backend, server: BackendServer) => health.get(healthKey(backend, server));
    const pages = { text, files, pid: FIRST_PID + reloads, csv: () => statistics.csv(config, healthOf) };
    this.listeners = bindsOf(config).map(({ address, port }) =>
      this.ns.sockets.listen({ address, port, program: 'haproxy' }, (client) => {
        // Frontends that share a port share its connections: the kernel spreads them by chance.
        const frontends = frontendsAt(config, { address: client.local, port });
        const frontend = frontends[frontends.length > 1 ? this.ns.random.nextInt(frontends.length) : 0];
        if (frontend === undefined) return {};
        return ending(this.serve(config, frontend, pages, client), this.statistics.begin(frontend));
      }),
    );
  }

  stop(): void {
    this.names?.stop();
    this.close();
    this.loaded = undefined;
    this.text = undefined;
  }

  private close(): void {
    for (const listener of this.listeners) listener.close();
    for (const checks of this.checks) checks.stop();
    this.listeners = [];
    this.checks = [];
  }

  private serve(config: HaproxyConfig, frontend: Frontend, pages: PageSources, client: TcpSocket): TcpProgram {
    if (frontend.mode === 'tcp') return this.serveTcp(config, frontend, client);
    let pending = '';
    return {
      received: (_, text) => {
        pending += text;
        const parsed = parseRequest(pending);
        if (parsed === undefined) return;
        pending = '';
        const request: ProxiedRequest = {
          method: parsed.method,
          target: parsed.path,
          headers: parsed.headers,
          source: client.remote,
        };
        const monitor = monitorPage(frontend, request.target);
        const route = routeRequest(config, frontend, request, pages.files);
        const own = route.kind === 'respond' ? scriptPage(route.service, pages) : undefined;
        const shown = monitor ?? own ?? (route.kind === 'unavailable' ? statsPage(frontend, request.target, pages) : undefined);
        if (shown !== undefined) client.write(responseText(shown));
        if (monitor !== undefined) client.close();
        if (shown !== undefined) return;
        if (route.kind === 'backend') this.proxyRequest(route.backend, request, parsed.body, client);
        else answerAndClose(client, route.kind === 'respond' ? { kind: 'unavailable' } : route);
      },
      closed: (socket) => socket.close(),
    };
  }

  private proxyRequest(backend: Backend, request: ProxiedRequest, body: string, client: TcpSocket): void {
    const attempt = Attempt.start(backend, this.balancer(backend), request, cookieOf(request.headers, backend.cookie));
    const end = this.statistics.begin(backend);
    const giveUp = (): void => {
      end();
      answerAndClose(client, { kind: 'unavailable' });
    };
    if (attempt === undefined) return giveUp();
    const finish = (): void => {
      end();
      this.finish(attempt);
    };
    const headers = requestHeaders(request, backend, { port: client.localPort }, HAPROXY_VERSION);
    const text = requestText({ method: request.method, path: rewrittenTarget(request.target, backend.rewrites), headers, body });
    let answered = false;
    const broken = (): void => {
      if (answered) return;
      answered = true;
      finish();
      answerAndClose(client, { kind: 'bad-gateway' });
    };
    this.connect(attempt, giveUp, {
      connected: (server) => server.write(text),
      received: answerReader((response) => {
        answered = true;
        finish();
        const passed = responseHeaders(response.headers, backend, attempt.newCookie, HAPROXY_VERSION);
        client.write(responseText({ ...response, headers: passed }));
      }),
      closed: (server) => {
        server.close();
        broken();
      },
      failed: broken,
    });
  }

  private serveTcp(config: HaproxyConfig, frontend: Frontend, client: TcpSocket): TcpProgram {
    const route = routeConnection(config, frontend, client.remote);
    const attempt =
      route.kind === 'backend'
        ? Attempt.start(route.backend, this.balancer(route.backend), { source: client.remote })
        : undefined;
    let server: TcpSocket | undefined;
    let waiting: string[] = [];
    if (attempt === undefined) {
      this.ns.wire.wake(() => client.reset());
      return {};
    }
    const end = route.kind === 'backend' ? this.statistics.begin(route.backend) : () => {};
    const giveUp = (): void => {
      end();
      client.reset();
    };
    this.connect(attempt, giveUp, {
      connected: (socket) => {
        server = socket;
        for (const text of waiting) socket.write(text);
        waiting = [];
      },
      received: (_, text) => client.write(text),
      closed: (socket) => {
        end();
        this.finish(attempt);
        socket.close();
        client.close();
      },
    });
    return {
      received: (_, text) => {
        if (server === undefined) waiting.push(text);
        else server.write(text);
      },
      closed: () => server?.close(),
      failed: () => server?.reset(),
    };
  }

  /** Connects to the server of an attempt; refused ones are tried again as the attempt says. */
  private connect(attempt: Attempt, giveUp: () => void, program: TcpProgram): void {
    const end = this.statistics.begin(attempt.server);
    this.sessions.set(attempt, end);
    const again = (): void => {
      timer.cancel();
      end();
      const next = attempt.refused();
      if (next.kind === 'give-up') giveUp();
      else this.ns.after(next.delay, () => this.connect(attempt, giveUp, program));
    };
    const { address, port } = attempt.server;
    let made = false;
    const timer = this.ns.after(CONNECT_TIMEOUT, () => {
      socket?.reset();
      again();
    });
    if (address === undefined) return again();
    const socket = this.ns.sockets.connect(
      { address, port },
      {
        ...program,
        connected: (s) => {
          made = true;
          timer.cancel();
          program.connected?.(s);
        },
        failed: (s, failure) => (made ? program.failed?.(s, failure) : again()),
      },
    );
    if (socket === undefined) again();
  }

  /** A request at a server is over. */
  private finish(attempt: Attempt): void {
    attempt.finished();
    this.sessions.get(attempt)?.();
  }

  private balancer(backend: Backend): Balancer {
    let balancer = this.balancers.get(backend);
    if (balancer === undefined) {
      balancer = createBalancer(backend);
      this.balancers.set(backend, balancer);
    }
    return balancer;
  }
}

/** The places to listen at, each once; TLS is not modelled. */
function bindsOf(config: HaproxyConfig): readonly { readonly address: Ipv4; readonly port: number }[] {
  const places = new Map<string, { readonly address: Ipv4; readonly port: number }>();
  for (const { tls, address = 0, port } of config.frontends.flatMap(({ binds }) => binds))
    if (!tls) places.set(`${address} ${port}`, { address, port });
  return [...places.values()];
}

/** A program that also says when its connection is over. */
function ending(program: TcpProgram, end: () => void): TcpProgram {
  return {
    ...program,
    closed: (socket) => {
      end();
      program.closed?.(socket);
    },
    failed: (socket, failure) => {
      end();
      program.failed?.(socket, failure);
    },
  };
}

type Response = NonNullable<ReturnType<typeof parseResponse>>;

/** Reads one answer; the connection is for one request, as with http-server-close. */
function answerReader(done: (response: Response) => void): (socket: TcpSocket, text: string) => void {
  let pending = '';
  return (socket, text) => {
    pending += text;
    const response = parseResponse(pending);
    if (response === undefined || headerValue(response.headers, 'content-length') === undefined) return;
    pending = '';
    socket.close();
    done(response);
  };
}

/** HAProxy's own answer; all but redirects end the connection. */
function answerAndClose(client: TcpSocket, route: OwnReason): void {
  client.write(responseText(ownAnswer(route, HAPROXY_VERSION)));
  if (route.kind !== 'redirect') client.close();
}
