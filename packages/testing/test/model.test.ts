/**
 * A cluster beside a model of it that any operator has in mind: each app has a number of instances, and when all is
 * quiet, so many of its tasks run. Commands come at any moment; the model is asked whenever the cluster has settled.
 */
import { Refusal } from '@portolan/core';
import { DcosCluster } from '@portolan/dcos';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { appDefinitions, violations } from '../src/index.ts';

interface Model {
  /** Instances by app. */
  readonly apps: Map<string, number>;
  /** Removed apps whose tasks may still be on their way out: their ids are not free yet. */
  readonly leaving: Set<string>;
  agents: number;
}

type Command = fc.Command<Model, DcosCluster>;

const IDS = ['/a', '/b', '/g/c'] as const;
const id = fc.constantFrom(...IDS);
const instances = fc.integer({ min: 0, max: 6 });

/** Apps without fixed host ports: nothing but the number of agents limits them. */
function unbound(definition: Record<string, unknown>): boolean {
  return !JSON.stringify(definition).includes('"hostPort":11');
}

function command(name: string, check: (model: Model) => boolean, run: (model: Model, real: DcosCluster) => void): Command {
  return { check, run, toString: () => name };
}

/** The code of the refusal, if there was one. */
function refusal(action: () => void): string | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    if (error instanceof Refusal) return error.code;
    throw error;
  }
}

function count(definition: Record<string, unknown>): number {
  const { instances = 1 } = definition;
  return typeof instances === 'number' ? instances : 1;
}

const add = id.chain((app) =>
  appDefinitions(app)
    .filter(unbound)
    .map((definition) =>
      command(
        `add ${JSON.stringify(definition)}`,
        () => true,
        (model, real) => {
          const code = refusal(() => real.marathon.add(definition));
          if (model.apps.has(app)) expect(code).toBe('app-exists');
          else if (code !== undefined) expect([code, model.leaving.has(app)]).toEqual(['app-locked', true]);
          else model.apps.set(app, count(definition));
        },
      ),
    ),
);

const update = id.chain((app) =>
  appDefinitions(app)
    .filter(unbound)
    .map((definition) =>
      command(
        `update ${JSON.stringify(definition)}`,
        (model) => model.apps.has(app),
        (model, real) => {
          real.marathon.update(app, definition, { force: true });
          model.apps.set(app, count(definition));
        },
      ),
    ),
);

const scale = fc.tuple(id, instances).map(([app, n]) =>
  command(
    `scale ${app} to ${n}`,
    () => true,
    (model, real) => {
      const code = refusal(() => real.marathon.scale(app, n, { force: true }));
      expect(code).toBe(model.apps.has(app) ? undefined : 'app-missing');
      if (code === undefined) model.apps.set(app, n);
    },
  ),
);

const remove = id.map((app) =>
  command(
    `remove ${app}`,
    () => true,
    (model, real) => {
      const code = refusal(() => real.marathon.remove(app, { force: true }));
      expect(code).toBe(model.apps.has(app) ? undefined : 'app-missing');
      if (model.apps.delete(app)) model.leaving.add(app);
    },
  ),
);

const kill = fc.nat({ max: 20 }).map((n) =>
  command(
    `kill task ${n}`,
    () => true,
    (_, real) => {
      const tasks = real.marathon.tasks();
      const task = tasks[n % Math.max(1, tasks.length)];
      if (task !== undefined) real.marathon.killTask(task.id);
    },
  ),
);

const killForGood = id.map((app) =>
  command(
    `kill a task of ${app} and scale`,
    (model) => model.apps.has(app),
    (model, real) => {
      const [task] = real.marathon.tasks(app);
      if (task === undefined) return;
      real.marathon.killTask(task.id, { scale: true, force: true });
      model.apps.set(app, Math.max(0, (model.apps.get(app) ?? 0) - 1));
    },
  ),
);

const loseAgent = fc.nat({ max: 9 }).map((n) =>
  command(
    `lose agent ${n}`,
    ({ agents }) => agents > 1,
    (model, real) => {
      const agents = real.agents();
      real.loseAgent(agents[n % agents.length]?.id ?? '');
      model.agents--;
    },
  ),
);

const addAgent = fc.nat({ max: 9 }).map((n) =>
  command(
    `add agent 172.16.200.${n}`,
    () => true,
    (model, real) => {
      const address = 0xac10c800 + n;
      const taken = real.agents().some(({ node }) => node.address === address);
      expect(refusal(() => real.addAgent(address))).toBe(taken ? 'bad-option' : undefined);
      if (!taken) model.agents++;
    },
  ),
);

const advance = fc.integer({ min: 1, max: 6000 }).map((milliseconds) =>
  command(
    `advance ${milliseconds} ms`,
    () => true,
    (_, real) => real.advance(milliseconds),
  ),
);

const settle = command(
  'settle',
  () => true,
  (model, real) => {
    expect(real.settle()).toBe(true);
    model.leaving.clear();
    compare(model, real);
  },
);

function compare(model: Model, real: DcosCluster): void {
  const running = (app: string): number => real.marathon.tasks(app).filter(({ state }) => state === 'TASK_RUNNING').length;
  expect(real.marathon.apps().map((app) => [app.id, running(app.id)])).toEqual(expect.arrayContaining([...model.apps]));
  expect(real.marathon.tasks().length).toBe([...model.apps.values()].reduce((sum, n) => sum + n, 0));
  expect(real.agents().length).toBe(model.agents);
  expect(violations(real)).toEqual([]);
}

test('when all is quiet, as many tasks run as the operator asked for, whatever was asked in between', () => {
  const commands = fc.commands(
    [add, add, update, scale, remove, kill, killForGood, loseAgent, addAgent, advance, advance, fc.constant(settle)],
    {
      maxCommands: 40,
      size: 'max',
    },
  );
  fc.assert(
    fc.property(fc.nat(), commands, (seed, history) => {
      const setup = () => ({
        model: { apps: new Map<string, number>(), leaving: new Set<string>(), agents: 2 },
        real: DcosCluster.create({ seed, agents: 2, publicAgents: 0 }),
      });
      fc.modelRun(setup, [...history, settle]);
    }),
    { numRuns: 500 },
  );
});
