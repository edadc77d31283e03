/** The environment of a task's program: what the framework gave it and what Mesos adds. Follows apache/mesos 1.8 src/slave. */
import type { Environment } from '@portolan/core';
import { mergeByName, type TaskInfo } from '@portolan/scheduler';

const OF_ALL_TASKS: Environment = [
  ['MESOS_ALLOCATION_ROLE', 'slave_public'],
  ['MESOS_SANDBOX', '/mnt/mesos/sandbox'],
];

/** The task's variables, which win, those of every task and those of its containerizer, all of them sorted by name. */
export function taskEnvironment(task: Pick<TaskInfo, 'env'>, ofContainerizer: Environment): Environment {
  return mergeByName(task.env, mergeByName(OF_ALL_TASKS, ofContainerizer));
}
