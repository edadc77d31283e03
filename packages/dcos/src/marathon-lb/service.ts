/**
 * Marathon-LB as a program of a public agent: it follows Marathon, writes haproxy.cfg, and its HAProxy listens and
 * proxies by it. The package of DC/OS: Marathon-LB 1.12.2, host network, group external (mesosphere/universe,
 * repo/packages/M/marathon-lb/38).
 */
import { type Cluster, type Namespace, type Program, Refusal } from '@portolan/core';
import type { Marathon, MesosMaster } from '@portolan/scheduler';
import { Haproxy } from '../haproxy/process.ts';
import { DCOS_PACKAGE_OPTIONS } from './config.ts';
import { type Regenerated, regenerate } from './regenerate.ts';

/** The image of the package, without its tag. */
export const MARATHON_LB_IMAGE = 'mesosphere/marathon-lb';

/** --reload-interval of the package, in milliseconds. */
const RELOAD_INTERVAL = 10_000;

/** What of Marathon it follows while it runs. */
const FOLLOWED = ['app-added', 'app-updated', 'app-removed', 'instance-changed', 'health-changed'] as const;

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
  }

  /** Starts and stops with the tasks of its image. */
  follow(mesos: MesosMaster, namespaceOf: (agentId: string) => Namespace | undefined): void {
    mesos.events.on('status', (_, { info, state }) => {
      if (state === 'TASK_STARTING' || state === 'TASK_STAGING') return;
      if (info.container?.image?.startsWith(MARATHON_LB_IMAGE) !== true) return;
      const ns = namespaceOf(info.agentId);
      if (ns === undefined) return;
      if (state === 'TASK_RUNNING') this.start(info.taskId, ns);
      else this.stop(info.taskId);
    });
  }

  /** A load balancer's task runs on a node. */
  private start(taskId: string, ns: Namespace): void {
    if (this.running.size === 0) for (const event of FOLLOWED) this.marathon.events.on(event, this.wake);
    this.running.get(taskId)?.stop();
    this.running.set(taskId, new Haproxy(ns, this.cluster.clock));
    this.reloadedAt = Number.NEGATIVE_INFINITY;
    this.wake();
  }

  /** The task is over. */
  private stop(taskId: string): void {
    this.running.get(taskId)?.stop();
    if (!this.running.delete(taskId) || this.running.size > 0) return;
    for (const event of FOLLOWED) this.marathon.events.off(event, this.wake);
  }

  /** The configuration in force, if a load balancer runs. */
  get configText(): string | undefined {
    return [...this.running.values()][0]?.text;
  }

  private readonly wake = (): void => {
    if (this.due || this.running.size === 0) return;
    this.due = true;
    const { clock } = this.cluster;
    clock.after(Math.max(0, this.reloadedAt + RELOAD_INTERVAL - clock.now), () => this.reload());
  };

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
