/**
 * Placing instances of one app on what is left of an offer. Follows mesosphere/marathon v1.8
 * core/launchqueue/impl/TaskLauncherActor.scala and core/launcher/impl/InstanceOpFactoryImpl.scala.
 */
import { countPorts, includesPort, type PortRange, type PortRanges, type Random } from '@portolan/core';
import type { App } from '../app/app.ts';
import { taskIdOf } from '../launch/ids.ts';
import { podTaskInfos } from '../launch/pod-task-info.ts';
import { portRequest } from '../launch/port-slots.ts';
import { type LaunchPlace, type TaskInfo, taskInfo } from '../launch/task-info.ts';
import { type MatchSite, matchOffer, needs, type OfferMatch, UNRESERVED } from '../match/offer-match.ts';
import { type DrawPorts, dynamicCount, type HostPorts, randomDraw } from '../match/ports.ts';
import type { Offer, OfferRemainder } from '../mesos/offer.ts';
import { allocate, type Taken } from '../mesos/pools.ts';
import { type Scalars, type ScalarUnits, thousandths } from '../mesos/resources.ts';
import { isPod, type PodApp } from '../pod/pod.ts';
import type { AppRecord } from './app-record.ts';
import type { Instance } from './instance.ts';
import { PodTasks } from './pod-tasks.ts';

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
  const { offer } = remainder;
  const instance = record.nextFor(offer.agentId);
  if (instance === undefined) {
    if (record.scheduled > 0) record.statistics.refused(offer.agentId, ['NoCorrespondingReservationFound'], now);
    return undefined;
  }
  const match = matched(record, remainder, random, chooser, site);
  if ('reasons' in match) {
    record.statistics.refused(offer.agentId, match.reasons, now);
    return undefined;
  }
  record.statistics.used(now);
  const { app } = record;
  const pod = isPod(app) ? new PodTasks(placePod(app, instance, remainder, match.hostPorts)) : undefined;
  const task = pod?.first ?? placeApp(app, instance, remainder, match.hostPorts, random);
  record.change(instance, (changed) => {
    changed.condition = 'Provisioned';
    changed.launches++;
    changed.task = task;
    changed.pod = pod;
    changed.place = offer;
    if (app.persistentDisk > 0) changed.reservedOn = offer.agentId;
    changed.stagedAt = now;
    changed.since = now;
  });
  return { instance, task };
}

function placeApp(app: App, instance: Instance, remainder: OfferRemainder, hostPorts: HostPorts, random: Random): TaskInfo {
  const ids = { instanceId: instance.id, taskId: taskIdOf(instance.id, instance.launches + 1) };
  const task = taskInfo(app, ids, launchPlace(app, remainder, needs(app), hostPorts), hostPorts, random);
  remainder.consume(task);
  return task;
}

/** The executor and each of its tasks take a part of the offer. */
function placePod(pod: PodApp, instance: Instance, remainder: OfferRemainder, hostPorts: HostPorts): readonly TaskInfo[] {
  const { agentId, hostname } = remainder.offer;
  const take = (taskId: string, { cpus, mem, disk, gpus }: ScalarUnits, ports: readonly number[]): Taken => {
    const { role, allocations } = launchPlace(pod, remainder, thousandths({ cpus, mem, disk, gpus }), ports);
    const taken = { taskId, cpus, mem, disk, gpus, ports, role, allocations };
    remainder.consume(taken);
    return taken;
  };
  const launch = instance.launches + 1;
  return podTaskInfos(pod, { instanceId: instance.id, launch, agentId, hostname, hostPorts, take });
}

/** The offer's agent, and of which role's resources it takes what. */
function launchPlace(app: App, { offer, pools }: OfferRemainder, need: Scalars, hostPorts: HostPorts): LaunchPlace {
  if (pools.all.length === 1) return offer;
  const ports = hostPorts.filter((port) => port !== undefined);
  const allocations = allocate(pools.accepted(app.acceptedResourceRoles ?? UNRESERVED), need, ports);
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
