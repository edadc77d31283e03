/**
 * Replays what a running Mesos-DNS answered to dig and curl (`mesos-dns/e2e-*.json`, and the sections `dns` and `truncation`
 * of the vectors). The order of records is chance and is not compared; where one of a target's addresses is chosen, some seed
 * must give the recorded choice.
 */
import { parseIpv4, Random } from '@portolan/core';
import {
  type DnsQuestion,
  type DnsReply,
  MesosDns,
  type MesosState,
  mesosDnsPage,
  messageSize,
  printFlags,
} from '@portolan/dcos';
import { digFacts, replyFacts, sectionCounts, shortLines, shortReply } from './dig-text.ts';
import { BRIDGE_STATE, DUAL_STACK_STATE, GROUP_STATE, manyTasksState, namedState } from './mesos-dns-states.ts';
import { canonical, listOf, type ReplayTally, recordOf } from './result.ts';

type Row = Readonly<Record<string, unknown>>;
type Version = '113' | 'head';

const SERVICE = '_httpi._tcp.marathon.mesos';
const SEEDS = Array.from({ length: 20 }, (_, seed) => seed);
const LONG = 'n'.repeat(63);

/** A section of the recording of a live server. */
export type LiveSection = (tally: ReplayTally, name: string, content: unknown, version: Version) => void;

/** The sections by name. */
export const LIVE_SECTIONS: ReadonlyMap<string, LiveSection> = new Map<string, LiveSection>([
  ['queries', replayQueries],
  ['dns', replayCounts],
  ['truncation', replayTruncation],
  ['trunc', replayTruncation],
  ['http', replayPages],
  ['order', (tally, name, content, version) => replayOrder(tally, name, content, version, SERVICE, 'SRV')],
  ['orderA', (tally, name, content, version) => replayOrder(tally, name, content, version, 'httpi.marathon.mesos', 'A')],
  ['digTcpFallback', replayFallback],
  ['digShort10', replayShort],
  ['dual', replayDual],
  ['upper', replayUpper],
  ['group', replayGroup],
  ['long', replayLong],
]);

function server(version: Version, state: MesosState = BRIDGE_STATE, seed = 1, serial = 0): MesosDns {
  const dns = new MesosDns({
    random: new Random(seed),
    listeners: [parseIpv4('172.16.9.84')],
    version,
    resolvers: ['8.8.8.8'],
  });
  dns.refresh(state, serial);
  return dns;
}

function question(name: string, type: string, more: Partial<DnsQuestion> = {}): DnsQuestion {
  return { name, type, id: 1, ...more };
}

function replayQueries(tally: ReplayTally, name: string, content: unknown, version: Version): void {
  for (const [index, item] of listOf(content).entries()) {
    const { q, dig } = recordOf(item);
    const [host = '', type = '', option] = listOf(q).map(String);
    const text = String(dig);
    const asked = question(host, type, text.includes('(TCP)') || option === '+tcp' ? { transport: 'tcp' } : {});
    const row = `${name}[${index}] ${host} ${type}`;
    if (option === '+short') tally.compare(row, shortLines(text), shortReply(server(version).answer(asked)));
    else compareDig(tally, row, text, version, BRIDGE_STATE, asked);
  }
}

/** Compares a whole answer; some seed must give it. */
function compareDig(
  tally: ReplayTally,
  name: string,
  dig: string,
  version: Version,
  state: MesosState,
  asked: DnsQuestion,
): void {
  const serial = Number(/\sSOA\s\S+ \S+ (\d+)/.exec(dig)?.[1] ?? 0);
  const found = SEEDS.map((seed) => replyFacts(server(version, state, seed, serial).answer(asked)));
  const expected = digFacts(dig);
  tally.compare(name, expected, found.includes(expected) ? expected : (found[0] ?? ''));
}

function replayCounts(tally: ReplayTally, name: string, content: unknown, version: Version): void {
  for (const [index, item] of listOf(content).entries()) {
    const row = recordOf(item);
    const [host = '', type = '', option] = listOf(row.q).map(String);
    const reply = server(version).answer(question(host, type, option === '+tcp' ? { transport: 'tcp' } : {}));
    const expected = canonical([row.status, row.flags, row.counts, row.size]);
    const actual = canonical([reply.rcode, printFlags(reply.flags), sectionCounts(reply), messageSize(reply)]);
    tally.compare(`${name}[${index}] ${host} ${type}`, expected, actual);
  }
}

function replayTruncation(tally: ReplayTally, name: string, content: unknown, version: Version): void {
  for (const [index, item] of listOf(content).entries()) {
    const { tasks, via, ...expected } = recordOf(item);
    const edns = /^udp edns(\d+)$/.exec(String(via))?.[1];
    const asked = question(SERVICE, 'SRV', {
      transport: via === 'tcp' ? 'tcp' : 'udp',
      ...(edns === undefined ? {} : { ednsSize: Number(edns) }),
    });
    const reply = server(version, manyTasksState(Number(tasks))).answer(asked);
    const actual = {
      flags: printFlags(reply.flags),
      answer: reply.answers.length,
      authority: reply.authority.length,
      additional: reply.additional.length,
      size: messageSize(reply),
    };
    tally.compare(`${name}[${index}] ${String(tasks)} tasks, ${String(via)}`, canonical(expected), canonical(actual));
  }
}

