import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Refusal } from '../src/base/refusal.ts';
import { Ipvs } from '../src/kernel/ipvs/ipvs.ts';
import { markKey } from '../src/kernel/ipvs/service.ts';
import { Packet } from '../src/wire/ipv4.ts';
import { FLAG } from '../src/wire/tcp.ts';
import { answer, balancer, CLIENT, connect, SERVER, SERVICE, segment, VIP } from './ipvs-model.ts';

const FIN = FLAG.fin | FLAG.ack;

/** `active/inactive` of every server, newest first. */
function counts(ipvs: Ipvs): string {
  return (ipvs.services()[0]?.servers ?? []).map(({ active, inactive }) => `${active}/${inactive}`).join(' ');
}

function end(index: number): { address: number; port: number } {
  return { address: SERVER + index, port: 80 };
}

test('an active connection weighs as much as 256 inactive ones', () => {
  const { ipvs } = balancer('wlc', [0, 1]);
  const [old, young] = [end(0), end(1)];
  for (let port = 2001; port <= 2256; port++) {
    connect(ipvs, port);
    ipvs.outgoing(answer(young, port, FLAG.rst));
  }
  ipvs.editServer(SERVICE, { ...young, weight: 0 });
  ipvs.editServer(SERVICE, { ...old, weight: 1 });
  connect(ipvs, 1000);
  ipvs.editServer(SERVICE, { ...young, weight: 1 });
  expect(counts(ipvs)).toBe('0/256 1/0');
  expect(connect(ipvs, 1001).server).toMatchObject(young);
  ipvs.outgoing(answer(young, 1001, FLAG.rst));
  expect(counts(ipvs)).toBe('0/257 1/0');
  expect(connect(ipvs, 1002).server).toMatchObject(old);
});

// [what happens after the SYN, the state, seconds it is kept]
const LIVES: readonly [string, readonly (['in' | 'out', number] | number)[], string, number][] = [
  ['nothing', [], 'SYN_RECV', 60],
  ['the answer', [['out', FLAG.syn | FLAG.ack]], 'SYN_RECV', 60],
  [
    'a handshake',
    [
      ['out', FLAG.syn | FLAG.ack],
      ['in', FLAG.ack],
    ],
    'ESTABLISHED',
    900,
  ],
  ['a refusal', [['out', FLAG.rst | FLAG.ack]], 'CLOSE', 10],
  ['the client giving up', [['in', FLAG.rst]], 'SYN_RECV', 60],
  [
    'a client that closes',
    [
      ['in', FLAG.ack],
      ['in', FIN],
    ],
    'CLOSE_WAIT',
    60,
  ],
  [
    'a server that closes',
    [
      ['in', FLAG.ack],
      ['out', FIN],
    ],
    'FIN_WAIT',
    120,
  ],
  [
    'a server that closes, acknowledged',
    [
      ['in', FLAG.ack],
      ['out', FIN],
      ['in', FLAG.ack],
    ],
    'FIN_WAIT',
    120,
  ],
  [
    'both closing',
    [
      ['in', FLAG.ack],
      ['in', FIN],
      ['out', FIN],
      ['in', FLAG.ack],
    ],
    'TIME_WAIT',
    120,
  ],
  [
    'a reset by the client',
    [
      ['in', FLAG.ack],
      ['in', FLAG.rst],
    ],
    'CLOSE',
    10,
  ],
  [
    'a reset by the server',
    [
      ['in', FLAG.ack],
      ['out', FLAG.rst],
    ],
    'CLOSE',
    10,
  ],
  [
    'a reset with other flags',
    [
      ['in', FLAG.ack],
      ['in', FLAG.rst | FLAG.fin | FLAG.syn],
    ],
    'CLOSE',
    10,
  ],
  [
    'a segment without flags',
    [
      ['in', FLAG.ack],
      ['in', FLAG.psh],
    ],
    'CLOSE',
    10,
  ],
];

