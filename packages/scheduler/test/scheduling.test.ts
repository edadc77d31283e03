/** Tokens, roles, fault domains, maintenance, lost agents, groups, health: what decides when and where, over time. */
import { expect, test } from 'vitest';
import type { HealthProbe } from '../src/health/monitor.ts';
import { answerApi } from '../src/marathon/api.ts';
import { agent, refusalOf, SLEEP, world } from './world.ts';

test('at most 100 tasks are launched in 30 s, and one more for each that comes up', () => {
  const w = world(10, { behaviour: () => ({ state: 'TASK_STAGING', delay: 10 }) });
  w.marathon.add({ ...SLEEP, instances: 250, cpus: 0.01 });
  w.clock.advance(29_999);
  expect(w.launched.length).toBe(100);
  w.clock.advance(2_000);
  expect(w.launched.length).toBe(200);
  for (const task of w.launched.slice(0, 7)) w.master.statusUpdate({ taskId: task.taskId, state: 'TASK_RUNNING' });
  w.clock.advance(2_000);
  expect(w.launched.length).toBe(207);
});

test('a task may take resources of two roles; each goes back where it came from', () => {
  const ports = [{ begin: 31_000, end: 31_000 }];
  const reserved = [{ role: 'slave_public', cpus: 1, mem: 512, disk: 0, ports: [{ begin: 5000, end: 5001 }] }];
  const w = world([agent(1, { cpus: 1, mem: 64, ports, reserved })]);
  w.marathon.add({
    ...SLEEP,
    cpus: 1.5,
    mem: 128,
    acceptedResourceRoles: ['*', 'slave_public'],
    portDefinitions: [{ port: 0 }, { port: 0 }, { port: 0 }],
  });
  w.settle();
  const [task] = w.launched;
  expect([...(task?.ports ?? [])].sort((a, b) => a - b)).toEqual([5000, 5001, 31_000]);
  expect(task?.allocations?.map(({ role, cpus, mem }) => [role, cpus, mem])).toEqual([
    ['*', 1, 64],
    ['slave_public', 0.5, 64],
  ]);
  expect(w.master.resources(agent(1).id).free).toEqual({ cpus: 0.5, mem: 448, disk: 1000 });
  w.marathon.remove('/sleep');
  w.settle();
  const { free, freePorts } = w.master.resources(agent(1).id);
  expect([free, freePorts]).toEqual([{ cpus: 2, mem: 576, disk: 1000 }, [...(reserved[0]?.ports ?? []), ...ports]]);
});

test('another region is out of reach, unless a constraint knows of regions', () => {
  const w = world([agent(1, { region: 'far', zone: 'far-a' }), agent(2, { region: 'near', zone: 'near-a' })], {
    site: { region: 'near' },
  });
  w.marathon.add({ ...SLEEP, instances: 4 });
  w.marathon.add({ ...SLEEP, id: '/far', constraints: [['@region', 'IS', 'far']] });
  w.settle();
  expect(new Set(w.marathon.tasks('/sleep').map(({ host }) => host))).toEqual(new Set(['172.16.0.2']));
  expect(w.marathon.tasks('/far').map(({ host }) => host)).toEqual(['172.16.0.1']);
});

test.each(['1.8', '1.11'] as const)('GROUP_BY of %s spreads five instances over two racks', (version) => {
  const racks = [1, 2, 3, 4, 5, 6].map((i) => agent(i, { attributes: [['rack', i % 2 === 0 ? 'a' : 'b']] }));
  const w = world(racks, { version });
  w.marathon.add({ ...SLEEP, instances: 5, constraints: [['rack', 'GROUP_BY', '2']] });
  w.settle();
  const sizes = new Map<string, number>();
  for (const { slaveId } of w.marathon.tasks('/sleep')) {
    const rack = w.master.agent(slaveId).attributes[0]?.[1] ?? '';
    sizes.set(rack, (sizes.get(rack) ?? 0) + 1);
  }
  expect([...sizes.values()].sort()).toEqual([2, 3]);
  w.marathon.scale('/sleep', 2);
  w.settle();
  expect(new Set(w.marathon.tasks('/sleep').map(({ slaveId }) => w.master.agent(slaveId).attributes[0]?.[1])).size).toBe(2);
});

test('LIKE and UNLIKE match whole values; an agent without the attribute is UNLIKE anything', () => {
  const w = world([agent(1, { attributes: [['disk', 'ssd-2']] }), agent(2, { attributes: [['disk', 'hdd']] }), agent(3)]);
  w.marathon.add({ ...SLEEP, instances: 2, constraints: [['disk', 'LIKE', 'ssd.*']] });
  w.marathon.add({ ...SLEEP, id: '/un', instances: 6, constraints: [['disk', 'UNLIKE', 's.*|hd']] });
  w.settle();
  expect(new Set(w.marathon.tasks('/sleep').map(({ host }) => host))).toEqual(new Set(['172.16.0.1']));
  const hosts = new Set(w.marathon.tasks('/un').map(({ host }) => host));
  expect(hosts.has('172.16.0.1')).toBe(false);
  expect(hosts.size).toBeGreaterThan(0);
});

