import fc from 'fast-check';
import { expect, test } from 'vitest';
import { broadcastOf, contains, formatCidr, formatMac, parseCidr, parseIpv4 } from '../src/base/address.ts';
import { Refusal } from '../src/base/refusal.ts';
import { type FreeSpace, intervals, isFree, printSpace, spaceBetween, without, withValue } from '../src/overlay/free-space.ts';
import { formatCidr6, formatIpv6, parseCidr6 } from '../src/overlay/ipv6.ts';
import { type AddressPlan, type AgentPlace, addressPlan, registerAgent, releaseAgent } from '../src/overlay/plan.ts';
import { reserveAgent } from '../src/overlay/recovery.ts';
import { nextAddress6, nextSubnet, nextSubnet6 } from '../src/overlay/successor.ts';

const OVERLAY = parseCidr('9.0.0.0/8');
const AGENT = { agent: parseIpv4('172.16.17.198'), mesosBridge: true, dockerBridge: true };
const MASTER = { agent: parseIpv4('172.16.9.84'), mesosBridge: false, dockerBridge: false };

function refusalOf(attempt: () => unknown): unknown {
  try {
    attempt();
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(Refusal);
    return thrown;
  }
  return undefined;
}

test('one master, then agents: the post’s subnets, tunnel ends and bridges', () => {
  let plan = addressPlan();
  const shown = [MASTER, AGENT, AGENT, AGENT].map((registration) => {
    const registered = registerAgent(plan, registration);
    plan = registered.plan;
    const { vtep, vtepMac, overlays, failures } = registered.place;
    expect(failures).toEqual([]);
    const [{ subnet, mesosBridge, dockerBridge } = fail()] = overlays;
    const bridges = [mesosBridge, dockerBridge].map((bridge) => bridge && formatCidr(bridge));
    return [formatCidr(vtep), formatMac(vtepMac), subnet && formatCidr(subnet), ...bridges];
  });
  expect(shown).toEqual([
    ['44.128.0.1/20', '70:b3:d5:80:00:01', '9.0.0.0/24', undefined, undefined],
    ['44.128.0.2/20', '70:b3:d5:80:00:02', '9.0.1.0/24', '9.0.1.0/25', '9.0.1.128/25'],
    ['44.128.0.3/20', '70:b3:d5:80:00:03', '9.0.2.0/24', '9.0.2.0/25', '9.0.2.128/25'],
    ['44.128.0.4/20', '70:b3:d5:80:00:04', '9.0.3.0/24', '9.0.3.0/25', '9.0.3.128/25'],
  ]);
});

test('whoever joins and leaves: subnets and halves are inside the overlay and disjoint, no tunnel end twice, the lowest first', () => {
  const events = fc.array(fc.option(fc.nat(), { freq: 2 }), { maxLength: 60 });
  fc.assert(
    fc.property(events, (leavers) => {
      let plan = addressPlan();
      let places: AgentPlace[] = [];
      for (const leaver of leavers) {
        const gone = leaver === null ? undefined : places[leaver % Math.max(places.length, 1)];
        if (gone !== undefined) {
          plan = releaseAgent(plan, gone);
          places = places.filter((place) => place !== gone);
          continue;
        }
        const { plan: next, place } = registerAgent(plan, AGENT);
        const taken = new Set(places.map(({ vtep }) => vtep.address));
        let lowest = parseIpv4('44.128.0.1');
        while (taken.has(lowest)) lowest++;
        expect(place.vtep.address).toBe(lowest);
        plan = next;
        places = [...places, place];
      }
      const networks = places.flatMap(({ overlays }) =>
        overlays.flatMap(({ mesosBridge, dockerBridge }) => [mesosBridge, dockerBridge]),
      );
      const ranges = networks
        .map((network) => {
          if (network === undefined) throw new Error('an agent without a bridge');
          expect(contains(OVERLAY, network.address) && contains(OVERLAY, broadcastOf(network))).toBe(true);
          return [network.address, broadcastOf(network)] as const;
        })
        .sort((a, b) => a[0] - b[0]);
      ranges.forEach(([first], i) => {
        expect(first).toBeGreaterThan(ranges[i - 1]?.[1] ?? -1);
      });
      expect(new Set(places.map(({ vtepMac }) => vtepMac)).size).toBe(places.length);

      // A master that restarts finds the same plan in its log, in whatever order it reads.
      const recovered = places.toReversed().reduce((next, place) => reserveAgent(next, place), addressPlan());
      expect(spaces(recovered)).toEqual(spaces(plan));
      for (const place of places) {
        const again = refusalOf(() => reserveAgent(recovered, place));
        expect(again).toMatchObject({ component: 'overlay-master', code: 'unavailable' });
      }
    }),
    { numRuns: 1000 },
  );
});

