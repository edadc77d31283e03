import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareProducts } from '../src/kernel/ipvs/schedulers/least.ts';
import { FLAG } from '../src/wire/tcp.ts';
import { answer, balancer, connect, SERVER, SERVICE, segment } from './ipvs-model.ts';

/** A server as the naive model sees it. */
interface Naive {
  readonly id: number;
  weight: number;
}

interface NaiveConnection {
  readonly server: number;
  readonly port: number;
  active: boolean;
  expiresAt: number;
}

type Step =
  | { readonly kind: 'connect' }
  | { readonly kind: 'add' | 'delete' | 'edit'; readonly server: number; readonly weight: number }
  | { readonly kind: 'reset' | 'finish'; readonly pick: number }
  | { readonly kind: 'wait'; readonly ms: number };

const weight = fc.oneof(fc.constant(1), fc.constant(0), fc.integer({ min: 1, max: 7 }), fc.integer({ min: 0, max: 65535 }));

function steps(servers: number): fc.Arbitrary<Step[]> {
  const server = fc.nat(servers + 3);
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 8, arbitrary: fc.constant({ kind: 'connect' as const }) },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constantFrom('add' as const, 'delete' as const, 'edit' as const), server, weight }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('reset' as const, 'finish' as const), pick: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(1, 3_000, 10_000, 120_000) }) },
  );
  return fc.array(step, { maxLength: 90 });
}

const run = fc
  .integer({ min: 0, max: 70 })
  .chain((servers) =>
    fc.record({ weights: fc.array(weight, { minLength: servers, maxLength: servers }), steps: steps(servers) }),
  );

/** The rule as spec'd for each scheduler: whether b replaces a while the list is walked. */
const RULES = {
  wlc: (a: Load, b: Load) => a.overhead * b.weight > b.overhead * a.weight,
  lc: (a: Load, b: Load) => a.overhead > b.overhead,
  sed: (a: Load, b: Load) => (a.active + 1) * b.weight > (b.active + 1) * a.weight,
  nq: (a: Load, b: Load) => a.active > 0 && (b.active === 0 || (a.active + 1) * b.weight > (b.active + 1) * a.weight),
};

interface Load {
  readonly id: number;
  readonly weight: number;
  readonly active: number;
  readonly overhead: number;
}

test.each(Object.keys(RULES) as (keyof typeof RULES)[])(
  '%s chooses what a walk through the list chooses, and every count is that of the connections, whatever happens',
  (scheduler) => {
    fc.assert(
      fc.property(run, ({ weights, steps }) => {
        const { ipvs, clock } = balancer(scheduler, weights);
        let list: Naive[] = weights.map((weight, id) => ({ id, weight })).reverse();
        let connections: NaiveConnection[] = [];
        let port = 1000;
        const loadOf = ({ id, weight }: Naive): Load => {
          const own = connections.filter(({ server }) => server === id);
          const active = own.filter((c) => c.active).length;
          return { id, weight, active, overhead: active * 256 + own.length - active };
        };
        const choice = () =>
          list
            .map(loadOf)
            .filter(({ weight }) => weight > 0)
            .reduce<Load | undefined>(
              (least, next) => (least === undefined || RULES[scheduler](least, next) ? next : least),
              undefined,
            );

        for (const step of steps) {
          if (step.kind === 'wait') clock.now += step.ms;
          connections = connections.filter(({ expiresAt }) => expiresAt > clock.now);
          if (step.kind === 'connect') {
            const expected = choice();
            const made = ipvs.incoming(segment(++port, FLAG.syn));
            if (expected === undefined) expect(made).toBe('unavailable');
            else {
              if (typeof made === 'string') throw new Error(made);
              expect(made.server.address - SERVER).toBe(expected.id);
              if (scheduler === 'wlc') {
                for (const { weight, overhead } of list.map(loadOf))
                  if (weight > 0) expect(expected.overhead * weight).toBeLessThanOrEqual(overhead * expected.weight);
              }
              connections.push({ server: expected.id, port, active: true, expiresAt: clock.now + 60_000 });
            }
          } else if (step.kind === 'add') {
            if (list.some(({ id }) => id === step.server)) continue;
            ipvs.addServer(SERVICE, { address: SERVER + step.server, port: 80, weight: step.weight });
            list = [{ id: step.server, weight: step.weight }, ...list];
          } else if (step.kind === 'delete' || step.kind === 'edit') {
            const server = list.find(({ id }) => id === step.server);
            if (server === undefined) continue;
            const key = { address: SERVER + step.server, port: 80 };
            if (step.kind === 'delete') {
              ipvs.deleteServer(SERVICE, key);
              list = list.filter((other) => other !== server);
            } else {
              ipvs.editServer(SERVICE, { ...key, weight: step.weight });
              server.weight = step.weight;
            }
          } else if (step.kind === 'reset' || step.kind === 'finish') {
            const open = connections.filter(({ server, active }) => active && list.some(({ id }) => id === server));
            const connection = open[step.pick % Math.max(open.length, 1)];
            if (connection === undefined) continue;
            const flags = step.kind === 'reset' ? FLAG.rst : FLAG.fin | FLAG.ack;
            ipvs.outgoing(answer({ address: SERVER + connection.server, port: 80 }, connection.port, flags));
            connection.active = false;
            connection.expiresAt = clock.now + (step.kind === 'reset' ? 10_000 : 120_000);
          }

          const [service] = ipvs.services();
          expect(
            service?.servers.map((server) => [server.address - SERVER, server.weight, server.active, server.inactive]),
          ).toEqual(list.map(loadOf).map(({ id, weight, active, overhead }) => [id, weight, active, overhead - active * 256]));
          expect([...ipvs.connections()].map(({ clientPort }) => clientPort).sort((a, b) => a - b)).toEqual(
            connections.map((connection) => connection.port).sort((a, b) => a - b),
          );
        }
      }),
      { numRuns: 1000 },
    );
  },
  60_000,
);

