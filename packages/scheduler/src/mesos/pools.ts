/**
 * An agent's resources by role: what is unreserved (`*`) and what is reserved to roles, each a pool of its own.
 * Follows apache/mesos 1.8 src/common/resources.cpp for plain reservations; what a task takes is taken in the order of the pools.
 */
import { assert, countPorts, formatRanges, includesPort, type PortRange, type PortRanges, portRanges } from '@portolan/core';
import { subtractRanges } from './resource-set.ts';
import { givePort, minus, NO_SCALARS, plus, type Scalars, type ScalarUnits, takePort, thousandths } from './resources.ts';

/** Resources of one role. */
export interface RoleResources extends ScalarUnits {
  readonly role: string;
  readonly ports: PortRanges;
}

/** What a task takes of its agent. */
export interface Taken extends ScalarUnits {
  readonly taskId: string;
  /** Role of the resources it runs on. */
  readonly role: string;
  readonly ports: readonly number[];
  /** Present if it takes of several roles' resources: of which, what. */
  readonly allocations?: readonly Allocation[] | undefined;
}

/** What a task takes of one role's resources. */
export interface Allocation extends ScalarUnits {
  readonly role: string;
  readonly ports: readonly number[];
}

/** What is left of one role's resources. */
export interface Pool {
  readonly role: string;
  scalars: Scalars;
  ports: PortRanges;
}

/** A piece of one role's resources. */
export type Part = Readonly<Pool>;

/** The pools of one agent or offer. */
export class Pools {
  readonly all: readonly Pool[];

  constructor(resources: readonly (Omit<RoleResources, keyof ScalarUnits> & ScalarUnits)[]) {
    this.all = resources.map((part) => ({ role: part.role, scalars: thousandths(part), ports: part.ports }));
  }

  /** Takes what a task takes; a port listed twice is taken once. */
  take(task: Taken): void {
    for (const part of allocationsOf(task)) {
      const pool = this.of(part.role);
      pool.scalars = minus(pool.scalars, thousandths(part));
      for (let i = 0; i < part.ports.length; i++) {
        const port = part.ports[i] as number;
        if (part.ports.indexOf(port) < i) continue;
        const rest = takePort(pool.ports, port);
        assert(rest !== undefined, () => `port ${port} of ${task.taskId} is not free`);
        pool.ports = rest;
      }
      const { cpus, mem, disk, gpus } = pool.scalars;
      assert(cpus >= 0 && mem >= 0 && disk >= 0 && gpus >= 0, () => `${task.taskId} takes more than there is`);
    }
  }

  /** Gives back what a task took. */
  give(task: Taken): void {
    for (const part of allocationsOf(task)) {
      const pool = this.of(part.role);
      pool.scalars = plus(pool.scalars, thousandths(part));
      for (const port of part.ports) pool.ports = givePort(pool.ports, port);
    }
  }

  /** Takes whole pieces off, as an offer does. */
  takeParts(parts: readonly Part[]): void {
    for (const { role, scalars, ports } of parts) {
      const pool = this.of(role);
      pool.scalars = minus(pool.scalars, scalars);
      pool.ports = subtractRanges(pool.ports, ports);
    }
  }

  /** Puts pieces back. */
  giveParts(parts: readonly Part[]): void {
    for (const { role, scalars, ports } of parts) {
      const pool = this.of(role);
      pool.scalars = plus(pool.scalars, scalars);
      pool.ports = portRanges([...pool.ports, ...ports]);
    }
  }

  /** The pools of these roles, in order. */
  accepted(roles: readonly string[]): readonly Pool[] {
    const [only] = this.all;
    if (this.all.length === 1 && only !== undefined) return roles.includes(only.role) ? this.all : NONE;
    return this.all.filter((pool) => roles.includes(pool.role));
  }

  private of(role: string): Pool {
    const pool = this.all.find((candidate) => candidate.role === role);
    assert(pool !== undefined, () => `there is nothing in the role ${role}`);
    return pool;
  }
}

const NONE: readonly Pool[] = [];

/** The sum of pools' scalars. */
export function scalarsOf(pools: readonly Part[]): Scalars {
  const [only] = pools;
  return pools.length === 1 && only !== undefined
    ? only.scalars
    : pools.reduce((sum, pool) => plus(sum, pool.scalars), NO_SCALARS);
}

/** The pools' port ranges: in the order of the pools, then of the ranges. */
export function rangesOf(pools: readonly Part[]): readonly PortRange[] {
  const [only] = pools;
  return pools.length === 1 && only !== undefined ? only.ports : pools.flatMap((pool) => pool.ports);
}

/** Splits a need among pools, first come first served; each port goes to the first pool that has it. */
export function allocate(pools: readonly Part[], need: Scalars, ports: readonly number[]): readonly Allocation[] {
  let left = need;
  return pools.flatMap((pool, i): readonly Allocation[] => {
    const { scalars } = pool;
    const part = {
      cpus: Math.min(left.cpus, scalars.cpus),
      mem: Math.min(left.mem, scalars.mem),
      disk: Math.min(left.disk, scalars.disk),
      gpus: Math.min(left.gpus, scalars.gpus),
    };
    left = minus(left, part);
    const mine = ports.filter((port) => pools.findIndex((other) => includesPort(other.ports, port)) === i);
    const nothing = part.cpus + part.mem + part.disk + part.gpus === 0 && mine.length === 0;
    if (nothing) return [];
    const { cpus, mem, disk, gpus } = part;
    return [{ role: pool.role, cpus: cpus / 1000, mem: mem / 1000, disk: disk / 1000, gpus: gpus / 1000, ports: mine }];
  });
}

/** As Mesos prints resources: `cpus(*):1.5; mem(*):128; ports(*):[31000-31001]`. */
export function resourcesText(parts: readonly Part[]): string {
  const texts = parts.flatMap(({ role, scalars, ports }) => {
    const named = (['cpus', 'mem', 'disk', 'gpus'] as const).map((name) => [name, scalars[name]] as const);
    const amounts = named.flatMap(([name, amount]) => (amount === 0 ? [] : [`${name}(${role}):${amount / 1000}`]));
    return ports.length === 0 ? amounts : [...amounts, `ports(${role}):${formatRanges(ports)}`];
  });
  return texts.length === 0 ? '{}' : texts.join('; ');
}

/** How many ports the pools have. */
export function portCount(pools: readonly Part[]): number {
  return pools.reduce((sum, pool) => sum + countPorts(pool.ports), 0);
}

function allocationsOf(task: Taken): readonly Allocation[] {
  return task.allocations ?? [task];
}
