/** What labs cannot ask the kernel, since it depends on chance, on time, or on what the model does not have. */
import { expect, test } from 'vitest';
import { hostConfig } from '../src/agent/host.ts';
import { parseCidr, parseIpv4 } from '../src/base/address.ts';
import type { Cluster } from '../src/cluster/cluster.ts';
import type { Namespace } from '../src/kernel/namespace.ts';
import { parseSave } from '../src/kernel/netfilter/restore.ts';
import { printSave } from '../src/kernel/netfilter/save.ts';
import { lan } from './lan.ts';

function machine(cluster: Cluster, rules: string): Namespace {
  const config = hostConfig('a', [{ name: 'eth0', address: parseCidr('10.0.0.1/24') }]);
  return cluster.add({ ...config, host: { ...config.host, netfilter: parseSave(`*filter\n${rules}\nCOMMIT\n`) } }).host;
}

/** Sends a datagram to a machine on the same link, who need not be there. */
function send(ns: Namespace, port = 53): string | undefined {
  const socket = ns.sockets.bindUdp({ address: 0, port: 0, program: 'test' }, () => {});
  const failure = socket.send({ address: parseIpv4('10.0.0.2'), port }, 'x', 1);
  socket.close();
  return failure;
}

const counts = (ns: Namespace) => ns.tables.filter.chain('OUTPUT')?.counters.map(({ packets }) => packets);

test('a limit of ten a second with a burst of three: three at once, then one each 100 ms, never more than three', () => {
  const cluster = lan();
  const a = machine(cluster, '-A OUTPUT -p udp -m limit --limit 10/sec --limit-burst 3 -j ACCEPT');
  const passed = (packets: number) => {
    const before = counts(a)?.[0] ?? 0;
    for (let i = 0; i < packets; i++) send(a);
    return (counts(a)?.[0] ?? 0) - before;
  };
  expect(passed(5)).toBe(3);
  cluster.clock.advance(99);
  expect(passed(2)).toBe(0);
  cluster.clock.advance(1);
  expect(passed(2)).toBe(1);
  cluster.clock.advance(250);
  expect(passed(5)).toBe(2);
  cluster.clock.advance(60_000);
  expect(passed(9)).toBe(3);
});

test('the statistic of chance draws from the seed', () => {
  const run = (seed: number) => {
    const a = machine(lan(seed), '-A OUTPUT -p udp -m statistic --mode random --probability 0.25');
    for (let i = 0; i < 1000; i++) send(a);
    return counts(a)?.[0] ?? 0;
  };
  const [first, again, other] = [run(1), run(1), run(2)];
  expect(again).toBe(first);
  expect(other).not.toBe(first);
  for (const count of [first, other]) expect(Math.abs(count - 250)).toBeLessThan(60);
});

test('two namespaces with one rule set count for themselves', () => {
  const cluster = lan();
  const config = hostConfig('a', [{ name: 'eth0', address: parseCidr('10.0.0.1/24') }]);
  const netfilter = parseSave('*filter\n-A OUTPUT -p udp -m limit --limit 1/hour --limit-burst 1 -j DROP\nCOMMIT\n');
  const [a, b] = ['a', 'b'].map((name) => cluster.add({ ...config, name, host: { ...config.host, netfilter } }).host);
  for (const ns of [a, b]) if (ns !== undefined) expect([send(ns), send(ns)]).toEqual(['EPERM', undefined]);
});

test('a packet that meets a match which is not modelled ends there, and its trace names it', () => {
  const cluster = lan();
  const rules = '-A OUTPUT -p udp -m udp --dport 53 -m recent --set --name DEFAULT --mask 255.255.255.255 --rsource -j ACCEPT';
  const a = machine(cluster, rules);
  expect(printSave(a.config.netfilter)).toContain(`${rules}\n`);
  const { trace } = cluster.traced(() => {
    expect(send(a)).toBe('EPERM');
  });
  expect(trace.fate).toEqual({ action: 'not-modelled', text: 'match recent of filter OUTPUT rule 1' });
  expect(counts(a)).toEqual([0]);
  expect(send(a, 54)).toBeUndefined();
});

test('a target that is not modelled ends a packet, unless it changes nothing that the model knows of', () => {
  const cluster = lan();
  const a = machine(
    cluster,
    '-A OUTPUT -p udp -j NFLOG --nflog-group 3\n-A OUTPUT -p udp -m udp --dport 9 -j NFQUEUE --queue-num 0',
  );
  const passing = cluster.traced(() => {
    expect(send(a)).toBeUndefined();
  });
  expect(passing.trace.print()).toContain('not-modelled: target NFLOG of filter OUTPUT rule 1');
  const ending = cluster.traced(() => {
    expect(send(a, 9)).toBe('EPERM');
  });
  expect(ending.trace.fate).toEqual({ action: 'not-modelled', text: 'target NFQUEUE of filter OUTPUT rule 2' });
});
