import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { replay } from '../src/replay/dcos-net-tasks.ts';

const recorded = readFileSync(new URL('../recorded/dcos-net-tasks/cases.json', import.meta.url), 'utf8');

test('tasks, backends, task records and the suites of the real dcos-net', () => {
  const result = replay(recorded, 'cases.json');
  expect(result.disagree).toEqual([]);
  expect(result.notCovered).toEqual([]);
  expect(result.agree).toBe(104);
});

test('words of a suite that are not understood are not covered', () => {
  const rows = [{ n: 1, kind: 'unit', test: 'ct dcos_l4lb_mesos_poller_SUITE:test_other', input: 'a rainy day', expected: 'x' }];
  const result = replay(JSON.stringify({ rows }), 'cases.json');
  expect([result.agree, result.notCovered.length]).toEqual([0, 1]);
});
