/**
 * The agents' side of Mesos: tasks become Docker containers, and what becomes of those is reported.
 * Follows apache/mesos 1.8 src/docker/executor.cpp and src/slave/containerizer/docker.cpp. A batch of tasks for one
 * agent is one change of its machine. Pulling an image and starting a container take a fixed time.
 */
import {
  type Clock,
  type Container,
  type Ipv4,
  type Machine,
  type Program,
  parseIpv4,
  type Random,
  type RunResult,
} from '@portolan/core';
import type { Executor, TaskInfo, TaskStatus } from '@portolan/scheduler';
import { repository } from '../cluster-options.ts';
import { TaskRun } from './task-run.ts';

/** Milliseconds from launch to TASK_STARTING, and from there to a running container. */
const STARTING_DELAY = 100;
const RUN_DELAY = 900;
/** Milliseconds `docker stop` takes with a program that heeds the signal. */
const STOP_DELAY = 200;
/** docker_remove_delay of DC/OS. */
const REMOVE_DELAY = 3_600_000;

/** What the executor needs of the cluster. */
export interface ExecutorSurroundings {
  readonly clock: Clock;
  readonly random: Random;
  /** The machine of an agent; undefined once it is gone. */
  machine(agentId: string): Machine | undefined;
  program(image: string): Program | undefined;
  report(status: TaskStatus): void;
}

/** Runs tasks on machines. */
export class DockerExecutor implements Executor {
  private readonly around: ExecutorSurroundings;
  /** Container id by task id. */
  private readonly containers = new Map<string, string>();
  /** Tasks whose container is still to be started. */
  private readonly pending = new Set<string>();

  constructor(around: ExecutorSurroundings) {
    this.around = around;
  }

  /** The container a task runs in, on its agent's machine. */
  containerOf(taskId: string): string | undefined {
    return this.containers.get(taskId);
  }

  launch(agentId: string, tasks: readonly TaskInfo[]): void {
    const { clock } = this.around;
    for (const task of tasks) this.pending.add(task.taskId);
    clock.after(STARTING_DELAY, () => {
      for (const { taskId } of tasks) if (this.pending.has(taskId)) this.report({ taskId, state: 'TASK_STARTING' });
      clock.after(RUN_DELAY, () => this.run(agentId, tasks));
    });
  }

  kill(agentId: string, taskId: string): void {
    this.pending.delete(taskId);
    this.around.report({ taskId, state: 'TASK_KILLING' });
    this.around.clock.after(STOP_DELAY, () => {
      const container = this.containers.get(taskId);
      if (container !== undefined) this.stop(agentId, taskId, container);
      this.report({ taskId, state: 'TASK_KILLED', message: 'Container exited with status 137' });
    });
  }

  /** An agent is gone with all that ran there. */
  forget(taskIds: Iterable<string>): void {
    for (const taskId of taskIds) {
      this.containers.delete(taskId);
      this.pending.delete(taskId);
    }
  }

  private run(agentId: string, tasks: readonly TaskInfo[]): void {
    const machine = this.around.machine(agentId);
    if (machine === undefined) return;
    const wanted = tasks.filter((task) => this.pending.delete(task.taskId));
    const runnable = wanted.filter((task) => this.canRun(task));
    const results = machine.run(runnable.map((task) => new TaskRun(task, this.around.random)));
    runnable.forEach((task, i) => {
      const result = results[i];
      if (result !== undefined) this.started(agentId, task, result);
    });
  }

  private canRun(task: TaskInfo): boolean {
    const { container } = task;
    const image = container?.image;
    const problem =
      container?.type !== 'DOCKER' || image === undefined
        ? 'Failed to launch container: only Docker containers are modelled'
        : this.around.program(image) === undefined
          ? `Failed to launch container: Failed to run 'docker -H unix:///var/run/docker.sock pull ${image}': exited with status 1; stderr='Error response from daemon: pull access denied for ${repository(image)}, repository does not exist or may require 'docker login''`
          : undefined;
    if (problem === undefined) return true;
    this.report({ taskId: task.taskId, state: 'TASK_FAILED', reason: 'REASON_CONTAINER_LAUNCH_FAILED', message: problem });
    return false;
  }

  private started(agentId: string, task: TaskInfo, result: RunResult): void {
    const { taskId } = task;
    if ('refusal' in result) {
      const message = `Container exited with status 125: docker: Error response from daemon: ${result.refusal.message}`;
      return this.report({ taskId, state: 'TASK_FAILED', reason: 'REASON_COMMAND_EXECUTOR_FAILED', message });
    }
    const { container } = result;
    this.containers.set(taskId, container.id);
    const address: Ipv4 = container.endpoint?.address ?? parseIpv4(task.hostname);
    this.report({ taskId, state: 'TASK_RUNNING', addresses: [address] });
    const problem = this.startProblem(agentId, container);
    if (problem === undefined) return;
    this.stop(agentId, taskId, container.id);
    this.report({ taskId, state: 'TASK_FAILED', reason: 'REASON_COMMAND_EXECUTOR_FAILED', message: problem });
  }

  /** Why a container's program ended as soon as it began. */
  private startProblem(agentId: string, { id, image, env }: Container): string | undefined {
    const start = this.around.program(image)?.start(env);
    if (start !== undefined && 'exitCode' in start) return `Container exited with status ${start.exitCode}: ${start.stderr}`;
    const taken = this.around.machine(agentId)?.listenFailure(id);
    return taken === undefined ? undefined : `Container exited with status 1: ${taken}`;
  }

  private stop(agentId: string, taskId: string, container: string): void {
    this.containers.delete(taskId);
    this.around.machine(agentId)?.stop(new Set([container]));
    this.around.clock.after(REMOVE_DELAY, () => this.around.machine(agentId)?.remove(new Set([container])), true);
  }

  private report(status: TaskStatus): void {
    this.around.report(status);
  }
}
