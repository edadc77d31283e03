import { createHash } from 'node:crypto';
import { parseIpv4, Refusal } from '@portolan/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { VIP_RANGE } from '../src/vips/address.ts';
import { agentBackends, localPortMappings } from '../src/vips/backends.ts';
import { compareText } from '../src/vips/erlang.ts';
import { formatIp, parseIp, parseIpv6 } from '../src/vips/ip.ts';
import { parseVipKey } from '../src/vips/key.ts';
import { domainFragment, label } from '../src/vips/label.ts';
import { VipNames } from '../src/vips/names.ts';
import { sha1 } from '../src/vips/sha1.ts';
import { seenTask } from '../src/vips/task-ports.ts';
import { mesosTask } from './tasks.ts';

test("the post's VIP is at the post's address", () => {
  const names = new VipNames(VIP_RANGE);
  expect(formatIp(names.assign(4, '/httpi', 'marathon'))).toBe('11.249.78.219');
  expect(formatIp(names.assign(6, '/httpi', 'marathon'))).toBe('fd01:c::aadd:8637:f9fb:fda3');
});

test('two labels with one cleaned name have two addresses and one DNS name', () => {
  const names = new VipNames(VIP_RANGE);
  names.assign(4, 'httpi', 'marathon');
  expect(formatIp(names.assign(4, '/httpi', 'marathon'))).toBe('11.249.78.220');
  expect(names.lookup('httpi.marathon').map(formatIp)).toEqual(['11.249.78.219', '11.249.78.220']);
  names.release(parseIpv4('11.249.78.219'));
  expect(names.lookup('httpi.marathon').map(formatIp)).toEqual(['11.249.78.220']);
  // The place of the first is free, but who has an address keeps it.
  expect(formatIp(names.assign(4, '/httpi', 'marathon'))).toBe('11.249.78.220');
  expect(formatIp(names.assign(4, '//httpi', 'marathon'))).toBe('11.249.78.219');
});

test('a full range refuses although the address nobody probes may be free', () => {
  const names = new VipNames({ ...VIP_RANGE, min: 0x0b000000, max: 0x0b000001 });
  names.assign(4, '/a', 'marathon');
  expect(() => names.assign(4, '/b', 'marathon')).toThrow('{out_of_ips,inet,<<"marathon">>,<<"/b">>,{{11,0,0,0},{11,0,0,1}}}');
  expect(names.mappings()).toHaveLength(1);
  expect(() => new VipNames({ ...VIP_RANGE, min: 5, max: 5 })).toThrow(Refusal);
});

test('SHA-1 is that of another implementation, at every length', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const hex = sha1(bytes).map((word) => word.toString(16).padStart(8, '0'));
      expect(hex.join('')).toBe(createHash('sha1').update(bytes).digest('hex'));
    }),
    { numRuns: 1000 },
  );
});

test('labels are DNS labels whatever goes in, and stay what they are', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ maxLength: 200, unit: 'binary' }), fc.stringMatching(/^[-a-z0-9._/]{0,140}$/)), (text) => {
      const once = label(text);
      expect(once).toMatch(/^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)?$/);
      expect(label(once)).toBe(once);
      expect(domainFragment(text)).not.toMatch(/[^-a-z0-9.]/);
    }),
    { numRuns: 2000 },
  );
});

test('IPv6 addresses are read as they are printed', () => {
  const groups = fc.array(fc.oneof(fc.constant(0n), fc.bigInt(0n, 0xffffn)), { minLength: 8, maxLength: 8 });
  fc.assert(
    fc.property(groups, (parts) => {
      const address = parts.reduce((value, part) => (value << 16n) | part, 0n);
      expect(parseIpv6(formatIp(address))).toBe(address);
      expect(formatIp(address)).not.toMatch(/:::|::.*::/);
    }),
    { numRuns: 2000 },
  );
  for (const bad of [
    '',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '12345::',
    '::g',
    'fe80::1%',
    '1.2.3',
    '::1.2.3.256',
    ':1::',
  ]) {
    expect(parseIp(bad), bad).toBeUndefined();
  }
  expect(parseIp('::ffff:1.2.3.4')).toBe(0xffff01020304n);
});

test('texts are ordered by their bytes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
      expect(Math.sign(compareText(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }),
    { numRuns: 2000 },
  );
});

test('label values: ports, addresses, hostile names', () => {
  expect(parseVipKey('fd01:c::5:80', 6, 'm')).toEqual({
    kind: 'fixed',
    protocol: 6,
    address: 0xfd01000c000000000000000000000005n,
    port: 80,
  });
  expect(parseVipKey('/a:+080', 17, 'm')).toMatchObject({ kind: 'named', label: '/a', port: 80 });
  expect(parseVipKey('/a:65536', 6, 'm')).toMatchObject({ port: 65536 });
  expect(parseVipKey('__proto__:1', 6, 'constructor')).toMatchObject({ label: '__proto__', framework: 'constructor' });
  for (const bad of ['/a', '/a:', '/a:0', '/a:8x', '/a: 80', '/a:-0', '/a:1e3', '/a:0x10'])
    expect(() => parseVipKey(bad, 6, 'm'), bad).toThrow(Refusal);
  expect(() => parseVipKey('x'.repeat(10_000_000), 6, 'm')).toThrow(Refusal);
});

