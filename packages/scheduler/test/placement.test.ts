/** From definition to running tasks: the post's apps, offers, ports, roles, constraints. */
import { PRIVATE_AGENT_PORTS, PUBLIC_AGENT_PORTS } from '@portolan/core';
import { describe, expect, test } from 'vitest';
import type { PortChoice } from '../src/marathon/matcher.ts';
import type { TaskStatus } from '../src/task/state.ts';
import { agent, example, HTTPI, SLEEP, world } from './world.ts';

describe('the post', () => {
  test('host mode: one task, one port of the agent ranges, shown with its service port', () => {
    const w = world(5, { defaultNetworkName: 'dcos' });
    w.marathon.add(example('httpi-1-host'));
    w.settle();
    const [task] = w.marathon.tasks('/httpi');
    const port = task?.ports[0] ?? 0;
    expect(PRIVATE_AGENT_PORTS.some((range) => range.begin <= port && port <= range.end)).toBe(true);
    expect(new Map(task?.info.env).get('PORT_HTTP')).toBe(String(port));
    expect([task?.servicePorts, task?.info.container?.network, task?.info.name]).toEqual([[10000], 'HOST', 'httpi']);
    expect(w.marathon.show('/httpi')).toMatchObject({
      id: '/httpi',
      networks: [{ mode: 'host' }],
      portDefinitions: [{ port: 10000, name: 'http', protocol: 'tcp', labels: {} }],
      deployments: [],
      tasksRunning: 1,
      tasks: [
        { appId: '/httpi', ports: [port], servicePorts: [10000], state: 'TASK_RUNNING', stagedAt: '2019-07-22T15:58:01.000Z' },
      ],
    });
  });

  test('bridge mode: five tasks, container port 0 is the host port, the VIP label reaches discovery', () => {
    const w = world(5);
    w.marathon.add(example('httpi-2-bridge-vip'));
    w.settle();
    expect(w.launched.length).toBe(5);
    for (const task of w.launched) {
      const [port] = task.ports;
      expect(task.container).toMatchObject({
        network: 'BRIDGE',
        portMappings: [{ containerPort: port, hostPort: port, protocol: 'tcp', slot: 0 }],
      });
      expect(task.discovery.ports).toEqual([
        {
          number: port,
          name: 'http',
          protocol: 'tcp',
          slot: 0,
          labels: [
            ['VIP_0', '/httpi:3141'],
            ['network-scope', 'host'],
          ],
        },
      ]);
      expect(task.container?.parameters).toEqual([{ key: 'label', value: `MESOS_TASK_ID=${task.taskId}` }]);
      expect(task.userPortMappings[0]?.field).toBe('container.portMappings(0)');
    }
    const ids = w.launched.map((task) => task.taskId);
    for (const id of ids)
      expect(id).toMatch(/^httpi\.instance-[0-9a-f]{8}-[0-9a-f]{4}-11e9-[89ab][0-9a-f]{3}-[0-9a-f]{12}\._app\.1$/);
    expect(new Set(ids.map((id) => id.slice(-18))).size, 'one node id').toBe(1);
  });

  test('container mode: no host ports, discovery names the network', () => {
    const w = world(2, { defaultNetworkName: 'dcos' });
    w.marathon.add(example('httpi-4-container-overlay'));
    w.settle();
    expect(w.launched[0]?.ports).toEqual([]);
    expect(w.launched[0]?.container).toMatchObject({ network: 'USER', networkName: 'dcos', portMappings: [] });
    expect(w.launched[0]?.discovery.ports[0]).toMatchObject({
      number: 3141,
      labels: [
        ['VIP_0', '/httpi:3141'],
        ['network-name', 'dcos'],
        ['network-scope', 'container'],
      ],
    });
  });

  test('the same ports on the same agents, injected', () => {
    const plan = new Map([
      ['172.16.0.2', [9896, 26186]],
      ['172.16.0.3', [8584]],
      ['172.16.0.4', [7143, 14666]],
    ]);
    const asked: PortChoice[] = [];
    const w = world(5, {
      placementOrder: (offers) => [...offers].sort((a, b) => (a.hostname < b.hostname ? -1 : 1)),
      portChooser: (request) => {
        asked.push(request);
        const next = plan.get(request.offer.hostname)?.shift();
        return next === undefined ? undefined : [next];
      },
    });
    w.marathon.add(HTTPI);
    w.settle();
    expect(w.marathon.tasks().map((task) => [task.host, task.ports[0]])).toEqual([
      ['172.16.0.2', 9896],
      ['172.16.0.2', 26186],
      ['172.16.0.3', 8584],
      ['172.16.0.4', 7143],
      ['172.16.0.4', 14666],
    ]);
    expect(new Set(asked.map((request) => request.count))).toEqual(new Set([1]));
    const outside = world(1, { portChooser: () => [40_000] });
    outside.marathon.add(HTTPI);
    outside.settle();
    expect(outside.launched).toEqual([]);
    expect(outside.marathon.queue()[0]?.reasons).toEqual([
      "InsufficientPorts: 1 of 1 agents' offers declined (wants 1 free host port)",
    ]);
  });
});

