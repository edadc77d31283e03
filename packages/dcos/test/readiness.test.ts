import { answerApi } from '@portolan/scheduler';
import { expect, test } from 'vitest';
import { DcosCluster } from '../src/index.ts';

const APP = {
  id: '/slow',
  instances: 2,
  cpus: 0.1,
  mem: 32,
  networks: [{ mode: 'container/bridge' }],
  container: { type: 'DOCKER', docker: { image: 'slow' }, portMappings: [{ containerPort: 0, name: 'http' }] },
  readinessChecks: [
    { portName: 'http', path: '/ready', intervalSeconds: 20, httpStatusCodesForReady: [418], preserveLastResponse: true },
  ],
};

test('a deployment asks each task at once, then every interval, until it has the wanted status; afterwards nobody asks', () => {
  const asked: [number, number][] = [];
  const cluster: DcosCluster = DcosCluster.create({
    agents: 2,
    publicAgents: 0,
    images: {
      slow: ({ path }) => {
        if (path !== '/ready') return 'up';
        const status = cluster.clock.now < 50_000 ? 200 : 418;
        asked.push([cluster.clock.now, status]);
        return { status, reason: '', headers: [['Content-Type', 'text/plain']], body: 'tea' };
      },
    },
  });
  cluster.marathon.add(APP);
  cluster.advance('30s');
  expect(cluster.marathon.deployments()).toHaveLength(1);
  expect(answerApi(cluster.marathon, { method: 'GET', path: '/v2/deployments' }).body).toMatchObject([
    {
      currentActions: [
        {
          readinessCheckResults: [
            { name: 'readinessCheck', ready: false, lastResponse: { status: 200, contentType: 'text/plain', body: 'tea' } },
            { ready: false },
          ],
        },
      ],
    },
  ]);
  cluster.advance('5min');
  expect(cluster.marathon.deployments()).toEqual([]);
  // Two tasks: the wrong status until 50 s, an interval apart, and the right one once each.
  expect(asked.filter(([, status]) => status === 418)).toHaveLength(2);
  const times = asked.map(([at]) => at);
  for (const at of times.slice(2)) expect(times).toContain(at - 20_000);
});

test('an upgrade ends no old task before a new one is ready', () => {
  let ready = true;
  const cluster = DcosCluster.create({
    agents: 2,
    publicAgents: 0,
    images: { slow: () => ({ status: ready ? 418 : 503, reason: '', headers: [], body: '' }) },
  });
  cluster.marathon.add(APP);
  expect(cluster.settle()).toBe(true);
  const old = cluster.marathon.tasks().map(({ id }) => id);
  ready = false;
  cluster.marathon.update('/slow', { cpus: 0.2 });
  cluster.advance('5min');
  expect(cluster.marathon.tasks().map(({ id }) => id)).toEqual(expect.arrayContaining(old));
  ready = true;
  cluster.advance('2min');
  expect(cluster.marathon.deployments()).toEqual([]);
  expect(cluster.marathon.tasks().map(({ info }) => info.cpus)).toEqual([0.2, 0.2]);
});
