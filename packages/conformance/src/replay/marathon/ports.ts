/** Judges of port choice: which ports of an offer a task gets, in which order, by which draws of chance. */
import { Random, shuffle } from '@portolan/core';
import { consumeResources, RandomPorts, type ResourceSet, type ResourceValue, ServicePorts } from '@portolan/scheduler';
import { type Check, type Fields, fields, type Judge, list, numberOr, type Row, ranges, texts, UnknownShape } from './row.ts';
import { appOf, offerOf, placeOn } from './shorthand.ts';

/** Counts draws. */
class CountingRandom extends Random {
  draws = 0;

  override nextInt(bound: number): number {
    this.draws++;
    return super.nextInt(bound);
  }
}

function walk(sequence: RandomPorts, limit = 100_000): readonly number[] {
  const ports: number[] = [];
  for (let port = sequence.next(); port !== undefined && ports.length < limit; port = sequence.next()) ports.push(port);
  return ports;
}

function portMatching({ input, expected: recorded }: Row): readonly Check[] {
  const expected = fields(recorded);
  const need = fields(input.need);
  const app = appOf(input, need);
  const accepted = { ...app, acceptedResourceRoles: texts(input.acceptedRoles ?? ['*']) };
  const offer = typeof input.offer === 'string' ? offerOf(spokenOffer(input.offer)) : offerOf({ offerPorts: input.offerPorts });
  const place = (seed: number) => placeOn(accepted, offer, seed);
  const task = place(0);
  const roles = task?.allocations?.filter(({ ports }) => ports.length > 0).map(({ role }) => role) ?? (task ? [task.role] : []);
  const checks: Check[] = [['match', expected.match, task !== undefined]];
  if (expected.hostPorts !== undefined) checks.push(['hostPorts', expected.hostPorts, task?.ports]);
  if (expected.count !== undefined) checks.push(['count', expected.count, new Set(task?.ports).size]);
  if (expected.resourceRoles !== undefined) checks.push(['resourceRoles', expected.resourceRoles, roles]);
  if (expected.resourceRolesSet !== undefined) {
    checks.push(['resourceRolesSet', [...texts(expected.resourceRolesSet)].sort(), [...new Set(roles)].sort()]);
  }
  if (expected.everyResourceRole !== undefined) {
    checks.push([
      'everyResourceRole',
      [expected.everyResourceRole],
      [...new Set(task?.allocations?.map(({ role }) => role) ?? [task?.role])],
    ]);
  }
  if (expected.portResourceOrder !== undefined) {
    const asked = task?.userPortMappings.map(({ hostPort }) => hostPort);
    checks.push(['portResourceOrder', asked, task?.ports]);
  }
  if (input.rng !== undefined && task !== undefined) {
    const again = Array.from({ length: 10 }, () => place(0)?.ports);
    checks.push(['the same seed', again.map(() => task.ports), again]);
    const others = new Set(Array.from({ length: 1000 }, (_, seed) => String(place(seed + 1)?.ports)));
    checks.push(['other seeds give other ports', true, others.size > 1]);
  }
  return checks;
}

/** `ports 31000-32000 and 33000-34000 all role marathon; cpus * 1 + marathon 1+2`: a role's ports, cpus of several roles. */
function spokenOffer(text: string): {
  readonly offerPorts: unknown;
  readonly scalars: { readonly cpus: number; readonly disk: number };
} {
  const [portWords = '', cpuWords = ''] = text.split(';');
  const role = /role (\S+)/.exec(portWords)?.[1];
  const found = [...portWords.matchAll(/(\d+)-(\d+)/g)].map(([, begin, end]) => [Number(begin), Number(end)]);
  if (role === undefined || found.length === 0) throw new UnknownShape(`the offer ${text}`);
  const cpus = [...(cpuWords.split(role)[1] ?? '').matchAll(/\d+/g)].reduce((sum, [number]) => sum + Number(number), 0);
  const unreserved = { role: '*', ranges: [] };
  return { offerPorts: [unreserved, { role, ranges: found }], scalars: { cpus: cpus || 4, disk: 16 } };
}