describe('placement', () => {
  test('an app without roles never lands on a public agent, one that accepts slave_public does', () => {
    const w = world([agent(0, { role: 'slave_public', ports: PUBLIC_AGENT_PORTS })]);
    w.marathon.add(SLEEP);
    w.marathon.add({
      ...SLEEP,
      id: 'lb',
      acceptedResourceRoles: ['slave_public'],
      requirePorts: true,
      portDefinitions: [{ port: 80 }],
    });
    w.settle();
    expect(w.launched.map((task) => [task.appId, task.ports])).toEqual([['/lb', [80]]]);
    expect(w.marathon.queue().map((item) => item.reasons)).toEqual([
      ["UnfulfilledRole: 1 of 1 agents' offers declined (accepts roles *)"],
    ]);
  });

  test('at most 100 instances take one offer; the launch list is newest first', () => {
    const w = world([agent(0, { cpus: 40, mem: 64_000 })]);
    const sizes: number[] = [];
    w.master.events.on('launch', (_agent, tasks) => sizes.push(tasks.length));
    w.marathon.add({ ...SLEEP, instances: 150 });
    w.settle();
    expect(sizes).toEqual([100, 50]);
    expect(w.clock.now).toBe(2200);
    const first = w.launched.slice(0, 100).map((task) => task.instanceId);
    expect(first).toEqual([...first].sort().reverse());
  });

  test('apps share an offer round robin', () => {
    const w = world([agent(0, { cpus: 1 })]);
    w.marathon.add({ ...SLEEP, id: 'a', instances: 20 });
    w.marathon.add({ ...SLEEP, id: 'b', instances: 20 });
    w.settle();
    expect([w.marathon.tasks('a').length, w.marathon.tasks('b').length]).toEqual([5, 5]);
  });

  test('an app too large waits with its reasons, and starts when an agent comes that can take it', () => {
    const w = world([agent(0), agent(1, { role: 'slave_public' })]);
    w.marathon.add({ ...SLEEP, cpus: 100, instances: 2 });
    w.settle();
    expect(w.clock.busy).toBe(false);
    const [item] = w.marathon.queue();
    expect([item?.count, item?.delay]).toEqual([2, { timeLeftSeconds: 0, overdue: true }]);
    expect(item?.reasons).toEqual([
      "UnfulfilledRole: 1 of 2 agents' offers declined (accepts roles *)",
      "InsufficientCpus: 1 of 2 agents' offers declined (wants 100 cpus)",
    ]);
    expect(item?.processedOffersSummary.rejectSummaryLaunchAttempt[4]).toEqual({
      reason: 'InsufficientCpus',
      declined: 1,
      processed: 1,
    });
    w.master.addAgent(agent(2, { cpus: 150 }));
    w.settle();
    expect([w.launched.length, w.marathon.queue()[0]?.count]).toEqual([1, 1]);
    w.marathon.scale('sleep', 1, { force: true });
    w.settle();
    expect([w.marathon.queue(), w.marathon.deployments()]).toEqual([[], []]);
  });

  test('a fixed port is taken once on each agent, and freed for the next', () => {
    const w = world(2);
    w.marathon.add({ ...SLEEP, instances: 3, requirePorts: true, portDefinitions: [{ port: 8000 }] });
    w.settle();
    expect(new Set(w.marathon.tasks().map((task) => task.host)).size).toBe(2);
    expect(w.marathon.queue()[0]?.reasons).toEqual([
      "InsufficientPorts: 2 of 2 agents' offers declined (wants host ports [8000-8000])",
    ]);
    w.marathon.killTask(w.launched[0]?.taskId ?? '');
    w.settle();
    expect(w.marathon.tasks().length).toBe(2);
    expect(w.launched.length).toBe(3);
  });

  test('one host port in two mappings is refused by the master, again and again', () => {
    const w = world(1);
    const portMappings = [
      { containerPort: 1, hostPort: 9000 },
      { containerPort: 2, hostPort: 9000, protocol: 'udp' },
    ];
    const container = { type: 'DOCKER', docker: { image: 'i' }, portMappings };
    const errors: TaskStatus[] = [];
    w.master.events.on('status', (status) => errors.push(status));
    w.marathon.add({ id: 'twice', networks: [{ mode: 'container/bridge' }], container });
    w.settle();
    expect(errors[0]).toMatchObject({
      state: 'TASK_ERROR',
      message: 'Task uses invalid resources: Invalid ranges resource: overlapping ranges',
    });
    expect(errors.length).toBeGreaterThan(10);
    expect([w.launched, w.clock.busy]).toEqual([[], false]);
    expect(w.master.resources(agent(0).id).used.cpus).toBe(0);
  });

  test('a free port is never one that another slot of the app has fixed', () => {
    const container = { type: 'DOCKER', docker: { image: 'i' }, portMappings: [{ hostPort: 0 }, { hostPort: 7 }] };
    for (let seed = 0; seed < 10; seed++) {
      const w = world([agent(0, { ports: [{ begin: 7, end: 8 }] })], { seed });
      w.marathon.add({ id: 'two', networks: [{ mode: 'container/bridge' }], container });
      w.settle();
      expect(w.launched.map((task) => task.ports)).toEqual([[8, 7]]);
      expect(w.clock.now, 'at the first attempt').toBe(1200);
    }
  });

  test('what is left of an agent is offered again, also if it was declined before', () => {
    const w = world([agent(0, { cpus: 40, mem: 64_000 })]);
    w.marathon.add({ ...SLEEP, id: 'big', cpus: 100 });
    w.settle();
    w.marathon.add({ ...SLEEP, instances: 150 });
    w.settle();
    expect(w.launched.length).toBe(150);
  });

  test('what becomes free in the middle of a round is offered in the next', () => {
    for (let seed = 0; seed < 20; seed++) {
      const full = { cmd: 'sleep', cpus: 1, mem: 32, constraints: [['hostname', 'IS', '172.16.0.0']] };
      let first = '';
      const w = world([agent(0, { cpus: 1 }), agent(1, { cpus: 1 })], {
        seed,
        behaviour: (task) => {
          if (task.appId === '/trigger') w.master.statusUpdate({ taskId: first, state: 'TASK_FINISHED' });
          return { state: 'TASK_RUNNING', delay: 0 };
        },
      });
      w.marathon.add({ ...full, id: 'first', backoffSeconds: 3600, maxLaunchDelaySeconds: 3600 });
      w.settle();
      first = w.launched[0]?.taskId ?? '';
      w.marathon.add({ ...full, id: 'second' });
      w.settle();
      expect(w.marathon.tasks('second')).toEqual([]);
      w.marathon.add({ ...SLEEP, id: 'trigger' });
      w.settle();
      expect(w.marathon.tasks('second').length, `seed ${seed}`).toBe(1);
    }
  });

  test('a place that a lost instance leaves counts for the constraints of one that waits', () => {
    const w = world([0, 1].map((i) => agent(i, { attributes: [['rack', 'a']] })));
    w.marathon.add({ ...SLEEP, instances: 2, constraints: [['rack', 'UNIQUE']], unreachableStrategy: 'disabled' });
    w.settle();
    expect([w.launched.length, w.marathon.queue()[0]?.count]).toEqual([1, 1]);
    w.master.removeAgent(w.launched[0]?.agentId ?? '');
    w.settle();
    expect(w.marathon.tasks().map((task) => task.state)).toEqual(['TASK_UNREACHABLE', 'TASK_RUNNING']);
  });

  test('constraints', () => {
    const agents = [0, 1, 2, 3].map((i) => agent(i, { attributes: [['rack', i < 3 ? 'a' : 'b']] }));
    const hosts = (constraint: readonly string[], instances = 6): number[] => {
      const w = world(agents);
      w.marathon.add({ ...SLEEP, instances, constraints: [constraint] });
      w.settle();
      const counts = new Map<string, number>();
      for (const task of w.marathon.tasks()) counts.set(task.host, (counts.get(task.host) ?? 0) + 1);
      return [...counts.values()].sort();
    };
    expect(hosts(['hostname', 'UNIQUE'])).toEqual([1, 1, 1, 1]);
    expect(hosts(['hostname', 'MAX_PER', '2'])).toEqual([2, 2, 2]);
    expect(hosts(['rack', 'UNIQUE'])).toEqual([1, 1]);
    expect(hosts(['rack', 'IS', 'b'])).toEqual([6]);
    expect(hosts(['hostname', 'CLUSTER', '172.16.0.2'])).toEqual([6]);
    expect(hosts(['zone', 'CLUSTER'])).toEqual([]);
  });
});

test('an instance with a persistent volume is launched again on the agent that has it, and waits for that agent', () => {
  const w = world(4);
  const volume = { containerPath: 'data', mode: 'RW', persistent: { size: 100 } };
  w.marathon.add({ ...SLEEP, id: '/db', container: { type: 'MESOS', volumes: [volume] } });
  w.settle();
  const home = w.launched[0]?.agentId ?? '';
  for (let i = 0; i < 5; i++) {
    w.marathon.killTask(w.marathon.tasks('/db')[0]?.id ?? '');
    w.settle();
  }
  expect(w.launched.map(({ agentId }) => agentId)).toEqual([home, home, home, home, home, home]);
  w.master.drainAgent(home);
  w.settle();
  const { reason, why } = w.marathon.explain('/db').agents[0] ?? {};
  expect([reason, why]).toEqual([
    'NoCorrespondingReservationFound',
    expect.stringMatching(/^a reservation with the persistent volumes wanted; agent S\d has none$/),
  ]);
  expect(w.marathon.queue()[0]?.reasons[0]).toMatch(/^NoCorrespondingReservationFound: 3 of 3/);
  w.master.reactivateAgent(home);
  w.settle();
  expect(w.launched.at(-1)?.agentId).toBe(home);
});
