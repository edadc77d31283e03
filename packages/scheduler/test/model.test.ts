/**
 * The scheduler beside a model that an operator has in mind: so many instances of this configuration. Commands come at any moment, two
 * further frameworks compete, agents come, go, are cut off and return, checks fail and pass. An observer looks on all the time.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { MarathonRefusal } from '../src/app/refusal.ts';
import type { SchedulerDriver } from '../src/mesos/driver.ts';
import { restartLimits, Watch } from './watch.ts';
import { agent, type World, world } from './world.ts';

interface Model {
  /** By app: instances wanted, the number that stands for the configuration, and what both were before. */
  readonly apps: Map<string, { instances: number; config: number; readonly before: [instances: number, config: number][] }>;
  readonly agents: Set<string>;
  readonly cutOff: Set<string>;
}

interface Real extends World {
  readonly watch: Watch;
  readonly drivers: readonly SchedulerDriver[];
  readonly versions: Map<string, string[]>;
  /** Apps whose tasks fail their checks now. */
  readonly sick: Set<string>;
  /** Apps whose restart another change has taken the place of: some instances may be of an older configuration, as in life. */
  readonly mixed: Set<string>;
  joined: number;
}

type Command = fc.Command<Model, Real>;

const IDS = ['/a', '/b', '/g/c'] as const;
const id = fc.constantFrom(...IDS);
const strategy = fc.constantFrom([1, 1], [0.5, 0], [0, 0.5], [1, 0], [0.6, 0.4]);
const constraints = fc.constantFrom([], [], [['hostname', 'MAX_PER', '4']], [['rack', 'UNLIKE', 'c']]);

const CHECK = { protocol: 'HTTP', portIndex: 0, intervalSeconds: 5, gracePeriodSeconds: 30, maxConsecutiveFailures: 2 };

function definition(app: string, instances: number, config: number, [least, over]: readonly number[], rules: readonly unknown[]) {
  return {
    id: app,
    cmd: 'sleep 1000',
    cpus: 0.1,
    mem: 32,
    instances,
    labels: { CONFIG: String(config) },
    portDefinitions: [{ port: 0 }, { port: 0 }],
    upgradeStrategy: { minimumHealthCapacity: least, maximumOverCapacity: over },
    constraints: rules,
    ...(config % 2 === 0 ? { healthChecks: [CHECK] } : {}),
    unreachableStrategy: { inactiveAfterSeconds: 0, expungeAfterSeconds: config % 3 === 0 ? 60 : 0 },
  };
}

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

/** The code of a refusal; other errors are errors. */
function codeOf(action: () => void): string | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    const { code } = error as MarathonRefusal;
    if (code === undefined) throw error;
    return code;
  }
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
        const calm = real.marathon.deploymentOf(app) === undefined && real.marathon.queue().length === 0;
        const ready = real.marathon.tasks(app).filter(({ condition, healthy }) => condition === 'Running' && healthy !== false);
        real.marathon.update(app, wanted, { force: true });
        const now = real.marathon.app(app);
        const replaces = real.marathon.deployments().some((one) => one.appId === app && one.action === 'RestartApplication');
        if (calm && replaces && ready.length === known.instances && known.instances === instances) {
          real.watch.limit(app, restartLimits(now));
        }
      }
      remember(model, real, app, instances, config);
    }),
  );

const scale = fc.tuple(id, fc.nat({ max: 8 })).map(([app, instances]) =>
  command(`scale ${app} to ${instances}`, (model, real) => {
    const known = model.apps.get(app);
    real.watch.disturb();
    expect(codeOf(() => real.marathon.scale(app, instances, { force: true }))).toBe(
      known === undefined ? 'app-missing' : undefined,
    );
    if (known !== undefined) remember(model, real, app, instances, known.config);
  }),
);

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

/** An agent out of a set, which stays in force while `spare` others answer. */
function pick(from: ReadonlySet<string>, n: number): string {
  return [...from][n % from.size] ?? '';
}
const answering = ({ agents, cutOff }: Model) => agents.size - cutOff.size;

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
const settle = command('settle', (model, real) => {
  real.sick.clear();
  for (const driver of real.drivers) driver.suppress();
  real.settle();
  // What is unreachable is given up after a minute.
  real.clock.advance(61_000);
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
});

function setup(seed: number): { model: Model; real: Real } {
  const sick = new Set<string>();
  const list = [0, 1, 2, 3].map((i) => agent(i, { attributes: [['rack', 'abcb'[i] ?? 'a']] }));
  const w = world(list, {
    seed,
    probe: ({ taskId }) => ![...sick].some((app) => taskId.startsWith(`${app.slice(1).replaceAll('/', '_')}.`)),
  });
  const watch = new Watch(w);
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
  return {
    model: { apps: new Map(), agents: new Set(list.map((one) => one.id)), cutOff: new Set() },
    real: { ...w, watch, drivers, versions: new Map(), sick, mixed, joined: 0 },
  };
}

const all = [
  change,
  change,
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
