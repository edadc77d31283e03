import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Random, shuffle } from '../src/base/random.ts';

// What OpenJDK 17.0.15 printed: the first four of nextInt(bound) for a seed.
const JAVA: readonly (readonly [seed: number, bound: number, numbers: readonly number[]])[] = [
  [42, 100, [30, 63, 48, 84]],
  [42, 16, [11, 0, 10, 0]],
  [42, 30969, [14111, 20253, 23904, 7928]],
  [42, 1073741825, [117392763, 102948884, 662969970, 595021505]],
  [42, 1073741824, [781215565, 58696381, 733605624, 51474442]],
  [0, 2147483647, [1569741360, 1785505948, 516548029, 1302116447]],
  [-1, 30969, [9032, 17105, 25929, 11501]],
  [281474976710655, 30969, [9032, 17105, 25929, 11501]],
  [1234567890123, 10, [0, 0, 8, 9]],
  [1234567890123, 1073741825, [458291080, 470392121, 570267634, 694613688]],
];

test('the numbers of java.util.Random', () => {
  for (const [seed, bound, numbers] of JAVA) {
    const random = new Random(seed);
    expect([seed, bound, numbers.map(() => random.nextInt(bound))]).toEqual([seed, bound, numbers]);
  }
  const random = new Random(42);
  expect([random.next(32), random.next(32), random.next(32)]).toEqual([-1170105035, 234785527, -1360544799]);
});

test('the generator is the documented one, computed with whole numbers of any size', () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), fc.array(fc.integer({ min: 1, max: 32 }), { maxLength: 20 }), (seed, counts) => {
      const random = new Random(seed);
      let state = BigInt.asUintN(48, BigInt(seed)) ^ 0x5deece66dn;
      for (const count of counts) {
        state = BigInt.asUintN(48, state * 0x5deece66dn + 0xbn);
        expect(random.next(count)).toBe(Number(BigInt.asIntN(32, state >> BigInt(48 - count))));
      }
    }),
    { numRuns: 2000 },
  );
});

test('nextInt is the documented one: the high bits for a power of two, else the remainder, drawn again where it would be uneven', () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), fc.integer({ min: 1, max: 0x7fffffff }), fc.nat({ max: 30 }), (seed, any, power) => {
      for (const bound of [any, 2 ** power, 0x7fffffff - (any % 5), 0x40000001 + (any % 1000)]) {
        let state = BigInt.asUintN(48, BigInt(seed)) ^ 0x5deece66dn;
        const bits31 = (): bigint => {
          state = BigInt.asUintN(48, state * 0x5deece66dn + 0xbn);
          return state >> 17n;
        };
        const wide = BigInt(bound);
        let bits = bits31();
        let expected = (wide * bits) >> 31n;
        if ((wide & (wide - 1n)) !== 0n) {
          // bits - value + (bound - 1) overflows 31 bits: that draw is one of the last, incomplete round.
          while (bits - (bits % wide) + wide - 1n > 0x7fffffffn) bits = bits31();
          expected = bits % wide;
        }
        expect(new Random(seed).nextInt(bound)).toBe(Number(expected));
      }
    }),
    { numRuns: 1500 },
  );
});

test('nextInt stays below its bound and reaches all of it', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 0x7fffffff }), (seed, bound) => {
      const value = new Random(seed).nextInt(bound);
      expect(Number.isInteger(value) && value >= 0 && value < bound).toBe(true);
    }),
    { numRuns: 3000 },
  );
  for (const bound of [1, 7, 16]) {
    const random = new Random(1);
    const seen = new Set(Array.from({ length: 500 }, () => random.nextInt(bound)));
    expect(seen.size).toBe(bound);
  }
  for (const bound of [0, -1, 2 ** 31, Number.NaN]) expect(() => new Random(1).nextInt(bound)).toThrowError(/bound/);
  for (const seed of [Number.NaN, 0.5, 2 ** 53]) expect(() => new Random(seed)).toThrowError(/seed/);
});

test('a fork depends on seed and label alone, and two labels are two streams', () => {
  const drawn = new Random(7);
  for (let i = 0; i < 100; i++) drawn.next(32);
  expect(drawn.fork('docker').hex(16)).toBe(new Random(7).fork('docker').hex(16));
  const streams = ['docker', 'mesos', 'marathon', ''].map((label) => new Random(7).fork(label).hex(16));
  expect(new Set([...streams, new Random(8).fork('docker').hex(16)]).size).toBe(5);
});

test('a shuffle keeps what there is, and every place is as likely for every item', () => {
  fc.assert(
    fc.property(fc.integer(), fc.array(fc.nat({ max: 9 })), (seed, items) => {
      const before = [...items];
      expect(shuffle(items, new Random(seed)).toSorted()).toEqual(items.toSorted());
      expect(items).toEqual(before);
    }),
    { numRuns: 1000 },
  );
  const random = new Random(3);
  const places = Array.from({ length: 4 }, () => [0, 0, 0, 0]);
  for (let i = 0; i < 8000; i++)
    for (const [place, item] of shuffle([0, 1, 2, 3], random).entries()) {
      const counts = places[item] ?? [];
      counts[place] = (counts[place] ?? 0) + 1;
    }
  for (const count of places.flat()) expect(Math.abs(count - 2000)).toBeLessThan(200);
});

test('identifiers have their shapes', () => {
  const random = new Random(1);
  for (let i = 0; i < 200; i++) {
    expect(random.uuid()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(random.hex(i)).toMatch(new RegExp(`^[0-9a-f]{${i}}$`));
  }
});