test.each(LIVES)(
  'after %s a connection is in its state, and stays as long as that state is kept',
  (_, packets, state, seconds) => {
    const { ipvs, clock } = balancer('wlc', [1]);
    const connection = ipvs.incoming(segment(1, FLAG.syn));
    for (const packet of packets) {
      if (typeof packet === 'number') continue;
      clock.now += 1000;
      if (packet[0] === 'in') ipvs.incoming(segment(1, packet[1]));
      else ipvs.outgoing(answer(end(0), 1, packet[1]));
    }
    expect(connection).toMatchObject({ state });
    const active = ['SYN_RECV', 'ESTABLISHED'].includes(state);
    expect(counts(ipvs)).toBe(active ? '1/0' : '0/1');
    clock.now += seconds * 1000 - 1;
    expect([...ipvs.connections()]).toEqual([connection]);
    clock.now += 1;
    expect([...ipvs.connections()]).toEqual([]);
    expect(counts(ipvs)).toBe('0/0');
    expect(ipvs.outgoing(answer(end(0), 1, FLAG.ack))).toBeUndefined();
  },
);

test('other timeouts hold from the next packet on; 0 leaves one as it is', () => {
  const { ipvs, clock } = balancer('wlc', [1]);
  const connection = connect(ipvs, 1);
  ipvs.setTimeouts({ tcp: 100, tcpfin: 50, udp: 0 });
  expect(connection.expiresAt).toBe(900_000);
  ipvs.incoming(segment(1, FLAG.ack));
  expect(connection.expiresAt).toBe(100_000);
  ipvs.outgoing(answer(end(0), 1, FIN));
  expect(connection.expiresAt).toBe(50_000);
  expect(ipvs.timeouts).toEqual({ tcp: 100, tcpfin: 50, udp: 300 });
  clock.now = 50_000;
  expect([...ipvs.connections()]).toEqual([]);
});

test('UDP counts as inactive, for 300 seconds after the last datagram of either side', () => {
  const clock = { now: 0 };
  const ipvs = new Ipvs(clock);
  const service = { protocol: 17, address: VIP, port: 53 } as const;
  ipvs.addService({ ...service, scheduler: 'wlc' });
  ipvs.addServer(service, { ...end(0), weight: 1 });
  const query = new Packet(17, CLIENT, 5000, VIP, 53, 60);
  const connection = ipvs.incoming(query);
  expect(connection).toMatchObject({ state: 'UDP', virtual: VIP, virtualPort: 53, client: CLIENT, clientPort: 5000 });
  clock.now = 200_000;
  expect(ipvs.outgoing(new Packet(17, SERVER, 80, CLIENT, 5000, 60))).toBe(connection);
  expect(counts(ipvs)).toBe('0/1');
  clock.now = 499_999;
  expect(ipvs.find(17, SERVER, 80, CLIENT, 5000)).toBe(connection);
  clock.now = 500_000;
  expect(ipvs.find(17, SERVER, 80, CLIENT, 5000)).toBeUndefined();
});

test('with one-packet scheduling every datagram is scheduled and none leaves a connection', () => {
  const ipvs = new Ipvs({ now: 0 });
  const service = { protocol: 17, address: VIP, port: 53 } as const;
  ipvs.addService({ ...service, scheduler: 'rr', onePacket: true });
  for (const i of [0, 1]) ipvs.addServer(service, { ...end(i), weight: 1 });
  const servers = [1, 2, 3].map(() => {
    const found = ipvs.incoming(new Packet(17, CLIENT, 5000, VIP, 53, 60));
    return typeof found === 'string' ? found : found.server.address - SERVER;
  });
  expect(servers).toEqual([1, 0, 1]);
  expect([...ipvs.connections()]).toEqual([]);
  expect(counts(ipvs)).toBe('0/0 0/0');
});

