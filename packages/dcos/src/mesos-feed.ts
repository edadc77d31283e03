/**
 * Mesos' tasks on their way to those who follow them: each agent's dcos-net polls its own agent, Mesos-DNS the leading
 * master. Both are woken only when there is something new, at the moment their own rhythm would have found it.
 */
import { type Clock, formatIpv4, type Ipv4, parseIpv4, type Random } from '@portolan/core';
import type { MesosMaster, Task } from '@portolan/scheduler';
import { TaskZone } from './dns/task-zone.ts';
import { type MesosDns, REFRESH_SECONDS } from './mesos-dns/mesos-dns.ts';
import type { MesosAgent, MesosState, MesosTask } from './mesos-state.ts';
import { ShownTask } from './mesos-task.ts';
import { type DcosNetVersion, type LocalPortMapping, localPortMappings, type TaskBackend } from './vips/backends.ts';
import type { L4lb, VipEvent } from './vips/l4lb.ts';
import { type SeenTask, seenTask } from './vips/task-ports.ts';

/** How often dcos-net polls its agent, in milliseconds. */
const POLL_INTERVAL = 2000;
/** How often dcos-net looks at all VIPs again, in milliseconds. */
const RECONCILE_INTERVAL = 30_000;

/** What is fed, and from where. */
export interface FeedOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly master: MesosMaster;
  readonly l4lb: L4lb;
  /** Milliseconds until the last node has heard of a change of VIPs. */
  readonly gossipDelay: number;
  /** Told of every change of the table of VIPs. */
  readonly vipsChanged: (event: VipEvent) => void;
  /** Told of an agent's ports that lead to containers of Mesos' own, at each poll that finds something new. */
  readonly portMappings: (agent: Ipv4, mappings: readonly LocalPortMapping[]) => void;
  readonly mesosDns: MesosDns;
  readonly version: DcosNetVersion;
  /** The masters as ZooKeeper lists them: the one that leads, or led last, first. */
  readonly masters: () => readonly [Ipv4, ...Ipv4[]];
  /** Unix milliseconds at virtual time 0. */
  readonly epoch: number;
}

interface AgentTasks {
  readonly address: Ipv4;
  readonly tasks: Map<string, ShownTask>;
  /** When in each interval its dcos-net polls. */
  readonly phase: number;
  /** When it does so next, if there is something new. */
  due: number | undefined;
  /** Whether it polls at all. */
  alive: boolean;
}

/** Follows the master's task updates. */
export class MesosFeed {
  readonly taskZone = new TaskZone();
  private readonly options: FeedOptions;
  private readonly byAgent = new Map<string, AgentTasks>();
  private readonly tasks = new Map<string, ShownTask>();
  /** Where agents died. */
  private readonly gone = new Set<Ipv4>();
  private refreshDue = false;

  constructor(options: FeedOptions) {
    this.options = options;
    const { master } = options;
    master.events.on('agent-added', ({ id, hostname }) => {
      const address = parseIpv4(hostname);
      const agent = { address, tasks: new Map(), phase: options.random.nextInt(POLL_INTERVAL), due: undefined, alive: true };
      this.byAgent.set(id, agent);
      // One that comes back to where another died says that nothing runs there any more.
      if (this.gone.delete(address)) {
        this.tellReach();
        this.wakeAgent(id, agent);
      }
      this.wakeMesosDns();
    });
    master.events.on('agent-removed', ({ id }) => {
      this.byAgent.delete(id);
      this.wakeMesosDns();
    });
    master.events.on('status', (_, task) => this.take(task));
    this.refresh();
  }

  /** All tasks that are not over, in the order in which they came. */
  mesosTasks(): Iterable<MesosTask> {
    return this.tasks.values();
  }

