/**
 * A pod as Marathon hands it to Mesos: one executor that holds network and ports, and a task for each container.
 * Follows mesosphere/marathon v1.8 mesos/TaskGroupBuilder.scala and mesos/PortDiscovery.scala.
 */
import { formatDouble } from '../app/double.ts';
import { hostnameOf, safePath } from '../app/id.ts';
import { MESOS_BRIDGE_NAME } from '../app/legacy.ts';
import type { Pairs } from '../app/read.ts';
import type { HostPorts } from '../match/ports.ts';
import { type Endpoint, type PodApp, type PodContainer, podMode } from './pod.ts';

/** A port of a container in the world's eyes. */
export interface PodDiscoveryPort {
  readonly number: number;
  readonly name: string;
  /** Absent if the endpoint names none. */
  readonly protocol?: string;
  readonly labels: Pairs;
  /** Index among the container's endpoints. */
  readonly endpoint: number;
}

/** A port passed from the agent into the pod's network. */
export interface PodPortMapping {
  readonly containerPort: number;
  readonly hostPort: number;
  /** Absent if the endpoint names none. */
  readonly protocol?: string;
  /** The endpoint's place in the pod: `containers(0).endpoints(1)`. */
  readonly field: string;
}

/** A container's task. */
export interface PodTask {
  readonly taskId: string;
  readonly name: string;
  readonly container: PodContainer;
  /** Sorted by name. */
  readonly env: Pairs;
  readonly discovery: { readonly name: string; readonly ports: readonly PodDiscoveryPort[] };
}

/** All that is launched for one instance of a pod. */
export interface TaskGroup {
  readonly executor: {
    readonly executorId: string;
    readonly ports: readonly number[];
    readonly networks: readonly {
      readonly name: string;
      readonly labels: Pairs;
      readonly portMappings: readonly PodPortMapping[];
    }[];
  };
  readonly tasks: readonly PodTask[];
}

/** Where an instance of a pod is launched, and under which ids. */
export interface PodPlacement {
  /** `<path>.instance-<uuid>`. */
  readonly instanceId: string;
  /** Counted from 1. */
  readonly launch: number;
  readonly hostname: string;
  /** By endpoint, over all containers in order. */
  readonly hostPorts: HostPorts;
}

/** The task group of an instance. `prefix` is `--env_vars_prefix`. */
export function taskGroup(pod: PodApp, placement: PodPlacement, prefix = ''): TaskGroup {
  const { instanceId, launch, hostPorts } = placement;
  const uuid = instanceId.slice(instanceId.lastIndexOf('.instance-') + '.instance-'.length);
  const executorId = `instance-${safePath(pod.id)}.${uuid}`;
  const endpoints = pod.pod.containers.flatMap((container) => container.endpoints);
  const variables = endpointVariables(pod, endpoints, hostPorts, prefix);
  let first = 0;
  const tasks = pod.pod.containers.map((container): PodTask => {
    const mine = hostPorts.slice(first, first + container.endpoints.length);
    first += container.endpoints.length;
    const taskId = `${instanceId}.${container.name}.${launch}`;
    return {
      taskId,
      name: container.name,
      container,
      env: podEnvironment(pod, container, { taskId, executorId, hostname: placement.hostname }, variables),
      discovery: { name: hostnameOf(pod.id), ports: podDiscovery(pod, container.endpoints, mine) },
    };
  });
  const ports = hostPorts.filter((port) => port !== undefined);
  return { executor: { executorId, ports, networks: podNetworks(pod, endpoints, hostPorts) }, tasks };
}

/** What a pod's endpoints tell in DiscoveryInfo: one record per protocol, and per network where there is no host port. */
export function podDiscovery(pod: PodApp, endpoints: readonly Endpoint[], hostPorts: HostPorts): readonly PodDiscoveryPort[] {
  const host = podMode(pod) === 'host';
  const names = pod.networks.flatMap(({ mode, name }) => (mode === 'container' && name !== undefined ? [name] : []));
  return endpoints.flatMap((endpoint, i) => {
    const hostPort = hostPorts[i];
    const protocols = endpoint.protocols.length === 0 ? [undefined] : endpoint.protocols;
    const record = (number: number, protocol: string | undefined, scope: Pairs): PodDiscoveryPort => ({
      number,
      name: endpoint.name,
      ...(protocol === undefined ? {} : { protocol }),
      endpoint: i,
      labels: sorted([...endpoint.labels.filter(([key]) => scope.every(([added]) => added !== key)), ...scope]),
    });
    if (hostPort !== undefined) {
      return protocols.map((protocol) => record(hostPort, protocol, host ? [] : [['network-scope', 'host']]));
    }
    const scoped = endpoint.networkNames.length > 0 ? endpoint.networkNames : names;
    return protocols.flatMap((protocol) =>
      scoped.map((name) =>
        record(endpoint.containerPort ?? 0, protocol, [
          ['network-name', name],
          ['network-scope', 'container'],
        ]),
      ),
    );
  });
}

