/**
 * A framework as the master keeps it: what it registered with, in which roles it wants offers, and which it has refused for a while.
 * Follows apache/mesos 1.8 src/master/framework.cpp and allocator/mesos/hierarchical.cpp (RefusedOfferFilter). Roles are flat, not
 * paths.
 */
import { includesPort, Refusal } from '@portolan/core';
import type { TaskStatus } from '../task/state.ts';
import type { AgentLedger } from './agent.ts';
import type { Part } from './pools.ts';
import type { Task } from './task.ts';

/** What a framework registers with. */
export interface FrameworkInfo {
  readonly name: string;
  /** The roles it wants offers for; with several it is MULTI_ROLE. */
  readonly roles: readonly string[];
  /** PARTITION_AWARE, as Marathon is; without it every lost task is TASK_LOST. Default true. */
  readonly partitionAware?: boolean;
}

/** What was declined, of one agent and one role, and until when the allocator heeds it. */
interface Filter {
  readonly parts: readonly Part[];
  readonly until: number;
}

/** The master's own, changing view of a framework. */
export class FrameworkRecord {
  readonly name: string;
  readonly roles: readonly string[];
  /** Of which roles' resources it may be offered. */
  readonly usable: readonly string[];
  readonly partitionAware: boolean;
  /** Torn down; its last tasks are on their way out. */
  gone = false;
  /** Roles it wants no offers for at present. */
  readonly suppressed = new Set<string>();
  /** How often each role of it was chosen: the sorter's second criterion. */
  readonly chosen = new Map<string, number>();
  private readonly filters = new Map<string, Map<AgentLedger, Filter[]>>();

  constructor(
    readonly id: string,
    info: FrameworkInfo,
    /** Who is told of its tasks. */
    readonly scheduler: { statusUpdate(status: TaskStatus, task: Task | undefined): void },
  ) {
    this.name = info.name;
    this.roles = [...info.roles];
    this.usable = [...new Set(['*', ...info.roles])];
    this.partitionAware = info.partitionAware ?? true;
  }

  /** As a task shows whose it is. */
  toJSON(): { readonly id: string; readonly name: string } {
    return { id: this.id, name: this.name };
  }

  /** Whether it wants offers for any of its roles. */
  get active(): boolean {
    return this.roles.some((role) => !this.suppressed.has(role));
  }

  /** Remembers what it declined; less or the same of that agent is not offered again before `until`. */
  refuse(role: string, agent: AgentLedger, parts: readonly Part[], until: number): void {
    const ofRole = this.filters.get(role) ?? new Map<AgentLedger, Filter[]>();
    this.filters.set(role, ofRole);
    ofRole.set(agent, [...(ofRole.get(agent) ?? []), { parts, until }]);
  }

  /** Whether it has declined as much or more of that agent, not long ago. */
  refuses(role: string, agent: AgentLedger, parts: readonly Part[], now: number): boolean {
    const ofRole = this.filters.get(role);
    const filters = ofRole?.get(agent)?.filter(({ until }) => until > now) ?? [];
    if (filters.length === 0) ofRole?.delete(agent);
    else ofRole?.set(agent, filters);
    return filters.some((filter) => contains(filter.parts, parts));
  }

  /** Forgets what it declined, in one role or in all. */
  forgive(role?: string): void {
    if (role === undefined) this.filters.clear();
    else this.filters.delete(role);
  }
}

/** Whether what was declined covers all that is offered now. */
function contains(declined: readonly Part[], offered: readonly Part[]): boolean {
  return offered.every(({ role, scalars, ports }) => {
    const had = declined.find((part) => part.role === role);
    if (had === undefined) return scalars.cpus + scalars.mem + scalars.disk + scalars.gpus === 0 && ports.length === 0;
    const enough = (['cpus', 'mem', 'disk', 'gpus'] as const).every((name) => had.scalars[name] >= scalars[name]);
    return enough && ports.every(({ begin, end }) => within(had.ports, begin, end));
  });
}

/** Whether one of the merged ranges holds a whole range. */
function within(ranges: Part['ports'], begin: number, end: number): boolean {
  return includesPort(ranges, begin) && ranges.some((range) => range.begin <= begin && end <= range.end);
}

/**
 * What a framework registers with, looked at.
 * @throws Refusal `bad-framework`
 */
export function checkedFramework(info: FrameworkInfo): FrameworkInfo {
  if (typeof info.name !== 'string' || info.name === '') throw refuse('name', 'a framework needs a name');
  if (info.roles.length === 0) throw refuse('roles', "a framework needs a role; '*' is the default one");
  if (new Set(info.roles).size < info.roles.length) throw refuse('roles', 'a role occurs twice');
  for (const role of info.roles) checkRole(role);
  return info;
}

/**
 * Refuses what is no role.
 * @throws Refusal `bad-framework`
 */
export function checkRole(role: string): void {
  const wrong = role === '' || role === '.' || role === '..' || role.startsWith('-') || /[\s/\\]/.test(role);
  if (wrong) throw refuse('roles', `'${role.slice(0, 60)}' is not a role: no slash, space, leading dash, not '.' or '..'`);
}

function refuse(path: string, message: string): Refusal {
  return new Refusal({ component: 'mesos', code: 'bad-framework', path, message });
}
