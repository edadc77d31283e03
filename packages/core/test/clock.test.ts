import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Clock, type Timer } from '../src/base/clock.ts';

test('events run by time, then in the order in which they were asked for; whatever is cancelled does not run', () => {
  const command = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({ do: fc.constant('after' as const), delay: fc.nat({ max: 50 }), periodic: fc.boolean() }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('cancel' as const), which: fc.nat({ max: 40 }) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('advance' as const), by: fc.nat({ max: 40 }) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('step' as const) }) },
  );
  fc.assert(
    fc.property(fc.array(command, { maxLength: 60, size: 'max' }), (commands) => {
      const clock = new Clock();
      const ran: string[] = [];
      const timers: Timer[] = [];
      // The naive clock: a list, sorted whenever it is looked at.
      let now = 0;
      let pending: { at: number; id: number; periodic: boolean }[] = [];
      const expected: string[] = [];
      const takeFirst = (): void => {
        pending.sort((a, b) => a.at - b.at || a.id - b.id);
        const first = pending.shift();
        if (first === undefined) return;
        now = first.at;
        expected.push(`${first.id}@${now}`);
      };
      for (const what of commands) {
        switch (what.do) {
          case 'after': {
            const id = timers.length;
            timers.push(clock.after(what.delay, () => ran.push(`${id}@${clock.now}`), what.periodic));
            pending.push({ at: now + what.delay, id, periodic: what.periodic });
            break;
          }
          case 'cancel':
            timers[what.which]?.cancel();
            pending = pending.filter(({ id }) => id !== what.which);
            break;
          case 'advance': {
            clock.advance(what.by);
            const end = now + what.by;
            while (pending.some(({ at }) => at <= end)) takeFirst();
            now = end;
            break;
          }
          case 'step':
            expect(clock.step()).toBe(pending.length > 0);
            takeFirst();
        }
        expect(ran).toEqual(expected);
        expect(clock.now).toBe(now);
        expect(clock.busy).toBe(pending.some(({ periodic }) => !periodic));
        expect(clock.nextAt).toBe(Math.min(Number.POSITIVE_INFINITY, ...pending.map(({ at }) => at)));
      }
    }),
    { numRuns: 1000 },
  );
});

test('settle runs until only periodic events are left, or gives up at its limit', () => {
  const clock = new Clock();
  const poll = (): void => {
    clock.after(1000, poll, true);
  };
  poll();
  let rounds = 0;
  const work = (): void => {
    if (++rounds < 5) clock.after(700, work);
  };
  clock.after(700, work);
  expect(clock.settle(60_000)).toBe(true);
  expect([rounds, clock.now, clock.busy]).toEqual([5, 3500, false]);
  const forever = (): void => {
    clock.after(700, forever);
  };
  forever();
  expect(clock.settle(60_000)).toBe(false);
  expect([clock.now, clock.busy]).toEqual([63_500, true]);
});

test('an action may ask for events of the same moment, and cancel others of it', () => {
  const clock = new Clock();
  const ran: string[] = [];
  const victim = { timer: undefined as Timer | undefined };
  clock.after(5, () => {
    ran.push('first');
    victim.timer?.cancel();
    clock.after(0, () => ran.push('same moment'));
  });
  victim.timer = clock.after(5, () => ran.push('victim'));
  clock.after(5, () => ran.push('last'));
  clock.advance(5);
  expect(ran).toEqual(['first', 'last', 'same moment']);
});

test('thousands of cancelled events do not pile up before the live ones', () => {
  const clock = new Clock();
  let ran = 0;
  for (let i = 0; i < 20_000; i++) {
    const timer = clock.after(1 + (i % 97), () => ran++);
    if (i % 10 !== 0) timer.cancel();
  }
  clock.advance(100);
  expect([ran, clock.busy, clock.nextAt]).toEqual([2000, false, Number.POSITIVE_INFINITY]);
});

test('time does not go back', () => {
  const clock = new Clock();
  for (const bad of [-1, Number.NaN]) {
    expect(() => clock.after(bad, () => {})).toThrowError(/delay/);
    expect(() => clock.advance(bad)).toThrowError(/span/);
  }
});
