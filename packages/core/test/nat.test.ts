/** Address translation between two networks: who is masked as whom, and that nobody gets another's answers. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hostConfig } from '../src/agent/host.ts';
import { conntrackRows } from '../src/agent/report.ts';
import { formatIpv4, parseCidr, parseIpv4 } from '../src/base/address.ts';
import type { Cluster } from '../src/cluster/cluster.ts';
import type { Namespace } from '../src/kernel/namespace.ts';
import { parseSave } from '../src/kernel/netfilter/restore.ts';
import { echo, lan, type Talk, talk } from './lan.ts';

const INSIDE = 3;

/** Hosts 192.168.0.1 to .3 behind a router that is 10.0.0.254 outside, where 10.0.0.1 and 10.0.0.2 are servers. */
function behindRouter(
  rules: readonly string[],
  seed = 1,
): { cluster: Cluster; router: Namespace; inside: readonly Namespace[]; servers: readonly Namespace[] } {
  const cluster = lan(seed);
  const inside = Array.from({ length: INSIDE }, (_, i) =>
    cluster.add(
      hostConfig(
        `in${i}`,
        [{ name: 'eth0', address: parseCidr(`192.168.0.${i + 1}/24`), network: 'inside' }],
        parseIpv4('192.168.0.254'),
      ),
    ),
  );
  const config = hostConfig('router', [
    { name: 'eth0', address: parseCidr('10.0.0.254/24') },
    { name: 'eth1', address: parseCidr('192.168.0.254/24'), network: 'inside' },
  ]);
  const text = `*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n${rules.join('\n')}\nCOMMIT\n`;
  const { nat } = parseSave(text);
  const router = cluster.add({
    ...config,
    host: { ...config.host, sysctl: { ...config.host.sysctl, ipForward: true }, netfilter: { ...config.host.netfilter, nat } },
  });
  const servers = ['10.0.0.1', '10.0.0.2'].map((address, i) =>
    cluster.add(hostConfig(`out${i}`, [{ name: 'eth0', address: parseCidr(`${address}/24`) }])),
  );
  for (const server of servers) echo(server.host, 80);
  return { cluster, router: router.host, inside: inside.map(({ host }) => host), servers: servers.map(({ host }) => host) };
}

test('MASQUERADE: the router’s address, the same port as long as it is free, another one above 1023 when it is not', () => {
  const { cluster, router, inside } = behindRouter(['-A POSTROUTING -s 192.168.0.0/24 -o eth0 -j MASQUERADE']);
  const talks = inside.map((ns) => talk(ns, '10.0.0.1', 80, { sourcePort: 5000, keep: true }));
  cluster.run();
  const ports = talks.map(({ answer }) => /^hello from 10\.0\.0\.254:(\d+)$/.exec(answer ?? '')?.[1] ?? '');
  expect(ports[0]).toBe('5000');
  expect(new Set(ports).size).toBe(3);
  expect(ports.slice(1).every((port) => Number(port) >= 1024)).toBe(true);
  // To another server the same port is free again.
  const [first] = inside;
  if (first === undefined) throw new Error('nobody inside');
  const other = talk(first, '10.0.0.2', 80, { sourcePort: 5000 });
  cluster.run();
  expect(other.answer).toBe('hello from 10.0.0.254:5000');
  expect(conntrackRows(router).length).toBe(4);
});

test('DNAT: a port of the router is a server inside, which sees who really asks', () => {
  const { cluster, inside, servers } = behindRouter([
    '-A PREROUTING -i eth0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 192.168.0.2:80',
  ]);
  const [, server] = inside;
  const [client] = servers;
  if (server === undefined || client === undefined) throw new Error('nobody there');
  echo(server, 80);
  const said = talk(client, '10.0.0.254', 8080, { sourcePort: 7000 });
  cluster.run();
  expect(said.answer).toBe('hello from 10.0.0.1:7000');
  const refused = talk(client, '10.0.0.254', 8081);
  cluster.run();
  expect(refused.failure).toBe('ECONNREFUSED');
});

test('an ICMP error about a translated packet finds the one who sent it', () => {
  const { cluster, inside } = behindRouter(['-A POSTROUTING -s 192.168.0.0/24 -o eth0 -j MASQUERADE']);
  const [client] = inside;
  if (client === undefined) throw new Error('nobody inside');
  let failure = '';
  const socket = client.sockets.bindUdp(
    { address: 0, port: 6000, program: 'c' },
    () => {},
    (why) => {
      failure = why;
    },
  );
  socket.send({ address: parseIpv4('10.0.0.1'), port: 53 }, 'ping', 4);
  cluster.run();
  expect(failure).toBe('ECONNREFUSED');
});

