import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  countPorts,
  formatRanges,
  includesPort,
  type PortRanges,
  PRIVATE_AGENT_PORTS,
  parseRanges,
  portRanges,
  withoutPort,
  withPort,
} from '../src/base/ranges.ts';

const range = fc
  .tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 8 }))
  .map(([begin, size]) => ({ begin, end: begin + size }));
const ranges = fc.array(range, { maxLength: 6 });

function members(of: PortRanges): Set<number> {
  return new Set(of.flatMap(({ begin, end }) => Array.from({ length: end - begin + 1 }, (_, i) => begin + i)));
}

/** Ascending, disjoint, and with a gap between one and the next. */
function isNormal(of: PortRanges): boolean {
  return of.every(({ begin, end }, i) => begin <= end && (i === 0 || begin > (of[i - 1]?.end ?? 0) + 1));
}

test('ranges are the sets of ports they stand for, in their only normal form', () => {
  fc.assert(
    fc.property(ranges, fc.integer({ min: 0, max: 70 }), (given, port) => {
      const made = portRanges(given);
      const set = members(given);
      expect([isNormal(made), members(made), countPorts(made), includesPort(made, port)]).toEqual([
        true,
        set,
        set.size,
        set.has(port),
      ]);
      const less = withoutPort(made, port);
      const more = withPort(made, port);
      expect([isNormal(less), members(less)]).toEqual([true, new Set([...set].filter((p) => p !== port).sort((a, b) => a - b))]);
      expect([isNormal(more), members(more)]).toEqual([true, new Set([...set, port])]);
      expect(parseRanges(formatRanges(made))).toEqual(made);
    }),
    { numRuns: 3000 },
  );
});

test('DC/OS offers 30,969 ports of a private agent', () => {
  expect(formatRanges(PRIVATE_AGENT_PORTS)).toBe('[1025-2180, 2182-3887, 3889-5049, 5052-8079, 8082-8180, 8182-32000]');
  expect(countPorts(PRIVATE_AGENT_PORTS)).toBe(32000 - 1025 + 1 - [2181, 3888, 5050, 5051, 8080, 8081, 8181].length);
  expect([1024, 2181, 8181, 32001].some((port) => includesPort(PRIVATE_AGENT_PORTS, port))).toBe(false);
});

test('what are no ranges is refused', () => {
  for (const text of ['', '31000-32000', '[a-b]', '[1-2', '[1-2,]', '[-1-2]', '[1-2;3-4]', '[1.5-2]', '[1-65536]', '[5-4]'])
    expect(() => parseRanges(text), text).toThrowError(/./);
  expect(parseRanges(' [ 3 - 4 ,1-2] ')).toEqual([{ begin: 1, end: 4 }]);
  expect(parseRanges('[]')).toEqual([]);
  for (const bad of [Number.NaN, -1, 65536, 1.5]) expect(() => portRanges([{ begin: bad, end: bad }])).toThrowError(/0 to 65535/);
});
