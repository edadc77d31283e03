/**
 * The tasks of a pod's instance, each in a condition of its own, and what they make of the instance.
 * Follows mesosphere/marathon v1.8 core/instance/Instance.scala. Here an instance is over when all its tasks are: what of them
 * still goes on speaks for it until then.
 */
import { assert } from '@portolan/core';
import type { TaskInfo } from '../launch/task-info.ts';
import { conditionOfTasks } from '../task/instance-state.ts';
import { type Condition, isTerminal } from '../task/state.ts';

/** The tasks of one launch. */
export class PodTasks {
  /** The one that stands for all. */
  readonly first: TaskInfo;
  private readonly conditions: Map<string, Condition>;
  private readonly health = new Map<string, boolean>();

  constructor(readonly all: readonly TaskInfo[]) {
    const [first] = all;
    assert(first !== undefined, 'a pod without containers');
    this.first = first;
    this.conditions = new Map(all.map(({ taskId }) => [taskId, 'Provisioned']));
  }

  /** A task has come into a condition: that of the instance. */
  enter(taskId: string, condition: Condition): Condition {
    this.conditions.set(taskId, condition);
    const each = [...this.conditions.values()];
    const going = each.filter((one) => !isTerminal(one));
    return conditionOfTasks(going.length > 0 ? going : each);
  }

  /** A task's check has said so: the health of the instance, undefined while some check has yet to speak. */
  heal(taskId: string, healthy: boolean): boolean | undefined {
    this.health.set(taskId, healthy);
    const results = this.all.filter(({ healthChecks }) => healthChecks.length > 0).map((task) => this.health.get(task.taskId));
    return results.includes(false) ? false : results.includes(undefined) ? undefined : true;
  }

  /** What a task's check said last. */
  healthOf(taskId: string): boolean | undefined {
    return this.health.get(taskId);
  }

  /** The condition a task is in. */
  conditionOf(taskId: string): Condition {
    return this.conditions.get(taskId) ?? 'Unknown';
  }
}
