import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { replay } from '../src/replay/overlay.ts';

const recorded = readFileSync(new URL('../recorded/overlay/sequences.json', import.meta.url), 'utf8');

test('every recorded command is answered as the overlay master answered', () => {
  const result = replay(recorded, 'sequences.json');
  expect(result.disagree).toEqual([]);
  expect(result.notCovered).toEqual([]);
  expect(result.agree).toBe(25 + 15 + 22 + 12 + 39 + 601);
});

test('a wrong answer disagrees, an unknown command is not covered, nor is what follows it', () => {
  const sequence = {
    title: 't',
    commands: ['new 44.128.0.0/20 - 9.0.0.0/8 24 - 0', 'alloc', 'shuffle', 'alloc'],
    results: [{ op: 'new' }, { op: 'alloc', subnet: '9.0.1.0/24' }, { op: 'shuffle' }, { op: 'alloc' }],
  };
  const result = replay(JSON.stringify({ sequences: [sequence] }), 'x');
  expect(result.agree).toBe(1);
  expect(result.disagree).toHaveLength(1);
  expect(result.notCovered).toHaveLength(2);
});
