/** The example of the schedulers as a user runs it: its table is stored, its picture is an SVG with a chart a scheduler. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SCHEDULER_NAMES } from '@portolan/core';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const TS_NODE = join(ROOT, 'node_modules', 'ts-node', 'dist', 'bin.js');

function run(example: string, args: readonly string[]): string {
  return execFileSync(process.execPath, [TS_NODE, `examples/${example}.ts`, ...args], { cwd: ROOT, encoding: 'utf8' });
}

function golden(name: string): URL {
  return new URL(`../golden/${name}.txt`, import.meta.url);
}

test.each(['schedulers', '05-vip-on-own-agent'])('%s prints what is stored', { timeout: 60_000 }, (example) => {
  const text = run(example, []);
  if (process.env.UPDATE_GOLDEN === '1') writeFileSync(golden(example), text);
  expect(existsSync(golden(example))).toBe(true);
  expect(text).toBe(readFileSync(golden(example), 'utf8'));
});

test('the picture has a chart for each scheduler and names the servers', { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'portolan-chart-'));
  try {
    const file = join(folder, 'chart.svg');
    expect(run('schedulers', ['--out', file])).toContain(`are in ${file}.\n`);
    const svg = readFileSync(file, 'utf8');
    expect(svg).toMatch(/^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
    for (const name of SCHEDULER_NAMES) expect(svg).toContain(`>${name}</text>`);
    expect(svg).toContain('server 5, weight 10');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('the trap as it is: the own agent’s backend is refused, by its container’s address it answers, with docker-proxy too', () => {
  const text = readFileSync(golden('05-vip-on-own-agent'), 'utf8');
  const outcomes = text.split('\n').flatMap((line) => /^ {2}(\S+:\d+) +(ECONNREFUSED|3\.14\d+)$/.exec(line)?.[2] ?? []);
  expect(outcomes.slice(0, 3).sort()).toEqual(['3.1415926536', '3.1415926536', 'ECONNREFUSED']);
  expect(outcomes.slice(3)).toEqual(new Array(6).fill('3.1415926536'));
  expect(text).toMatch(/ipvs: 11\.249\.78\.219:3141 goes to (\S+)\n(?:.*\n)*?.*no-listener/);
});
