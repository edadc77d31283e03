/**
 * Offers that frameworks hold: each keeps its resources from everybody else until it is accepted, declined or rescinded.
 * Follows apache/mesos 1.8 src/master/master.cpp (accept, decline, offerTimeout) and validation.cpp; DC/OS takes an offer back after
 * two minutes.
 */
import { type Clock, Refusal, type Timer } from '@portolan/core';
import type { TaskInfo } from '../launch/task-info.ts';
import type { OfferFilters, TaskRequest } from './driver.ts';
import type { FrameworkRecord } from './framework.ts';
import type { Grant } from './hierarchical.ts';
import type { Offer } from './offer.ts';
import { allocate, type Part, resourcesText } from './pools.ts';
import { subtractRanges } from './resource-set.ts';
import { minus, portResources, thousandths } from './resources.ts';

/** An offer as a framework gets it. */
export interface FrameworkOffer extends Offer {
  /** The role for which it is made. */
  readonly allocatedTo: string;
}

/** `refuse_seconds` of a framework that does not say, and the shortest that has an effect: one round. */
const DEFAULT_REFUSAL = 5;
/** Longest refusal, a year, in seconds. */
const LONGEST_REFUSAL = 31_536_000;
/** MESOS_OFFER_TIMEOUT of DC/OS, in milliseconds. */
const OFFER_TIMEOUT = 120_000;

interface Held {
  readonly grant: Grant;
  readonly offer: FrameworkOffer;
  readonly timeout: Timer;
}

/** What the desk needs of the master. */
export interface OfferDeskOptions {
  readonly clock: Clock;
  /** Something of an agent is free again. */
  readonly freed: (grant: Grant) => void;
  /** What was refused may be offered again. */
  readonly reoffer: () => void;
  readonly rescinded: (framework: FrameworkRecord, offerId: string) => void;
  /** Launches tasks that fit; those that do not fit end with the message. */
  readonly launch: (grant: Grant, tasks: readonly TaskInfo[]) => void;
  readonly invalid: (grant: Grant, task: TaskInfo, message: string) => void;
  readonly knows: (taskId: string) => boolean;
}

/** Keeps the offers that are out. */
export class OfferDesk {
  private readonly held = new Map<string, Held>();

  constructor(private readonly options: OfferDeskOptions) {}

  /** Hands an offer out; its resources are taken already. */
  hold(grant: Grant, offer: FrameworkOffer): void {
    const timeout = this.options.clock.after(OFFER_TIMEOUT, () => this.rescind(offer.id), true);
    this.held.set(offer.id, { grant, offer, timeout });
  }

  /** The offers a framework holds, in the order in which they were made. */
  heldBy(framework: FrameworkRecord): readonly FrameworkOffer[] {
    return [...this.held.values()].flatMap(({ grant, offer }) => (grant.framework === framework ? [offer] : []));
  }

  /** All grants that are out. */
  grants(): readonly Grant[] {
    return Array.from(this.held.values(), ({ grant }) => grant);
  }

  /**
   * Takes a framework's answer: tasks to launch, perhaps none.
   * @throws Refusal `offer-missing`, `bad-filters`
   */
  accept(framework: FrameworkRecord, offerId: string, tasks: readonly TaskRequest[], filters: OfferFilters): void {
    const held = this.held.get(offerId);
    if (held?.grant.framework !== framework)
      throw refuse('offer-missing', 'offerId', `Offer ${offerId.slice(0, 80)} is no longer valid`);
    const { refuseSeconds = DEFAULT_REFUSAL } = filters;
    if (!Number.isFinite(refuseSeconds) || refuseSeconds < 0) {
      throw refuse('bad-filters', 'refuseSeconds', `a number of seconds from 0 on, not ${refuseSeconds}`);
    }
    const { grant } = held;
    this.release(held);
    const left = this.launch(grant, held.offer, tasks);
    if (refuseSeconds > 0) {
      const wait = Math.max(1, Math.min(LONGEST_REFUSAL, refuseSeconds)) * 1000;
      framework.refuse(grant.role, grant.agent, left, this.options.clock.now + wait);
      this.options.clock.after(wait, () => this.options.reoffer(), true);
    }
    this.options.freed(grant);
  }

