/** What holds for every scheduler, whatever it prefers; and the rules of those that few recordings show, by hand. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { IpvsConnection } from '../src/kernel/ipvs/connection.ts';
import { Ipvs } from '../src/kernel/ipvs/ipvs.ts';
import { SCHEDULER_NAMES } from '../src/kernel/ipvs/schedulers/registry.ts';
import { hsiphash } from '../src/kernel/ipvs/schedulers/siphash.ts';
import { markKey, type RealServer, type ServiceKey } from '../src/kernel/ipvs/service.ts';
import { Packet } from '../src/wire/ipv4.ts';
import { FLAG } from '../src/wire/tcp.ts';
import { SERVER, SERVICE, VIP } from './ipvs-model.ts';

const CLIENT = 0x0a010000;

interface World {
  readonly scheduler: string;
  readonly persistent: boolean;
  readonly byMark: boolean;
  readonly steps: readonly Step[];
}

type Step = readonly [kind: 'open' | 'reset' | 'add' | 'edit' | 'delete' | 'wait', a: number, b: number];

const step: fc.Arbitrary<Step> = fc.tuple(
  fc.constantFrom('open', 'open', 'open', 'open', 'reset', 'add', 'add', 'edit', 'delete', 'wait'),
  fc.nat(9),
  fc.nat(5),
);

function worlds(scheduler: string): fc.Arbitrary<World> {
  return fc.record({
    scheduler: fc.constant(scheduler),
    persistent: fc.boolean(),
    byMark: fc.boolean(),
    steps: fc.array(step, { minLength: 10, maxLength: 60 }),
  });
}

/** Lives a world through and tells of every connection that was asked for; `after` looks at the tables after each step. */
function live({ scheduler, persistent, byMark, steps }: World, after: (ipvs: Ipvs) => void = () => undefined): string[] {
  const clock = { now: 0 };
  const ipvs = new Ipvs(clock);
  const key: ServiceKey = byMark ? markKey(5) : SERVICE;
  ipvs.addService({ ...key, scheduler, ...(persistent ? { persistentSeconds: 60 } : {}) });
  const story: string[] = [];
  const open: IpvsConnection[] = [];
  let port = 2000;
  for (const [kind, a, b] of steps) {
    const end = { address: SERVER + a, port: 80 };
    const present = ipvs.service(key)?.find(end) !== undefined;
    if (kind === 'wait') clock.now += [1, 2000, 11_000, 61_000, 130_000, 1_000_000][b] ?? 0;
    else if (kind === 'add' && !present) ipvs.addServer(key, { ...end, weight: b, upperThreshold: a === 3 ? 2 : 0 });
    else if (kind === 'edit' && present) ipvs.editServer(key, { ...end, weight: b });
    else if (kind === 'delete' && present) ipvs.deleteServer(key, end);
    else if (kind === 'reset') {
      const c = open.splice(a % Math.max(1, open.length), 1)[0];
      if (c !== undefined)
        ipvs.outgoing(flags(new Packet(6, c.server.address, c.destinationPort, c.client, c.clientPort, 40), FLAG.rst));
    } else if (kind === 'open') {
      const syn = flags(new Packet(6, CLIENT + a, ++port, byMark ? VIP + b : VIP, SERVICE.port, 60), FLAG.syn);
      syn.mark = byMark ? 5 : 0;
      // lblc asks a remembered server for its weight only.
      const mayServe = (server: RealServer) => server.usable || (scheduler === 'lblc' && server.weight > 0);
      const usable = ipvs.service(key)?.servers.filter(mayServe) ?? [];
      const made = ipvs.incoming(syn);
      story.push(typeof made === 'string' ? made : String(made.server.address - SERVER));
      if (typeof made === 'object') open.push(made);
      if (!persistent && typeof made === 'object') expect(usable).toContain(made.server);
      if (usable.length === 0 && !persistent) expect(made).toBe('unavailable');
    }
    after(ipvs);
  }
  return story;
}

function flags(packet: Packet, bits: number): Packet {
  packet.flags = bits;
  return packet;
}

describe.each(SCHEDULER_NAMES)('%s', (scheduler) => {
  test('chooses usable servers only; counts are those of the table at every step; two runs are alike', () => {
    fc.assert(
      fc.property(worlds(scheduler), (world) => {
        const servers = new Map<IpvsConnection, object>();
        const first = live(world, (ipvs) => {
          const counted = new Map<object, [number, number, number]>();
          for (const c of ipvs.connections()) {
            // No connection moves to another server.
            expect(servers.get(c) ?? c.server).toBe(c.server);
            servers.set(c, c.server);
            const counts = counted.get(c.server) ?? [0, 0, 0];
            counts[c.template ? 2 : c.active ? 0 : 1]++;
            counted.set(c.server, counts);
          }
          for (const service of ipvs.services())
            for (const server of service.servers) {
              const { active, inactive, persistent } = server;
              expect([active, inactive, persistent]).toEqual(counted.get(server) ?? [0, 0, 0]);
            }
        });
        expect(live(world)).toEqual(first);
      }),
      { numRuns: 60 },
    );
  });

  test('one usable server among others of weight 0 is found, unless an address stands for another or it is full', () => {
    const ipvs = new Ipvs({ now: 0 });
    ipvs.addService({ ...SERVICE, scheduler });
    for (const [i, weight] of [0, 3, 0].entries()) ipvs.addServer(SERVICE, { address: SERVER + i, port: 80, weight });
    const found = Array.from({ length: 40 }, (_, i) => {
      const made = ipvs.incoming(flags(new Packet(6, CLIENT + i, 3000, VIP, SERVICE.port, 60), FLAG.syn));
      return typeof made === 'string' ? made : made.server.weight;
    });
    expect(new Set(found)).toEqual(
      new Set(scheduler === 'dh' ? [found[0]] : scheduler === 'sh' || scheduler === 'ovf' ? [3, 'unavailable'] : [3]),
    );
  });
});

