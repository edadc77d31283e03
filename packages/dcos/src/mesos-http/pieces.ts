/**
 * Parts that Mesos' old and new JSON have in common, since both print the same protobuf messages: labels, discovery, containers, checks,
 * resources. Follows apache/mesos 1.8 include/mesos/mesos.proto; fields that nothing here knows are left out.
 */
import { formatIpv4, type PortRange } from '@portolan/core';
import { type AgentInfo, type Task, type TaskInfo, takenWith } from '@portolan/scheduler';
import type { MesosLabel, MesosNetwork, MesosPortMapping, MesosTask } from '../mesos-state.ts';
import { formatIp } from '../vips/ip.ts';

/** A value that is printed as JSON. */
export type JsonValue = string | number | boolean | readonly JsonValue[] | { readonly [name: string]: JsonValue | undefined };

/** A JSON object. */
export type JsonRow = { readonly [name: string]: JsonValue | undefined };

/** What a task or an agent has of each kind, by role. */
export interface ResourcePart {
  readonly role: string;
  readonly cpus: number;
  readonly mem: number;
  readonly disk: number;
  readonly gpus?: number | undefined;
  readonly ports: readonly PortRange[];
}

/** The resources an agent registered with. */
export function agentParts(agent: AgentInfo): readonly ResourcePart[] {
  return [agent, ...(agent.reserved ?? [])];
}

/** The resources a task has. */
export function taskParts({ info }: Task): readonly ResourcePart[] {
  return partsOf([info]);
}

/** The resources a task has, and with the first of a group those of its executor. */
export function usedParts({ info }: Task): readonly ResourcePart[] {
  return partsOf(takenWith(info));
}

function partsOf(taken: ReturnType<typeof takenWith>): readonly ResourcePart[] {
  const parts = taken.flatMap((one) => one.allocations ?? [one]);
  return parts.map(({ role, cpus, mem, disk, gpus, ports }) => ({
    role,
    cpus,
    mem,
    disk,
    gpus,
    ports: portsOf(ports),
  }));
}

/** Ports in the order in which they were given, as ranges. */
function portsOf(ports: readonly number[]): readonly PortRange[] {
  const ranges: PortRange[] = [];
  for (const port of ports) {
    const last = ranges.at(-1);
    if (last?.end === port - 1) ranges[ranges.length - 1] = { begin: last.begin, end: port };
    else ranges.push({ begin: port, end: port });
  }
  return ranges;
}

/** `{ "labels": [ { "key", "value" } ] }`. */
export function labelsJson(labels: readonly MesosLabel[]): JsonRow {
  return { labels: labels.map(({ key, value }) => ({ key, value })) };
}

/** DiscoveryInfo. */
export function discoveryJson({ discovery }: MesosTask): JsonRow | undefined {
  if (discovery === undefined) return undefined;
  const ports = (discovery.ports ?? []).map(({ number, name, protocol, labels = [] }) => ({
    number,
    name,
    protocol,
    labels: labels.length === 0 ? undefined : labelsJson(labels),
  }));
  return { visibility: 'FRAMEWORK', name: discovery.name, ports: ports.length === 0 ? {} : { ports } };
}

/** ContainerInfo; undefined for a task that has none. */
export function containerJson({ container }: TaskInfo): JsonRow | undefined {
  if (container === undefined) return undefined;
  const { type, image, network, networkInfos, parameters, privileged, forcePullImage } = container;
  const networks = networkInfos.map(({ name, labels, portMappings }) => ({
    ip_addresses: type === 'MESOS' ? [{ protocol: 'IPv4' }] : undefined,
    name,
    labels: labelsJson(Array.from(labels, ([key, value]) => ({ key, value }))),
    port_mappings: portMappings.length === 0 ? undefined : mappingsJson(portMappings),
  }));
  const infos = networks.length === 0 ? undefined : networks;
  if (type === 'MESOS') {
    const own = image === undefined ? {} : { image: { type: 'DOCKER', docker: { name: image }, cached: !forcePullImage } };
    return { type, mesos: own, network_infos: infos };
  }
  const mappings = container.portMappings.length === 0 ? undefined : mappingsJson(container.portMappings);
  const docker = {
    image,
    network,
    port_mappings: mappings,
    privileged,
    parameters: parameters.map(({ key, value }) => ({ key, value })),
    force_pull_image: forcePullImage,
  };
  return { type, docker, network_infos: infos };
}

/** HealthCheck, of a task that has one of Mesos' own. */
export function healthCheckJson({ healthChecks }: TaskInfo): JsonRow | undefined {
  const check = healthChecks.find(({ protocol = 'HTTP' }) => protocol === 'COMMAND' || protocol.startsWith('MESOS_'));
  if (check === undefined) return undefined;
  const kind = check.protocol === 'COMMAND' ? 'COMMAND' : check.protocol === 'MESOS_TCP' ? 'TCP' : 'HTTP';
  const scheme = check.protocol === 'MESOS_HTTPS' ? 'https' : 'http';
  return {
    delay_seconds: check.delaySeconds ?? 15,
    interval_seconds: check.intervalSeconds ?? 60,
    timeout_seconds: check.timeoutSeconds ?? 20,
    consecutive_failures: check.maxConsecutiveFailures ?? 3,
    grace_period_seconds: check.gracePeriodSeconds ?? 300,
    type: kind,
    http: kind === 'HTTP' ? { protocol: 'IPv4', scheme, path: check.path ?? '/' } : undefined,
    tcp: kind === 'TCP' ? { protocol: 'IPv4' } : undefined,
    command: kind === 'COMMAND' ? { shell: true, value: check.command?.value ?? '' } : undefined,
  };
}

/** ContainerStatus: the networks a container is on. */
export function containerStatusJson(networks: readonly MesosNetwork[]): JsonRow {
  const infos = networks.map(({ addresses, portMappings = [] }) => ({
    ip_addresses: addresses.map((address) => ({
      protocol: typeof address === 'number' ? 'IPv4' : 'IPv6',
      ip_address: typeof address === 'number' ? formatIpv4(address) : formatIp(address),
    })),
    port_mappings: portMappings.length === 0 ? undefined : mappingsJson(portMappings),
  }));
  return { network_infos: infos };
}

function mappingsJson(mappings: readonly MesosPortMapping[]): JsonValue {
  return mappings.map(({ hostPort, containerPort, protocol }) => ({
    host_port: hostPort,
    container_port: containerPort,
    protocol,
  }));
}
