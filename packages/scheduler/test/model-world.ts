/** What the model of the scheduler is about: an operator's idea of it, and the world that commands change. */

import type { MarathonRefusal } from '../src/app/refusal.ts';
import type { DeploymentInfo, InstanceChange } from '../src/marathon/events.ts';
import type { SchedulerDriver } from '../src/mesos/driver.ts';
import { Watch } from './watch.ts';
import { agent, type World, world } from './world.ts';

/** What an operator has in mind. */
export interface Model {
  /** By app: instances wanted, the number that stands for the configuration, and what both were before. */
  readonly apps: Map<string, { instances: number; config: number; readonly before: [instances: number, config: number][] }>;
  readonly agents: Set<string>;
  readonly cutOff: Set<string>;
  /** Agents in maintenance or drained: from when until when nothing may be launched there. */
  readonly closed: Map<string, readonly [after: number, until: number]>;
}

/** The world and what commands do to it. */
export interface Real extends World {
  readonly watch: Watch;
  readonly drivers: readonly SchedulerDriver[];
  readonly versions: Map<string, string[]>;
  /** Apps whose tasks fail their checks now. */
  readonly sick: Set<string>;
  /** Apps whose restart another change has taken the place of: some instances may be of an older configuration, as in life. */
  readonly mixed: Set<string>;
  /** All that was told, in order. */
  readonly log: string[];
  joined: number;
}

const CHECK = { protocol: 'HTTP', portIndex: 0, intervalSeconds: 5, gracePeriodSeconds: 30, maxConsecutiveFailures: 2 };

/** An app: each configuration has its own checks, patience and order of victims. */
export function definition(
  app: string,
  instances: number,
  config: number,
  [least, over]: readonly number[],
  rules: readonly unknown[],
) {
  return {
    id: app,
    cmd: 'sleep 1000',
    cpus: 0.1,
    mem: 32,
    instances,
    labels: { CONFIG: String(config) },
    killSelection: config >= 3 ? 'OLDEST_FIRST' : 'YOUNGEST_FIRST',
    portDefinitions: [{ port: 0, name: 'http-api' }, { port: 0 }],
    upgradeStrategy: { minimumHealthCapacity: least, maximumOverCapacity: over },
    constraints: rules,
    ...(config % 2 === 0 ? { healthChecks: [CHECK] } : {}),
    ...(config === 5 ? { readinessChecks: [{ intervalSeconds: 5, timeoutSeconds: 1 }] } : {}),
    unreachableStrategy: { inactiveAfterSeconds: 0, expungeAfterSeconds: config % 3 === 0 ? 60 : 0 },
  };
}

/** An agent out of a set, which stays in force while `spare` others answer. */
export function pick(from: ReadonlySet<string>, n: number): string {
  return [...from][n % from.size] ?? '';
}
/** How many agents answer. */
export const answering = ({ agents, cutOff }: Model) => agents.size - cutOff.size;

/** The code of a refusal; other errors are errors. */
export function codeOf(action: () => void): string | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    const { code } = error as MarathonRefusal;
    if (code === undefined) throw error;
    return code;
  }
}

/** Four agents and two frameworks besides Marathon, which want nothing at first. */
export function setup(seed: number): { model: Model; real: Real } {
  const sick = new Set<string>();
  const ready = new Set<string>();
  const isWell = (taskId: string) => ![...sick].some((app) => taskId.startsWith(`${app.slice(1).replaceAll('/', '_')}.`));
  const list = [0, 1, 2, 3].map((i) => agent(i, { attributes: [['rack', 'abcb'[i] ?? 'a']] }));
  const w = world(list, {
    seed,
    probe: ({ taskId }) => isWell(taskId),
    get: ({ taskId }) => {
      if (!isWell(taskId)) return undefined;
      ready.add(taskId);
      return { status: 200, contentType: 'text/plain', body: '' };
    },
  });
  const closed: Model['closed'] = new Map();
  const watch = new Watch(w, {
    answers: ({ id, info }) => ready.has(id) || new Map(info.labels).get('CONFIG') !== '5',
    open: (agentId) => {
      const [after, until] = closed.get(agentId) ?? [0, 0];
      return w.clock.now <= after || w.clock.now > until;
    },
  });
  const drivers = ['p', 'q'].map((name) => {
    let count = 0;
    return w.master.subscribe(
      { name, roles: [name] },
      {
        // One holds what it gets for a while, the other takes a little for a moment: both leave Marathon room.
        resourceOffers: (offers, driver) => {
          for (const offer of offers) {
            if (name === 'p') w.clock.after(700, () => void codeOf(() => driver.decline(offer.id, { refuseSeconds: 3 })));
            else
              driver.accept(offer.id, [
                { taskId: `${name}.${count++}`, cpus: 0.1, mem: 32, ports: [offer.ports[0]?.begin ?? 0] },
              ]);
          }
        },
        statusUpdate: ({ taskId, state }, _, driver) => void (state === 'TASK_RUNNING' && driver.kill(taskId)),
      },
    );
  });
  for (const driver of drivers) driver.suppress();
  const mixed = new Set<string>();
  w.marathon.events.on('deployment-cancelled', ({ appId, action }) => void (action === 'RestartApplication' && mixed.add(appId)));
  const log: string[] = [];
  for (const event of ['instance-changed', 'deployment-started', 'deployment-finished', 'deployment-cancelled'] as const) {
    w.marathon.events.on(
      event,
      (about: InstanceChange | DeploymentInfo) => void log.push(`${w.clock.now} ${tell(event, about)}`),
    );
  }
  w.master.events.on('launch', (agentId, tasks) => {
    log.push(`${w.clock.now} ${agentId} ${tasks.map(({ taskId, ports }) => `${taskId} ${ports.join(' ')}`).join(', ')}`);
  });
  return {
    model: { apps: new Map(), agents: new Set(list.map((one) => one.id)), cutOff: new Set(), closed },
    real: { ...w, watch, drivers, versions: new Map(), sick, mixed, log, joined: 0 },
  };
}

function tell(event: string, about: InstanceChange | DeploymentInfo): string {
  const { id = '', action = '' } = 'action' in about ? about : {};
  const { taskId = '', condition = '', goal = '', expunged = false } = 'condition' in about ? about : {};
  return [event, about.appId, id, action, taskId, condition, goal, expunged].join(' ');
}
