import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { comparable, differences } from '../src/kernel/compare.ts';
import { labs } from '../src/kernel/generate.ts';
import type { Answer, Lab } from '../src/kernel/lab.ts';
import { answerOfPortolan } from '../src/kernel/portolan.ts';
import type { StoredLab } from '../src/kernel/stored.ts';
import { replay } from '../src/replay/kernel.ts';

const STORED = new URL('../recorded/labs/', import.meta.url);
const FILES = readdirSync(STORED, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.jsonl'))
  .sort();

test.each(FILES)('labs of %s: every probe and every table as the kernel answered', (name) => {
  const report = replay(readFileSync(new URL(name, STORED), 'utf8'), name);
  expect(report.disagree).toEqual([]);
  expect(report.notCovered).toEqual([]);
  expect(report.agree).toBeGreaterThan(0);
});

test('the scoreboard counts the stored labs as they are', () => {
  const labs = FILES.flatMap((name) => readFileSync(new URL(name, STORED), 'utf8').trimEnd().split('\n'));
  const probes = labs.reduce((sum, line) => sum + (JSON.parse(line) as StoredLab).lab.probes.length, 0);
  const scoreboard = readFileSync(new URL('../../../docs/fidelity.md', import.meta.url), 'utf8');
  const count = (n: number) => `${n}`.replace(/\B(?=(\d{3})+$)/g, ',');
  expect(scoreboard).toContain(
    `| stored, replayed by every \`npm test\` | ${count(labs.length)} | ${count(probes)} | ${count(probes)} |`,
  );
});

test('a stored answer that is changed is noticed', () => {
  const [line = ''] = readFileSync(new URL(FILES[0] ?? '', STORED), 'utf8').split('\n');
  const { lab, answer } = JSON.parse(line) as { lab: Lab; answer: Answer };
  const [first, ...rest] = answer.probes;
  if (first === undefined) throw new Error('a stored lab has no probe');
  const changed = { ...answer, probes: [{ ...first, verdict: 'ENOENT' }, ...rest] };
  expect(differences(lab, changed, answerOfPortolan(lab)).map(({ what }) => what)).toContain('verdict');
});

test('generated labs can be built, and answer the same when built again', () => {
  fc.assert(
    fc.property(labs, (lab) => {
      expect([...comparable(lab, answerOfPortolan(lab))]).toEqual([...comparable(lab, answerOfPortolan(lab))]);
    }),
    { numRuns: 100 },
  );
});
