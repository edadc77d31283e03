/**
 * An observer of a world that knows nothing of how the scheduler works: from events and listings it says what is wrong. Naive on
 * purpose: every check scans everything.
 */
import { includesPort } from '@portolan/core';
import type { App } from '../src/app/app.ts';
import type { InstanceChange } from '../src/marathon/events.ts';
import type { MarathonTask } from '../src/marathon/show.ts';
import type { Task } from '../src/mesos/task.ts';
import type { Condition } from '../src/task/state.ts';
import type { World } from './world.ts';

/** What may follow a condition of one task. */
const NEXT: Readonly<Record<string, readonly Condition[]>> = {
  Provisioned: ['UnreachableInactive', 'Staging', 'Starting', 'Running', 'Killing', 'Unreachable'],
  Staging: ['UnreachableInactive', 'Starting', 'Running', 'Killing', 'Unreachable'],
  Starting: ['UnreachableInactive', 'Running', 'Killing', 'Unreachable'],
  Running: ['UnreachableInactive', 'Killing', 'Unreachable'],
  Killing: ['UnreachableInactive', 'Unreachable', 'Running'],
  Unreachable: ['UnreachableInactive', 'Provisioned', 'Staging', 'Starting', 'Running', 'Killing'],
  UnreachableInactive: ['Staging', 'Starting', 'Running', 'Killing', 'Unreachable'],
};
const OVER: readonly Condition[] = ['Failed', 'Error', 'Finished', 'Killed', 'Gone', 'Dropped'];

/** A restart that nobody disturbs keeps between these. */
export interface Limits {
  readonly least: number;
  readonly most: number;
}

/** What was seen wrong so far. */
export class Watch {
  readonly seen: string[] = [];
  private readonly conditions = new Map<string, Condition>();
  private readonly limits = new Map<string, Limits & { readonly old: ReadonlySet<string> }>();
  /** Launches that an app's deployment found in the queue: they wait for nothing. */
  private readonly queued = new Map<string, number>();
  private undisturbed = true;

  constructor(
    private readonly world: World,
    /** What only the world can know: whether a task has passed its readiness check, and whether an agent may take tasks. */
    private readonly knows: { answers(task: MarathonTask): boolean; open(agentId: string): boolean } = {
      answers: () => true,
      open: () => true,
    },
  ) {
    const { marathon, master } = world;
    marathon.events.on('deployment-started', ({ appId }) => {
      this.queued.set(appId, marathon.queue().find(({ app }) => app.id === appId)?.count ?? 0);
    });
    marathon.events.on('instance-changed', (change) => this.changed(change));
    master.events.on('launch', (_, tasks) => {
      this.batch = tasks.map(({ taskId }) => taskId);
      for (const taskId of this.batch) this.launched(master.task(taskId));
    });
  }

  /** From now on so many of an app's instances may be there, and must be ready, at every moment; unless something disturbs. */
  limit(appId: string, limits: Limits | undefined): void {
    if (limits === undefined) this.limits.delete(appId);
    else if (this.undisturbed)
      this.limits.set(appId, { ...limits, old: new Set(this.world.marathon.tasks(appId).map(({ id }) => id)) });
  }

  /** Limits no longer hold. */
  release(): void {
    this.limits.clear();
  }

  /** Somebody kills, or an agent is lost: limits are no longer the scheduler's alone, also of what begins before that has worked out. */
  disturb(): void {
    this.release();
    this.undisturbed = false;
  }

  /** Everything that was disturbed has worked out. */
  rest(): void {
    this.undisturbed = true;
  }

  /** All that was seen wrong, and what is wrong at this moment. */
  violations(): readonly string[] {
    return [...this.seen, ...this.ports(), ...this.resources(), ...this.states()];
  }

  /** No two tasks share a host port, and none has one its agent does not offer. */
  ports(): readonly string[] {
    return this.world.master.agents().flatMap((agent) => {
      const offered = [agent, ...(agent.reserved ?? [])];
      const all = this.world.master
        .tasksOn(agent.id)
        .flatMap(({ info }) => info.ports.map((port) => ({ port, id: info.taskId })));
      return all.flatMap(({ port, id }, i) => {
        const other = all.findIndex((one) => one.port === port);
        if (other < i) return [`port ${port} of ${id} is that of ${all[other]?.id}`];
        return offered.some(({ ports }) => includesPort(ports, port)) ? [] : [`port ${port} of ${id} is not its agent's`];
      });
    });
  }

  /** What tasks use and what is held and free is what the agent has; nothing is below zero. */
  resources(): readonly string[] {
    return this.world.master.agents().flatMap((agent) => {
      const parts = [agent, ...(agent.reserved ?? [])];
      const tasks = this.world.master.tasksOn(agent.id);
      const { free, offered } = this.world.master.resources(agent.id);
      return (['cpus', 'mem', 'disk'] as const).flatMap((name) => {
        const has = parts.reduce((sum, part) => sum + part[name], 0);
        const used = tasks.reduce((sum, { info }) => sum + info[name], 0);
        if (free[name] < 0) return [`${agent.id} has ${free[name]} ${name} left`];
        const sum = used + free[name] + offered[name];
        return Math.abs(sum - has) < 1e-6 ? [] : [`${agent.id} has ${has} ${name}, of which ${sum} are accounted for`];
      });
    });
  }

