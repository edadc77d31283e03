import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Tuple, TupleTable } from '../src/base/tuple-table.ts';

// Few values a field, so that tuples meet again and differ in one field only.
const tuple: fc.Arbitrary<Tuple> = fc.record({
  protocol: fc.constantFrom(6, 17),
  source: fc.constantFrom(1, 2, 0xffffffff),
  sourcePort: fc.constantFrom(1, 2, 40000),
  destination: fc.constantFrom(1, 2, 0x0bf94edb),
  destinationPort: fc.constantFrom(1, 2, 3141),
});

function key(t: Tuple): string {
  return [t.protocol, t.source, t.sourcePort, t.destination, t.destinationPort].join();
}

test('it is a map from tuples to values', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom('add', 'add', 'delete', 'get'), tuple), { maxLength: 120, size: 'max' }),
      (commands) => {
        const table = new TupleTable<number>();
        const map = new Map<string, number>();
        commands.forEach(([what, t], i) => {
          if (what === 'add' && !map.has(key(t))) {
            table.add(t, i);
            map.set(key(t), i);
          } else if (what === 'delete') expect(table.delete({ ...t })).toBe(map.delete(key(t)));
          expect(table.get(t.protocol, t.source, t.sourcePort, t.destination, t.destinationPort)).toBe(map.get(key(t)));
          expect(table.size).toBe(map.size);
        });
        expect([...table.values()].sort()).toEqual([...map.values()].sort());
      },
    ),
    { numRuns: 1000 },
  );
});

test('100,000 flows of one client to one server are told apart, and none is lost by growing', () => {
  const table = new TupleTable<number>();
  const flow = (i: number): Tuple => ({
    protocol: 6,
    source: 1 + (i >> 16),
    sourcePort: i & 0xffff,
    destination: 9,
    destinationPort: 80,
  });
  for (let i = 0; i < 100_000; i++) table.add(flow(i), i);
  let found = 0;
  for (let i = 0; i < 100_000; i++) {
    const { protocol, source, sourcePort, destination, destinationPort } = flow(i);
    if (table.get(protocol, source, sourcePort, destination, destinationPort) === i) found++;
  }
  expect(found).toBe(100_000);
  for (let i = 0; i < 100_000; i += 2) table.delete(flow(i));
  expect([table.size, [...table.values()].every((i) => i % 2 === 1)]).toEqual([50_000, true]);
});
