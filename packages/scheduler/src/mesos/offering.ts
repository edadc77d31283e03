/**
 * Rounds of offers, a second apart while somebody wants any. A framework that is alone draws agents in random order, as many as it
 * looks at; with others, or with quotas, the hierarchical allocator shares the agents out before anybody is asked.
 * Follows apache/mesos 1.8 src/master/allocator/mesos/hierarchical.cpp. All agents are candidates of each round.
 */
import { assert, type Clock, type Random, shuffle } from '@portolan/core';
import type { TaskInfo } from '../launch/task-info.ts';
import type { AgentLedger } from './agent.ts';
import { Allocator } from './allocator.ts';
import type { Booking } from './bookings.ts';
import type { Scheduler, SchedulerDriver } from './driver.ts';
import type { FrameworkRecord } from './framework.ts';
import { allocateAgents, type Grant } from './hierarchical.ts';
import type { Offer } from './offer.ts';
import type { FrameworkOffer, OfferDesk } from './offer-desk.ts';
import type { Framework, OfferRound } from './parties.ts';
import { type Part, scalarsOf } from './pools.ts';
import { NO_SCALARS, plus, units } from './resources.ts';
import { RoleRules } from './role-rules.ts';
import type { SorterKind } from './sorter.ts';

/** Milliseconds between rounds of offers (allocation_interval). */
const ALLOCATION_INTERVAL = 1000;

/** What rounds need of the master. */
export interface OfferingOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** The first part of offers' ids. */
  readonly masterId: string;
  readonly sorter: SorterKind;
  readonly placementOrder: ((offers: readonly Offer[]) => readonly Offer[]) | undefined;
  readonly agents: () => Iterable<AgentLedger>;
  readonly agent: (agentId: string) => AgentLedger | undefined;
  readonly desk: () => OfferDesk;
  /** What tasks have of the cluster. */
  readonly allocated: () => readonly Booking[];
  readonly accept: (framework: FrameworkRecord, agentId: string, tasks: readonly TaskInfo[]) => void;
  /** Told of the offers of a round; undefined while nobody listens. */
  readonly listener: () => ((offers: readonly Offer[]) => void) | undefined;
}

/** A framework that is called with offers. */
interface Subscriber {
  readonly record: FrameworkRecord;
  readonly scheduler: Scheduler;
  readonly driver: SchedulerDriver;
}

/** Makes the offers. */
export class Offering {
  readonly rules = new RoleRules();
  private readonly allocator: Allocator;
  private readonly random: Random;
  private readonly subscribers = new Map<FrameworkRecord, Subscriber>();
  private drawer: { readonly record: FrameworkRecord; readonly framework: Framework } | undefined;
  private offerCount = 0;
  /** Whether the framework that draws wants offers, and whether also of agents it has refused. */
  private wanted = false;
  private revived = false;
  /** Whether there may be something for subscribers. */
  private due = false;
  private scheduled = false;

  constructor(private readonly options: OfferingOptions) {
    this.allocator = new Allocator(options.random.fork('allocator'));
    this.random = options.random.fork('sorters');
  }

  /** The framework that draws its offers itself. */
  setDrawer(record: FrameworkRecord, framework: Framework): void {
    assert(this.drawer === undefined, 'a second framework draws offers; others subscribe');
    this.drawer = { record, framework };
  }

  /** A framework that is called with offers. */
  subscribe(subscriber: Subscriber): void {
    this.subscribers.set(subscriber.record, subscriber);
    this.wake();
  }

  /** A framework that is gone. */
  unsubscribe(record: FrameworkRecord): void {
    this.subscribers.delete(record);
  }

  /** The subscriber a record stands for. */
  subscriber(record: FrameworkRecord): Subscriber | undefined {
    return this.subscribers.get(record);
  }

  /** A new agent. */
  add(agent: AgentLedger): void {
    this.allocator.add(agent);
    this.wake();
  }

