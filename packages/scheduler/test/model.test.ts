/**
 * The scheduler beside a model that an operator has in mind: so many instances of this configuration. Commands come at any moment, two
 * further frameworks compete, agents come, go, are cut off and return, checks fail and pass. An observer looks on all the time.
 */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { MarathonTask } from '../src/marathon/show.ts';
import { answering, codeOf, definition, type Model, pick, type Real, setup } from './model-world.ts';
import { restartLimits } from './watch.ts';
import { agent } from './world.ts';

type Command = fc.Command<Model, Real>;

const IDS = ['/a', '/b', '/g/c'] as const;
const id = fc.constantFrom(...IDS);
const strategy = fc.constantFrom([1, 1], [0.5, 0], [0, 0.5], [1, 0], [0.6, 0.4]);
const constraints = fc.constantFrom([], [], [['hostname', 'MAX_PER', '4']], [['rack', 'UNLIKE', 'c']]);

function command(name: string, run: (model: Model, real: Real) => void, check: (model: Model) => boolean = () => true): Command {
  return {
    check,
    run: (model, real) => {
      run(model, real);
      for (const [appId] of restarts(real)) real.mixed.delete(appId);
      expect(real.watch.violations()).toEqual([]);
    },
    toString: () => name,
  };
}

/** The apps that are being restarted, each with its deployment. */
function restarts({ marathon }: Real): ReadonlyMap<string, string> {
  const all = marathon.deployments().filter(({ action }) => action === 'RestartApplication');
  return new Map(all.map(({ appId, id: change, action }) => [appId, `${action} ${change}`]));
}

function remember(model: Model, real: Real, app: string, instances: number, config: number): void {
  const known = model.apps.get(app);
  if (known?.instances === instances && known.config === config) return;
  const before: [number, number][] = [...(known?.before ?? []), [instances, config]];
  model.apps.set(app, { instances, config, before });
  real.versions.set(app, [...(known === undefined ? [] : (real.versions.get(app) ?? [])), real.marathon.app(app).version]);
}

const change = fc
  .tuple(id, fc.nat({ max: 6 }), fc.nat({ max: 5 }), strategy, constraints)
  .map(([app, instances, config, upgrade, rules]) =>
    command(`make ${app} ${instances} of ${config}, ${upgrade.join('/')}, ${JSON.stringify(rules)}`, (model, real) => {
      const wanted = definition(app, instances, config, upgrade, rules);
      const known = model.apps.get(app);
      real.watch.release();
      if (known === undefined) {
        if (codeOf(() => real.marathon.add(wanted)) === 'app-locked') return;
      } else {
        real.marathon.update(app, wanted, { force: true });
      }
      remember(model, real, app, instances, config);
    }),
  );

const scale = fc.tuple(id, fc.nat({ max: 8 })).map(([app, instances]) =>
  command(`scale ${app} to ${instances}`, (model, real) => {
    const known = model.apps.get(app);
    real.watch.disturb();
    const tasks = known === undefined ? [] : real.marathon.tasks(app);
    // A task that is being killed already is not asked to end again.
    const running = tasks.every(({ id: task, condition }) => condition === 'Running' && !real.killed.includes(task));
    const calm = model.cutOff.size === 0 && running;
    const settled = calm && tasks.length === known?.instances && real.marathon.deploymentOf(app) === undefined;
    const before = real.killed.length;
    expect(codeOf(() => real.marathon.scale(app, instances, { force: true }))).toBe(
      known === undefined ? 'app-missing' : undefined,
    );
    if (known === undefined) return;
    if (settled) expectVictims(tasks, new Set(real.killed.slice(before)), Math.max(0, tasks.length - instances), known.config);
    remember(model, real, app, instances, known.config);
  }),
);

/** Those that go are the youngest or the oldest, as their configuration says. */
function expectVictims(tasks: readonly MarathonTask[], killed: ReadonlySet<string>, count: number, config: number): void {
  expect(killed.size).toBe(count);
  const age = ({ startedAt = 0 }: MarathonTask) => (config >= 3 ? startedAt : -startedAt);
  const gone = tasks.filter(({ id: task }) => killed.has(task)).map(age);
  const kept = tasks.filter(({ id: task }) => !killed.has(task)).map(age);
  if (gone.length > 0 && kept.length > 0) expect(Math.max(...gone)).toBeLessThanOrEqual(Math.min(...kept));
}

const restart = id.map((app) =>
  command(
    `restart ${app}`,
    (model, real) => {
      real.marathon.restart(app, { force: true });
      real.watch.disturb();
      const known = model.apps.get(app);
      if (known === undefined) return;
      known.before.push([known.instances, known.config]);
      real.versions.get(app)?.push(real.marathon.app(app).version);
    },
    (model) => model.apps.has(app),
  ),
);

