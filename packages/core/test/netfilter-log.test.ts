import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { hostConfig } from '../src/agent/host.ts';
import type { Machine } from '../src/agent/machine.ts';
import { formatMac, parseCidr, parseIpv4 } from '../src/base/address.ts';
import type { Cluster } from '../src/cluster/cluster.ts';
import { parseSave } from '../src/kernel/netfilter/restore.ts';
import { dmesg } from '../src/tools/dmesg.ts';
import { fakeHost } from './fake-host.ts';
import { lan, talk } from './lan.ts';

/** What a router's LOG rules wrote on Linux 6.18 while a machine on its one side spoke with one on the other. */
const RECORDED = readFileSync(new URL('../../conformance/recorded/kernel/formats/nf-log-6.18.txt', import.meta.url), 'utf8');

const RULES = `*raw
:PREROUTING ACCEPT [0:0]
-A PREROUTING -j LOG --log-prefix "pre: " --log-tcp-sequence --log-uid
COMMIT
*mangle
:FORWARD ACCEPT [0:0]
-A FORWARD -j MARK --set-xmark 0x7/0xffffffff
-A POSTROUTING -j LOG --log-prefix "post: "
COMMIT
*filter
:FORWARD ACCEPT [0:0]
-A FORWARD -j LOG --log-prefix "fwd: " --log-macdecode
-A INPUT -j LOG --log-prefix "in: "
-A OUTPUT -j LOG --log-prefix "out: " --log-uid
COMMIT
`;

function plug(name: string, address: string, network: string) {
  return { name, address: parseCidr(address), network };
}

function router(cluster: Cluster): Machine {
  const config = hostConfig('r', [plug('eth0', '10.0.1.1/24', 'left'), plug('eth1', '10.0.2.1/24', 'right')]);
  const sysctl = { ...config.host.sysctl, ipForward: true };
  return cluster.add({ ...config, host: { ...config.host, sysctl, netfilter: parseSave(RULES) } });
}

/** Without what the model does not have: times, identifications, windows; sequence numbers are their first use's number. */
function comparable(lines: readonly string[], macs: readonly string[]): readonly string[] {
  const sequences = new Map<string, number>();
  return lines.map((line) => {
    let text = line.replace(/^\[ *\d+\.\d+\] /, '').replace(/\b(ID|WINDOW)=\d+/g, '$1=0');
    macs.forEach((mac, i) => {
      text = text.replaceAll(mac, `mac${i}`);
    });
    return text.replace(/\b(SEQ|ACK)=(\d+)/g, (_, name, number) => {
      if (!sequences.has(number)) sequences.set(number, sequences.size);
      return `${name}=#${sequences.get(number)}`;
    });
  });
}

test('LOG rules write what the kernel wrote', () => {
  const cluster = lan();
  const a = cluster.add(hostConfig('a', [plug('a0', '10.0.1.2/24', 'left')], parseIpv4('10.0.1.1'))).host;
  const r = router(cluster);
  const b = cluster.add(hostConfig('b', [plug('b0', '10.0.2.2/24', 'right')], parseIpv4('10.0.2.1'))).host;
  b.sockets.listen({ address: 0, port: 80, program: 'server' }, () => ({
    received: (socket, text) => socket.write(text),
    closed: (socket) => socket.close(),
  }));
  b.sockets.bindUdp({ address: 0, port: 53, program: 'server' }, ({ source, sourcePort }, socket) => {
    socket.send({ address: source, port: sourcePort }, 'hello', 5);
  });
  talk(a, '10.0.2.2', 80, { sourcePort: 40000 });
  cluster.run();
  const client = a.sockets.bindUdp({ address: 0, port: 40001, program: 'client' }, () => {});
  client.send({ address: parseIpv4('10.0.2.2'), port: 53 }, 'hello', 5);
  cluster.run();
  client.send({ address: parseIpv4('10.0.2.2'), port: 54 }, 'hello', 5);
  cluster.run();
  const other = a.sockets.bindUdp({ address: 0, port: 40002, program: 'client' }, () => {});
  other.send({ address: parseIpv4('10.0.2.2'), port: 53, ttl: 1 }, 'hello', 5);
  cluster.run();
  const macs = [a.device('a0'), r.host.device('eth0'), b.device('b0'), r.host.device('eth1')].map((device) =>
    formatMac(device?.mac ?? 0),
  );
  const ours = comparable(
    r.kernelLog().map(({ text }) => text),
    macs,
  );
  const theirs = comparable(
    RECORDED.split('\n').slice(0, -1),
    [1, 2, 3, 4].map((n) => `02:00:00:00:00:0${n}`),
  );
  expect(ours).toEqual(theirs);
});

test('dmesg prints the time as the kernel does', () => {
  const kernelLog = [
    { time: 0, text: 'IN=eth0 ' },
    { time: 13_489_534.842, text: 'x' },
  ];
  const host = fakeHost({ kernelLog });
  expect(dmesg.run([], host, '').stdout).toBe('[    0.000000] IN=eth0 \n[13489.534842] x\n');
  expect(dmesg.run(['-t'], host, '').stdout).toBe('IN=eth0 \nx\n');
});
