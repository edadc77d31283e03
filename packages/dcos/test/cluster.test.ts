import { readFileSync } from 'node:fs';
import { formatIpv4 } from '@portolan/core';
import { expect, test } from 'vitest';
import { DcosCluster } from '../src/index.ts';

function app(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../../examples/apps/${name}.json`, import.meta.url), 'utf8'));
}

test('host mode: the app answers on its agent at the port Marathon chose', () => {
  const cluster = DcosCluster.create({ seed: 7 });
  cluster.marathon.add(app('httpi-1-host'));
  expect(cluster.settle()).toBe(true);
  const [task] = cluster.marathon.tasks('/httpi');
  expect(task?.state).toBe('TASK_RUNNING');
  const reply = cluster.master().http(`http://${task?.host}:${task?.ports[0]}`);
  expect({ body: reply.body, failure: reply.failure }).toEqual({ body: '3.1415926536', failure: undefined });
});

test('bridge mode with a VIP: the name resolves to the address of the post and the VIP answers', () => {
  const cluster = DcosCluster.create({ seed: 7 });
  cluster.marathon.add(app('httpi-2-bridge-vip'));
  expect(cluster.settle()).toBe(true);
  const name = 'httpi.marathon.l4lb.thisdcos.directory';
  expect(cluster.master().shell(`dig +short ${name}`).stdout).toBe('11.249.78.219\n');
  const reply = cluster.master().http(`http://${name}:3141`);
  expect({ body: reply.body, failure: reply.failure }).toEqual({ body: '3.1415926536', failure: undefined });
  expect(cluster.master().shell('dig +short _httpi._tcp.marathon.mesos SRV').stdout.split('\n').length).toBe(6);
});

test('Marathon-LB: an outside client is answered at the public address', () => {
  const cluster = DcosCluster.create({ seed: 7 });
  cluster.install('marathon-lb');
  cluster.marathon.add(app('httpi-3-bridge-marathon-lb'));
  expect(cluster.settle()).toBe(true);
  const reply = cluster.outside.http('http://93.186.40.121:3141');
  expect({ body: reply.body, failure: reply.failure }).toEqual({ body: '3.1415926536', failure: undefined });
});

test('overlay: containers reach each other across agents by their own addresses, and the VIP answers', () => {
  const cluster = DcosCluster.create({ seed: 3 });
  cluster.marathon.add(app('httpi-4-container-overlay'));
  expect(cluster.settle()).toBe(true);
  const tasks = cluster.marathon.tasks('/httpi');
  expect(tasks.length).toBe(5);
  for (const { ipAddresses } of tasks)
    expect(cluster.master().http(`http://${formatIpv4(ipAddresses[0] ?? 0)}:3141`).body).toBe('3.1415926536');
  expect(cluster.master().http('http://httpi.marathon.l4lb.thisdcos.directory:3141').body).toBe('3.1415926536');
});
