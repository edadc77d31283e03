/**
 * Why each instance of an app is where it is, or nowhere. Marathon tells as much in /v2/queue as reasons and counts; here every agent's
 * first reason stands with its numbers.
 */
import { formatRanges, Random } from '@portolan/core';
import type { App } from '../app/app.ts';
import { portRequest } from '../launch/port-slots.ts';
import { type MatchSite, matchOffer, needs, UNRESERVED } from '../match/offer-match.ts';
import { dynamicCount, randomDraw } from '../match/ports.ts';
import { firstReason, type NoMatchReason } from '../match/reasons.ts';
import type { MesosMaster } from '../mesos/master.ts';
import { type Offer, OfferRemainder } from '../mesos/offer.ts';
import { rangesOf, scalarsOf } from '../mesos/pools.ts';
import type { Condition } from '../task/state.ts';
import { AppRecord } from './app-record.ts';
import { foresee } from './foresee.ts';
import type { Instance } from './instance.ts';

/** One instance and why it is where it is. */
export interface InstanceExplanation {
  readonly instanceId: string;
  readonly condition: Condition;
  readonly agentId?: string;
  readonly why: string;
}

/** What an agent is to an app. */
export interface AgentExplanation {
  readonly agentId: string;
  readonly hostname: string;
  readonly fits: boolean;
  readonly reason?: NoMatchReason;
  /** In words, with numbers. */
  readonly why: string;
}

/** All about one app. */
export interface Explanation {
  readonly appId: string;
  readonly instances: readonly InstanceExplanation[];
  /** What every agent would say to one instance more. */
  readonly agents: readonly AgentExplanation[];
  /** What hangs, or will hang at the next change. */
  readonly problems: readonly string[];
  /** All of it, a line each. */
  readonly text: string;
}

/** What an explanation is made from. */
export interface Circumstances {
  readonly master: Pick<MesosMaster, 'peekOffers' | 'agents' | 'tasksOn'>;
  readonly site: MatchSite;
  /** Whether the app waits for others it depends on. */
  readonly held: boolean;
}

/** Explains an app. */
export function explain(record: AppRecord, circumstances: Circumstances): Explanation {
  const { app } = record;
  const { master, held } = circumstances;
  const offers = master.peekOffers();
  const agents = offers.map((offer) => explainOffer(record, offer, circumstances));
  const fitting = agents.filter(({ fits }) => fits).length;
  const instances = [...record.instances.values()].map((instance) => explainInstance(instance, record, circumstances, fitting));
  // After a change of configuration constraints begin to count anew.
  const changed = new AppRecord(app, record.version);
  const anew = offers.filter((offer) => explainOffer(changed, offer, circumstances).fits).length;
  const problems = foresee(record, master.agents(), { now: fitting, anew });
  const lines = [
    ...(held ? [waitWords(app)] : []),
    ...instances.map(({ instanceId, condition, why }) => `${instanceId} (${condition}): ${why}`),
    ...(record.scheduled > 0 ? agents.map(({ agentId, why }) => `  ${shortId(agentId)}: ${why}`) : []),
    ...problems.map((problem) => `! ${problem}`),
  ];
  return { appId: app.id, instances, agents, problems, text: lines.join('\n') };
}

function waitWords({ dependencies }: App): string {
  return `waits for ${dependencies.length === 0 ? 'the steps before it in its deployment' : dependencies.join(', ')}`;
}

/** Which app has a port of an agent. */
type Holder = (port: number) => string | undefined;

/** What one agent says to an instance more. */
function explainOffer(record: AppRecord, offer: Offer, { master, site }: Circumstances): AgentExplanation {
  const { app, constraints } = record;
  const remainder = new OfferRemainder(offer);
  const random = new Random(0);
  const match = matchOffer(app, remainder, constraints, (ranges) => randomDraw(ranges, random), site);
  const about = { agentId: offer.agentId, hostname: offer.hostname };
  const name = `agent ${shortId(offer.agentId)}`;
  if (record.scheduled > 0 && record.nextFor(offer.agentId) === undefined) {
    const why = `a reservation with the persistent volumes wanted; ${name} has none`;
    return { ...about, fits: false, reason: 'NoCorrespondingReservationFound', why };
  }
  if ('hostPorts' in match) return { ...about, fits: true, why: `${name} has room` };
  const reason = firstReason(match.reasons);
  const holder: Holder = (port) => master.tasksOn(offer.agentId).find(({ info }) => info.ports.includes(port))?.info.appId;
  const why = reason === undefined ? regionWords(name, offer, site) : reasonWords(reason, name, record, remainder, site, holder);
  return { ...about, fits: false, ...(reason === undefined ? {} : { reason }), why };
}

function explainInstance(
  instance: Instance,
  record: AppRecord,
  { site, held }: Circumstances,
  fitting: number,
): InstanceExplanation {
  const { id: instanceId, condition, task } = instance;
  const common = { instanceId, condition };
  if (task !== undefined) return { ...common, agentId: task.agentId, why: placedWords(instance, record.app) };
  const wait = record.backoff.deadline(site.now) - site.now;
  if (held) return { ...common, why: waitWords(record.app) };
  if (wait > 0) return { ...common, why: `delayed for another ${(wait / 1000).toFixed(1)} s after failed tasks` };
  if (fitting > 0)
    return { ...common, why: `waits for the next offer; ${fitting} ${fitting === 1 ? 'agent has' : 'agents have'} room` };
  return { ...common, why: 'no agent can take it' };
}

