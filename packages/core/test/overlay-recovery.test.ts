/** A restarted overlay master: what it makes of its log, in both releases. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseCidr, parseIpv4 } from '../src/base/address.ts';
import type { Refusal } from '../src/base/refusal.ts';
import { formatCidr6 } from '../src/overlay/ipv6.ts';
import {
  type AddressPlan,
  type AgentPlace,
  addressPlan,
  DEFAULT_OVERLAY,
  DEFAULT_OVERLAY6,
  type OverlayConfig,
  refreshAgent,
  registerAgent,
} from '../src/overlay/plan.ts';
import { recoverPlan } from '../src/overlay/recovery.ts';
import type { OverlayInfo } from '../src/overlay/subnets.ts';

const DCOS: OverlayInfo = DEFAULT_OVERLAY.overlays[0];
const DCOS6: OverlayInfo = DEFAULT_OVERLAY6.overlay;
const { vtepNetwork } = DEFAULT_OVERLAY;
const { vtepNetwork6 } = DEFAULT_OVERLAY6;
const IPV4_ONLY: OverlayConfig = { vtepNetwork, overlays: [DCOS] };

function agent(number: number) {
  return { agent: parseIpv4('172.16.0.10') + number, mesosBridge: true, dockerBridge: true };
}

function joined(plan: AddressPlan, numbers: readonly number[]): { plan: AddressPlan; places: AgentPlace[] } {
  const places: AgentPlace[] = [];
  let next = plan;
  for (const number of numbers) {
    const { plan: after, place } = registerAgent(next, agent(number));
    next = after;
    places.push(place);
  }
  return { plan: next, places };
}

/**
 * IPv6 comes with an upgrade: two agents have IPv4 alone, the master is restarted with IPv6, they register again and their
 * records are written; the master is restarted once more, and a third agent registers.
 */
function upgraded(after: OverlayConfig, release: '1869381' | 'edc45dc'): readonly (string | undefined)[] {
  const before = joined(addressPlan(IPV4_ONLY), [1, 2]).places;
  const first = recoverPlan(after, before, release);
  let plan = first.plan;
  const log = first.places.map((place, i) => {
    const { plan: next, place: refreshed } = refreshAgent(plan, place, agent(i + 1));
    plan = next;
    return refreshed;
  });
  const second = recoverPlan(after, log, release);
  const third = registerAgent(second.plan, agent(3)).place;
  return [...log, third].map(({ vtep6 }) => vtep6 && formatCidr6(vtep6));
}

test('a tunnel end is given twice by 1.13.3 if an overlay of IPv4 stands first in the records, and never by the last release', () => {
  const listed: OverlayConfig = { vtepNetwork, vtepNetwork6, overlays: [DCOS, DCOS6] };
  expect(upgraded(listed, '1869381')).toEqual(['fd01:a::1/64', 'fd01:a::2/64', 'fd01:a::1/64']);
  expect(upgraded(listed, 'edc45dc')).toEqual(['fd01:a::1/64', 'fd01:a::2/64', 'fd01:a::3/64']);
});

test('whoever joins, and whenever the master restarts: everybody keeps what it had, nobody has what another has', () => {
  const step = fc.oneof(fc.nat({ max: 30 }), fc.constant('restart' as const));
  const overlays: readonly OverlayInfo[] = [{ name: 'few', network: parseCidr('10.1.0.0/21'), prefix: 24 }, DCOS, DCOS6];
  const config: OverlayConfig = { vtepNetwork, vtepNetwork6, overlays };
  fc.assert(
    fc.property(fc.array(step, { maxLength: 50 }), fc.constantFrom('1869381', 'edc45dc'), (steps, release) => {
      let plan = addressPlan(config);
      let memory = new Map<number, AgentPlace>();
      const log = new Map<number, AgentPlace>();
      for (const what of steps) {
        if (what === 'restart') {
          const recovered = recoverPlan(config, log.values(), release);
          // What is free is what was free: the log holds all there is to know.
          expect(JSON.stringify(recovered.plan, text)).toBe(JSON.stringify(plan, text));
          plan = recovered.plan;
          memory = new Map(recovered.places.map((place) => [place.agent, place]));
          continue;
        }
        const known = memory.get(agent(what).agent);
        const { plan: next, place } =
          known === undefined ? registerAgent(plan, agent(what)) : refreshAgent(plan, known, agent(what));
        plan = next;
        if (known !== undefined) expect(place).toEqual({ ...log.get(place.agent), failures: place.failures });
        memory.set(place.agent, place);
        log.set(place.agent, place);
      }
      const subnets = [...log.values()].flatMap((place) =>
        place.overlays.map(({ subnet, subnet6 }) => subnet?.address ?? subnet6?.address),
      );
      expect(new Set(subnets).size).toBe(subnets.length);
      const ends = [...log.values()].map(({ vtep }) => vtep.address);
      expect(new Set(ends).size).toBe(ends.length);
    }),
    { numRuns: 500 },
  );
});

test('a log in which two agents have the same makes the master step down, in its words', () => {
  const [one, two] = joined(addressPlan(IPV4_ONLY), [1, 2]).places as [AgentPlace, AgentPlace];
  const refused = (log: readonly AgentPlace[]): string => {
    try {
      recoverPlan(IPV4_ONLY, log);
      return '';
    } catch (refusal) {
      return (refusal as Refusal).message;
    }
  };
  expect(refused([one, { ...two, overlays: one.overlays }])).toBe('Unable to reserve unavailable subnet 9.0.0.0/24(9.0.0.0/24)');
  expect(refused([one, { ...two, vtep: one.vtep }])).toBe('Cannot reserve an unavailable IP: 44.128.0.1/20(44.128.0.1)');
});

test('511 agents have a subnet of dcos6; those after them are registered without it', () => {
  const config: OverlayConfig = { vtepNetwork, vtepNetwork6, overlays: [DCOS, DCOS6] };
  const numbers = Array.from({ length: 513 }, (_, i) => i);
  const { places } = joined(addressPlan(config), numbers);
  expect(places.map(({ overlays }) => overlays.length).indexOf(1)).toBe(511);
  expect(places[511]?.failures).toEqual([
    'Cannot allocate IPv6 subnet from overlay dcos6 to Agent 172.16.2.9:No free IPv6 subnets available in the dcos6overlay',
  ]);
  expect(places[512]?.vtep.address).toBe(parseIpv4('44.128.2.1'));
});

function text(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