const rollback = fc.tuple(id, fc.nat({ max: 20 })).map(([app, n]) =>
  command(
    `roll ${app} back ${n}`,
    (model, real) => {
      const known = model.apps.get(app);
      const versions = real.versions.get(app) ?? [];
      const at = n % versions.length;
      const [instances = 0, config = 0] = known?.before[at] ?? [];
      real.watch.disturb();
      real.marathon.rollback(app, versions[at] ?? '', { force: true });
      remember(model, real, app, instances, config);
    },
    (model) => model.apps.has(app),
  ),
);

const remove = id.map((app) =>
  command(`remove ${app}`, (model, real) => {
    real.watch.disturb();
    const code = codeOf(() => real.marathon.remove(app, { force: true }));
    expect(code).toBe(model.apps.delete(app) ? undefined : 'app-missing');
    real.versions.delete(app);
  }),
);

const kill = fc.tuple(fc.nat({ max: 20 }), fc.boolean()).map(([n, forGood]) =>
  command(`kill task ${n}${forGood ? ' for good' : ''}`, (model, real) => {
    const tasks = real.marathon.tasks();
    const task = tasks[n % Math.max(1, tasks.length)];
    if (task === undefined) return;
    real.watch.disturb();
    const known = model.apps.get(task.appId);
    real.marathon.killTask(task.id, { scale: forGood && known !== undefined, force: true });
    if (forGood && known !== undefined) remember(model, real, task.appId, Math.max(0, known.instances - 1), known.config);
  }),
);

const flip = id.map((app) =>
  command(`flip health of ${app}`, (_, real) => {
    real.watch.disturb();
    if (!real.sick.delete(app)) real.sick.add(app);
  }),
);

const join = fc.constant(
  command('an agent joins', (model, real) => {
    const one = agent(100 + real.joined++, { attributes: [['rack', 'ab'[real.joined % 2] ?? 'a']] });
    real.master.addAgent(one);
    model.agents.add(one.id);
  }),
);

const leave = fc.nat({ max: 9 }).map((n) =>
  command(
    `agent ${n} leaves`,
    (model, real) => {
      const gone = pick(model.agents, n);
      real.watch.disturb();
      if (real.master.agents().some(({ id: known }) => known === gone)) real.master.removeAgent(gone);
      else real.master.markAgentGone(gone);
      model.agents.delete(gone);
      model.cutOff.delete(gone);
    },
    (model) => answering(model) > 2,
  ),
);

const partition = fc.nat({ max: 9 }).map((n) =>
  command(
    `agent ${n} is cut off`,
    (model, real) => {
      const lost = pick(model.agents, n);
      real.watch.disturb();
      if (model.cutOff.has(lost)) return;
      real.master.partitionAgent(lost);
      model.cutOff.add(lost);
    },
    (model) => answering(model) > 2,
  ),
);

const comeBack = fc.nat({ max: 9 }).map((n) =>
  command(
    `agent ${n} returns`,
    (model, real) => {
      const back = pick(model.cutOff, n);
      real.watch.disturb();
      real.master.returnAgent(back);
      model.cutOff.delete(back);
    },
    (model) => model.cutOff.size > 0,
  ),
);

const maintain = fc
  .tuple(fc.nat({ max: 9 }), fc.constantFrom(0, 3000, 30_000), fc.constantFrom(5000, 60_000))
  .map(([n, wait, span]) =>
    command(
      `agent ${n} is in maintenance for ${span} ms, in ${wait} ms`,
      (model, real) => {
        const start = real.clock.now + wait;
        const agentId = close(model, real, n, start, start + span);
        if (agentId !== '') real.master.setUnavailability(agentId, { start, duration: span });
      },
      (model) => answering(model) - model.closed.size > 2,
    ),
  );

const drain = fc.nat({ max: 9 }).map((n) =>
  command(
    `agent ${n} is drained`,
    (model, real) => {
      real.watch.disturb();
      const agentId = close(model, real, n, -1, Number.POSITIVE_INFINITY);
      if (agentId !== '') real.master.drainAgent(agentId);
    },
    (model) => answering(model) - model.closed.size > 2,
  ),
);

/** Marks a registered agent as closed; its id, or '' if it is not there or closed already. */
function close(model: Model, { master }: Real, n: number, after: number, until: number): string {
  const agentId = pick(model.agents, n);
  if (model.closed.has(agentId) || !master.agents().some(({ id: known }) => known === agentId)) return '';
  model.closed.set(agentId, [after, until]);
  return agentId;
}

/** All agents that are there are open again. */
function reopen(model: Model, { master }: Real): void {
  for (const { id: agentId } of master.agents()) {
    if (!model.closed.delete(agentId)) continue;
    master.setUnavailability(agentId, undefined);
    master.reactivateAgent(agentId);
  }
}

/** Two apps, one of which depends on the other; the observer sees that it waits. */
const group = fc
  .tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 }), fc.nat({ max: 5 }))
  .map(([stores, webs, config]) =>
    command(`group of ${stores} and ${webs} of ${config}`, (model, real) => {
      real.watch.disturb();
      const db = definition('/d/db', stores, config, [1, 1], []);
      const web = { ...definition('/d/web', webs, config, [1, 1], []), dependencies: ['/d/db'] };
      real.marathon.updateGroup({ id: '/d', apps: [db, web] }, { force: true });
      remember(model, real, '/d/db', stores, config);
      remember(model, real, '/d/web', webs, config);
    }),
  );

