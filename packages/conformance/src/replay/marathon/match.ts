/** Judges of the matching of offers: constraints, resources, maintenance, reasons, the order in which apps are asked. */
import { Random } from '@portolan/core';
import {
  AppRecord,
  askAll,
  type Condition,
  type Constraint,
  ConstraintIndex,
  Instance,
  isAvailable,
  matcherOrder,
  type NoMatchReason,
  OFFER_QUEUE_DEFAULTS,
  type Offer,
  OfferQueue,
  OfferStatistics,
  type Place,
  readConstraint,
  rejectSummary,
  selectForEvenness,
  type Unavailability,
} from '@portolan/scheduler';
import {
  type Check,
  duration,
  type Fields,
  fields,
  isFields,
  type Judge,
  list,
  numberOr,
  type Row,
  ranges,
  texts,
  UnknownShape,
  versionOf,
} from './row.ts';
import { appOf, attributeValue, matchOn, sizeOf } from './shorthand.ts';

function constraintOf(posted: unknown): Constraint {
  return readConstraint(list(posted).flatMap((part) => (part === null ? [] : [String(part)])));
}

/** A place with that value of the field; undefined: it lacks the field. */
function placeWith(field: string, value: string | undefined): Place {
  const somewhere = { hostname: 'host', attributes: [] };
  if (value === undefined) return somewhere;
  if (field === 'hostname' || field === '@hostname') return { ...somewhere, hostname: value };
  if (field === '@region') return { ...somewhere, region: value };
  if (field === '@zone') return { ...somewhere, zone: value };
  return { ...somewhere, attributes: [[field, value]] };
}

function constraint(row: Row): readonly Check[] {
  const { input } = row;
  const one = constraintOf(input.constraint);
  const index = new ConstraintIndex([one], versionOf(row));
  for (const placed of list(input.placed)) {
    const value = isFields(placed) ? Object.values(placed)[0] : placed;
    index.add(placeWith(one.field, value === null || value === 'none' ? undefined : attributeValue(value)));
  }
  const offered = fields(input.offer)[one.field.replace('@', '')];
  const place = placeWith(one.field, offered === undefined || offered === null ? undefined : attributeValue(offered));
  return [['meets', fields(row.expected).meets, index.admits(place, numberOr(input.instances, 1))]];
}

function constraintSequence(row: Row): readonly Check[] {
  const { input } = row;
  const constraints = list(input.constraints).map(constraintOf);
  const index = new ConstraintIndex(constraints, versionOf(row));
  const attribute = constraints.find(({ field }) => !/^@?hostname$/.test(field))?.field ?? '';
  // What counts for GROUP_BY is the number of instances of the apps already placed.
  const placed = /instances=(\d+)/.exec(String(input.note ?? ''))?.[1];
  const instances = placed === undefined ? numberOr(input.instances, 1) : Number(placed);
  const accepted = list(input.offersInOrder).map((offer) => {
    const [hostname = '', text = ''] = texts(offer);
    const pair = text.includes(':') ? text.split(':') : [attribute, text];
    const place: Place = { hostname, attributes: [[pair[0] ?? '', pair[1] ?? '']] };
    const fits = index.admits(place, instances);
    if (fits) index.add(place);
    return fits;
  });
  return [['accepted', fields(row.expected).accepted, accepted]];
}

function killSelection({ input, expected: recorded }: Row): readonly Check[] {
  const expected = fields(recorded);
  const constraints = (input.constraints === undefined ? [input.constraint] : list(input.constraints)).map(constraintOf);
  const [first] = constraints;
  const groups = isFields(input.running) ? Object.entries(input.running) : [['', input.running] as const];
  const instances = groups.flatMap(([value, count]) =>
    Array.from({ length: sizeOf(count) }, (_, i) => ({
      id: `${value}-${i}`,
      value,
      place: placeWith(first?.field ?? 'hostname', value),
    })),
  );
  const selected = selectForEvenness(constraints, instances, numberOr(input.kill, 0));
  const perHost = Object.fromEntries(
    groups.map(([value]) => [value, selected.filter((instance) => instance.value === value).length]),
  );
  const actual: Fields = { selected: selected.length, perHost };
  return Object.entries(expected)
    .filter(([field]) => field !== 'note')
    .map(([field, value]) => {
      if (!(field in actual)) throw new UnknownShape(`what is meant by ${field}`);
      return [field, value, actual[field]];
    });
}

