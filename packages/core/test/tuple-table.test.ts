import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Tuple, TupleEntry, TupleTable } from '../src/base/tuple-table.ts';

// Few values a field, so that tuples meet again and differ in one field only.
const tuple: fc.Arbitrary<Tuple> = fc.record({
  protocol: fc.constantFrom(6, 17),
  source: fc.constantFrom(1, 2, 0xffffffff),
  sourcePort: fc.constantFrom(1, 2, 40000),
  destination: fc.constantFrom(1, 2, 0x0bf94edb),
  destinationPort: fc.constantFrom(1, 2, 3141),
});

function entry(t: Tuple): TupleEntry {
  return new TupleEntry(t.protocol, t.source, t.sourcePort, t.destination, t.destinationPort);
}

function find(table: TupleTable<TupleEntry>, t: Tuple): TupleEntry | undefined {
  return table.get(t.protocol, t.source, t.sourcePort, t.destination, t.destinationPort);
}

function key(t: Tuple): string {
  return [t.protocol, t.source, t.sourcePort, t.destination, t.destinationPort].join();
}

test('it is a multimap from tuples to entries, newest first', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom('add', 'add', 'delete', 'oldest', 'get'), tuple), { maxLength: 120, size: 'max' }),
      (commands) => {
        const table = new TupleTable<TupleEntry>();
        const lists = new Map<string, TupleEntry[]>();
        for (const [what, t] of commands) {
          const list = lists.get(key(t)) ?? [];
          lists.set(key(t), list);
          if (what === 'add') {
            const made = entry(t);
            expect({ ...t, ...{ source: made.source, destination: made.destination } }).toEqual(t);
            table.add(made);
            list.unshift(made);
          } else if (what === 'delete' || what === 'oldest') {
            const gone = what === 'delete' ? list.shift() : list.pop();
            expect(table.delete(gone ?? entry(t))).toBe(gone !== undefined);
          }
          const found: TupleEntry[] = [];
          for (let e = find(table, t); e !== undefined; e = table.older(e)) found.push(e);
          expect(found.length === list.length && found.every((e, i) => e === list[i])).toBe(true);
          expect(table.size).toBe([...lists.values()].flat().length);
        }
        const all = [...lists.values()].flat();
        expect(new Set(table.values())).toEqual(new Set(all));
        table.each((e) => table.delete(e));
        expect(table.size).toBe(0);
      },
    ),
    { numRuns: 200 },
  );
});

test('100,000 flows of one client to one server are told apart, and none is lost by growing', () => {
  const table = new TupleTable<TupleEntry>();
  const flow = (i: number): Tuple => ({
    protocol: 6,
    source: 1 + (i >> 16),
    sourcePort: i & 0xffff,
    destination: 9,
    destinationPort: 80,
  });
  const entries = Array.from({ length: 100_000 }, (_, i) => entry(flow(i)));
  for (const e of entries) table.add(e);
  expect(entries.filter((e) => find(table, e) === e).length).toBe(100_000);
  for (let i = 0; i < 100_000; i += 2) table.delete(entries[i] as TupleEntry);
  expect([table.size, [...table.values()].every(({ sourcePort }) => sourcePort % 2 === 1)]).toEqual([50_000, true]);
});
