/**
 * Marathon-LB as a program of a public agent: it follows Marathon, writes haproxy.cfg, and its HAProxy listens and
 * proxies by it. The package of DC/OS: Marathon-LB 1.12.2, host network, group external (mesosphere/universe,
 * repo/packages/M/marathon-lb/38). TLS and HAProxy's own health checks are not modelled; a reload takes no time.
 */
import {
  type Cluster,
  headerValue,
  type Ipv4,
  type Listener,
  type Namespace,
  type Program,
  parseRequest,
  parseResponse,
  Refusal,
  requestText,
  responseText,
  type TcpProgram,
  type TcpSocket,
} from '@portolan/core';
import type { Marathon } from '@portolan/scheduler';
import { DCOS_PACKAGE_OPTIONS } from './config.ts';
import type { Backend, Frontend, HaproxyConfig } from './haproxy.ts';
import { Attempt } from './haproxy-attempt.ts';
import { type Balancer, createBalancer } from './haproxy-balance.ts';
import type { ProxiedRequest } from './haproxy-conditions.ts';
import { cookieOf, ownAnswer, requestHeaders, responseHeaders } from './haproxy-headers.ts';
import { frontendsAt, routeConnection, routeRequest } from './haproxy-route.ts';
import { type Regenerated, regenerate } from './regenerate.ts';

/** The image of the package, without its tag. */
export const MARATHON_LB_IMAGE = 'mesosphere/marathon-lb';

/** The HAProxy of Marathon-LB 1.12 and 1.13. */
const HAPROXY_VERSION = '1.9';
/** --reload-interval of the package, in milliseconds. */
const RELOAD_INTERVAL = 10_000;

/** The app that the package installs. */
export const MARATHON_LB_APP = {
  id: '/marathon-lb',
  instances: 1,
  cpus: 1,
  mem: 1024,
  acceptedResourceRoles: ['slave_public'],
  networks: [{ mode: 'host' }],
  requirePorts: true,
  portDefinitions: [80, 443, 9090, 9091, ...Array.from({ length: 101 }, (_, i) => 10_000 + i)].map((port) => ({
    port,
    protocol: 'tcp',
  })),
  container: { type: 'DOCKER', docker: { image: `${MARATHON_LB_IMAGE}:v1.12.2`, privileged: true } },
  args: [
    'sse',
    '-m',
    'http://marathon.mesos:8080',
    '--health-check',
    '--haproxy-map',
    '--max-reload-retries',
    '10',
    '--reload-interval',
    '10',
    '--group',
    'external',
  ],
} as const;

/** The load balancers of a cluster. */
export class LoadBalancerService {
  /** What its container runs, in the eyes of Docker: the sockets are {@link start}'s. */
  static readonly program: Program = {
    start: () => ({ ports: [] }),
    respond: () => ({ status: 404, reason: 'Not Found', headers: [], body: '' }),
  };

  /** Why the last regeneration was given up, if one was. */
  failure: Refusal | undefined = undefined;
  private readonly cluster: Cluster;
  private readonly marathon: Marathon;
  private readonly running = new Map<string, Haproxy>();
  private health: Regenerated['health'] = new Map();
  private due = false;
  private reloadedAt = Number.NEGATIVE_INFINITY;

  constructor(options: { cluster: Cluster; marathon: Marathon }) {
    this.cluster = options.cluster;
    this.marathon = options.marathon;
    for (const event of ['app-added', 'app-updated', 'app-removed', 'instance-changed', 'health-changed'] as const)
      this.marathon.events.on(event, () => this.wake());
  }

  /** A load balancer's task runs on a node. */
  start(taskId: string, ns: Namespace): void {
    this.running.get(taskId)?.stop();
    this.running.set(taskId, new Haproxy(ns));
    this.reloadedAt = Number.NEGATIVE_INFINITY;
    this.wake();
  }

  /** The task is over. */
  stop(taskId: string): void {
    this.running.get(taskId)?.stop();
    this.running.delete(taskId);
  }

  /** The configuration in force, if a load balancer runs. */
  get configText(): string | undefined {
    return [...this.running.values()][0]?.text;
  }

  private wake(): void {
    if (this.due || this.running.size === 0) return;
    this.due = true;
    const { clock } = this.cluster;
    clock.after(Math.max(0, this.reloadedAt + RELOAD_INTERVAL - clock.now), () => this.reload());
  }

  private reload(): void {
    this.due = false;
    this.reloadedAt = this.cluster.clock.now;
    const apps = this.marathon.apps().map((app) => this.marathon.show(app.id));
    const made = this.regenerated(apps);
    if (made === undefined) return;
    this.health = made.health;
    for (const haproxy of this.running.values()) haproxy.load(made);
  }

