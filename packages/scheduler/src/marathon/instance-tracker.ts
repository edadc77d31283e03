/**
 * The instances of all apps and what becomes of them as their tasks report.
 * Follows mesosphere/marathon v1.8 core/instance/update/InstanceUpdater.scala and core/task/tracker. Statuses are handled one at a time,
 * in the order of their arrival, never in the middle of an offer.
 */
import type { Clock } from '@portolan/core';
import type { EventEmitter } from 'eventemitter3';
import type { HealthMonitorOptions } from '../health/monitor.ts';
import { ReadinessChecks, type ReadinessResult } from '../health/readiness.ts';
import type { MesosMaster } from '../mesos/master.ts';
import { type Condition, conditionOf, isFailure, isTerminal, isTerminalState, type TaskStatus } from '../task/state.ts';
import type { AppRecord, DeploymentTools } from './app-record.ts';
import { backoffAction } from './backoff.ts';
import { surplusOf } from './deployment.ts';
import type { InstanceChange, MarathonEvents } from './events.ts';
import { Instance } from './instance.ts';
import { KillService } from './kill-service.ts';
import type { Launcher } from './launcher.ts';
import type { MarathonOptions } from './options.ts';
import { nextRun, SCALE_CHECK } from './periodic.ts';
import { nextLook, unreachableVerdict } from './unreachable.ts';

/** What a tracker is made of. */
export interface InstanceTrackerOptions {
  readonly clock: Clock;
  readonly master: MesosMaster;
  readonly events: EventEmitter<MarathonEvents>;
  readonly launcher: Launcher;
  readonly newInstanceId: (appId: string) => string;
  readonly record: (appId: string) => AppRecord | undefined;
  /** Makes readiness checks. */
  readonly get: MarathonOptions['get'];
  /** Lets the app's deployment go on. */
  readonly advance: (record: AppRecord) => void;
}

/** Keeps the instances. */
export class InstanceTracker implements DeploymentTools {
  private readonly instanceByTask = new Map<string, Instance>();
  private mailbox: TaskStatus[] = [];
  private busy = false;

  private readonly kills: KillService;
  private readonly readiness: ReadinessChecks | undefined;

  constructor(private readonly options: InstanceTrackerOptions) {
    const { clock, master, get } = options;
    const checked = this.checked.bind(this);
    this.readiness = get === undefined ? undefined : new ReadinessChecks({ clock, get, checked });
    this.kills = new KillService({
      clock,
      kill: (taskId) => {
        if (!master.killTask(taskId)) this.vanished(taskId);
      },
    });
  }

  /** The instance whose present task that is. */
  byTask(taskId: string): Instance | undefined {
    return this.instanceByTask.get(taskId);
  }

  /** Makes instances, to be launched. */
  start(record: AppRecord, count: number): void {
    const { clock, launcher, newInstanceId } = this.options;
    for (let i = 0; i < count; i++) {
      record.add(new Instance(newInstanceId(record.app.id), record.app.id, record.generation, clock.now));
    }
    launcher.want(record);
  }

  /** An instance's tasks are handed to the master. */
  launched(instance: Instance): void {
    for (const { taskId } of instance.tasks) this.instanceByTask.set(taskId, instance);
    this.tell(instance, false);
  }

  /** Takes a task's status in. */
  statusUpdate(status: TaskStatus): void {
    this.mailbox.push(status);
    this.deliver();
  }

  /** Keeps statuses in the mailbox, or handles those that are there. */
  holdStatuses(hold: boolean): void {
    this.busy = hold;
    this.deliver();
  }

  /** Ends an instance for good. */
  decommission(record: AppRecord, instance: Instance): void {
    if (!record.instances.has(instance.id)) return;
    record.change(instance, (changed) => {
      changed.goal = 'Decommissioned';
    });
    this.kill(record, instance);
    this.options.launcher.stopIfDone(record);
  }

  /** Has a task killed; an instance whose task cannot be reached, or that has none, is forgotten. */
  kill(record: AppRecord, instance: Instance): void {
    const known = instance.tasks.filter(({ taskId }) => this.options.master.task(taskId) !== undefined);
    if (known.length === 0) this.expunge(record, instance);
    for (const { taskId } of known) this.kills.kill(taskId);
  }

  /** A task that shall be killed is not known to the master any more. */
  private vanished(taskId: string): void {
    const instance = this.byTask(taskId);
    const record = instance === undefined ? undefined : this.options.record(instance.appId);
    this.kills.ended(taskId);
    if (instance === undefined || record === undefined) return;
    this.expunge(record, instance);
    this.options.advance(record);
  }

