/**
 * The Mesos containerizer's network on one agent. Expected rules are the plugins' own command lines (mesos-cni-port-mapper of
 * Mesos 1.8, bridge and host-local of containernetworking/plugins 0.7.2) as iptables-save would print them.
 */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hostConfig } from '../src/agent/host.ts';
import { nextAddress } from '../src/agent/ucr/host-local.ts';
import type { CniNetwork, UcrContainer } from '../src/agent/ucr/state.ts';
import { sha512Hex } from '../src/base/sha512.ts';
import { Cluster, formatIpv4, type Machine, parseCidr, printSave, type UcrRequest } from '../src/index.ts';

const BRIDGE: CniNetwork = {
  name: 'mesos-bridge',
  chain: 'UCR-DEFAULT-BRIDGE',
  bridge: 'ucr-br0',
  subnet: parseCidr('172.31.254.0/24'),
  mtu: 1500,
  masquerade: true,
};
const OVERLAY: CniNetwork = {
  name: 'dcos',
  chain: 'M-DCOS',
  bridge: 'm-dcos',
  subnet: parseCidr('9.0.2.0/25'),
  mtu: 1420,
  masquerade: false,
};
const ID = '3d1ee4cf-1e06-4d5c-8c53-bd7d1b3d7d1c';

function agent(): Machine {
  const cluster = new Cluster({ seed: 1, epoch: 0, images: { find: () => undefined } });
  const config = hostConfig('agent', [{ name: 'eth0', address: parseCidr('172.16.0.12/16') }]);
  return cluster.add({ ...config, ucr: { networks: [BRIDGE, OVERLAY], containers: [] } });
}

function request(id: string, network: string, protocol = 'tcp', hostPort = 9896): UcrRequest {
  return { id, programs: [], networks: [{ name: network, ports: [{ protocol, hostPort, containerPort: 3141 }] }] };
}

function natOf(machine: Machine): readonly string[] {
  const text = printSave(machine.config.host.netfilter, { tables: ['nat'] });
  return text.split('\n').filter((line) => line.startsWith('-A') || (line.startsWith(':') && line.includes(' - ')));
}

test('a port on the overlay: the chain, its two jumps, the translation; when the container ends, only the translation goes', () => {
  const machine = agent();
  machine.launch([request(ID, 'dcos')]);
  const furniture = [
    ':M-DCOS - [0:0]',
    '-A PREROUTING -m addrtype --dst-type LOCAL -j M-DCOS',
    '-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j M-DCOS',
  ];
  const translation = `-A M-DCOS ! -i m-dcos -p tcp -m tcp --dport 9896 -m comment --comment "container_id: ${ID}" -j DNAT --to-destination 9.0.2.2:3141`;
  expect(natOf(machine)).toEqual([...furniture, translation]);
  machine.destroy(new Set([ID]));
  expect(natOf(machine)).toEqual(furniture);
  expect(machine.config.host.links.map(({ name }) => name)).toEqual(['lo', 'eth0', 'm-dcos']);
});

test('mesos-bridge masquerades by a chain of each container, named by SHA-512 of network and container', () => {
  const machine = agent();
  machine.launch([request(ID, 'mesos-bridge')]);
  const chain = `CNI-${createHash('sha512').update(`mesos-bridge${ID}`).digest('hex').slice(0, 24)}`;
  const comment = `-m comment --comment "name: \\"mesos-bridge\\" id: \\"${ID}\\""`;
  expect(natOf(machine)).toEqual(
    expect.arrayContaining([
      `:${chain} - [0:0]`,
      `-A POSTROUTING -s 172.31.254.0/24 ${comment} -j ${chain}`,
      `-A ${chain} -d 172.31.254.0/24 ${comment} -j ACCEPT`,
      `-A ${chain} ! -d 224.0.0.0/4 ${comment} -j MASQUERADE`,
    ]),
  );
  machine.destroy(new Set([ID]));
  expect(natOf(machine).filter((line) => line.includes(chain))).toEqual([]);
});

