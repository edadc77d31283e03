import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { replay } from '../src/replay/marathon.ts';

const RECORDED = readFileSync(new URL('../recorded/marathon/cases.json', import.meta.url), 'utf8');

interface RecordedRow {
  readonly id: string;
  readonly area: string;
  readonly input: unknown;
  readonly expected: unknown;
}

const ROWS: readonly RecordedRow[] = JSON.parse(RECORDED);

test('every recorded row of Marathon agrees', () => {
  const result = replay(RECORDED, 'cases.json');
  expect(result.disagree).toEqual([]);
  expect(result.notCovered).toEqual([]);
  expect(result.agree).toBe(327);
});

/** The same shape with every number, truth and reason another. */
function spoilt(value: unknown): unknown {
  if (typeof value === 'number') return value + 1;
  if (typeof value === 'boolean') return !value;
  if (Array.isArray(value)) return value.map(spoilt);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, spoilt(item)]));
}

test('an answer made wrong is found out, in every area', () => {
  const changed = ROWS.map((row) => ({ ...row, expected: spoilt(row.expected) })).filter(
    (row, i) => JSON.stringify(row.expected) !== JSON.stringify(ROWS[i]?.expected),
  );
  const result = replay(JSON.stringify(changed), 'spoilt.json');
  const found = new Set([...result.disagree, ...result.notCovered].map((finding) => finding.case.split(' ')[1]));
  const missed = changed.filter((row) => !found.has(row.id)).map((row) => row.id);
  expect(changed.length).toBeGreaterThan(180);
  expect(missed).toEqual([]);
});

test('an area, a field or a word that is not known is not covered', () => {
  const rows = [
    { id: 'A', area: 'weather', input: {}, expected: {} },
    { id: 'B', area: 'maintenance', input: { start: 'now', colour: 'red' }, expected: { available: false } },
    { id: 'C', area: 'maintenance', input: { start: 'tomorrow' }, expected: { available: false } },
    { id: 'D', area: 'restart-kill-order', input: { oldInstancesInListOrder: 'H'.repeat(32) }, expected: { killOrder: [] } },
  ];
  expect(replay(JSON.stringify(rows), 'x').notCovered.map(({ reason }) => reason)).toEqual([
    'no judge for the area weather',
    'maintenance: the fields colour are unknown',
    'maintenance: the time tomorrow is not understood',
    'restart-kill-order: a list of 32: the order of more than 31 is not understood',
  ]);
});
