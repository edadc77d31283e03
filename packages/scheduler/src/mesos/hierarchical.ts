/**
 * Who is offered what, when several frameworks want offers or a role has a quota: the two stages of the hierarchical allocator.
 * Follows apache/mesos 1.8 src/master/allocator/mesos/hierarchical.cpp (__allocate): roles short of their guarantee first, then all
 * others as long as enough is left for those guarantees. Resources of one kind come in one piece here, so none is chosen by chance.
 */
import type { Random } from '@portolan/core';
import { type AgentLedger, isOfferable } from './agent.ts';
import type { Booking } from './bookings.ts';
import type { FrameworkRecord } from './framework.ts';
import type { Part } from './pools.ts';
import { covers, lesser, minus, minusAtMost, NO_SCALARS, plus, type Scalars } from './resources.ts';
import type { RoleRules } from './role-rules.ts';
import { type SorterKind, sortClients } from './sorter.ts';

/** What is offered to one framework of one agent. */
export interface Grant {
  readonly framework: FrameworkRecord;
  readonly role: string;
  readonly agent: AgentLedger;
  readonly parts: readonly Part[];
}

/** What an allocation starts from. */
export interface AllocationInput {
  /** In the order in which they are gone through. */
  readonly agents: readonly AgentLedger[];
  /** Those that want offers, in the order of their registration. */
  readonly frameworks: readonly FrameworkRecord[];
  readonly rules: Pick<RoleRules, 'weights' | 'quotas'>;
  readonly sorter: SorterKind;
  /** Whether a framework takes that much of that agent in that role, or has refused it. */
  readonly accepts: (framework: FrameworkRecord, role: string, agent: AgentLedger, parts: readonly Part[]) => boolean;
  /** What tasks and offers have of the cluster already. */
  readonly allocated: readonly Booking[];
  /** What all agents have, free or not. */
  readonly total: Scalars;
  /** What is free and not reserved, over all agents. */
  readonly free: Scalars;
  /** What is reserved to a role, over all agents. */
  readonly reserved: (role: string) => Scalars;
  readonly random: Random;
}

/** One round's grants, taken off the agents' pools. */
export function allocateAgents(input: AllocationInput): readonly Grant[] {
  const round = new Allocation(input);
  for (const agent of input.agents) round.guaranteed(agent);
  for (const agent of input.agents) round.shared(agent);
  return round.grants;
}

/** The books of one round. */
class Allocation {
  readonly grants: Grant[] = [];
  private readonly roles: readonly string[];
  private readonly byRole = new Map<string, Scalars>();
  private readonly byFramework = new Map<string, Scalars>();
  /** What counts against each quota. */
  private readonly consumed = new Map<string, Scalars>();
  private required = NO_SCALARS;
  private available: Scalars;

  constructor(private readonly input: AllocationInput) {
    const { frameworks, allocated, rules, reserved, free } = input;
    this.roles = [...new Set(frameworks.flatMap(({ roles, suppressed }) => roles.filter((role) => !suppressed.has(role))))];
    this.available = free;
    for (const [role] of rules.quotas) this.consumed.set(role, reserved(role));
    for (const { framework, role, scalars, unreserved } of allocated) this.book(framework, role, scalars, unreserved);
    for (const [role, guarantee] of rules.quotas) {
      this.required = plus(this.required, minusAtMost(guarantee, this.consumed.get(role) ?? NO_SCALARS));
    }
  }

  /** The first stage: roles that have less than they were promised. */
  guaranteed(agent: AgentLedger): void {
    const { quotas } = this.input.rules;
    for (const role of this.sortedRoles(this.roles.filter((one) => quotas.has(one)))) {
      const guarantee = quotas.get(role) ?? NO_SCALARS;
      for (const framework of this.sortedFrameworks(role)) {
        const missing = minusAtMost(guarantee, this.consumed.get(role) ?? NO_SCALARS);
        const surplus = onlyWhere(guarantee, minusAtMost(this.available, this.required));
        const most = plus(missing, surplus);
        const parts = offerable(agent, role, (free) => lesser(free, most));
        const promised = lesser(scalarsOfUnreserved(parts), missing);
        const useful = parts.some((part) => part.role !== '*' || anything(lesser(part.scalars, missing)));
        if (!useful || !this.grant(framework, role, agent, parts)) continue;
        this.required = minusAtMost(this.required, promised);
        this.available = minus(this.available, scalarsOfUnreserved(parts));
      }
    }
  }

