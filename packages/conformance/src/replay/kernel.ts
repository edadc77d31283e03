/**
 * Replays stored labs with what a kernel answered (`labs/*.jsonl`, a lab a line): the same probes in Portolan, every
 * verdict, packet, conntrack entry, rule counter, neighbour and forwarding entry compared.
 */
import { comparable } from '../kernel/compare.ts';
import type { Answer, Lab } from '../kernel/lab.ts';
import { answerOfPortolan } from '../kernel/portolan.ts';
import type { Report } from './report.ts';
import { listOf, ReplayTally, recordOf } from './result.ts';

/** Replays one file: each probe is a case, and the tables of each namespace are one. */
export function replay(text: string, file: string): Report {
  const tally = new ReplayTally();
  for (const [i, line] of text.split('\n').entries())
    if (line !== '') replayLab(tally, `${file}:${i + 1}`, recordOf(JSON.parse(line)));
  return tally;
}

function replayLab(tally: ReplayTally, name: string, stored: Readonly<Record<string, unknown>>): void {
  const { lab, answer } = stored;
  if (listOf(recordOf(lab).probes).length === 0 || !('tables' in recordOf(answer))) {
    tally.skip(name, 'no lab with probes, or no answer, in this line');
    return;
  }
  const expected = grouped(comparable(lab as Lab, answer as Answer));
  const actual = grouped(comparable(lab as Lab, answerOfPortolan(lab as Lab)));
  for (const where of new Set([...expected.keys(), ...actual.keys()]))
    tally.compare(`${name} ${where}`, expected.get(where) ?? '', actual.get(where) ?? '');
}

/** One text for each probe and for each namespace's tables. */
function grouped(texts: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const groups = new Map<string, string[]>();
  for (const [key, text] of texts) {
    if (text === '') continue;
    const [where = ''] = key.split(' ');
    const group = groups.get(where) ?? [];
    groups.set(where, group);
    group.push(`${key}\n${text}\n`);
  }
  return new Map([...groups].map(([where, parts]) => [where, parts.sort((a, b) => (a < b ? -1 : 1)).join('')]));
}