  /** A new configuration; an app Marathon-LB chokes on leaves the old one in force for everybody, as in the real program. */
  private regenerated(apps: readonly unknown[]): Regenerated | undefined {
    try {
      return regenerate(apps, { ...DCOS_PACKAGE_OPTIONS, health: this.health });
    } catch (refusal) {
      if (!(refusal instanceof Refusal)) throw refusal;
      this.failure = refusal;
      return undefined;
    }
  }
}

/** One HAProxy. */
class Haproxy {
  text: string | undefined;
  private loaded: string | undefined;
  private readonly ns: Namespace;
  private listeners: readonly Listener[] = [];
  private balancers = new Map<Backend, Balancer>();

  constructor(ns: Namespace) {
    this.ns = ns;
  }

  /** Takes a configuration; connections that are open go on as they are. */
  load({ text, maps, haproxy: config }: Regenerated): void {
    const fresh = `${text}\n${maps?.domain2backend}\n${maps?.app2backend}`;
    if (fresh === this.loaded) return;
    this.stop();
    this.loaded = fresh;
    this.text = text;
    this.balancers = new Map();
    const files = new Map([
      ['/marathon-lb/domain2backend.map', maps?.domain2backend ?? ''],
      ['/marathon-lb/app2backend.map', maps?.app2backend ?? ''],
    ]);
    this.listeners = bindsOf(config).map(({ address, port }) =>
      this.ns.sockets.listen({ address, port, program: 'haproxy' }, (client) => {
        // Frontends that share a port share its connections: the kernel spreads them by chance.
        const frontends = frontendsAt(config, { address: client.local, port });
        const frontend = frontends[frontends.length > 1 ? this.ns.random.nextInt(frontends.length) : 0];
        return frontend === undefined ? {} : this.serve(config, frontend, files, client);
      }),
    );
  }

  stop(): void {
    for (const listener of this.listeners) listener.close();
    this.listeners = [];
    this.loaded = undefined;
    this.text = undefined;
  }

  private serve(config: HaproxyConfig, frontend: Frontend, files: ReadonlyMap<string, string>, client: TcpSocket): TcpProgram {
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
        const route = routeRequest(config, frontend, request, files);
        if (route.kind === 'backend') this.proxyRequest(route.backend, request, parsed.body, client);
        else if (route.kind === 'respond')
          client.write(
            responseText({
              status: 200,
              reason: 'OK',
              headers: [['Content-Length', String(this.text?.length ?? 0)]],
              body: this.text ?? '',
            }),
          );
        else client.write(responseText(ownAnswer(route, HAPROXY_VERSION)));
      },
      closed: (socket) => socket.close(),
    };
  }

  private proxyRequest(backend: Backend, request: ProxiedRequest, body: string, client: TcpSocket): void {
    const attempt = Attempt.start(backend, this.balancer(backend), client.remote, cookieOf(request.headers, backend.cookie));
    const giveUp = (): void => client.write(responseText(ownAnswer({ kind: 'unavailable' }, HAPROXY_VERSION)));
    if (attempt === undefined) return giveUp();
    const headers = requestHeaders(request, backend, { port: client.localPort }, HAPROXY_VERSION);
    const text = requestText({ method: request.method, path: request.target, headers, body });
    this.connect(attempt, giveUp, {
      connected: (server) => server.write(text),
      received: answerReader((response) => {
        attempt.finished();
        const passed = responseHeaders(response.headers, backend, attempt.newCookie, HAPROXY_VERSION);
        client.write(responseText({ ...response, headers: passed }));
      }),
      closed: (server) => server.close(),
    });
  }

  private serveTcp(config: HaproxyConfig, frontend: Frontend, client: TcpSocket): TcpProgram {
    const route = routeConnection(config, frontend, client.remote);
    const attempt =
      route.kind === 'backend' ? Attempt.start(route.backend, this.balancer(route.backend), client.remote) : undefined;
    let server: TcpSocket | undefined;
    let waiting: string[] = [];
    if (attempt === undefined) {
      this.ns.wake(() => client.reset());
      return {};
    }
    this.connect(attempt, () => client.reset(), {
      connected: (socket) => {
        server = socket;
        for (const text of waiting) socket.write(text);
        waiting = [];
      },
      received: (_, text) => client.write(text),
      closed: (socket) => {
        attempt.finished();
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
    const again = (): void => {
      const next = attempt.refused();
      if (next.kind === 'give-up') giveUp();
      else this.ns.after(next.delay, () => this.connect(attempt, giveUp, program));
    };
    const { address, port } = attempt.server;
    if (address === undefined) return again();
    const made = { current: false };
    const socket = this.ns.sockets.connect(
      { address, port },
      {
        ...program,
        connected: (s) => {
          made.current = true;
          program.connected?.(s);
        },
        failed: (s, failure) => (made.current ? program.failed?.(s, failure) : again()),
      },
    );
    if (socket === undefined) again();
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