  /** Takes back what is out of an agent, or of a framework. */
  withdraw(concerned: (grant: Grant) => boolean): void {
    for (const [id, { grant }] of [...this.held]) if (concerned(grant)) this.rescind(id);
  }

  private rescind(offerId: string): void {
    const held = this.held.get(offerId);
    if (held === undefined) return;
    this.release(held);
    this.options.rescinded(held.grant.framework, offerId);
    this.options.freed(held.grant);
  }

  private release({ grant, offer, timeout }: Held): void {
    timeout.cancel();
    this.held.delete(offer.id);
    grant.agent.pools.giveParts(grant.parts);
  }

  /** Launches what fits, in order; what is left of the offer. */
  private launch(grant: Grant, offer: FrameworkOffer, requests: readonly TaskRequest[]): readonly Part[] {
    let left = grant.parts;
    const fitting: TaskInfo[] = [];
    const ids = new Set<string>();
    for (const request of requests) {
      const { task, rest } = taskOf(request, offer, left);
      if (ids.has(task.taskId) || this.options.knows(task.taskId)) {
        this.options.invalid(grant, task, `Task has duplicate ID: ${task.taskId}`);
      } else if (rest === undefined) {
        const wanted = resourcesText([{ role: task.role, scalars: thousandths(task), ports: portResources(task.ports) }]);
        const message = `Total resources ${wanted} required by task and its executor is more than available ${resourcesText(left)}`;
        this.options.invalid(grant, task, message);
      } else {
        ids.add(task.taskId);
        fitting.push(task);
        left = rest;
      }
    }
    if (fitting.length > 0) this.options.launch(grant, fitting);
    return left;
  }
}

/** The task a request makes on an offer, and what it leaves; undefined if the offer has not enough. */
function taskOf(
  request: TaskRequest,
  offer: FrameworkOffer,
  left: readonly Part[],
): { readonly task: TaskInfo; readonly rest: readonly Part[] | undefined } {
  const { cpus, mem, disk = 0, gpus, ports = [] } = request;
  const need = thousandths({ cpus, mem, disk, gpus });
  // What is reserved to the role is used before what is anybody's.
  const order = [...left].sort((a, b) => Number(a.role === '*') - Number(b.role === '*'));
  const sound =
    [cpus, mem, disk, gpus ?? 0].every((amount) => Number.isFinite(amount) && amount >= 0) &&
    new Set(ports).size === ports.length;
  const allocations = sound ? allocate(order, need, ports) : [];
  const sums = allocations.map(thousandths).reduce(minus, need);
  const missing =
    sums.cpus + sums.mem + sums.disk + sums.gpus > 0 ||
    allocations.reduce((count, part) => count + part.ports.length, 0) < ports.length;
  const task: TaskInfo = {
    instanceId: request.taskId,
    appId: request.taskId,
    appVersion: '',
    name: request.taskId,
    env: [],
    labels: [],
    discovery: { name: request.name ?? request.taskId, visibility: 'FRAMEWORK', ports: [] },
    args: [],
    healthChecks: [],
    userPortMappings: [],
    slots: request.userPortMappings ?? [],
    ...request,
    containerizer: request.container?.type === 'DOCKER' && request.executor === undefined ? 'docker' : 'mesos',
    disk,
    ports,
    agentId: offer.agentId,
    hostname: offer.hostname,
    role: allocations[0]?.role ?? offer.role,
    allocations: allocations.length > 1 ? allocations : undefined,
  };
  return { task, rest: !sound || missing ? undefined : without(left, allocations) };
}

function without(parts: readonly Part[], allocations: ReturnType<typeof allocate>): readonly Part[] {
  return parts.map((part) => {
    const taken = allocations.find(({ role }) => role === part.role);
    if (taken === undefined) return part;
    const used = taken.ports.map((port) => ({ begin: port, end: port }));
    return { role: part.role, scalars: minus(part.scalars, thousandths(taken)), ports: subtractRanges(part.ports, used) };
  });
}

function refuse(code: string, path: string, message: string): Refusal {
  return new Refusal({ component: 'mesos', code, path, message });
}
