/**
 * Replays what Mesos-DNS made of names, tasks and whole states (`mesos-dns/vectors.json`), in the version of DC/OS 1.13
 * and, where it differs, of the last release. Sections about transport are tested elsewhere and not covered here.
 */
import { Random } from '@portolan/core';
import {
  agentTail,
  DCOS_RECORD_OPTIONS,
  formatIp,
  type LabelSpec,
  MesosDns,
  type MesosRecord,
  masterRecords,
  mesosDomainFragment,
  mesosLabel,
  parseIp,
  type RecordOptions,
  taskAddresses,
  taskHash,
} from '@portolan/dcos';
import { mesosStateOf, mesosTaskOf } from './mesos-state-json.ts';
import type { Report } from './report.ts';
import { canonical, listOf, ReplayTally, recordOf } from './result.ts';

type Row = Readonly<Record<string, unknown>>;

/** Replays one recorded file. */
export function replay(text: string, file: string): Report {
  const recorded = recordOf(JSON.parse(text));
  const tally = new ReplayTally();
  for (const [section, content] of Object.entries(recorded)) {
    if (section === 'meta') continue;
    for (const [index, item] of listOf(content).entries()) {
      const name = `${file} ${section}[${index}]`;
      const run = SECTIONS.get(section);
      if (run === undefined) tally.skip(name, 'cases of this kind are not replayed');
      else run(tally, name, recordOf(item));
    }
    if (!Array.isArray(content)) tally.skip(`${file} ${section}`, 'not a list of cases');
  }
  return tally;
}

const SECTIONS: ReadonlyMap<string, (tally: ReplayTally, name: string, row: Row) => void> = new Map([
  ['hash', (tally, name, row) => tally.compare(name, String(row.out), taskHash(String(row.in)))],
  ['postTaskIds', (tally, name, row) => tally.compare(name, String(row.hash), taskHash(String(row.taskId)))],
  ['slaveIdTail', (tally, name, row) => tally.compare(name, String(row.out), agentTail(String(row.in)))],
  ['labels', (tally, name, row) => replaySpecs(tally, name, row, mesosLabel)],
  ['domainFrag', (tally, name, row) => replaySpecs(tally, name, row, mesosDomainFragment)],
  ['taskIPs', replayAddresses],
  ['masterRecords', replayMasters],
  ['states', replayState],
]);

function replaySpecs(tally: ReplayTally, name: string, row: Row, make: (text: string, spec: LabelSpec) => string): void {
  const text = String(row.in);
  tally.compare(name, canonical([row.rfc1123, row.rfc952]), canonical([make(text, 'rfc1123'), make(text, 'rfc952')]));
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
  const by = (version: RecordOptions['version']): string => {
    const listener = parseIp(String(row.listener));
    const dns = new MesosDns({
      random: new Random(1),
      domain: String(row.domain),
      server: String(row.ns),
      listeners: listener === undefined ? [] : [listener],
      ipSources: listOf(row.ipSources).map(String),
      spec: row.spec === 'rfc952' ? 'rfc952' : 'rfc1123',
      version,
    });
    dns.refresh(mesosStateOf(row.state, listOf(row.masters).map(String)), 0);
    return canonical(recordSets(dns.all()));
  };
  tally.compare(`${name} 113`, canonical(row.out113 ?? row.out), by('113'));
  tally.compare(`${name} head`, canonical(row.out), by('head'));
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