  /** Forgets an instance. */
  expunge(record: AppRecord, instance: Instance): void {
    this.release(instance);
    record.delete(instance);
    this.tell(instance, true);
    this.seeAgain(record);
    this.options.launcher.stopIfDone(record);
  }

  /** Where an instance was, its app's constraints may admit another now: agents that were refused must be seen again. */
  private seeAgain(record: AppRecord): void {
    if (record.scansAll && record.scheduled > 0) this.options.launcher.want(record);
  }

  /** What results of checks lead to. */
  healthActions(): Pick<HealthMonitorOptions, 'changed' | 'failed' | 'kill'> {
    const { master, advance, launcher, events } = this.options;
    return {
      changed: (record, instance, healthy, onAgent, taskId) => {
        if (onAgent) {
          const reason = 'REASON_TASK_HEALTH_CHECK_STATUS_UPDATED';
          const { addresses } = instance;
          return master.statusUpdate({ taskId, state: 'TASK_RUNNING', reason, healthy, addresses });
        }
        record.change(instance, (changed) => {
          changed.healthy = healthy;
        });
        if (healthy) launcher.instanceRuns();
        this.tellHealth(instance, taskId, healthy);
        advance(record);
      },
      failed: (instance, check, kills) => {
        if (instance.task !== undefined)
          events.emit('check-failed', { task: instance.task, instanceId: instance.id, check, kills });
      },
      kill: (record, instance) => {
        this.kill(record, instance);
        advance(record);
      },
    };
  }

  /** A readiness check was made. */
  private checked(record: AppRecord, instance: Instance, result: ReadinessResult): void {
    record.change(instance, (changed) => {
      changed.readiness = result;
    });
    if (result.ready) this.options.advance(record);
  }

  private deliver(): void {
    if (this.busy) return;
    this.busy = true;
    for (let i = 0; i < this.mailbox.length; i++) this.handle(this.mailbox[i] as TaskStatus);
    this.mailbox = [];
    this.busy = false;
  }

  private handle(status: TaskStatus): void {
    const instance = this.byTask(status.taskId);
    const record = instance === undefined ? undefined : this.options.record(instance.appId);
    if (instance === undefined || record === undefined) return this.killUnknown(status);
    const reported = conditionOf(status);
    const condition = instance.pod?.enter(status.taskId, reported) ?? reported;
    if (instance.pod !== undefined && isTerminalState(status.state)) this.kills.ended(status.taskId);
    this.tellStatus(instance, status);
    if (isTerminal(condition)) this.ended(record, instance, condition, status);
    else if (condition === 'Unreachable') this.lost(record, instance, status.taskId);
    else this.moved(record, instance, condition, status);
    this.options.advance(record);
    this.seeAgain(record);
  }

  /** A task that reports and belongs to nobody any more has to go. */
  private killUnknown({ taskId, state }: TaskStatus): void {
    if (state === 'TASK_RUNNING' || state === 'TASK_STAGING' || state === 'TASK_STARTING') this.kills.kill(taskId);
    else if (isTerminalState(state)) this.kills.ended(taskId);
  }

  /** An instance's task is its no more. */
  private release(instance: Instance): void {
    for (const { taskId } of instance.tasks) {
      this.instanceByTask.delete(taskId);
      this.kills.ended(taskId);
    }
  }

  private moved(record: AppRecord, instance: Instance, condition: Condition, status: TaskStatus): void {
    const now = this.options.clock.now;
    const healthBefore = instance.healthy;
    const same = instance.condition === condition;
    const back = UNREACHABLE.has(instance.condition) && !UNREACHABLE.has(condition);
    record.change(instance, (changed) => {
      if (!same) changed.since = now;
      changed.condition = condition;
      changed.addresses = status.addresses ?? changed.addresses;
      if (status.healthy !== undefined)
        changed.healthy = changed.pod === undefined ? status.healthy : changed.pod.heal(status.taskId, status.healthy);
      if (condition === 'Running') changed.startedAt ??= now;
    });
    if (instance.generation === record.generation) record.backoff.apply(backoffAction(condition, status, record.version), now);
    if (!same) this.tell(instance, false);
    if (back && record.live > record.app.instances) this.recount(record);
    if (!same && condition === 'Running') this.readiness?.runs(record, instance);
    if (condition === 'Running' && instance.healthy !== false) this.options.launcher.instanceRuns();
    if (status.healthy !== undefined && status.healthy !== healthBefore) {
      this.tellHealth(instance, status.taskId, status.healthy);
    }
  }

  /** Restores an app's number when Marathon counts next: whoever was replaced may have returned. Not while a deployment changes it. */
  recount(record: AppRecord): void {
    const { clock } = this.options;
    clock.after(nextRun(SCALE_CHECK, clock.now) - clock.now, () => this.scaleCheck(record), record.deployment !== undefined);
  }

