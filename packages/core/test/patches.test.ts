import fc from 'fast-check';
import { applyPatches, enablePatches, produce } from 'immer';
import { expect, test } from 'vitest';
import { patchesBetween } from '../src/base/patches.ts';

enablePatches();

const value = fc.letrec((tie) => ({
  node: fc.oneof(
    { maxDepth: 3 },
    fc.integer({ min: 0, max: 3 }),
    fc.constant(null),
    fc.array(tie('node'), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('node'), { maxKeys: 3 }),
  ),
})).node;

const fields = fc.dictionary(fc.constantFrom('x', 'y', 'z'), value, { maxKeys: 3 });

test('the patches lead from one value to the other', () => {
  fc.assert(
    fc.property(fields, fields, (before, after) => {
      expect(applyPatches(before, [...patchesBetween(before, after)])).toEqual(after);
    }),
    { numRuns: 3000 },
  );
});

test('a rule more is one patch, whatever else there is', () => {
  const rules = Array.from({ length: 1000 }, (_, i) => ({ port: i }));
  const before = { host: { nat: [{ name: 'DOCKER', rules }], links: [1, 2] }, name: 'a' };
  const after = produce(before, (draft) => {
    draft.host.nat[0]?.rules.push({ port: 1000 });
  });
  expect(patchesBetween(before, after)).toEqual([{ op: 'add', path: ['host', 'nat', 0, 'rules', 1000], value: { port: 1000 } }]);
});