test('what is not for a service is not IPVS’s business; a service without a usable server is unavailable', () => {
  const { ipvs } = balancer('wlc', [0]);
  expect(ipvs.incoming(segment(1, FLAG.syn))).toBe('unavailable');
  expect(ipvs.incoming(segment(1, FLAG.ack))).toBe('none');
  expect(ipvs.incoming(segment(1, FLAG.syn | FLAG.rst))).toBe('none');
  expect(ipvs.incoming(new Packet(17, CLIENT, 1, VIP, SERVICE.port, 60))).toBe('none');
  expect(ipvs.incoming(new Packet(6, CLIENT, 1, VIP, 80, 60))).toBe('none');
  expect(ipvs.incoming(new Packet(6, CLIENT, 1, VIP + 1, SERVICE.port, 60))).toBe('none');
  expect(ipvs.incoming(new Packet(1, CLIENT, 1, VIP, SERVICE.port, 60))).toBe('none');
  ipvs.deleteServer(SERVICE, end(0));
  expect(ipvs.incoming(segment(1, FLAG.syn))).toBe('unavailable');
  ipvs.deleteService(SERVICE);
  expect(ipvs.incoming(segment(1, FLAG.syn))).toBe('none');
});

test('weight 0 keeps its connections and gets no more', () => {
  const { ipvs } = balancer('wlc', [1, 1]);
  const connection = connect(ipvs, 1);
  expect(connection.server).toMatchObject(end(1));
  ipvs.editServer(SERVICE, { ...end(1), weight: 0 });
  expect(ipvs.incoming(segment(1, FLAG.ack))).toBe(connection);
  expect([2, 3, 4].map((port) => connect(ipvs, port).server.address)).toEqual([SERVER, SERVER, SERVER]);
});

test('a deleted server’s connections stay, their packets are dropped, and they live again with it', () => {
  const { ipvs } = balancer('wlc', [1]);
  const connection = connect(ipvs, 1);
  ipvs.deleteServer(SERVICE, end(0));
  expect(ipvs.incoming(segment(1, FLAG.ack))).toBe('drop');
  expect([...ipvs.connections()]).toEqual([connection]);
  expect(ipvs.outgoing(answer(end(0), 1, FLAG.ack))).toBe(connection);
  ipvs.addServer(SERVICE, { ...end(0), weight: 1 });
  expect(counts(ipvs)).toBe('1/0');
  expect(ipvs.incoming(segment(1, FLAG.ack))).toBe(connection);

  ipvs.deleteService(SERVICE);
  expect(ipvs.incoming(segment(1, FLAG.ack))).toBe('drop');
  ipvs.addService({ ...SERVICE, scheduler: 'wlc' });
  ipvs.addServer(SERVICE, { ...end(0), weight: 1 });
  expect(counts(ipvs)).toBe('1/0');
  ipvs.incoming(segment(1, FLAG.rst));
  expect(counts(ipvs)).toBe('0/1');
});

test('a server of another service with the same address gets nobody else’s connections', () => {
  const { ipvs } = balancer('wlc', [1]);
  connect(ipvs, 1);
  ipvs.deleteServer(SERVICE, end(0));
  const other = { ...SERVICE, port: 80 };
  ipvs.addService({ ...other, scheduler: 'wlc' });
  ipvs.addServer(other, { ...end(0), weight: 1 });
  expect(ipvs.service(other)?.servers[0]).toMatchObject({ active: 0, inactive: 0 });
});

test('a deleted server is forgotten two minutes after the whole minute after its last connection went', () => {
  const { ipvs, clock } = balancer('wlc', [1]);
  const { server } = connect(ipvs, 1);
  ipvs.deleteServer(SERVICE, end(0));
  clock.now = 900_000 + 60_000 + 120_000 - 1;
  ipvs.addServer(SERVICE, { ...end(0), weight: 1 });
  expect(counts(ipvs)).toBe('0/0');
  expect(ipvs.services()[0]?.servers[0]).toBe(server);
  ipvs.deleteServer(SERVICE, end(0));
  clock.now += 180_000;
  ipvs.addServer(SERVICE, { ...end(0), weight: 1 });
  expect(ipvs.services()[0]?.servers[0]).not.toBe(server);
});

