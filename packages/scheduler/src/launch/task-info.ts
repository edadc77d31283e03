/**
 * A task as Marathon hands it to Mesos: complete, so that an agent needs nothing else to run it.
 * Follows mesosphere/marathon v1.8 mesos/TaskBuilder.scala and api/serialization/ContainerSerializer.scala.
 */
import { memo, Random } from '@portolan/core';
import { type App, type AppContainer, isHostMode } from '../app/app.ts';
import type { HealthCheck, HostVolume } from '../app/definition.ts';
import { hostnameOf } from '../app/id.ts';
import { MESOS_BRIDGE_NAME } from '../app/legacy.ts';
import type { Pairs } from '../app/read.ts';
import type { HostPorts } from '../match/ports.ts';
import type { Allocation, Taken } from '../mesos/pools.ts';
import type { TaskGroup } from '../pod/task-group.ts';
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
  readonly image?: string | undefined;
  readonly network: 'HOST' | 'BRIDGE' | 'USER';
  /** The first container network's name. */
  readonly networkName?: string | undefined;
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

/** A custom executor. */
export interface TaskExecutor {
  readonly executorId: string;
  readonly command: string;
  readonly container?: TaskContainer;
}

/** What the tasks of a pod's instance have in common: their executor. */
export interface TaskGroupInfo {
  readonly executorId: string;
  /** What it takes besides its tasks, the host ports among it: given back with the first of them, since all end together. */
  readonly executor: Taken;
  readonly networks: TaskGroup['executor']['networks'];
  /** The ids of all its tasks, in the order of the pod's containers. */
  readonly taskIds: readonly string[];
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
  readonly gpus?: number | undefined;
  /** Present if its resources are of several roles: which of which. */
  readonly allocations?: readonly Allocation[] | undefined;
  /** Host ports granted, in slot order. */
  readonly ports: readonly number[];
  /** Of a pod's task: its executor, and so its network. */
  readonly group?: TaskGroupInfo | undefined;
  /** Which of the agent's containerizers takes it. */
  readonly containerizer: 'docker' | 'mesos';
  /** Absent for a plain command on its agent's network, and with a custom executor. */
  readonly container?: TaskContainer | undefined;
  /** A custom executor: the app's container is its. */
  readonly executor?: TaskExecutor | undefined;
  /** Sorted by name. */
  readonly env: Pairs;
  readonly labels: Pairs;
  readonly discovery: Discovery;
  readonly cmd?: string | undefined;
  readonly args: readonly string[];
  readonly healthChecks: readonly HealthCheck[];
  readonly taskKillGracePeriodSeconds?: number | undefined;
  /** The app's ports, each with the field it comes from. */
  readonly slots: readonly PortSlot[];
  /** The same with the host port that this task got. */
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
  readonly allocations?: readonly Allocation[];
}

/** The task of an instance at a place with these host ports. */
export function taskInfo(
  app: App,
  ids: { readonly taskId: string; readonly instanceId: string },
  place: LaunchPlace,
  hostPorts: HostPorts,
  random: Random,
  envPrefix = '',
): TaskInfo {
  return new LaunchedTask(app, ids, place, hostPorts, random, envPrefix);
}

/** What of a task is the same for all tasks of an app. */
const common = memo((app: App) => ({
  name: hostnameOf(app.id),
  disk: app.disk + app.persistentDisk,
  gpus: app.gpus === 0 ? undefined : app.gpus,
  slots: portSlots(app),
  container: containerOf(app),
}));

type Common = ReturnType<typeof common>;

/** Whether some port is made up, by chance, when the task is launched. */
function makesPortsUp({ slots }: Common, hostPorts: HostPorts): boolean {
  return slots.some((slot, i) => hostPorts[i] === undefined && (slot.containerPort ?? slot.servicePort) === 0);
}

/** A task keeps what is its own, and derives from its app what all of them share: there may be very many. */
class LaunchedTask implements TaskInfo {
  readonly taskId: string;
  readonly instanceId: string;
  readonly agentId: string;
  readonly hostname: string;
  readonly role: string;
  readonly ports: readonly number[];
  readonly allocations: readonly Allocation[] | undefined;
  private readonly madeUp: Pairs | undefined;
  // A private name: where a task is printed with what is its own, this is not.
  readonly #common: Common;

