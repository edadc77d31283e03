/** The words the recorded Marathon cases use for apps, offers and places, as definitions and offers of the product. */
import { Random } from '@portolan/core';
import {
  type App,
  AppRecord,
  Instance,
  MarathonRefusal,
  type MatchSite,
  matchOffer,
  type Offer,
  type OfferMatch,
  OfferRemainder,
  placeInstance,
  prepareApp,
  randomDraw,
  type TaskInfo,
} from '@portolan/scheduler';
import { type Fields, fields, isFields, list, numberOr, ranges } from './row.ts';

/** The settings apps meet unless a row says otherwise. */
export const SETTINGS = { defaultNetworkName: 'default-network0', frameworkRole: 'slave_public' };

/** Fields of the shorthand for apps. */
export const APP_WORDS = [
  'appId',
  'mode',
  'networkMode',
  'networks',
  'portDefinitions',
  'portDefinition',
  'portMappings',
  'portMapping',
  'requirePorts',
  'container',
  'docker',
  'image',
  'userEnv',
  'args',
  'executor',
  'networkLabels',
];

/** `container whatever`, `container/bridge`, `host` as networks. */
export function networksOf(input: Fields): readonly Fields[] {
  const { networks } = input;
  const labels = input.networkLabels === undefined ? {} : { labels: input.networkLabels };
  if (typeof networks === 'number') {
    return Array.from({ length: networks }, (_, i) => ({ mode: 'container', name: `network-${i + 1}` }));
  }
  if (networks !== undefined) return list(networks).map((network) => ({ ...networkOf(network), ...labels }));
  return [{ ...networkOf(input.mode ?? input.networkMode ?? 'host', true), ...labels }];
}

/** One network in any of the ways in which rows name one. */
export function networkOf(network: unknown, mode = false): Fields {
  if (isFields(network)) {
    if (typeof network.container === 'string') return { mode: 'container', name: network.container };
    return network;
  }
  const [kind = '', name] = String(network).split(' ');
  if (kind === 'bridge' || kind === 'container/bridge') return { mode: 'container/bridge' };
  if (kind === 'host') return { mode: 'host' };
  if (kind === 'container') return { mode: 'container', name: name === undefined || name === 'vnet' ? 'vnet' : name };
  return mode ? { mode: kind } : { mode: 'container', name: kind };
}

/** The app definition a row's shorthand stands for. */
export function definitionOf(input: Fields, more: Fields = {}): Fields {
  const mappings = input.portMappings ?? (input.portMapping === undefined ? undefined : [input.portMapping]);
  const given = input.portDefinitions ?? (input.portDefinition === undefined ? undefined : [input.portDefinition]);
  const definitions = Array.isArray(given) ? given.map((port) => (typeof port === 'number' ? { port } : port)) : given;
  const networks = networksOf(input);
  const docker = input.container === 'DOCKER' || input.docker === true || input.image !== undefined;
  const container = docker
    ? { type: 'DOCKER', docker: { image: input.image ?? 'image' }, ...(mappings === undefined ? {} : { portMappings: mappings }) }
    : mappings !== undefined || (input.container !== undefined && input.container !== null) || networks[0]?.mode !== 'host'
      ? { type: 'MESOS', ...(mappings === undefined ? {} : { portMappings: mappings }) }
      : undefined;
  return {
    id: input.appId ?? '/product/frontend',
    networks,
    ...(definitions === undefined ? {} : { portDefinitions: definitions }),
    ...(input.requirePorts === undefined ? {} : { requirePorts: input.requirePorts }),
    ...(container === undefined ? {} : { container }),
    ...(docker || input.args !== undefined ? {} : { cmd: 'sleep' }),
    ...(input.args === undefined ? {} : { args: input.args }),
    ...(input.userEnv === undefined ? {} : { env: input.userEnv }),
    ...(input.executor === undefined ? {} : { executor: input.executor }),
    ...more,
  };
}

/** The app a row's shorthand stands for. */
export function appOf(input: Fields, more: Fields = {}): App {
  return prepareApp(definitionOf(input, more), SETTINGS);
}

/** An offer in which all that a row does not mention is plenty. */
export function offerOf(input: {
  readonly offerPorts?: unknown;
  readonly hostname?: unknown;
  readonly scalars?: { readonly cpus?: number; readonly mem?: number; readonly disk?: number; readonly gpus?: number };
  readonly more?: Partial<Offer>;
}): Offer {
  const scalars = { cpus: 4, mem: 16_000, disk: 1, ...input.scalars };
  const resources = list(input.offerPorts ?? [[31_000, 32_000]]);
  const pools = resources.some(isFields)
    ? resources.map(fields).map((part) => ({ role: String(part.role), ports: ranges(part.ranges) }))
    : [{ role: '*', ports: ranges(resources) }];
  const [first = { ...scalars, role: '*', ports: [] }, ...others] = pools.map((pool) => ({ ...scalars, ...pool }));
  return {
    id: 'O1',
    agentId: 'S0',
    hostname: typeof input.hostname === 'string' ? input.hostname : 'host.some',
    ...first,
    ...(others.length === 0 ? {} : { reserved: others }),
    attributes: [],
    fresh: true,
    ...input.more,
  };
}

/** What the launcher makes of an offer: a task, or nothing. */
export function placeOn(app: App, offer: Offer, seed = 1): TaskInfo | undefined {
  const record = new AppRecord(app);
  record.add(new Instance(`${app.id.slice(1).replaceAll('/', '_')}.instance-1`, app.id, 0, 0));
  return placeInstance(record, new OfferRemainder(offer), new Random(seed), undefined, { now: 0 })?.task;
}

/** What the matcher makes of an offer, with instances already placed in a record. */
export function matchOn(record: AppRecord, offer: Offer, site: MatchSite): OfferMatch {
  const random = new Random(1);
  return matchOffer(record.app, new OfferRemainder(offer), record.constraints, (from) => randomDraw(from, random), site);
}

/** Ranges that hold the fixed host ports of a row beside those that may be drawn. */
export function rangesFor(input: Fields): unknown {
  if (input.offerPorts !== undefined) return input.offerPorts;
  const assigned = list(input.assigned ?? input.hostPorts).filter((port) => typeof port === 'number');
  if (assigned.length > 0) return assigned.map((port) => [port, port]);
  const fixed = list(input.portMappings)
    .map((mapping) => fields(mapping).hostPort)
    .filter((port) => typeof port === 'number' && port !== 0 && (port < 31_000 || port > 32_000));
  const own: readonly (readonly unknown[])[] = [...new Set(fixed)].map((port) => [port, port]);
  return [...own, [31_000, 32_000]];
}

/** A task's host ports, slot by slot. */
export function hostPortsOf(task: TaskInfo | undefined): readonly (number | undefined)[] {
  return task?.userPortMappings.map(({ hostPort }) => hostPort) ?? [];
}

/** What was refused; undefined if nothing was. */
export function refusalOf(run: () => unknown): MarathonRefusal | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof MarathonRefusal) return error;
    throw error;
  }
}

/** `scalar 7`, `range [6-7]`, `set {0,1}` without the word before the value. */
export function attributeValue(text: unknown): string {
  return String(text).replace(/^(?:scalar|range|ranges|set|text) /, '');
}

/** A count out of a number or a list. */
export function sizeOf(value: unknown): number {
  return Array.isArray(value) ? value.length : numberOr(value, 0);
}
