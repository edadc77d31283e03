/**
 * Offers on their way through Marathon: a few are matched at a time, the others wait on a stack, and none for longer than a timeout.
 * Follows mesosphere/marathon v1.8 core/matcher/manager/impl/OfferMatcherManagerActor.scala. Matching takes no virtual time here, so
 * that in a cluster an offer is done with before the next one comes.
 */

/** What becomes of an offer as it comes in. */
export type OfferFate =
  | { readonly state: 'matching' | 'queued' }
  /** `resend`: the master shall offer it again soon. */
  | { readonly state: 'declined'; readonly resend: boolean };

/** The settings. */
export interface OfferQueueOptions {
  /** `--max_parallel_offers`. */
  readonly parallel: number;
  /** `--max_queued_offers`. */
  readonly queued: number;
  /** `--offer_matching_timeout`, in milliseconds. */
  readonly timeout: number;
}

/** On a machine of eight processors or more. */
export const OFFER_QUEUE_DEFAULTS: OfferQueueOptions = { parallel: 8, queued: 1024, timeout: 3000 };

/** The offers in work and those that wait. Times in virtual milliseconds. */
export class OfferQueue<O> {
  private readonly working = new Set<O>();
  private waiting: { readonly offer: O; readonly deadline: number }[] = [];

  constructor(private readonly options: OfferQueueOptions = OFFER_QUEUE_DEFAULTS) {}

  /** Whether offers are of any use, while so many apps want to launch and so many launch tokens are left. */
  wants(matchers: number, tokens: number): boolean {
    return matchers > 0 && tokens > 0;
  }

  /** An offer comes in. */
  offer(offer: O, now: number, matchers: number, tokens = Number.POSITIVE_INFINITY): OfferFate {
    if (!this.wants(matchers, tokens)) return { state: 'declined', resend: matchers > 0 };
    if (this.working.size < this.options.parallel) {
      this.working.add(offer);
      return { state: 'matching' };
    }
    if (this.waiting.length >= this.options.queued) return { state: 'declined', resend: true };
    this.waiting.push({ offer, deadline: now + this.options.timeout });
    return { state: 'queued' };
  }

  /** An offer is done with: the one that came last of those that wait is taken up. */
  done(offer: O): O | undefined {
    this.working.delete(offer);
    const next = this.working.size < this.options.parallel ? this.waiting.pop() : undefined;
    if (next === undefined) return undefined;
    this.working.add(next.offer);
    return next.offer;
  }

  /** The waiting offers whose time is over, given back unused. */
  expire(now: number): readonly O[] {
    const over = this.waiting.filter(({ deadline }) => deadline <= now);
    this.waiting = this.waiting.filter(({ deadline }) => deadline > now);
    return over.map(({ offer }) => offer);
  }

  /** The offers in work. */
  get matching(): readonly O[] {
    return [...this.working];
  }
}
