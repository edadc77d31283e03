/**
 * The launch queue: which apps wait, for how many instances, and why. Follows mesosphere/marathon v1.8 raml/QueueInfoConversion.scala.
 */
import { formatRanges } from '@portolan/core';
import type { App } from '../app/app.ts';
import { portRequest } from '../launch/port-slots.ts';
import { dynamicCount } from '../match/ports.ts';
import type { NoMatchReason, RejectSummaryRow } from '../match/reasons.ts';
import type { AppRecord } from './app-record.ts';
import type { UnusedOffer } from './offer-statistics.ts';

/** An app that waits. */
export interface QueueItem {
  readonly app: App;
  /** Instances left to launch. */
  readonly count: number;
  readonly delay: { readonly timeLeftSeconds: number; readonly overdue: boolean };
  /** Virtual milliseconds. */
  readonly since: number;
  readonly processedOffersSummary: ProcessedOffersSummary;
  /** The latest refused offer of each agent, with the reason that counts. */
  readonly lastUnusedOffers: readonly UnusedOffer[];
  /** The reasons in words, with numbers; never empty. */
  readonly reasons: readonly string[];
}

/** What became of offers. */
export interface ProcessedOffersSummary {
  readonly processedOffersCount: number;
  readonly unusedOffersCount: number;
  /** Virtual milliseconds. */
  readonly lastUnusedOfferAt?: number;
  readonly lastUsedOfferAt?: number;
  readonly rejectSummaryLastOffers: readonly RejectSummaryRow[];
  readonly rejectSummaryLaunchAttempt: readonly RejectSummaryRow[];
}

/** The queue's entry of an app, if it waits. */
export function queueItem(record: AppRecord, now: number): QueueItem | undefined {
  if (record.scheduled === 0) return undefined;
  const { statistics } = record;
  const left = (record.backoff.deadline(now) - now) / 1000;
  const rows = statistics.lastOffers();
  return {
    app: record.app,
    count: record.scheduled,
    delay: { timeLeftSeconds: Math.ceil(left), overdue: left <= 0 },
    since: record.waitingSince,
    processedOffersSummary: {
      processedOffersCount: statistics.processed,
      unusedOffersCount: statistics.unused,
      ...(statistics.lastUnusedAt === undefined ? {} : { lastUnusedOfferAt: statistics.lastUnusedAt }),
      ...(statistics.lastUsedAt === undefined ? {} : { lastUsedOfferAt: statistics.lastUsedAt }),
      rejectSummaryLastOffers: rows,
      rejectSummaryLaunchAttempt: statistics.launchAttempt(),
    },
    lastUnusedOffers: statistics.unusedOffers(),
    reasons: words(record.app, rows, left),
  };
}

function words(app: App, rows: readonly RejectSummaryRow[], delaySeconds: number): readonly string[] {
  const declined = rows.filter((row) => row.declined > 0);
  const texts = declined.map(
    ({ reason, declined: count }) =>
      `${reason}: ${count} of ${rows[0]?.processed ?? 0} agents' offers declined (${wants(app, reason)})`,
  );
  if (delaySeconds > 0) texts.push(`delayed for another ${delaySeconds.toFixed(1)} s after failed tasks`);
  return texts.length > 0 ? texts : ['no offer received yet'];
}

function wants(app: App, reason: NoMatchReason): string {
  switch (reason) {
    case 'UnfulfilledRole':
      return `accepts roles ${(app.acceptedResourceRoles ?? ['*']).join(', ')}`;
    case 'UnfulfilledConstraint':
      return `demands ${app.constraints.map(({ field, operator, value }) => [field, operator, value ?? ''].join(' ').trim()).join('; ')}`;
    case 'InsufficientCpus':
      return `wants ${app.cpus} cpus`;
    case 'InsufficientMemory':
      return `wants ${app.mem} MiB of memory`;
    case 'InsufficientDisk':
      return `wants ${app.disk} MiB of disk`;
    case 'InsufficientGpus':
      return `wants ${app.gpus} gpus`;
    case 'InsufficientPorts':
      return wantedPorts(app);
    case 'NoCorrespondingReservationFound':
      return 'wants the agent that has its volumes';
    default:
      return 'unavailable';
  }
}

function wantedPorts(app: App): string {
  const request = portRequest(app);
  const fixed = request.anyPorts ? [] : request.slots.flatMap((port) => (port === undefined || port === 0 ? [] : [port]));
  const dynamic = dynamicCount(request);
  const named = fixed.length === 0 ? '' : `host ports ${formatRanges(fixed.map((port) => ({ begin: port, end: port })))}`;
  const free = dynamic === 0 ? '' : `${dynamic} free host ${dynamic === 1 ? 'port' : 'ports'}`;
  return `wants ${[named, free].filter((part) => part !== '').join(' and ')}`;
}