test('expire_nodest_conn: a deleted server’s connections go at once', () => {
  const { ipvs } = balancer('wlc', [1]);
  ipvs.settings = { ...ipvs.settings, expireNodest: true };
  connect(ipvs, 1);
  ipvs.deleteServer(SERVICE, end(0));
  expect([...ipvs.connections()]).toEqual([]);
  ipvs.addServer(SERVICE, { ...end(0), weight: 1 });
  expect(counts(ipvs)).toBe('0/0');
});

test('a SYN where a connection has ended is scheduled anew; the old one goes at the next tick', () => {
  const { ipvs, clock } = balancer('rr', [1, 1]);
  const old = connect(ipvs, 1);
  ipvs.outgoing(answer(old.server, 1, FIN));
  ipvs.incoming(segment(1, FIN));
  expect(old.state).toBe('TIME_WAIT');
  const young = ipvs.incoming(segment(1, FLAG.syn));
  expect(young).not.toBe(old);
  expect(counts(ipvs)).toBe('0/1 1/0');
  expect(ipvs.incoming(segment(1, FLAG.ack))).toBe(young);
  clock.now += 1;
  expect([...ipvs.connections()]).toEqual([young]);
  expect(ipvs.incoming(segment(1, FLAG.ack))).toBe(young);

  ipvs.incoming(segment(1, FLAG.rst));
  const third = ipvs.incoming(segment(1, FLAG.syn));
  expect(third).not.toBe(young);
  ipvs.settings = { ...ipvs.settings, connReuse: false };
  ipvs.outgoing(answer(old.server, 1, FLAG.rst));
  ipvs.incoming(segment(1, FLAG.ack));
  ipvs.incoming(segment(1, FLAG.rst));
  expect(ipvs.incoming(segment(1, FLAG.syn))).toBe(third);
});

test('two services, one server, one client port: an answer belongs to the newer connection, then to the older', () => {
  const { ipvs, clock } = balancer('wlc', [1]);
  const other = { ...SERVICE, port: 80 };
  ipvs.addService({ ...other, scheduler: 'wlc' });
  ipvs.addServer(other, { ...end(0), weight: 1 });
  const first = connect(ipvs, 7);
  const syn = new Packet(6, CLIENT, 7, VIP, 80, 60);
  syn.flags = FLAG.syn;
  const second = ipvs.incoming(syn);
  expect(ipvs.outgoing(answer(end(0), 7, FLAG.ack))).toBe(second);
  ipvs.outgoing(answer(end(0), 7, FLAG.rst));
  clock.now += 10_000;
  expect(ipvs.outgoing(answer(end(0), 7, FLAG.ack))).toBe(first);
});

test('a server at its upper threshold gets no more until it is below the lower', () => {
  const { ipvs, clock } = balancer('wlc', []);
  const server = { ...end(0), weight: 1, upperThreshold: 3, lowerThreshold: 2 };
  ipvs.addServer(SERVICE, server);
  const open = (port: number) => ipvs.incoming(segment(port, FLAG.syn));
  for (const port of [1, 2, 3]) connect(ipvs, port);
  expect(open(4)).toBe('unavailable');
  const close = (port: number) => {
    ipvs.incoming(segment(port, FLAG.rst));
    clock.now += 10_000;
  };
  close(1);
  expect(open(4)).toBe('unavailable');
  close(2);
  expect(open(4)).not.toBe('unavailable');
  connect(ipvs, 5);
  expect(open(6)).toBe('unavailable');
  ipvs.editServer(SERVICE, { ...server, upperThreshold: 4 });
  expect(open(6)).not.toBe('unavailable');
  expect(open(7)).toBe('unavailable');
});

