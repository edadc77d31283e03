/**
 * A task as the master keeps it: what was asked for, and what was reported since.
 * Follows apache/mesos 1.8 include/mesos/mesos.proto (Task) and src/master/master.cpp (updateTask).
 */
import type { Ipv4 } from '@portolan/core';
import type { TaskInfo } from '../launch/task-info.ts';
import type { TaskState, TaskStatus } from '../task/state.ts';
import type { FrameworkRecord } from './framework.ts';

/** A status with its time. */
export interface TimedStatus extends TaskStatus {
  /** Virtual milliseconds. */
  readonly at: number;
}

/** A status that was reported then. */
export function timed(status: TaskStatus, at: number): TimedStatus {
  const { taskId, state, addresses, reason, message, healthy } = status;
  // Nearly all of the very many say no more than this.
  if (reason !== undefined || message !== undefined || healthy !== undefined) return { ...status, at };
  return addresses === undefined ? { taskId, state, at } : { taskId, state, addresses, at };
}

/** A task the master knows. */
export interface Task {
  readonly info: TaskInfo;
  /** Whose it is. */
  readonly framework: { readonly id: string; readonly name: string };
  /** The role for which its offer was made. */
  readonly allocatedTo: string;
  readonly state: TaskState;
  /** One per state, the latest of each, in the order of their arrival. */
  readonly statuses: readonly TimedStatus[];
  /** As last reported. */
  readonly addresses: readonly Ipv4[];
  /** As last reported; undefined while nothing checks it. */
  readonly healthy: boolean | undefined;
}

/** The master's own, changing view of a task. */
export class TaskRecord implements Task {
  state: TaskState = 'TASK_STAGING';
  statuses: readonly TimedStatus[] = [];
  addresses: readonly Ipv4[] = [];
  healthy: boolean | undefined;

  constructor(
    readonly info: TaskInfo,
    readonly framework: FrameworkRecord,
    readonly allocatedTo: string,
  ) {}

  /** Takes a status in. */
  update(status: TimedStatus): void {
    const last = this.statuses.at(-1);
    const kept = last?.state === status.state ? this.statuses.slice(0, -1) : this.statuses;
    this.statuses = [...kept, status];
    this.state = status.state;
    if (status.addresses !== undefined) this.addresses = status.addresses;
    if (status.healthy !== undefined) this.healthy = status.healthy;
  }
}
