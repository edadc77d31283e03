import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Answer } from '../src/kernel/lab.ts';
import { answerOfPortolan } from '../src/kernel/portolan.ts';
import type { StoredLab } from '../src/kernel/stored.ts';
import { CASES, labOfCase, type RecordedProbe, readRecorded } from './kernel/case-labs.ts';
import { isCable, recordedByDevice, recordedWords } from './kernel/recorded-words.ts';

const STORED = new URL('../recorded/labs/cases/', import.meta.url);

test.each(CASES)('the lab of %s is what this library wires, and answers as was recorded', (name) => {
  const recorded = readRecorded(name);
  const lab = labOfCase(name, recorded);
  // The kernel's answer is added by `npm run kernel -- --file NAME.jsonl --store FOLDER`.
  if (process.env.UPDATE_GOLDEN === '1') writeFileSync(new URL(`${name}.jsonl`, STORED), JSON.stringify({ lab }));
  const stored = JSON.parse(readFileSync(new URL(`${name}.jsonl`, STORED), 'utf8')) as StoredLab;
  expect(lab).toEqual(stored.lab);
  const answer = answerOfPortolan(stored.lab);
  recorded.data.forEach((probe, i) => {
    const got = answer.probes[i];
    if (got === undefined) throw new Error('a probe has no answer');
    const { result } = probe;
    expect({ verdict: got.verdict, seen: got.seen.map(ends) }).toEqual({
      verdict: result.verdict,
      seen: result.server === undefined || result.proto === 'icmp' ? [] : [ends(result.server)],
    });
    expect(packetsOf(got, probe)).toEqual(packetsRecorded(probe));
  });
});

function ends({ in: where, peer, local }: { in: string; peer: string; local: string }): string {
  return `${where}: ${withoutChance(`${peer} `)}at ${local}`;
}

function packetsOf(answer: Answer['probes'][number], probe: RecordedProbe): unknown {
  const wanted = recordedByDevice(probe.hops);
  const devices = Object.entries(answer.packets).flatMap(([device, lines]) => {
    const own = lines.flatMap((line) => recordedWords(line) ?? []);
    const whole = untilEnd(compared(own, probe), compared(wanted.get(device) ?? [], probe));
    return isCable(device) || whole.length === 0 ? [] : [[device, whole] as const];
  });
  return new Map(devices);
}

function packetsRecorded(probe: RecordedProbe): unknown {
  const devices = [...recordedByDevice(probe.hops)].map(([device, lines]) => [device, compared(lines, probe)] as const);
  return new Map(devices.filter(([, lines]) => lines.length > 0));
}

function compared(lines: readonly string[], { result, npackets, hops }: RecordedProbe): readonly string[] {
  const plain = lines.map(withoutChance).filter((line) => npackets <= hops.length || isHandshake(line));
  // The recording kernel sends its first four SYNs a second apart: where any were sent again, each kind of line counts once.
  return result.verdict === 'EHOSTUNREACH' || result.verdict === 'timeout' ? [...new Set(plain)].sort() : plain;
}

// Where the recording stopped before the connection was closed, so does the comparison.
function untilEnd(packets: readonly string[], wanted: readonly string[]): readonly string[] {
  const stopped = wanted.some((line) => line.includes(' P. ')) && !wanted.some((line) => line.includes(' F. '));
  return stopped ? packets.slice(0, wanted.length) : packets;
}

// Ports that a kernel drew, and the hashed port of a tunnel.
function withoutChance(line: string): string {
  return line.replace(/:(3[2-9]|4\d|5\d|60)\d{3}\b(?!:)/g, (port) => (/^:(4000|5000|5001)/.test(port) ? port : ':chance'));
}

function isHandshake(line: string): boolean {
  return / DF S\.?( |$)/.test(line) || !/\btcp /.test(line);
}