test('without a lower threshold three quarters of the upper is the line', () => {
  const { ipvs, clock } = balancer('wlc', []);
  ipvs.addServer(SERVICE, { ...end(0), weight: 1, upperThreshold: 4 });
  for (const port of [1, 2, 3, 4]) connect(ipvs, port);
  ipvs.incoming(segment(1, FLAG.rst));
  clock.now += 10_000;
  expect(ipvs.incoming(segment(5, FLAG.syn))).toBe('unavailable');
  ipvs.incoming(segment(2, FLAG.rst));
  clock.now += 10_000;
  expect(ipvs.incoming(segment(5, FLAG.syn))).not.toBe('unavailable');
});

test('services come by bucket of the kernel’s hash, a new server comes first, an edited one keeps its place', () => {
  const ipvs = new Ipvs({ now: 0 });
  // Buckets 83, 10 and 83 again.
  for (const [address, port] of [
    [0x0b010105, 80],
    [0x0b010105, 9],
    [0xcb007105, 80],
  ] as const)
    ipvs.addService({ protocol: 6, address, port, scheduler: 'wlc' });
  expect(ipvs.services().map(({ address, port }) => [address, port])).toEqual([
    [0x0b010105, 9],
    [0xcb007105, 80],
    [0x0b010105, 80],
  ]);
  const key = { protocol: 6, address: 0x0b010105, port: 80 } as const;
  for (const i of [0, 1, 2]) ipvs.addServer(key, { ...end(i), weight: 1 });
  ipvs.editServer(key, { ...end(0), weight: 5 });
  ipvs.deleteServer(key, end(1));
  ipvs.addServer(key, { ...end(1), weight: 1 });
  expect(ipvs.service(key)?.servers.map(({ address }) => address - SERVER)).toEqual([1, 2, 0]);
  ipvs.clear();
  expect(ipvs.services()).toEqual([]);
});

