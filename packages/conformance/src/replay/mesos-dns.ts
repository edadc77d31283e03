/**
 * Replays what Mesos-DNS made of names, tasks and whole states (`mesos-dns/vectors.json`) in three versions, what running
 * servers answered (`e2e-*.json`), and the answer to the post's question (`post-state.json`).
 */
import { Random, Refusal } from '@portolan/core';
import {
  agentTail,
  DCOS_RECORD_OPTIONS,
  formatIp,
  type LabelSpec,
  MesosDns,
  type MesosRecord,
  masterRecords,
  mesosDnsPage,
  mesosDomainFragment,
  mesosLabel,
  parseIp,
  pointersOf,
  type RecordOptions,
  readPortRanges,
  taskAddresses,
  taskHash,
} from '@portolan/dcos';
import { shortReply } from './dig-text.ts';
import { LIVE_SECTIONS } from './mesos-dns-live.ts';
import { mesosStateOf, mesosTaskOf } from './mesos-state-json.ts';
import type { Report } from './report.ts';
import { canonical, listOf, ReplayTally, recordOf } from './result.ts';

type Row = Readonly<Record<string, unknown>>;

/** Replays one recorded file. */
export function replay(text: string, file: string): Report {
  const recorded = recordOf(JSON.parse(text));
  const tally = new ReplayTally();
  if (recorded.slaves !== undefined && recorded.frameworks !== undefined) replayPost(tally, file, recorded);
  else for (const [section, content] of Object.entries(recorded)) replaySection(tally, file, section, content);
  return tally;
}

function replaySection(tally: ReplayTally, file: string, section: string, content: unknown): void {
  // Data about the recording itself, and which requests the server sent to its master.
  if (section === 'meta' || section === 'stateRequests' || section === 'noTC') return;
  const name = `${file} ${section}`;
  const live = LIVE_SECTIONS.get(section);
  if (live !== undefined) return live(tally, name, content, file.includes('head') ? 'head' : '113');
  const run = SECTIONS.get(section);
  if (run === undefined || !Array.isArray(content)) return tally.skip(name, `section '${section.slice(0, 40)}' is not known`);
  for (const [index, item] of content.entries()) run(tally, `${name}[${index}]`, recordOf(item));
}

/** The post's five SRV lines, which the real server gave for the recorded state. */
const POST_LINES = [
  '0 1 14666 httpi-ekjsh-s1.marathon.mesos.',
  '0 1 26186 httpi-9kxtg-s3.marathon.mesos.',
  '0 1 7143 httpi-y14gy-s1.marathon.mesos.',
  '0 1 8584 httpi-kdkgr-s3.marathon.mesos.',
  '0 1 9896 httpi-7n7a6-s2.marathon.mesos.',
];

/** A state alone: the answer to the post's question about it. */
function replayPost(tally: ReplayTally, file: string, state: Row): void {
  const dns = new MesosDns({ random: new Random(1), listeners: [] });
  dns.refresh(mesosStateOf(state, [String(state.leader).replace(/^.*@/, '')]), 0);
  const reply = dns.answer({ name: '_httpi._tcp.marathon.mesos', type: 'SRV', id: 1 });
  tally.compare(`${file} dig +short _httpi._tcp.marathon.mesos SRV`, POST_LINES.join('\n'), shortReply(reply));
}

const SECTIONS: ReadonlyMap<string, (tally: ReplayTally, name: string, row: Row) => void> = new Map([
  ['hash', (tally, name, row) => tally.compare(name, String(row.out), taskHash(String(row.in)))],
  ['postTaskIds', (tally, name, row) => tally.compare(name, String(row.hash), taskHash(String(row.taskId)))],
  ['slaveIdTail', (tally, name, row) => tally.compare(name, String(row.out), agentTail(String(row.in)))],
  ['labels', (tally, name, row) => replaySpecs(tally, name, row, mesosLabel)],
  ['domainFrag', (tally, name, row) => replaySpecs(tally, name, row, mesosDomainFragment)],
  ['ports', replayPorts],
  ['taskIPs', replayAddresses],
  ['masterRecords', replayMasters],
  ['states', replayState],
]);