  /** An agent that is gone. */
  remove(agent: AgentLedger): void {
    this.allocator.remove(agent);
  }

  /** The agent has resources that were not offered yet. */
  refresh(agent: AgentLedger): void {
    this.allocator.refresh(agent);
    this.wake();
  }

  /** Subscribers may find something in the next round. */
  wake(): void {
    this.due = this.subscribers.size > 0;
    this.schedule();
  }

  /** The drawing framework wants to see all agents, starting at the next second. */
  revive(): void {
    this.wanted = true;
    this.revived = true;
    this.schedule();
  }

  /** The drawing framework wants no more offers. */
  suppress(): void {
    this.wanted = false;
  }

  /** What each agent has free, as an offer would tell of it, whoever may have it. */
  peek(): readonly Offer[] {
    const id = `${this.options.masterId}-O${this.offerCount}`;
    return Array.from(this.options.agents(), (agent) => describe(agent, id, agent.pools.all));
  }

  private get drawerDue(): boolean {
    return this.wanted && (this.revived || this.allocator.hasFresh);
  }

  private schedule(): void {
    const { clock } = this.options;
    if (this.scheduled || !(this.drawerDue || this.due)) return;
    this.scheduled = true;
    clock.after(ALLOCATION_INTERVAL - (clock.now % ALLOCATION_INTERVAL), () => {
      this.round();
      this.scheduled = false;
      this.schedule();
    });
  }

  private round(): void {
    const { drawer } = this;
    const active = [...this.subscribers.values()].filter(({ record }) => record.active);
    this.due = false;
    if (active.length > 0 || this.rules.quotas.size > 0) this.sharedRound(active);
    else if (drawer !== undefined && this.wanted) this.drawnRound(drawer);
  }

  /** One framework alone: it draws. */
  private drawnRound({ record, framework }: NonNullable<Offering['drawer']>): void {
    const { placementOrder } = this.options;
    const tell = this.options.listener();
    const made: Offer[] = [];
    this.revived = false;
    this.allocator.startRound();
    const ordered = placementOrder === undefined ? undefined : this.orderedOffers(record, placementOrder);
    framework.resourceOffers({
      next: (freshOnly) => {
        const offer = ordered === undefined ? this.draw(record, freshOnly) : ordered.next().value;
        if (tell !== undefined && offer !== undefined) made.push(offer);
        return offer;
      },
      ...this.answers(record),
      end: () => this.allocator.endRound(),
    });
    tell?.(made);
  }

  /** Several frameworks, or quotas: what each is offered is settled first. */
  private sharedRound(active: readonly Subscriber[]): void {
    const drawer = this.wanted ? this.drawer : undefined;
    const subscribed = active.map(({ record }) => record);
    const grants = this.allocate(drawer === undefined ? subscribed : [drawer.record, ...subscribed]);
    const made = grants.map((grant) => ({ grant, offer: this.offer(grant.agent, grant.parts) }));
    if (drawer !== undefined) this.handOver(drawer, made);
    for (const { record, scheduler, driver } of active) {
      const offers: FrameworkOffer[] = [];
      for (const { grant, offer } of made) {
        if (grant.framework !== record) continue;
        const own = { ...offer, allocatedTo: grant.role };
        this.options.desk().hold(grant, own);
        offers.push(own);
      }
      if (offers.length > 0) scheduler.resourceOffers(offers, driver);
    }
    this.options.listener()?.(made.map(({ offer }) => offer));
  }

