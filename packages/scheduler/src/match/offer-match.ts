/**
 * Whether an offer, or what is left of it, can take one more instance of an app, and with which host ports.
 * Follows mesosphere/marathon v1.8 mesos/ResourceMatcher.scala: ports are looked at last, and only if all else fits.
 * No fault domains, maintenance windows, scheduler plugins or GPUs on agents.
 */
import { memo } from '@portolan/core';
import type { App } from '../app/app.ts';
import { portRequest } from '../launch/port-slots.ts';
import type { OfferRemainder } from '../mesos/offer.ts';
import { type Scalars, thousandths } from '../mesos/resources.ts';
import type { ConstraintIndex } from './constraints.ts';
import { type DrawPorts, type HostPorts, matchPorts } from './ports.ts';
import type { NoMatchReason } from './reasons.ts';

/** The result: host ports by slot, or every reason against. */
export type OfferMatch = { readonly hostPorts: HostPorts } | { readonly reasons: readonly NoMatchReason[] };

const UNRESERVED: readonly string[] = ['*'];
const INSUFFICIENT_PORTS: OfferMatch = { reasons: ['InsufficientPorts'] };

/** What an instance of the app takes, in thousandths. */
const needs: (app: App) => Scalars = memo((app: App) => thousandths(app));

/** Tries to place one instance; only `draw` uses chance. */
export function matchOffer(app: App, remainder: OfferRemainder, constraints: ConstraintIndex, draw: DrawPorts): OfferMatch {
  const { offer, scalars, ports } = remainder;
  const need = needs(app);
  const accepted = (app.acceptedResourceRoles ?? UNRESERVED).includes(offer.role);
  const fits = accepted && need.cpus <= scalars.cpus && need.mem <= scalars.mem && need.disk <= scalars.disk && app.gpus === 0;
  const obeys = constraints.admits(offer);
  if (!fits || !obeys) return { reasons: reasonsAgainst(app, remainder, accepted, obeys) };
  const hostPorts = matchPorts(portRequest(app), ports, draw);
  return hostPorts === undefined ? INSUFFICIENT_PORTS : { hostPorts };
}

function reasonsAgainst(app: App, remainder: OfferRemainder, accepted: boolean, obeys: boolean): readonly NoMatchReason[] {
  const need = needs(app);
  const { scalars } = remainder;
  const lacks = (wanted: number, has: number): boolean => wanted > 0 && (!accepted || wanted > has);
  const reasons: NoMatchReason[] = [];
  if (lacks(need.cpus, scalars.cpus)) reasons.push('InsufficientCpus');
  if (lacks(need.mem, scalars.mem)) reasons.push('InsufficientMemory');
  if (app.gpus > 0) reasons.push('InsufficientGpus');
  if (lacks(need.disk, scalars.disk)) reasons.push('InsufficientDisk');
  if (!accepted) reasons.push('UnfulfilledRole');
  if (!obeys) reasons.push('UnfulfilledConstraint');
  return reasons;
}