function replaySpecs(tally: ReplayTally, name: string, row: Row, make: (text: string, spec: LabelSpec) => string): void {
  const text = String(row.in);
  tally.compare(name, canonical([row.rfc1123, row.rfc952]), canonical([make(text, 'rfc1123'), make(text, 'rfc952')]));
}

function replayPorts(tally: ReplayTally, name: string, row: Row): void {
  const ports = (): unknown =>
    readPortRanges(String(row.in)).flatMap(({ begin, end }) => Array.from({ length: end - begin + 1 }, (_, i) => `${begin + i}`));
  if (row.panics === undefined) return tally.compare(name, canonical(row.out), canonical(ports()));
  try {
    tally.compare(name, String(row.panics), canonical(ports()));
  } catch (refusal) {
    tally.compare(name, String(row.panics), refusal instanceof Refusal ? `PANIC: ${refusal.message}` : String(refusal));
  }
}

function replayAddresses(tally: ReplayTally, name: string, row: Row): void {
  const task = recordOf(row.task);
  const agent = listOf(task.SlaveIPs).flatMap((text) => parseIp(String(text)) ?? []);
  const ipSources = listOf(row.sources).map(String);
  const by = (version: RecordOptions['version']) =>
    taskAddresses(mesosTaskOf(task, ''), agent, { ...DCOS_RECORD_OPTIONS, ipSources, version }).map(formatIp);
  tally.compare(name, canonical([row.head, row.dcos113]), canonical([by('head'), by('113')]));
}

function replayMasters(tally: ReplayTally, name: string, row: Row): void {
  const records = masterRecords(String(row.domain), listOf(row.masters).map(String), String(row.leader));
  tally.compare(name, canonical(row.out), canonical(recordSets(records)));
}

function replayState(tally: ReplayTally, name: string, row: Row): void {
  const state = mesosStateOf(row.state, listOf(row.masters).map(String));
  const options = (version: RecordOptions['version']): RecordOptions => ({
    domain: String(row.domain),
    ipSources: listOf(row.ipSources).map(String),
    spec: row.spec === 'rfc952' ? 'rfc952' : 'rfc1123',
    version,
  });
  const by = (version: RecordOptions['version']): MesosDns => {
    const listener = parseIp(String(row.listener));
    const listeners = listener === undefined ? [] : [listener];
    const dns = new MesosDns({ ...options(version), random: new Random(1), server: String(row.ns), listeners });
    dns.refresh(state, 0);
    return dns;
  };
  tally.compare(`${name} 113`, canonical(row.out113 ?? row.out), canonical(recordSets(by('113').all())));
  const head = by('head');
  tally.compare(`${name} head`, canonical(row.out), canonical(recordSets(head.all())));
  if (row.enumerate !== undefined)
    tally.compare(`${name} enumerate`, canonical(row.enumerate), canonical(JSON.parse(mesosDnsPage(head, '/v1/enumerate').body)));
  const m3 = by('m3');
  tally.compare(`${name} m3`, canonical(row.outM3 ?? row.out), canonical(recordSets(m3.all())));
  const pointers = [...pointersOf(state, options('m3'))].map(([address, names]) => [address, [...names].sort()] as const);
  tally.compare(`${name} m3 pointers`, canonical(row.ptrM3 ?? {}), canonical(Object.fromEntries(pointers)));
}

function recordSets(records: readonly MesosRecord[]): unknown {
  const sets = { A: new Map<string, Set<string>>(), AAAA: new Map<string, Set<string>>(), SRV: new Map<string, Set<string>>() };
  for (const record of records) {
    const values = sets[record.kind].get(record.name) ?? new Set();
    values.add(record.kind === 'SRV' ? `${record.target}:${record.port}` : formatIp(record.address));
    sets[record.kind].set(record.name, values);
  }
  const shown = (kind: 'A' | 'AAAA' | 'SRV') =>
    Object.fromEntries([...sets[kind]].map(([name, values]) => [name, [...values].sort()]));
  return { A: shown('A'), AAAA: shown('AAAA'), SRV: shown('SRV') };
}
