import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { REPLAYS, replayCommand } from '../src/replay/command.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const RECORDED = new URL('../recorded/', import.meta.url);

/** Recorded folders, as kinds of replay go by their names, with the files that a kind replays. */
const FILES: readonly (readonly [kind: string, file: string])[] = [...REPLAYS.keys()].flatMap((kind) => {
  const folder = new URL(`${kind}/`, RECORDED);
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => /^(vectors|sequences|cases)\.json$|\.jsonl$/.test(name));
  return names.map((name) => [kind, `${kind}/${name}`] as const);
});

/** Runs the command on files of memory. */
function run(args: readonly string[], files: Readonly<Record<string, string>> = {}) {
  const printed: string[] = [];
  const complaints: string[] = [];
  const exit = replayCommand(args, {
    read: (file) => {
      const text = Object.hasOwn(files, file) ? files[file] : undefined;
      if (text === undefined) throw new Error(`ENOENT: no such file or directory, open '${file}'`);
      return text;
    },
    print: (line) => printed.push(line),
    complain: (line) => complaints.push(line),
  });
  return { exit, printed, complaints };
}

test('the kinds this release must have are there, and their recorded files too', () => {
  for (const kind of ['vip', 'phash2', 'overlay', 'ipvs']) expect(FILES.map(([known]) => known)).toContain(kind);
});

test.each(FILES)('%s: all of %s agrees', (kind, file) => {
  const { exit, printed, complaints } = run([kind, file], { [file]: readFileSync(new URL(file, RECORDED), 'utf8') });
  expect(complaints).toEqual([]);
  expect(printed.filter((line) => /^(disagree| {2}expected| {2}actual)/.test(line))).toEqual([]);
  expect(printed.at(-1)).toMatch(/^[1-9]\d* agree, 0 disagree, 0 not covered$/);
  expect(exit).toBe(0);
});

const GOOD = JSON.stringify({ rows: [{ label: '/httpi', framework: 'marathon', ip4: '11.249.78.219' }] });
const BAD = JSON.stringify({
  rows: Array.from({ length: 25 }, () => ({ label: '/httpi', framework: 'marathon', ip4: '11.0.0.1' })),
});
const STRANGE = JSON.stringify({ colours: [{}, {}, {}] });

test('agreement ends with the sums and exit code 0', () => {
  expect(run(['vip', 'a', 'b'], { a: GOOD, b: GOOD })).toEqual({
    exit: 0,
    printed: [
      'a: 1 agree, 0 disagree, 0 not covered',
      'b: 1 agree, 0 disagree, 0 not covered',
      '2 agree, 0 disagree, 0 not covered',
    ],
    complaints: [],
  });
});

test('disagreements are shown, twenty at most, then counted; exit code 1', () => {
  const { exit, printed } = run(['vip', 'bad'], { bad: BAD });
  expect(exit).toBe(1);
  expect(printed.filter((line) => line.startsWith('disagree: '))).toHaveLength(20);
  expect(printed.filter((line) => line.startsWith('  expected: ') && line.includes('11.0.0.1'))).toHaveLength(20);
  expect(printed.filter((line) => line.startsWith('  actual:   ') && line.includes('11.249.78.219'))).toHaveLength(20);
  expect(printed.slice(-2)).toEqual(['... and 5 more disagreements', '0 agree, 25 disagree, 0 not covered']);
});

test('what is not covered is counted by its reason; exit code 1', () => {
  const { exit, printed } = run(['vip', 'strange', 'good'], { strange: STRANGE, good: GOOD });
  expect(exit).toBe(1);
  expect(printed.at(-2)).toMatch(/^not covered, 3 times: /);
  expect(printed.at(-1)).toBe('1 agree, 0 disagree, 3 not covered');
});

test.each([
  [[], 'no KIND and no FILE; kinds: vip, phash2'],
  [['vip'], 'no FILE to replay as vip'],
  [['weather', 'a'], 'unknown kind "weather"; kinds: vip, phash2'],
  [['__proto__', 'a'], 'unknown kind "__proto__"'],
  [['vip', 'good', 'none'], "cannot read none: ENOENT: no such file or directory, open 'none'"],
  [['vip', 'broken'], 'broken is not readable JSON: '],
  [['vip', 'good', 'empty'], 'empty holds no case of the kind vip'],
])('%j: one line of complaint, exit code 2', (args, complaint) => {
  const { exit, complaints } = run(args, { good: GOOD, broken: '{', empty: '{"rows":[]}' });
  expect(exit).toBe(2);
  expect(complaints).toHaveLength(1);
  expect(complaints[0]).toContain(complaint);
});

test('--help names the kinds', () => {
  const { exit, printed } = run(['--help']);
  expect(exit).toBe(0);
  for (const kind of REPLAYS.keys()) expect(printed.join('\n')).toContain(kind);
});

function spawned(...args: readonly string[]) {
  const command = ['node_modules/ts-node/dist/bin.js', 'packages/conformance/src/replay.ts', ...args];
  return spawnSync(process.execPath, command, { cwd: ROOT, encoding: 'utf8' });
}

test('as a process it ends with the line of sums and the exit code', { timeout: 60_000 }, () => {
  const good = spawned('phash2', 'packages/conformance/recorded/phash2/vectors.json');
  expect(good.stderr).toBe('');
  expect(good.stdout).toMatch(/\n890 agree, 0 disagree, 0 not covered\n$/);
  expect(good.status).toBe(0);
  const bad = spawned('weather', 'x');
  expect(bad.stdout).toBe('');
  expect(bad.stderr.split('\n')).toHaveLength(2);
  expect(bad.status).toBe(2);
});