function offerMatch(row: Row): readonly Check[] {
  const { input } = row;
  const expected = fields(row.expected);
  const { version, lastConfigChange, lastScaling: _scaling, persistentVolume, ...words } = fields(input.app);
  const { cpus = 1, mem = 128, disk = 0, gpus = 0, instances = 1, constraints = [], labels, ...shape } = words;
  const volumes = persistentVolume === undefined ? {} : { container: persistentContainer(persistentVolume) };
  const definition = { cpus, mem, disk, gpus, instances, constraints, ...(labels === undefined ? {} : { labels }), ...volumes };
  const roles = texts(input.acceptedRoles ?? ['*']);
  // A model of Marathon's own has no port unless it is given one.
  const portless = shape.portDefinitions === undefined && shape.portMappings === undefined ? { portDefinitions: [] } : {};
  const app = { ...appOf({ ...portless, ...shape }, definition), acceptedResourceRoles: roles };
  const offer = offerOfRow(fields(input.offer));
  const record = new AppRecord(app, versionOf(row));
  for (const instance of placedInstances(input.placed, offer, numberOr(version, 1))) {
    record.add(instance);
    record.change(instance, (changed) => {
      changed.condition = instance.condition;
    });
  }
  // Instances of before the last change of configuration do not count.
  if (numberOr(lastConfigChange, 0) > 1) record.reconfigure(app);
  const region = typeof input.localRegion === 'string' ? { region: input.localRegion } : {};
  const draining = /draining_seconds (\d+)/.exec(String(input.conf ?? ''))?.[1];
  const gpuScheduling = /unrestricted/.test(String(input.gpuBehaviour ?? ''))
    ? ('unrestricted' as const)
    : ('restricted' as const);
  const match = matchOn(record, offer, { now: NOW, ...region, drainingSeconds: Number(draining ?? 0), gpuScheduling });
  return matchChecks(match, expected, roles);
}

const NOW = 1_000_000_000;

function matchChecks(match: ReturnType<typeof matchOn>, expected: Fields, roles: readonly string[]): readonly Check[] {
  const reasons = 'reasons' in match ? match.reasons : [];
  const ports = 'hostPorts' in match ? match.hostPorts : [];
  return Object.entries(expected).flatMap(([field, value]): readonly Check[] => {
    switch (field) {
      case 'match':
        return [[field, value, 'hostPorts' in match]];
      case 'hostPorts':
        return [[field, value, Array.isArray(value) ? ports : ports.filter((port) => port !== undefined).length]];
      case 'hostPortSlots':
        return [[field, value, ports.length]];
      case 'allocated':
        return [[field, value, ports.filter((port) => port !== undefined).length]];
      case 'roles':
        return [[field, value, roles]];
      case 'reasonsExactly':
        return [[field, value, reasons]];
      case 'reasonsContain':
        return texts(value).map((reason): Check => [field, true, reasons.some((given) => given === reason)]);
      case 'reasonsLack':
        return texts(value).map((reason): Check => [field, false, reasons.some((given) => given === reason)]);
      case 'byCode':
        return [[field, value === 'reasons list is empty' ? [] : value, reasons]];
      case 'note':
        return [];
      default:
        throw new UnknownShape(`what is meant by ${field}`);
    }
  });
}

function persistentContainer(size: unknown): Fields {
  return { type: 'MESOS', volumes: [{ containerPath: 'data', mode: 'RW', persistent: { size } }] };
}

function offerOfRow(offer: Fields): Offer {
  const { ports, attributes, unavailability, region, zone, disk, hostname, ...rest } = offer;
  const more = typeof disk === 'string' ? Number.parseFloat(disk) + 1 : disk;
  return {
    id: 'O1',
    agentId: 'S0',
    role: '*',
    cpus: 4,
    mem: 16_000,
    ...(rest as Partial<Offer>),
    hostname: String(hostname ?? 'localhost').replace(/[<>]/g, ''),
    disk: numberOr(more, 1),
    ports: ranges(ports ?? [[31_000, 32_000]]).filter(({ end }) => end > 0),
    attributes: Object.entries(fields(attributes)).map(([name, value]) => [name, attributeValue(value)]),
    ...(typeof region === 'string' ? { region } : {}),
    ...(typeof zone === 'string' ? { zone } : {}),
    ...(unavailability === undefined || unavailability === null ? {} : { unavailability: spokenWindow(unavailability) }),
    fresh: true,
  };
}

/** `starts now`, `now-1h`, or an object with start and duration. */
function spokenWindow(window: unknown): Unavailability {
  if (isFields(window)) {
    const length = window.duration === undefined || window.duration === null ? {} : { duration: duration(window.duration) };
    return { start: spokenTime(String(window.start)), ...length };
  }
  return { start: spokenTime(String(window).replace('starts ', '')) };
}

