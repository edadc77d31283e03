import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { replay } from '../src/replay/mesos-dns.ts';

const recorded = (name: string) => readFileSync(new URL(`../recorded/mesos-dns/${name}`, import.meta.url), 'utf8');

test.each([
  // Names, hashes, ports, masters; five comparisons for each of twenty states; transport.
  ['vectors.json', 34 + 56 + 15 + 5 + 8 + 72 + 6 + 5 * 20 + 24 + 20 + 5],
  ['e2e-113.json', 123],
  ['e2e-head.json', 123],
  ['post-state.json', 1],
])('%s: all is as the real Mesos-DNS gave it', (name, agree) => {
  const result = replay(recorded(name), name);
  expect(result.disagree).toEqual([]);
  expect(result.notCovered).toEqual([]);
  expect(result.agree).toBe(agree);
});

test('a section that is not known is not covered', () => {
  expect(replay('{"colours": [1]}', 'x.json').notCovered).toEqual([
    { case: 'x.json colours', reason: "section 'colours' is not known" },
  ]);
});
