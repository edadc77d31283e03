/**
 * An offer: what the master lets a framework use of one agent.
 * Follows apache/mesos 1.8 include/mesos/mesos.proto (Offer); an agent's resources are all in one role here, so that one offer holds them.
 */
import type { PortRanges } from '@portolan/core';
import { assert } from '@portolan/core';
import type { TaskInfo } from '../launch/task-info.ts';
import { minus, type Scalars, takePort, thousandths } from './resources.ts';

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
  readonly ports: PortRanges;
  readonly attributes: readonly (readonly [string, string])[];
  /** Whether the agent has something it had not when it was offered last. */
  readonly fresh: boolean;
}

/** What is left of an offer while instances are placed on it. */
export class OfferRemainder {
  scalars: Scalars;
  ports: PortRanges;

  constructor(readonly offer: Offer) {
    this.scalars = thousandths(offer);
    this.ports = offer.ports;
  }

  /** Takes a task's resources off. A port listed twice is taken once: the master will refuse that task. */
  consume(task: TaskInfo): void {
    this.scalars = minus(this.scalars, thousandths(task));
    for (const port of new Set(task.ports)) {
      const rest = takePort(this.ports, port);
      assert(rest !== undefined, `port ${port} of ${task.taskId} is not in offer ${this.offer.id}`);
      this.ports = rest;
    }
  }
}
