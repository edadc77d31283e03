/** A SmallMap against JavaScript's own Map, over drawn histories that cross from list to map and back to few entries. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SmallMap } from '../src/base/small-map.ts';

const act = fc.record({ key: fc.integer({ min: 0, max: 14 }), value: fc.nat(), deletes: fc.boolean() });

test('it answers as a Map does, and keeps its order', () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60, size: 'max' }), (acts) => {
      const small = new SmallMap<number, number>();
      const map = new Map<number, number>();
      for (const { key, value, deletes } of acts) {
        if (deletes) {
          small.delete(key);
          map.delete(key);
        } else {
          small.set(key, value);
          map.set(key, value);
        }
        expect([...small]).toEqual([...map]);
        expect([...small.values()]).toEqual([...map.values()]);
        for (let k = 0; k < 15; k++) expect([small.get(k), small.has(k)]).toEqual([map.get(k), map.has(k)]);
      }
    }),
  );
});
