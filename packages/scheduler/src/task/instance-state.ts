/**
 * The condition of an instance with several tasks, as pods have. Follows mesosphere/marathon v1.8 core/instance/Instance.scala.
 */
import type { Condition } from './state.ts';

const PRECEDENCE: readonly Condition[] = [
  'Error',
  'Failed',
  'Gone',
  'Dropped',
  'Unreachable',
  'Killing',
  'Starting',
  'Staging',
  'Unknown',
  'Provisioned',
  'Running',
  'Finished',
  'Killed',
];

/** The first that any task is in, in order of gravity; without tasks, Unknown. */
export function conditionOfTasks(conditions: readonly Condition[]): Condition {
  return PRECEDENCE.find((condition) => conditions.includes(condition)) ?? 'Unknown';
}

/** When the first of the tasks started; undefined if none has. In virtual milliseconds. */
export function activeSince(started: readonly (number | undefined)[]): number | undefined {
  const times = started.filter((time) => time !== undefined);
  return times.length === 0 ? undefined : Math.min(...times);
}
