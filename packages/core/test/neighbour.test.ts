/** ARP on the wire, and the states `ip neigh` shows. */
import { expect, test } from 'vitest';
import { hostMac } from '../src/agent/host.ts';
import { neighbourRows } from '../src/agent/report.ts';
import { formatIpv4, parseIpv4 } from '../src/base/address.ts';
import type { Cluster } from '../src/cluster/cluster.ts';
import type { Namespace } from '../src/kernel/namespace.ts';
import { printArp } from '../src/wire/arp.ts';
import { echo, host, lan, talk } from './lan.ts';

function states(ns: Namespace): readonly string[] {
  return neighbourRows(ns).map(({ address, state }) => `${formatIpv4(address)} ${state}`);
}

function arpFrames(cluster: Cluster): string[] {
  const seen: string[] = [];
  cluster.tap((device, direction, frame) => {
    if (direction === 'out' && !('protocol' in frame)) seen.push(`${cluster.clock.now} ${device.owner.name} ${printArp(frame)}`);
  });
  return seen;
}

test('one request, one answer, then none for half a minute; the asked one learns as well', () => {
  const cluster = lan();
  const [a, b] = [host(cluster, 'a', '10.0.0.1/24'), host(cluster, 'b', '10.0.0.2/24')];
  echo(b, 80);
  const seen = arpFrames(cluster);
  talk(a, '10.0.0.2', 80);
  talk(a, '10.0.0.2', 80);
  cluster.run();
  expect(seen).toEqual(['0 a ARP who-has 10.0.0.2 tell 10.0.0.1', '0 b ARP 10.0.0.2 is-at 0a:00:0a:00:00:02']);
  expect(states(a)).toEqual(['10.0.0.2 REACHABLE']);
  expect(states(b)[0]).toMatch(/^10\.0\.0\.1 (STALE|DELAY|REACHABLE)$/);
  cluster.clock.advance(29_000);
  expect(states(a)).toEqual(['10.0.0.2 REACHABLE']);
  cluster.clock.advance(30_000);
  expect(states(a)).toEqual(['10.0.0.2 STALE']);
  const said = talk(a, '10.0.0.2', 80);
  cluster.run();
  // A stale entry is used at once.
  expect([said.answer?.startsWith('hello'), seen.length]).toEqual([true, 2]);
});

test('nobody answers: three requests, then the packets that waited are told', () => {
  const cluster = lan();
  const a = host(cluster, 'a', '10.0.0.1/24');
  const seen = arpFrames(cluster);
  const failures = [talk(a, '10.0.0.9', 80), talk(a, '10.0.0.9', 81)];
  cluster.run();
  expect(states(a)).toEqual(['10.0.0.9 INCOMPLETE']);
  cluster.runUntil(() => failures.every(({ failure }) => failure !== undefined), 60_000);
  expect(failures.map(({ failure }) => failure)).toEqual(['EHOSTUNREACH', 'EHOSTUNREACH']);
  expect(seen.map((line) => line.replace(/^\d+ /, ''))).toEqual(
    Array.from({ length: 3 }, () => 'a ARP who-has 10.0.0.9 tell 10.0.0.1'),
  );
  expect(states(a)).toEqual(['10.0.0.9 FAILED']);
});

test('a permanent entry is never asked for', () => {
  const cluster = lan();
  const a = host(cluster, 'a', '10.0.0.1/24');
  echo(host(cluster, 'b', '10.0.0.2/24'), 80);
  cluster.machine('a').configure((draft) => {
    draft.host.neighbours.push({ address: parseIpv4('10.0.0.2'), device: 'eth0', mac: hostMac(parseIpv4('10.0.0.2')) });
  });
  const seen = arpFrames(cluster);
  const said = talk(a, '10.0.0.2', 80);
  cluster.run();
  expect(said.answer?.startsWith('hello')).toBe(true);
  expect(seen.filter((line) => line.includes(' a ARP who-has'))).toEqual([]);
  expect(states(a)).toEqual(['10.0.0.2 PERMANENT']);
});

test('a machine that comes up is found by the next attempt', () => {
  const cluster = lan();
  const a = host(cluster, 'a', '10.0.0.1/24');
  const first = talk(a, '10.0.0.2', 80);
  cluster.runUntil(() => first.failure !== undefined, 60_000);
  echo(host(cluster, 'b', '10.0.0.2/24'), 80);
  const second = talk(a, '10.0.0.2', 80);
  cluster.run();
  expect(second.answer?.startsWith('hello')).toBe(true);
});
