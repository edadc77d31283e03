/** What must hold for a cluster whatever is done to it, in any order. */
import { includesPort, type PortRange, portRanges, Random } from '@portolan/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { TaskInfo } from '../src/launch/task-info.ts';
import { ConstraintIndex } from '../src/match/constraints.ts';
import { matchOffer } from '../src/match/offer-match.ts';
import { randomDraw } from '../src/match/ports.ts';
import { OfferRemainder } from '../src/mesos/offer.ts';
import { givePort, takePort } from '../src/mesos/resources.ts';
import { agent, type Behaviour, type World, world } from './world.ts';

const range = fc
  .tuple(fc.integer({ min: 1, max: 120 }), fc.integer({ min: 0, max: 12 }))
  .map(([begin, size]) => ({ begin, end: begin + size }));
const agents = fc.array(
  fc.record({
    cpus: fc.constantFrom(0.5, 1, 4),
    mem: fc.constantFrom(64, 256, 1024),
    ports: fc.array(range, { minLength: 1, maxLength: 3 }),
    role: fc.constantFrom('*', '*', '*', 'slave_public'),
    rack: fc.constantFrom('a', 'b'),
  }),
  { minLength: 1, maxLength: 5 },
);

const mapping = fc.record(
  {
    containerPort: fc.constantFrom(0, 80),
    hostPort: fc.constantFrom(0, 0, 0, 7, 60),
    protocol: fc.constantFrom('tcp', 'udp,tcp'),
  },
  { requiredKeys: [] },
);
const definition = fc.oneof(
  fc.record({
    networks: fc.constant([{ mode: 'container/bridge' }]),
    portMappings: fc.array(mapping, { maxLength: 3 }),
    constraints: fc.constantFrom(
      [],
      [['hostname', 'UNIQUE']],
      [['rack', 'CLUSTER']],
      [['hostname', 'MAX_PER', '2']],
      [['rack', 'GROUP_BY', '2']],
      [['rack', 'UNLIKE', 'a+']],
    ),
  }),
  fc.record({ portDefinitions: fc.array(fc.constantFrom({ port: 0 }, { port: 0, protocol: 'udp' }), { maxLength: 3 }) }),
  fc.record({ portDefinitions: fc.constant([{ port: 7 }, { port: 0 }]), requirePorts: fc.boolean() }),
);

