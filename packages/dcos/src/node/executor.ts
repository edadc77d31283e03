/**
 * The agents' side of Mesos: tasks are handed to the containerizer they ask for, and what becomes of them is reported.
 * Follows apache/mesos 1.8 src/slave/slave.cpp and the executors' order of statuses. Pulling an image and starting a
 * container take a fixed time.
 */
import type { Clock, Machine, Program, Random } from '@portolan/core';
import type { Executor, TaskInfo, TaskStatus } from '@portolan/scheduler';
import { DockerContainerizer } from './docker-containerizer.ts';
import { MesosContainerizer } from './mesos-containerizer.ts';

/** Milliseconds from launch to TASK_STARTING, and from there to a running container. */
const STARTING_DELAY = 100;
const RUN_DELAY = 900;
/** Milliseconds it takes to end a program that heeds the signal. */
const STOP_DELAY = 200;

/** What the executor needs of the cluster. */
export interface ExecutorSurroundings {
  readonly clock: Clock;
  readonly random: Random;
  /** The machine of an agent; undefined once it is gone. */
  machine(agentId: string): Machine | undefined;
  program(image: string): Program | undefined;
  report(status: TaskStatus): void;
}

/** What runs containers on agents. */
export interface Containerizer {
  /** Said of a task that was killed. */
  readonly killedMessage: string;
  /** Runs the tasks of one agent, and reports which run and which failed. */
  run(agentId: string, machine: Machine, tasks: readonly TaskInfo[]): void;
  /** Ends a task's container, if it has one. */
  stop(agentId: string, taskId: string): void;
  /** The container a task runs in, on its agent's machine. */
  containerOf(taskId: string): string | undefined;
  /** The agent is gone with the task. */
  forget(taskId: string): void;
}

/** Runs tasks on machines. */
export class TaskExecutor implements Executor {
  private readonly docker: Containerizer;
  private readonly mesos: Containerizer;
  /** Tasks whose container is still to be started. */
  private readonly pending = new Set<string>();
  /** By task of a pod, all tasks of its executor; none once they are being ended. */
  private readonly groups = new Map<string, readonly string[]>();

  constructor(private readonly around: ExecutorSurroundings) {
    this.docker = new DockerContainerizer(around);
    this.mesos = new MesosContainerizer(around);
  }

  /** The container a task runs in, on its agent's machine. */
  containerOf(taskId: string): string | undefined {
    return this.docker.containerOf(taskId) ?? this.mesos.containerOf(taskId);
  }

  launch(agentId: string, tasks: readonly TaskInfo[]): void {
    const { clock, report } = this.around;
    for (const { taskId, group } of tasks) {
      this.pending.add(taskId);
      if (group !== undefined) this.groups.set(taskId, group.taskIds);
    }
    clock.after(STARTING_DELAY, () => {
      for (const { taskId } of tasks) if (this.pending.has(taskId)) report({ taskId, state: 'TASK_STARTING' });
      clock.after(RUN_DELAY, () => this.run(agentId, tasks));
    });
  }

  kill(agentId: string, taskId: string): void {
    const group = this.groups.get(taskId);
    if (group === undefined) return this.end(agentId, [taskId]);
    // The default executor ends the whole group, whichever of its tasks is named, and once.
    for (const id of group) this.groups.set(id, []);
    this.end(agentId, group);
  }

  private end(agentId: string, taskIds: readonly string[]): void {
    const { clock, report } = this.around;
    for (const taskId of taskIds) {
      this.pending.delete(taskId);
      report({ taskId, state: 'TASK_KILLING' });
    }
    clock.after(STOP_DELAY, () => {
      for (const taskId of taskIds) {
        this.groups.delete(taskId);
        const containerizer = this.mesos.containerOf(taskId) === undefined ? this.docker : this.mesos;
        containerizer.stop(agentId, taskId);
        report({ taskId, state: 'TASK_KILLED', message: containerizer.killedMessage });
      }
    });
  }

  /** An agent is gone with all that ran there. */
  forget(taskIds: Iterable<string>): void {
    for (const taskId of taskIds) {
      this.pending.delete(taskId);
      this.groups.delete(taskId);
      this.docker.forget(taskId);
      this.mesos.forget(taskId);
    }
  }

  private run(agentId: string, tasks: readonly TaskInfo[]): void {
    const machine = this.around.machine(agentId);
    if (machine === undefined) return;
    const wanted = tasks.filter((task) => this.pending.delete(task.taskId));
    const inDocker = wanted.filter(isDocker);
    if (inDocker.length > 0) this.docker.run(agentId, machine, inDocker);
    if (inDocker.length < wanted.length) {
      this.mesos.run(
        agentId,
        machine,
        wanted.filter((task) => !isDocker(task)),
      );
      for (const { taskId } of wanted) if (this.mesos.containerOf(taskId) === undefined) this.groups.delete(taskId);
    }
  }
}

function isDocker(task: TaskInfo): boolean {
  return task.containerizer === 'docker';
}