function placedWords(instance: Instance, app: App): string {
  const { task } = instance;
  const request = portRequest(app);
  const ports = instance.tasks
    .flatMap(({ userPortMappings }) => userPortMappings)
    .flatMap(({ hostPort, field }, i) => {
      if (hostPort === undefined) return [];
      const fixed = !request.anyPorts && request.slots[i] !== 0;
      return [`${hostPort} (${field}: ${fixed ? 'fixed' : "drawn from the agent's free ports"})`];
    });
  const obeyed = app.constraints.map(({ field, operator, value }) => [field, operator, value ?? ''].join(' ').trim());
  return [
    `on agent ${shortId(task?.agentId ?? '')} (${task?.hostname ?? ''})`,
    ports.length === 0 ? 'without host ports' : `ports ${ports.join(', ')}`,
    ...(obeyed.length === 0 ? [] : [`obeys ${obeyed.join('; ')}`]),
    ...(instance.healthy === undefined ? [] : [instance.healthy ? 'healthy' : 'unhealthy']),
  ].join('; ');
}

function reasonWords(
  reason: NoMatchReason,
  name: string,
  { app, constraints }: AppRecord,
  { offer, pools }: OfferRemainder,
  site: MatchSite,
  holder: Holder,
): string {
  const roles = app.acceptedResourceRoles ?? UNRESERVED;
  const accepted = pools.accepted(roles);
  const need = needs(app);
  const has = scalarsOf(accepted);
  switch (reason) {
    case 'UnfulfilledRole':
      return `resources of role ${roles.join(' or ')} wanted; ${name} offers those of ${pools.all.map(({ role }) => role).join(', ')}`;
    case 'UnfulfilledConstraint': {
      const broken = constraints.firstBroken(offer, app.instances);
      if (broken === undefined) return maintenanceWords(name, offer, site);
      const words = [broken.field, broken.operator, broken.value ?? ''].join(' ').trim();
      const there = COUNTING.has(broken.operator) ? constraints.countAt(broken, offer) : 0;
      const instances = there === 0 ? '' : `, where ${there} ${there === 1 ? 'instance runs' : 'instances run'}`;
      return `${words} wanted; ${name} has ${fieldWords(broken.field, offer)}${instances}`;
    }
    case 'AgentMaintenance':
      return maintenanceWords(name, offer, site);
    case 'InsufficientCpus':
      return `${need.cpus / 1000} cpus wanted; ${name} offers ${has.cpus / 1000}`;
    case 'InsufficientMemory':
      return `${need.mem / 1000} MiB of memory wanted; ${name} offers ${has.mem / 1000}`;
    case 'InsufficientDisk':
      return `${need.disk / 1000} MiB of disk wanted; ${name} offers ${has.disk / 1000}`;
    case 'InsufficientGpus':
      return `${need.gpus / 1000} gpus wanted; ${name} offers ${has.gpus / 1000}`;
    case 'InsufficientPorts':
      return portWords(app, name, rangesOf(accepted), holder);
    case 'DeclinedScarceResources':
      return `no gpus wanted; ${name} has ${offer.gpus ?? 0} and is kept for apps that want some`;
    case 'NoCorrespondingReservationFound':
      return `a reservation wanted; ${name} has none`;
  }
}

/** Operators that count the instances there are. */
const COUNTING: ReadonlySet<string> = new Set(['UNIQUE', 'MAX_PER', 'GROUP_BY']);

function portWords(app: App, name: string, ranges: Offer['ports'], holder: Holder): string {
  const request = portRequest(app);
  const offers = ranges.length === 0 ? 'none' : formatRanges(ranges).slice(1, -1);
  const fixed = request.anyPorts ? [] : request.slots.filter((port) => port !== undefined && (request.exactPorts || port !== 0));
  const missing = fixed.find((port) => !ranges.some(({ begin, end }) => begin <= (port ?? 0) && (port ?? 0) <= end));
  if (missing !== undefined) {
    const taken = holder(missing);
    return `port ${missing} wanted; ${name} offers ${offers}${taken === undefined ? '' : `, and ${taken} has ${missing}`}`;
  }
  const free = ranges.reduce((sum, { begin, end }) => sum + end - begin + 1, 0);
  return `${dynamicCount(request)} ports wanted${fixed.length > 0 ? ` besides ${fixed.join(', ')}` : ''}; ${name} has ${free} left`;
}

function maintenanceWords(name: string, { unavailability }: Offer, site: MatchSite): string {
  const start = ((unavailability?.start ?? site.now) - site.now) / 1000;
  return start > 0 ? `${name} is drained: its maintenance begins in ${start} s` : `${name} is down for maintenance`;
}

function regionWords(name: string, offer: Offer, site: MatchSite): string {
  return `${name} is in the region ${offer.region ?? 'unknown'}, Marathon in ${site.region ?? 'none'}, and no constraint is on @region or @zone`;
}

function fieldWords(field: string, offer: Offer): string {
  if (field === 'hostname' || field === '@hostname') return `hostname ${offer.hostname}`;
  const value =
    field === '@region' ? offer.region : field === '@zone' ? offer.zone : offer.attributes.find(([name]) => name === field)?.[1];
  return value === undefined ? `no ${field}` : `${field} ${value}`;
}

/** `S3` of an agent id. */
function shortId(agentId: string): string {
  return agentId.slice(agentId.lastIndexOf('-') + 1);
}
