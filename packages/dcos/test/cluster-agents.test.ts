/** Agents that come and go, and tasks that meet them at awkward moments. */
import { formatCidr, parseIpv4 } from '@portolan/core';
import { expect, test } from 'vitest';
import { DcosCluster } from '../src/index.ts';

function app(id: string, more: object = {}): Record<string, unknown> {
  return {
    id,
    instances: 1,
    cpus: 0.1,
    mem: 32,
    networks: [{ mode: 'container/bridge' }],
    container: { type: 'DOCKER', docker: { image: 'dcoslabs/httpi' }, portMappings: [{ containerPort: 0, name: 'http' }] },
    ...more,
  };
}

function running(cluster: DcosCluster): number {
  return [...cluster.core.machines].flatMap(({ config }) => config.docker.containers.filter(({ state }) => state === 'running'))
    .length;
}

test('a task killed at any moment of its start leaves no container: its successor alone runs', () => {
  // A start takes a second: staging, starting, then the container.
  for (let moment = 0; moment <= 2400; moment += 50) {
    const cluster = DcosCluster.create({ seed: 1, agents: 1, publicAgents: 0, ports: [{ begin: 1025, end: 1025 }] });
    cluster.marathon.add(app('/a'));
    cluster.advance(moment);
    const [first] = cluster.marathon.tasks();
    if (first === undefined) continue;
    cluster.marathon.killTask(first.id);
    expect(cluster.settle()).toBe(true);
    const [task, ...more] = cluster.marathon.tasks();
    expect([task?.id === first.id, task?.state, more.length, running(cluster)]).toEqual([false, 'TASK_RUNNING', 0, 1]);
  }
});

test('an app removed while it starts leaves nothing', () => {
  for (const moment of [0, 500, 1000, 1100, 1500, 2000]) {
    const cluster = DcosCluster.create({ seed: 1, agents: 2, publicAgents: 0 });
    cluster.marathon.add(app('/a', { instances: 5 }));
    cluster.advance(moment);
    cluster.marathon.remove('/a', { force: true });
    expect(cluster.settle()).toBe(true);
    expect([cluster.marathon.tasks().length, running(cluster)]).toEqual([0, 0]);
  }
});

test('an agent that is lost takes its tasks with it; they are started elsewhere, and its VIP servers go', () => {
  const cluster = DcosCluster.create({ seed: 1, agents: 2, publicAgents: 0 });
  const labels = { VIP_0: '/a:80' };
  const container = {
    type: 'DOCKER',
    docker: { image: 'dcoslabs/httpi' },
    portMappings: [{ containerPort: 0, name: 'http', labels }],
  };
  cluster.marathon.add(app('/a', { instances: 4, container }));
  cluster.settle();
  const [victim] = cluster.marathon.tasks();
  const lost = cluster.agent(victim?.slaveId ?? '');
  cluster.loseAgent(victim?.slaveId ?? '');
  expect(() => cluster.agent(victim?.slaveId ?? '')).toThrowError(/there is no agent/);
  expect(cluster.settle()).toBe(true);
  const hosts = new Set(cluster.marathon.tasks().map(({ host, state }) => `${host} ${state}`));
  const [survivor] = cluster.agents();
  expect([...hosts]).toEqual([`${survivor?.node.name.slice(3).replaceAll('-', '.')} TASK_RUNNING`]);
  const servers = [...cluster.snapshot().vips.values()].flat();
  expect(servers.length).toBe(4);
  expect(servers.some((server) => server.startsWith(lost.name.slice(3).replaceAll('-', '.')))).toBe(false);
  expect(cluster.master().http('http://a.marathon.l4lb.thisdcos.directory:80').status).toBe(200);
});