/** Tables with servers of those weights, the first listed first, and a way to open connections. */
function service(scheduler: string, weights: readonly number[], options: object = {}) {
  const clock = { now: 0 };
  const ipvs = new Ipvs(clock);
  const key = markKey(9);
  ipvs.addService({ ...key, scheduler, ...options });
  for (const [i, weight] of [...weights.entries()].reverse()) ipvs.addServer(key, { address: SERVER + i, port: 80, weight });
  let port = 4000;
  const open = (to = 0, client = 1): number | string => {
    const syn = flags(new Packet(6, CLIENT + client, ++port, VIP + to, 80, 60), FLAG.syn);
    syn.mark = 9;
    const made = ipvs.incoming(syn);
    return typeof made === 'string' ? made : made.server.address - SERVER;
  };
  return { ipvs, key, clock, open };
}

test('fo: the highest weight always, of equals the first; the next one if it is gone', () => {
  const { ipvs, key, open } = service('fo', [5, 9, 9, 1]);
  expect([open(), open(), open()]).toEqual([1, 1, 1]);
  ipvs.editServer(key, { address: SERVER + 1, port: 80, weight: 0 });
  expect(open()).toBe(2);
  ipvs.deleteServer(key, { address: SERVER + 2, port: 80 });
  expect(open()).toBe(0);
});

test('ovf: a server overflows when it has more active connections than its weight, the last none', () => {
  const { open } = service('ovf', [1, 2]);
  expect([1, 2, 3, 4, 5, 6].map(() => open())).toEqual([1, 1, 1, 0, 0, 'unavailable']);
});

test('lblc: an address keeps its server until that is crowded and another is not; weight 0 ends it', () => {
  const { ipvs, key, open } = service('lblc', [4, 2, 2]);
  // wlc gives the first address the first server; it stays there with 5 active ones, more than 4, as another has less than half of its weight.
  expect([open(0), open(0), open(0), open(0), open(0)]).toEqual([0, 0, 0, 0, 0]);
  expect(open(0)).toBe(1);
  expect(open(0)).toBe(1);
  expect(open(1)).toBe(2);
  ipvs.editServer(key, { address: SERVER + 2, port: 80, weight: 0 });
  expect(open(1)).not.toBe(2);
});

test('lblcr: an address has a set of servers, the least loaded of which it uses', () => {
  const { open } = service('lblcr', [2, 2, 2]);
  expect([open(), open(), open()]).toEqual([0, 0, 0]);
  // Crowded: the next server joins the set, and from now on the set is used.
  expect([open(), open(), open()]).toEqual([1, 1, 1]);
  expect(open()).toBe(2);
});

test('lblc forgets an address after a day, at the next half hour', () => {
  const { ipvs, key, clock, open } = service('lblc', [4, 4]);
  expect(open()).toBe(0);
  // From now on the other is listed first: wlc would choose it, all being idle again.
  ipvs.deleteServer(key, { address: SERVER + 1, port: 80 });
  ipvs.addServer(key, { address: SERVER + 1, port: 80, weight: 4 });
  clock.now += 24 * 3600_000 - 1;
  expect(open()).toBe(0);
  clock.now += 24 * 3600_000;
  expect(open()).toBe(0);
  clock.now += 24 * 3600_000 + 1800_000;
  expect(open()).toBe(1);
});

test('sh: weights are places in a row; a client stays with its server; with sh-port its ports do not', () => {
  const { open } = service('sh', [1, 3]);
  const clients = Array.from({ length: 400 }, (_, i) => open(0, i * 7));
  const share = clients.filter((server) => server === 1).length / clients.length;
  expect(share).toBeGreaterThan(0.65);
  expect(share).toBeLessThan(0.85);
  expect(Array.from({ length: 400 }, (_, i) => open(0, i * 7))).toEqual(clients);
  const ports = service('sh', [1, 1], { flags: ['sh-port'] });
  expect(new Set(Array.from({ length: 40 }, () => ports.open())).size).toBe(2);
});

test('mh: when one of ten servers goes, few clients of the others move', () => {
  const { ipvs, key, open } = service('mh', new Array(10).fill(1));
  const clients = Array.from({ length: 500 }, (_, i) => i * 11);
  const before = clients.map((client) => open(0, client));
  ipvs.deleteServer(key, { address: SERVER + 4, port: 80 });
  const after = clients.map((client) => open(0, client));
  const moved = before.filter((server, i) => server !== 4 && server !== after[i]).length;
  expect(after).not.toContain(4);
  expect(moved / clients.length).toBeLessThan(0.06);
});

test('SipHash: another number or another key is another hash, spread over 32 bits', () => {
  const hashes = new Set<number>();
  for (let value = 0; value < 2000; value++) for (const key of [1, 2654435761]) hashes.add(hsiphash(value, key));
  expect(hashes.size).toBe(4000);
  const mean = [...hashes].reduce((sum, hash) => sum + hash / 2 ** 32, 0) / hashes.size;
  expect(mean).toBeGreaterThan(0.48);
  expect(mean).toBeLessThan(0.52);
});