  /** A task is as this record says. */
  private take(task: Task): void {
    const { taskId, agentId } = task.info;
    // Whoever follows tasks passes over those that have not come up yet.
    if (task.state === 'TASK_STAGING' || task.state === 'TASK_STARTING') return;
    const agent = this.byAgent.get(agentId);
    const before = this.tasks.get(taskId);
    if (agent !== undefined && (task.state === 'TASK_RUNNING' || task.state === 'TASK_KILLING')) {
      const seen = new ShownTask(task, agent.address);
      agent.tasks.set(taskId, seen);
      this.tasks.set(taskId, seen);
      this.taskZone.set(seen);
    } else if (before !== undefined) {
      agent?.tasks.delete(taskId);
      this.tasks.delete(taskId);
      this.taskZone.delete(before);
    }
    if (agent === undefined) return;
    this.wakeAgent(agentId, agent);
    this.wakeMesosDns();
  }

  /** When the last of those agents polls that have something new; undefined if none has. */
  get lastPoll(): number | undefined {
    let last: number | undefined;
    for (const { due } of this.byAgent.values()) if (due !== undefined && due > (last ?? 0)) last = due;
    return last;
  }

  private wakeAgent(id: string, agent: AgentTasks): void {
    if (agent.due !== undefined) return;
    const { clock, version } = this.options;
    const { at } = clock.after(untilNext(clock.now, POLL_INTERVAL, agent.phase), () => {
      agent.due = undefined;
      // A dead agent's dcos-net is dead too.
      if (!agent.alive || this.byAgent.get(id) !== agent) return;
      this.options.portMappings(agent.address, mappingsOf(agent.tasks.values()));
      const backends: TaskBackend[] = [];
      for (const task of agent.tasks.values()) backends.push(...task.backends(version));
      this.publish(agent.address, backends);
    });
    agent.due = at;
  }

  /** An agent that is dead is out of everybody's reach. What it published stays in gossip for ever, or until it comes back. */
  forget(id: string): void {
    const agent = this.byAgent.get(id);
    if (agent === undefined) return;
    agent.alive = false;
    this.gone.add(agent.address);
    this.tellReach();
  }

  /** Nodes know at once whom they reach, and make something of it when they next look at all VIPs. */
  private tellReach(): void {
    const { clock, l4lb, gossipDelay } = this.options;
    l4lb.lose(new Set(this.gone), clock.now);
    clock.after(untilNext(clock.now, RECONCILE_INTERVAL, 0), () => {
      l4lb.reconcile(clock.now);
      clock.after(gossipDelay, () => {});
    });
  }

  private publish(agent: Ipv4, backends: readonly TaskBackend[]): void {
    const { clock, l4lb, gossipDelay, vipsChanged } = this.options;
    if (!l4lb.publish(agent, backends, clock.now)) return;
    const event = l4lb.events.at(-1);
    if (event !== undefined) vipsChanged(event);
    // Nodes hear of it when they look; the clock must not be at rest before the last of them can.
    clock.after(gossipDelay, () => {});
  }

  private wakeMesosDns(): void {
    if (this.refreshDue) return;
    this.refreshDue = true;
    this.options.clock.after(untilNext(this.options.clock.now, REFRESH_SECONDS * 1000, 0), () => this.refresh());
  }

  /** Mesos-DNS reads the state of the leading master: at its own rhythm, and whenever another one leads. */
  refresh(): void {
    this.refreshDue = false;
    const { clock, epoch, mesosDns } = this.options;
    mesosDns.refresh(this.state(), Math.floor((epoch + clock.now) / 1000));
  }

  private state(): MesosState {
    const { masters, master } = this.options;
    const [leader, ...others] = masters();
    const agents = [...this.byAgent].map(([id, { address }]): MesosAgent => ({ id, address, port: 5051 }));
    return {
      leader: `master@${formatIpv4(leader)}:5050`,
      masters: [leader, ...others].map((address) => `${formatIpv4(address)}:5050`),
      frameworks: master.frameworks().map(({ name }) => ({ name, address: leader })),
      agents,
      tasks: [...this.tasks.values()],
    };
  }
}

function untilNext(now: number, interval: number, phase: number): number {
  const rest = (((phase - now) % interval) + interval) % interval;
  return rest === 0 ? interval : rest;
}

function mappingsOf(tasks: Iterable<ShownTask>): readonly LocalPortMapping[] {
  const seen: SeenTask[] = [];
  for (const task of tasks) if (!task.inDocker) seen.push(seenTask(task));
  return localPortMappings(seen);
}
