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
    const launchable = containersOf(tasks).filter((container) => this.canLaunch(container));
    const requests = launchable.map((container) => requestOf(container, this.around.random.uuid()));
    const results = machine.launch(requests);
    launchable.forEach((container, i) => {
      const [request, result] = [requests[i], results[i]];
      if (request !== undefined && result !== undefined) this.launched(agentId, container, request, result);
    });
  }

  stop(agentId: string, taskId: string): void {
    const container = this.containers.get(taskId);
    if (container === undefined) return;
    this.containers.delete(taskId);
    for (const other of this.containers.values()) if (other === container) return;
    this.around.machine(agentId)?.destroy(new Set([container]));
  }

  private canLaunch(tasks: Tasks): boolean {
    const problem = tasks.map((task) => this.launchProblem(task)).find((words) => words !== undefined);
    if (problem !== undefined) this.refuse(tasks, problem);
    return problem === undefined;
  }

  private launchProblem({ container, executor }: TaskInfo): string | undefined {
    if (executor !== undefined) return `the executor '${executor.command}' is not modelled`;
    if (container?.image === undefined || this.around.program(container.image) !== undefined) return undefined;
    return "Unexpected HTTP response '401 Unauthorized' when trying to get the manifest";
  }

  private launched(agentId: string, tasks: Tasks, request: UcrRequest, result: UcrResult): void {
    if ('refusal' in result) return this.refuse(tasks, refusalWords(result.refusal, request.id));
    const { container } = result;
    for (const task of tasks) {
      this.containers.set(task.taskId, container.id);
      this.around.report({ taskId: task.taskId, state: 'TASK_RUNNING', addresses: addressesOf(container, task) });
    }
    const failed = this.startProblem(agentId, container);
    if (failed === undefined) return;
    const { taskId, problem: message } = failed;
    this.around.report({ taskId, state: 'TASK_FAILED', reason: 'REASON_COMMAND_EXECUTOR_FAILED', message });
    // The default executor ends a group when one of its tasks fails.
    for (const task of tasks) {
      if (task.taskId !== taskId) this.around.report({ taskId: task.taskId, state: 'TASK_KILLED', message: this.killedMessage });
      this.stop(agentId, task.taskId);
    }
  }

  /** Which program ended as soon as it began, and why. */
  private startProblem(agentId: string, { id, programs }: UcrContainer): { taskId: string; problem: string } | undefined {
    const listening = new Set<number>();
    for (const { task: taskId, image, env } of programs) {
      const start = this.around.program(image)?.start(env);
      if (start === undefined) continue;
      if ('exitCode' in start) return { taskId, problem: `Command exited with status ${start.exitCode}` };
      // Programs of one network cannot have one port.
      if (start.ports.some((port) => listening.has(port))) return { taskId, problem: 'Command exited with status 1' };
      for (const port of start.ports) listening.add(port);
    }
    const [first] = programs;
    const taken = first !== undefined && this.around.machine(agentId)?.listenFailure(id) !== undefined;
    return taken ? { taskId: first.task, problem: 'Command exited with status 1' } : undefined;
  }

  private refuse(tasks: Tasks, why: string): void {
    const message = `Failed to launch container: ${why}`;
    for (const { taskId } of tasks)
      this.around.report({ taskId, state: 'TASK_FAILED', reason: 'REASON_CONTAINER_LAUNCH_FAILED', message });
  }
}

/** The tasks that share a container: one, or those of a pod's executor. */
type Tasks = readonly [TaskInfo, ...TaskInfo[]];

function containersOf(tasks: readonly TaskInfo[]): readonly Tasks[] {
  const containers = new Map<string, [TaskInfo, ...TaskInfo[]]>();
  for (const task of tasks) {
    const id = task.group?.executorId ?? task.taskId;
    const known = containers.get(id);
    if (known === undefined) containers.set(id, [task]);
    else known.push(task);
  }
  return [...containers.values()];
}

/** What a failed launch is told by; what a plugin printed stands in its standard output. */
function refusalWords(refusal: Refusal, id: string): string {
  if (refusal.code === 'no-such-network' || refusal.code === 'network-twice') return refusal.message;
  return `The CNI plugin '${PORT_MAPPER}' failed to attach container ${id} to CNI network '${refusal.path}': ${refusal.message}`;
}

function requestOf(tasks: Tasks, id: string): UcrRequest {
  return { id, programs: tasks.map(programOf), networks: networksOf(tasks[0]) };
}

function programOf(task: TaskInfo): UcrProgram {
  const image = task.container?.image ?? task.cmd?.trim().split(/\s+/, 1)[0] ?? '';
  const attached = (task.group?.networks ?? task.container?.networkInfos ?? []).length > 0;
  return { task: task.taskId, image, env: taskEnvironment(task, attached ? [['LIBPROCESS_IP', '0.0.0.0']] : []) };
}

function networksOf({ appId, taskId, container, group }: TaskInfo): UcrRequest['networks'] {
  if (group !== undefined) {
    return group.networks.map(({ name, portMappings }) => ({
      name,
      ports: portMappings.map(({ protocol = 'tcp', hostPort, containerPort, field }): MappedPort => {
        return { protocol, hostPort, containerPort, cause: `${appId} ${field} of ${group.executorId}` };
      }),
    }));
  }
  return (container?.networkInfos ?? []).map(({ name, portMappings }) => ({
    name,
    ports: portMappings.map(({ protocol, hostPort, containerPort, slot }): MappedPort => {
      return { protocol, hostPort, containerPort, cause: `${appId} container.portMappings(${slot}) of task ${taskId}` };
    }),
  }));
}

/** Those of its networks, or on its agent's network the agent's. */
function addressesOf(container: UcrContainer, task: TaskInfo): readonly number[] {
  if (container.attachments.length === 0) return [parseIpv4(task.hostname)];
  return container.attachments.map(({ address }) => address);
}
