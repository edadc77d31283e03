/**
 * What became of the offers an app saw while it waits: counted since the wait began, and the latest refusal of each agent.
 * Follows mesosphere/marathon v1.8 core/launchqueue/impl/OfferMatchStatistics.scala.
 */
import { firstReason, type NoMatchReason, type RejectSummaryRow, rejectSummary } from '../match/reasons.ts';

/** An offer that was not used. */
export interface UnusedOffer {
  readonly agentId: string;
  /** Virtual milliseconds. */
  readonly timestamp: number;
  /** All that spoke against it. */
  readonly reason: readonly NoMatchReason[];
}

/** The statistics of one launch attempt. */
export class OfferStatistics {
  processed = 0;
  unused = 0;
  /** Virtual milliseconds. */
  lastUsedAt: number | undefined;
  lastUnusedAt: number | undefined;
  private readonly counts = new Map<NoMatchReason, number>();
  private readonly lastByAgent = new Map<string, UnusedOffer>();

  /** An offer was used. */
  used(now: number): void {
    this.processed++;
    this.lastUsedAt = now;
  }

  /** An offer was not used; only the first reason of the funnel counts. */
  refused(agentId: string, reasons: readonly NoMatchReason[], now: number): void {
    this.processed++;
    this.unused++;
    this.lastUnusedAt = now;
    const reason = firstReason(reasons);
    this.lastByAgent.set(agentId, { agentId, timestamp: now, reason: reasons });
    if (reason !== undefined) this.counts.set(reason, (this.counts.get(reason) ?? 0) + 1);
  }

  /** Over the latest refused offer of each agent. */
  lastOffers(): readonly RejectSummaryRow[] {
    const counts = new Map<NoMatchReason, number>();
    for (const { reason: all } of this.lastByAgent.values()) {
      const reason = firstReason(all);
      if (reason !== undefined) counts.set(reason, (counts.get(reason) ?? 0) + 1);
    }
    return rejectSummary(this.lastByAgent.size, counts);
  }

  /** The latest refused offer of each agent. */
  unusedOffers(): readonly UnusedOffer[] {
    return [...this.lastByAgent.values()];
  }

  /** Over all offers of this launch attempt. */
  launchAttempt(): readonly RejectSummaryRow[] {
    return rejectSummary(this.processed, this.counts);
  }
}