test('free space is what a set of free values says it is', () => {
  const change = fc.record({ take: fc.boolean(), value: fc.nat(30) });
  const next = (value: number) => value + 1;
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
      let space: FreeSpace<number> | undefined = spaceBetween(5, 25);
      const free = new Set(Array.from({ length: 20 }, (_, i) => i + 5));
      for (const { take, value } of changes) {
        space = take ? without(space, value, next) : withValue(space, value, next);
        if (take) free.delete(value);
        else free.add(value);
        for (let i = 0; i <= 32; i++) expect(isFree(space, i)).toBe(free.has(i));
        expect(space?.lower).toBe(free.size === 0 ? undefined : Math.min(...free));
        const parts = intervals(space);
        parts.forEach(({ lower, upper }, i) => {
          expect(lower).toBeLessThan(upper);
          if (i > 0) expect(lower).toBeGreaterThan(parts[i - 1]?.upper ?? 0);
        });
      }
    }),
    { numRuns: 2000 },
  );
});

test('10,000 agents are planned without scanning what is taken', () => {
  let plan = addressPlan({ vtepNetwork: parseCidr('44.128.0.0/16'), overlays: [{ name: 'dcos', network: OVERLAY, prefix: 24 }] });
  const before = performance.now();
  let last: AgentPlace | undefined;
  for (let i = 0; i < 10_000; i++) ({ plan, place: last } = registerAgent(plan, AGENT));
  expect(performance.now() - before).toBeLessThan(1000);
  expect(last?.overlays[0]?.subnet).toEqual(parseCidr('9.39.15.0/24'));
});

test('without a free subnet an agent is registered all the same; without a tunnel end it is refused and the plan stays', () => {
  let plan = addressPlan({
    vtepNetwork: parseCidr('44.128.0.0/29'),
    overlays: [{ name: 'dcos', network: parseCidr('10.1.0.0/22'), prefix: 24 }],
  });
  const places: AgentPlace[] = [];
  for (let i = 0; i < 6; i++) {
    const { plan: next, place } = registerAgent(plan, AGENT);
    plan = next;
    places.push(place);
  }
  expect(places.map(({ overlays }) => overlays.length)).toEqual([1, 1, 1, 1, 0, 0]);
  expect(places[4]?.failures).toEqual([
    'Cannot allocate subnet from overlay dcos to Agent 172.16.17.198:No free subnets available in the dcosoverlay',
  ]);
  expect(refusalOf(() => registerAgent(plan, AGENT))).toMatchObject({
    code: 'exhausted',
    message: 'Unable to allocate a VTEP IP due to exhaustion',
  });
  const [third = fail()] = places.slice(2);
  plan = releaseAgent(plan, third);
  expect(registerAgent(plan, AGENT).place).toEqual(third);
});

test('a disabled overlay is passed over; one of IPv6 alone has no bridges of IPv4', () => {
  const plan = addressPlan({
    vtepNetwork: parseCidr('44.128.0.0/20'),
    overlays: [
      { name: 'off', network: OVERLAY, prefix: 24, enabled: false },
      { name: 'dcos6', network: undefined, prefix: 24, network6: parseCidr6('fd01:b::/64'), prefix6: 80 },
    ],
  });
  const { overlays, failures } = registerAgent(plan, AGENT).place;
  expect(failures).toEqual([]);
  expect(overlays.map(({ name, subnet, dockerBridge, subnet6 }) => [name, subnet, dockerBridge, subnet6])).toEqual([
    ['dcos6', undefined, undefined, parseCidr6('fd01:b::/80')],
  ]);
});