test('maintenance keeps new instances away; draining moves those that are there', () => {
  const w = world(2);
  const [first, second] = [agent(0).id, agent(1).id];
  w.master.setUnavailability(first, { start: 0 });
  w.marathon.add({ ...SLEEP, instances: 3 });
  w.settle();
  expect(new Set(w.marathon.tasks().map(({ slaveId }) => slaveId))).toEqual(new Set([second]));
  w.master.setUnavailability(first, undefined);
  w.master.drainAgent(second);
  w.settle();
  expect(w.marathon.tasks().map(({ slaveId }) => slaveId)).toEqual([first, first, first]);
});

test('an agent that returns brings its tasks back, and those that were replaced are killed', () => {
  const strategy = { unreachableStrategy: { inactiveAfterSeconds: 60, expungeAfterSeconds: 120 } };
  const w = world(2);
  w.marathon.add({ ...SLEEP, instances: 2, constraints: [['hostname', 'UNIQUE']], ...strategy });
  w.settle();
  const [lost] = w.marathon.tasks();
  w.master.markAgentUnreachable(lost?.slaveId ?? '');
  expect(w.marathon.tasks().find(({ id }) => id === lost?.id)?.condition).toBe('Unreachable');
  w.clock.advance(30_000);
  w.master.returnAgent(lost?.slaveId ?? '');
  expect(w.marathon.tasks().find(({ id }) => id === lost?.id)?.condition).toBe('Running');
  expect(w.marathon.tasks()).toHaveLength(2);
  w.master.markAgentUnreachable(lost?.slaveId ?? '');
  // Nobody looks before the next reconciliation.
  w.clock.advance(620_000 - w.clock.now);
  w.master.returnAgent(lost?.slaveId ?? '');
  w.settle();
  expect(w.killed).toEqual([lost?.id]);
  expect(w.marathon.tasks()).toHaveLength(2);
  expect([...w.master.tasks()]).toHaveLength(2);
});

test('a group comes up in the order of its dependencies, under one deployment', () => {
  const w = world(3);
  const started: string[] = [];
  w.marathon.events.on('instance-changed', ({ appId, condition }) => {
    if (condition === 'Provisioned') started.push(appId);
  });
  const id = w.marathon.updateGroup({
    id: '/shop',
    groups: [
      { id: 'web', dependencies: ['/shop/db'], apps: [{ ...SLEEP, id: 'front', dependencies: ['../api/server'] }] },
      { id: 'api', apps: [{ ...SLEEP, id: 'server', dependencies: ['../db'] }] },
      { id: 'db', apps: [{ ...SLEEP, id: 'store' }] },
    ],
  });
  expect(w.marathon.deployments().map((one) => one.id)).toEqual([id, id, id]);
  w.clock.advance(1100);
  expect(w.marathon.explain('/shop/web/front').instances.map(({ why }) => why)).toEqual([]);
  w.settle();
  expect(started).toEqual(['/shop/db/store', '/shop/api/server', '/shop/web/front']);
  expect(w.marathon.deployments()).toEqual([]);
  const cyclic = {
    id: '/shop',
    groups: [
      {
        id: 'a',
        apps: [
          { ...SLEEP, id: 'x', dependencies: ['y'] },
          { ...SLEEP, id: 'y', dependencies: ['x'] },
        ],
      },
    ],
  };
  expect(refusalOf(() => w.marathon.updateGroup(cyclic))).toBe('invalid-app');
  expect(w.marathon.apps()).toHaveLength(3);
  w.marathon.updateGroup({ id: '/shop', groups: [{ id: 'db', apps: [{ ...SLEEP, id: 'store' }] }] });
  w.settle();
  expect(w.marathon.apps().map((app) => app.id)).toEqual(['/shop/db/store']);
});

test('restart, rollback, and a cancelled deployment', () => {
  const w = world(3);
  const first = w.marathon.add({ ...SLEEP, instances: 2 });
  w.settle();
  const before = w.marathon.tasks().map(({ id }) => id);
  w.marathon.restart('/sleep');
  expect(refusalOf(() => w.marathon.restart('/sleep'))).toBe('app-locked');
  w.settle();
  expect(w.marathon.tasks().filter(({ id }) => before.includes(id))).toEqual([]);
  w.marathon.update('/sleep', { cpus: 0.3 });
  w.settle();
  w.marathon.rollback('/sleep', first.version);
  w.settle();
  expect(w.marathon.tasks().map(({ info }) => info.cpus)).toEqual([0.1, 0.1]);
  w.marathon.update('/sleep', { cpus: 0.7 });
  w.clock.advance(100);
  w.marathon.cancelDeployment(w.marathon.deploymentOf('/sleep') ?? '');
  w.settle();
  expect(w.marathon.tasks().map(({ info }) => info.cpus)).toEqual([0.1, 0.1]);
  expect(w.marathon.deployments()).toEqual([]);
});