test('products are compared exactly beyond 2^53', () => {
  const operand = fc.bigInt({ min: 0n, max: (1n << 53n) - 1n });
  fc.assert(
    fc.property(operand, operand, operand, fc.constantFrom(-1n, 0n, 1n), (a, b, c, bend) => {
      // c * d as near to a * b as integers allow.
      const d = c === 0n ? 0n : (a * b) / c + bend;
      fc.pre(d >= 0n && d < 1n << 53n);
      const [left, right] = [a * b, c * d];
      const sign = left < right ? -1 : left > right ? 1 : 0;
      expect(Math.sign(compareProducts(Number(a), Number(b), Number(c), Number(d)))).toBe(sign);
    }),
    { numRuns: 5000 },
  );
});

test('rr goes round the list from the newest, over weight 0, and steps back when the last chosen is deleted', () => {
  const { ipvs } = balancer('rr', [1, 1, 0, 1]);
  const next = (port: number) => connect(ipvs, port).server.address - SERVER;
  expect([1, 2, 3, 4].map(next)).toEqual([3, 1, 0, 3]);
  ipvs.deleteServer(SERVICE, { address: SERVER + 3, port: 80 });
  expect([5, 6, 7].map(next)).toEqual([1, 0, 1]);
  ipvs.deleteServer(SERVICE, { address: SERVER + 1, port: 80 });
  ipvs.addServer(SERVICE, { address: SERVER + 9, port: 80, weight: 1 });
  expect([8, 9].map(next)).toEqual([0, 9]);
});

test('wrr gives every server its weight in each cycle', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 12 }), (weights) => {
      const { ipvs } = balancer('wrr', weights);
      const divisor = weights.reduce((a, b) => {
        let [x, y] = [a, b];
        while (y > 0) [x, y] = [y, x % y];
        return x;
      }, 0);
      const cycle = divisor === 0 ? 0 : weights.reduce((a, b) => a + b) / divisor;
      // The first cycle begins where adding the servers left the scheduler: the second one is whole.
      for (let i = 0; i < cycle; i++) connect(ipvs, 1000 + i);
      const counts = weights.map(() => 0);
      for (let i = 0; i < cycle; i++) {
        const server = connect(ipvs, 3000 + i).server.address - SERVER;
        counts[server] = (counts[server] ?? 0) + 1;
      }
      expect(counts).toEqual(weights.map((weight) => (divisor === 0 ? 0 : weight / divisor)));
      if (divisor === 0) expect(ipvs.incoming(segment(1, FLAG.syn))).toBe('unavailable');
    }),
    { numRuns: 1000 },
  );
});