function spokenTime(text: string): number {
  const match = /^now\s*(?:([+-])\s*(.+))?$/.exec(text.trim());
  if (match === null) throw new UnknownShape(`the time ${text}`);
  return match[2] === undefined ? NOW : NOW + (match[1] === '-' ? -1 : 1) * duration(match[2]);
}

/** `same 5 instances of version 1`, `one reserved but not running instance on that host`, or places one by one. */
function placedInstances(placed: unknown, offer: Offer, _version: number): readonly Instance[] {
  const make = (place: Place, i: number, running = true): Instance => {
    const instance = new Instance(`placed.instance-${i}`, '/product/frontend', 0, 0);
    instance.condition = running ? 'Running' : 'Scheduled';
    instance.place = place;
    return instance;
  };
  if (placed === undefined || placed === null) return [];
  if (Array.isArray(placed)) return placed.map((one, i) => make(placeOf(one, offer), i));
  const text = String(placed);
  const count = /(\d+) instances/.exec(text)?.[1] ?? (/^one |\bone\b/.test(text) ? '1' : undefined);
  if (count === undefined) throw new UnknownShape(`the placed instances: ${text}`);
  return Array.from({ length: Number(count) }, (_, i) => make(offer, i, !/not running/.test(text)));
}

function placeOf(one: unknown, offer: Offer): Place {
  if (typeof one === 'string') return { hostname: one, attributes: [] };
  const { hostname, host, region, zone, attributes, ...others } = fields(one);
  const named = {
    ...fields(attributes),
    ...others,
    ...(region === undefined ? {} : { region }),
    ...(zone === undefined ? {} : { zone }),
  };
  return {
    hostname: String(hostname ?? host ?? offer.hostname),
    attributes: Object.entries(named).map(([name, value]) => [name, attributeValue(value)]),
  };
}

function maintenance({ input, expected }: Row): readonly Check[] {
  const window = input.start === undefined ? undefined : spokenWindow(input);
  const draining = numberOr(input.draining, 0) * 1000;
  return [['available', fields(expected).available, isAvailable(window, NOW, draining)]];
}

function queueReasons({ input, expected: recorded }: Row): readonly Check[] {
  const expected = fields(recorded);
  if (input.counts !== undefined) {
    const counts = new Map(Object.entries(fields(input.counts)) as [NoMatchReason, number][]);
    const rows = rejectSummary(numberOr(input.processed ?? input.lastNoMatches, 0), counts);
    const shown = rows.map(({ reason, declined, processed }) => [reason, declined, processed]);
    return Object.entries(expected)
      .filter(([field]) => field.startsWith('rejectSummary'))
      .map(([field, value]) => [field, value, shown]);
  }
  const statistics = new OfferStatistics();
  if (input.match === true) statistics.used(0);
  else statistics.refused('S0', texts(input.reasons) as readonly NoMatchReason[], 0);
  const declined = statistics.launchAttempt().filter((row) => row.declined > 0);
  const actual: Fields = {
    counted: declined.map(({ reason }) => reason),
    processed: statistics.processed,
    unused: statistics.unused,
    rejectSummary: Object.fromEntries(declined.map((row) => [row.reason, row.declined])),
    lastNoMatch: statistics.unusedOffers().length > 0,
  };
  return Object.entries(expected)
    .filter(([field]) => field !== 'note')
    .map(([field, value]) => {
      if (!(field in actual)) throw new UnknownShape(`what is meant by ${field}`);
      return [field, value, actual[field]];
    });
}

function offerLoop({ input, expected: recorded }: Row): readonly Check[] {
  const expected = fields(recorded);
  if (input.max_parallel_offers !== undefined) return queuedOffers(input, expected);
  const matchers = numberOr(input.matchers, 0);
  if (input.offers !== undefined) {
    const queue = new OfferQueue<string>();
    const fates = Array.from({ length: numberOr(input.offers, 1) }, (_, i) => queue.offer(`offer${i + 1}`, 0, matchers));
    const resend = /resend=(true|false)/.exec(String(expected.both))?.[1] === 'true';
    return [['both', fates.map(() => ({ state: 'declined', resend })), fates]];
  }
  const names = Array.from({ length: matchers }, (_, i) => i);
  const first = numberOr(input.withPrecedence, 0);
  const orders = Array.from({ length: 50 }, (_, seed) => {
    const asked: number[] = [];
    askAll(
      names,
      (name) => void asked.push(name),
      new Random(seed),
      100,
      (name) => name < first,
    );
    return asked;
  });
  const sorted = orders.map((order) => [...order].sort((a, b) => a - b));
  const ahead = orders.every((order) => order.slice(0, first).every((name) => name < first));
  const same = matcherOrder(names, new Random(0), (name) => name < first);
  return [
    ['every matcher once', sorted.map(() => names), sorted],
    ['those with precedence first', true, ahead],
    ['at random', true, matchers < 2 || new Set(orders.map(String)).size > 1],
    ['by the seed', same, orders[0]],
  ];
}

