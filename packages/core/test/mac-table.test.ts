import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MacTable } from '../src/base/mac-table.ts';

// Addresses that agree in their last four octets must be told apart.
const mac = fc.constantFrom(0x0242ac110002, 0x0a00ac110002, 0x0242ac110003, 0xffffac110002, 0xac110002, 0, 0xffffffffffff);

test('it is a map from MAC addresses to values', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom('set', 'set', 'delete'), mac), { maxLength: 60 }), (commands) => {
      const table = new MacTable<number>();
      const map = new Map<number, number>();
      commands.forEach(([what, address], i) => {
        if (what === 'set') {
          table.set(address, i);
          map.set(address, i);
        } else {
          table.delete(address);
          map.delete(address);
        }
        expect(table.get(address)).toBe(map.get(address));
      });
      expect(new Map(table)).toEqual(map);
    }),
    { numRuns: 300 },
  );
});