  private allocate(frameworks: readonly FrameworkRecord[]): readonly Grant[] {
    const { clock, sorter, allocated, agents } = this.options;
    const all = [...agents()];
    const bookish = sorter === 'drf' || this.rules.quotas.size > 0;
    return allocateAgents({
      agents: this.candidates(all),
      frameworks,
      sorter,
      rules: this.rules,
      accepts: (framework, role, agent, parts) =>
        framework === this.drawer?.record
          ? this.revived || this.rules.quotas.size > 0 || agent.freshIndex >= 0
          : !framework.refuses(role, agent, parts, clock.now),
      allocated: bookish ? allocated() : [],
      total: all.reduce((sum, { total }) => plus(sum, total), NO_SCALARS),
      free: all.reduce((sum, { pools }) => plus(sum, scalarsOf(pools.accepted(['*']))), NO_SCALARS),
      reserved: (role) => all.reduce((sum, agent) => plus(sum, agent.reservedTo(role)), NO_SCALARS),
      random: this.random,
    });
  }

  private candidates(all: readonly AgentLedger[]): readonly AgentLedger[] {
    const { placementOrder } = this.options;
    const offerable = all.filter((agent) => !agent.deactivated);
    if (placementOrder === undefined) return shuffle(offerable, this.random);
    const offers = new Map(offerable.map((agent) => [describe(agent, '', agent.pools.all), agent]));
    return placementOrder([...offers.keys()]).flatMap((offer) => offers.get(offer) ?? []);
  }

  /** Gives the framework that draws what it was granted: it answers before anybody else is asked. */
  private handOver(
    { record, framework }: NonNullable<Offering['drawer']>,
    made: readonly { readonly grant: Grant; readonly offer: Offer }[],
  ): void {
    const own = made.filter(({ grant }) => grant.framework === record);
    for (const { grant } of own) grant.agent.pools.giveParts(grant.parts);
    this.revived = false;
    this.allocator.startRound();
    const offers = own.map(({ offer }) => offer)[Symbol.iterator]();
    framework.resourceOffers({
      next: () => offers.next().value,
      ...this.answers(record),
      end: () => this.allocator.endRound(),
    });
  }

  private answers(record: FrameworkRecord): Pick<OfferRound, 'accept' | 'decline'> {
    const { accept, agent } = this.options;
    return {
      accept: (offer, tasks) => accept(record, offer.agentId, tasks),
      decline: (offer) => {
        const declined = agent(offer.agentId);
        if (declined !== undefined) this.allocator.decline(declined);
      },
    };
  }

  private draw(record: FrameworkRecord, freshOnly: boolean): Offer | undefined {
    for (;;) {
      const agent = this.allocator.draw(freshOnly);
      if (agent === undefined) return undefined;
      const parts = agent.pools.accepted(record.usable);
      if (parts.length > 0) return this.offer(agent, parts);
      this.allocator.decline(agent);
    }
  }

  private *orderedOffers(
    record: FrameworkRecord,
    order: (offers: readonly Offer[]) => readonly Offer[],
  ): Generator<Offer, undefined> {
    const all: Offer[] = [];
    for (let offer = this.draw(record, false); offer !== undefined; offer = this.draw(record, false)) all.push(offer);
    const offered = new Set(all.map((offer) => offer.agentId));
    for (const offer of order(all)) if (offered.delete(offer.agentId)) yield offer;
    for (const agentId of offered) {
      const agent = this.options.agent(agentId);
      if (agent !== undefined) this.allocator.decline(agent);
    }
    return undefined;
  }

  private offer(agent: AgentLedger, parts: readonly Part[]): Offer {
    return describe(agent, `${this.options.masterId}-O${this.offerCount++}`, parts);
  }
}

function describe({ info, unavailability, freshIndex }: AgentLedger, id: string, parts: readonly Part[]): Offer {
  const [first, ...others] = parts.map(({ role, scalars, ports }) => ({ role, ...units(scalars), ports }));
  assert(first !== undefined, 'an agent without resources');
  const { region, zone } = info;
  return {
    id,
    agentId: info.id,
    hostname: info.hostname,
    ...first,
    ...(others.length === 0 ? {} : { reserved: others }),
    attributes: info.attributes,
    ...(region === undefined ? {} : { region }),
    ...(zone === undefined ? {} : { zone }),
    ...(unavailability === undefined ? {} : { unavailability }),
    fresh: freshIndex >= 0,
  };
}
