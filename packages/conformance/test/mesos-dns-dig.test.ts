import { readFileSync } from 'node:fs';
import { Random } from '@portolan/core';
import { type DnsReply, MesosDns, messageSize, parseIp, printData, printFlags } from '@portolan/dcos';
import { expect, test } from 'vitest';
import { mesosStateOf } from '../src/replay/mesos-state-json.ts';
import { listOf, recordOf } from '../src/replay/result.ts';

function recorded(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../recorded/mesos-dns/${name}`, import.meta.url), 'utf8'));
}

function server(state: unknown, seed: number, options: Partial<ConstructorParameters<typeof MesosDns>[0]> = {}): MesosDns {
  const dns = new MesosDns({ random: new Random(seed), listeners: [parseIp('172.16.9.84') ?? 0], ...options });
  dns.refresh(mesosStateOf(state, ['172.16.9.84:5050']), 1795391586);
  return dns;
}

const bridge = recordOf(listOf(recordOf(recorded('vectors.json')).states)[0]).state;

/** What of dig's output does not depend on chance. */
function facts(dig: string): unknown {
  const records = dig.split('\n').flatMap((line) => {
    const match = /^([^;\s]\S*)\s+(\d+)\s+IN\s+([A-Z]+)\s+(.*)$/.exec(line);
    return match === null ? [] : [match.slice(1).join(' ')];
  });
  const of = (pattern: RegExp) => pattern.exec(dig)?.[1];
  return {
    status: of(/status: ([A-Z]+)/),
    flags: of(/flags: ([a-z ]+);/),
    counts: of(/(ANSWER: \d+, AUTHORITY: \d+, ADDITIONAL: \d+)/),
    size: Number(of(/MSG SIZE {2}rcvd: (\d+)/)),
    records: records.sort(),
  };
}

function factsOf(reply: DnsReply): unknown {
  const { answers, authority, additional } = reply;
  const records = [...answers, ...authority, ...additional].map(
    ({ name, ttl, data }) => `${name} ${ttl} ${data.type} ${printData(data)}`,
  );
  return {
    status: reply.rcode,
    flags: printFlags(reply.flags),
    counts: `ANSWER: ${answers.length}, AUTHORITY: ${authority.length}, ADDITIONAL: ${additional.length}`,
    size: messageSize(reply),
    records: records.sort(),
  };
}

const queries = listOf(recordOf(recorded('e2e-113.json')).queries).map((item) => recordOf(item));

test.each(queries.map(({ q, dig }) => [listOf(q).join(' '), listOf(q).map(String), String(dig)] as const))(
  'dig %s: rcode, flags, records of every section and size as the real server gave them',
  (_, [name = '', type = '', option], dig) => {
    const transport = dig.includes('(TCP)') || option === '+tcp' ? 'tcp' : 'udp';
    // Which of a target's several addresses comes along is chance.
    const replies = Array.from({ length: 20 }, (_, seed) => server(bridge, seed).answer({ name, type, id: 1, transport }));
    if (option !== '+short') return expect(replies.map(factsOf)).toContainEqual(facts(dig));
    const lines = (replies[0]?.answers ?? []).map(({ data }) => printData(data));
    return expect(lines.sort()).toEqual(dig.split('\n').filter(Boolean).sort());
  },
);

test("the post's five SRV lines, in some order; the real server printed them in 1 of 120", () => {
  const state = recorded('post-state.json');
  const text = readFileSync(new URL('../recorded/mesos-dns/post-dig-short.txt', import.meta.url), 'utf8');
  const expected = text.split('\n').filter((line) => line !== '' && !line.startsWith('$'));
  const dns = server(state, 3);
  const seen = new Set<string>();
  for (let id = 0; id < 3000; id++) {
    const { answers } = dns.answer({ name: '_httpi._tcp.marathon.mesos', type: 'SRV', id });
    const lines = answers.map(({ data }) => printData(data));
    seen.add(lines.join('\n'));
    if (id === 0) expect([...lines].sort()).toEqual([...expected].sort());
  }
  expect(seen).toContain(expected.join('\n'));
  expect(seen.size).toBe(120);
});

test('each of five SRV records comes first equally often', () => {
  const dns = server(bridge, 11);
  const first = new Map<string, number>();
  for (let id = 0; id < 5000; id++) {
    const line = printData(
      dns.answer({ name: '_httpi._tcp.marathon.mesos', type: 'SRV', id }).answers[0]?.data ?? { type: 'A', address: 0 },
    );
    first.set(line, (first.get(line) ?? 0) + 1);
  }
  expect(first.size).toBe(5);
  // Chi-square with 4 degrees of freedom: above 18.5 once in a thousand.
  expect([...first.values()].reduce((sum, n) => sum + (n - 1000) ** 2 / 1000, 0)).toBeLessThan(18.5);
});

const truncation = listOf(recordOf(recorded('vectors.json')).truncation).map(recordOf);

test.each(truncation.map((row) => [Number(row.tasks), String(row.via), row] as const))(
  '%i tasks asked over %s: what fits',
  (count, via, row) => {
    const state = recordOf(structuredClone(bridge));
    const framework = recordOf(listOf(state.frameworks)[0]);
    const sample = recordOf(listOf(framework.tasks)[0]);
    const tasks = Array.from({ length: count }, (_, index) => ({ ...sample, id: `httpi.${index}` }));
    const dns = server({ ...state, frameworks: [{ ...framework, tasks }] }, 5);
    const edns = /edns(\d+)/.exec(via)?.[1];
    const reply = dns.answer({
      name: '_httpi._tcp.marathon.mesos',
      type: 'SRV',
      id: 1,
      transport: via === 'tcp' ? 'tcp' : 'udp',
      ...(edns === undefined || via === 'udp noedns' ? {} : { ednsSize: Number(edns) }),
    });
    expect({
      flags: printFlags(reply.flags),
      answer: reply.answers.length,
      authority: reply.authority.length,
      additional: reply.additional.length,
      size: messageSize(reply),
    }).toEqual({ flags: row.flags, answer: row.answer, authority: row.authority, additional: row.additional, size: row.size });
  },
);

test('names are looked up in lower case: a raw discovery name with capitals is never found, its label is', () => {
  const state = recordOf(structuredClone(bridge));
  const framework = recordOf(listOf(state.frameworks)[0]);
  const sample = recordOf(listOf(framework.tasks)[0]);
  const task = { ...sample, name: 'Foo_Bar', discovery: { ...recordOf(sample.discovery), name: 'Foo_Bar' } };
  const dns = server({ ...state, frameworks: [{ ...framework, tasks: [task] }] }, 5);
  const rcode = (name: string) => dns.answer({ name, type: 'A', id: 1 }).rcode;
  expect(['Foo_Bar.marathon.mesos', 'foo_bar.marathon.mesos', 'foo-bar.marathon.mesos'].map(rcode)).toEqual([
    'NXDOMAIN',
    'NXDOMAIN',
    'NOERROR',
  ]);
});