test('what is remembered of UDP, and for how long: 30 s, from the third second of answers on 120 s', () => {
  const { cluster, router, inside, servers } = behindRouter(['-A POSTROUTING -s 192.168.0.0/24 -o eth0 -j MASQUERADE']);
  const [client] = inside;
  const [server] = servers;
  if (client === undefined || server === undefined) throw new Error('nobody there');
  const rows = (): readonly string[] =>
    conntrackRows(router).map(
      ({ secondsLeft, unreplied, assured }) => `${secondsLeft} ${unreplied ? 'unreplied' : ''}${assured ? 'assured' : ''}`,
    );
  const silent = server.sockets.bindUdp({ address: 0, port: 53, program: 's' }, () => {});
  const socket = client.sockets.bindUdp({ address: 0, port: 6000, program: 'c' }, () => {});
  const ask = (): void => {
    socket.send({ address: parseIpv4('10.0.0.1'), port: 53 }, 'ping', 4);
    cluster.run();
  };
  ask();
  expect(rows()).toEqual(['30 unreplied']);
  cluster.clock.advance(29_000);
  expect(rows()).toEqual(['1 unreplied']);
  silent.close();
  server.sockets.bindUdp({ address: 0, port: 53, program: 's' }, ({ source, sourcePort }, own) => {
    own.send({ address: source, port: sourcePort }, 'pong', 4);
  });
  ask();
  expect(rows()).toEqual(['30 ']);
  cluster.clock.advance(3000);
  ask();
  expect(rows()).toEqual(['120 assured']);
  cluster.clock.advance(120_000);
  expect(rows()).toEqual([]);
});

test('what is remembered of TCP: five days while it is open, two minutes once it is closed, ten seconds once it is reset', () => {
  const { cluster, router, inside } = behindRouter(['-A POSTROUTING -s 192.168.0.0/24 -o eth0 -j MASQUERADE']);
  const [client] = inside;
  if (client === undefined) throw new Error('nobody inside');
  const rows = (): readonly string[] =>
    conntrackRows(router).map(({ state, secondsLeft, assured }) => `${state} ${secondsLeft} ${assured}`);
  const open = talk(client, '10.0.0.1', 80, { keep: true });
  cluster.run();
  expect(rows()).toEqual(['ESTABLISHED 432000 true']);
  open.socket?.close();
  cluster.run();
  expect(rows()).toEqual(['TIME_WAIT 120 true']);
  cluster.clock.advance(120_000);
  expect(rows()).toEqual([]);
  const reset = talk(client, '10.0.0.1', 80, { keep: true });
  cluster.run();
  reset.socket?.reset();
  cluster.run();
  expect(rows()).toEqual(['CLOSE 10 true']);
});

test('however many share few source ports: every conversation gets its own answer, and no two the same tuple', () => {
  const talker = fc.tuple(
    fc.nat({ max: INSIDE - 1 }),
    fc.constantFrom('10.0.0.1', '10.0.0.2'),
    fc.integer({ min: 4990, max: 5000 }),
  );
  fc.assert(
    fc.property(fc.nat(), fc.uniqueArray(talker, { maxLength: 30, selector: (t) => t.join() }), (seed, talkers) => {
      const { cluster, router, inside } = behindRouter(['-A POSTROUTING -s 192.168.0.0/24 -o eth0 -j MASQUERADE'], seed);
      const talks = talkers.map(([who, to, sourcePort]): readonly [string, Talk] => {
        const ns = inside[who];
        if (ns === undefined) throw new Error('nobody inside');
        return [to, talk(ns, to, 80, { sourcePort, keep: true })];
      });
      cluster.run();
      for (const [, { answer }] of talks) expect(answer).toMatch(/^hello from 10\.0\.0\.254:\d+$/);
      expect(new Set(talks.map(([to, { answer }]) => `${to} ${answer}`)).size).toBe(talks.length);
      const replies = conntrackRows(router).map(
        ({ reply }) => `${formatIpv4(reply.source)} ${reply.sourcePort} ${reply.destinationPort}`,
      );
      expect(new Set(replies).size).toBe(talks.length);
    }),
    { numRuns: 200 },
  );
});
