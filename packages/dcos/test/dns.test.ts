import { type Ipv4, parseIpv4, Random } from '@portolan/core';
import { expect, test } from 'vitest';
import { answer, type DnsWorld } from '../src/dns/dcos-dns.ts';
import { type DnsQuestion, type DnsReply, messageSize, printData, printFlags } from '../src/dns/message.ts';
import { chooseUpstreams, DEFAULT_UPSTREAMS } from '../src/dns/router.ts';
import { TaskZone } from '../src/dns/task-zone.ts';
import { dcosZones, type ZoneSources } from '../src/dns/zones.ts';
import { MesosDns } from '../src/mesos-dns/mesos-dns.ts';
import { agentBackends } from '../src/vips/backends.ts';
import { L4lb } from '../src/vips/l4lb.ts';
import { mesosTask } from './tasks.ts';

const MASTERS = ['172.16.9.84', '172.16.9.85', '172.16.9.86'].map(parseIpv4);
const NODE = parseIpv4('172.16.15.168');

function world(sources: Partial<ZoneSources> = {}): DnsWorld {
  const l4lb = new L4lb();
  return {
    routing: { mesos: MASTERS.map((address) => ({ address, port: 61053 })), upstreams: DEFAULT_UPSTREAMS, cryptoId: 'abc' },
    zones: dcosZones({ node: NODE, masters: MASTERS, leader: MASTERS[0], vips: l4lb.view(), tasks: new TaskZone(), ...sources }),
  };
}

function ask(question: Partial<DnsQuestion> & { name: string }, where = world()): DnsReply {
  const decision = answer({ type: 'A', id: 0, ...question }, where);
  if (decision.kind === 'forward') throw new Error(`forwarded to ${decision.zone}`);
  return decision.reply;
}

function data(reply: DnsReply): string[] {
  return reply.answers.map(({ data: its }) => printData(its));
}

function l4lbWith(addresses: readonly string[], vip = '/httpi:3141') {
  const l4lb = new L4lb();
  const tasks = addresses.map((address, index) =>
    mesosTask({ mode: 'container', agent: '172.16.15.168', address, number: 3141, id: `t${index}`, vips: [vip] }),
  );
  l4lb.publish(NODE, agentBackends(tasks), 0);
  const view = l4lb.view();
  view.catchUp();
  return view;
}

test('a named VIP resolves, its owner name as it was asked', () => {
  const where = world({ vips: l4lbWith(['9.0.3.131']) });
  const reply = ask({ name: 'HTTPi.marathon.l4lb.thisdcos.directory' }, where);
  expect(data(reply)).toEqual(['11.249.78.219']);
  expect(reply.answers[0]).toMatchObject({ name: 'HTTPi.marathon.l4lb.thisdcos.directory.', ttl: 5 });
  expect(printFlags(reply.flags)).toBe('qr aa rd');
});

test('NODATA and NXDOMAIN bring the SOA with TTL 1, empty non-terminals are NXDOMAIN', () => {
  const where = world({ vips: l4lbWith(['9.0.3.131']) });
  const of = (name: string, type = 'A') => {
    const { rcode, answers, authority } = ask({ name, type }, where);
    return [rcode, answers.length, ...authority.map(({ name: owner, ttl, data: its }) => `${owner} ${ttl} ${printData(its)}`)];
  };
  const soa = 'l4lb.thisdcos.directory. 1 ns.spartan. support.mesosphere.com. 1 60 180 86400 1';
  expect(of('httpi.marathon.l4lb.thisdcos.directory', 'AAAA')).toEqual(['NOERROR', 0, soa]);
  expect(of('nosuch.marathon.l4lb.thisdcos.directory')).toEqual(['NXDOMAIN', 0, soa]);
  expect(of('marathon.l4lb.thisdcos.directory')).toEqual(['NXDOMAIN', 0, soa]);
});

test('before the first VIP the zone is refused, and the ad flag echoed', () => {
  const reply = ask({ name: 'httpi.marathon.l4lb.thisdcos.directory', ad: true });
  expect([reply.rcode, printFlags(reply.flags)]).toEqual(['REFUSED', 'qr rd ad']);
});

test('the apex has NS and SOA, and the name server comes along', () => {
  const any = ask({ name: 'l4lb.thisdcos.directory', type: 'ANY' }, world({ vips: l4lbWith(['9.0.3.131']) }));
  expect(any.answers.map(({ ttl, data: its }) => `${ttl} ${its.type} ${printData(its)}`)).toEqual([
    '3600 NS ns.spartan.',
    '5 SOA ns.spartan. support.mesosphere.com. 1 60 180 86400 1',
  ]);
  expect(any.additional.map(({ name, data: its }) => `${name} ${printData(its)}`)).toEqual(['ns.spartan. 198.51.100.1']);
});

