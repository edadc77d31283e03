/**
 * A task as Marathon hands it to Mesos: complete, so that an agent needs nothing else to run it.
 * Follows mesosphere/marathon v1.8 mesos/TaskBuilder.scala and api/serialization/ContainerSerializer.scala.
 */
import type { Random } from '@portolan/core';
import { type App, type AppContainer, isHostMode } from '../app/app.ts';
import type { HealthCheck, HostVolume } from '../app/definition.ts';
import { hostnameOf } from '../app/id.ts';
import { MESOS_BRIDGE_NAME } from '../app/legacy.ts';
import type { Pairs } from '../app/read.ts';
import type { HostPorts } from '../match/ports.ts';
import { type Discovery, discovery } from './discovery.ts';
import { environment } from './environment.ts';
import { type PortSlot, portSlots } from './port-slots.ts';

/** A port passed from the agent into a container. */
export interface TaskPortMapping {
  readonly containerPort: number;
  readonly hostPort: number;
  /** A Mesos container's `udp,tcp` is not split. */
  readonly protocol: 'tcp' | 'udp' | 'udp,tcp';
  /** Index into {@link TaskInfo.userPortMappings}. */
  readonly slot: number;
}

/** A CNI network of a Mesos container. */
export interface NetworkInfo {
  readonly name: string;
  readonly labels: Pairs;
  readonly portMappings: readonly TaskPortMapping[];
}

/** What a task runs in. */
export interface TaskContainer {
  readonly type: 'DOCKER' | 'MESOS';
  /** Absent for a Mesos container without image. */
  readonly image?: string;
  readonly network: 'HOST' | 'BRIDGE' | 'USER';
  /** The first container network's name. */
  readonly networkName?: string;
  /** `docker run -p`; of a Mesos container, those of all its networks. */
  readonly portMappings: readonly TaskPortMapping[];
  /** Of a Mesos container; a Docker container has none or the one it is named for. */
  readonly networkInfos: readonly NetworkInfo[];
  readonly forcePullImage: boolean;
  readonly privileged: boolean;
  /** In order; the last is `label=MESOS_TASK_ID=<task id>` for Docker. */
  readonly parameters: readonly { readonly key: string; readonly value: string }[];
  readonly volumes: readonly HostVolume[];
}

/** A task to launch. */
export interface TaskInfo {
  readonly taskId: string;
  readonly instanceId: string;
  readonly appId: string;
  readonly appVersion: string;
  /** The reversed path. */
  readonly name: string;
  readonly agentId: string;
  readonly hostname: string;
  /** Role of the resources it runs on. */
  readonly role: string;
  readonly cpus: number;
  /** MiB. */
  readonly mem: number;
  /** MiB. */
  readonly disk: number;
  /** Host ports granted, in slot order. */
  readonly ports: readonly number[];
  /** Absent for a plain command on its agent's network. */
  readonly container?: TaskContainer;
  /** Sorted by name. */
  readonly env: Pairs;
  readonly labels: Pairs;
  readonly discovery: Discovery;
  readonly cmd?: string;
  readonly args: readonly string[];
  readonly healthChecks: readonly HealthCheck[];
  readonly taskKillGracePeriodSeconds?: number;
  /** The app's ports, each with the field it comes from and the host port this task got. */
  readonly userPortMappings: readonly TaskPort[];
}

/** A port of an app and what one task got for it. */
export interface TaskPort extends PortSlot {
  readonly hostPort?: number;
}

/** Where an instance is launched. */
export interface LaunchPlace {
  readonly agentId: string;
  readonly hostname: string;
  readonly role: string;
}