function randomisation({ input, expected: recorded }: Row): readonly Check[] {
  const expected = fields(recorded);
  const from = ranges(input.ranges);
  const [first = 1, last = 10] = [...String(input.seeds ?? '1..10').matchAll(/\d+/g)].map(([number]) => Number(number));
  const seeds = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  const sequences = seeds.map((seed) => walk(new RandomPorts(from, new Random(seed))));
  const checks: Check[] = [];
  if (expected.sequence !== undefined) for (const ports of sequences) checks.push(['sequence', expected.sequence, ports]);
  if (expected.setOfSequence !== undefined) {
    const all = [...String(expected.setOfSequence).matchAll(/(\d+)\.\.(\d+)/g)].flatMap(([, begin, end]) =>
      Array.from({ length: Number(end) - Number(begin) + 1 }, (_, i) => Number(begin) + i),
    );
    for (const ports of sequences) checks.push(['setOfSequence', all, [...ports].sort((a, b) => a - b)]);
  }
  return checks;
}

function golden({ input, expected: recorded }: Row): readonly Check[] {
  const expected = fields(recorded);
  const from = ranges(input.offerRanges);
  const seed = numberOr(input.seed, 0);
  const shuffled = shuffle(from, new Random(seed));
  const random = new CountingRandom(seed);
  const ports = walk(new RandomPorts(from, random));
  const concatenated = shuffled.flatMap(({ begin, end }) => Array.from({ length: end - begin + 1 }, (_, i) => begin + i));
  const calls = { shuffle: random.draws - (ports.length > 0 ? 1 : 0), total: random.draws };
  const actual: Fields = {
    shuffledRanges: shuffled.map(({ begin, end }) => [begin, end]),
    startIndex: concatenated.indexOf(ports[0] ?? -1),
    firstPorts: ports.slice(0, list(expected.firstPorts).length),
    fullSequence: ports,
    rngCalls: calls,
  };
  return Object.entries(expected).map(([field, value]) => [field, value, actual[field]]);
}

function offerRemainder({ input, expected: recorded }: Row): readonly Check[] {
  const { left } = fields(recorded);
  const whole = isWhole(input) ? input : { offer: { ports: input.offerPorts }, consume: { ports: input.consume } };
  const after = consumeResources(resourceSet(fields(whole.offer)), resourceSet(fields(whole.consume)));
  if (isWhole(input)) return [['left', left === null ? {} : left, shown(after)]];
  return [['left', left, shown(after).ports ?? []]];
}

function isWhole(input: Fields): boolean {
  return input.offer !== undefined || input.cpus !== undefined;
}

/** Resources by name; lists of pairs are ranges, other lists sets. */
function resourceSet(resources: Fields): ResourceSet {
  const set = new Map<string, ResourceValue>();
  for (const [name, value] of Object.entries(resources)) {
    if (typeof value === 'number') set.set(name, value);
    else set.set(name, list(value).some(Array.isArray) || name === 'ports' ? ranges(value) : texts(value));
  }
  return set;
}

function shown(resources: ResourceSet): Fields {
  const value = (of: unknown): unknown =>
    Array.isArray(of) ? of.map((item) => (typeof item === 'object' ? [fields(item).begin, fields(item).end] : item)) : of;
  return Object.fromEntries([...resources].map(([name, of]) => [name, value(of)]));
}

function singleScalar(row: Row): readonly Check[] {
  const { cpus, consume } = row.input;
  if (typeof cpus !== 'number' || typeof consume !== 'number') return offerRemainder(row);
  const left = consumeResources(new Map([['cpus', cpus]]), new Map([['cpus', consume]])).get('cpus') ?? null;
  return [['left', fields(row.expected).left, left]];
}

