/**
 * What the master says of a task it is asked about, and what frameworks hear that do not know of partitions.
 * Follows apache/mesos 1.8 src/master/master.cpp (reconcile).
 */
import type { TaskState, TaskStatus } from '../task/state.ts';
import type { Task } from './task.ts';

/** Where the agent stands that the framework names. */
export type AgentStanding = 'registered' | 'unreachable' | 'gone' | 'unknown';

const UNKNOWN_TASK: Readonly<Record<AgentStanding, { readonly state: TaskState; readonly message: string }>> = {
  registered: { state: 'TASK_GONE', message: 'Task is unknown to the agent' },
  unreachable: { state: 'TASK_UNREACHABLE', message: 'Task is unreachable' },
  gone: { state: 'TASK_GONE_BY_OPERATOR', message: 'Task is gone' },
  unknown: { state: 'TASK_UNKNOWN', message: 'Task is unknown' },
};
const PARTITION_STATES: ReadonlySet<TaskState> = new Set<TaskState>([
  'TASK_UNREACHABLE',
  'TASK_GONE',
  'TASK_GONE_BY_OPERATOR',
  'TASK_DROPPED',
  'TASK_UNKNOWN',
]);

/** The answer to explicit reconciliation of one task. */
export function reconciled(taskId: string, task: Task | undefined, standing: AgentStanding, partitionAware: boolean): TaskStatus {
  const { state, message } = task === undefined ? UNKNOWN_TASK[standing] : { state: task.state, message: 'Latest task state' };
  return {
    taskId,
    state: lostState(state, partitionAware),
    reason: 'REASON_RECONCILIATION',
    message: `Reconciliation: ${message}`,
    source: 'SOURCE_MASTER',
    ...(task?.healthy === undefined ? {} : { healthy: task.healthy }),
    ...(task === undefined || task.addresses.length === 0 ? {} : { addresses: task.addresses }),
  };
}

/** The state as a framework hears it: without PARTITION_AWARE, whatever is not there any more is lost. */
export function lostState(state: TaskState, partitionAware: boolean): TaskState {
  return partitionAware || !PARTITION_STATES.has(state) ? state : 'TASK_LOST';
}
