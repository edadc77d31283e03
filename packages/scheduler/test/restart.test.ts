/** Rolling restarts while agents and tasks are lost: worked out by hand from the rules of TaskReplaceActor. */
import { expect, test } from 'vitest';
import { SLEEP, world } from './world.ts';

/** So many of each configuration, by the label that tells them apart, and whether a deployment is under way. */
function census(w: ReturnType<typeof world>): { readonly old: number; readonly new: number; readonly deploying: boolean } {
  const of = (config: string) =>
    w.marathon
      .tasks('/sleep')
      .filter(({ info, condition }) => condition === 'Running' && new Map(info.labels).get('CONFIG') === config);
  return { old: of('old').length, new: of('new').length, deploying: w.marathon.deployments().length > 0 };
}

const patient = { unreachableStrategy: { inactiveAfterSeconds: 0, expungeAfterSeconds: 3600 } };

test('old instances that were given up before a restart are let go by it, and nothing waits for them', () => {
  const w = world(3, { pingTimeouts: 1 });
  w.marathon.add({ ...SLEEP, ...patient, instances: 6, labels: { CONFIG: 'old' }, constraints: [['hostname', 'MAX_PER', '3']] });
  w.settle();
  const lost = w.launched[0]?.agentId ?? '';
  w.master.partitionAgent(lost);
  w.clock.advance(60_000);
  w.settle();
  const inactive = w.marathon.tasks('/sleep').filter(({ condition }) => condition === 'UnreachableInactive').length;
  expect([inactive, census(w).old]).toEqual([3, 6]);
  w.marathon.update('/sleep', {
    labels: { CONFIG: 'new' },
    upgradeStrategy: { minimumHealthCapacity: 0.5, maximumOverCapacity: 0 },
  });
  w.settle();
  expect(census(w)).toEqual({ old: 0, new: 6, deploying: false });
  expect(w.marathon.tasks('/sleep')).toHaveLength(6);
});

test('an old instance that is lost during a restart leaves its place to a new one, and no other old one goes in its stead', () => {
  const w = world(4, { behaviour: () => ({ state: 'TASK_RUNNING', delay: 20_000 }) });
  const upgradeStrategy = { minimumHealthCapacity: 1, maximumOverCapacity: 0.25 };
  w.marathon.add({ ...SLEEP, ...patient, instances: 4, upgradeStrategy, labels: { CONFIG: 'old' } });
  w.settle();
  w.marathon.update('/sleep', { labels: { CONFIG: 'new' } });
  w.clock.advance(2000);
  // One more than four may be there: one new instance starts, and all old ones stay until it is up.
  expect([w.launched.length, census(w).old]).toEqual([5, 4]);
  const [, second] = w.marathon.tasks('/sleep');
  w.master.statusUpdate({ taskId: second?.id ?? '', state: 'TASK_FAILED' });
  w.clock.advance(2000);
  expect([w.launched.length, census(w).old]).toEqual([6, 3]);
  w.clock.advance(17_500);
  expect(census(w)).toMatchObject({ old: 2, new: 1 });
  w.clock.advance(2000);
  // The second new one releases the second in line, which has gone already: four in all, as the strategy demands.
  expect(census(w)).toMatchObject({ old: 2, new: 2 });
  w.settle();
  expect(census(w)).toEqual({ old: 0, new: 4, deploying: false });
});

test('new instances whose agent is lost during a restart are replaced', () => {
  const w = world(4, { pingTimeouts: 1, behaviour: () => ({ state: 'TASK_RUNNING', delay: 200 }) });
  const upgradeStrategy = { minimumHealthCapacity: 0.5, maximumOverCapacity: 0 };
  w.marathon.add({ ...SLEEP, ...patient, instances: 8, upgradeStrategy, labels: { CONFIG: 'old' } });
  w.settle();
  w.marathon.update('/sleep', { labels: { CONFIG: 'new' } });
  w.clock.advance(1150);
  const before = w.launched.filter(({ labels }) => new Map(labels).get('CONFIG') === 'new');
  expect(before.length).toBeGreaterThan(0);
  w.master.markAgentUnreachable(before[0]?.agentId ?? '');
  w.settle();
  expect(census(w)).toEqual({ old: 0, new: 8, deploying: false });
});

test('scaling up waits for the new instances only, however the others are', () => {
  const sick = new Set<string>();
  const check = { protocol: 'HTTP', portIndex: 0, intervalSeconds: 5, gracePeriodSeconds: 5, maxConsecutiveFailures: 0 };
  const w = world(2, { probe: ({ taskId }) => !sick.has(taskId) });
  w.marathon.add({ ...SLEEP, instances: 2, portDefinitions: [{ port: 0 }], healthChecks: [check] });
  w.settle();
  sick.add(w.marathon.tasks('/sleep')[0]?.id ?? '');
  w.clock.advance(20_000);
  expect(w.marathon.tasks('/sleep').map(({ healthy }) => healthy)).toEqual([false, true]);
  w.marathon.scale('/sleep', 4);
  w.clock.advance(4000);
  expect(w.marathon.deployments()).toHaveLength(1);
  w.clock.advance(10_000);
  expect(w.marathon.deployments()).toEqual([]);
  expect(w.marathon.tasks('/sleep').map(({ healthy }) => healthy)).toEqual([false, true, true, true]);
});