function replayPages(tally: ReplayTally, name: string, content: unknown, version: Version): void {
  for (const [path, item] of Object.entries(recordOf(content))) {
    const recorded = recordOf(item);
    const serial = Number(/"(?:SOA)?Serial": (\d+)/.exec(String(recorded.body))?.[1] ?? 0);
    const { status, type, body } = mesosDnsPage(server(version, BRIDGE_STATE, 1, serial), path);
    const expected = canonical([recorded.status, recorded.type, unordered(String(recorded.body))]);
    tally.compare(`${name} ${path}`, expected, canonical([status, type, unordered(body)]));
  }
}

/** A page with the entries of its lists, which come in any order, sorted; the shape of its lines is kept. */
function unordered(body: string): unknown {
  const plain = /^[[{]/.test(body) ? sorted(JSON.parse(body)) : body;
  return [plain, body.split('\n').map((line) => line.replace(/[^ ].*/, '').length)];
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical).sort();
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, sorted(field)]));
}

/** Which records come first at all in many answers, and that orders vary about as much. */
function replayOrder(tally: ReplayTally, name: string, content: unknown, version: Version, host: string, type: string): void {
  const { n, distinct, first } = recordOf(content);
  const dns = server(version);
  const orders = Array.from({ length: Number(n) }, (_, id) =>
    dns.answer({ name: host, type, id }).answers.map(({ data }) => shortOf(data)),
  );
  const kinds = new Set(orders.map((lines) => lines.join())).size;
  const near = distinct === undefined || Math.abs(kinds - Number(distinct)) <= Number(distinct) / 8;
  const seen = [...new Set(orders.map((lines) => lines[0] ?? ''))].sort();
  tally.compare(name, canonical([Object.keys(recordOf(first)).sort(), true]), canonical([seen, near]));
}

function shortOf(data: DnsReply['answers'][number]['data']): string {
  return data.type === 'SRV'
    ? `${data.priority} ${data.weight} ${data.port} ${data.target}`
    : data.type === 'A'
      ? [24, 16, 8, 0].map((shift) => (data.address >>> shift) & 255).join('.')
      : data.type;
}

function replayFallback(tally: ReplayTally, name: string, content: unknown, version: Version): void {
  const text = String(content);
  const state = manyTasksState(Number(/ANSWER: (\d+)/.exec(text)?.[1]));
  const truncated = server(version, state).answer(question(SERVICE, 'SRV')).flags.tc;
  tally.compare(`${name} over UDP`, String(text.startsWith(';; Truncated, retrying in TCP mode.')), String(truncated));
  compareDig(tally, `${name} over TCP`, text, version, state, question(SERVICE, 'SRV', { transport: 'tcp' }));
}

function replayShort(tally: ReplayTally, name: string, content: unknown, version: Version): void {
  const lines = shortLines(String(content));
  const state = manyTasksState(lines.split('\n').length);
  const asked = question(SERVICE, 'SRV', { transport: 'tcp' });
  tally.compare(name, lines, shortReply(server(version, state).answer(asked)));
}

function replayDual(tally: ReplayTally, name: string, content: unknown, version: Version): void {
  const dns = server(version, DUAL_STACK_STATE);
  for (const [type, text] of Object.entries(recordOf(content))) {
    const host = type === 'SRV' ? SERVICE : 'httpi.marathon.mesos';
    tally.compare(`${name} ${type}`, shortLines(String(text)), shortReply(dns.answer(question(host, type))));
  }
}

function replayUpper(tally: ReplayTally, name: string, content: unknown, version: Version): void {
  const { lower, asis, mangled } = recordOf(content);
  const state = namedState('Foo_Bar');
  compareDig(tally, `${name} lower`, String(lower), version, state, question('foo_bar.marathon.mesos', 'A'));
  compareDig(tally, `${name} as is`, String(asis), version, state, question('Foo_Bar.marathon.mesos', 'A'));
  const reply = server(version, state).answer(question('foo-bar.marathon.mesos', 'A'));
  tally.compare(`${name} mangled`, shortLines(String(mangled)), shortReply(reply));
}

function replayGroup(tally: ReplayTally, name: string, content: unknown, version: Version): void {
  const dns = server(version, GROUP_STATE);
  for (const [host, text] of Object.entries(recordOf(content))) {
    const reply = dns.answer(question(host, host.startsWith('_') ? 'SRV' : 'A'));
    tally.compare(`${name} ${host}`, shortLines(String(text)), shortReply(reply));
  }
}

function replayLong(tally: ReplayTally, name: string, content: unknown, version: Version): void {
  const row: Row = recordOf(content);
  const state = namedState(LONG);
  const reply = server(version, state).answer(question(`${LONG}.marathon.mesos`, 'A'));
  tally.compare(`${name} A`, shortLines(String(row.A)), shortReply(reply));
  const asked = question(/;(\S+)\.\s+IN SRV/.exec(String(row.SRV))?.[1] ?? '', 'SRV');
  compareDig(tally, `${name} SRV`, String(row.SRV), version, state, asked);
}
