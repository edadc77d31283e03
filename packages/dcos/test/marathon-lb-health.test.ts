import { expect, test } from 'vitest';
import { DcosCluster } from '../src/index.ts';

test('an app behind Marathon-LB that answers 500: its tasks are killed, and a service without healthy ones has no frontend', () => {
  let status = 200;
  const cluster = DcosCluster.create({ agents: 2, images: { web: () => ({ status, body: `${status}` }) } });
  cluster.install('marathon-lb');
  cluster.settle();
  cluster.marathon.add({
    id: '/web',
    instances: 2,
    cpus: 0.1,
    mem: 32,
    networks: [{ mode: 'container/bridge' }],
    labels: { HAPROXY_GROUP: 'external' },
    container: { type: 'DOCKER', docker: { image: 'web' }, portMappings: [{ containerPort: 0, servicePort: 10_101 }] },
    healthChecks: [{ protocol: 'HTTP', portIndex: 0, intervalSeconds: 10, gracePeriodSeconds: 20, maxConsecutiveFailures: 3 }],
  });
  expect(cluster.settle()).toBe(true);
  const ask = () => {
    const { status, failure } = cluster.outside.http('http://93.186.40.121:10101');
    return failure ?? status;
  };
  expect(cluster.haproxyConfig).toContain('check inter 10s fall 4');
  expect(ask()).toBe(200);
  const before = new Set(cluster.marathon.tasks('/web').map(({ id }) => id));
  status = 500;
  cluster.advance('2min');
  expect(ask()).toBe('ECONNREFUSED');
  expect(cluster.marathon.tasks('/web').filter(({ id }) => before.has(id))).toEqual([]);
  status = 200;
  cluster.advance('2min');
  expect(ask()).toBe(200);
  expect(cluster.marathon.tasks('/web').map(({ healthy }) => healthy)).toEqual([true, true]);
});