const one = { name: 'dcos', network: OVERLAY, prefix: 24 };
const vtepNetwork = parseCidr('44.128.0.0/20');
test.each([
  [{ vtepNetwork, overlays: [] }, 'Could not find any overlay configuration. Specify at least one overlay'],
  [{ vtepNetwork, overlays: [one, one] }, 'Duplicate overlay configuration detected for overlay: dcos'],
  [{ vtepNetwork, overlays: [{ ...one, name: 'host' }] }, 'Overlay network name: host is a reserved network name'],
  [
    { vtepNetwork, overlays: [{ ...one, name: 'fourteen-chars' }] },
    'Overlay name: fourteen-chars too long cannot, exceed 13  characters    IntervalSet<uint8_t> ',
  ],
  [
    { vtepNetwork, overlays: [one, { ...one, name: 'b', network: parseCidr('9.200.0.0/16') }] },
    "Incorrect address space for the overlay network 'b': Found overlapping address spaces",
  ],
  [
    { vtepNetwork: parseCidr('44.0.0.0/7'), overlays: [one] },
    'VTEP MAC are derived from last 24 bits of VTEP IP.  Hence, in order to guarantee unique VTEP MAC we need the VTEP IP subnet to be equal to or greater than /8',
  ],
])('the master does not start with %j', (config, message) => {
  expect(refusalOf(() => addressPlan(config))).toMatchObject({ component: 'overlay-master', code: 'bad-config', message });
});

test('the IPv6 increment carries without clearing what is below', () => {
  const subnet = (text: string) => formatCidr6({ address: nextSubnet6(80)(parseCidr6(text).address), prefix: 80 });
  expect(['fd01:b::/80', 'fd01:b:0:0:ff::/80', 'fd01:b:0:0:1ff::/80', 'fd01:b:0:0:ffff::/80'].map(subnet)).toEqual([
    'fd01:b:0:0:1::/80',
    'fd01:b:0:0:1ff::/80',
    'fd01:b:0:0:2ff::/80',
    'fd01:b:0:1:ffff::/80',
  ]);
  expect(formatIpv6(nextAddress6(parseCidr6('fd01:a::ff/64').address))).toBe('fd01:a::1ff');
  expect(formatIpv6(nextAddress6(parseCidr6('fd01:a::ffff/64').address))).toBe('fd01:a::1:ffff');
  expect(nextSubnet(24)(parseIpv4('9.0.2.7'))).toBe(parseIpv4('9.0.3.0'));
  expect(nextSubnet(24)(parseIpv4('255.255.255.0'))).toBe(0);
});

test('IPv6 text is read and written as glibc writes it', () => {
  for (const text of ['::', '::1', '1::', 'fd01:b::2:8000:0:0', 'fd01:b:0:0:1::', '1:0:2:3:4:5:6:7', '1:0:0:2:0:0:0:3']) {
    const longest = text === '1:0:0:2:0:0:0:3' ? '1:0:0:2::3' : text;
    expect(formatCidr6(parseCidr6(`${text}/64`))).toBe(`${longest}/64`);
  }
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }), (address) => {
      expect(parseCidr6(`${formatIpv6(address)}/128`).address).toBe(address);
    }),
    { numRuns: 2000 },
  );
  for (const text of [
    '',
    '::',
    ':::/64',
    '1::2::3/64',
    '1:2/64',
    '12345::/64',
    'g::/64',
    '::/129',
    '::/-1',
    `${'1:'.repeat(9999)}/64`,
  ])
    expect(refusalOf(() => parseCidr6(text))).toMatchObject({ code: 'bad-address' });
});

function spaces(plan: AddressPlan): readonly string[] {
  return [printSpace(plan.vteps.free, String), ...plan.overlays.map(({ free }) => printSpace(free, String))];
}

function fail(): never {
  throw new Error('nothing there');
}
