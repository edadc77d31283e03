/**
 * The apps that want to launch, and what they make of each offer.
 * Follows mesosphere/marathon v1.8 core/launcher/impl/OfferProcessorImpl.scala and core/flow/impl/ReviveOffersActor.scala. A decline's
 * filter is kept per app: an app is not asked again by an agent it refused until that agent has more to give.
 */
import type { Clock, Random } from '@portolan/core';
import type { TaskInfo } from '../launch/task-info.ts';
import { askAll, MAXIMUM_INSTANCES_PER_OFFER } from '../match/offer-loop.ts';
import type { MatchSite } from '../match/offer-match.ts';
import { OfferQueue } from '../match/offer-queue.ts';
import type { MesosMaster } from '../mesos/master.ts';
import { type Offer, OfferRemainder } from '../mesos/offer.ts';
import type { OfferRound } from '../mesos/parties.ts';
import type { AppRecord } from './app-record.ts';
import type { Instance } from './instance.ts';
import { LaunchTokens } from './launch-tokens.ts';
import { type PortChooser, placeInstance } from './matcher.ts';

/** What a launcher is made of. */
export interface LauncherOptions {
  readonly clock: Clock;
  readonly master: MesosMaster;
  readonly portChooser: PortChooser | undefined;
  readonly portRandom: Random;
  readonly matcherRandom: Random;
  /** Marathon's own region and settings. */
  readonly site: Omit<MatchSite, 'now'>;
  /** Told before offers are worked on (true) and after. */
  readonly during: (matching: boolean) => void;
  readonly launched: (instance: Instance) => void;
}

/** While an app's delay is no longer than this, in milliseconds, `Clock.settle` waits for its next launch. */
const SETTLED_DELAY = 10_000;

/** Keeps the list of waiting apps and answers offers. */
export class Launcher {
  private readonly waiting = new Set<AppRecord>();
  private readonly offers = new OfferQueue<Offer>();
  private readonly tokens: LaunchTokens;

  constructor(private readonly options: LauncherOptions) {
    this.tokens = new LaunchTokens(options.clock, () => {
      if (this.waiting.size > 0) options.master.reviveOffers();
    });
  }

  /** A running instance that is not unhealthy reports: one launch more is allowed. */
  instanceRuns(): void {
    this.tokens.give();
  }

  /** Asks for offers if the app has something to launch and may; or sees to it when it may. */
  want(record: AppRecord): void {
    const { clock, master } = this.options;
    record.delay?.cancel();
    record.delay = undefined;
    if (record.scheduled === 0) return this.stopWaiting(record);
    if (record.statistics.processed === 0 && !this.waiting.has(record)) record.waitingSince = clock.now;
    const wait = record.backoff.deadline(clock.now) - clock.now;
    if (wait > 0) {
      this.waiting.delete(record);
      record.delay = clock.after(wait, () => this.want(record), wait > SETTLED_DELAY);
      return;
    }
    this.waiting.add(record);
    record.scansAll = true;
    master.reviveOffers();
  }

  /** Ends the wait of an app that has nothing more to launch. */
  stopIfDone(record: AppRecord): void {
    if (record.scheduled === 0) this.stopWaiting(record);
  }

  /** An app that is gone. */
  forget(record: AppRecord): void {
    record.delay?.cancel();
    this.stopWaiting(record);
  }

  /** Answers a round of offers: all agents while an app has yet to see them, else only those with something new. */
  resourceOffers(round: OfferRound): void {
    this.options.during(true);
    while (this.offers.wants(this.waiting.size, this.tokens.left)) {
      const scanning = this.isScanning();
      const offer = round.next(!scanning);
      if (offer !== undefined) this.answer(round, offer);
      else if (scanning) for (const record of this.waiting) record.scansAll = false;
      else break;
    }
    if (!round.end()) for (const record of this.waiting) this.want(record);
    this.options.during(false);
    if (this.waiting.size === 0) return this.options.master.suppressOffers();
    if (this.tokens.left > 0) return;
    this.options.master.suppressOffers();
    this.tokens.await();
  }

  /** Whether some app has yet to see agents that have nothing new to offer. */
  private isScanning(): boolean {
    for (const { scansAll } of this.waiting) if (scansAll) return true;
    return false;
  }

  private answer(round: OfferRound, offer: Offer): void {
    this.offers.offer(offer, this.options.clock.now, this.waiting.size, this.tokens.left);
    this.match(round, offer);
    this.offers.done(offer);
  }

  private match(round: OfferRound, offer: Offer): void {
    const { clock, portRandom, matcherRandom, portChooser, launched } = this.options;
    const asked: AppRecord[] = [];
    for (const record of this.waiting) if (record.scansAll || offer.fresh) asked.push(record);
    const remainder = new OfferRemainder(offer);
    const site = { ...this.options.site, now: clock.now };
    const ask = (record: AppRecord) => placeInstance(record, remainder, portRandom, portChooser, site);
    const limit = Math.min(MAXIMUM_INSTANCES_PER_OFFER, this.tokens.left);
    const placed = askAll(asked, ask, matcherRandom, limit);
    this.tokens.take(placed.length);
    for (const record of asked) this.stopIfDone(record);
    if (placed.length === 0) return round.decline(offer);
    for (const { instance } of placed) launched(instance);
    const tasks: TaskInfo[] = [];
    for (let i = placed.length - 1; i >= 0; i--) for (const task of placed[i]?.instance.tasks ?? []) tasks.push(task);
    round.accept(offer, tasks);
  }

  private stopWaiting(record: AppRecord): void {
    this.waiting.delete(record);
    record.scansAll = false;
    record.resetStatistics();
  }
}
