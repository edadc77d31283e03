/** What a bridge learns: beside a naive list of who was seen where, and when. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BridgeTable } from '../src/kernel/link/bridge.ts';
import type { Device } from '../src/kernel/link/device.ts';
import { host, lan } from './lan.ts';

const PORTS: readonly Device[] = Array.from({ length: 3 }, (_, i) => {
  const device = host(lan(), `h${i}`, `10.0.0.${i + 1}/24`).device('eth0');
  if (device === undefined) throw new Error('no eth0');
  return device;
});

test('an address is where it was last seen, for the ageing time, unless its port goes', () => {
  const mac = fc.nat({ max: 4 });
  const port = fc.nat({ max: 2 });
  const command = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant('learn' as const), mac, port }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), seconds: fc.nat({ max: 200 }) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('forget' as const), port }) },
  );
  fc.assert(
    fc.property(fc.array(command, { maxLength: 40, size: 'max' }), (commands) => {
      const table = new BridgeTable(300);
      let seen: { mac: number; port: Device | undefined; at: number }[] = [];
      let now = 0;
      for (const what of commands) {
        if (what.do === 'wait') now += what.seconds * 1000;
        else if (what.do === 'forget') {
          const device = PORTS[what.port];
          if (device !== undefined) table.forget(device);
          seen = seen.filter(({ port }) => port !== device);
        } else {
          const device = PORTS[what.port];
          if (device !== undefined) table.learn(what.mac, device, now);
          seen = [...seen.filter(({ mac }) => mac !== what.mac), { mac: what.mac, port: device, at: now }];
        }
        const live = seen.filter(({ at }) => now - at < 300_000);
        for (let m = 0; m <= 4; m++) expect(table.lookup(m, now)).toBe(live.find((entry) => entry.mac === m)?.port);
        const listed = table.list(now).map(({ mac, place, seenAt }) => ({ mac, port: place, at: seenAt }));
        expect(listed.sort((a, b) => a.mac - b.mac)).toEqual(live.sort((a, b) => a.mac - b.mac));
      }
    }),
    { numRuns: 500 },
  );
});
