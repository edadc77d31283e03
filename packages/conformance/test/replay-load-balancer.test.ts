import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { replay as haproxyBalance } from '../src/replay/haproxy-balance.ts';
import { replay as marathonLb } from '../src/replay/marathon-lb.ts';

const RECORDED = new URL('../recorded/', import.meta.url);

function read(path: string): string | undefined {
  try {
    return readFileSync(new URL(path, RECORDED), 'utf8');
  } catch {
    return undefined;
  }
}

test('every recorded choice, retry, wait, header and answer of HAProxy', () => {
  const files = readdirSync(new URL('haproxy-balance/', RECORDED)).map((name) => `haproxy-balance/${name}`);
  const results = files.map((file) => haproxyBalance(read(file) ?? '', file));
  expect(results.flatMap(({ disagree, notCovered }) => [...disagree, ...notCovered])).toEqual([]);
  expect(results.reduce((sum, { agree }) => sum + agree, 0)).toBe(2 * (44 + 8 + 15));
});

/** Replays every case of a folder. */
function replayed(directory: string) {
  const folders = readdirSync(new URL(directory, RECORDED)).filter((name) => /^[0-9]/.test(name));
  const results = folders.map((name) => {
    const folder = `${directory}${name}/`;
    return marathonLb(read(`${folder}input.json`) ?? '', `${folder}input.json`, (path) => read(folder + path));
  });
  const agree = results.reduce((sum, result) => sum + result.agree, 0);
  return { folders, agree, others: results.flatMap(({ disagree, notCovered }) => [...disagree, ...notCovered]) };
}

test('every recorded haproxy.cfg and map, and what two versions of haproxy -c said of it', () => {
  const { folders, agree, others } = replayed('marathon-lb/');
  expect(others).toEqual([]);
  // Three comparisons each, and two maps where there are maps.
  expect(agree).toBe(3 * folders.length + 2 * 3);
});

test('forty configurations of apps drawn at random: labels, templates, deployments, groups and modes in any mixture', () => {
  const { folders, agree, others } = replayed('marathon-lb-drawn/');
  expect(others).toEqual([]);
  expect(folders).toHaveLength(40);
  expect(agree).toBeGreaterThan(2 * folders.length);
});