  /** The second stage: everything of an agent to the first that takes it, unless a quota needs it. */
  shared(agent: AgentLedger): void {
    const { quotas } = this.input.rules;
    for (const role of this.sortedRoles(this.roles.filter((one) => !quotas.has(one)))) {
      for (const framework of this.sortedFrameworks(role)) {
        const unreserved = scalarsOfUnreserved(offerable(agent, role, (free) => free));
        const enough = covers(minusAtMost(this.available, unreserved), this.required);
        const parts = offerable(agent, role, (free) => (enough ? free : NO_SCALARS));
        if (this.grant(framework, role, agent, parts) && enough) this.available = minus(this.available, unreserved);
      }
    }
  }

  private grant(framework: FrameworkRecord, role: string, agent: AgentLedger, parts: readonly Part[]): boolean {
    if (!isOfferable(parts) || !this.input.accepts(framework, role, agent, parts)) return false;
    agent.pools.takeParts(parts);
    framework.chosen.set(role, (framework.chosen.get(role) ?? 0) + 1);
    const scalars = parts.reduce((sum, part) => plus(sum, part.scalars), NO_SCALARS);
    this.book(framework, role, scalars, scalarsOfUnreserved(parts));
    this.grants.push({ framework, role, agent, parts });
    return true;
  }

  private book(framework: FrameworkRecord, role: string, scalars: Scalars, unreserved: Scalars): void {
    const key = `${role}/${framework.id}`;
    this.byRole.set(role, plus(this.byRole.get(role) ?? NO_SCALARS, scalars));
    this.byFramework.set(key, plus(this.byFramework.get(key) ?? NO_SCALARS, scalars));
    const consumed = this.consumed.get(role);
    if (consumed !== undefined) this.consumed.set(role, plus(consumed, unreserved));
  }

  private sortedRoles(roles: readonly string[]): readonly string[] {
    const { sorter, frameworks, total, random } = this.input;
    const clients = roles.map((name) => ({
      name,
      weight: this.input.rules.weights.get(name) ?? 1,
      allocated: this.byRole.get(name) ?? NO_SCALARS,
      chosen: frameworks.reduce((sum, { chosen }) => sum + (chosen.get(name) ?? 0), 0),
    }));
    return sortClients(sorter, clients, total, random).map(({ name }) => name);
  }

  private sortedFrameworks(role: string): readonly FrameworkRecord[] {
    const { sorter, frameworks, total, random } = this.input;
    const clients = frameworks
      .filter(({ roles, suppressed }) => roles.includes(role) && !suppressed.has(role))
      .map((framework) => ({
        framework,
        name: framework.id,
        weight: 1,
        allocated: this.byFramework.get(`${role}/${framework.id}`) ?? NO_SCALARS,
        chosen: framework.chosen.get(role) ?? 0,
      }));
    return sortClients(sorter, clients, total, random).map(({ framework }) => framework);
  }
}

/** What a role may have of an agent: what is reserved to it, and of the rest as much as `cut` leaves, with all ports. */
function offerable(agent: AgentLedger, role: string, cut: (free: Scalars) => Scalars): readonly Part[] {
  const parts = agent.pools.accepted(['*', role]).map((pool) => {
    const scalars = pool.role === '*' ? cut(pool.scalars) : pool.scalars;
    return { role: pool.role, scalars, ports: pool.ports };
  });
  return parts.filter(({ scalars, ports }) => anything(scalars) || ports.length > 0);
}

function scalarsOfUnreserved(parts: readonly Part[]): Scalars {
  return parts.find(({ role }) => role === '*')?.scalars ?? NO_SCALARS;
}

/** Of a surplus, only kinds for which nothing is guaranteed. */
function onlyWhere(guarantee: Scalars, surplus: Scalars): Scalars {
  const of = (name: keyof Scalars) => (guarantee[name] === 0 ? surplus[name] : 0);
  return { cpus: of('cpus'), mem: of('mem'), disk: of('disk'), gpus: of('gpus') };
}

function anything({ cpus, mem, disk, gpus }: Scalars): boolean {
  return cpus + mem + disk + gpus > 0;
}
