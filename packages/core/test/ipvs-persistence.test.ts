/** Persistence, statistics and what the kernel keeps of deleted servers, worked by hand from its rules. */
import { expect, test } from 'vitest';
import { Ipvs } from '../src/kernel/ipvs/ipvs.ts';
import { markKey } from '../src/kernel/ipvs/service.ts';
import { Packet } from '../src/wire/ipv4.ts';
import { FLAG } from '../src/wire/tcp.ts';
import { SERVER, SERVICE, VIP } from './ipvs-model.ts';

const CLIENT = 0x0a010101;

function tables(options: object) {
  const clock = { now: 0 };
  const ipvs = new Ipvs(clock);
  ipvs.addService({ ...SERVICE, scheduler: 'rr', ...options });
  for (const i of [0, 1, 2]) ipvs.addServer(SERVICE, { address: SERVER + i, port: 80, weight: 1 });
  let port = 5000;
  const open = (client = CLIENT, to = SERVICE.port): number | string => {
    const syn = new Packet(6, client, ++port, VIP, to, 60);
    syn.flags = FLAG.syn;
    const made = ipvs.incoming(syn);
    return typeof made === 'string' ? made : made.server.address - SERVER;
  };
  const templates = () => [...ipvs.connections()].filter(({ template }) => template);
  return { ipvs, clock, open, templates };
}

test('a client stays with its server, even at weight 0, until its template goes', () => {
  const { ipvs, clock, open, templates } = tables({ persistentSeconds: 100 });
  expect([open(), open(), open()]).toEqual([2, 2, 2]);
  expect(open(CLIENT + 1)).toBe(1);
  ipvs.editServer(SERVICE, { address: SERVER + 2, port: 80, weight: 0 });
  expect(open()).toBe(2);
  expect(templates().map(({ state, expiresAt }) => [state, expiresAt])).toEqual([
    ['NONE', 100_000],
    ['NONE', 100_000],
  ]);
  // SYN_RECV is kept for 60 seconds, so at 100 nothing holds the template any more.
  clock.now = 99_999;
  expect(templates()).toHaveLength(2);
  clock.now = 100_000;
  expect(templates()).toHaveLength(0);
  expect(open()).not.toBe(2);
});

test('a template that still has connections is looked at again every minute, and kept by the minute from then on', () => {
  const { ipvs, clock, open, templates } = tables({ persistentSeconds: 10 });
  open();
  const [connection] = [...ipvs.connections()].filter(({ template }) => !template);
  clock.now = 59_999;
  expect(templates()[0]?.expiresAt).toBe(70_000);
  expect(connection?.expiresAt).toBe(60_000);
  open();
  expect(templates()[0]?.expiresAt).toBe(119_999);
  clock.now = 119_998;
  expect(templates()).toHaveLength(1);
  clock.now = 180_000;
  expect([...ipvs.connections()]).toEqual([]);
});

test('expire_quiescent_template: at weight 0 the old template leads nowhere and a new one is made', () => {
  const { ipvs, open, templates } = tables({ persistentSeconds: 100 });
  open();
  ipvs.settings = { ...ipvs.settings, expireQuiescentTemplate: true };
  ipvs.editServer(SERVICE, { address: SERVER + 2, port: 80, weight: 0 });
  expect(open()).toBe(1);
  expect(templates().map(({ virtualPort, destinationPort }) => [virtualPort, destinationPort])).toEqual(
    expect.arrayContaining([
      [65535, 65535],
      [SERVICE.port, 80],
    ]),
  );
  expect(ipvs.services()[0]?.servers.map(({ persistent }) => persistent)).toEqual([1, 1, 0]);
});

test('the netmask makes one client of many; a service for all ports takes them all, at the server’s same ports', () => {
  const { open } = tables({ persistentSeconds: 100, netmask: 0xffffff00 });
  expect([open(CLIENT), open(CLIENT + 7), open(CLIENT + 256)]).toEqual([2, 2, 1]);
  const ipvs = new Ipvs({ now: 0 });
  const any = { ...SERVICE, port: 0 };
  ipvs.addService({ ...any, scheduler: 'rr', persistentSeconds: 100 });
  for (const i of [0, 1]) ipvs.addServer(any, { address: SERVER + i, port: 0, weight: 1 });
  const ends = [80, 443, 80].map((port) => {
    const syn = new Packet(6, CLIENT, 6000 + port, VIP, port, 60);
    syn.flags = FLAG.syn;
    const made = ipvs.incoming(syn);
    return typeof made === 'string' ? made : [made.server.address - SERVER, made.destinationPort];
  });
  expect(ends).toEqual([
    [1, 80],
    [1, 443],
    [1, 80],
  ]);
});

test('a firewall mark’s template has protocol 0 and the mark as its address, for TCP and UDP alike', () => {
  const ipvs = new Ipvs({ now: 0 });
  const key = markKey(7);
  ipvs.addService({ ...key, scheduler: 'rr', persistentSeconds: 100 });
  for (const i of [0, 1]) ipvs.addServer(key, { address: SERVER + i, port: 0, weight: 1 });
  const servers = [6, 17].map((protocol) => {
    const packet = new Packet(protocol, CLIENT, 6000, VIP + protocol, 80, 60);
    packet.flags = FLAG.syn;
    packet.mark = 7;
    const made = ipvs.incoming(packet);
    return typeof made === 'string' ? made : made.server.address - SERVER;
  });
  expect(servers).toEqual([1, 1]);
  const [template] = [...ipvs.connections()].filter((c) => c.template);
  expect(template).toMatchObject({ protocol: 0, virtual: 7, virtualPort: 0, client: CLIENT, clientPort: 0 });
  const unmarked = new Packet(17, CLIENT, 6000, VIP, 80, 60);
  expect(ipvs.incoming(unmarked)).toBe('none');
});

test('statistics are taken every two seconds; rates rise by a quarter of the way and fall so; -Z sets them to 0', () => {
  const { ipvs, clock, open } = tables({});
  const of = () => ipvs.services()[0]?.statistics;
  clock.now = 500;
  for (let i = 0; i < 100; i++) open();
  clock.now = 1999;
  ipvs.services();
  expect(of()?.amounts.connections).toBe(0);
  clock.now = 2000;
  ipvs.services();
  expect(of()?.amounts).toEqual({ connections: 100, packetsIn: 100, packetsOut: 0, bytesIn: 6000, bytesOut: 0 });
  // 100 in two seconds are 50 a second, a quarter of that is 12.5; then 9.375, 7.03, ...
  expect(of()?.perSecond).toMatchObject({ connections: 12, bytesIn: 750 });
  clock.now = 4000;
  ipvs.services();
  expect(of()?.perSecond).toMatchObject({ connections: 9, bytesIn: 562 });
  clock.now = 4000 + 1_000_000;
  ipvs.services();
  expect(of()?.perSecond.bytesIn).toBe(0);
  open();
  ipvs.zero();
  expect(of()?.amounts.connections).toBe(0);
  clock.now += 2000;
  ipvs.services();
  expect(of()?.amounts.connections).toBe(1);
  expect(ipvs.total.amounts.connections).toBe(1);
});

test('from port 20 no connection is scheduled: it is FTP’s for data', () => {
  const { ipvs } = tables({});
  const syn = new Packet(6, CLIENT, 20, VIP, SERVICE.port, 60);
  syn.flags = FLAG.syn;
  expect(ipvs.incoming(syn)).toBe('none');
});
