/**
 * Whether an offer, or what is left of it, can take one more instance of an app, and with which host ports.
 * Follows mesosphere/marathon v1.8 mesos/ResourceMatcher.scala: every check is made, ports are looked at last and only if all else
 * fits; an agent in another region is passed over without a reason. No scheduler plugins.
 */
import { memo, type PortRange } from '@portolan/core';
import type { App } from '../app/app.ts';
import { portRequest } from '../launch/port-slots.ts';
import type { OfferRemainder } from '../mesos/offer.ts';
import { rangesOf, scalarsOf } from '../mesos/pools.ts';
import { type Scalars, thousandths } from '../mesos/resources.ts';
import { isAvailable } from './availability.ts';
import type { ConstraintIndex } from './constraints.ts';
import { type DrawPorts, type HostPorts, matchPorts } from './ports.ts';
import type { NoMatchReason } from './reasons.ts';

/** The result: host ports by slot, or every reason against. */
export type OfferMatch = { readonly hostPorts: HostPorts } | { readonly reasons: readonly NoMatchReason[] };

/** What of Marathon's own situation counts. */
export interface MatchSite {
  /** Virtual milliseconds. */
  readonly now: number;
  /** The leading master's region; without one, agents that have a region are remote. */
  readonly region?: string;
  /** `--draining_seconds`. */
  readonly drainingSeconds?: number;
  /** `--gpu_scheduling_behavior`; `restricted` keeps apps that want no GPU away from agents that have some. */
  readonly gpuScheduling?: 'restricted' | 'unrestricted';
}

/** Roles an app that names none accepts, as DC/OS configures Marathon. */
export const UNRESERVED: readonly string[] = ['*'];
const INSUFFICIENT_PORTS: OfferMatch = { reasons: ['InsufficientPorts'] };
const ANYWHERE: MatchSite = { now: 0 };

/** What an instance of the app takes, in thousandths; persistent volumes count as disk. */
export const needs: (app: App) => Scalars = memo((app: App) => thousandths({ ...app, disk: app.disk + app.persistentDisk }));

/** Whether any constraint is on a fault domain: then other regions are no matter of course out of reach. */
const knowsFaultDomains = memo((app: App) => app.constraints.some(({ field }) => field === '@region' || field === '@zone'));

/** Tries to place one instance; only `draw` uses chance. */
export function matchOffer(
  app: App,
  remainder: OfferRemainder,
  constraints: ConstraintIndex,
  draw: (ranges: readonly PortRange[]) => DrawPorts,
  site: MatchSite = ANYWHERE,
): OfferMatch {
  const { offer, pools } = remainder;
  const need = needs(app);
  const accepted = pools.accepted(app.acceptedResourceRoles ?? UNRESERVED);
  const has = scalarsOf(accepted);
  const fits = need.cpus <= has.cpus && need.mem <= has.mem && need.disk <= has.disk && need.gpus <= has.gpus;
  const near = offer.region === undefined || offer.region === site.region || knowsFaultDomains(app);
  const obeys = constraints.admits(offer, app.instances);
  const available = isAvailable(offer.unavailability, site.now, (site.drainingSeconds ?? 0) * 1000);
  const scarce = (offer.gpus ?? 0) > 0 && app.gpus === 0 && gpuScheduling(app, site) === 'restricted';
  if (accepted.length === 0 || !fits || !near || !obeys || !available || scarce) {
    const reasons = lacks(need, has);
    if (accepted.length === 0) reasons.push('UnfulfilledRole');
    if (!obeys || !available) reasons.push('UnfulfilledConstraint');
    if (!available) reasons.push('AgentMaintenance');
    if (scarce) reasons.push('DeclinedScarceResources');
    if (!fits || !near || !obeys || !available || scarce) return { reasons };
  }
  const ranges = rangesOf(accepted);
  const hostPorts = matchPorts(portRequest(app), ranges, draw(ranges));
  return hostPorts === undefined ? INSUFFICIENT_PORTS : { hostPorts };
}

function lacks(need: Scalars, has: Scalars): NoMatchReason[] {
  const reasons: NoMatchReason[] = [];
  if (need.cpus > has.cpus) reasons.push('InsufficientCpus');
  if (need.mem > has.mem) reasons.push('InsufficientMemory');
  if (need.gpus > has.gpus) reasons.push('InsufficientGpus');
  if (need.disk > has.disk) reasons.push('InsufficientDisk');
  return reasons;
}

function gpuScheduling(app: App, site: MatchSite): string {
  const label = app.labels.find(([key]) => key === 'GPU_SCHEDULING_BEHAVIOR')?.[1];
  return label === 'restricted' || label === 'unrestricted' ? label : (site.gpuScheduling ?? 'restricted');
}
