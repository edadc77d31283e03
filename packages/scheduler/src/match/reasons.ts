/**
 * Why offers were not used: per offer the first reason of a fixed funnel, counted.
 * Follows mesosphere/marathon v1.8 mesos/NoOfferMatchReason.scala and raml/QueueInfoConversion.scala.
 */

/** The reasons in the order of the funnel. */
export const NO_MATCH_REASONS = [
  'UnfulfilledRole',
  'UnfulfilledConstraint',
  'NoCorrespondingReservationFound',
  'AgentMaintenance',
  'InsufficientCpus',
  'InsufficientMemory',
  'InsufficientDisk',
  'InsufficientGpus',
  'InsufficientPorts',
  'DeclinedScarceResources',
] as const;

/** Why an offer does not fit. */
export type NoMatchReason = (typeof NO_MATCH_REASONS)[number];

/** One row of a summary: of `processed` offers that came so far down the funnel, `declined` stopped here. */
export interface RejectSummaryRow {
  readonly reason: NoMatchReason;
  readonly declined: number;
  readonly processed: number;
}

/** The reason that is counted when several apply. */
export function firstReason(reasons: readonly NoMatchReason[]): NoMatchReason | undefined {
  return NO_MATCH_REASONS.find((reason) => reasons.includes(reason));
}

/** All ten rows, in funnel order. */
export function rejectSummary(processed: number, declined: ReadonlyMap<NoMatchReason, number>): readonly RejectSummaryRow[] {
  let left = processed;
  return NO_MATCH_REASONS.map((reason) => {
    const row = { reason, declined: declined.get(reason) ?? 0, processed: left };
    left -= row.declined;
    return row;
  });
}
