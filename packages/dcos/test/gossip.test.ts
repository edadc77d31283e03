import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DcosCluster } from '../src/index.ts';

const httpi = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../examples/apps/${name}.json`, import.meta.url), 'utf8'));

/** The real servers a node's own kernel has. */
function serversOn(node: ReturnType<DcosCluster['master']>): readonly string[] {
  const rows = node.shell('sudo ipvsadm -Ln').stdout.split('\n');
  return rows.flatMap((row) => /-> (\d\S+)/.exec(row)?.[1] ?? []).sort();
}

function running(gossipDelays: readonly number[], seed = 7): DcosCluster {
  const cluster = DcosCluster.create({ seed, agents: 3, gossipDelays });
  cluster.marathon.add(httpi('httpi-2-bridge-vip'));
  expect(cluster.settle()).toBe(true);
  return cluster;
}

test('a killed task is known to its agent at once, to the master after poll and gossip, to a slow node later still', () => {
  const cluster = running([100, 5000, 100, 100, 100]);
  const [master, slow] = [cluster.master(), cluster.publicAgent()];
  expect(cluster.convergence()).toMatchObject({ converged: true, behind: [] });
  expect(serversOn(master)).toHaveLength(5);

  cluster.marathon.scale('/httpi', 4);
  while (cluster.marathon.tasks('/httpi').length > 4) cluster.step();
  // The task is gone; its agent has still to be polled.
  expect(cluster.convergence()).toMatchObject({ converged: false, behind: [] });
  expect(serversOn(master)).toHaveLength(5);
  const published = cluster.l4lb.events.length;
  while (cluster.l4lb.events.length === published) cluster.step();
  const { at, behind } = cluster.convergence();
  expect(at).toBe(cluster.clock.now + 5000);
  expect(behind).toHaveLength(5);
  expect(serversOn(master)).toHaveLength(5);
  cluster.advance(100);
  expect(serversOn(master)).toHaveLength(4);
  expect(serversOn(slow)).toHaveLength(5);
  expect(cluster.convergence().behind).toEqual([{ node: slow.name, changes: 1 }]);
  cluster.advance(4899);
  expect(serversOn(slow)).toHaveLength(5);
  cluster.advance(1);
  expect(cluster.convergence()).toMatchObject({ converged: true, at: cluster.clock.now });
  expect(serversOn(slow)).toHaveLength(4);
});

test('settled, every node agrees, whatever the delays', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat({ max: 3000 }), { minLength: 1, maxLength: 5 }),
      fc.nat({ max: 9 }),
      fc.nat(),
      (delays, instances, seed) => {
        const cluster = running(delays, seed);
        cluster.marathon.scale('/httpi', instances);
        expect(cluster.settle()).toBe(true);
        expect(cluster.convergence().converged).toBe(true);
        const nodes = [cluster.master(), ...cluster.agents().map(({ node }) => node)];
        const wanted = cluster.marathon.tasks('/httpi').map(({ host, ports }) => `${host}:${ports[0]}`);
        for (const node of nodes) expect(serversOn(node)).toEqual(wanted.sort());
      },
    ),
    { numRuns: 60 },
  );
});

test('a lost agent: its backends stay where connections die until the others look at all VIPs again', () => {
  const cluster = DcosCluster.create({ seed: 7, agents: 3, gossipDelays: [0] });
  const app = { ...(httpi('httpi-2-bridge-vip') as object), instances: 3, constraints: [['hostname', 'UNIQUE']] };
  cluster.marathon.add(app);
  expect(cluster.settle()).toBe(true);
  const [lost] = cluster
    .agents()
    .filter(({ node }) => serversOn(cluster.master()).some((end) => end.startsWith(`${formatted(node)}:`)));
  if (lost === undefined) throw new Error('no agent has a task');
  const dead = `${formatted(lost.node)}:`;
  cluster.loseAgent(lost.id);
  expect(serversOn(cluster.master()).some((end) => end.startsWith(dead))).toBe(true);
  const left = 30_000 - (cluster.clock.now % 30_000);
  cluster.advance(left - 1);
  expect(serversOn(cluster.master()).some((end) => end.startsWith(dead))).toBe(true);
  cluster.advance(1);
  expect(serversOn(cluster.master()).some((end) => end.startsWith(dead))).toBe(false);
  // What the dead agent published stays in gossip, as REST shows it.
  expect(cluster.master().shell('curl -s http://127.0.0.1:62080/v1/vips').stdout).toContain(dead.slice(0, -1));
});

test('a lost agent: a change of VIPs makes the others leave it out at once; a VIP with nothing else left keeps what it has', () => {
  const cluster = DcosCluster.create({ seed: 7, agents: 2, publicAgents: 0, gossipDelays: [0] });
  const app = { ...(httpi('httpi-2-bridge-vip') as object), constraints: [['hostname', 'UNIQUE']] };
  cluster.marathon.add({ ...app, instances: 2 });
  cluster.settle();
  cluster.advance(30_000 - (cluster.clock.now % 30_000) + 1000);
  const before = serversOn(cluster.master());
  expect(before).toHaveLength(2);
  const [first, second] = cluster.agents();
  cluster.loseAgent(first?.id ?? '');
  cluster.advance(100);
  expect(serversOn(cluster.master())).toEqual(before);
  cluster.marathon.add({ ...app, id: '/other', instances: 1, container: other('/other:80') });
  while (serversOn(cluster.master()).length !== 2 || serversOn(cluster.master()).join() === before.join()) cluster.step();
  expect(serversOn(cluster.master()).filter((end) => before.includes(end))).toHaveLength(1);
  // Both are gone: the VIP leads where it led.
  cluster.loseAgent(second?.id ?? '');
  cluster.advance('31s');
  expect(serversOn(cluster.master()).filter((end) => before.includes(end))).toEqual(before);
});

function other(vip: string): object {
  const portMappings = [{ containerPort: 0, name: 'http', labels: { VIP_0: vip } }];
  return { type: 'DOCKER', docker: { image: 'dcoslabs/httpi' }, portMappings };
}

function formatted(node: ReturnType<DcosCluster['master']>): string {
  return node.name.replace('ip-', '').replaceAll('-', '.');
}

test('a task killed while it comes up never runs', () => {
  const cluster = DcosCluster.create({ seed: 7 });
  cluster.marathon.add(httpi('httpi-2-bridge-vip'));
  while (cluster.marathon.tasks('/httpi').length < 5) cluster.step();
  cluster.marathon.remove('/httpi', { force: true });
  const states = new Set<string>();
  cluster.events.on('status', ({ state }) => states.add(state));
  expect(cluster.settle()).toBe(true);
  expect(states).not.toContain('TASK_RUNNING');
  for (const { node } of cluster.agents()) expect(node.shell('docker ps -q').stdout).toBe('');
});

test('version 2.1 drains: what is being killed stays at weight 0 until it is gone; 1.13 takes it out at once', () => {
  for (const [version, weights] of [
    ['1.13', ['1', '1', '1', '1']],
    ['2.1', ['0', '1', '1', '1', '1']],
  ] as const) {
    const cluster = DcosCluster.create({ seed: 7, version, gossipDelays: [0] });
    cluster.marathon.add(httpi('httpi-2-bridge-vip'));
    cluster.settle();
    const victim = cluster.marathon.tasks('/httpi')[0];
    const published = cluster.l4lb.events.length;
    // The agent's status stands at killing when its dcos-net polls.
    cluster.mesos.statusUpdate({ taskId: victim?.id ?? '', state: 'TASK_KILLING' });
    while (cluster.l4lb.events.length === published) cluster.step();
    const rows = cluster.master().shell('sudo ipvsadm -Ln').stdout.split('\n');
    expect(rows.flatMap((row) => /-> \S+ +Masq +(\d+)/.exec(row)?.[1] ?? []).sort()).toEqual(weights);
  }
});

test('what a deploy changed in VIPs says which app, field and task wanted it', () => {
  const cluster = DcosCluster.create({ seed: 7 });
  const before = cluster.snapshot();
  cluster.marathon.add(httpi('httpi-2-bridge-vip'));
  cluster.settle();
  const ids = new Set(cluster.marathon.tasks('/httpi').map(({ id }) => id));
  const changes = cluster.diff(before).changes.filter(({ where }) => where === 'all nodes');
  const [service, ...servers] = changes;
  expect(service).toMatchObject({ kind: 'added', cause: '/httpi VIP_0 of container.portMappings(0)' });
  expect(servers).toHaveLength(5);
  for (const { cause } of servers) {
    const [field, task = ''] = cause?.split(', task ') ?? [];
    expect(field).toBe('/httpi VIP_0 of container.portMappings(0)');
    expect(ids.delete(task)).toBe(true);
  }
});
