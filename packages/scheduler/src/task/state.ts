/**
 * Task states as Mesos reports them, and the conditions Marathon derives from them.
 * Follows apache/mesos 1.8 include/mesos/mesos.proto and mesosphere/marathon v1.8 core/task/TaskCondition.scala, core/condition/Condition.scala.
 */
import type { Ipv4 } from '@portolan/core';

/** A state of a task. */
export type TaskState =
  | 'TASK_STAGING'
  | 'TASK_STARTING'
  | 'TASK_RUNNING'
  | 'TASK_KILLING'
  | 'TASK_FINISHED'
  | 'TASK_FAILED'
  | 'TASK_KILLED'
  | 'TASK_ERROR'
  | 'TASK_LOST'
  | 'TASK_DROPPED'
  | 'TASK_UNREACHABLE'
  | 'TASK_GONE'
  | 'TASK_GONE_BY_OPERATOR'
  | 'TASK_UNKNOWN';

/** What an agent or the master reports about a task. */
export interface TaskStatus {
  readonly taskId: string;
  readonly state: TaskState;
  /** `REASON_...`. */
  readonly reason?: string;
  readonly message?: string;
  /** Who says so; absent if the executor does. */
  readonly source?: 'SOURCE_MASTER' | 'SOURCE_SLAVE';
  /** The container's addresses; on its agent's network, the agent's. */
  readonly addresses?: readonly Ipv4[];
  /** The result of a health check on the agent, if there is one. */
  readonly healthy?: boolean;
}

/** What Marathon makes of an instance's tasks. */
export type Condition =
  | 'Scheduled'
  | 'Provisioned'
  | 'Staging'
  | 'Starting'
  | 'Running'
  | 'Killing'
  | 'Unreachable'
  | 'UnreachableInactive'
  | 'Failed'
  | 'Error'
  | 'Finished'
  | 'Killed'
  | 'Gone'
  | 'Dropped'
  | 'Unknown';

/** Whether Mesos is done with a task in that state and its resources are free. */
export function isTerminalState(state: TaskState): boolean {
  return TERMINAL_STATES.has(state);
}

/** Whether an app shows a task that ended so as its last failure (state/TaskFailure.scala). */
export function isFailure(state: TaskState): boolean {
  return FAILURES.has(state);
}

/** Whether an instance in that condition has no task any more. */
export function isTerminal(condition: Condition): boolean {
  return TERMINAL_CONDITIONS.has(condition);
}

/** Whether an instance in that condition has a task that Marathon reckons with. */
export function isActive(condition: Condition): boolean {
  return ACTIVE_CONDITIONS.has(condition);
}

/** The condition a status stands for. */
export function conditionOf(status: Pick<TaskStatus, 'state' | 'reason' | 'message'>): Condition {
  if (status.state !== 'TASK_LOST') return CONDITIONS[status.state];
  if (status.reason === 'REASON_TASK_UNKNOWN' || status.message?.startsWith('Reconciliation: Task is unknown to the'))
    return 'Unknown';
  return UNREACHABLE_REASONS.has(status.reason ?? '') ? 'Unreachable' : 'Gone';
}

const CONDITIONS: { readonly [state in Exclude<TaskState, 'TASK_LOST'>]: Condition } = {
  TASK_STAGING: 'Staging',
  TASK_STARTING: 'Starting',
  TASK_RUNNING: 'Running',
  TASK_KILLING: 'Killing',
  TASK_FINISHED: 'Finished',
  TASK_FAILED: 'Failed',
  TASK_KILLED: 'Killed',
  TASK_ERROR: 'Error',
  TASK_DROPPED: 'Dropped',
  TASK_UNREACHABLE: 'Unreachable',
  TASK_GONE: 'Gone',
  TASK_GONE_BY_OPERATOR: 'Gone',
  TASK_UNKNOWN: 'Unknown',
};
const TERMINAL_STATES: ReadonlySet<TaskState> = new Set<TaskState>([
  'TASK_FINISHED',
  'TASK_FAILED',
  'TASK_KILLED',
  'TASK_ERROR',
  'TASK_LOST',
  'TASK_DROPPED',
  'TASK_GONE',
  'TASK_GONE_BY_OPERATOR',
]);
const FAILURES: ReadonlySet<TaskState> = new Set<TaskState>([
  'TASK_FAILED',
  'TASK_ERROR',
  'TASK_LOST',
  'TASK_DROPPED',
  'TASK_GONE',
  'TASK_GONE_BY_OPERATOR',
  'TASK_UNKNOWN',
]);
const TERMINAL_CONDITIONS: ReadonlySet<Condition> = new Set<Condition>([
  'Failed',
  'Error',
  'Finished',
  'Killed',
  'Gone',
  'Dropped',
]);
const ACTIVE_CONDITIONS: ReadonlySet<Condition> = new Set<Condition>([
  'Provisioned',
  'Staging',
  'Starting',
  'Running',
  'Killing',
  'Unreachable',
]);
const UNREACHABLE_REASONS: ReadonlySet<string> = new Set([
  'REASON_RECONCILIATION',
  'REASON_SLAVE_DISCONNECTED',
  'REASON_SLAVE_REMOVED',
]);
