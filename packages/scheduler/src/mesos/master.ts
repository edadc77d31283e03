/**
 * The leading Mesos master: registers agents, offers what they have to the framework, launches and follows tasks.
 * Follows apache/mesos 1.8 src/master/master.cpp and allocator/mesos/hierarchical.cpp with DC/OS 1.13's settings. There is one
 * framework; offers are made in rounds a second apart, and only while the framework wants any.
 */
import { assert, type Clock, type Random, Refusal } from '@portolan/core';
import { EventEmitter } from 'eventemitter3';
import type { TaskInfo } from '../launch/task-info.ts';
import { isTerminalState, type TaskStatus } from '../task/state.ts';
import { type AgentInfo, AgentLedger, checkedAgent } from './agent.ts';
import { Allocator } from './allocator.ts';
import type { Offer, Unavailability } from './offer.ts';
import type { AgentResources, Executor, Framework, MesosEvents } from './parties.ts';
import { minus, units } from './resources.ts';
import { type Task, TaskRecord } from './task.ts';

/** What a master is made of. */
export interface MesosMasterOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly executor: Executor;
  /** Orders a round's offers in place of chance; then every agent is offered in every round. */
  readonly placementOrder?: (offers: readonly Offer[]) => readonly Offer[];
}

/** Milliseconds between rounds of offers (allocation_interval). */
const ALLOCATION_INTERVAL = 1000;

/** The one leading master of a cluster. */
export class MesosMaster {
  readonly events = new EventEmitter<MesosEvents>();
  /** The first part of agent, offer and framework ids. */
  readonly id: string;
  private readonly clock: Clock;
  private readonly executor: Executor;
  private readonly placementOrder: MesosMasterOptions['placementOrder'];
  private readonly allocator: Allocator;
  private readonly ledgers = new Map<string, AgentLedger>();
  private readonly taskTable = new Map<string, TaskRecord>();
  /** Agents out of sight, with their tasks. */
  private readonly lost = new Map<string, AgentLedger>();
  private framework: Framework | undefined;
  private offerCount = 0;
  private wanted = false;
  private scheduled = false;

  constructor(options: MesosMasterOptions) {
    this.clock = options.clock;
    this.executor = options.executor;
    this.placementOrder = options.placementOrder;
    this.id = options.random.fork('master').uuid();
    this.allocator = new Allocator(options.random.fork('allocator'));
  }

  /** Registers the framework that gets the offers. */
  register(framework: Framework): void {
    assert(this.framework === undefined, 'a second framework registers; this master serves one');
    this.framework = framework;
  }

  /**
   * Registers an agent.
   * @throws Refusal `agent-exists`, `bad-agent`, `bad-ranges`
   */
  addAgent(agent: AgentInfo): void {
    const checked = checkedAgent(agent);
    if (this.ledgers.has(agent.id)) {
      throw new Refusal({
        component: 'mesos',
        code: 'agent-exists',
        path: 'id',
        message: `agent ${agent.id} is already registered`,
      });
    }
    const ledger = new AgentLedger(checked);
    this.ledgers.set(agent.id, ledger);
    this.allocator.add(ledger);
    this.events.emit('agent-added', checked);
    this.schedule();
  }

  /**
   * Takes an agent as unreachable and forgets it; its tasks become TASK_UNREACHABLE. An agent that comes back registers anew, with none.
   * @throws Refusal `agent-missing`
   */
  removeAgent(agentId: string): void {
    const ledger = this.ledger(agentId);
    this.ledgers.delete(agentId);
    this.allocator.remove(ledger);
    this.events.emit('agent-removed', ledger.info);
    for (const task of [...ledger.tasks.values()]) {
      this.taskTable.delete(task.info.taskId);
      this.report(task as TaskRecord, {
        taskId: task.info.taskId,
        state: 'TASK_UNREACHABLE',
        reason: 'REASON_SLAVE_REMOVED',
        message: `Agent ${agentId} (${ledger.info.hostname}) is unreachable`,
      });
    }
  }

  /**
   * The master has lost sight of an agent: its tasks are TASK_UNREACHABLE, and go on if it is only the network that is broken.
   * @throws Refusal `agent-missing`
   */
  partitionAgent(agentId: string): void {
    this.lost.set(agentId, this.ledger(agentId));
    this.removeAgent(agentId);
  }

