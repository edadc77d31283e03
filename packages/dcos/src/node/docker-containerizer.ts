/**
 * The Docker containerizer of the agents: tasks become Docker containers, and what becomes of those is reported.
 * Follows apache/mesos 1.8 src/docker/executor.cpp and src/slave/containerizer/docker.cpp. A batch of tasks for one
 * agent is one change of its machine.
 */
import { type Container, type Ipv4, type Machine, parseIpv4, type RunResult } from '@portolan/core';
import type { TaskInfo, TaskStatus } from '@portolan/scheduler';
import { repository } from '../cluster-options.ts';
import type { Containerizer, ExecutorSurroundings } from './executor.ts';
import { TaskRun } from './task-run.ts';

/** docker_remove_delay of DC/OS. */
const REMOVE_DELAY = 3_600_000;

/** Runs tasks as Docker containers. */
export class DockerContainerizer implements Containerizer {
  readonly killedMessage = 'Container exited with status 137';
  private readonly around: ExecutorSurroundings;
  /** Container id by task id. */
  private readonly containers = new Map<string, string>();

  constructor(around: ExecutorSurroundings) {
    this.around = around;
  }

  containerOf(taskId: string): string | undefined {
    return this.containers.get(taskId);
  }

  forget(taskId: string): void {
    this.containers.delete(taskId);
  }

  run(agentId: string, machine: Machine, tasks: readonly TaskInfo[]): void {
    const runnable = tasks.filter((task) => this.canRun(task));
    const results = machine.run(runnable.map((task) => new TaskRun(task, this.around.random)));
    runnable.forEach((task, i) => {
      const result = results[i];
      if (result !== undefined) this.started(agentId, task, result);
    });
  }

  stop(agentId: string, taskId: string): void {
    const container = this.containers.get(taskId);
    if (container === undefined) return;
    this.containers.delete(taskId);
    this.around.machine(agentId)?.stop(new Set([container]));
    this.around.clock.after(REMOVE_DELAY, () => this.around.machine(agentId)?.remove(new Set([container])), true);
  }

  private canRun(task: TaskInfo): boolean {
    const { container } = task;
    const image = container?.image;
    const problem =
      image === undefined || this.around.program(image) === undefined
        ? `Failed to launch container: Failed to run 'docker -H unix:///var/run/docker.sock pull ${image ?? ''}': exited with status 1; stderr='Error response from daemon: pull access denied for ${repository(image ?? '')}, repository does not exist or may require 'docker login''`
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
    this.stop(agentId, taskId);
    this.report({ taskId, state: 'TASK_FAILED', reason: 'REASON_COMMAND_EXECUTOR_FAILED', message: problem });
  }

  /** Why a container's program ended as soon as it began. */
  private startProblem(agentId: string, { id, image, env }: Container): string | undefined {
    const start = this.around.program(image)?.start(env);
    if (start !== undefined && 'exitCode' in start) return `Container exited with status ${start.exitCode}: ${start.stderr}`;
    const taken = this.around.machine(agentId)?.listenFailure(id);
    return taken === undefined ? undefined : `Container exited with status 1: ${taken}`;
  }

  private report(status: TaskStatus): void {
    this.around.report(status);
  }
}
