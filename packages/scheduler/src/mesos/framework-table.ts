/**
 * The frameworks that are registered: those that subscribe get a driver, and what they ask of the master goes through here.
 * Follows apache/mesos 1.8 src/master/master.cpp (subscribe, reconcile, teardown).
 */
import type { TaskStatus } from '../task/state.ts';
import { type Scheduler, SchedulerDriver } from './driver.ts';
import { checkedFramework, type FrameworkInfo, FrameworkRecord } from './framework.ts';
import type { FrameworkOffer, OfferDesk } from './offer-desk.ts';
import type { Offering } from './offering.ts';
import type { Framework } from './parties.ts';
import { type AgentStanding, reconciled } from './reconcile.ts';
import type { TaskRecord } from './task.ts';

/** What the table works with. */
export interface FrameworkTableOptions {
  /** The first part of frameworks' ids. */
  readonly masterId: string;
  readonly offering: Offering;
  readonly desk: OfferDesk;
  readonly tasks: ReadonlyMap<string, TaskRecord>;
  readonly kill: (taskId: string) => boolean;
  readonly standing: (agentId: string | undefined) => AgentStanding;
}

/** Keeps the frameworks. */
export class FrameworkTable {
  private readonly records: FrameworkRecord[] = [];
  private count = 0;

  constructor(private readonly options: FrameworkTableOptions) {}

  /** Registers the framework that draws its offers itself. */
  register(framework: Framework): void {
    const record = this.add({ name: framework.name, roles: [framework.role] }, framework);
    this.options.offering.setDrawer(record, framework);
  }

  /**
   * Registers a framework that is called with offers.
   * @throws Refusal `bad-framework`
   */
  subscribe(info: FrameworkInfo, scheduler: Scheduler): SchedulerDriver {
    const { desk, offering, kill } = this.options;
    const record: FrameworkRecord = this.add(checkedFramework(info), {
      statusUpdate: (status: TaskStatus, task) => scheduler.statusUpdate?.(status, task, driver),
    });
    const driver: SchedulerDriver = new SchedulerDriver(record, {
      desk,
      wake: () => offering.wake(),
      kill,
      task: (taskId) => this.taskOf(record, taskId),
      reconcile: (taskId, agentId) => this.reconcile(record, taskId, agentId),
      teardown: () => this.teardown(record),
    });
    offering.subscribe({ record, scheduler, driver });
    return driver;
  }

  /** What they registered with, in the order of their registration. */
  list(): readonly (Required<FrameworkInfo> & { readonly id: string })[] {
    return this.records.map(({ id, name, roles, partitionAware }) => ({ id, name, roles, partitionAware }));
  }

  /** The offers a framework holds. */
  offersOf(frameworkId: string): readonly FrameworkOffer[] {
    const record = this.records.find(({ id }) => id === frameworkId);
    return record === undefined ? [] : this.options.desk.heldBy(record);
  }

  private add(info: FrameworkInfo, scheduler: FrameworkRecord['scheduler']): FrameworkRecord {
    const id = `${this.options.masterId}-${String(this.count++).padStart(4, '0')}`;
    const record = new FrameworkRecord(id, info, scheduler);
    this.records.push(record);
    return record;
  }

  private taskOf(framework: FrameworkRecord, taskId: string): TaskRecord | undefined {
    const task = this.options.tasks.get(taskId);
    return task?.framework === framework ? task : undefined;
  }

  private reconcile(framework: FrameworkRecord, taskId: string, agentId: string | undefined): void {
    const task = this.taskOf(framework, taskId);
    const standing = this.options.standing(agentId);
    framework.scheduler.statusUpdate(reconciled(taskId, task, standing, framework.partitionAware), task);
  }

  private teardown(framework: FrameworkRecord): void {
    if (framework.gone) return;
    const { offering, desk, tasks, kill } = this.options;
    offering.unsubscribe(framework);
    desk.withdraw((grant) => grant.framework === framework);
    this.records.splice(this.records.indexOf(framework), 1);
    framework.gone = true;
    for (const task of [...tasks.values()]) if (task.framework === framework) kill(task.info.taskId);
  }
}
