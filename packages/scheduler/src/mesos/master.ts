/**
 * The leading Mesos master: its agents, its frameworks, the tasks between them, and the statuses that go to and fro.
 * Follows apache/mesos 1.8 src/master/master.cpp with DC/OS 1.13's settings. Who is offered what is decided in offering.ts, which
 * agents there are in membership.ts.
 */
import type { Clock, Random } from '@portolan/core';
import { EventEmitter } from 'eventemitter3';
import type { TaskInfo } from '../launch/task-info.ts';
import { isTerminalState, type TaskState, type TaskStatus } from '../task/state.ts';
import type { AgentInfo, AgentLedger } from './agent.ts';
import { bookings } from './bookings.ts';
import type { Scheduler, SchedulerDriver } from './driver.ts';
import type { FrameworkInfo, FrameworkRecord } from './framework.ts';
import { FrameworkTable } from './framework-table.ts';
import { DCOS_PING_TIMEOUTS, Membership } from './membership.ts';
import type { Offer, Unavailability } from './offer.ts';
import { type FrameworkOffer, OfferDesk } from './offer-desk.ts';
import { Offering } from './offering.ts';
import type { AgentResources, Executor, Framework, MesosEvents } from './parties.ts';
import { lostState } from './reconcile.ts';
import { hasRepeats, minus, NO_SCALARS, plus, type ScalarUnits, units } from './resources.ts';
import type { SorterKind } from './sorter.ts';
import { type Task, TaskRecord, timed } from './task.ts';

/** What a master is made of. */
export interface MesosMasterOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly executor: Executor;
  /** Orders a round's agents in place of chance; then every agent is offered in every round. */
  readonly placementOrder?: (offers: readonly Offer[]) => readonly Offer[];
  /** `--role_sorter` and `--framework_sorter`: `random` as on DC/OS since 1.13, or `drf`. */
  readonly sorter?: SorterKind;
  /** Pings an agent may miss before it is unreachable: 20 of 15 s on DC/OS, 5 in Mesos itself. */
  readonly pingTimeouts?: number;
}

/** The one leading master of a cluster. */
export class MesosMaster {
  readonly events = new EventEmitter<MesosEvents>();
  /** The first part of agent, offer and framework ids. */
  readonly id: string;
  private readonly clock: Clock;
  private readonly executor: Executor;
  private readonly membership: Membership;
  private readonly offering: Offering;
  private readonly desk: OfferDesk;
  private readonly taskTable = new Map<string, TaskRecord>();
  private readonly frameworkTable: FrameworkTable;

  constructor(options: MesosMasterOptions) {
    const { clock, random, executor, placementOrder, sorter = 'random', pingTimeouts = DCOS_PING_TIMEOUTS } = options;
    this.clock = clock;
    this.executor = executor;
    this.id = random.fork('master').uuid();
    this.membership = new Membership({
      clock,
      pingTimeouts,
      joined: (ledger) => {
        this.offering.add(ledger);
        this.events.emit('agent-added', ledger.info);
      },
      left: (ledger) => {
        this.offering.remove(ledger);
        this.desk.withdraw(({ agent }) => agent === ledger);
        this.events.emit('agent-removed', ledger.info);
      },
      ended: (task, status) => {
        this.taskTable.delete(task.info.taskId);
        this.report(task, status);
      },
      restored: (task, status) => {
        this.taskTable.set(task.info.taskId, task);
        this.report(task, status);
      },
      heard: (status) => this.statusUpdate(status),
    });
    this.desk = new OfferDesk({
      clock,
      freed: ({ agent }) => this.offering.refresh(agent),
      reoffer: () => this.offering.wake(),
      rescinded: (framework, offerId) => {
        const subscriber = this.offering.subscriber(framework);
        subscriber?.scheduler.offerRescinded?.(offerId, subscriber.driver);
      },
      launch: ({ framework, agent, role }, tasks) => this.launch(framework, agent, tasks, role),
      invalid: ({ framework, role }, task, message) =>
        this.refuse(new TaskRecord(task, framework, role), 'TASK_ERROR', 'REASON_TASK_INVALID', message),
      knows: (taskId) => this.taskTable.has(taskId),
    });
    this.offering = new Offering({
      clock,
      random,
      masterId: this.id,
      sorter,
      placementOrder,
      agents: () => this.membership.ledgers.values(),
      agent: (agentId) => this.membership.ledgers.get(agentId),
      desk: () => this.desk,
      allocated: () => bookings(this.taskTable.values(), this.desk.grants()),
      accept: (framework, agentId, tasks) => this.accept(framework, agentId, tasks),
      listener: () => (this.events.listenerCount('offers') === 0 ? undefined : (made) => this.events.emit('offers', made)),
    });
    this.frameworkTable = new FrameworkTable({
      masterId: this.id,
      offering: this.offering,
      desk: this.desk,
      tasks: this.taskTable,
      kill: (taskId) => this.killTask(taskId),
      standing: (agentId) => this.membership.standing(agentId),
    });
  }