/** `ENDPOINT_<NAME>`, `EP_HOST_<NAME>`, `EP_CONTAINER_<NAME>` of all endpoints: every container gets them. */
export function endpointVariables(pod: PodApp, endpoints: readonly Endpoint[], hostPorts: HostPorts, prefix = ''): Pairs {
  const host = podMode(pod) === 'host';
  return endpoints.flatMap(({ name, containerPort }, i) => {
    const hostPort = hostPorts[i];
    const main = host ? hostPort : containerPort;
    const upper = name.toUpperCase().replace(/[^A-Z0-9_]+/g, '_');
    const variables: [string, string][] = [];
    const add = (kind: string, value: number | undefined): void => {
      if (value !== undefined) variables.push([`${prefix.toUpperCase()}${kind}_${upper}`, String(value)]);
    };
    add('ENDPOINT', main);
    add('EP_HOST', hostPort);
    add('EP_CONTAINER', containerPort);
    return variables;
  });
}

function podEnvironment(
  pod: PodApp,
  container: PodContainer,
  ids: { readonly taskId: string; readonly executorId: string; readonly hostname: string },
  endpoints: Pairs,
): Pairs {
  const labels = new Map([...pod.labels, ...container.labels]);
  const escaped = [...labels].map(([key, value]) => [key.replace(/[^a-zA-Z0-9_]+/g, '_').toUpperCase(), value] as const);
  const variables = new Map<string, string>([
    ...pod.pod.env,
    ...container.env,
    ['HOST', ids.hostname],
    ['MESOS_TASK_ID', ids.taskId],
    ['MESOS_EXECUTOR_ID', ids.executorId],
    ['MARATHON_APP_ID', pod.id],
    ['MARATHON_APP_VERSION', pod.version],
    ['MARATHON_CONTAINER_ID', container.name],
    ['MARATHON_CONTAINER_RESOURCE_CPUS', formatDouble(container.cpus)],
    ['MARATHON_CONTAINER_RESOURCE_MEM', formatDouble(container.mem)],
    ['MARATHON_CONTAINER_RESOURCE_DISK', formatDouble(container.disk)],
    ['MARATHON_CONTAINER_RESOURCE_GPUS', String(container.gpus)],
    ['MARATHON_APP_LABELS', escaped.map(([key]) => key).join(' ')],
    ...escaped.map(([key, value]) => [`MARATHON_APP_LABEL_${key}`, value] as const),
    ...endpoints,
  ]);
  return sorted([...variables]);
}

function podNetworks(pod: PodApp, endpoints: readonly Endpoint[], hostPorts: HostPorts): TaskGroup['executor']['networks'] {
  const fields = pod.pod.containers.flatMap(({ endpoints: own }, i) => own.map((_, j) => `containers(${i}).endpoints(${j})`));
  return pod.networks.flatMap(({ mode, name: given = '', labels }) => {
    if (mode === 'host') return [];
    const name = mode === 'container/bridge' ? MESOS_BRIDGE_NAME : given;
    const portMappings = endpoints.flatMap((endpoint, i): readonly PodPortMapping[] => {
      const hostPort = hostPorts[i];
      if (hostPort === undefined || !endpoint.networkNames.every((listed) => listed === name)) return [];
      const containerPort = endpoint.containerPort || hostPort;
      const protocols = endpoint.protocols.length === 0 ? [undefined] : endpoint.protocols;
      const mapping = { containerPort, hostPort, field: fields[i] ?? '' };
      return protocols.map((protocol) => ({ ...mapping, ...(protocol === undefined ? {} : { protocol }) }));
    });
    return [{ name, labels, portMappings }];
  });
}

function sorted(variables: Pairs): Pairs {
  return [...variables].sort((a, b) => (a[0] < b[0] ? -1 : 1));
}
