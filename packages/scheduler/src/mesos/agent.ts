/**
 * An agent as the master sees it: what it has, what is free, which tasks run there.
 * Follows apache/mesos 1.8 src/master/master.cpp (Slave) and what DC/OS sets up on its agents (dcos/dcos gen/dcos-config.yaml).
 */
import { type PortRanges, portRanges, Refusal } from '@portolan/core';
import { type TaskInfo, takenWith } from '../launch/task-info.ts';
import type { TaskStatus } from '../task/state.ts';
import type { Unavailability } from './offer.ts';
import { type Part, Pools, portCount, type RoleResources, scalarsOf } from './pools.ts';
import { NO_SCALARS, plus, type Scalars, thousandths } from './resources.ts';
import type { Task } from './task.ts';

/** What an agent registers with. */
export interface AgentInfo {
  readonly id: string;
  /** On DC/OS the agent's address as text. */
  readonly hostname: string;
  readonly cpus: number;
  /** MiB. */
  readonly mem: number;
  /** MiB. */
  readonly disk: number;
  readonly gpus?: number;
  readonly ports: PortRanges;
  /** Of the resources above: `*`, or `slave_public` on a public agent. */
  readonly role: string;
  /** Resources reserved to further roles, besides those above. */
  readonly reserved?: readonly RoleResources[];
  /** The fault domain. */
  readonly region?: string;
  readonly zone?: string;
  /** Name and value, in order; a name may occur twice, and then its first value counts. */
  readonly attributes: readonly (readonly [string, string])[];
}

/** MESOS_MIN_ALLOCATABLE_RESOURCES of DC/OS: less than this is never offered. */
const MINIMUM_OFFER: Scalars = { cpus: 10, mem: 32_000, disk: 0, gpus: 0 };

/** Whether these resources are enough to be offered. */
export function isOfferable(parts: readonly Part[]): boolean {
  const { cpus, mem } = scalarsOf(parts);
  return cpus >= MINIMUM_OFFER.cpus && mem >= MINIMUM_OFFER.mem && portCount(parts) > 0;
}

/** The master's books on one agent. */
export class AgentLedger {
  readonly info: AgentInfo;
  readonly total: Scalars;
  readonly pools: Pools;
  readonly tasks = new Map<string, Task>();
  unavailability: Unavailability | undefined;
  /** Whether the agent answers; if not, nothing reaches it and nothing comes from it. */
  answers = true;
  /** When it registered: from then on it is pinged at intervals. */
  registeredAt = 0;
  /** Statuses its tasks would have reported while it did not answer. */
  readonly unheard: TaskStatus[] = [];
  /** Tasks that were launched while it did not answer: it has never heard of them. */
  readonly undelivered = new Set<string>();
  /** Drained: nothing of it is offered. */
  deactivated = false;
  /** Position in the allocator's list of all agents. */
  index = -1;
  /** Position in the allocator's list of agents with something new to offer, or -1. */
  freshIndex = -1;
  /** The round of offers it was last part of. */
  round = 0;

  constructor(info: AgentInfo) {
    this.info = info;
    this.pools = new Pools(info.reserved === undefined ? [info] : [info, ...info.reserved]);
    this.total = scalarsOf(this.pools.all);
  }

  /** What is free, over all roles. */
  get free(): Scalars {
    return scalarsOf(this.pools.all);
  }

  /** The free ports of all roles. */
  get freePorts(): PortRanges {
    const { all } = this.pools;
    return all.length === 1 ? (all[0]?.ports ?? []) : portRanges(all.flatMap((pool) => pool.ports));
  }

  /** What of it is reserved to a role, free or not. */
  reservedTo(role: string): Scalars {
    const parts = [this.info, ...(this.info.reserved ?? [])];
    return role === '*'
      ? NO_SCALARS
      : parts
          .filter((part) => part.role === role)
          .map(thousandths)
          .reduce(plus, NO_SCALARS);
  }

  /** Whether there is enough left to be offered at all. */
  get allocatable(): boolean {
    return !this.deactivated && isOfferable(this.pools.all);
  }

  /** Books a task's resources. */
  take(task: TaskInfo): void {
    for (const taken of takenWith(task)) this.pools.take(taken);
  }

  /** Gives a task's resources back. */
  give(task: TaskInfo): void {
    for (const taken of takenWith(task)) this.pools.give(taken);
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
  const reserved = agent.reserved?.map((part) => ({ ...part, ports: portRanges(part.ports) }));
  const roles = [agent.role, ...(reserved ?? []).map(({ role }) => role)];
  if (new Set(roles).size < roles.length) throw refuse('reserved', 'a role occurs twice');
  return {
    ...agent,
    ports: portRanges(agent.ports),
    attributes: [...agent.attributes],
    ...(reserved === undefined ? {} : { reserved }),
  };
}

function refuse(path: string, message: string): Refusal {
  return new Refusal({ component: 'mesos', code: 'bad-agent', path, message });
}