test('backends by network mode', () => {
  const ends = (task: Parameters<typeof agentBackends>[0]) =>
    agentBackends(task).map(({ backend }) => `${formatIp(backend.address)}:${backend.port} ${backend.weight} ${backend.cause}`);
  expect(
    ends([mesosTask({ mode: 'bridge', agent: '172.16.15.168', address: '172.17.0.2', hostPort: 9896, number: 9896 })]),
  ).toEqual(['172.16.15.168:9896 1 /httpi VIP_0 of container.portMappings(0)']);
  expect(ends([mesosTask({ mode: 'host', agent: '172.16.15.168', address: '172.16.15.168', number: 16327 })])).toEqual([
    '172.16.15.168:16327 1 /httpi VIP_0 of container.portMappings(0)',
  ]);
  expect(ends([mesosTask({ mode: 'container', agent: '172.16.15.168', address: '9.0.3.131', number: 3141 })])).toEqual([
    '9.0.3.131:3141 1 /httpi VIP_0 of container.portMappings(0)',
  ]);
});

test('in 1.13 unhealthy and dying tasks are no backends, from 2.1 on they have weight 0', () => {
  const base = mesosTask({ mode: 'container', agent: '172.16.15.168', address: '9.0.3.131', number: 3141 });
  const unhealthy = { ...base, statuses: base.statuses.map((status) => ({ ...status, healthy: false })) };
  const dying = { ...base, state: 'TASK_KILLING' };
  const unchecked = { ...base, healthCheck: true };
  const staging = { ...base, state: 'TASK_STAGING' };
  const weights = (version: '1.13' | '2.1') =>
    [unhealthy, dying, unchecked, staging].map((task) => agentBackends([task], { version }).map(({ backend }) => backend.weight));
  expect(weights('1.13')).toEqual([[], [], [], []]);
  expect(weights('2.1')).toEqual([[0], [0], [0], []]);
});

test('a label that cannot be read is logged, the others count', () => {
  const task = mesosTask({
    mode: 'container',
    agent: '172.16.15.168',
    address: '9.0.3.131',
    number: 3141,
    vips: ['/a', '/b:80', '/c:http'],
  });
  const lines: string[] = [];
  expect(agentBackends([task], { log: (line) => lines.push(line) })).toHaveLength(1);
  expect(lines).toEqual([
    'Unexpected error with httpi.1 [error]: {badmatch,[<<"/a">>]}',
    'Unexpected error with httpi.1 [error]: badarg',
  ]);
});

test('labels VIP_PORT0 of a task name its first host port', () => {
  const base = mesosTask({ mode: 'host', agent: '172.16.15.168', address: '172.16.15.168', number: 16327, vips: [] });
  const ranges = [
    { begin: 16327, end: 16327 },
    { begin: 20000, end: 29999 },
  ];
  const labelled = (key: string, value: string) => seenTask({ ...base, resourcePorts: ranges, labels: [{ key, value }] }).ports;
  expect(labelled('VIP_PORT0', 'tcp:///x:80')).toMatchObject([{ port: 16327, name: 'http', vips: [{ value: '/x:80' }] }]);
  expect(labelled('vip_port10000', 'udp:///x:80')).toMatchObject([
    { port: 16327, protocol: 6 },
    { port: 29999, protocol: 17 },
  ]);
  expect(labelled('vip_port10001', 'tcp:///x:80')).toEqual([]);
  expect(labelled('vip_port-1', 'tcp:///x:80')).toMatchObject([{ port: 16327 }]);
  expect(labelled('vip_port0', 'TCP:///x:80')).toMatchObject([{ port: 16327 }]);
});

test('an unknown network scope costs the task its ports, a running task without address its backends', () => {
  const base = mesosTask({ mode: 'container', agent: '172.16.15.168', address: '9.0.3.131', number: 3141 });
  const port = {
    number: 3141,
    protocol: 'tcp',
    labels: [
      { key: 'VIP_0', value: '/x:80' },
      { key: 'network-scope', value: 'moon' },
    ],
  };
  expect(seenTask({ ...base, discovery: { name: 'x', ports: [port] } }).ports).toEqual([]);
  const bare = { ...base, statuses: [] };
  expect(agentBackends([bare])).toEqual([]);
  expect(localPortMappings([seenTask(bare)])).toEqual([]);
});