const add = fc.record({
  do: fc.constant('add' as const),
  definition,
  instances: fc.integer({ min: 0, max: 12 }),
  cpus: fc.constantFrom(0.05, 0.1, 1),
});
const step = fc.oneof(
  { arbitrary: add, weight: 3 },
  {
    arbitrary: fc.record({
      do: fc.constant('advance' as const),
      milliseconds: fc.constantFrom(1, 150, 1000, 2500, 60_000, 320_000),
    }),
    weight: 4,
  },
  fc.record({ do: fc.constant('scale' as const), pick: fc.nat(), instances: fc.integer({ min: 0, max: 20 }) }),
  fc.record({ do: fc.constant('update' as const), pick: fc.nat(), definition, cpus: fc.constantFrom(0.05, 0.2) }),
  fc.record({ do: fc.constant('remove' as const), pick: fc.nat() }),
  fc.record({ do: fc.constant('kill' as const), pick: fc.nat(), scale: fc.boolean() }),
  fc.record({
    do: fc.constant('fail' as const),
    pick: fc.nat(),
    state: fc.constantFrom('TASK_FAILED' as const, 'TASK_LOST' as const),
  }),
  fc.record({ do: fc.constant('join' as const), ports: fc.array(range, { minLength: 1, maxLength: 3 }) }),
  fc.record({ do: fc.constant('leave' as const), pick: fc.nat() }),
  fc.record({ do: fc.constantFrom('partition' as const, 'return' as const, 'drain' as const), pick: fc.nat() }),
  fc.record({ do: fc.constantFrom('restart' as const, 'rollback' as const, 'cancel' as const), pick: fc.nat() }),
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

function picked<T>(items: readonly T[], pick: number): T | undefined {
  return items.length === 0 ? undefined : items[pick % items.length];
}

function take(w: World, one: Step, number: number): void {
  const { marathon, master, clock } = w;
  const app = 'pick' in one ? picked(marathon.apps(), one.pick) : undefined;
  switch (one.do) {
    case 'add': {
      const { portMappings, ...rest } = one.definition as { portMappings?: unknown };
      const container = portMappings === undefined ? {} : { container: { type: 'DOCKER', docker: { image: 'i' }, portMappings } };
      marathon.add({
        id: `/app${number}`,
        cmd: 'sleep',
        cpus: one.cpus,
        mem: 32,
        instances: one.instances,
        ...rest,
        ...container,
      });
      break;
    }
    case 'scale':
      if (app !== undefined) marathon.scale(app.id, one.instances, { force: true });
      break;
    case 'update': {
      const { portMappings, ...rest } = one.definition as { portMappings?: unknown };
      const container = {
        container: { type: 'DOCKER', docker: { image: 'i' }, ...(portMappings === undefined ? {} : { portMappings }) },
      };
      const networks = portMappings === undefined ? { networks: [{ mode: 'host' }] } : {};
      if (app !== undefined) marathon.update(app.id, { cpus: one.cpus, ...rest, ...networks, ...container }, { force: true });
      break;
    }
    case 'remove':
      if (app !== undefined) marathon.remove(app.id, { force: true });
      break;
    case 'kill': {
      const task = picked(marathon.tasks(), one.pick);
      if (task !== undefined) marathon.killTask(task.id, { force: true, scale: one.scale });
      break;
    }
    case 'fail': {
      const task = picked([...master.tasks()], one.pick);
      if (task !== undefined) master.statusUpdate({ taskId: task.info.taskId, state: one.state });
      break;
    }
    case 'join':
      master.addAgent(agent(100 + number, { ports: one.ports }));
      break;
    case 'leave': {
      const gone = picked(master.agents(), one.pick);
      if (gone === undefined) break;
      master.removeAgent(gone.id);
      found(w, gone.id);
      break;
    }
    case 'partition': {
      const gone = picked(master.agents(), one.pick);
      if (gone === undefined) break;
      if ((lost.get(w) ?? []).includes(gone.id)) break;
      master.partitionAgent(gone.id);
      lost.set(w, [...(lost.get(w) ?? []), gone.id]);
      break;
    }
    case 'return': {
      const back = picked(lost.get(w) ?? [], one.pick);
      if (back === undefined) break;
      master.returnAgent(back);
      found(w, back);
      break;
    }
    case 'drain': {
      const drained = picked(master.agents(), one.pick);
      if (drained === undefined) break;
      master.drainAgent(drained.id);
      master.reactivateAgent(drained.id);
      break;
    }
    case 'restart':
      if (app !== undefined) marathon.restart(app.id, { force: true });
      break;
    case 'rollback': {
      const old = app === undefined ? undefined : picked(marathon.versions(app.id), one.pick);
      if (app !== undefined && old !== undefined) marathon.rollback(app.id, old.version, { force: true });
      break;
    }
    case 'cancel': {
      const deployment = picked(marathon.deployments(), one.pick);
      if (deployment !== undefined) marathon.cancelDeployment(deployment.id);
      break;
    }
    case 'advance':
      clock.advance(one.milliseconds);
  }
}

/** That agent is not lost any more. */
function found(w: World, agentId: string): void {
  lost.set(
    w,
    (lost.get(w) ?? []).filter((id) => id !== agentId),
  );
}

/** Agents out of the master's sight. */
const lost = new WeakMap<World, readonly string[]>();

/** What may never be otherwise. */
function check({ master, marathon, killed }: World): void {
  for (const info of master.agents()) {
    const ports = new Set<number>();
    const sum = { cpus: 0, mem: 0 };
    for (const { info: task } of master.tasksOn(info.id)) {
      expect(task.agentId).toBe(info.id);
      for (const port of task.ports) {
        expect(ports.has(port), `port ${port} twice on ${info.id}`).toBe(false);
        expect(includesPort(info.ports, port), `port ${port} outside of ${info.id}`).toBe(true);
        ports.add(port);
      }
      sum.cpus += task.cpus;
      sum.mem += task.mem;
    }
    const { used, free, freePorts } = master.resources(info.id);
    expect(used.cpus).toBeCloseTo(sum.cpus, 6);
    expect(used.mem).toBeCloseTo(sum.mem, 6);
    expect(Math.min(free.cpus, free.mem, free.disk)).toBeGreaterThanOrEqual(0);
    let expected = info.ports;
    for (const port of ports) expected = takePort(expected, port) ?? expected;
    expect(freePorts).toEqual(expected);
  }
  const known = new Set([...master.tasks()].map((task) => task.info.taskId));
  for (const task of marathon.tasks()) {
    if (task.condition !== 'Unreachable' && task.condition !== 'UnreachableInactive')
      expect(known.has(task.id), task.id).toBe(true);
  }
  // Tasks that came back with their agent and belong to nobody any more are being killed.
  for (const task of marathon.tasks()) known.delete(task.id);
  for (const id of known) expect(killed).toContain(id);
}

/** What must be so when all has come to rest. */
function checkSettled(w: World): void {
  for (const app of w.marathon.apps()) {
    const running = w.marathon.tasks(app.id).length;
    const waiting = w.marathon.queue().find((item) => item.app.id === app.id)?.count ?? 0;
    const replacing = w.marathon
      .deployments()
      .some((deployment) => deployment.appId === app.id && deployment.action === 'RestartApplication');
    if (!replacing) expect(running + waiting, app.id).toBe(app.instances);
    if (app.constraints[0]?.operator === 'UNIQUE' && !replacing) {
      const current = w.marathon.tasks(app.id).filter((task) => task.version >= app.lastConfigChangeAt);
      expect(new Set(current.map((task) => task.host)).size).toBe(current.length);
    }
  }
}

/** An app that waits, and is not delayed, fits on no agent: no offer was missed. */
function checkWaiting({ marathon, master }: World): void {
  for (const { app } of marathon.queue().filter((item) => item.delay.overdue)) {
    const placed = new ConstraintIndex(app.constraints);
    for (const task of marathon.tasks(app.id)) {
      if (task.version >= app.lastConfigChangeAt) placed.add(master.agent(task.slaveId));
    }
    for (const info of master.agents()) {
      const { free, freePorts } = master.resources(info.id);
      if (free.cpus < 0.01 || free.mem < 32 || freePorts.length === 0) continue;
      const offer = { ...info, ...free, ports: freePorts, agentId: info.id, fresh: true };
      const match = matchOffer(app, new OfferRemainder(offer), placed, (ranges) => randomDraw(ranges, new Random(1)));
      expect('hostPorts' in match, `${app.id} waits and would fit on ${info.id}`).toBe(false);
    }
  }
}

const behaviours: readonly Behaviour[] = [
  () => ({ state: 'TASK_RUNNING', delay: 200 }),
  () => ({ state: 'TASK_RUNNING', delay: 0 }),
  (task: TaskInfo) => ({
    state: task.taskId.length % 2 === 0 || task.appId.endsWith('3') ? 'TASK_FAILED' : 'TASK_RUNNING',
    delay: 50,
  }),
  (task: TaskInfo) => ({ state: task.appId.endsWith('2') ? 'TASK_FAILED' : 'TASK_RUNNING', delay: 0 }),
];

test('no port twice, none outside the ranges, nothing oversold, nothing left: any interleaving', () => {
  let placed = 0;
  fc.assert(
    fc.property(
      agents,
      fc.array(step, { minLength: 4, maxLength: 30, size: 'max' }),
      fc.constantFrom(...behaviours),
      fc.constantFrom(0, 100),
      fc.integer({ min: 0, max: 1000 }),
      (initial, steps, behaviour, killDelay, seed) => {
        const list = initial.map(({ rack, ...one }, i) => agent(i, { ...one, attributes: [['rack', rack]] }));
        const w = world(list, { seed, behaviour, killDelay });
        steps.forEach((one, i) => {
          take(w, one, i);
          check(w);
        });
        w.settle();
        check(w);
        checkSettled(w);
        checkWaiting(w);
        expect(w.clock.busy).toBe(false);
        for (const app of w.marathon.apps()) w.marathon.remove(app.id, { force: true });
        w.settle();
        placed += w.launched.length;
        expect([...w.master.tasks()]).toEqual([]);
        expect(w.marathon.tasks()).toEqual([]);
        expect(w.marathon.queue()).toEqual([]);
        expect(w.marathon.deployments()).toEqual([]);
        for (const info of w.master.agents()) {
          const { used, freePorts } = w.master.resources(info.id);
          expect([used, freePorts]).toEqual([{ cpus: 0, mem: 0, disk: 0 }, info.ports]);
        }
        const ids = w.launched.map((task) => task.taskId);
        expect(new Set(ids).size).toBe(ids.length);
      },
    ),
    { numRuns: 600 },
  );
  expect(placed, 'the cases place tasks at all').toBeGreaterThan(5_000);
}, 120_000);

test('the same seed gives the same history', () => {
  const history = fc.tuple(agents, fc.array(step, { maxLength: 15 }), fc.integer());
  fc.assert(
    fc.property(history, ([initial, steps, seed]) => {
      const play = (): unknown => {
        const w = world(
          initial.map(({ rack: _rack, ...one }, i) => agent(i, one)),
          { seed },
        );
        for (const [i, one] of steps.entries()) take(w, one, i);
        w.settle();
        return [w.launched, w.killed, w.clock.now, w.marathon.queue()];
      };
      expect(play()).toEqual(play());
    }),
    { numRuns: 200 },
  );
});

test('taking and giving ports is exact set arithmetic', () => {
  const ports = fc.array(range, { maxLength: 6 });
  fc.assert(
    fc.property(ports, fc.array(fc.integer({ min: 1, max: 132 }), { maxLength: 40 }), (list, wanted) => {
      const all = (ranges: readonly PortRange[]): number[] =>
        ranges.flatMap((r) => Array.from({ length: r.end - r.begin + 1 }, (_, i) => r.begin + i));
      let ranges = portRanges(list);
      const set = new Set(all(ranges));
      for (const port of wanted) {
        const taken = takePort(ranges, port);
        expect(taken !== undefined).toBe(set.delete(port));
        ranges = taken ?? ranges;
        expect(all(ranges)).toEqual([...set].sort((a, b) => a - b));
      }
      for (const port of new Set(wanted)) {
        if (set.has(port)) continue;
        set.add(port);
        ranges = givePort(ranges, port);
        expect(ranges).toEqual(portRanges([...set].map((p) => ({ begin: p, end: p }))));
      }
    }),
    { numRuns: 2000 },
  );
});