test('names of other clusters and old zones are renamed, and back', () => {
  const where = world({ vips: l4lbWith(['9.0.3.131']) });
  for (const zone of ['dclb.thisdcos.directory', 'dclb.thisdcos.global', 'l4lb.thisdcos.global', 'l4lb.abc.dcos.directory']) {
    const reply = ask({ name: `httpi.marathon.${zone}` }, where);
    expect([data(reply), reply.answers[0]?.name], zone).toEqual([['11.249.78.219'], `httpi.marathon.${zone}.`]);
  }
  expect(answer({ name: 'httpi.marathon.l4lb.other.dcos.directory', type: 'A', id: 1 }, where)).toMatchObject({
    kind: 'forward',
    zone: '.',
  });
});

test('mesos goes to the masters, other names to the upstreams, nobody to ask is SERVFAIL without QR', () => {
  expect(answer({ name: 'httpi.marathon.MESOS.', type: 'A', id: 1 }, world())).toEqual({
    kind: 'forward',
    zone: 'mesos.',
    upstreams: MASTERS.map((address) => ({ address, port: 61053 })),
  });
  expect(answer({ name: 'thisdcos.directory', type: 'A', id: 1 }, world())).toMatchObject({ kind: 'forward', zone: '.' });
  const alone = { ...world(), routing: { mesos: [], upstreams: [] } };
  const reply = ask({ name: 'example.com', ad: true }, alone);
  expect([reply.rcode, printFlags(reply.flags)]).toEqual(['SERVFAIL', 'rd ad']);
});

test('five zookeepers whatever the number of masters; ready, localhost, thisnode', () => {
  const of = (name: string, where?: DnsWorld) => data(ask({ name }, where));
  const zk = [1, 2, 3, 4, 5].map((n) => of(`zk-${n}.zk`)[0]);
  expect(zk).toEqual(['172.16.9.84', '172.16.9.85', '172.16.9.86', '172.16.9.84', '172.16.9.85']);
  expect(ask({ name: 'zk-6.zk' }).rcode).toBe('NXDOMAIN');
  expect([of('ready.spartan'), of('localhost'), of('thisnode.thisdcos.directory')]).toEqual([
    ['127.0.0.1'],
    ['127.0.0.1'],
    ['172.16.15.168'],
  ]);
  const seen = world({ publicAddresses: [parseIpv4('93.186.40.121')] });
  expect(of('public.thisnode.thisdcos.directory', seen)).toEqual(['93.186.40.121']);
  expect([of('leader.dcos.thisdcos.directory'), of('master.dcos.thisdcos.directory').length]).toEqual([['172.16.9.84'], 3]);
});

test('answers are sorted by number and rotated left by the message id', () => {
  const tasks = new TaskZone();
  const addresses = ['10.0.0.10', '9.255.0.1', '10.0.0.1', '10.0.0.3', '10.0.0.2'];
  for (const [index, address] of addresses.entries())
    tasks.set(mesosTask({ mode: 'container', agent: '172.16.15.168', address, number: 1, id: `t${index}` }));
  const where = world({ tasks });
  const of = (id: number) => data(ask({ name: 'httpi.marathon.containerip.dcos.thisdcos.directory', id }, where));
  expect(of(0)).toEqual(['9.255.0.1', '10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.10']);
  expect(of(1)).toEqual(['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.10', '9.255.0.1']);
  expect(of(5)).toEqual(of(0));
  expect(
    data(ask({ name: 'httpi.marathon.containerip.dcos.thisdcos.directory', id: 3 }, { ...where, loadBalance: 'none' })),
  ).toEqual(of(0));
});

test('a task has three names while it runs; dots in its name become dashes', () => {
  const tasks = new TaskZone();
  const task = mesosTask({
    mode: 'bridge',
    agent: '172.16.15.168',
    address: '172.17.0.2',
    number: 9896,
    hostPort: 9896,
    name: 'app.group',
  });
  tasks.set(task);
  const where = () => world({ tasks });
  const of = (kind: string) => data(ask({ name: `app-group.marathon.${kind}.dcos.thisdcos.directory` }, where()));
  expect([of('agentip'), of('containerip'), of('autoip')]).toEqual([['172.16.15.168'], ['172.17.0.2'], ['172.16.15.168']]);
  tasks.set({ ...task, state: 'TASK_KILLING' });
  expect(ask({ name: 'app-group.marathon.autoip.dcos.thisdcos.directory' }, where()).rcode).toBe('NXDOMAIN');
});