  private scaleCheck(record: AppRecord): void {
    if (record.removed) return;
    if (record.deployment !== undefined) return this.recount(record);
    const running = [...record.instances.values()].filter(
      ({ goal, condition }) => goal === 'Running' && condition !== 'UnreachableInactive',
    );
    for (const victim of surplusOf(record, running)) this.decommission(record, victim);
    this.options.advance(record);
  }

  private ended(record: AppRecord, instance: Instance, condition: Condition, status: TaskStatus): void {
    const now = this.options.clock.now;
    const current = instance.generation === record.generation;
    if (current) record.backoff.apply(backoffAction(condition, status, record.version), now);
    if (isFailure(status.state)) this.keepFailure(record, instance, status);
    record.change(instance, (changed) => {
      changed.condition = condition;
      changed.since = now;
    });
    if (instance.goal === 'Decommissioned' || isReplaced(record, instance) || record.removed)
      return this.expunge(record, instance);
    this.tell(instance, false);
    this.release(instance);
    if (!current) return this.expunge(record, instance);
    // What the operator declared gone will not come back with its volumes.
    if (status.state === 'TASK_GONE_BY_OPERATOR') instance.reservedOn = undefined;
    record.reschedule(instance, now);
    this.options.launcher.want(record);
  }

  private keepFailure(record: AppRecord, { task }: Instance, { taskId, state, message = '' }: TaskStatus): void {
    if (task === undefined) return;
    const { appId, hostname: host, agentId: slaveId, appVersion: version } = task;
    record.lastFailure = { appId, taskId, state, message, host, slaveId, version, at: this.options.clock.now };
  }

  private lost(record: AppRecord, instance: Instance, taskId: string): void {
    // All tasks of a pod are lost at once: one of them speaks for all.
    if (instance.pod !== undefined && taskId !== instance.task?.taskId) return;
    if (instance.goal === 'Decommissioned' || isReplaced(record, instance)) return this.expunge(record, instance);
    if (UNREACHABLE.has(instance.condition)) return;
    instance.unreachableSince = this.options.clock.now;
    this.judge(record, instance);
  }

  /** What an unreachable instance is by now, and when Marathon looks at it next. */
  private judge(record: AppRecord, instance: Instance): void {
    const { clock, advance } = this.options;
    const strategy = record.app.unreachableStrategy;
    const since = instance.unreachableSince;
    const verdict = unreachableVerdict(strategy, (clock.now - since) / 1000);
    if (verdict === 'expunge') return this.expunge(record, instance);
    if (verdict !== instance.condition) this.enter(record, instance, verdict);
    if (strategy === 'disabled') return;
    const next = nextLook(strategy, verdict, since, clock.now);
    const look = () => {
      const still = UNREACHABLE.has(instance.condition) && instance.unreachableSince === since;
      if (!still || !record.instances.has(instance.id)) return;
      this.judge(record, instance);
      advance(record);
    };
    // A deployment may wait for it.
    clock.after(next - clock.now, look, record.deployment === undefined);
  }

  private enter(record: AppRecord, instance: Instance, condition: Condition): void {
    record.change(instance, (changed) => {
      changed.condition = condition;
      changed.since = this.options.clock.now;
    });
    this.tell(instance, false);
  }

  private tellStatus(instance: Instance, status: TaskStatus): void {
    if (this.options.events.listenerCount('status-updated') === 0) return;
    const task = instance.tasks.find(({ taskId }) => taskId === status.taskId);
    if (task !== undefined) this.options.events.emit('status-updated', status, task);
  }

  private tellHealth({ id: instanceId, appId, task }: Instance, taskId: string, healthy: boolean): void {
    this.options.events.emit('health-changed', { taskId, instanceId, appId, version: task?.appVersion ?? '', healthy });
  }

  private tell(instance: Instance, expunged: boolean): void {
    if (this.options.events.listenerCount('instance-changed') === 0) return;
    const { id, appId, condition, goal, task } = instance;
    const of =
      task === undefined ? {} : { taskId: task.taskId, agentId: task.agentId, host: task.hostname, version: task.appVersion };
    const change: InstanceChange = { instanceId: id, appId, condition, goal, ...of, expunged };
    this.options.events.emit('instance-changed', change);
  }
}

/** Whether a restart sees to a new instance in its place: the old one is not waited for. */
function isReplaced({ generation, deployment }: AppRecord, instance: Instance): boolean {
  return instance.generation !== generation && deployment?.action === 'RestartApplication';
}

const UNREACHABLE: ReadonlySet<Condition> = new Set(['Unreachable', 'UnreachableInactive']);
