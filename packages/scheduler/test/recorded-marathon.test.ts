/** Backoff, scaling, restarts, states: the recorded rows. */
import { describe, expect, test } from 'vitest';
import { Backoff } from '../src/marathon/backoff.ts';
import { restartStrategy } from '../src/marathon/restart.ts';
import { type Candidate, compareVictims, propose } from '../src/marathon/scaling.ts';
import { conditionOf, isActive, isTerminal } from '../src/task/state.ts';
import { each } from './recorded.ts';

describe('backoff', () => {
  const settings = { backoffSeconds: 10, backoffFactor: 2, maxLaunchDelaySeconds: 3600 };
  test('RL-01, RL-02', () => {
    const backoff = new Backoff(settings);
    backoff.fail(5000);
    expect(backoff.deadline(5000)).toBe(15_000);
    backoff.fail(5000);
    expect(backoff.deadline(5000)).toBe(25_000);
  });
  test('RL-03', () => {
    const overdue = new Backoff({ ...settings, maxLaunchDelaySeconds: 60 });
    const valid = new Backoff({ backoffSeconds: 20, backoffFactor: 2, maxLaunchDelaySeconds: 70 });
    overdue.fail(0);
    valid.fail(0);
    expect(overdue.deadline(61_000)).toBe(61_000);
    overdue.fail(61_000);
    expect(overdue.deadline(61_000), 'starts anew').toBe(71_000);
    valid.fail(61_000);
    expect(valid.deadline(61_000), 'had not expired').toBe(101_000);
  });
  test('the default delays: 1, 1.15, 1.3225 s, capped at 300 s after 41 increases', () => {
    const backoff = new Backoff({ backoffSeconds: 1, backoffFactor: 1.15, maxLaunchDelaySeconds: 300 });
    const delays = Array.from({ length: 43 }, () => {
      backoff.fail(0);
      return backoff.deadline(0);
    });
    expect(delays.slice(0, 3)).toEqual([1000, 1150, 1323]);
    expect(delays[40]).toBeLessThan(300_000);
    expect(delays[41]).toBe(300_000);
  });
});

const candidate = (id: string, condition: Candidate['condition'], at = 0): Candidate => ({
  id,
  condition,
  stagedAt: at,
  since: at,
  startedAt: at,
});

each('scaling', ({ input, expected }) => {
  const ids: string[] =
    input.instances?.map((text: string) => text.split(' ')[1]) ?? (Array.isArray(input.running) ? input.running : []);
  const condition = input.instances ? 'Staging' : 'Running';
  // The constraint's pick goes right after the named ones; GROUP_BY is not modelled, so it is named here.
  const named = [...(input.sentenced ?? []), ...(input.constraintPick ?? [])];
  const running = ids.map((id, i) => candidate(id, condition, i));
  const proposition = propose(running, input.scaleTo, named, 'YOUNGEST_FIRST');
  if (expected.kill) expect(proposition.decommission.map((instance) => instance.id)).toEqual(expected.kill);
  if (expected.start !== undefined) expect(proposition.start).toBe(expected.start);
});

each('scaling-order', ({ input, expected }) => {
  const capital = (text: string): Candidate['condition'] => `${text[0]?.toUpperCase()}${text.slice(1)}` as Candidate['condition'];
  const [a, b] = input.pair.map((text: string) => {
    const words = text.split(' ');
    return candidate(text, capital(words.at(-1) ?? ''), words.includes('younger') ? 2000 : 1000);
  });
  const first = compareVictims(a, b, input.killSelection) < 0 ? a : b;
  expect(first.id).toBe(expected.killedFirst);
  expect(Math.sign(compareVictims(b, a, input.killSelection))).toBe(-Math.sign(compareVictims(a, b, input.killSelection)));
});

each('restart', ({ input, expected }) => {
  const strategy = restartStrategy(
    input.instances,
    input,
    { existing: input.current, healthy: input.healthy, resident: input.resident },
    '1.11',
  );
  expect(strategy.maxCapacity).toBe(expected.maxCapacity);
  expect(strategy.killImmediately).toBe(expected.killImmediately);
});

each('instance-state', ({ input, expected }) => {
  for (const condition of input.conditions)
    expect([isActive(condition), isTerminal(condition)]).toEqual([expected.active, expected.terminal]);
});

test('lost tasks by reason', () => {
  const lost = (reason?: string, message?: string): string =>
    conditionOf({ state: 'TASK_LOST', ...(reason ? { reason } : {}), ...(message ? { message } : {}) });
  expect(lost('REASON_SLAVE_REMOVED')).toBe('Unreachable');
  expect(lost('REASON_TASK_UNKNOWN')).toBe('Unknown');
  expect(lost('REASON_RECONCILIATION', 'Reconciliation: Task is unknown to the agent')).toBe('Unknown');
  expect(lost('REASON_EXECUTOR_TERMINATED')).toBe('Gone');
  expect(conditionOf({ state: 'TASK_GONE_BY_OPERATOR' })).toBe('Gone');
});
