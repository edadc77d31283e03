/** A cluster for tests: a master, Marathon and an executor that runs tasks as its behaviour says. */
import { readFileSync } from 'node:fs';
import { Clock, type PortRanges, PRIVATE_AGENT_PORTS, Random } from '@portolan/core';
import type { TaskInfo } from '../src/launch/task-info.ts';
import { Marathon } from '../src/marathon/marathon.ts';
import type { MarathonOptions } from '../src/marathon/options.ts';
import type { AgentInfo } from '../src/mesos/agent.ts';
import { MesosMaster, type MesosMasterOptions } from '../src/mesos/master.ts';
import type { TaskStatus } from '../src/task/state.ts';

export interface World {
  readonly clock: Clock;
  readonly master: MesosMaster;
  readonly marathon: Marathon;
  readonly launched: TaskInfo[];
  readonly killed: string[];
  settle(): void;
}

/** What a started task reports, and after how many milliseconds; 0 is at once, inside the call. */
export type Behaviour = (task: TaskInfo) => { readonly state: TaskStatus['state']; readonly delay: number };

export const RUNS: Behaviour = () => ({ state: 'TASK_RUNNING', delay: 200 });

export function agent(number: number, overrides: Partial<AgentInfo> = {}): AgentInfo {
  const ports: PortRanges = PRIVATE_AGENT_PORTS;
  const id = `602c0829-41e6-4910-91e5-16a38fa82c0a-S${number}`;
  return { id, hostname: `172.16.0.${number}`, cpus: 4, mem: 8192, disk: 1000, ports, role: '*', attributes: [], ...overrides };
}

export function world(
  agents: number | readonly AgentInfo[],
  options: { seed?: number; behaviour?: Behaviour; killDelay?: number } & Partial<MarathonOptions> &
    Partial<MesosMasterOptions> = {},
): World {
  const { seed = 7, behaviour = RUNS, killDelay = 100, placementOrder, sorter, pingTimeouts, ...marathonOptions } = options;
  const clock = new Clock();
  const random = new Random(seed);
  const launched: TaskInfo[] = [];
  const killed: string[] = [];
  const later = (delay: number, status: TaskStatus): void => {
    if (delay === 0) master.statusUpdate(status);
    else clock.after(delay, () => master.statusUpdate(status));
  };
  const executor = {
    launch(_agentId: string, tasks: readonly TaskInfo[]): void {
      for (const task of tasks) {
        launched.push(task);
        const { state, delay } = behaviour(task);
        later(delay, { taskId: task.taskId, state });
      }
    },
    kill(_agentId: string, taskId: string): void {
      killed.push(taskId);
      later(killDelay, { taskId, state: 'TASK_KILLED' });
    },
  };
  const master: MesosMaster = new MesosMaster({
    clock,
    random,
    executor,
    ...(placementOrder === undefined ? {} : { placementOrder }),
    ...(sorter === undefined ? {} : { sorter }),
    ...(pingTimeouts === undefined ? {} : { pingTimeouts }),
  });
  const marathon = new Marathon({ clock, random, master, ...marathonOptions });
  const list = typeof agents === 'number' ? Array.from({ length: agents }, (_, i) => agent(i)) : agents;
  for (const one of list) master.addAgent(one);
  return { clock, master, marathon, launched, killed, settle: () => void clock.settle(3_600_000) };
}

export const HTTPI = {
  id: '/httpi',
  cpus: 0.1,
  instances: 5,
  mem: 32,
  networks: [{ mode: 'container/bridge' }],
  container: {
    portMappings: [{ labels: { VIP_0: '/httpi:3141' }, protocol: 'tcp', name: 'http' }],
    type: 'DOCKER',
    docker: { image: 'dcoslabs/httpi:latest', forcePullImage: true },
  },
};

export const SLEEP = { id: '/sleep', cmd: 'sleep 1000', cpus: 0.1, mem: 32 };

/** The text of an example's app definition. */
export const example = (name: string): string =>
  readFileSync(new URL(`../../../examples/apps/${name}.json`, import.meta.url), 'utf8');

/** The code of what was refused. */
export function refusalOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return 'nothing';
}
