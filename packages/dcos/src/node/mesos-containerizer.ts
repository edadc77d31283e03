/**
 * The Mesos containerizer of the agents (Universal Container Runtime): tasks become containers of Mesos' own, on their agent's
 * network or on CNI networks. Follows apache/mesos 1.8 src/slave/containerizer/mesos/containerizer.cpp and src/launcher/executor.cpp.
 * A task without image is known by the first word of its command; a command nobody registered runs and listens on nothing.
 */
import {
  type Machine,
  type MappedPort,
  parseIpv4,
  type Refusal,
  type UcrContainer,
  type UcrProgram,
  type UcrRequest,
  type UcrResult,
} from '@portolan/core';
import type { TaskInfo } from '@portolan/scheduler';
import type { Containerizer, ExecutorSurroundings } from './executor.ts';
import { taskEnvironment } from './task-environment.ts';

const PORT_MAPPER = '/opt/mesosphere/active/mesos/libexec/mesos/mesos-cni-port-mapper';

/** Runs tasks as containers of Mesos' own. */
export class MesosContainerizer implements Containerizer {
  readonly killedMessage = 'Command terminated with signal Terminated';
  /** Container id by task id. */
  private readonly containers = new Map<string, string>();

  constructor(private readonly around: ExecutorSurroundings) {}

  containerOf(taskId: string): string | undefined {
    return this.containers.get(taskId);
  }

  forget(taskId: string): void {
    this.containers.delete(taskId);
  }

  run(agentId: string, machine: Machine, tasks: readonly TaskInfo[]): void {
    const launchable = tasks.filter((task) => this.canLaunch(task));
    const requests = launchable.map((task) => requestOf(task, this.around.random.uuid()));
    const results = machine.launch(requests);
    launchable.forEach((task, i) => {
      const [request, result] = [requests[i], results[i]];
      if (request !== undefined && result !== undefined) this.launched(agentId, task, request, result);
    });
  }

  stop(agentId: string, taskId: string): void {
    const container = this.containers.get(taskId);
    if (container === undefined) return;
    this.containers.delete(taskId);
    this.around.machine(agentId)?.destroy(new Set([container]));
  }

  private canLaunch(task: TaskInfo): boolean {
    const image = task.container?.image;
    if (task.executor !== undefined) this.refuse(task, `the executor '${task.executor.command}' is not modelled`);
    else if (image !== undefined && this.around.program(image) === undefined)
      this.refuse(task, "Unexpected HTTP response '401 Unauthorized' when trying to get the manifest");
    else return true;
    return false;
  }

  private launched(agentId: string, task: TaskInfo, request: UcrRequest, result: UcrResult): void {
    if ('refusal' in result) return this.refuse(task, refusalWords(result.refusal, request.id));
    const { container } = result;
    const { taskId } = task;
    this.containers.set(taskId, container.id);
    this.around.report({ taskId, state: 'TASK_RUNNING', addresses: addressesOf(container, task) });
    const problem = this.startProblem(agentId, container);
    if (problem === undefined) return;
    this.stop(agentId, taskId);
    this.around.report({ taskId, state: 'TASK_FAILED', reason: 'REASON_COMMAND_EXECUTOR_FAILED', message: problem });
  }

  /** Why a container's program ended as soon as it began. */
  private startProblem(agentId: string, { id, programs }: UcrContainer): string | undefined {
    for (const { image, env } of programs) {
      const start = this.around.program(image)?.start(env);
      if (start !== undefined && 'exitCode' in start) return `Command exited with status ${start.exitCode}`;
    }
    return this.around.machine(agentId)?.listenFailure(id) === undefined ? undefined : 'Command exited with status 1';
  }

  private refuse({ taskId }: TaskInfo, why: string): void {
    const message = `Failed to launch container: ${why}`;
    this.around.report({ taskId, state: 'TASK_FAILED', reason: 'REASON_CONTAINER_LAUNCH_FAILED', message });
  }
}

/** What a failed launch is told by; what a plugin printed stands in its standard output. */
function refusalWords(refusal: Refusal, id: string): string {
  if (refusal.code === 'no-such-network' || refusal.code === 'network-twice') return refusal.message;
  return `The CNI plugin '${PORT_MAPPER}' failed to attach container ${id} to CNI network '${refusal.path}': ${refusal.message}`;
}

function requestOf(task: TaskInfo, id: string): UcrRequest {
  return { id, programs: [programOf(task)], networks: networksOf(task) };
}

function programOf(task: TaskInfo): UcrProgram {
  const image = task.container?.image ?? task.cmd?.trim().split(/\s+/, 1)[0] ?? '';
  const attached = (task.container?.networkInfos ?? []).length > 0;
  return { task: task.taskId, image, env: taskEnvironment(task, attached ? [['LIBPROCESS_IP', '0.0.0.0']] : []) };
}

function networksOf(task: TaskInfo): UcrRequest['networks'] {
  return (task.container?.networkInfos ?? []).map(({ name, portMappings }) => ({
    name,
    ports: portMappings.map(({ protocol, hostPort, containerPort, slot }): MappedPort => {
      const cause = `${task.appId} container.portMappings(${slot}) of task ${task.taskId}`;
      return { protocol, hostPort, containerPort, cause };
    }),
  }));
}

/** Those of its networks, or on its agent's network the agent's. */
function addressesOf(container: UcrContainer, task: TaskInfo): readonly number[] {
  if (container.attachments.length === 0) return [parseIpv4(task.hostname)];
  return container.attachments.map(({ address }) => address);
}