/** Several offers at once: which is worked on, which waits, and which is given back when. */
function queuedOffers(input: Fields, expected: Fields): readonly Check[] {
  const usual = OFFER_QUEUE_DEFAULTS;
  const timeout = input.offer_matching_timeout === undefined ? usual.timeout : duration(input.offer_matching_timeout);
  const queue = new OfferQueue<string>({
    parallel: numberOr(input.max_parallel_offers, usual.parallel),
    queued: numberOr(input.max_queued_offers, usual.queued),
    timeout,
  });
  const timed = Object.entries(input).flatMap(([name, at]) => {
    const time = /^t=(.+)$/.exec(String(at))?.[1];
    return /^offer\d+$/.test(name) && time !== undefined ? [[name, time === '0' ? 0 : duration(time)] as const] : [];
  });
  const count = Math.max(numberOr(input.offers, 0), ...timed.map(([name]) => Number(name.slice(5))));
  const arrivals = new Map(timed);
  const fates = new Map<string, ReturnType<typeof queue.offer>>();
  for (let i = 1; i <= count; i++) fates.set(`offer${i}`, queue.offer(`offer${i}`, arrivals.get(`offer${i}`) ?? 0, 1));
  const back: [string, number][] = [];
  const end = Math.max(0, ...arrivals.values()) + timeout;
  if (timed.length > 0) for (let now = 0; now <= end; now++) for (const offer of queue.expire(now)) back.push([offer, now]);
  return Object.entries(expected).flatMap(([name, value]): readonly Check[] => {
    const text = String(value);
    const about = /about t=(\S+)/.exec(text)?.[1];
    const next = /until (offer\d+) is done/.exec(text)?.[1];
    if (name === 'note') return [];
    if (text === 'being matched' || text === 'still open') return [[name, true, queue.matching.includes(name)]];
    if (/^queued/.test(text)) {
      const checks: Check[] = [[name, 'queued', fates.get(name)?.state]];
      return next === undefined ? checks : [...checks, [`after ${next}`, name, queue.done(next)]];
    }
    if (/^declined/.test(text)) return [[name, 'declined', fates.get(name)?.state]];
    if (/given back/.test(text) && /first/.test(text)) return [[name, name, back[0]?.[0]]];
    if (about !== undefined) return [[name, duration(about), back.find(([offer]) => offer === name)?.[1]]];
    throw new UnknownShape(`what is meant by ${text}`);
  });
}

/** Conditions out of words of any case. */
export function conditionNamed(text: string): Condition {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}` as Condition;
}

/** Judges by area. */
export const MATCH_JUDGES: readonly (readonly [string, Judge])[] = [
  ['constraint', { input: ['constraint', 'offer', 'placed', 'instances', 'version'], expected: ['meets'], run: constraint }],
  [
    'constraint-group-by-1.8',
    { input: ['constraint', 'offer', 'placed', 'instances', 'version'], expected: ['meets'], run: constraint },
  ],
  [
    'constraint-sequence',
    { input: ['instances', 'constraints', 'offersInOrder'], expected: ['accepted'], run: constraintSequence },
  ],
  ['kill-selection', { input: ['constraint', 'constraints', 'running', 'kill'], run: killSelection }],
  ['offer-match', { input: ['offer', 'app', 'acceptedRoles', 'placed', 'conf', 'localRegion', 'gpuBehaviour'], run: offerMatch }],
  ['maintenance', { input: ['start', 'duration', 'draining', 'unavailability'], expected: ['available'], run: maintenance }],
  ['queue-reasons', { input: ['reasons', 'match', 'processed', 'lastNoMatches', 'counts'], run: queueReasons }],
  [
    'offer-loop',
    {
      input: [
        'matchers',
        'withPrecedence',
        'offers',
        'max_parallel_offers',
        'max_queued_offers',
        'offer_matching_timeout',
        'offer1',
        'offer2',
        'offer3',
      ],
      run: offerLoop,
    },
  ],
];
