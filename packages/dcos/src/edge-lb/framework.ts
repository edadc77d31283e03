/**
 * What runs a pool's load balancers: a framework of Mesos for each pool, as DC/OS's SDK makes it of mesosphere/dcos-edge-lb,
 * framework/edgelb-pool. It takes the pool's ports of agents of its role, one load balancer to an agent unless told otherwise, and launches
 * another one where one ends. Its own scheduler, an app of Marathon in life, takes no place here.
 */
import { includesPort, type Random } from '@portolan/core';
import {
  type FrameworkOffer,
  type MesosMaster,
  mesosContainer,
  type SchedulerDriver,
  type TaskRequest,
} from '@portolan/scheduler';
import type { Pool } from './pool.ts';

/** What a load balancer of a pool runs in. */
export const EDGE_LB_IMAGE = 'mesosphere/edge-lb-pool';
/** Seconds for which an offer without use is not wanted again. */
const REFUSAL = 5;

/** What of a pool its tasks are made by: with another one they are launched anew. */
function launchKey({ role, cpus, mem, disk, ports }: Pool): string {
  return JSON.stringify([role, cpus, mem, disk, ports]);
}

interface Launched {
  readonly taskId: string;
  readonly agentId: string;
  readonly key: string;
  killed: boolean;
}

/** The framework of one pool. */
export class PoolFramework {
  private readonly driver: SchedulerDriver;
  /** By instance, from 0. */
  private readonly tasks = new Map<number, Launched>();

  constructor(
    private pool: Pool,
    mesos: MesosMaster,
    private readonly random: Random,
  ) {
    const name = pool.namespace === '' ? pool.name : `${pool.namespace}/${pool.name}`;
    this.driver = mesos.subscribe(
      { name, roles: [pool.role] },
      {
        resourceOffers: (offers, driver) => {
          for (const offer of offers) this.take(offer, driver);
          // What fits nowhere waits: other offers come by themselves.
          if (this.missing().length === 0) driver.suppress();
        },
        statusUpdate: ({ taskId, state }) => {
          if (STANDING.has(state)) return;
          for (const [i, task] of this.tasks) if (task.taskId === taskId) this.tasks.delete(i);
          this.wantOrNot();
        },
      },
    );
  }

  /** Tasks that are not over, by their instances. */
  get taskIds(): readonly string[] {
    return [...this.tasks].sort(([a], [b]) => a - b).map(([, { taskId }]) => taskId);
  }

  /** Follows another pool of the same name and role. */
  update(pool: Pool): void {
    this.pool = pool;
    const key = launchKey(pool);
    for (const [i, task] of this.tasks) {
      if ((i < pool.count && task.key === key) || task.killed) continue;
      task.killed = true;
      this.driver.kill(task.taskId);
    }
    this.wantOrNot();
  }

  /** Ends it with all its tasks. */
  remove(): void {
    this.driver.teardown();
  }

  private wantOrNot(): void {
    if (this.missing().length === 0) this.driver.suppress();
    else this.driver.revive();
  }

  private missing(): readonly number[] {
    return Array.from({ length: this.pool.count }, (_, i) => i).filter((i) => !this.tasks.has(i));
  }

  private take(offer: FrameworkOffer, driver: SchedulerDriver): void {
    const [instance] = this.missing();
    const beside = [...this.tasks.values()].some(({ agentId }) => agentId === offer.agentId);
    if (instance === undefined || (beside && !this.pool.sharesAgents) || !fits(this.pool, offer))
      return driver.decline(offer.id, { refuseSeconds: REFUSAL });
    const task = this.request(instance);
    this.tasks.set(instance, { taskId: task.taskId, agentId: offer.agentId, key: launchKey(this.pool), killed: false });
    driver.accept(offer.id, [task]);
  }

  private request(instance: number): TaskRequest {
    const { cpus, mem, disk, ports } = this.pool;
    const name = `edgelb-pool-${instance}-server`;
    const container = mesosContainer(`${EDGE_LB_IMAGE}:1.5.0`, 'HOST');
    const env = [['PORTS', ports.join(',')]] as const;
    return { taskId: `${name}__${this.random.uuid()}`, name, cpus, mem, disk, ports, env, container };
  }
}

/** States of a task that is not over. */
const STANDING: ReadonlySet<string> = new Set([
  ...['TASK_STAGING', 'TASK_STARTING', 'TASK_RUNNING', 'TASK_KILLING'],
  // It may come back.
  'TASK_UNREACHABLE',
]);

/** Whether the pool's role has enough of an agent. */
function fits({ role, cpus, mem, disk, ports }: Pool, offer: FrameworkOffer): boolean {
  const part = [offer, ...(offer.reserved ?? [])].find((other) => other.role === role);
  if (part === undefined || part.cpus < cpus || part.mem < mem || part.disk < disk) return false;
  return ports.every((port) => includesPort(part.ports, port));
}