  /** Every instance is in exactly one state: what events told last is what listings say. */
  states(): readonly string[] {
    const { marathon } = this.world;
    const listed = marathon.tasks();
    const twice = listed.filter(({ instanceId }, i) => listed.findIndex((task) => task.instanceId === instanceId) < i);
    const other = listed.filter(({ id, condition }) => this.conditions.get(id) !== condition);
    const ids = new Set(listed.map(({ id }) => id));
    const ghosts = [...this.conditions].filter(([id, condition]) => !ids.has(id) && !OVER.includes(condition));
    return [
      ...twice.map(({ instanceId }) => `${instanceId} is listed twice`),
      ...other.map(({ id, condition }) => `${id} is ${condition}, and was ${this.conditions.get(id)} last`),
      ...ghosts.map(([id, condition]) => `${id} was ${condition} last, and is not listed`),
    ];
  }

  /** @internal For tests of this observer. */
  changed({ taskId, condition, expunged, appId }: InstanceChange): void {
    if (taskId !== undefined) {
      const before = this.conditions.get(taskId);
      const allowed = before === undefined ? condition === 'Provisioned' : this.follows(before, condition);
      if (!allowed && !expunged) this.seen.push(`${taskId} went from ${before} to ${condition}`);
      if (expunged) this.conditions.delete(taskId);
      else this.conditions.set(taskId, condition);
    }
    this.count(appId);
  }

  private follows(before: Condition, after: Condition): boolean {
    return before === after || OVER.includes(after) || (NEXT[before] ?? []).includes(after);
  }

  /** Whether an operator would count on a task; of those that a restart replaces nobody asks whether they are ready. */
  private isReady(task: MarathonTask, old: ReadonlySet<string>): boolean {
    return task.condition === 'Running' && task.healthy !== false && (old.has(task.id) || this.knows.answers(task));
  }

  private count(appId: string): void {
    const limits = this.limits.get(appId);
    if (limits === undefined) return;
    const tasks = this.world.marathon.tasks(appId);
    const ready = tasks.filter((task) => this.isReady(task, limits.old)).length;
    const present = tasks.filter(({ condition }) => !OVER.includes(condition)).length;
    if (ready < limits.least) this.seen.push(`${appId} has ${ready} ready, of ${limits.least} it must have`);
    if (present > limits.most) this.seen.push(`${appId} has ${present}, and may have ${limits.most}`);
  }

  /** @internal For tests of this observer: constraints hold when a task is launched. */
  launched(task: Task | undefined): void {
    const app = this.world.marathon.apps().find(({ id }) => id === task?.info.appId);
    if (task === undefined || app === undefined) return;
    const { marathon } = this.world;
    const { taskId, agentId } = task.info;
    if (!this.knows.open(agentId)) this.seen.push(`${taskId} was launched on ${agentId}, which is closed`);
    const deployment = marathon.deploymentOf(app.id);
    const early = app.dependencies.filter((other) => deployment !== undefined && marathon.deploymentOf(other) === deployment);
    if (early.length === 0 || !taskId.endsWith('.1')) return this.constrained(task, app);
    const before = this.queued.get(app.id) ?? 0;
    this.queued.set(app.id, before - 1);
    if (before <= 0) this.seen.push(`${taskId} did not wait for ${early.join()}`);
    this.constrained(task, app);
  }

  private constrained(task: Task, app: App): void {
    const { master, marathon } = this.world;
    const others = marathon
      .tasks(app.id)
      .filter(({ id, version, condition }) => {
        const counts = !OVER.includes(condition) && condition !== 'Unreachable' && version >= app.lastConfigChangeAt;
        return counts && id !== task.info.taskId && !this.later(id, task.info.taskId);
      })
      .flatMap(({ slaveId }) => master.agents().filter(({ id }) => id === slaveId));
    const [here] = master.agents().filter(({ id }) => id === task.info.agentId);
    for (const { field, operator, value = '' } of app.constraints) {
      const of = (agent: (typeof others)[number] | undefined) =>
        field === 'hostname' ? agent?.hostname : agent?.attributes.find(([name]) => name === field)?.[1];
      const same = others.filter((agent) => of(agent) === of(here)).length;
      const fine =
        (operator !== 'UNIQUE' || same === 0) &&
        (operator !== 'MAX_PER' || same < Number(value)) &&
        (operator !== 'UNLIKE' || of(here) !== value) &&
        (operator !== 'CLUSTER' || same === others.length);
      if (!fine) this.seen.push(`${task.info.taskId} breaks ${field} ${operator} ${value} of ${app.id}`);
    }
  }

  /** Of one batch the tasks after this one were not there when it was placed: launch lists are newest first. */
  private later(id: string, than: string): boolean {
    return this.batch.indexOf(id) >= 0 && this.batch.indexOf(than) >= 0 && this.batch.indexOf(id) < this.batch.indexOf(than);
  }

  /** @internal The ids of the batch that is being launched, newest first. */
  batch: readonly string[] = [];
}

/** The bounds of a rolling restart as an operator would work them out. */
export function restartLimits({ instances, upgradeStrategy }: App): Limits {
  const { minimumHealthCapacity, maximumOverCapacity } = upgradeStrategy;
  const least = Math.ceil(instances * minimumHealthCapacity);
  const most = Math.floor(instances * (1 + maximumOverCapacity));
  // One more is let in where nothing could move otherwise.
  return { least, most: Math.max(instances, most === least ? most + 1 : most) };
}
