/**
 * An agent as the master sees it: what it has, what is free, which tasks run there.
 * Follows apache/mesos 1.8 src/master/master.cpp (Slave) and what DC/OS sets up on its agents (dcos/dcos gen/dcos-config.yaml).
 */
import { assert, type PortRanges, portRanges, Refusal } from '@portolan/core';
import type { TaskInfo } from '../launch/task-info.ts';
import { givePort, minus, plus, type Scalars, takePort, thousandths } from './resources.ts';
import type { Task } from './task.ts';

/** What an agent registers with. All its resources are in one role. */
export interface AgentInfo {
  readonly id: string;
  /** On DC/OS the agent's address as text. */
  readonly hostname: string;
  readonly cpus: number;
  /** MiB. */
  readonly mem: number;
  /** MiB. */
  readonly disk: number;
  readonly ports: PortRanges;
  /** `*`, or `slave_public` on a public agent. */
  readonly role: string;
  /** Name and value, in order; a name may occur twice, and then its first value counts. */
  readonly attributes: readonly (readonly [string, string])[];
}

/** MESOS_MIN_ALLOCATABLE_RESOURCES of DC/OS: less than this is never offered. */
const MINIMUM_OFFER: Scalars = { cpus: 10, mem: 32_000, disk: 0 };

/** The master's books on one agent. */
export class AgentLedger {
  readonly info: AgentInfo;
  readonly total: Scalars;
  free: Scalars;
  freePorts: PortRanges;
  readonly tasks = new Map<string, Task>();
  /** Position in the allocator's list of all agents. */
  index = -1;
  /** Position in the allocator's list of agents with something new to offer, or -1. */
  freshIndex = -1;
  /** The round of offers it was last part of. */
  round = 0;

  constructor(info: AgentInfo) {
    this.info = info;
    this.total = thousandths(info);
    this.free = this.total;
    this.freePorts = info.ports;
  }

  /** Whether there is enough left to be offered at all. */
  get allocatable(): boolean {
    return this.freePorts.length > 0 && this.free.cpus >= MINIMUM_OFFER.cpus && this.free.mem >= MINIMUM_OFFER.mem;
  }

  /** Books a task's resources. */
  take(task: TaskInfo): void {
    this.free = minus(this.free, thousandths(task));
    for (const port of task.ports) {
      const rest = takePort(this.freePorts, port);
      assert(rest !== undefined, `port ${port} of ${task.taskId} is not free on agent ${this.info.id}`);
      this.freePorts = rest;
    }
    assert(this.free.cpus >= 0 && this.free.mem >= 0 && this.free.disk >= 0, `agent ${this.info.id} is oversold`);
  }

  /** Gives a task's resources back. */
  give(task: TaskInfo): void {
    this.free = plus(this.free, thousandths(task));
    for (const port of task.ports) this.freePorts = givePort(this.freePorts, port);
  }
}

/**
 * The agent with its ranges merged.
 * @throws Refusal `bad-agent`, `bad-ranges`
 */
export function checkedAgent(agent: AgentInfo): AgentInfo {
  if (agent.id === '') throw refuse('id', 'an agent needs an id');
  if (agent.hostname === '') throw refuse('hostname', 'an agent needs a hostname');
  if (agent.role === '') throw refuse('role', "an agent needs a role, '*' if its resources are unreserved");
  for (const name of ['cpus', 'mem', 'disk'] as const) {
    const amount = agent[name];
    if (!Number.isFinite(amount) || amount < 0 || amount > 1e9) {
      throw refuse(name, `Invalid scalar resource: value < 0 or not a number: ${name} ${amount}`);
    }
  }
  return { ...agent, ports: portRanges(agent.ports), attributes: [...agent.attributes] };
}

function refuse(path: string, message: string): Refusal {
  return new Refusal({ component: 'mesos', code: 'bad-agent', path, message });
}
