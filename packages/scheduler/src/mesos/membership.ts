/**
 * Which agents belong to the cluster: they register, stop answering, are given up, come back, are taken out of service or for good.
 * Follows apache/mesos 1.8 src/master/master.cpp (SlaveObserver, markUnreachable, removeSlave, markGone, reregisterSlave) with the
 * ping timeouts of DC/OS. While an agent does not answer nothing reaches it, and what it has to say comes when it returns.
 */
import { type Clock, Refusal, type Timer } from '@portolan/core';
import type { TaskState, TaskStatus } from '../task/state.ts';
import { type AgentInfo, AgentLedger, checkedAgent } from './agent.ts';
import type { TaskRecord } from './task.ts';

/** `--agent_ping_timeout`, in milliseconds. */
const PING_INTERVAL = 15_000;
/** MESOS_MAX_SLAVE_PING_TIMEOUTS of DC/OS; Mesos' default is 5. */
export const DCOS_PING_TIMEOUTS = 20;
/** MESOS_SLAVE_REMOVAL_RATE_LIMIT of DC/OS, 100 a minute: milliseconds between two agents that are given up. */
const REMOVAL_INTERVAL = 600;

/** What the membership tells, and by what it goes. */
export interface MembershipOptions {
  readonly clock: Clock;
  /** Pings an agent may leave unanswered before it is unreachable. */
  readonly pingTimeouts: number;
  readonly joined: (agent: AgentLedger) => void;
  readonly left: (agent: AgentLedger) => void;
  /** A task of an agent that has left is as this status says. */
  readonly ended: (task: TaskRecord, status: TaskStatus) => void;
  /** A task is back with its agent. */
  readonly restored: (task: TaskRecord, status: TaskStatus) => void;
  /** A status from an agent. */
  readonly heard: (status: TaskStatus) => void;
}

