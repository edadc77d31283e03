/** A full table: what linux net/netfilter/nf_conntrack_core.c does then (__nf_conntrack_alloc, early_drop). */
import { expect, test } from 'vitest';
import { hostConfig } from '../src/agent/host.ts';
import type { Machine } from '../src/agent/machine.ts';
import { parseCidr, parseIpv4 } from '../src/base/address.ts';
import type { Cluster } from '../src/cluster/cluster.ts';
import { parseSave } from '../src/kernel/netfilter/restore.ts';
import { echo, lan, talk } from './lan.ts';

const RULES = '*filter\n-A OUTPUT -m conntrack --ctstate NEW\nCOMMIT\n';

function client(cluster: Cluster, conntrackMax: number): Machine {
  const config = hostConfig('a', [{ name: 'eth0', address: parseCidr('10.0.0.1/24') }]);
  const sysctl = { ...config.host.sysctl, conntrackMax };
  return cluster.add({ ...config, host: { ...config.host, sysctl, netfilter: parseSave(RULES) } });
}

function server(cluster: Cluster): void {
  const config = hostConfig('b', [{ name: 'eth0', address: parseCidr('10.0.0.2/24') }]);
  echo(cluster.add(config).host, 80);
}

test('a full table gives up connections without answers for new ones, and keeps the assured', () => {
  const cluster = lan();
  const a = client(cluster, 4);
  server(cluster);
  const kept = talk(a.host, '10.0.0.2', 80, { keep: true });
  cluster.run();
  expect(kept.answer).toBeDefined();
  const socket = a.host.sockets.bindUdp({ address: 0, port: 5000, program: 'test' }, () => {});
  for (let port = 1; port <= 40; port++) {
    expect(socket.send({ address: parseIpv4('10.0.0.2'), port }, 'x', 1)).toBeUndefined();
    expect(a.host.connections.size).toBeLessThanOrEqual(4);
  }
  expect(a.conntrack().filter(({ assured }) => assured)).toHaveLength(1);
  expect(a.kernelLog()).toEqual([]);
});

test('where all are assured the packet is dropped, its sender told, and the kernel log says so', () => {
  const cluster = lan();
  const a = client(cluster, 2);
  server(cluster);
  for (let i = 0; i < 2; i++) talk(a.host, '10.0.0.2', 80, { keep: true });
  cluster.run();
  expect(a.conntrack().map(({ assured }) => assured)).toEqual([true, true]);
  const socket = a.host.sockets.bindUdp({ address: 0, port: 5000, program: 'test' }, () => {});
  const { trace } = cluster.traced(() => {
    expect(socket.send({ address: parseIpv4('10.0.0.2'), port: 53 }, 'x', 1)).toBe('EPERM');
  });
  expect(trace.fate).toEqual({ action: 'dropped', text: '2 connections are tracked, no more can be' });
  expect(a.kernelLog().map(({ text }) => text)).toEqual(['nf_conntrack: nf_conntrack: table full, dropping packet']);
});