  /**
   * An agent is back after {@link partitionAgent}, with the tasks it had: each is what it was before.
   * @throws Refusal `agent-missing`
   */
  returnAgent(agentId: string): void {
    const ledger = this.lost.get(agentId);
    if (ledger === undefined || this.ledgers.has(agentId)) {
      throw new Refusal({
        component: 'mesos',
        code: 'agent-missing',
        path: 'id',
        message: `agent ${agentId.slice(0, 100)} was not lost`,
      });
    }
    this.lost.delete(agentId);
    this.ledgers.set(agentId, ledger);
    this.allocator.add(ledger);
    this.events.emit('agent-added', ledger.info);
    for (const task of [...ledger.tasks.values()] as TaskRecord[]) {
      this.taskTable.set(task.info.taskId, task);
      const before = task.statuses.findLast(({ state }) => state !== 'TASK_UNREACHABLE')?.state ?? 'TASK_RUNNING';
      this.report(task, { taskId: task.info.taskId, state: before, reason: 'REASON_SLAVE_REREGISTERED' });
    }
    this.schedule();
  }

  /**
   * Plans an agent's maintenance, or takes the plan back: offers tell of it.
   * @throws Refusal `agent-missing`
   */
  setUnavailability(agentId: string, window: Unavailability | undefined): void {
    const ledger = this.ledger(agentId);
    ledger.unavailability = window;
    this.allocator.refresh(ledger);
    this.schedule();
  }

  /**
   * Drains an agent: it is offered no more, and its tasks are killed.
   * @throws Refusal `agent-missing`
   */
  drainAgent(agentId: string): void {
    const ledger = this.ledger(agentId);
    ledger.deactivated = true;
    for (const taskId of [...ledger.tasks.keys()]) this.killTask(taskId);
  }

  /**
   * Takes a drained agent back into service.
   * @throws Refusal `agent-missing`
   */
  reactivateAgent(agentId: string): void {
    const ledger = this.ledger(agentId);
    ledger.deactivated = false;
    this.allocator.refresh(ledger);
    this.schedule();
  }

  /** Takes a task's status from its agent; of an unknown or finished task it is ignored. */
  statusUpdate(status: TaskStatus): void {
    const task = this.taskTable.get(status.taskId);
    if (task === undefined) return this.lateStatus(status);
    const drained = status.state === 'TASK_KILLED' && this.ledgers.get(task.info.agentId)?.deactivated === true;
    if (isTerminalState(status.state)) this.recover(task);
    this.report(task, drained && status.reason === undefined ? { ...status, reason: 'REASON_SLAVE_DRAINING' } : status);
  }

  /** Asks for rounds of offers, starting at the next second. */
  reviveOffers(): void {
    this.wanted = true;
    this.schedule(true);
  }

  /** Asks for no more offers. */
  suppressOffers(): void {
    this.wanted = false;
  }

  /** Asks the task's agent to kill it. False if the master does not know it. */
  killTask(taskId: string): boolean {
    const task = this.taskTable.get(taskId);
    if (task === undefined) return false;
    this.executor.kill(task.info.agentId, taskId);
    return true;
  }

  /** The agents, in the order of their registration. */
  agents(): readonly AgentInfo[] {
    return Array.from(this.ledgers.values(), (ledger) => ledger.info);
  }

  /**
   * An agent by its id.
   * @throws Refusal `agent-missing`
   */
  agent(agentId: string): AgentInfo {
    return this.ledger(agentId).info;
  }

  /** The tasks that are not over, in the order of their launch. */
  tasks(): Iterable<Task> {
    return this.taskTable.values();
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
    return [...this.ledger(agentId).tasks.values()];
  }

  /**
   * What an agent's tasks use and what is free.
   * @throws Refusal `agent-missing`
   */
  resources(agentId: string): {
    readonly used: AgentResources;
    readonly free: AgentResources;
    readonly freePorts: AgentInfo['ports'];
  } {
    const { total, free, freePorts } = this.ledger(agentId);
    return { used: units(minus(total, free)), free: units(free), freePorts };
  }

  /** What each agent would be offered with now, offered or not: for explanations. */
  peekOffers(): readonly Offer[] {
    return Array.from(this.ledgers.values(), (ledger) => this.describe(ledger, `${this.id}-O${this.offerCount}`));
  }

  private ledger(agentId: string): AgentLedger {
    const ledger = this.ledgers.get(agentId);
    if (ledger !== undefined) return ledger;
    throw new Refusal({ component: 'mesos', code: 'agent-missing', path: 'id', message: `no agent ${agentId.slice(0, 100)}` });
  }

  private schedule(revived = false): void {
    if (this.scheduled || !this.wanted || !(revived || this.allocator.hasFresh)) return;
    this.scheduled = true;
    this.clock.after(ALLOCATION_INTERVAL - (this.clock.now % ALLOCATION_INTERVAL), () => {
      this.scheduled = false;
      if (this.wanted) this.allocate();
    });
  }

