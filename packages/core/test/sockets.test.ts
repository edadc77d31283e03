import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseIpv4 } from '../src/base/address.ts';
import { Refusal } from '../src/base/refusal.ts';
import type { Datagram } from '../src/kernel/socket/datagram.ts';
import { echo, host, lan, talk } from './lan.ts';

test('a conversation: handshake, data, close; nothing is left of it', () => {
  const cluster = lan();
  const [a, b] = [host(cluster, 'a', '10.0.0.1/24'), host(cluster, 'b', '10.0.0.2/24')];
  echo(b, 80);
  const said = talk(a, '10.0.0.2', 80, { sourcePort: 5000 });
  cluster.run();
  expect(said).toMatchObject({ answer: 'hello from 10.0.0.1:5000', failure: undefined });
  expect([[...a.sockets.open()].length, [...b.sockets.open()].length, cluster.clock.now]).toEqual([0, 0, 0]);
});

test('why a connection is not made, and after how long', () => {
  const cluster = lan();
  const [a] = [host(cluster, 'a', '10.0.0.1/24'), host(cluster, 'b', '10.0.0.2/24')];
  const failureOf = (to: string): readonly [string | undefined, number] => {
    const start = cluster.clock.now;
    const said = talk(a, to, 80);
    cluster.runUntil(() => said.failure !== undefined, 300_000);
    return [said.failure, Math.round((cluster.clock.now - start) / 1000)];
  };
  expect(failureOf('10.0.0.2')).toEqual(['ECONNREFUSED', 0]);
  expect(failureOf('192.168.0.1')).toEqual(['ENETUNREACH', 0]);
  // connect(2) to everybody: tcp_v4_connect refuses it.
  expect(failureOf('10.0.0.255')).toEqual(['ENETUNREACH', 0]);
  expect(failureOf('224.0.0.1')).toEqual(['ENETUNREACH', 0]);
  // Three ARP requests, a second or a little more apart.
  const [failure, seconds] = failureOf('10.0.0.77');
  expect([failure, seconds >= 3 && seconds <= 4]).toEqual(['EHOSTUNREACH', true]);
});

test('a SYN nobody answers is sent at 0, 1, 3, 7, 15, 31, 63 s and given up at 127 s', () => {
  const cluster = lan();
  const [a, b] = [host(cluster, 'a', '10.0.0.1/24'), host(cluster, 'b', '10.0.0.2/24')];
  const { machine } = { machine: cluster.machine('b') };
  machine.configure((draft) => {
    for (const chain of draft.host.netfilter.filter) if (chain.name === 'INPUT') chain.policy = 'DROP';
  });
  echo(b, 80);
  const sent: number[] = [];
  cluster.tap((device, direction, frame) => {
    if (device.owner.name === 'a' && direction === 'out' && 'protocol' in frame) sent.push(cluster.clock.now / 1000);
  });
  const said = talk(a, '10.0.0.2', 80);
  cluster.runUntil(() => said.failure !== undefined, 300_000);
  expect([said.failure, sent, cluster.clock.now]).toEqual(['ETIMEDOUT', [0, 1, 3, 7, 15, 31, 63], 127_000]);
});

test('one port, one listener: an address and all addresses exclude each other, two addresses do not', () => {
  const cluster = lan();
  const a = host(cluster, 'a', '10.0.0.1/24');
  const [own, lo] = [parseIpv4('10.0.0.1'), parseIpv4('127.0.0.1')];
  const listen = (address: number): (() => void) => {
    const { close } = a.sockets.listen({ address, port: 80, program: 'x' }, () => ({}));
    return close;
  };
  const closers = [listen(own), listen(lo)];
  expect(() => listen(0)).toThrowError('listen tcp4 0.0.0.0:80: bind: address already in use');
  expect(() => listen(own)).toThrowError(Refusal);
  expect(a.sockets.list().length).toBe(2);
  for (const close of closers) close();
  listen(0);
  expect(() => listen(lo)).toThrowError(Refusal);
  // UDP ports are others.
  a.sockets.bindUdp({ address: 0, port: 80, program: 'x' }, () => {});
  expect(a.sockets.list().map(({ protocol, listener }) => `${protocol} ${listener.port}`)).toEqual(['tcp 80', 'udp 80']);
});

