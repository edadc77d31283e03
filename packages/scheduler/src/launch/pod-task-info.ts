/**
 * The tasks of a pod's instance as Marathon hands them to Mesos: one for each container, in one executor that has the network
 * and the host ports. Follows mesosphere/marathon v1.8 mesos/TaskGroupBuilder.scala.
 */
import { isHostMode } from '../app/app.ts';
import type { HostPorts } from '../match/ports.ts';
import type { Taken } from '../mesos/pools.ts';
import type { ScalarUnits } from '../mesos/resources.ts';
import type { PodApp, PodContainer } from '../pod/pod.ts';
import { taskGroup } from '../pod/task-group.ts';
import type { TaskContainer, TaskGroupInfo, TaskInfo, TaskPort } from './task-info.ts';

/** Where the instance is launched, and under which ids. */
export interface PodLaunch {
  readonly instanceId: string;
  /** Counted from 1. */
  readonly launch: number;
  readonly agentId: string;
  readonly hostname: string;
  /** By endpoint, over all containers in order. */
  readonly hostPorts: HostPorts;
  /** Takes a part of the offer. */
  readonly take: (id: string, part: ScalarUnits, ports: readonly number[]) => Taken;
}

/** The tasks, in the order of the pod's containers. */
export function podTaskInfos(pod: PodApp, launch: PodLaunch): readonly TaskInfo[] {
  const { executor, tasks } = taskGroup(pod, launch);
  const group: TaskGroupInfo = {
    executorId: executor.executorId,
    executor: launch.take(executor.executorId, pod.pod.executor, executor.ports),
    networks: executor.networks,
    taskIds: tasks.map(({ taskId }) => taskId),
  };
  return tasks.map(({ taskId, name, container, env, discovery }, i): TaskInfo => {
    const taken = launch.take(taskId, container, []);
    const ports = portsOf(pod, container, i, launch.hostPorts);
    return {
      ...taken,
      taskId,
      instanceId: launch.instanceId,
      appId: pod.id,
      appVersion: pod.version,
      name,
      agentId: launch.agentId,
      hostname: launch.hostname,
      group,
      containerizer: 'mesos',
      ...(container.image === undefined ? {} : { container: mesosContainer(container.image, networkOf(pod)) }),
      env,
      labels: container.labels,
      discovery: {
        name: discovery.name,
        visibility: 'FRAMEWORK',
        ports: discovery.ports.map((port) => ({ ...port, slot: port.endpoint })),
      },
      ...(container.command === undefined ? {} : { cmd: container.command }),
      args: [],
      healthChecks: container.healthCheck === undefined ? [] : [container.healthCheck],
      slots: ports,
      userPortMappings: ports,
    };
  });
}

function networkOf(pod: PodApp): TaskContainer['network'] {
  if (isHostMode(pod)) return 'HOST';
  return pod.networks.some(({ mode }) => mode === 'container') ? 'USER' : 'BRIDGE';
}

/** A container of the Mesos containerizer of which nothing is said but its image and network. */
export function mesosContainer(image: string, network: TaskContainer['network']): TaskContainer {
  return {
    type: 'MESOS',
    image,
    network,
    portMappings: [],
    networkInfos: [],
    forcePullImage: false,
    privileged: false,
    parameters: [],
    volumes: [],
  };
}

/** A container's endpoints, each with the field it comes from and the host port it got. */
function portsOf(pod: PodApp, container: PodContainer, place: number, hostPorts: HostPorts): readonly TaskPort[] {
  const before = pod.pod.containers.slice(0, place).reduce((sum, { endpoints }) => sum + endpoints.length, 0);
  return container.endpoints.map(({ name, containerPort, protocols, labels, networkNames }, index) => {
    const hostPort = hostPorts[before + index];
    return {
      index,
      field: `containers(${place}).endpoints(${index})`,
      name,
      ...(containerPort === undefined ? {} : { containerPort }),
      servicePort: 0,
      protocols: protocols.flatMap((protocol) => (protocol === 'tcp' || protocol === 'udp' ? [protocol] : [])),
      labels,
      networkNames,
      ...(hostPort === undefined ? {} : { hostPort }),
    };
  });
}
