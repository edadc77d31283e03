import { expect, test } from 'vitest';
import { DcosCluster } from '../src/index.ts';

const NETWORKS = { bridge: { mode: 'container/bridge' }, overlay: { mode: 'container', name: 'dcos' } } as const;

/** An app with one check; on the bridge port 0, so that program, rules and check mean the same port. */
function app(network: keyof typeof NETWORKS, check: object, containerPort = network === 'bridge' ? 0 : 3141) {
  const portMappings = [{ name: 'http', containerPort, labels: { VIP_0: '/a:3141' } }];
  const container = { type: 'DOCKER', docker: { image: 'dcoslabs/httpi' }, portMappings };
  const healthChecks = [{ intervalSeconds: 5, gracePeriodSeconds: 30, ...check }];
  return { id: '/a', instances: 2, cpus: 0.1, mem: 32, networks: [NETWORKS[network]], container, healthChecks };
}

function servers(cluster: DcosCluster): number {
  return cluster.master().machine.ipvs().services()[0]?.servers.length ?? 0;
}

for (const network of ['bridge', 'overlay'] as const)
  for (const protocol of ['HTTP', 'TCP', 'MESOS_HTTP', 'MESOS_TCP', 'COMMAND'] as const)
    test(`${protocol} on the ${network}: tasks become healthy and serve the VIP`, () => {
      const cluster = DcosCluster.create({ agents: 2, publicAgents: 0 });
      const question = protocol === 'COMMAND' ? { command: { value: 'true' } } : { portIndex: 0 };
      cluster.marathon.add(app(network, { protocol, ...question }));
      expect(cluster.settle()).toBe(true);
      expect(cluster.marathon.tasks().map(({ healthy }) => healthy)).toEqual([true, true]);
      expect(servers(cluster)).toBe(2);
      const before = cluster.master().machine.conntrack().length;
      cluster.advance('10min');
      expect(cluster.master().machine.conntrack().length).toBeLessThan(before + 10);
    });

test('a task that does not answer is never a server of its VIP when Mesos checks it, and is killed', () => {
  const cluster = DcosCluster.create({ agents: 1, publicAgents: 0 });
  // The program listens on $PORT_HTTP, the host port, which nobody forwards to.
  cluster.marathon.add(app('bridge', { protocol: 'MESOS_HTTP', portIndex: 0 }, 3141));
  const killed = new Set<string>();
  cluster.events.on('status', ({ taskId, state }) => {
    if (state === 'TASK_KILLED') killed.add(taskId);
  });
  cluster.advance('2min');
  expect(killed.size).toBeGreaterThanOrEqual(2);
  expect(servers(cluster)).toBe(0);
});

test('a page that is not there is no health', () => {
  const cluster = DcosCluster.create({ agents: 1, publicAgents: 0 });
  cluster.marathon.add(app('overlay', { protocol: 'MESOS_HTTP', portIndex: 0, port: 9 }));
  cluster.advance('20s');
  expect(cluster.marathon.tasks().every(({ healthy }) => healthy !== true)).toBe(true);
  expect(servers(cluster)).toBe(0);
});
