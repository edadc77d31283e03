import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { replay } from '../src/replay/l4lb.ts';

const recorded = readFileSync(new URL('../recorded/l4lb/sequences.json', import.meta.url), 'utf8');

test('every recorded step of gossip gives the recorded VIPs, names and ordered writes', () => {
  const result = replay(recorded, 'sequences.json');
  expect(result.disagree).toEqual([]);
  expect(result.notCovered).toEqual([]);
  expect(result.agree).toBe(4 * 19);
});

test('a write in another order disagrees', () => {
  const turned = recorded.replace('"172.16.15.168",9896,1],["add_dest"', '"172.16.15.168",26186,1],["add_dest"');
  const spaced = recorded.replace('"172.16.15.168", 9896, 1], ["add_dest"', '"172.16.15.168", 26186, 1], ["add_dest"');
  const changed = turned === recorded ? spaced : turned;
  expect(changed).not.toBe(recorded);
  expect(replay(changed, 'x').disagree.length).toBeGreaterThan(0);
});