  constructor(
    private readonly app: App,
    ids: { readonly taskId: string; readonly instanceId: string },
    place: LaunchPlace,
    readonly hostPorts: HostPorts,
    random: Random,
    private readonly envPrefix: string,
  ) {
    this.taskId = ids.taskId;
    this.instanceId = ids.instanceId;
    this.agentId = place.agentId;
    this.hostname = place.hostname;
    this.role = place.role;
    this.allocations = place.allocations;
    this.ports = hostPorts.includes(undefined)
      ? hostPorts.filter((port) => port !== undefined)
      : (hostPorts as readonly number[]);
    this.#common = common(app);
    this.madeUp = makesPortsUp(this.#common, hostPorts) ? this.variables(random) : undefined;
  }

  get appId(): string {
    return this.app.id;
  }

  get appVersion(): string {
    return this.app.version;
  }

  get name(): string {
    return this.#common.name;
  }

  get cpus(): number {
    return this.app.cpus;
  }

  get mem(): number {
    return this.app.mem;
  }

  get disk(): number {
    return this.#common.disk;
  }

  get gpus(): number | undefined {
    return this.#common.gpus;
  }

  get containerizer(): TaskInfo['containerizer'] {
    return this.app.container?.type === 'DOCKER' && this.app.executor === '' ? 'docker' : 'mesos';
  }

  get container(): TaskContainer | undefined {
    return this.app.executor === '' ? this.appContainer : undefined;
  }

  get executor(): TaskExecutor | undefined {
    const { executor } = this.app;
    if (executor === '') return undefined;
    const container = this.appContainer;
    const named = { executorId: `marathon-${this.taskId}`, command: executor };
    return container === undefined ? named : { ...named, container };
  }

  get env(): Pairs {
    return this.madeUp ?? this.variables(NO_CHANCE);
  }

  get labels(): Pairs {
    return this.app.labels;
  }

  get discovery(): Discovery {
    return discovery(this.app, this.hostPorts);
  }

  get cmd(): string | undefined {
    return this.app.cmd;
  }

  get args(): readonly string[] {
    return this.app.args;
  }

  get healthChecks(): readonly HealthCheck[] {
    return this.app.healthChecks;
  }

  get taskKillGracePeriodSeconds(): number | undefined {
    return this.app.taskKillGracePeriodSeconds;
  }

  get slots(): readonly PortSlot[] {
    return this.#common.slots;
  }

  private get appContainer(): TaskContainer | undefined {
    return taskContainer(this.app, this.#common.container, this);
  }

  get userPortMappings(): readonly TaskPort[] {
    return this.slots.map((slot, i) => {
      const hostPort = this.hostPorts[i];
      return hostPort === undefined ? slot : { ...slot, hostPort };
    });
  }

  private variables(random: Random): Pairs {
    const { taskId, hostname, hostPorts } = this;
    return environment(this.app, { taskId, hostname, hostPorts }, random, this.envPrefix);
  }
}

/** Where no port is made up, chance is not asked. */
const NO_CHANCE = new Random(0);

/** What of a container is the same for all tasks of an app; the networks of a Mesos container are not. */
function containerOf(app: App): SharedContainer | undefined {
  const { container, networks } = app;
  if (container === undefined) return undefined;
  const { docker, type } = container;
  const own = networks.find((network) => network.mode === 'container');
  const named = type === 'DOCKER' && own?.name !== undefined ? [{ name: own.name, labels: [], portMappings: [] }] : [];
  return {
    type,
    ...(docker === undefined ? {} : { image: docker.image }),
    network: isHostMode(app) ? 'HOST' : own === undefined ? 'BRIDGE' : 'USER',
    ...(own?.name === undefined ? {} : { networkName: own.name }),
    networkInfos: named,
    forcePullImage: docker?.forcePullImage ?? false,
    privileged: docker?.privileged ?? false,
    parameters: docker?.parameters ?? [],
    volumes: container.volumes,
  };
}

type SharedContainer = Omit<TaskContainer, 'portMappings'>;

function taskContainer(
  app: App,
  shared: SharedContainer | undefined,
  { taskId, hostPorts }: { readonly taskId: string; readonly hostPorts: HostPorts },
): TaskContainer | undefined {
  if (shared === undefined || app.container === undefined) return undefined;
  if (shared.type === 'MESOS') {
    const networkInfos = cniNetworks(app, app.container, hostPorts);
    return { ...shared, networkInfos, portMappings: networkInfos.flatMap((network) => network.portMappings) };
  }
  return new DockerContainer(app, shared, taskId, hostPorts);
}

/** Most readers want one field of a task's container: it is as cheap to make as to keep. */
class DockerContainer implements TaskContainer {
  readonly type = 'DOCKER';

  constructor(
    private readonly app: App,
    private readonly shared: SharedContainer,
    private readonly taskId: string,
    private readonly hostPorts: HostPorts,
  ) {}

  get image(): string | undefined {
    return this.shared.image;
  }

  get network(): TaskContainer['network'] {
    return this.shared.network;
  }

  get networkName(): string | undefined {
    return this.shared.networkName;
  }

  get portMappings(): readonly TaskPortMapping[] {
    return publishedMappings(this.app, this.hostPorts);
  }

  get networkInfos(): readonly NetworkInfo[] {
    return this.shared.networkInfos;
  }

  get forcePullImage(): boolean {
    return this.shared.forcePullImage;
  }

  get privileged(): boolean {
    return this.shared.privileged;
  }

  get parameters(): TaskContainer['parameters'] {
    return [...this.shared.parameters, { key: 'label', value: `MESOS_TASK_ID=${this.taskId}` }];
  }

  get volumes(): readonly HostVolume[] {
    return this.shared.volumes;
  }
}

/** One mapping per protocol for every port that got a host port; container port 0 becomes the host port. */
function publishedMappings(app: App, hostPorts: HostPorts): readonly TaskPortMapping[] {
  const mappings: TaskPortMapping[] = [];
  if (isHostMode(app)) return mappings;
  for (const { index: slot, containerPort: asked, protocols } of portSlots(app)) {
    const hostPort = hostPorts[slot];
    if (hostPort === undefined) continue;
    const containerPort = asked === 0 || asked === undefined ? hostPort : asked;
    for (const protocol of protocols) mappings.push({ containerPort, hostPort, protocol, slot });
  }
  return mappings;
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

/** All that is taken of the agent with a task: with the first of a group, its executor's part. */
export function takenWith(task: TaskInfo): readonly Taken[] {
  const { group } = task;
  return group === undefined || group.taskIds[0] !== task.taskId ? [task] : [group.executor, task];
}
