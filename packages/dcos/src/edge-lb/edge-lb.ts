/**
 * Edge-LB: pools of load balancers, each with a framework that runs them and a haproxy.cfg that follows the tasks it names
 * (mesosphere/dcos-edge-lb, apiserver and loadbalancer/lbmgr). A change of tasks is in the configuration at once; each load balancer is
 * told, and loads it five seconds later. What HAProxy refuses is not loaded: the old one stays in force.
 */
import { type Cluster, type Namespace, type Program, type Random, Refusal } from '@portolan/core';
import type { MesosMaster, TaskState } from '@portolan/scheduler';
import { readHaproxyConfig } from '../haproxy/haproxy.ts';
import { Haproxy, type LoadedConfig } from '../haproxy/process.ts';
import type { MesosTask } from '../mesos-state.ts';
import { poolConfig } from './config.ts';
import { EDGE_LB_IMAGE, PoolFramework } from './framework.ts';
import { type Pool, readPool } from './pool.ts';

/** Milliseconds between a change's coming to a load balancer and its reload. */
const RELOAD_WAIT = 5000;

/** What Edge-LB needs of its cluster. */
export interface EdgeLbOptions {
  readonly cluster: Cluster;
  readonly mesos: MesosMaster;
  readonly random: Random;
  /** All tasks that are not over. */
  readonly tasks: () => Iterable<MesosTask>;
  /** An agent's own network. */
  readonly host: (agentId: string) => Namespace | undefined;
}

interface RunningPool {
  pool: Pool;
  readonly framework: PoolFramework;
  /** Whether a reload is under way. */
  due: boolean;
  failure: Refusal | undefined;
}

/** The pools of a cluster. */
export class EdgeLb {
  /** What a load balancer's container runs, in the eyes of Mesos: the sockets are its HAProxy's. */
  static readonly program: Program = {
    start: () => ({ ports: [] }),
    respond: () => ({ status: 404, reason: 'Not Found', headers: [], body: '' }),
  };

  private readonly running = new Map<string, RunningPool>();
  /** What runs, by task, and for which pool. */
  private readonly proxies = new Map<string, { readonly proxy: Haproxy; readonly found: RunningPool }>();

  constructor(private readonly options: EdgeLbOptions) {
    options.mesos.events.on('status', (_, task) => this.follow(task.info, task.state));
  }

  /**
   * Adds a pool: V2 JSON as text or as an object.
   * @throws Refusal `invalid-json`, `invalid-pool`, `not-modelled`, `pool-exists`
   */
  create(definition: unknown): Pool {
    const pool = this.readable(definition);
    if (this.running.has(pool.name)) throw refuse('pool-exists', pool.name, `pool ${pool.name} already exists`);
    const { mesos, random } = this.options;
    const framework = new PoolFramework(pool, mesos, random);
    this.running.set(pool.name, { pool, framework, due: false, failure: undefined });
    return pool;
  }

  /**
   * Changes a pool. Load balancers with other resources or ports are launched anew, the others load what is new.
   * @throws Refusal `invalid-json`, `invalid-pool`, `not-modelled`, `pool-missing`
   */
  update(definition: unknown): Pool {
    const pool = this.readable(definition);
    const found = this.get(pool.name);
    for (const field of ['namespace', 'role'] as const) {
      if (pool[field] === found.pool[field]) continue;
      throw refuse('not-modelled', `pool.${field}`, `pool.${field} of a pool that runs cannot be changed; delete it first`);
    }
    found.pool = pool;
    found.framework.update(pool);
    this.wake(found);
    return pool;
  }

  /**
   * Removes a pool with its load balancers.
   * @throws Refusal `pool-missing`
   */
  delete(name: string): void {
    this.get(name).framework.remove();
    this.running.delete(name);
  }

  /** All pools, in the order in which they were added. */
  pools(): readonly Pool[] {
    return [...this.running.values()].map(({ pool }) => pool);
  }

  /**
   * A pool's haproxy.cfg for the tasks there are, as `dcos edgelb lb-config` prints it.
   * @throws Refusal `pool-missing`
   */
  lbConfig(name: string): string {
    return poolConfig(this.get(name).pool, this.options.tasks());
  }

  /**
   * The tasks of a pool's load balancers, and HAProxy's complaint if it refuses the configuration.
   * @throws Refusal `pool-missing`
   */
  status(name: string): { readonly taskIds: readonly string[]; readonly failure: Refusal | undefined } {
    const { framework, failure } = this.get(name);
    return { taskIds: framework.taskIds, failure };
  }

  /** A pool whose configuration this model can read. */
  private readable(definition: unknown): Pool {
    const pool = readPool(definition);
    const refusal = loadable(pool, this.options.tasks());
    if (refusal instanceof Refusal && refusal.code === 'not-modelled') throw refusal;
    return pool;
  }

  private get(name: string): RunningPool {
    const found = this.running.get(name);
    if (found === undefined) throw refuse('pool-missing', name, `pool ${name.slice(0, 100)} not found`);
    return found;
  }

  private follow({ taskId, agentId, container }: FollowedTask, state: TaskState): void {
    if (container?.image?.startsWith(EDGE_LB_IMAGE) === true) this.followProxy(taskId, agentId, state);
    else for (const found of this.running.values()) this.wake(found);
  }

  /** A load balancer's task: its HAProxy runs as long as it does, and while nobody hears of it. */
  private followProxy(taskId: string, agentId: string, state: TaskState): void {
    const ns = this.options.host(agentId);
    if (state === 'TASK_STAGING' || state === 'TASK_STARTING') return;
    if (ns === undefined || (state !== 'TASK_RUNNING' && state !== 'TASK_UNREACHABLE')) {
      this.proxies.get(taskId)?.proxy.stop();
      this.proxies.delete(taskId);
      return;
    }
    const found = [...this.running.values()].find(({ framework }) => framework.taskIds.includes(taskId));
    if (found === undefined || this.proxies.has(taskId)) return;
    const { cluster, tasks } = this.options;
    const proxy = new Haproxy(ns, cluster.clock);
    this.proxies.set(taskId, { proxy, found });
    this.load(found, proxy, loadable(found.pool, tasks()));
  }

  private wake(found: RunningPool): void {
    if (found.due || found.framework.taskIds.length === 0) return;
    found.due = true;
    this.options.cluster.clock.after(RELOAD_WAIT, () => {
      found.due = false;
      const config = loadable(found.pool, this.options.tasks());
      for (const running of this.proxies.values()) if (running.found === found) this.load(found, running.proxy, config);
    });
  }

  private load(found: RunningPool, proxy: Haproxy, config: LoadedConfig | Refusal): void {
    found.failure = config instanceof Refusal ? config : undefined;
    if (!(config instanceof Refusal)) proxy.load(config);
  }
}

interface FollowedTask {
  readonly taskId: string;
  readonly agentId: string;
  readonly container?: { readonly image?: string | undefined } | undefined;
}

/** A pool's configuration as HAProxy takes it, or why it does not. */
function loadable(pool: Pool, tasks: Iterable<MesosTask>): LoadedConfig | Refusal {
  const text = poolConfig(pool, tasks);
  try {
    return { text, haproxy: readHaproxyConfig(text) };
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

function refuse(code: string, path: string, message: string): Refusal {
  return new Refusal({ component: 'edgelb', code, path, message });
}