test('a listener on the packet’s address is preferred to one on another', () => {
  const cluster = lan();
  const [a, b] = [host(cluster, 'a', '10.0.0.1/24'), host(cluster, 'b', '10.0.0.2/24')];
  echo(b, 80, parseIpv4('127.0.0.1'));
  const said = talk(a, '10.0.0.2', 80);
  cluster.run();
  expect(said.failure).toBe('ECONNREFUSED');
  const inside = talk(b, '127.0.0.1', 80);
  cluster.run();
  expect(inside.answer).toMatch(/^hello from 127\.0\.0\.1:/);
});

test('UDP: datagrams come with their source; an error tells of a closed port; nobody waits for an answer', () => {
  const cluster = lan();
  const [a, b] = [host(cluster, 'a', '10.0.0.1/24'), host(cluster, 'b', '10.0.0.2/24')];
  const seen: Datagram[] = [];
  b.sockets.bindUdp({ address: 0, port: 53, program: 'dns' }, (datagram, socket) => {
    seen.push(datagram);
    socket.send({ address: datagram.source, port: datagram.sourcePort, source: datagram.destination }, 'pong', 4);
  });
  const heard: unknown[] = [];
  const client = a.sockets.bindUdp(
    { address: 0, port: 0, program: 'c' },
    ({ payload }) => heard.push(payload),
    (failure) => heard.push(failure),
  );
  expect(client.send({ address: parseIpv4('10.0.0.2'), port: 53 }, 'ping', 4)).toBe(undefined);
  cluster.run();
  client.send({ address: parseIpv4('10.0.0.2'), port: 54 }, 'ping', 4);
  cluster.run();
  expect(client.send({ address: parseIpv4('192.168.0.1'), port: 53 }, 'ping', 4)).toBe('ENETUNREACH');
  expect(seen).toMatchObject([{ source: parseIpv4('10.0.0.1'), sourcePort: client.port, payload: 'ping' }]);
  expect(heard).toEqual(['pong', 'ECONNREFUSED']);
});

test('connections to one server have source ports of their own, from the ephemeral range, whatever is closed in between', () => {
  fc.assert(
    fc.property(fc.nat(), fc.array(fc.nat({ max: 30 }), { maxLength: 40, size: 'max' }), (seed, closing) => {
      const cluster = lan(seed);
      const [a, b] = [host(cluster, 'a', '10.0.0.1/24'), host(cluster, 'b', '10.0.0.2/24')];
      echo(b, 80);
      const open: ReturnType<typeof talk>[] = [];
      for (const victim of closing) {
        open.push(talk(a, '10.0.0.2', 80, { keep: true }));
        cluster.run();
        const ports = open.map(({ socket }) => socket?.localPort ?? 0);
        expect(new Set(ports).size).toBe(ports.length);
        expect(ports.every((port) => port >= 32768 && port <= 60999)).toBe(true);
        expect(open.at(-1)?.answer).toBe(`hello from 10.0.0.1:${ports.at(-1)}`);
        if (victim < open.length) open.splice(victim, 1)[0]?.socket?.close();
        cluster.run();
        expect([...b.sockets.open()].length).toBe(open.length);
      }
    }),
    { numRuns: 200 },
  );
});

test('text of any length arrives whole, in segments that fit', () => {
  const cluster = lan();
  const [a, b] = [host(cluster, 'a', '10.0.0.1/24'), host(cluster, 'b', '10.0.0.2/24')];
  fc.assert(
    fc.property(fc.nat({ max: 6000 }), fc.constantFrom('x', 'é', '€', '😀'), (length, character) => {
      const sent = character.repeat(length);
      let got = '';
      let longest = 0;
      cluster.tap((_, direction, frame) => {
        if (direction === 'out' && 'protocol' in frame) longest = Math.max(longest, frame.length);
      });
      const server = b.sockets.listen({ address: 0, port: 80, program: 'sink' }, (socket) => ({
        received: (_, text) => {
          got += text;
        },
        closed: () => socket.close(),
      }));
      a.sockets.connect(
        { address: parseIpv4('10.0.0.2'), port: 80 },
        {
          connected: (socket) => {
            if (sent !== '') socket.write(sent);
            socket.close();
          },
        },
      );
      cluster.run();
      server.close();
      expect([got === sent, longest <= 1500]).toEqual([true, true]);
      expect([[...a.sockets.open()].length, [...b.sockets.open()].length]).toEqual([0, 0]);
    }),
    { numRuns: 300 },
  );
});
