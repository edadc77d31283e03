import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { replay } from '../src/replay/ipvs.ts';

const folder = (name: string) => new URL(`../recorded/${name}/`, import.meta.url);

function read(name: string, file: string): string {
  return readFileSync(new URL(file, folder(name)), 'utf8');
}

const MODELLED = ['wlc', 'lc', 'sed', 'nq', 'rr', 'wrr'];

test.each(MODELLED)('every recorded %s trace agrees: server, state and the whole table after every operation', (scheduler) => {
  const files = readdirSync(folder('ipvs')).filter((file) => file.startsWith(`${scheduler}-`));
  expect(files.length).toBeGreaterThan(5);
  for (const file of files) {
    const text = read('ipvs', file);
    const result = replay(text, file);
    expect(result.disagree).toEqual([]);
    expect(result.notCovered).toEqual([]);
    expect(result.agree).toBe(text.trim().split('\n').length);
  }
});

test.each(['sh-003', 'dh-001', 'mh-004'])('%s is not covered, from its first line on', (name) => {
  const result = replay(read('ipvs', `${name}.jsonl`), name);
  expect(result).toMatchObject({ agree: 0, disagree: [] });
  expect(result.notCovered.length).toBeGreaterThan(100);
});

test.each([
  ['demo1', 28],
  ['removed', 39],
  ['reuse', 19],
  ['states', 43],
  ['thresholds', 22],
])('the listings of %s are those of ipvsadm', (name, agree) => {
  const result = replay(read('ipvs-listings', `${name}.jsonl`), name);
  expect(result.disagree).toEqual([]);
  expect(result.agree).toBe(agree);
});

test('services and servers are sorted as ipvsadm sorts them, whatever the scheduler', () => {
  const text = read('ipvs-listings', 'sort.jsonl')
    .replaceAll(/"sched": "[ms]h"/g, '"sched": "wlc"')
    .replaceAll(/:443 [ms]h \(/g, ':443 wlc (')
    .replaceAll(/ -s [ms]h -b/g, ' -s wlc -b')
    .replaceAll(/"flags": "[ms]h[^"]*"(, "dests")/g, '"flags": ""$1');
  const result = replay(text, 'sort');
  expect(result.disagree).toEqual([]);
  expect(new Set(result.notCovered.map(({ reason }) => reason.replace(/listing .*/, 'listing')))).toEqual(
    new Set(['the listing']),
  );
  expect(result.agree).toBe(39 - 8);
});

test('another server, state or count disagrees; an unknown operation and all after it are not covered', () => {
  const lines = read('ipvs', 'wlc-003.jsonl').trim().split('\n');
  const changed = (from: string, to: string) =>
    replay(lines.map((line) => line.replace(from, to)).join('\n'), 'x').disagree.length;
  expect(changed('"server": "172.16.247.219:2174"', '"server": "172.16.247.219:2175"')).toBeGreaterThan(0);
  expect(changed('"state": "ESTABLISHED"', '"state": "SYN_RECV"')).toBeGreaterThan(0);
  expect(changed('"active": 2', '"active": 3')).toBeGreaterThan(0);
  const cut = [...lines.slice(0, 5), '{"i": 5, "op": "juggle", "t": 1}', ...lines.slice(5)].join('\n');
  const result = replay(cut, 'x');
  expect(result.agree).toBe(5);
  expect(result.notCovered).toHaveLength(lines.length - 5 + 1);
});
