import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Clock } from '../src/base/clock.ts';
import { FragmentTable, fragments } from '../src/kernel/fragment.ts';
import { SkBuff } from '../src/kernel/skb.ts';

const UDP = 17;

function datagram(length: number): SkBuff {
  const skb = new SkBuff(UDP, 0x0a000102, 5000, 0x0a000202, 53, length);
  skb.df = false;
  skb.payload = 'text';
  return skb;
}

function table(clock: Clock, late: SkBuff[] = []): FragmentTable {
  return new FragmentTable({ after: (delay, action) => clock.after(delay, action), incomplete: (first) => late.push(first) });
}

/** Feeds fragments in the given order; what came out whole. */
function feed(to: FragmentTable, pieces: readonly SkBuff[]): readonly SkBuff[] {
  return pieces.filter((one) => one.fragment === undefined || to.completes(one, one.fragment));
}

test('3,508 bytes by a device that takes 1,500 are three fragments, of which the last is short', () => {
  const pieces = fragments(datagram(3528), 1500);
  expect(pieces.map(({ length, fragment }) => [length, fragment?.offset, fragment?.more])).toEqual([
    [1500, 0, true],
    [1500, 1480, true],
    [568, 2960, false],
  ]);
  expect(pieces.map(({ destinationPort }) => destinationPort)).toEqual([53, 0, 0]);
});

test('fragments come together in any order, cut once or twice, and no sooner than the last', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 29, max: 65535 }),
      fc.integer({ min: 68, max: 1500 }),
      fc.integer({ min: 68, max: 1500 }),
      fc.infiniteStream(fc.nat()),
      (length, first, second, order) => {
        const cut = fragments(datagram(length), first).flatMap((piece) => fragments(piece, second));
        for (const one of cut) expect(one.length).toBeLessThanOrEqual(Math.min(first, second));
        const shuffled = cut
          .map((one) => [order.next().value as number, one] as const)
          .sort(([a], [b]) => a - b)
          .map(([, one]) => one);
        const clock = new Clock();
        const whole = feed(table(clock), shuffled);
        expect(whole).toEqual(shuffled.slice(-1));
        expect(whole[0]).toMatchObject({ length, sourcePort: 5000, destinationPort: 53, payload: 'text', fragment: undefined });
        expect(clock.busy).toBe(false);
      },
    ),
    { numRuns: 200 },
  );
});

test('after 30 seconds nobody waits for the rest any more', () => {
  const clock = new Clock();
  const late: SkBuff[] = [];
  const to = table(clock, late);
  const [first, second] = fragments(datagram(2000), 1500);
  if (first === undefined || second === undefined) throw new Error('not cut');
  expect(feed(to, [first])).toEqual([]);
  clock.advance(29_999);
  expect(late).toEqual([]);
  clock.advance(1);
  expect(late).toEqual([first]);
  expect(feed(to, [second])).toEqual([]);
});

test('a fragment that comes twice counts once', () => {
  const [first, second] = fragments(datagram(2000), 1500);
  if (first === undefined || second === undefined) throw new Error('not cut');
  expect(feed(table(new Clock()), [first, first, second])).toEqual([second]);
  expect(second.length).toBe(2000);
});
