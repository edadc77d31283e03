import { parseIpv4, Random } from '@portolan/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { printData } from '../src/dns/message.ts';
import { MesosDns } from '../src/mesos-dns/mesos-dns.ts';
import { mesosDomainFragment, mesosLabel } from '../src/mesos-dns/names.ts';
import type { MesosRecord } from '../src/mesos-dns/records.ts';
import type { MesosState, MesosTask } from '../src/mesos-state.ts';
import { mesosTask } from './tasks.ts';

const AGENTS = ['172.16.15.168', '172.16.17.198'];

function stateOf(tasks: readonly MesosTask[]): MesosState {
  return {
    leader: 'master@172.16.9.84:5050',
    masters: ['172.16.9.84:5050'],
    frameworks: [{ name: 'marathon', address: parseIpv4('172.16.9.84'), port: 15101 }],
    agents: AGENTS.map((address, index) => ({ id: `x-S${index}`, address: parseIpv4(address), port: 5051 })),
    tasks,
  };
}

function started(state: MesosState): MesosDns {
  const dns = new MesosDns({ random: new Random(1), listeners: [] });
  dns.refresh(state, 1);
  return dns;
}

const word = fc.constantFrom('httpi', 'a.b', 'a', 'b', 'x._y', '_p._q', 'Up.Case', 'a-b-c', 'sub.group', '', '.', 'slave');
const anyTask = fc
  .record({
    id: fc.string({ maxLength: 4 }),
    name: word,
    framework: fc.constantFrom('marathon', 'b.marathon', 'a-b', 'slave', 'x.slave'),
    agent: fc.nat(2),
    number: fc.integer({ min: 1, max: 3 }),
  })
  .map(({ id, name, framework, agent, number }) =>
    mesosTask({
      mode: 'host',
      agent: '172.16.15.168',
      address: '172.16.15.168',
      number,
      id,
      name,
      framework,
      agentId: `x-S${agent}`,
    }),
  );

test('a look-up finds exactly what the whole set holds, whatever the names', () => {
  fc.assert(
    fc.property(fc.array(anyTask, { maxLength: 6 }), (tasks) => {
      const dns = started(stateOf(tasks));
      const all = new Map<string, string[]>();
      for (const record of dns.all()) {
        const key = `${record.kind} ${record.name}`;
        all.set(key, [...(all.get(key) ?? []), show(record)]);
      }
      for (const [key, values] of all) {
        const [kind, name] = key.split(/ (.*)/) as ['A' | 'AAAA' | 'SRV', string];
        expect(dns.find(name, kind).map(show).sort()).toEqual(values.sort());
      }
      expect(dns.find('nosuch.marathon.mesos.', 'A')).toEqual([]);
    }),
    { numRuns: 1500 },
  );
});

function show(record: MesosRecord): string {
  return record.kind === 'SRV' ? `${record.target}:${record.port}` : String(record.address);
}

test('it answers as of its last refresh', () => {
  const task = mesosTask({
    mode: 'bridge',
    agent: '172.16.15.168',
    address: '172.17.0.2',
    number: 9896,
    hostPort: 9896,
    agentId: 'x-S0',
  });
  const dns = new MesosDns({ random: new Random(1), listeners: [] });
  const ask = () => dns.answer({ name: 'httpi.marathon.mesos', type: 'A', id: 1 }).answers.map(({ data }) => printData(data));
  expect(dns.ready).toBe(false);
  dns.refresh(stateOf([task]), 1);
  expect(ask()).toEqual(['172.16.15.168']);
  const moved = { ...task, agentId: 'x-S1' };
  expect(ask()).toEqual(['172.16.15.168']);
  dns.refresh(stateOf([moved]), 31);
  expect(ask()).toEqual(['172.16.17.198']);
  dns.refresh(stateOf([{ ...task, state: 'TASK_KILLING' }]), 61);
  expect(ask()).toEqual([]);
  expect(dns.answer({ name: 'httpi.marathon.mesos', type: 'A', id: 1 }).rcode).toBe('NXDOMAIN');
});

test('in container mode the SRV record leads to the agent, not to the container: host comes before netinfo', () => {
  const task = mesosTask({ mode: 'container', agent: '172.16.15.168', address: '9.0.3.131', number: 3141, agentId: 'x-S0' });
  const reply = started(stateOf([task])).answer({ name: '_httpi._tcp.marathon.mesos', type: 'SRV', id: 1 });
  expect(reply.answers.map(({ data }) => data)).toMatchObject([{ port: 3141 }]);
  expect(reply.additional.map(({ data }) => printData(data))).toEqual(['172.16.15.168']);
});

test('labels have at most 63 letters, digits and dashes, and do not begin with a dash', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary', maxLength: 150 }), fc.stringMatching(/^[-a-z0-9._]{0,150}$/)), (text) => {
      expect(mesosLabel(text)).toMatch(/^([a-z0-9][-a-z0-9]{0,62})?$/);
      expect(mesosLabel(text, 'rfc952')).toMatch(/^([a-z][-a-z0-9]{0,23})?$/);
      expect(mesosDomainFragment(text)).not.toMatch(/\.\.|^\.|\.$/);
    }),
    { numRuns: 2000 },
  );
});

test('ten thousand tasks of other apps cost a query nothing but their index', () => {
  const tasks = Array.from({ length: 10_000 }, (_, i) =>
    mesosTask({
      mode: 'host',
      agent: '172.16.15.168',
      address: '172.16.15.168',
      number: 1025,
      id: `t${i}`,
      name: `app${i}`,
      agentId: 'x-S0',
    }),
  );
  const dns = started(stateOf(tasks));
  expect(dns.answer({ name: 'app9999.marathon.mesos', type: 'A', id: 1 }).answers).toHaveLength(1);
  const slave = dns.answer({ name: '_app7._udp.marathon.slave.mesos', type: 'SRV', id: 1 });
  expect(slave.answers).toHaveLength(1);
  expect(slave.additional).toHaveLength(1);
});