  /** Registers the framework that draws its offers itself. */
  register(framework: Framework): void {
    this.frameworkTable.register(framework);
  }

  /**
   * SUBSCRIBE: registers a framework that is called with offers, and gives it its driver.
   * @throws Refusal `bad-framework`
   */
  subscribe(info: FrameworkInfo, scheduler: Scheduler): SchedulerDriver {
    return this.frameworkTable.subscribe(info, scheduler);
  }

  /** The registered frameworks, in the order of their registration. */
  frameworks(): ReturnType<FrameworkTable['list']> {
    return this.frameworkTable.list();
  }

  /**
   * Gives a role's frameworks a larger or smaller part in what is offered; 1 is what a role has of which nobody said anything.
   * @throws Refusal `bad-weight`, `bad-framework`
   */
  setWeight(role: string, weight: number): void {
    this.offering.rules.setWeight(role, weight);
  }

  /**
   * Guarantees a role resources, which also are its limit; undefined takes the quota back.
   * @throws Refusal `bad-quota`, `bad-framework`
   */
  setQuota(role: string, guarantee: Partial<ScalarUnits> | undefined): void {
    this.offering.rules.setQuota(role, guarantee);
    this.offering.wake();
  }

  /**
   * Registers an agent.
   * @throws Refusal `agent-exists`, `bad-agent`, `bad-ranges`
   */
  addAgent(agent: AgentInfo): void {
    this.membership.add(agent);
  }

  /**
   * An agent unregisters, as when it is shut down: its tasks are TASK_LOST.
   * @throws Refusal `agent-missing`
   */
  removeAgent(agentId: string, cause = 'the agent unregistered'): void {
    this.membership.remove(agentId, cause);
  }

  /**
   * An agent stops answering, because it is dead or the network is broken: nothing reaches it, and when it has missed enough pings its
   * tasks are TASK_UNREACHABLE.
   * @throws Refusal `agent-missing`
   */
  partitionAgent(agentId: string): void {
    this.membership.silence(agentId);
  }

  /**
   * Gives an agent up before its pings are missed.
   * @throws Refusal `agent-missing`
   */
  markAgentUnreachable(agentId: string): void {
    this.membership.giveUp(agentId);
  }

  /**
   * MARK_AGENT_GONE: an agent never comes back, nor do its tasks.
   * @throws Refusal `agent-missing`
   */
  markAgentGone(agentId: string): void {
    this.membership.markGone(agentId);
  }

  /**
   * An agent answers again after {@link partitionAgent}, with the tasks it has: each is what its agent says.
   * @throws Refusal `agent-missing`
   */
  returnAgent(agentId: string): void {
    this.membership.restore(agentId);
  }

  /**
   * Plans an agent's maintenance, or takes the plan back: offers tell of it.
   * @throws Refusal `agent-missing`
   */
  setUnavailability(agentId: string, window: Unavailability | undefined): void {
    const ledger = this.membership.get(agentId);
    ledger.unavailability = window;
    this.offering.refresh(ledger);
  }

  /**
   * Drains an agent: it is offered no more, and its tasks are killed.
   * @throws Refusal `agent-missing`
   */
  drainAgent(agentId: string): void {
    const ledger = this.membership.get(agentId);
    ledger.deactivated = true;
    this.desk.withdraw(({ agent }) => agent === ledger);
    for (const taskId of [...ledger.tasks.keys()]) this.killTask(taskId);
  }

  /**
   * Takes a drained agent back into service.
   * @throws Refusal `agent-missing`
   */
  reactivateAgent(agentId: string): void {
    const ledger = this.membership.get(agentId);
    ledger.deactivated = false;
    this.offering.refresh(ledger);
  }

  /** Takes a task's status from its agent; of an unknown or finished task it is ignored. */
  statusUpdate(status: TaskStatus): void {
    const task = this.taskTable.get(status.taskId);
    if (task === undefined) return this.membership.unseen(status);
    const ledger = this.membership.ledgers.get(task.info.agentId);
    if (ledger?.answers === false) {
      ledger.unheard.push(status);
      return;
    }
    const drained = status.state === 'TASK_KILLED' && ledger?.deactivated === true;
    if (isTerminalState(status.state)) this.recover(task);
    this.report(task, drained && status.reason === undefined ? { ...status, reason: 'REASON_SLAVE_DRAINING' } : status);
  }

  /** The framework that draws wants rounds of offers, starting at the next second. */
  reviveOffers(): void {
    this.offering.revive();
  }

  /** The framework that draws wants no more offers. */
  suppressOffers(): void {
    this.offering.suppress();
  }

  /** Asks the task's agent to kill it; a request that does not reach it is lost. False if the master does not know the task. */
  killTask(taskId: string): boolean {
    const task = this.taskTable.get(taskId);
    if (task === undefined) return false;
    if (this.membership.ledgers.get(task.info.agentId)?.answers === true) this.executor.kill(task.info.agentId, taskId);
    return true;
  }

  /** The id of the registered agent with that hostname, the latest if there are several. */
  agentAt(hostname: string): string | undefined {
    return this.membership.at(hostname);
  }