/** The task of an instance at a place with these host ports. */
export function taskInfo(
  app: App,
  ids: { readonly taskId: string; readonly instanceId: string },
  place: LaunchPlace,
  hostPorts: HostPorts,
  random: Random,
): TaskInfo {
  const container = taskContainer(app, ids.taskId, hostPorts);
  const grace = app.taskKillGracePeriodSeconds;
  return {
    taskId: ids.taskId,
    instanceId: ids.instanceId,
    appId: app.id,
    appVersion: app.version,
    name: hostnameOf(app.id),
    agentId: place.agentId,
    hostname: place.hostname,
    role: place.role,
    cpus: app.cpus,
    mem: app.mem,
    disk: app.disk,
    ports: hostPorts.filter((port) => port !== undefined),
    ...(container === undefined ? {} : { container }),
    env: environment(app, { taskId: ids.taskId, hostname: place.hostname, hostPorts }, random),
    labels: app.labels,
    discovery: discovery(app, hostPorts),
    ...(app.cmd === undefined ? {} : { cmd: app.cmd }),
    args: app.args,
    healthChecks: app.healthChecks,
    ...(grace === undefined ? {} : { taskKillGracePeriodSeconds: grace }),
    userPortMappings: portSlots(app).map((slot, i) => {
      const hostPort = hostPorts[i];
      return hostPort === undefined ? slot : { ...slot, hostPort };
    }),
  };
}

function taskContainer(app: App, taskId: string, hostPorts: HostPorts): TaskContainer | undefined {
  const container = app.container;
  if (container === undefined) return undefined;
  const docker = container.docker;
  const containerNetwork = app.networks.find((network) => network.mode === 'container');
  const common = {
    ...(docker === undefined ? {} : { image: docker.image }),
    network: isHostMode(app) ? ('HOST' as const) : containerNetwork === undefined ? ('BRIDGE' as const) : ('USER' as const),
    ...(containerNetwork?.name === undefined ? {} : { networkName: containerNetwork.name }),
    forcePullImage: docker?.forcePullImage ?? false,
    privileged: docker?.privileged ?? false,
    volumes: container.volumes,
  };
  if (container.type === 'MESOS') {
    const networkInfos = cniNetworks(app, container, hostPorts);
    const portMappings = networkInfos.flatMap((network) => network.portMappings);
    return { type: 'MESOS', ...common, portMappings, networkInfos, parameters: docker?.parameters ?? [] };
  }
  return {
    type: 'DOCKER',
    ...common,
    portMappings: publishedMappings(app, hostPorts),
    networkInfos: containerNetwork?.name === undefined ? [] : [{ name: containerNetwork.name, labels: [], portMappings: [] }],
    parameters: [...(docker?.parameters ?? []), { key: 'label', value: `MESOS_TASK_ID=${taskId}` }],
  };
}

/** One mapping per protocol for every port that got a host port; container port 0 becomes the host port. */
function publishedMappings(app: App, hostPorts: HostPorts): readonly TaskPortMapping[] {
  if (isHostMode(app)) return [];
  return portSlots(app).flatMap((slot) => {
    const hostPort = hostPorts[slot.index];
    if (hostPort === undefined) return [];
    const containerPort = slot.containerPort === 0 || slot.containerPort === undefined ? hostPort : slot.containerPort;
    return slot.protocols.map((protocol) => ({ containerPort, hostPort, protocol, slot: slot.index }));
  });
}

function cniNetworks(app: App, container: AppContainer, hostPorts: HostPorts): readonly NetworkInfo[] {
  return app.networks.flatMap((network) => {
    if (network.mode === 'host') return [];
    const name = network.mode === 'container/bridge' ? MESOS_BRIDGE_NAME : (network.name ?? '');
    const portMappings = container.portMappings.flatMap((mapping, slot) => {
      const hostPort = hostPorts[slot];
      if (hostPort === undefined || !mapping.networkNames.every((listed) => listed === name)) return [];
      const containerPort = mapping.containerPort === 0 ? hostPort : mapping.containerPort;
      return [{ containerPort, hostPort, protocol: mapping.protocol, slot }];
    });
    return [{ name, labels: network.labels, portMappings }];
  });
}
