/**
 * Replays what dcos-net made of VIP labels (`vip/vectors.json`): cleaned names, hashes and addresses (`rows`), names
 * added one after the other to a small range (`collisions`), the next address to try (`next_ip4`), label grammar (`vip_keys`).
 */
import { Refusal } from '@portolan/core';
import {
  familyOf,
  firstChoice,
  formatIp,
  nextChoice,
  parseIp,
  parseVipKey,
  VIP_RANGE,
  VipNames,
  type VipRange,
  vipDnsName,
  vipName,
} from '@portolan/dcos';
import type { Report } from './report.ts';
import { canonical, listOf, ReplayTally, recordOf } from './result.ts';

type Row = Readonly<Record<string, unknown>>;

/** Replays one recorded file. */
export function replay(text: string, file: string): Report {
  const recorded = recordOf(JSON.parse(text));
  const tally = new ReplayTally();
  const range = rangeOf(recordOf(recorded.meta));
  for (const [section, content] of Object.entries(recorded)) {
    if (section === 'meta') continue;
    for (const [index, item] of listOf(content).entries()) {
      const name = `${file} ${section}[${index}]`;
      const row = recordOf(item);
      if (section === 'rows') replayName(tally, name, row, range);
      else if (section === 'collisions') replayCollisions(tally, name, row);
      else if (section === 'next_ip4') replayNext(tally, name, row, item);
      else if (section === 'vip_keys') replayKey(tally, name, row);
      else tally.skip(name, 'rows of this kind are unknown');
    }
  }
  return tally;
}

function rangeOf(meta: Row): VipRange {
  const [min, max] = listOf(meta.range4).map((end) => parseIp(String(end)));
  const [min6, max6] = listOf(meta.range6).map((end) => parseIp(String(end)));
  return {
    min: typeof min === 'number' ? min : VIP_RANGE.min,
    max: typeof max === 'number' ? max : VIP_RANGE.max,
    min6: typeof min6 === 'bigint' ? min6 : VIP_RANGE.min6,
    max6: typeof max6 === 'bigint' ? max6 : VIP_RANGE.max6,
  };
}

function replayName(tally: ReplayTally, name: string, row: Row, range: VipRange): void {
  const { label, framework } = row;
  if (typeof label !== 'string' || typeof framework !== 'string') {
    tally.skip(name, 'no label or framework in this row');
    return;
  }
  const cleaned = vipName(label, framework);
  const names = new VipNames(range);
  const actual: Row = {
    label,
    framework,
    name: cleaned,
    hash: Number(firstChoice(4, cleaned, range)) - range.min,
    ip4: formatIp(names.assign(4, label, framework)),
    ip6: formatIp(names.assign(6, label, framework)),
    dns: vipDnsName(label, framework),
  };
  compareFields(tally, name, row, actual);
}

function replayCollisions(tally: ReplayTally, name: string, row: Row): void {
  const min = parseIp(String(row.min));
  const max = parseIp(String(row.max));
  const steps = listOf(row.steps).map(recordOf);
  if (min === undefined || max === undefined || typeof min !== typeof max) {
    tally.skip(name, 'no range in this row');
    return;
  }
  const range = {
    ...VIP_RANGE,
    ...(typeof min === 'number' && typeof max === 'number' ? { min, max } : {}),
    ...(typeof min === 'bigint' && typeof max === 'bigint' ? { min6: min, max6: max } : {}),
  };
  const names = new VipNames(range);
  const family = familyOf(min);
  for (const [index, step] of steps.entries()) replayStep(tally, `${name}.steps[${index}]`, step, names, family);
}

function replayStep(tally: ReplayTally, name: string, step: Row, names: VipNames, family: 4 | 6): void {
  const { label, framework } = step;
  if (step.op === 'remove' || step.op === 'del' || step.op === 'release') {
    const gone = names.mappings().filter(({ address, label: its, framework: whose }) => {
      return step.ip === undefined ? its === label && whose === framework : formatIp(address) === step.ip;
    });
    for (const { address } of gone) names.release(address);
    // Nothing to compare: the next name added shows whether the place is free.
    if (gone.length === 0) tally.skip(name, 'nobody has what this step removes');
    return;
  }
  if (step.op !== 'add') {
    tally.skip(name, `the operation ${String(step.op)} is unknown`);
    return;
  }
  if (typeof label !== 'string' || typeof framework !== 'string') {
    tally.skip(name, 'no label or framework in this step');
    return;
  }
  const cleaned = vipName(label, framework);
  const { min, max, min6, max6 } = names.range;
  const known = {
    op: 'add',
    label,
    framework,
    name: cleaned,
    qtty: family === 4 ? max - min : Number(max6 - min6),
    init_ip: formatIp(firstChoice(family, cleaned, names.range)),
  };
  try {
    compareFields(tally, name, step, { ...known, ip: formatIp(names.assign(family, label, framework)) });
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    compareFields(tally, name, step, { ...known, throw: refusal.message });
  }
}

function replayNext(tally: ReplayTally, name: string, row: Row, item: unknown): void {
  const listed = listOf(item);
  const [from, min, max, next] =
    listed.length === 4
      ? listed
      : [
          row.ip ?? row.from ?? row.in,
          row.min ?? '11.0.0.0',
          row.max ?? '11.255.255.255',
          row.next ?? row.next_ip ?? row.result ?? row.out,
        ];
  const [start, low, high] = [from, min, max].map((text) => (typeof text === 'string' ? parseIp(text) : undefined));
  if (typeof start !== 'number' || typeof low !== 'number' || typeof high !== 'number' || typeof next !== 'string') {
    tally.skip(name, `a row of an unknown shape: ${JSON.stringify(item)}`);
    return;
  }
  tally.compare(name, next, formatIp(nextChoice(start, { ...VIP_RANGE, min: low, max: high })));
}

function replayKey(tally: ReplayTally, name: string, row: Row): void {
  const { value, protocol } = row;
  if (typeof value !== 'string' || (protocol !== 'tcp' && protocol !== 'udp')) {
    tally.skip(name, 'no label or no protocol');
    return;
  }
  const framework = typeof row.framework === 'string' ? row.framework : 'marathon';
  tally.compare(name, canonical(row.result), canonical(keyResult(value, protocol, framework)));
}

function keyResult(value: string, protocol: 'tcp' | 'udp', framework: string): unknown {
  try {
    const key = parseVipKey(value, protocol === 'tcp' ? 6 : 17, framework);
    return key.kind === 'fixed'
      ? { protocol, kind: 'ip', ip: formatIp(key.address), port: key.port }
      : { protocol, kind: 'named', label: key.label, framework: key.framework, port: key.port };
  } catch (refusal) {
    if (refusal instanceof Refusal) return { error: refusal.message };
    throw refusal;
  }
}

/** One case: every field of the recorded row must be the product's, and none may be unknown to it. */
function compareFields(tally: ReplayTally, name: string, row: Row, actual: Row): void {
  const shown = Object.fromEntries(Object.keys(row).map((field) => [field, actual[field]]));
  tally.compare(name, canonical(row), canonical(shown));
}