test('an agent that comes back has its part of the overlay again; a new one gets the next; a refused one takes nothing', () => {
  const cluster = DcosCluster.create({ seed: 1, agents: 2, publicAgents: 0 });
  const part = (address: string): string | undefined => {
    const record = cluster.overlay.records().find(({ agent }) => agent === parseIpv4(address));
    return record === undefined ? undefined : formatCidr(record.subnet);
  };
  expect([part('172.16.0.11'), part('172.16.0.12'), part('172.16.0.13')]).toEqual(['9.0.0.0/24', '9.0.1.0/24', '9.0.2.0/24']);
  cluster.loseAgent('S0');
  expect(() => cluster.addAgent(parseIpv4('172.16.0.13'))).toThrowError('172.16.0.13 is in use');
  expect(() => cluster.addAgent(parseIpv4('172.16.0.11'))).toThrowError('172.16.0.11 is in use');
  expect(() => cluster.addAgent(parseIpv4('172.16.0.1'))).toThrowError('172.16.0.1 is in use');
  expect(cluster.addAgent(parseIpv4('172.16.0.50'))).toMatch(/-S2$/);
  expect(cluster.addAgent(parseIpv4('172.16.0.12'))).toMatch(/-S3$/);
  expect(cluster.settle()).toBe(true);
  expect([part('172.16.0.12'), part('172.16.0.50')]).toEqual(['9.0.1.0/24', '9.0.3.0/24']);
  cluster.marathon.add(app('/a', { instances: 6, networks: [{ mode: 'container', name: 'dcos' }] }));
  expect(cluster.settle()).toBe(true);
  for (const { node } of cluster.agents())
    for (const { endpoint } of node.machine.config.docker.containers) {
      const [, third] = [(endpoint?.address ?? 0) >>> 24, ((endpoint?.address ?? 0) >>> 8) & 255];
      expect(`9.0.${third}.0/24`).toBe(part(node.name.slice(3).replaceAll('-', '.')));
    }
});

test('an agent that comes back at once has none of the VIP servers that died with it', () => {
  const cluster = DcosCluster.create({ seed: 1, agents: 2, publicAgents: 0 });
  const portDefinitions = [{ port: 0, name: 'http', labels: { VIP_0: '/a:80' } }];
  const container = { type: 'DOCKER', docker: { image: 'dcoslabs/httpi' } };
  cluster.marathon.add(app('/a', { networks: [{ mode: 'host' }], portDefinitions, container }));
  cluster.settle();
  const [task] = cluster.marathon.tasks();
  const { address } = cluster.agent(task?.slaveId ?? '');
  cluster.loseAgent(task?.slaveId ?? '');
  cluster.addAgent(address);
  expect(cluster.settle()).toBe(true);
  const [again] = cluster.marathon.tasks();
  expect([...cluster.snapshot().vips.values()]).toEqual([[`${again?.host}:${again?.ports[0]}`]]);
});

test('time: settle stands at the last event, advance at the end of the span, step runs one event', () => {
  const cluster = DcosCluster.create({ seed: 1, agents: 1 });
  cluster.settle();
  const start = cluster.clock.now;
  cluster.advance('15s');
  cluster.advance(500);
  expect(cluster.clock.now).toBe(start + 15_500);
  cluster.marathon.add(app('/a'));
  let steps = 0;
  while (cluster.clock.busy && cluster.step()) steps++;
  expect(steps).toBeGreaterThan(3);
  expect(cluster.marathon.tasks()[0]?.state).toBe('TASK_RUNNING');
});

test('what a deployment changed: links, rules and servers, each rule with the field that caused it; going back shows the opposite', () => {
  const cluster = DcosCluster.create({ seed: 1, agents: 1, publicAgents: 0 });
  cluster.settle();
  const before = cluster.snapshot();
  cluster.marathon.add(app('/a'));
  cluster.settle();
  const { changes } = cluster.diff(before);
  const kinds = changes.map(({ kind, what }) => `${kind} ${what.split(' ')[0]}`);
  expect(kinds.filter((kind) => kind.startsWith('removed'))).toEqual([]);
  expect(kinds.filter((kind) => kind === 'added link').length).toBe(1);
  const rules = changes.filter(({ what }) => what.startsWith('rule'));
  expect(rules.length).toBe(3);
  for (const { cause } of rules) expect(cause).toMatch(/^\/a container\.portMappings\(0\) of task a\./);
  const between = cluster.snapshot();
  cluster.marathon.remove('/a');
  cluster.settle();
  expect(cluster.diff(before).changes.filter(({ what }) => !what.startsWith('container'))).toEqual([]);
  const back = cluster.diff(between).changes.map(({ kind }) => kind);
  expect(new Set(back)).toEqual(new Set(['removed']));
});