const spec = { ...end(0), weight: 1 };
const missing = { ...SERVICE, port: 81 };
const REFUSED: readonly [string, string, (ipvs: Ipvs) => void][] = [
  ['service-exists', 'Service already exists', (ipvs) => ipvs.addService({ ...SERVICE, scheduler: 'nosuch' })],
  [
    'no-scheduler',
    'Scheduler or persistence engine not found',
    (ipvs) => ipvs.addService({ ...missing, scheduler: '__proto__' }),
  ],
  [
    'one-packet',
    'One-Packet Scheduling is only for UDP virtual services',
    (ipvs) => ipvs.addService({ ...missing, scheduler: 'wlc', onePacket: true }),
  ],
  [
    'other-schedulers-flag',
    "incompatible scheduler flag `sh-port'",
    (ipvs) => ipvs.addService({ ...missing, scheduler: 'mh', flags: ['sh-port'] }),
  ],
  [
    'bad-flag',
    "invalid scheduler flag `constructor'",
    (ipvs) => ipvs.addService({ ...missing, scheduler: 'mh', flags: ['constructor'] }),
  ],
  [
    'bad-persistence',
    'invalid timeout value specified',
    (ipvs) => ipvs.addService({ ...missing, scheduler: 'wlc', persistentSeconds: Number.NaN }),
  ],
  ['bad-mark', 'invalid fwmark value specified', (ipvs) => ipvs.addService({ ...markKey(2 ** 32), scheduler: 'wlc' })],
  [
    'not-unicast',
    'Invalid operation.  Possibly wrong module version, address not unicast, ...',
    (ipvs) => ipvs.addServer(SERVICE, { address: 0xe0000001, port: 80, weight: 1 }),
  ],
  [
    'zero-port',
    'Zero port specified for non-persistent service',
    (ipvs) => ipvs.addService({ ...SERVICE, port: 0, scheduler: 'wlc' }),
  ],
  [
    'bad-service',
    'illegal virtual server address[:port] specified',
    (ipvs) => ipvs.addService({ ...SERVICE, port: 65536, scheduler: 'wlc' }),
  ],
  ['no-such-service', 'No such service', (ipvs) => ipvs.editService({ ...missing, scheduler: 'wlc' })],
  ['no-such-service', 'No such service', (ipvs) => ipvs.deleteService(missing)],
  ['service-not-defined', 'Service not defined', (ipvs) => ipvs.addServer(missing, spec)],
  ['service-not-defined', 'Service not defined', (ipvs) => ipvs.editServer(missing, spec)],
  ['service-not-defined', 'Service not defined', (ipvs) => ipvs.deleteServer(missing, spec)],
  ['server-exists', 'Destination already exists', (ipvs) => ipvs.addServer(SERVICE, spec)],
  ['no-such-server', 'No such destination', (ipvs) => ipvs.editServer(SERVICE, { ...spec, port: 81 })],
  ['no-such-server', 'No such destination', (ipvs) => ipvs.deleteServer(SERVICE, { ...spec, port: 81 })],
  ['bad-weight', 'illegal weight specified', (ipvs) => ipvs.addServer(SERVICE, { ...end(1), weight: -1 })],
  ['bad-weight', 'illegal weight specified', (ipvs) => ipvs.addServer(SERVICE, { ...end(1), weight: Number.NaN })],
  ['bad-weight', 'illegal weight specified', (ipvs) => ipvs.editServer(SERVICE, { ...spec, weight: 1.5 })],
  ['bad-server', 'illegal real server address[:port] specified', (ipvs) => ipvs.addServer(SERVICE, { ...spec, port: 65536 })],
  [
    'thresholds-crossed',
    'Numerical result out of range',
    (ipvs) => ipvs.addServer(SERVICE, { ...end(1), weight: 1, lowerThreshold: 1 }),
  ],
  ['bad-timeout', 'illegal timeout values specified', (ipvs) => ipvs.setTimeouts({ tcp: -1, tcpfin: 0, udp: 0 })],
];

test.each(REFUSED)('%s: "%s", and nothing is changed', (code, message, attempt) => {
  const { ipvs } = balancer('wlc', [1]);
  const show = () => JSON.stringify([counts(ipvs), ipvs.services().map(({ port, size }) => [port, size]), ipvs.timeouts]);
  const before = show();
  let refusal: unknown;
  try {
    attempt(ipvs);
  } catch (thrown) {
    refusal = thrown;
  }
  expect(refusal).toBeInstanceOf(Refusal);
  expect(refusal).toMatchObject({ component: 'ipvsadm', code, message });
  expect(show()).toBe(before);
});

test('no sequence of packets breaks the tables', () => {
  const number = fc.oneof(fc.constantFrom(0, 1, 80, 3141, 65535, SERVER, CLIENT, VIP), fc.nat());
  fc.assert(
    fc.property(fc.array(fc.tuple(number, number, number, number, number, fc.nat(255)), { maxLength: 30 }), (packets) => {
      const { ipvs, clock } = balancer('wlc', [1, 2]);
      for (const [protocol, source, sourcePort, destination, port, flags] of packets) {
        clock.now += flags * 100;
        for (const direct of [true, false]) {
          const packet = new Packet(
            direct ? 6 : protocol,
            source,
            sourcePort,
            direct ? VIP : destination,
            direct ? 3141 : port,
            60,
          );
          packet.flags = flags;
          ipvs.incoming(packet);
          ipvs.outgoing(packet);
        }
      }
      const open = [...ipvs.connections()];
      const servers = ipvs.services()[0]?.servers ?? [];
      expect(servers.reduce((sum, { active, inactive }) => sum + active + inactive, 0)).toBe(open.length);
    }),
    { numRuns: 1000 },
  );
});
