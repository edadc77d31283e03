/**
 * An offer: what the master lets a framework use of one agent.
 * Follows apache/mesos 1.8 include/mesos/mesos.proto (Offer). The first role's resources stand in the offer itself, those of
 * further roles in `reserved`.
 */
import type { PortRanges } from '@portolan/core';
import { Pools, type RoleResources, type Taken } from './pools.ts';

/** When an agent is, or will be, down for maintenance. */
export interface Unavailability {
  /** Virtual milliseconds. */
  readonly start: number;
  /** Absent: for ever. */
  readonly duration?: number;
}

/** The free resources of an agent. */
export interface Offer {
  /** `<master id>-O<n>`. */
  readonly id: string;
  readonly agentId: string;
  readonly hostname: string;
  readonly role: string;
  readonly cpus: number;
  /** MiB. */
  readonly mem: number;
  /** MiB. */
  readonly disk: number;
  readonly gpus?: number | undefined;
  readonly ports: PortRanges;
  /** Resources of other roles. */
  readonly reserved?: readonly RoleResources[];
  readonly attributes: readonly (readonly [string, string])[];
  readonly region?: string;
  readonly zone?: string;
  readonly unavailability?: Unavailability;
  /** Whether the agent has something it had not when it was offered last. */
  readonly fresh: boolean;
}

/** What is left of an offer while instances are placed on it. */
export class OfferRemainder {
  readonly pools: Pools;

  constructor(readonly offer: Offer) {
    this.pools = new Pools(offer.reserved === undefined ? [offer] : [offer, ...offer.reserved]);
  }

  /** Takes a task's resources off. A port listed twice is taken once: the master will refuse that task. */
  consume(task: Taken): void {
    this.pools.take(task);
  }
}