  /** The agents, in the order of their registration. */
  agents(): readonly AgentInfo[] {
    return Array.from(this.membership.ledgers.values(), (ledger) => ledger.info);
  }

  /** The agents that were given up and may come back. */
  unreachableAgents(): readonly AgentInfo[] {
    return this.membership.unreachableAgents().map(({ info }) => info);
  }

  /** Whether an agent is in service: registered and not drained. */
  isActive(agentId: string): boolean {
    return this.membership.ledgers.get(agentId)?.deactivated === false;
  }

  /** The offers a framework holds, by its id. */
  offersOf(frameworkId: string): readonly FrameworkOffer[] {
    return this.frameworkTable.offersOf(frameworkId);
  }

  /**
   * An agent by its id.
   * @throws Refusal `agent-missing`
   */
  agent(agentId: string): AgentInfo {
    return this.membership.get(agentId).info;
  }

  /** The tasks that are not over, in the order of their launch. */
  tasks(): Iterable<Task> {
    return this.taskTable.values();
  }

  /** Tasks of agents that were given up and may come back. */
  unreachableTasks(): readonly Task[] {
    return this.membership.unreachableAgents().flatMap((ledger) => [...ledger.tasks.values()]);
  }

  /** A task that is not over. */
  task(taskId: string): Task | undefined {
    return this.taskTable.get(taskId);
  }

  /**
   * An agent's tasks, in the order of their launch.
   * @throws Refusal `agent-missing`
   */
  tasksOn(agentId: string): readonly Task[] {
    return [...this.membership.get(agentId).tasks.values()];
  }

  /**
   * What an agent's tasks use, what is held in offers, and what is free.
   * @throws Refusal `agent-missing`
   */
  resources(agentId: string): {
    readonly used: AgentResources;
    readonly free: AgentResources;
    readonly freePorts: AgentInfo['ports'];
    readonly offered: AgentResources;
  } {
    const ledger = this.membership.get(agentId);
    const { total, free, freePorts } = ledger;
    const held = this.desk.grants().filter(({ agent }) => agent === ledger);
    const offered = held.flatMap(({ parts }) => parts.map(({ scalars }) => scalars)).reduce(plus, NO_SCALARS);
    return { used: units(minus(minus(total, free), offered)), free: units(free), freePorts, offered: units(offered) };
  }

  /** What each agent would be offered with now, offered or not: for explanations. */
  peekOffers(): readonly Offer[] {
    return this.offering.peek();
  }

  /** The framework that draws takes an offer. */
  private accept(framework: FrameworkRecord, agentId: string, tasks: readonly TaskInfo[]): void {
    const role = framework.roles[0] ?? '*';
    const ledger = this.membership.ledgers.get(agentId);
    if (ledger === undefined) {
      const message = `Agent ${agentId} removed`;
      for (const info of tasks) {
        this.refuse(new TaskRecord(info, framework, role), 'TASK_DROPPED', 'REASON_SLAVE_REMOVED', message);
      }
      return;
    }
    const valid = tasks.filter(({ ports }) => !hasRepeats(ports));
    this.launch(framework, ledger, valid, role);
    this.offering.refresh(ledger);
    for (const info of tasks) {
      if (!hasRepeats(info.ports)) continue;
      const message = 'Task uses invalid resources: Invalid ranges resource: overlapping ranges';
      this.refuse(new TaskRecord(info, framework, role), 'TASK_ERROR', 'REASON_TASK_INVALID', message);
    }
  }

  private launch(framework: FrameworkRecord, ledger: AgentLedger, tasks: readonly TaskInfo[], role: string): void {
    for (const info of tasks) {
      ledger.take(info);
      const task = new TaskRecord(info, framework, role);
      ledger.tasks.set(info.taskId, task);
      this.taskTable.set(info.taskId, task);
      if (!ledger.answers) ledger.undelivered.add(info.taskId);
    }
    if (tasks.length === 0) return;
    this.events.emit('launch', ledger.info, tasks);
    if (ledger.answers) this.executor.launch(ledger.info.id, tasks);
  }

  private refuse(task: TaskRecord, state: TaskState, reason: string, message: string): void {
    this.report(task, { taskId: task.info.taskId, state, reason, message, source: 'SOURCE_MASTER' });
  }

  private recover(task: TaskRecord): void {
    const { taskId, agentId } = task.info;
    this.taskTable.delete(taskId);
    const ledger = this.membership.ledgers.get(agentId);
    if (ledger === undefined || !ledger.tasks.delete(taskId)) return;
    ledger.give(task.info);
    this.offering.refresh(ledger);
  }

  private report(task: TaskRecord, status: TaskStatus): void {
    const { framework } = task;
    const state = lostState(status.state, framework.partitionAware);
    const told = state === status.state ? status : { ...status, state };
    task.update(timed(told, this.clock.now));
    this.events.emit('status', told, task);
    if (!framework.gone) framework.scheduler.statusUpdate(told, task);
  }
}
