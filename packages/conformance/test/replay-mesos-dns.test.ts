import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { replay } from '../src/replay/mesos-dns.ts';

const recorded = readFileSync(new URL('../recorded/mesos-dns/vectors.json', import.meta.url), 'utf8');

test('names, addresses and records of whole states are those of the real Mesos-DNS', () => {
  const result = replay(recorded, 'vectors.json');
  expect(result.disagree).toEqual([]);
  expect(result.agree).toBe(34 + 56 + 15 + 5 + 72 + 6 + 2 * 20 + 5);
  const uncovered = new Set(result.notCovered.map(({ case: name }) => name.replace(/\[.*/, '')));
  expect([...uncovered].sort()).toEqual(['vectors.json dns', 'vectors.json ports', 'vectors.json truncation']);
});
