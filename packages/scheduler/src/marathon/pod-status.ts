/**
 * What has become of a pod: its instances, their containers, endpoints and health.
 * Follows mesosphere/marathon v1.8 raml/PodStatusConversion.scala and core/appinfo/impl/AppInfoBaseData.scala. Of instances that ended
 * no history is kept.
 */
import { formatIpv4 } from '@portolan/core';
import { MESOS_BRIDGE_NAME } from '../app/legacy.ts';
import type { PodApp, PodContainer } from '../pod/pod.ts';
import { type Condition, isActive, isTerminal } from '../task/state.ts';
import type { Instance } from './instance.ts';
import { podJson } from './pod-json.ts';
import { type MarathonTask, type PlainJson, plainFields, tasksOf } from './show.ts';
import { formatTimestamp } from './timestamps.ts';

/** Unix time at virtual time 0, and virtual milliseconds. */
export interface StatusTimes {
  readonly epoch: number;
  readonly now: number;
}

/** What every instance's executor takes, whatever the pod's definition says. */
const EXECUTOR = { cpus: 0.1, mem: 32, disk: 10, gpus: 0 };

/** A pod's status; instances that wait for an offer are left out. */
export function podStatus(pod: PodApp, instances: readonly Instance[], { epoch, now }: StatusTimes): PlainJson {
  const known = instances.filter(({ condition }) => condition !== 'Scheduled');
  const shown = known.map((instance) => instanceStatus(pod, instance, epoch));
  const since = known.length === 0 ? now : Math.max(...known.map((instance) => instance.since));
  const stable = shown.filter(({ status }) => status === 'STABLE').length;
  return {
    id: pod.id,
    spec: plainFields(podJson(pod)),
    instances: shown,
    status: stable >= pod.instances ? 'STABLE' : 'DEGRADED',
    statusSince: formatTimestamp(epoch + since),
    lastUpdated: formatTimestamp(epoch + now),
    lastChanged: formatTimestamp(epoch + since),
    terminationHistory: [],
  };
}

function instanceStatus(pod: PodApp, instance: Instance, epoch: number) {
  const tasks = tasksOf(pod, instance);
  const containers = tasks.map((task) => containerStatus(pod, task, epoch));
  const unhealthy = containers.some(({ conditions }) => conditions.some(({ value }) => value === 'false'));
  const { status, message } = instanceState(instance.condition, unhealthy);
  const resources = { ...EXECUTOR };
  for (const { resources: taken } of containers) {
    if (taken === undefined) continue;
    for (const name of ['cpus', 'mem', 'disk', 'gpus'] as const) resources[name] += taken[name];
  }
  const { task } = instance;
  const since = formatTimestamp(epoch + instance.since);
  return {
    id: instance.id,
    status,
    statusSince: since,
    conditions: [],
    ...(task === undefined ? {} : { agentHostname: task.hostname, agentId: task.agentId }),
    resources,
    networks: networkStatus(pod, instance),
    containers: containers.map((container) => plainFields(container)),
    ...(message === undefined ? {} : { message }),
    specReference: `/v2/pods${pod.id}::versions/${task?.appVersion ?? pod.version}`,
    localVolumes: [],
    lastUpdated: since,
    lastChanged: since,
  };
}

function instanceState(condition: Condition, unhealthy: boolean): { readonly status: string; readonly message?: string } {
  if (condition === 'Scheduled' || condition === 'Provisioned') return { status: 'PENDING' };
  if (condition === 'Staging' || condition === 'Starting') return { status: 'STAGING' };
  if (condition === 'Unreachable' || condition === 'UnreachableInactive') {
    return { status: 'DEGRADED', message: 'pod instance has become unreachable' };
  }
  if (condition !== 'Running') return { status: 'TERMINAL' };
  return unhealthy ? { status: 'DEGRADED', message: 'at least one container is not healthy' } : { status: 'STABLE' };
}

/** Addresses by network, as the agent reports them; in host mode its own, under no name. */
function networkStatus(pod: PodApp, { addresses, task }: Instance): PlainJson {
  if (task === undefined || addresses.length === 0) return [];
  const texts = addresses.map(formatIpv4);
  return pod.networks.map(({ mode, name }, i) => {
    if (mode === 'host') return { addresses: texts };
    const own = pod.networks.length === 1 ? texts : texts.slice(i, i + 1);
    return { name: mode === 'container/bridge' ? MESOS_BRIDGE_NAME : (name ?? ''), addresses: own };
  });
}

function containerStatus(pod: PodApp, task: MarathonTask, epoch: number) {
  const container = pod.pod.containers.find(({ name }) => name === task.info.name);
  const since = formatTimestamp(epoch + (task.startedAt ?? task.stagedAt));
  const endpoints = container === undefined || !isActive(task.condition) ? [] : endpointStatus(container, task);
  const holds = container !== undefined && isActive(task.condition) && task.condition !== 'Provisioned';
  return {
    name: task.info.name,
    status: task.state,
    statusSince: since,
    conditions: healthCondition(container, task, since),
    containerId: task.id,
    endpoints,
    resources: holds ? { cpus: container.cpus, mem: container.mem, disk: container.disk, gpus: container.gpus } : undefined,
    lastUpdated: since,
    lastChanged: since,
  };
}

/** Those with a host port first, the one that is checked last. */
function endpointStatus(container: PodContainer, task: MarathonTask) {
  const fixed = container.endpoints.filter(({ hostPort }) => hostPort !== undefined);
  const free = container.endpoints.filter(({ hostPort }) => hostPort === undefined);
  const all = [
    ...fixed.map(({ name }, i) => ({ name, allocatedHostPort: task.ports[i], healthy: undefined })),
    ...free.map(({ name }) => ({ name, allocatedHostPort: undefined, healthy: undefined })),
  ];
  const checked = checkedEndpoint(container);
  const one = all.find(({ name }) => name === checked);
  if (one === undefined) return all;
  return [...all.filter((other) => other !== one), { ...one, healthy: task.healthy }];
}

function healthCondition(container: PodContainer | undefined, { condition, healthy }: MarathonTask, since: string) {
  const early = condition === 'Staging' || condition === 'Starting' || condition === 'Scheduled' || condition === 'Provisioned';
  if (container?.checkDefinition === undefined || early) return [];
  // What an endpoint's check said is no more known once the task is over.
  const known = isTerminal(condition) && checkedEndpoint(container) !== undefined ? undefined : healthy;
  const reason = known === undefined ? 'health-unreported-by-mesos' : 'health-reported-by-mesos';
  return [{ name: 'healthy', lastChanged: since, lastUpdated: since, value: String(known ?? false), reason }];
}

function checkedEndpoint({ checkDefinition }: PodContainer): string | undefined {
  return checkDefinition?.http?.endpoint ?? checkDefinition?.tcp?.endpoint;
}
