import { expect, test } from 'vitest';
import { STYLE_RULES, unreached } from './house/rules.ts';
import { parse, sourceFiles } from './house/source-files.ts';

const FILES = sourceFiles();
const SOURCES = FILES.filter(({ path }) => /^packages\/[^/]+\/src\//.test(path));

test('there is a house to look at', () => {
  expect(SOURCES.length).toBeGreaterThan(100);
});

test.each(STYLE_RULES)('$name', ({ looksAt, find, remedy }) => {
  const findings = FILES.filter(({ path }) => looksAt(path)).flatMap((file) =>
    find(file).map(({ line, what }) => `${file.path}:${line}: ${what}: ${remedy}`),
  );
  expect(findings).toEqual([]);
});

test.each(STYLE_RULES)('$name: can fail', ({ looksAt, find, bad }) => {
  expect(looksAt(bad.path)).toBe(true);
  expect(find(parse(bad.path, bad.text))).not.toEqual([]);
});

test('every source is reached from a front door or the entry of a command: what nothing uses is deleted', () => {
  expect(unreached(FILES)).toEqual([]);
  const lonely = [
    parse('packages/core/src/index.ts', "export { a } from './base/a.ts';"),
    parse('packages/core/src/base/a.ts', ''),
    parse('packages/core/src/base/b.ts', ''),
  ];
  expect(unreached(lonely)).toEqual(['packages/core/src/base/b.ts']);
});

test('half of the sources have no more than 130 lines', () => {
  const lengths = SOURCES.map(({ text }) => text.split('\n').length).toSorted((a, b) => a - b);
  expect(lengths[lengths.length >> 1]).toBeLessThanOrEqual(130);
});
