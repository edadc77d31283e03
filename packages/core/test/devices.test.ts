/** Devices follow their namespace's links, whether somebody looks at each change or only at the last. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Link } from '../src/kernel/config.ts';
import type { Namespace } from '../src/kernel/namespace.ts';
import { link, port } from './fake-host.ts';
import { host, lan } from './lan.ts';

const BRIDGE = link(2, 'docker0', '02:42:00:00:00:01', 1500, { type: 'bridge', ageingSeconds: 300 }, ['172.17.0.1/16']);
const pair = (n: number): Link => port(n, `veth${n}`, '02:00:00:00:00:01', `c${n}`);

function shown(ns: Namespace): readonly unknown[] {
  const ports = ns.device('docker0')?.bridge?.ports.map(({ name }) => name);
  return [ns.devices.map(({ name, index, master }) => [name, index, master?.name]), ports];
}

test('a namespace that nobody looked at in between has the same devices, and ports newest first', () => {
  const step = fc.subarray([3, 4, 5, 6, 7, 8]);
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 6 }), (steps) => {
      const watched = host(lan(), 'a', '10.0.0.1/24');
      const alone = host(lan(), 'a', '10.0.0.1/24');
      for (const numbers of steps) {
        for (const ns of [watched, alone])
          ns.configure({ ...ns.config, links: [...ns.config.links.slice(0, 1), BRIDGE, ...numbers.map(pair)] });
        shown(watched);
      }
      const last = steps.at(-1) ?? [];
      expect(shown(alone)).toEqual(shown(watched));
      expect(alone.device('docker0')?.bridge?.ports.map(({ name }) => name)).toEqual(last.toReversed().map((n) => `veth${n}`));
    }),
  );
});

test('a pair that comes while its bridge is at work is a port of it at once', () => {
  const ns = host(lan(), 'a', '10.0.0.1/24');
  const links = [...ns.config.links.slice(0, 1), BRIDGE, pair(3)];
  ns.configure({ ...ns.config, links });
  const bridge = ns.device('docker0')?.bridge;
  expect(bridge?.ports.map(({ name }) => name)).toEqual(['veth3']);
  ns.configure({ ...ns.config, links: [...links, pair(4)] });
  expect(bridge?.ports.map(({ name }) => name)).toEqual(['veth4', 'veth3']);
});