  private allocate(): void {
    const made: Offer[] = [];
    const keep = this.events.listenerCount('offers') > 0;
    this.allocator.startRound();
    const ordered = this.placementOrder === undefined ? undefined : this.orderedOffers(this.placementOrder);
    this.framework?.resourceOffers({
      next: (freshOnly) => {
        const offer = ordered === undefined ? this.draw(freshOnly) : ordered.next().value;
        if (keep && offer !== undefined) made.push(offer);
        return offer;
      },
      accept: (offer, tasks) => this.accept(offer, tasks),
      decline: (offer) => this.decline(offer),
      end: () => this.allocator.endRound(),
    });
    if (keep) this.events.emit('offers', made);
    this.schedule();
  }

  private draw(freshOnly: boolean): Offer | undefined {
    const ledger = this.allocator.draw(freshOnly);
    return ledger === undefined ? undefined : this.offer(ledger);
  }

  private *orderedOffers(order: (offers: readonly Offer[]) => readonly Offer[]): Generator<Offer, undefined> {
    const all: Offer[] = [];
    for (let offer = this.draw(false); offer !== undefined; offer = this.draw(false)) all.push(offer);
    const offered = new Set(all.map((offer) => offer.agentId));
    for (const offer of order(all)) if (offered.delete(offer.agentId)) yield offer;
    for (const agentId of offered) {
      const ledger = this.ledgers.get(agentId);
      if (ledger !== undefined) this.allocator.decline(ledger);
    }
    return undefined;
  }

  private offer(ledger: AgentLedger): Offer {
    return this.describe(ledger, `${this.id}-O${this.offerCount++}`);
  }

  private describe(ledger: AgentLedger, id: string): Offer {
    const { info, unavailability } = ledger;
    const [first, ...others] = ledger.pools.all.map(({ role, scalars, ports }) => ({ role, ...units(scalars), ports }));
    assert(first !== undefined, 'an agent without resources');
    const { region, zone } = info;
    return {
      id,
      agentId: info.id,
      hostname: info.hostname,
      ...first,
      ...(others.length === 0 ? {} : { reserved: others }),
      attributes: info.attributes,
      ...(region === undefined ? {} : { region }),
      ...(zone === undefined ? {} : { zone }),
      ...(unavailability === undefined ? {} : { unavailability }),
      fresh: ledger.freshIndex >= 0,
    };
  }

  private decline(offer: Offer): void {
    const ledger = this.ledgers.get(offer.agentId);
    if (ledger !== undefined) this.allocator.decline(ledger);
  }

  private accept(offer: Offer, tasks: readonly TaskInfo[]): void {
    const ledger = this.ledgers.get(offer.agentId);
    if (ledger === undefined) return this.dropAll(tasks, `Agent ${offer.agentId} removed`);
    const valid = tasks.filter((task) => new Set(task.ports).size === task.ports.length);
    for (const info of valid) {
      ledger.take(info);
      const task = new TaskRecord(info);
      ledger.tasks.set(info.taskId, task);
      this.taskTable.set(info.taskId, task);
    }
    this.allocator.refresh(ledger);
    if (valid.length > 0) {
      this.events.emit('launch', ledger.info, valid);
      this.executor.launch(offer.agentId, valid);
    }
    for (const info of tasks) {
      if (new Set(info.ports).size === info.ports.length) continue;
      const message = 'Task uses invalid resources: Invalid ranges resource: overlapping ranges';
      this.report(new TaskRecord(info), { taskId: info.taskId, state: 'TASK_ERROR', reason: 'REASON_TASK_INVALID', message });
    }
  }

  private dropAll(tasks: readonly TaskInfo[], message: string): void {
    for (const info of tasks) {
      this.report(new TaskRecord(info), { taskId: info.taskId, state: 'TASK_DROPPED', reason: 'REASON_SLAVE_REMOVED', message });
    }
  }

  /** A task that ended while its agent could not be seen is not there when the agent returns. */
  private lateStatus({ taskId, state }: TaskStatus): void {
    if (!isTerminalState(state)) return;
    for (const ledger of this.lost.values()) {
      const task = ledger.tasks.get(taskId);
      if (task !== undefined && ledger.tasks.delete(taskId)) ledger.give(task.info);
    }
  }

  private recover(task: TaskRecord): void {
    const { taskId, agentId } = task.info;
    this.taskTable.delete(taskId);
    const ledger = this.ledgers.get(agentId);
    if (ledger === undefined || !ledger.tasks.delete(taskId)) return;
    ledger.give(task.info);
    this.allocator.refresh(ledger);
    this.schedule();
  }

  private report(task: TaskRecord, status: TaskStatus): void {
    task.update({ ...status, at: this.clock.now });
    this.events.emit('status', status, task);
    this.framework?.statusUpdate(status, task);
  }
}