test('devices: a bridge with the first address, hairpin ports of eight digits, eth0 of index 3 inside', () => {
  const machine = agent();
  machine.launch([request(ID, 'mesos-bridge')]);
  const [bridge, veth] = machine.config.host.links.slice(2);
  expect(bridge).toMatchObject({ name: 'ucr-br0', index: 3, mtu: 1500, addresses: [parseCidr('172.31.254.1/24')] });
  expect(veth).toMatchObject({
    index: 4,
    mtu: 1500,
    kind: { type: 'veth', peer: { index: 3 } },
    port: { master: 'ucr-br0', hairpin: true },
  });
  expect(veth?.name).toMatch(/^veth[0-9a-f]{8}$/);
  const inside = machine.namespace(ID)?.config;
  expect(inside?.links[1]).toMatchObject({ name: 'eth0', index: 3, addresses: [parseCidr('172.31.254.2/24')] });
  expect(inside?.routes.find(({ destination }) => destination.prefix === 0)).toMatchObject({ via: 0xac1ffe01, device: 'eth0' });
});

test('two networks: a device each, and the first default route only', () => {
  const machine = agent();
  const networks = ['dcos', 'mesos-bridge'].map((name) => ({ name, ports: [] }));
  machine.launch([{ id: ID, programs: [], networks }]);
  const inside = machine.namespace(ID)?.config;
  expect(inside?.links.map(({ name, index, mtu }) => [name, index, mtu])).toEqual([
    ['lo', 1, 65536],
    ['eth0', 3, 1420],
    ['eth1', 5, 1500],
  ]);
  expect(inside?.routes.filter(({ destination }) => destination.prefix === 0).map(({ device }) => device)).toEqual(['eth0']);
});

test('what cannot be attached leaves nothing but what others had already, and takes an address all the same', () => {
  const machine = agent();
  const [unknown, both] = machine.launch([request('a', 'nowhere'), request('b', 'dcos', 'udp,tcp')]);
  expect(unknown).toMatchObject({ refusal: { code: 'no-such-network', message: "Unknown CNI network 'nowhere'" } });
  expect(both).toMatchObject({ refusal: { code: 'bad-protocol' } });
  expect(machine.config.ucr.containers).toEqual([]);
  expect(machine.config.host.links.map(({ name }) => name)).toEqual(['lo', 'eth0', 'm-dcos']);
  const [next] = machine.launch([request('c', 'dcos')]);
  expect(next).toMatchObject({ container: { attachments: [{ address: parseCidr('9.0.2.3/32').address }] } });
});

function holder(id: number, address: number): UcrContainer {
  const attachment = { network: 'tiny', address, mac: 0, veth: '', index: 0, ports: [] };
  return { id: String(id), programs: [], attachments: [attachment] };
}

test('addresses go round: none is given again before the last has been, and a full network refuses', () => {
  // A /29 has five: .2 to .6.
  const tiny = (lastReserved?: number): CniNetwork => ({
    ...OVERLAY,
    name: 'tiny',
    subnet: parseCidr('10.0.0.0/29'),
    ...(lastReserved === undefined ? {} : { lastReserved }),
  });
  const given: string[] = [];
  let last: number | undefined;
  for (let i = 0; i < 7; i++) {
    last = nextAddress(tiny(last), []);
    given.push(formatIpv4(last));
  }
  expect(given).toEqual(['10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6', '10.0.0.2', '10.0.0.3']);
  const first = parseCidr('10.0.0.2').address;
  const full = [0, 1, 2, 3, 4].map((i) => holder(i, first + i));
  expect(nextAddress(tiny(first + 1), full.slice(0, 4))).toBe(first + 4);
  expect(nextAddress(tiny(first + 4), full.slice(1))).toBe(first);
  expect(() => nextAddress(tiny(first + 2), full)).toThrow('no IP addresses available in range set: 10.0.0.1-10.0.0.6');
});

test('SHA-512 is the one of the standard library', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(sha512Hex(bytes)).toBe(createHash('sha512').update(bytes).digest('hex'));
    }),
    { numRuns: 50 },
  );
});