function servicePorts({ input, expected: recorded }: Row): readonly Check[] {
  const expected = fields(recorded);
  const [begin = 0, end = 0] = list(input.range).map(Number);
  const ports = new ServicePorts({ begin, end });
  const from = fields(input.from);
  const assignAll = (apps: readonly (readonly [string, readonly number[]])[]): readonly (readonly number[])[] => {
    for (const old of Object.values(from)) ports.use(list(old).map(Number));
    for (const [, wanted] of apps) ports.use(wanted);
    return apps.map(([name, wanted]) => {
      const assigned = ports.assign(wanted, list(from[name]).map(Number));
      ports.use(assigned);
      return assigned;
    });
  };
  const ofMappings = (mappings: unknown) => list(mappings).map((mapping) => numberOr(fields(mapping).servicePort, 0));
  const steps = Object.entries(input).filter(([name]) => name.startsWith('step'));
  if (steps.length > 0) {
    const seen: number[] = [];
    const checks = steps.map(([, apps], i): Check => {
      const all = Object.entries(fields(apps)).map(([name, mappings]) => [name, ofMappings(mappings)] as const);
      seen.push(...assignAll(all).flat());
      return [`afterStep${i + 1}`, expected[`afterStep${i + 1}`], new Set(seen).size];
    });
    return checks;
  }
  const wanted =
    input.mappings === undefined
      ? Object.entries(fields(input.to)).map(([name, numbers]) => [name, list(numbers).map(Number)] as const)
      : [['/app', ofMappings(input.mappings)] as const];
  let assigned: readonly number[];
  try {
    assigned = assignAll(wanted).flat();
  } catch (refusal) {
    const message = refusal instanceof Error ? refusal.message : '';
    return [['throws', expected.throws ?? expected.message ?? expected.error, message]];
  }
  const inRange = assigned.filter((port) => port >= begin && port <= end).length;
  const hostPorts = list(input.mappings).filter((mapping) => fields(mapping).hostPort !== undefined).length;
  const actual: Fields = {
    count: assigned.length,
    contains: assigned.includes(Number(expected.contains)) ? expected.contains : assigned,
    notContains: assigned.includes(Number(expected.notContains)) ? assigned : expected.notContains,
    byCode: assigned,
    noZeroLeft: !assigned.includes(0),
    portsInRange: inRange,
    servicePortsInRange: inRange,
    distinctCount: new Set(assigned).size,
    hostPorts,
    servicePorts: assigned.length,
  };
  return Object.entries(expected)
    .filter(([field]) => field !== 'note')
    .map(([field, value]) => [field, value, actual[field]]);
}

/** Judges by area. */
export const PORT_JUDGES: readonly (readonly [string, Judge])[] = [
  [
    'port-matching',
    {
      input: [
        'networkMode',
        'mode',
        'portDefinitions',
        'portMappings',
        'requirePorts',
        'offerPorts',
        'acceptedRoles',
        'offer',
        'need',
      ],
      expected: ['match', 'hostPorts', 'count', 'resourceRoles', 'resourceRolesSet', 'everyResourceRole', 'portResourceOrder'],
      run: portMatching,
    },
  ],
  ['port-randomisation', { input: ['ranges', 'seeds'], expected: ['sequence', 'setOfSequence'], run: randomisation }],
  [
    'port-randomisation-golden',
    {
      input: ['offerRanges', 'seed'],
      expected: ['shuffledRanges', 'startIndex', 'firstPorts', 'fullSequence', 'rngCalls'],
      run: golden,
    },
  ],
  ['offer-remainder', { input: ['offerPorts', 'consume', 'offer', 'cpus'], expected: ['left'], run: singleScalar }],
  [
    'service-port',
    {
      input: ['range', 'from', 'to', 'mappings', 'mode', 'step1', 'step2 adds'],
      expected: [
        'count',
        'contains',
        'notContains',
        'byCode',
        'noZeroLeft',
        'portsInRange',
        'servicePortsInRange',
        'distinctCount',
        'hostPorts',
        'servicePorts',
        'afterStep1',
        'afterStep2',
        'throws',
        'message',
        'error',
      ],
      run: servicePorts,
    },
  ],
];
