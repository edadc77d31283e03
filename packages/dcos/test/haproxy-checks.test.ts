import { expect, test } from 'vitest';
import { readHaproxyConfig } from '../src/haproxy/haproxy.ts';
import { Haproxy } from '../src/haproxy/process.ts';
import { DcosCluster, type DcosNode, type Handler } from '../src/index.ts';

/** Tasks on one agent, and a HAProxy on the public agent that checks them every two seconds. */
function balanced(instances: number, lines: readonly string[], images: Readonly<Record<string, Handler>> = {}) {
  const cluster = DcosCluster.create({ seed: 5, agents: 1, images });
  cluster.marathon.add({
    id: '/web',
    instances,
    cpus: 0.1,
    mem: 32,
    networks: [{ mode: 'container/bridge' }],
    container: {
      type: 'DOCKER',
      docker: { image: images.web === undefined ? 'dcoslabs/httpi' : 'web' },
      portMappings: [{ containerPort: 0, name: 'http' }],
    },
  });
  expect(cluster.settle()).toBe(true);
  const servers = cluster.marathon.tasks('/web').map(({ host, ports }, i) => {
    return `  server s${i + 1} ${host}:${ports[0]} id ${i + 1} check inter 2s fall 3`;
  });
  const text = ['frontend f', '  bind *:8000', '  mode http', '  use_backend b', 'backend b', ...lines, ...servers].join('\n');
  const proxy = new Haproxy(cluster.publicAgent().machine.host, cluster.clock);
  proxy.load({ text, haproxy: readHaproxyConfig(text) });
  return { cluster, proxy, agent: cluster.agents().at(-1)?.node as DcosNode };
}

/** Status and whole seconds of a request from outside. */
function timed(cluster: DcosCluster): readonly [status: number, seconds: number] {
  const begun = cluster.clock.now;
  const { status } = cluster.outside.http('http://93.186.40.121:8000');
  return [status, Math.round((cluster.clock.now - begun) / 1000)];
}

test('a server is down after three failed checks: then 503 comes at once, before it took three retries', () => {
  const { cluster, agent } = balanced(1, ['  mode http']);
  expect(timed(cluster)).toEqual([200, 0]);
  cluster.advance('5s');
  agent.machine.stop(new Set(agent.machine.config.docker.containers.map(({ id }) => id)));
  expect(timed(cluster)).toEqual([503, 3]);
  cluster.advance('4s');
  expect(timed(cluster)).toEqual([503, 0]);
});

test('a check by HTTP wants an answer of class 2xx or 3xx: a port that listens is not enough', () => {
  const byHttp = ['  mode http', '  option  httpchk GET /health', '  timeout check 1s'];
  for (const [status, expected] of [
    [200, 200],
    [301, 301],
    [404, 503],
    [500, 503],
  ]) {
    const { cluster } = balanced(1, byHttp, { web: () => ({ status: status ?? 0, body: '' }) });
    cluster.advance('30s');
    expect(timed(cluster)).toEqual([expected, 0]);
  }
  const { cluster } = balanced(1, ['  mode http'], { web: () => ({ status: 500, body: '' }) });
  cluster.advance('30s');
  expect(timed(cluster)).toEqual([500, 0]);
});

test('of two servers the one that is down is left out; what is known outlives a reload', () => {
  const { cluster, proxy, agent } = balanced(2, ['  mode http', '  balance source']);
  const [first] = agent.machine.config.docker.containers;
  agent.machine.stop(new Set(first === undefined ? [] : [first.id]));
  cluster.advance('10s');
  for (let i = 0; i < 4; i++) expect(timed(cluster)).toEqual([200, 0]);
  const text = `${proxy.text}\n`;
  proxy.load({ text, haproxy: readHaproxyConfig(text) });
  expect(timed(cluster)).toEqual([200, 0]);
  proxy.stop();
  expect(timed(cluster)[0]).toBe(0);
});
