/** Every port request over every tiny set of ports, for up to three tasks: nothing is left to luck. */
import { type PortRange, portRanges, Random } from '@portolan/core';
import { expect, test } from 'vitest';
import { APP_SCHEMA } from '../src/app/schema.ts';
import { matchPorts, type PortRequest, randomDraw } from '../src/match/ports.ts';
import { POD_SCHEMA } from '../src/pod/definition.ts';

const PORTS = [1, 2, 3, 4];
const SLOTS = [undefined, 0, 1, 3];

/** All lists of at most `length` of these. */
function lists<T>(items: readonly T[], length: number): readonly (readonly T[])[] {
  if (length === 0) return [[]];
  const shorter = lists(items, length - 1);
  const longest = shorter.filter((list) => list.length === length - 1);
  return [...shorter, ...longest.flatMap((list) => items.map((item) => [...list, item]))];
}

const SUBSETS = Array.from({ length: 1 << PORTS.length }, (_, bits) => PORTS.filter((_, i) => (bits >> i) & 1));

function rangesOf(ports: readonly number[]): readonly PortRange[] {
  return portRanges(ports.map((port) => ({ begin: port, end: port })));
}

test('an offer matches exactly when there are ports enough, and the ports are right', () => {
  let matched = 0;
  for (const free of SUBSETS) {
    for (const slots of lists(SLOTS, 3)) {
      const kinds: readonly PortRequest[] = [
        { slots, anyPorts: false, exactPorts: false },
        ...(slots.includes(undefined)
          ? []
          : [
              { slots, anyPorts: true, exactPorts: false },
              { slots, anyPorts: false, exactPorts: true },
            ]),
      ];
      for (const request of kinds) {
        const ranges = rangesOf(free);
        const ports = matchPorts(request, ranges, randomDraw(ranges, new Random(matched)));
        const fixed = request.anyPorts ? [] : slots.filter((port) => port !== undefined && (request.exactPorts || port !== 0));
        const dynamic = request.exactPorts ? 0 : slots.filter((port) => request.anyPorts || port === 0).length;
        const left = free.filter((port) => !fixed.includes(port)).length;
        const possible = fixed.every((port) => free.includes(port ?? 0)) && dynamic <= left;
        expect(ports !== undefined, `${JSON.stringify(request)} of ${free.join()}`).toBe(possible);
        if (ports === undefined) continue;
        matched++;
        expect(ports.length).toBe(slots.length);
        const given = ports.filter((port) => port !== undefined);
        expect(given.every((port) => free.includes(port))).toBe(true);
        const drawn = ports.filter((_, i) => request.anyPorts || (!request.exactPorts && slots[i] === 0));
        expect(new Set([...drawn, ...fixed]).size).toBe(drawn.length + new Set(fixed).size);
        const kept = ports.filter((port, i) => request.anyPorts || (slots[i] === 0 && !request.exactPorts) || port === slots[i]);
        expect(kept.length, 'a slot that names a port gets it, one that wants none gets none').toBe(slots.length);
      }
    }
  }
  expect(matched).toBeGreaterThan(500);
});

test('two and three tasks on one agent, in every order of requests: a port is given once', () => {
  const requests = lists([0, 1, 3], 2).filter((slots) => slots.length > 0);
  for (const free of SUBSETS) {
    for (const first of requests) {
      for (const second of requests) {
        for (const third of requests) {
          let left = [...free];
          const taken: number[] = [];
          for (const slots of [first, second, third]) {
            if (new Set(slots.filter((port) => port !== 0)).size < slots.filter((port) => port !== 0).length) continue;
            const ranges = rangesOf(left);
            const ports = matchPorts(
              { slots, anyPorts: false, exactPorts: false },
              ranges,
              randomDraw(ranges, new Random(left.length)),
            );
            for (const port of ports ?? []) taken.push(port ?? 0);
            left = left.filter((port) => !taken.includes(port));
          }
          if (new Set(taken).size < taken.length || !taken.every((port) => free.includes(port))) {
            throw new Error(`${JSON.stringify([free, first, second, third])} gave ${taken.join()}`);
          }
        }
      }
    }
  }
});

test('the schemas say of ports, enums and required fields what the parser says', () => {
  expect(APP_SCHEMA).toMatchObject({
    type: 'object',
    additionalProperties: false,
    properties: {
      portDefinitions: {
        type: 'array',
        items: {
          properties: { port: { type: 'integer', minimum: 0, maximum: 65535 }, protocol: { enum: ['tcp', 'udp', 'udp,tcp'] } },
        },
      },
      networks: { items: { properties: { mode: { enum: ['container', 'container/bridge', 'host'] } } } },
      container: { properties: { docker: { required: ['image'] } } },
      cpus: { type: 'number', minimum: 0.001 },
      unreachableStrategy: { anyOf: [{ enum: ['disabled'] }, { type: 'object' }] },
    },
  });
  expect(POD_SCHEMA).toMatchObject({ required: ['id', 'containers'], properties: { containers: { type: 'array' } } });
  expect(() => JSON.stringify([APP_SCHEMA, POD_SCHEMA])).not.toThrow();
});
