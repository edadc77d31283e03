/**
 * Placing instances of one app on what is left of an offer. Follows mesosphere/marathon v1.8
 * core/launchqueue/impl/TaskLauncherActor.scala and core/launcher/impl/InstanceOpFactoryImpl.scala.
 */
import { countPorts, includesPort, type PortRange, type PortRanges, type Random } from '@portolan/core';
import type { App } from '../app/app.ts';
import { taskIdOf } from '../launch/ids.ts';
import { portRequest } from '../launch/port-slots.ts';
import { type LaunchPlace, type TaskInfo, taskInfo } from '../launch/task-info.ts';
import { type MatchSite, matchOffer, needs, type OfferMatch, UNRESERVED } from '../match/offer-match.ts';
import { type DrawPorts, dynamicCount, type HostPorts, randomDraw } from '../match/ports.ts';
import type { Offer, OfferRemainder } from '../mesos/offer.ts';
import { allocate } from '../mesos/pools.ts';
import type { AppRecord } from './app-record.ts';
import type { Instance } from './instance.ts';

/** What a port chooser is asked. */
export interface PortChoice {
  readonly app: App;
  readonly offer: Offer;
  /** What is left of the offer's ports. */
  readonly ranges: PortRanges;
  /** How many ports are left to choice, perhaps none. */
  readonly count: number;
}

/** Replaces chance: gives so many ports out of the ranges, or undefined if the app shall not run there. */
export type PortChooser = (request: PortChoice) => readonly number[] | undefined;

/** Places one instance, or says nothing of it but in the statistics. */
export function placeInstance(
  record: AppRecord,
  remainder: OfferRemainder,
  random: Random,
  chooser: PortChooser | undefined,
  site: MatchSite,
): { readonly instance: Instance; readonly task: TaskInfo } | undefined {
  const { now } = site;
  const instance = record.nextScheduled();
  if (instance === undefined) return undefined;
  const { offer } = remainder;
  const match = matched(record, remainder, random, chooser, site);
  if ('reasons' in match) {
    record.statistics.refused(offer.agentId, match.reasons, now);
    return undefined;
  }
  record.statistics.used(now);
  const ids = { instanceId: instance.id, taskId: taskIdOf(instance.id, instance.launches + 1) };
  const task = taskInfo(record.app, ids, launchPlace(record.app, remainder, match.hostPorts), match.hostPorts, random);
  remainder.consume(task);
  record.change(instance, (changed) => {
    changed.condition = 'Provisioned';
    changed.launches++;
    changed.task = task;
    changed.place = offer;
    changed.stagedAt = now;
    changed.since = now;
  });
  return { instance, task };
}

/** The offer's agent, and of which role's resources the task takes what. */
function launchPlace(app: App, { offer, pools }: OfferRemainder, hostPorts: HostPorts): LaunchPlace {
  if (pools.all.length === 1) return offer;
  const ports = hostPorts.filter((port) => port !== undefined);
  const allocations = allocate(pools.accepted(app.acceptedResourceRoles ?? UNRESERVED), needs(app), ports);
  const role = allocations[0]?.role ?? offer.role;
  return { agentId: offer.agentId, hostname: offer.hostname, role, ...(allocations.length === 1 ? {} : { allocations }) };
}

function matched(
  record: AppRecord,
  remainder: OfferRemainder,
  random: Random,
  chooser: PortChooser | undefined,
  site: MatchSite,
): OfferMatch {
  const { app, constraints } = record;
  const { offer } = remainder;
  if (chooser === undefined) return matchOffer(app, remainder, constraints, (ranges) => randomDraw(ranges, random), site);
  const count = dynamicCount(portRequest(app));
  let vetoed = false;
  const draw = (ranges: readonly PortRange[]): DrawPorts => {
    return (_count, excluded) => {
      const chosen = count <= countPorts(ranges) ? chooser({ app, offer, ranges, count }) : undefined;
      const fine =
        chosen?.length === count &&
        new Set([...chosen, ...excluded]).size >= count + new Set(excluded).size &&
        chosen.every((port) => includesPort(ranges, port));
      vetoed = !fine;
      return fine ? chosen : undefined;
    };
  };
  const match = matchOffer(app, remainder, constraints, draw, site);
  if (count > 0 || vetoed || 'reasons' in match || portRequest(app).slots.length > 0) return match;
  return chooser({ app, offer, ranges: offer.ports, count }) === undefined ? { reasons: ['InsufficientPorts'] } : match;
}
