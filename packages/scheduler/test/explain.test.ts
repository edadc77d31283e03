/** Why an app runs where it does or does not run at all, and what is said before it hangs. */
import { expect, test } from 'vitest';
import { agent, HTTPI, SLEEP, world } from './world.ts';

const PORTS = [
  { begin: 1025, end: 2180 },
  { begin: 2182, end: 3887 },
];

test('a fixed host port that no agent has: every agent says so with its ranges, and it is found at once', () => {
  const w = world([agent(1, { ports: PORTS }), agent(2, { ports: PORTS })]);
  w.marathon.add({ ...SLEEP, requirePorts: true, portDefinitions: [{ port: 8080 }] });
  w.settle();
  const { agents, problems, instances } = w.marathon.explain('/sleep');
  expect(agents.map(({ why }) => why)).toEqual([
    'port 8080 wanted; agent S1 offers 1025-2180, 2182-3887',
    'port 8080 wanted; agent S2 offers 1025-2180, 2182-3887',
  ]);
  expect(agents.map(({ reason }) => reason)).toEqual(['InsufficientPorts', 'InsufficientPorts']);
  expect(problems[0]).toMatch(/^host port 8080 \(portDefinitions\(0\)\) is in no agent's ranges \(\[1025-2180, 2182-3887\]\)/);
  expect(instances.map(({ why }) => why)).toEqual(['no agent can take it']);
});

test('requirePorts with port 0 asks for the assigned service port', () => {
  const w = world([agent(1, { ports: PORTS })]);
  w.marathon.add({ ...SLEEP, requirePorts: true, portDefinitions: [{ port: 0 }] });
  expect(w.marathon.explain('/sleep').problems.join()).toMatch(/host port 10000 .* the service port, which is assigned/);
  const fine = world(1);
  fine.marathon.add({ ...SLEEP, requirePorts: true, portDefinitions: [{ port: 0 }] });
  fine.settle();
  expect(fine.launched.map(({ ports }) => ports)).toEqual([[10_000]]);
  expect(fine.marathon.explain('/sleep').problems.join()).not.toMatch(/no agent's ranges/);
});

test('the first reason against each agent, with numbers', () => {
  const w = world([
    agent(1, { cpus: 0.5 }),
    agent(2, { mem: 64 }),
    agent(3, { role: 'slave_public' }),
    agent(4, { attributes: [['rack', 'b']] }),
    agent(5, { region: 'far', attributes: [['rack', 'a']] }),
    agent(6, { gpus: 2, attributes: [['rack', 'a']] }),
  ]);
  w.marathon.add({ ...SLEEP, cpus: 1, mem: 128, constraints: [['rack', 'CLUSTER', 'a']] });
  w.settle();
  const { agents } = w.marathon.explain('/sleep');
  const said = new Map(agents.map(({ agentId, why }) => [agentId.split('-').at(-1), why]));
  expect(said.get('S3')).toBe('resources of role * wanted; agent S3 offers those of slave_public');
  expect(said.get('S4')).toBe('rack CLUSTER a wanted; agent S4 has rack b');
  expect(said.get('S5')).toBe('agent S5 is in the region far, Marathon in none, and no constraint is on @region or @zone');
  expect(said.get('S6')).toBe('no gpus wanted; agent S6 has 2 and is kept for apps that want some');
  const free = world([agent(1, { cpus: 0.5 }), agent(2, { mem: 64 })]);
  free.marathon.add({ ...SLEEP, cpus: 1, mem: 128 });
  free.settle();
  expect(free.marathon.explain('/sleep').agents.map(({ why }) => why)).toEqual([
    '1 cpus wanted; agent S1 offers 0.5',
    '128 MiB of memory wanted; agent S2 offers 64',
  ]);
});

test('an upgrade that cannot begin is told before it is tried, and while it hangs', () => {
  const w = world(1);
  const fixed = {
    ...HTTPI,
    instances: 1,
    container: { ...HTTPI.container, portMappings: [{ hostPort: 8082, containerPort: 80 }] },
  };
  w.marathon.add(fixed);
  w.settle();
  expect(w.marathon.explain('/httpi').problems.join()).toMatch(
    /^an upgrade would hang: 1 old instance stays .* host port 8082 is free on none of 1/,
  );
  w.marathon.update('/httpi', { cpus: 0.2 });
  w.settle();
  expect(w.marathon.deployments()).toHaveLength(1);
  expect(w.marathon.explain('/httpi').problems.join()).toMatch(/^the upgrade hangs: /);
  w.master.addAgent(agent(9));
  w.settle();
  expect(w.marathon.deployments()).toEqual([]);
  w.marathon.update('/httpi', { upgradeStrategy: { minimumHealthCapacity: 0 } });
  w.settle();
  expect(w.marathon.deployments()).toEqual([]);
  expect(w.marathon.explain('/httpi').problems).toEqual([]);
});

test('more instances than constraints or room allow', () => {
  const w = world(2);
  w.marathon.add({ ...SLEEP, instances: 3, constraints: [['hostname', 'UNIQUE']] });
  w.settle();
  expect(w.marathon.explain('/sleep').problems).toEqual(['3 instances wanted; hostname UNIQUE and 2 usable agents allow 2']);
  w.marathon.add({ ...SLEEP, id: '/big', cpus: 3, instances: 5 });
  expect(w.marathon.explain('/big').problems).toEqual(['5 instances wanted; empty agents would have room for 2']);
});

test('a port that another app has, and a constraint that no agent obeys', () => {
  const w = world(2);
  w.marathon.add({ ...SLEEP, id: '/a', instances: 2, requirePorts: true, portDefinitions: [{ port: 9000 }] });
  w.marathon.add({ ...SLEEP, id: '/b', requirePorts: true, portDefinitions: [{ port: 9000 }] });
  w.marathon.add({ ...SLEEP, id: '/c', constraints: [['rack', 'CLUSTER', 'a']] });
  w.settle();
  const [first] = w.marathon.explain('/b').agents;
  expect(first?.why).toMatch(/^port 9000 wanted; agent S0 offers .* 8182-8999, 9001-32000, and \/a has 9000$/);
  expect(w.marathon.explain('/c').problems).toEqual(['rack CLUSTER a is obeyed by none of 2 usable agents']);
});

test('an app larger than every agent, and one that waits for another', () => {
  const w = world(2);
  w.marathon.updateGroup({
    id: '/g',
    apps: [
      { ...SLEEP, id: 'x', cpus: 64 },
      { ...SLEEP, id: 'y', dependencies: ['x'] },
    ],
  });
  w.settle();
  expect(w.marathon.explain('/g/x').problems).toEqual([
    '1 instance wanted; empty agents would have room for 0: 64 cpus wanted, and the largest has 4',
  ]);
  expect(w.marathon.explain('/g/y').text).toBe('waits for /g/x');
});

test('an upgrade whose new instances fail their checks', () => {
  let healthy = true;
  const w = world(2, { probe: () => healthy });
  const check = { protocol: 'HTTP', portIndex: 0, intervalSeconds: 5, gracePeriodSeconds: 5, maxConsecutiveFailures: 0 };
  w.marathon.add({ ...SLEEP, portDefinitions: [{ port: 0 }], healthChecks: [check] });
  w.settle();
  healthy = false;
  w.marathon.update('/sleep', { mem: 64 });
  w.clock.advance(60_000);
  expect(w.marathon.explain('/sleep').problems).toEqual([
    'the upgrade waits: health checks fail for 1 new instance; 1 old instance left to be replaced',
  ]);
});

test('a restart of 1.8 has its old instances bear on constraints: no room for a new one where an upgrade has some', () => {
  for (const version of ['1.8', '1.11'] as const) {
    const w = world(2, { version });
    w.marathon.add({ ...SLEEP, instances: 2, constraints: [['hostname', 'UNIQUE']] });
    w.settle();
    const { problems } = w.marathon.explain('/sleep');
    w.marathon.restart('/sleep');
    w.settle();
    const hangs = w.marathon.deployments().length > 0;
    expect([version, hangs, problems.length]).toEqual([version, version === '1.8', version === '1.8' ? 1 : 0]);
    w.marathon.update('/sleep', { mem: 64 }, { force: true });
    w.settle();
    expect(w.marathon.deployments()).toEqual([]);
  }
});

test('a placed instance tells its agent, its ports and whether they were drawn', () => {
  const w = world(1);
  w.marathon.add({ ...HTTPI, instances: 1 });
  w.settle();
  const [task] = w.launched;
  const [one] = w.marathon.explain('/httpi').instances;
  expect(one?.why).toBe(
    `on agent S0 (172.16.0.0); ports ${task?.ports[0]} (container.portMappings(0): drawn from the agent's free ports)`,
  );
});
