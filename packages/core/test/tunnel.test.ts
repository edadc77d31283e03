/** VXLAN between two machines: what is on the wire, how much longer it is, and what an unknown address comes to. */
import { expect, test } from 'vitest';
import { hostConfig, withLink } from '../src/agent/host.ts';
import { formatIpv4, parseCidr, parseIpv4, parseMac } from '../src/base/address.ts';
import type { Cluster } from '../src/cluster/cluster.ts';
import type { Namespace } from '../src/kernel/namespace.ts';
import { echo, lan, talk } from './lan.ts';

const ENDS = [
  { name: 'a', address: '172.16.0.1', vtep: '44.128.0.1', mac: '70:b3:d5:80:00:01' },
  { name: 'b', address: '172.16.0.2', vtep: '44.128.0.2', mac: '70:b3:d5:80:00:02' },
] as const;

/** Two machines whose tunnel ends know each other, but for what is left out. */
function tunnelled(known: { readonly fdb: boolean } = { fdb: true }): { cluster: Cluster; a: Namespace; b: Namespace } {
  const cluster = lan();
  const [a, b] = ENDS.map((own) => {
    const [other] = ENDS.filter((end) => end !== own);
    if (other === undefined) throw new Error('nobody else');
    const plain = hostConfig(own.name, [{ name: 'eth0', address: parseCidr(`${own.address}/24`) }]);
    const config = withLink(plain, {
      name: 'vtep1024',
      mac: parseMac(own.mac),
      mtu: 1450,
      up: true,
      kind: { type: 'vxlan', vni: 1024, port: 64000, learning: true },
      addresses: [parseCidr(`${own.vtep}/20`)],
    });
    const mac = parseMac(other.mac);
    return cluster.add({
      ...config,
      host: {
        ...config.host,
        neighbours: [{ address: parseIpv4(other.vtep), device: 'vtep1024', mac }],
        fdb: known.fdb ? [{ mac, device: 'vtep1024', remote: parseIpv4(other.address) }] : [],
      },
    }).host;
  });
  if (a === undefined || b === undefined) throw new Error('two machines');
  return { cluster, a, b };
}

test('a packet goes inside a UDP packet that is 50 bytes longer, to port 64000 of the other machine', () => {
  const { cluster, a, b } = tunnelled();
  echo(b, 80);
  const frames: string[] = [];
  cluster.tap((device, direction, frame) => {
    if (direction !== 'out' || !('protocol' in frame) || device.owner.name !== 'a') return;
    const ends = `${formatIpv4(frame.source)} > ${formatIpv4(frame.destination)}`;
    frames.push(`${device.name} ${ends} protocol ${frame.protocol} length ${frame.length} port ${frame.destinationPort}`);
  });
  const said = talk(a, '44.128.0.2', 80);
  cluster.run();
  expect(said.answer).toMatch(/^hello from 44\.128\.0\.1:/);
  expect(frames.slice(0, 2)).toEqual([
    'vtep1024 44.128.0.1 > 44.128.0.2 protocol 6 length 60 port 80',
    'eth0 172.16.0.1 > 172.16.0.2 protocol 17 length 110 port 64000',
  ]);
});

test('packets of one conversation have one outer source port, out of the ephemeral range', () => {
  const { cluster, a, b } = tunnelled();
  echo(b, 80);
  const ports = new Map<number, Set<number>>();
  cluster.tap((device, direction, frame) => {
    if (direction !== 'out' || !('protocol' in frame) || device.name !== 'eth0' || device.owner.name !== 'a') return;
    const inner = frame.payload;
    if (typeof inner !== 'object' || inner === null || !('sourcePort' in inner) || typeof inner.sourcePort !== 'number') return;
    ports.set(inner.sourcePort, (ports.get(inner.sourcePort) ?? new Set()).add(frame.sourcePort));
  });
  for (let i = 0; i < 20; i++) talk(a, '44.128.0.2', 80);
  cluster.run();
  const outer = [...ports.values()].flatMap((set) => [...set]);
  expect([ports.size, outer.length]).toEqual([20, 20]);
  expect(new Set(outer).size).toBeGreaterThan(15);
  expect(outer.every((port) => port >= 32768 && port <= 60999)).toBe(true);
});

test('an address behind no known tunnel end is dropped, and the trace says so', () => {
  const { cluster, a, b } = tunnelled({ fdb: false });
  echo(b, 80);
  const { trace } = cluster.traced(() => {
    talk(a, '44.128.0.2', 80);
    cluster.run();
  });
  expect(trace.fate).toMatchObject({ action: 'dropped', text: expect.stringContaining('vtep1024') });
});