test("Marathon's own check kills on the failure after maxConsecutiveFailures, one on the agent on the last of them", () => {
  const killedAfter = (protocol: string): number => {
    let failures = 0;
    const w = world(1, {
      probe: () => {
        failures++;
        return false;
      },
    });
    const check = { protocol, portIndex: 0, gracePeriodSeconds: 0, intervalSeconds: 10, maxConsecutiveFailures: 3 };
    w.marathon.add({ ...SLEEP, healthChecks: [check] });
    while (w.killed.length === 0) w.clock.step();
    return failures;
  };
  expect(killedAfter('HTTP')).toBe(4);
  expect(killedAfter('MESOS_HTTP')).toBe(3);
});

test('a restart waits for health, and goes no further than it may', () => {
  let healthy = true;
  const asked: HealthProbe[] = [];
  const w = world(3, {
    probe: (probe) => {
      asked.push(probe);
      return healthy;
    },
  });
  const healthChecks = [{ protocol: 'HTTP', path: '/up', portIndex: 0, intervalSeconds: 10, gracePeriodSeconds: 3600 }];
  w.marathon.add({ ...SLEEP, instances: 2, healthChecks, portDefinitions: [{ port: 0, name: 'http' }] });
  w.settle();
  expect(w.marathon.deployments()).toEqual([]);
  const [task] = w.marathon.tasks();
  expect(asked[0]).toMatchObject({ protocol: 'HTTP', path: '/up', from: 'marathon' });
  expect(w.launched.map(({ ports }) => ports[0])).toContain(asked[0]?.port);
  expect(task?.healthy).toBe(true);
  healthy = false;
  w.marathon.update('/sleep', { cpus: 0.2, upgradeStrategy: { minimumHealthCapacity: 1, maximumOverCapacity: 0.5 } });
  w.clock.advance(120_000);
  expect(w.marathon.tasks().filter(({ info }) => info.cpus === 0.1)).toHaveLength(2);
  expect(w.marathon.tasks()).toHaveLength(3);
  healthy = true;
  w.settle();
  expect(w.marathon.deployments()).toEqual([]);
  expect(w.marathon.tasks().map(({ info }) => info.cpus)).toEqual([0.2, 0.2]);
});

test('the API answers with status and body', () => {
  const w = world(1);
  const ask = (method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown) =>
    answerApi(w.marathon, { method, path, body });
  expect(ask('POST', '/v2/apps', '{').status).toBe(400);
  expect(ask('POST', '/v2/apps', { ...SLEEP, cpus: -1 })).toMatchObject({
    status: 422,
    body: { message: 'Invalid JSON', details: [{ path: '/cpus', errors: ['error.min'] }] },
  });
  expect(ask('POST', '/v2/apps', SLEEP).status).toBe(201);
  expect(ask('POST', '/v2/apps', SLEEP)).toMatchObject({
    status: 409,
    body: { message: 'An app with id [/sleep] already exists.' },
  });
  expect(ask('PUT', '/v2/apps//sleep', { instances: 2 })).toMatchObject({ status: 409, body: { deployments: [{}] } });
  w.settle();
  expect(ask('PUT', '/v2/apps//sleep', { instances: 2 }).headers.has('Marathon-Deployment-Id')).toBe(true);
  w.settle();
  expect(ask('GET', '/v2/apps//sleep')).toMatchObject({ status: 200, body: { app: { id: '/sleep', tasksRunning: 2 } } });
  expect(ask('DELETE', '/v2/apps//sleep/tasks?scale=true&wipe=true').status).toBe(400);
  expect(ask('GET', '/v2/apps//none')).toMatchObject({ status: 404, body: { message: "App '/none' does not exist" } });
  expect(ask('DELETE', '/v2/apps//sleep').status).toBe(200);
  w.settle();
  expect(w.marathon.tasks()).toEqual([]);
  w.marathon.add({ ...SLEEP, cpus: 64 });
  w.settle();
  expect(ask('GET', '/v2/queue?embed=lastUnusedOffers').body).toMatchObject({
    queue: [{ count: 1, processedOffersSummary: { unusedOffersCount: 1 }, lastUnusedOffers: [{ reason: ['InsufficientCpus'] }] }],
  });
});