/** Keeps the agents. */
export class Membership {
  /** Registered agents. */
  readonly ledgers = new Map<string, AgentLedger>();
  /** The latest agent of each hostname, whatever became of it. */
  private readonly byHostname = new Map<string, string>();
  private readonly unreachable = new Map<string, AgentLedger>();
  private readonly gone = new Set<string>();
  private readonly timers = new Map<AgentLedger, Timer>();
  private lastRemoval = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: MembershipOptions) {}

  /**
   * Registers an agent.
   * @throws Refusal `agent-exists`, `bad-agent`, `bad-ranges`
   */
  add(info: AgentInfo): void {
    const checked = checkedAgent(info);
    if (this.ledgers.has(info.id) || this.unreachable.has(info.id) || this.gone.has(info.id)) {
      throw refuse('agent-exists', `agent ${info.id.slice(0, 100)} is already registered`);
    }
    const ledger = new AgentLedger(checked);
    ledger.registeredAt = this.options.clock.now;
    this.ledgers.set(info.id, ledger);
    this.byHostname.set(info.hostname, info.id);
    this.options.joined(ledger);
  }

  /** A registered agent, or one that is unreachable and may come back. */
  find(agentId: string): AgentLedger | undefined {
    return this.ledgers.get(agentId) ?? this.unreachable.get(agentId);
  }

  /**
   * A registered agent.
   * @throws Refusal `agent-missing`
   */
  get(agentId: string): AgentLedger {
    const ledger = this.ledgers.get(agentId);
    if (ledger !== undefined) return ledger;
    throw refuse('agent-missing', `no agent ${agentId.slice(0, 100)}`);
  }

  /** An agent unregisters: it shuts down, or another one has come to its address. Its tasks are TASK_LOST. */
  remove(agentId: string, cause: string): void {
    const ledger = this.get(agentId);
    const message = `Agent ${ledger.info.hostname} removed: ${cause}`;
    this.leave(ledger, { state: 'TASK_LOST', reason: 'REASON_SLAVE_REMOVED', message });
  }

  /** An agent stops answering; when it has missed enough pings it is unreachable. */
  silence(agentId: string): void {
    const ledger = this.get(agentId);
    if (!ledger.answers) return;
    ledger.answers = false;
    const { clock, pingTimeouts } = this.options;
    const toNextPing = PING_INTERVAL - ((clock.now - ledger.registeredAt) % PING_INTERVAL);
    const due = clock.now + toNextPing + pingTimeouts * PING_INTERVAL;
    this.lastRemoval = Math.max(due, this.lastRemoval + REMOVAL_INTERVAL);
    this.timers.set(
      ledger,
      clock.after(this.lastRemoval - clock.now, () => this.giveUp(agentId)),
    );
  }

  /** The master gives an agent up: its tasks are TASK_UNREACHABLE, and what they are if it comes back. */
  giveUp(agentId: string): void {
    const ledger = this.get(agentId);
    ledger.answers = false;
    this.leave(ledger, { state: 'TASK_UNREACHABLE', reason: 'REASON_SLAVE_REMOVED', message: 'health check timed out' });
    this.unreachable.set(agentId, ledger);
  }

  /** The operator declares an agent gone for good: its tasks are TASK_GONE_BY_OPERATOR, and it may not come back. */
  markGone(agentId: string): void {
    const ledger = this.find(agentId);
    if (ledger === undefined) throw refuse('agent-missing', `no agent ${agentId.slice(0, 100)}`);
    this.gone.add(agentId);
    if (this.unreachable.delete(agentId)) return;
    this.leave(ledger, {
      state: 'TASK_GONE_BY_OPERATOR',
      reason: 'REASON_SLAVE_REMOVED_BY_OPERATOR',
      message: 'Agent has been marked gone',
    });
  }

  /** An agent answers again: as if nothing had been, or, had it been given up, it registers anew with the tasks it has. */
  restore(agentId: string): void {
    const ledger = this.find(agentId);
    if (ledger === undefined || ledger.answers) throw refuse('agent-missing', `agent ${agentId.slice(0, 100)} was not lost`);
    ledger.answers = true;
    this.timers.get(ledger)?.cancel();
    this.timers.delete(ledger);
    if (this.unreachable.delete(agentId)) this.reregister(ledger);
    for (const taskId of ledger.undelivered) {
      const message = 'Reconciliation: task unknown to the agent';
      this.options.heard({ taskId, state: 'TASK_DROPPED', reason: 'REASON_RECONCILIATION', source: 'SOURCE_SLAVE', message });
    }
    ledger.undelivered.clear();
    for (const status of ledger.unheard.splice(0)) this.options.heard(status);
  }

  /** The agents that were given up and may come back. */
  unreachableAgents(): readonly AgentLedger[] {
    return [...this.unreachable.values()];
  }

  /** A status of a task whose agent was given up. */
  unseen(status: TaskStatus): void {
    for (const ledger of this.unreachable.values()) if (ledger.tasks.has(status.taskId)) ledger.unheard.push(status);
  }

  /** The registered agent with that hostname. */
  at(hostname: string): string | undefined {
    const id = this.byHostname.get(hostname);
    return id !== undefined && this.ledgers.has(id) ? id : undefined;
  }

  /** Where an agent the master knew of stands: what reconciliation says of its tasks. */
  standing(agentId: string | undefined): 'registered' | 'unreachable' | 'gone' | 'unknown' {
    if (agentId === undefined) return 'unknown';
    if (this.ledgers.has(agentId)) return 'registered';
    if (this.unreachable.has(agentId)) return 'unreachable';
    return this.gone.has(agentId) ? 'gone' : 'unknown';
  }

  private reregister(ledger: AgentLedger): void {
    ledger.registeredAt = this.options.clock.now;
    this.ledgers.set(ledger.info.id, ledger);
    for (const taskId of ledger.undelivered) {
      const task = ledger.tasks.get(taskId);
      if (task !== undefined) ledger.give(task.info);
      ledger.tasks.delete(taskId);
    }
    ledger.undelivered.clear();
    this.options.joined(ledger);
    for (const task of [...ledger.tasks.values()] as TaskRecord[]) {
      this.options.restored(task, {
        taskId: task.info.taskId,
        state: stateBefore(task),
        reason: 'REASON_SLAVE_REREGISTERED',
        source: 'SOURCE_MASTER',
        message: 'Unreachable agent re-reregistered',
      });
    }
  }

  private leave(ledger: AgentLedger, status: Pick<TaskStatus, 'state' | 'reason' | 'message'>): void {
    this.timers.get(ledger)?.cancel();
    this.timers.delete(ledger);
    this.ledgers.delete(ledger.info.id);
    this.options.left(ledger);
    for (const task of [...ledger.tasks.values()] as TaskRecord[]) {
      this.options.ended(task, { ...status, taskId: task.info.taskId, source: 'SOURCE_MASTER' });
    }
  }
}

/** What a task was, as its agent last said. */
function stateBefore(task: TaskRecord): TaskState {
  return task.statuses.findLast(({ state }) => state !== 'TASK_UNREACHABLE' && state !== 'TASK_LOST')?.state ?? 'TASK_STAGING';
}

function refuse(code: string, message: string): Refusal {
  return new Refusal({ component: 'mesos', code, path: 'id', message });
}
