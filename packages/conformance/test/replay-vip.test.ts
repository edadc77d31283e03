import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { replay as replayPhash2 } from '../src/replay/phash2.ts';
import { replay as replayVip } from '../src/replay/vip.ts';

function recorded(path: string): string {
  return readFileSync(new URL(`../recorded/${path}`, import.meta.url), 'utf8');
}

test('every recorded VIP label, name, address and collision is answered as dcos-net answered', () => {
  const result = replayVip(recorded('vip/vectors.json'), 'vectors.json');
  expect(result.disagree).toEqual([]);
  expect(result.notCovered).toEqual([]);
  expect(result.agree).toBe(401 + 20 + 13);
});

test('every recorded binary hashes as in Erlang', () => {
  const result = replayPhash2(recorded('phash2/vectors.json'), 'vectors.json');
  expect(result.disagree).toEqual([]);
  expect(result.notCovered).toEqual([]);
  expect(result.agree).toBe(834 + 56);
});

test('a wrong answer disagrees, an unknown kind of row is not covered', () => {
  const row = { label: '/httpi', framework: 'marathon', ip4: '11.249.78.220' };
  expect(replayVip(JSON.stringify({ rows: [row] }), 'x').disagree).toHaveLength(1);
  expect(replayVip(JSON.stringify({ rows: [{ ...row, ip4: '11.249.78.219', colour: 'red' }] }), 'x').disagree).toHaveLength(1);
  expect(replayVip(JSON.stringify({ sounds: [{}, {}] }), 'x').notCovered).toHaveLength(2);
  expect(
    replayPhash2(
      JSON.stringify({
        rows: [
          { hex: '00', range: 2, value: 7 },
          { hex: 'zz', value: 1 },
        ],
      }),
      'x',
    ),
  ).toMatchObject({
    agree: 0,
    disagree: [{ expected: '7' }],
    notCovered: [{ case: 'x rows[1]' }],
  });
});