const compete = fc
  .tuple(fc.nat({ max: 1 }), fc.constantFrom('revive' as const, 'suppress' as const))
  .map(([n, what]) => command(`framework ${n}: ${what}`, (_, real) => real.drivers[n]?.[what]()));

const advance = fc
  .constantFrom(1, 300, 1000, 2500, 20_000, 320_000)
  .map((milliseconds) => command(`advance ${milliseconds} ms`, (_, real) => real.clock.advance(milliseconds)));

/**
 * Whether every place an app may have is taken: a restart that ends nothing first cannot begin then, since 1.8 has old instances of the
 * same configuration bear on constraints.
 */
function isFull(model: Model, { marathon }: Real, app: string): boolean {
  const { constraints: rules, instances, upgradeStrategy } = marathon.app(app);
  const most = rules.find(({ operator }) => operator === 'MAX_PER')?.value ?? '';
  return upgradeStrategy.minimumHealthCapacity === 1 && most !== '' && instances >= Number(most) * answering(model);
}

/** Lets all come to rest, with everything healthy, and compares. */
const settle = command('settle', rest);

function rest(model: Model, real: Real): void {
  real.sick.clear();
  reopen(model, real);
  for (const driver of real.drivers) driver.suppress();
  real.settle();
  // What is unreachable is forgotten after a minute, by a job that runs every half minute.
  real.clock.advance(91_000);
  real.settle();
  const stuck = [...model.apps.keys()].filter((app) => restarts(real).has(app) && isFull(model, real, app));
  for (const app of stuck) expect(real.marathon.explain(app).problems.join()).toMatch(/the upgrade hangs/);
  for (const [app, { instances, config }] of model.apps) {
    if (stuck.includes(app)) continue;
    const tasks = real.marathon.tasks(app).filter(({ condition }) => condition !== 'UnreachableInactive');
    const shown = tasks.map(({ info, condition }) => {
      return real.mixed.has(app) ? condition : `${condition} ${new Map(info.labels).get('CONFIG')}`;
    });
    const wanted = real.mixed.has(app) ? 'Running' : `Running ${config}`;
    expect([app, shown]).toEqual([app, Array.from({ length: instances }, () => wanted)]);
  }
  expect(
    real.marathon
      .apps()
      .map((app) => app.id)
      .sort(),
  ).toEqual([...model.apps.keys()].sort());
  const waiting = real.marathon.deployments().filter(({ appId }) => !stuck.includes(appId));
  expect([waiting, real.marathon.queue().filter((item) => !stuck.includes(item.app.id))]).toEqual([[], []]);
  real.watch.release();
  if (model.cutOff.size === 0) real.watch.rest();
}

/** A change of configuration while all is at rest: the limits of its strategy hold at every moment, until something else disturbs. */
const upgrade = fc.tuple(id, fc.nat({ max: 5 }), strategy).map(([app, config, limits]) =>
  command(
    `upgrade ${app} to ${config}, ${limits.join('/')}`,
    (model, real) => {
      rest(model, real);
      const known = model.apps.get(app);
      if (known === undefined || known.instances === 0 || model.cutOff.size > 0 || restarts(real).has(app)) return;
      real.marathon.update(app, definition(app, known.instances, config, limits, []), { force: true });
      if (restarts(real).has(app)) real.watch.limit(app, restartLimits(real.marathon.app(app)));
      remember(model, real, app, known.instances, config);
    },
    (model) => model.apps.has(app),
  ),
);

const all = [
  change,
  change,
  upgrade,
  scale,
  restart,
  rollback,
  remove,
  kill,
  flip,
  join,
  leave,
  partition,
  comeBack,
  maintain,
  drain,
  group,
  compete,
  advance,
  advance,
];

/** For a longer look: `MODEL_RUNS=6000`. */
const RUNS = Number(process.env.MODEL_RUNS ?? 300);

test(
  'whatever is asked, lost and found: at rest there is what was asked for, and nothing is ever wrong on the way',
  () => {
    fc.assert(
      fc.property(fc.nat(), fc.commands([...all, fc.constant(settle)], { maxCommands: 50, size: 'max' }), (seed, history) => {
        fc.modelRun(() => setup(seed), [...history, settle]);
      }),
      { numRuns: RUNS },
    );
  },
  400 * RUNS,
);

test('the same seed and history give the same log of events', () => {
  fc.assert(
    fc.property(fc.nat(), fc.commands([...all, fc.constant(settle)], { maxCommands: 30, size: 'max' }), (seed, history) => {
      const play = () => {
        const world = setup(seed);
        fc.modelRun(() => world, history);
        return createHash('sha256').update(world.real.log.join('\n')).digest('hex');
      };
      expect(play()).toBe(play());
    }),
    { numRuns: 50 },
  );
}, 60_000);