test('over UDP 29 addresses fit into 512 bytes and 74 into 1232; TCP takes all', () => {
  const tasks = new TaskZone();
  // thisdcos.directory leaves no room for a name of 24 letters in zone dcos, so the sizes are checked by message.
  const many = Array.from({ length: 100 }, (_, i) => parseIpv4('9.0.0.1') + i);
  const zone = { apex: 'x.thisdcos.directory.', records: () => many.map(record) };
  const name = 'ab.x.thisdcos.directory';
  const where = { ...world({ tasks }), zones: [zone] };
  expect(name).toHaveLength(23);
  const udp = ask({ name: `a${name}` }, where);
  expect([udp.answers.length, printFlags(udp.flags), messageSize(udp)]).toEqual([29, 'qr aa tc rd', 506]);
  const edns = ask({ name: `a${name}`, ednsSize: 1232 }, where);
  expect([edns.answers.length, edns.edns]).toEqual([74, false]);
  expect(ask({ name: `a${name}`, transport: 'tcp' }, where).answers).toHaveLength(100);
});

function record(address: Ipv4) {
  return { name: 'aab.x.thisdcos.directory.', ttl: 5, data: { type: 'A' as const, address } };
}

test("the copy of Mesos-DNS' zone has its names under thisdcos.directory and SRV priority 1", () => {
  const mesosDns = new MesosDns({ random: new Random(1), listeners: [] });
  const task = mesosTask({
    mode: 'bridge',
    agent: '172.16.15.168',
    address: '172.17.0.2',
    number: 9896,
    hostPort: 9896,
    agentId: 'x-S2',
  });
  const agents = [{ id: 'x-S2', address: NODE, port: 5051 }];
  mesosDns.refresh({ leader: 'master@172.16.9.84:5050', masters: [], frameworks: [], agents, tasks: [task] }, 1);
  const where = world({ mesosDns });
  expect(data(ask({ name: 'httpi.marathon.mesos.thisdcos.directory' }, where))).toEqual(['172.16.15.168']);
  const [line] = data(ask({ name: '_httpi._tcp.marathon.mesos.thisdcos.directory', type: 'SRV' }, where));
  expect(line).toMatch(/^1 1 9896 httpi-[a-z0-9]{5}-s2\.marathon\.mesos\.thisdcos\.directory\.$/);
});

test('CNAMEs are followed once around, then given up', () => {
  const cname = (name: string, target: string) => ({ name, ttl: 5, data: { type: 'CNAME' as const, target } });
  const records = new Map([
    ['a.x.thisdcos.directory.', [cname('a.x.thisdcos.directory.', 'b.x.thisdcos.directory.')]],
    ['b.x.thisdcos.directory.', [cname('b.x.thisdcos.directory.', 'ready.spartan.')]],
    ['l.x.thisdcos.directory.', [cname('l.x.thisdcos.directory.', 'l.x.thisdcos.directory.')]],
  ]);
  const base = world();
  const where = {
    ...base,
    zones: [...base.zones, { apex: 'x.thisdcos.directory.', records: (name: string) => records.get(name) ?? [] }],
  };
  expect(data(ask({ name: 'a.x.thisdcos.directory', id: 1 }, where))).toEqual([
    'b.x.thisdcos.directory.',
    'ready.spartan.',
    '127.0.0.1',
  ]);
  expect(ask({ name: 'l.x.thisdcos.directory' }, where).rcode).toBe('SERVFAIL');
});

test('of three upstreams or more the two with the fewest failures are asked, equals by chance', () => {
  const [a, b, c] = MASTERS.map((address) => ({ address, port: 61053 })) as [never, never, never];
  const random = new Random(1);
  expect(chooseUpstreams([a, b], () => 9, random)).toEqual([a, b]);
  expect(chooseUpstreams([a, b, c], (upstream) => (upstream === b ? 1 : 0), random).toSorted()).toEqual([a, c]);
  expect(chooseUpstreams([a, b, c], (upstream) => (upstream === b ? 0 : 5), random)[0]).toBe(b);
  const pairs = new Set(Array.from({ length: 200 }, () => JSON.stringify(chooseUpstreams([a, b, c], () => 0, random))));
  expect(pairs.size).toBe(6);
});

test('hostile names are only names', () => {
  for (const name of [
    '',
    '.',
    '..',
    '__proto__.l4lb.thisdcos.directory',
    'constructor',
    'a'.repeat(100_000),
    '.l4lb.thisdcos.directory',
    'mesos',
    'zk',
  ]) {
    expect(() =>
      answer({ name, type: '__proto__', id: 65535 }, world({ vips: l4lbWith(['9.0.3.131'], '/__proto__:80') })),
    ).not.toThrow();
  }
});
