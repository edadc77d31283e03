/**
 * How a framework of one's own speaks with the master: it subscribes, is called with offers and statuses, and answers by this driver.
 * Follows apache/mesos 1.8 include/mesos/v1/scheduler/scheduler.proto (calls and events). A call is carried out at once.
 */
import type { TaskInfo } from '../launch/task-info.ts';
import type { TaskStatus } from '../task/state.ts';
import type { FrameworkRecord } from './framework.ts';
import type { FrameworkOffer, OfferDesk } from './offer-desk.ts';
import type { Task } from './task.ts';

/** What a framework is called with. */
export interface Scheduler {
  resourceOffers(offers: readonly FrameworkOffer[], driver: SchedulerDriver): void;
  /** The task is absent where reconciliation tells of one the master does not know. */
  statusUpdate?(status: TaskStatus, task: Task | undefined, driver: SchedulerDriver): void;
  /** An offer it holds is no longer good. */
  offerRescinded?(offerId: string, driver: SchedulerDriver): void;
}

/** A task as a framework asks for it; what it does not say of a TaskInfo is empty. */
export type TaskRequest = Pick<TaskInfo, 'taskId' | 'cpus' | 'mem'> &
  Partial<Omit<TaskInfo, 'agentId' | 'hostname' | 'role' | 'allocations' | 'instanceId' | 'group'>>;

/** For how long the rest of an offer, or all of it, is not offered again; Mesos' default is five seconds. */
export interface OfferFilters {
  readonly refuseSeconds?: number;
}

/** What the driver needs of the master. */
export interface DriverOptions {
  readonly desk: OfferDesk;
  /** Offers are wanted, or may have come free. */
  readonly wake: () => void;
  readonly kill: (taskId: string) => boolean;
  /** A task of this framework. */
  readonly task: (taskId: string) => Task | undefined;
  readonly reconcile: (taskId: string, agentId: string | undefined) => void;
  readonly teardown: () => void;
}

/** A framework's connection with the master. */
export class SchedulerDriver {
  constructor(
    private readonly record: FrameworkRecord,
    private readonly options: DriverOptions,
  ) {}

  /** The framework's id. */
  get frameworkId(): string {
    return this.record.id;
  }

  /** The offers it holds. */
  offers(): readonly FrameworkOffer[] {
    return this.options.desk.heldBy(this.record);
  }

  /**
   * ACCEPT: launches tasks on one offer; what they leave of it is free again. Tasks that do not fit end as TASK_ERROR.
   * @throws Refusal `offer-missing`, `bad-filters`
   */
  accept(offerId: string, tasks: readonly TaskRequest[], filters: OfferFilters = {}): void {
    this.options.desk.accept(this.record, offerId, tasks, filters);
  }

  /**
   * DECLINE: gives an offer back.
   * @throws Refusal `offer-missing`, `bad-filters`
   */
  decline(offerId: string, filters: OfferFilters = {}): void {
    this.options.desk.accept(this.record, offerId, [], filters);
  }

  /** REVIVE: forgets what was declined, in one role or in all, and wants offers again. */
  revive(role?: string): void {
    this.record.forgive(role);
    for (const one of this.record.roles) if (role === undefined || role === one) this.record.suppressed.delete(one);
    this.options.wake();
  }

  /** SUPPRESS: wants no offers for the time being, in one role or in all. */
  suppress(role?: string): void {
    for (const one of this.record.roles) if (role === undefined || role === one) this.record.suppressed.add(one);
  }

  /** KILL: asks for a task's end. False if this framework has no such task. */
  kill(taskId: string): boolean {
    return this.options.task(taskId) !== undefined && this.options.kill(taskId);
  }

  /** RECONCILE: has the master say how each of these tasks stands. */
  reconcile(tasks: readonly { readonly taskId: string; readonly agentId?: string }[]): void {
    for (const { taskId, agentId } of tasks) this.options.reconcile(taskId, agentId);
  }

  /** TEARDOWN: the framework is gone with all its tasks and offers. */
  teardown(): void {
    this.options.teardown();
  }
}
