/** Port choice, offers, constraints: the recorded rows and golden vectors. */
import { type PortRange, Random, shuffle } from '@portolan/core';
import { expect, test } from 'vitest';
import type { App } from '../src/app/app.ts';
import { attributeText } from '../src/match/attribute-text.ts';
import { ConstraintIndex, type Place } from '../src/match/constraints.ts';
import { matchOffer } from '../src/match/offer-match.ts';
import { matchPorts, randomDraw } from '../src/match/ports.ts';
import { RandomPorts } from '../src/match/random-ports.ts';
import { firstReason, type NoMatchReason, rejectSummary } from '../src/match/reasons.ts';
import { OfferRemainder } from '../src/mesos/offer.ts';
import { takePort } from '../src/mesos/resources.ts';
import { app, each, toRanges } from './recorded.ts';

function walk(sequence: RandomPorts, count = Number.POSITIVE_INFINITY): number[] {
  const ports: number[] = [];
  while (ports.length < count) {
    const port = sequence.next();
    if (port === undefined) break;
    ports.push(port);
  }
  return ports;
}

each('port-randomisation-golden', ({ input, expected }) => {
  const ranges = toRanges(input.offerRanges);
  expect(shuffle(ranges, new Random(input.seed)).map((r) => [r.begin, r.end])).toEqual(expected.shuffledRanges);
  const ports = walk(new RandomPorts(ranges, new Random(input.seed)));
  if (expected.fullSequence) expect(ports).toEqual(expected.fullSequence);
  else expect(ports.slice(0, 5)).toEqual(expected.firstPorts);
  expect(new Set(ports).size).toBe(ranges.reduce((sum, r) => sum + r.end - r.begin + 1, 0));
  const after = new Random(input.seed);
  for (let n = ranges.length; n >= 2; n--) after.nextInt(n);
  after.nextInt(ports.length);
  const spent = new Random(input.seed);
  walk(new RandomPorts(ranges, spent));
  expect(spent.next(32), 'draws no more than the shuffle and the start').toBe(after.next(32));
});

each('port-randomisation', ({ input, expected }) => {
  const ranges: PortRange[] = input.ranges.map((range: [string, number, number]) => ({ begin: range[1], end: range[2] }));
  for (let seed = 1; seed <= 10; seed++) {
    const ports = walk(new RandomPorts(ranges, new Random(seed)));
    if (expected.sequence) expect(ports).toEqual(expected.sequence);
    else expect([...ports].sort((a, b) => a - b)).toEqual(Array.from({ length: 21 }, (_, i) => 10 + i));
  }
});

each('port-matching', ({ id, input, expected }) => {
  const accepted = input.acceptedRoles ?? ['*'];
  const ranges = input.offerPorts
    .filter((resource: { role: string }) => accepted.includes(resource.role))
    .flatMap((resource: { ranges: [number, number][] }) => toRanges(resource.ranges));
  const slots = input.portMappings?.map((m: { hostPort?: number }) => m.hostPort) ?? input.portDefinitions;
  const host = input.networkMode === 'host';
  const request = { slots, anyPorts: host && !input.requirePorts, exactPorts: host && input.requirePorts === true };
  const ask = (seed: number): unknown => matchPorts(request, ranges, randomDraw(ranges, new Random(seed)));
  const ports = ask(0) as readonly number[] | undefined;
  expect(ports !== undefined).toBe(expected.match);
  if (expected.count) expect(new Set(ports).size).toBe(expected.count);
  if (expected.hostPorts) expect(ports).toEqual(expected.hostPorts);
  if (id === 'PM-12') {
    for (let i = 0; i < 10; i++) expect(ask(0)).toEqual(ports);
    expect(new Set(Array.from({ length: 1000 }, (_, seed) => String(ask(seed + 1)))).size).toBeGreaterThan(500);
  }
});

each('offer-match', ({ input, expected }) => {
  const { acceptedRoles = ['*'] } = input;
  const { cpus, mem, disk, ...shape } = input.app;
  const of: App = { ...app(shape, { cpus: cpus ?? 1, mem: mem ?? 128, disk: disk ?? 0 }), acceptedResourceRoles: acceptedRoles };
  const offer = {
    id: 'O',
    agentId: 'S0',
    hostname: input.offer.hostname,
    role: input.offer.role,
    cpus: input.offer.cpus,
    mem: input.offer.mem,
    disk: input.offer.disk,
    ports: toRanges(input.offer.ports),
    attributes: [],
    fresh: true,
  };
  const match = matchOffer(of, new OfferRemainder(offer), new ConstraintIndex([]), (ranges) => randomDraw(ranges, new Random(1)));
  expect('hostPorts' in match).toBe(expected.match);
  if ('hostPorts' in match) {
    const allocated = match.hostPorts.filter((port) => port !== undefined).length;
    if (expected.hostPorts) expect(allocated).toBe(expected.hostPorts);
    if (expected.allocated) expect([match.hostPorts.length, allocated]).toEqual([expected.hostPortSlots, expected.allocated]);
    return;
  }
  if (expected.reasonsExactly) expect(match.reasons).toEqual(expected.reasonsExactly);
  for (const reason of expected.reasonsContain ?? []) expect(match.reasons).toContain(reason);
  for (const reason of expected.reasonsLack ?? []) expect(match.reasons).not.toContain(reason);
});

each('offer-remainder', ({ input, expected }) => {
  let ranges: readonly PortRange[] = toRanges(input.offerPorts);
  for (const [begin, end] of input.consume) for (let port = begin; port <= end; port++) ranges = takePort(ranges, port) ?? ranges;
  expect(ranges.map((r) => [r.begin, r.end])).toEqual(expected.left);
});

each('constraint', ({ input, expected }) => {
  const [field, operator, value] = input.constraint;
  const index = new ConstraintIndex([{ field, operator, value }]);
  const place = (text: string): Place => {
    const bare = text.replace(/^(?:scalar|range|set) /, '');
    return field.includes('hostname') ? { hostname: bare, attributes: [] } : { hostname: 'h', attributes: [[field, bare]] };
  };
  for (const placed of input.placed) index.add(place(placed));
  const offered = input.offer[field.replace('@', '')];
  const where: Place = offered === undefined ? { hostname: 'h', attributes: [] } : place(offered);
  expect(index.admits(where)).toBe(expected.meets);
});

test('attribute values as text', () => {
  expect(['7.0', '1.0005', '1.00051', '0.0625', '[9-10,6-7]', 'ssd'].map(attributeText)).toEqual([
    '7',
    '1',
    '1.001',
    '0.062',
    '[6-7,9-10]',
    'ssd',
  ]);
});

each('queue-reasons', ({ input, expected }) => {
  if (input.reasons) return expect([firstReason(input.reasons)]).toEqual(expected.counted);
  const counts = new Map(Object.entries(input.counts) as [NoMatchReason, number][]);
  const summary = rejectSummary(input.processed ?? input.lastNoMatches, counts);
  return expect(summary.map((row) => [row.reason, row.declined, row.processed])).toEqual(
    expected.rejectSummaryLaunchAttempt ?? expected.rejectSummaryLastOffers,
  );
});
