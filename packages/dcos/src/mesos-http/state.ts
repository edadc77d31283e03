/**
 * Mesos' `/state` of a master, which Mesos-DNS reads every half minute, and of an agent.
 * Follows apache/mesos 1.8 src/master/readonly_handler.cpp, src/slave/http.cpp and src/common/http.cpp. Numbers that are whole are
 * printed without `.0`, tasks that are over are not kept, and flags and build are left out.
 */
import { formatRanges, portRanges } from '@portolan/core';
import type { AgentInfo, MesosMaster, Task } from '@portolan/scheduler';
import { ShownTask } from '../mesos-task.ts';
import {
  agentParts,
  containerJson,
  containerStatusJson,
  discoveryJson,
  healthCheckJson,
  type JsonRow,
  labelsJson,
  type ResourcePart,
  taskParts,
  usedParts,
} from './pieces.ts';

/** What both JSONs are made from. */
export interface MesosHttpSources {
  readonly master: MesosMaster;
  /** The leading master's address as text. */
  readonly leader: string;
  /** Unix milliseconds at virtual time 0. */
  readonly epoch: number;
}

/** The Mesos of DC/OS 1.13. */
export const MESOS_VERSION = '1.8.1';

/** What a framework of one role, or of several, can do, as it registered. */
export const CAPABILITIES = ['TASK_KILLING_STATE', 'GPU_RESOURCES', 'PARTITION_AWARE', 'REGION_AWARE'] as const;

/** `/state` of the leading master. */
export function masterState(sources: MesosHttpSources): JsonRow {
  const { master, leader, epoch } = sources;
  const pid = `master@${leader}:5050`;
  const start = epoch / 1000;
  const agents = master.agents();
  const active = agents.filter(({ id }) => master.isActive(id)).length;
  return {
    version: MESOS_VERSION,
    start_time: start,
    elected_time: start,
    id: master.id,
    pid,
    hostname: leader,
    activated_slaves: active,
    deactivated_slaves: agents.length - active,
    unreachable_slaves: master.unreachableAgents().length,
    leader: pid,
    leader_info: { id: master.id, pid, port: 5050, hostname: leader },
    slaves: agents.map((agent) => agentJson(agent, sources)),
    recovered_slaves: [],
    frameworks: frameworksJson(sources),
    completed_frameworks: [],
    orphan_tasks: [],
    unregistered_frameworks: [],
  };
}

/** `/slaves` of the leading master. */
export function slavesJson(sources: MesosHttpSources): JsonRow {
  return { slaves: sources.master.agents().map((agent) => agentJson(agent, sources)), recovered_slaves: [] };
}

/** `/state` of an agent: what runs there. */
export function agentState(agentId: string, sources: MesosHttpSources): JsonRow {
  const { master, leader, epoch } = sources;
  const agent = master.agent(agentId);
  const tasks = master.tasksOn(agentId);
  const frameworks = master.frameworks().filter(({ id }) => tasks.some(({ framework }) => framework.id === id));
  return {
    version: MESOS_VERSION,
    start_time: epoch / 1000,
    id: agentId,
    pid: `slave(1)@${agent.hostname}:5051`,
    hostname: agent.hostname,
    master_hostname: leader,
    ...agentResources(agent),
    attributes: Object.fromEntries(agent.attributes),
    frameworks: frameworks.map(({ id, name, roles }) => ({
      id,
      name,
      ...roleFields(roles),
      hostname: leader,
      executors: executorsJson(
        tasks.filter(({ framework }) => framework.id === id),
        epoch,
      ),
      completed_executors: [],
    })),
    completed_frameworks: [],
  };
}

/** A command executor for each task, a default executor for those of a pod's instance. */
function executorsJson(tasks: readonly Task[], epoch: number): readonly JsonRow[] {
  const firsts = tasks.filter(({ info }) => info.group === undefined || info.group.taskIds[0] === info.taskId);
  return firsts.map((task) => {
    const { group } = task.info;
    if (group === undefined) return executorJson([task], `Command Executor (Task: ${task.info.taskId})`, epoch);
    const own = tasks.filter(({ info }) => info.group?.executorId === group.executorId);
    return { ...executorJson(own, '', epoch), id: group.executorId, source: '', type: 'DEFAULT' };
  });
}

function executorJson(tasks: readonly Task[], name: string, epoch: number): JsonRow {
  const id = tasks[0]?.info.taskId ?? '';
  return {
    id,
    name,
    source: id,
    resources: sumJson(tasks.flatMap(usedParts)),
    tasks: tasks.map((task) => taskJson(task, epoch)),
    queued_tasks: [],
    completed_tasks: [],
  };
}

function frameworksJson({ master, leader, epoch }: MesosHttpSources): readonly JsonRow[] {
  const tasks = [...master.tasks()];
  const unreachable = master.unreachableTasks();
  return master.frameworks().map(({ id, name, roles, partitionAware }) => {
    const own = tasks.filter(({ framework }) => framework.id === id);
    const offers = master.offersOf(id);
    const used = own.flatMap(usedParts);
    const offered = offers.flatMap((offer) => [offer, ...(offer.reserved ?? [])]);
    return {
      id,
      name,
      pid: `scheduler@${leader}:15101`,
      used_resources: sumJson(used),
      offered_resources: sumJson(offered),
      capabilities: capabilitiesOf(roles, partitionAware === true),
      hostname: leader,
      webui_url: `http://${leader}:8080`,
      active: true,
      connected: true,
      recovered: false,
      user: 'root',
      failover_timeout: 604800,
      checkpoint: true,
      registered_time: epoch / 1000,
      unregistered_time: 0,
      resources: sumJson([...used, ...offered]),
      ...roleFields(roles),
      tasks: own.map((task) => taskJson(task, epoch)),
      unreachable_tasks: unreachable.filter(({ framework }) => framework.id === id).map((task) => taskJson(task, epoch)),
      completed_tasks: [],
      offers: offers.map((offer) => ({
        id: offer.id,
        framework_id: id,
        allocation_info: { role: offer.allocatedTo },
        slave_id: offer.agentId,
        resources: sumJson([offer, ...(offer.reserved ?? [])]),
      })),
      executors: [],
    };
  });
}

/** A framework's capabilities. */
export function capabilitiesOf(roles: readonly string[], partitionAware: boolean): readonly string[] {
  const known = CAPABILITIES.filter((capability) => partitionAware || capability !== 'PARTITION_AWARE');
  return roles.length > 1 ? [...known, 'MULTI_ROLE'] : known;
}

function roleFields(roles: readonly string[]): JsonRow {
  return roles.length > 1 ? { roles } : { role: roles[0] };
}

/** A task, as both the master and its agent print it. */
function taskJson(task: Task, epoch: number): JsonRow {
  const { info } = task;
  const seen = new ShownTask(task, 0);
  return {
    id: info.taskId,
    name: info.name,
    framework_id: task.framework.id,
    executor_id: info.executor?.executorId ?? info.group?.executorId ?? '',
    slave_id: info.agentId,
    state: task.state,
    resources: sumJson(taskParts(task)),
    role: task.allocatedTo,
    statuses: seen.statuses.map(({ state, timestamp, networks, healthy }) => ({
      state,
      timestamp: epoch / 1000 + timestamp,
      container_status: networks.every(({ addresses }) => addresses.length === 0) ? undefined : containerStatusJson(networks),
      healthy,
    })),
    labels: seen.labels === undefined || seen.labels.length === 0 ? undefined : labelsJson(seen.labels).labels,
    discovery: discoveryJson(seen),
    container: containerJson(info),
    health_check: healthCheckJson(info),
  };
}

function agentJson(agent: AgentInfo, { master, epoch }: MesosHttpSources): JsonRow {
  const { id, hostname, attributes, region, zone } = agent;
  const tasks = master.tasksOn(id);
  return {
    id,
    hostname,
    port: 5051,
    attributes: Object.fromEntries(attributes),
    domain:
      region === undefined && zone === undefined
        ? undefined
        : { fault_domain: { region: { name: region ?? '' }, zone: { name: zone ?? '' } } },
    pid: `slave(1)@${hostname}:5051`,
    registered_time: epoch / 1000,
    ...agentResources(agent),
    used_resources: sumJson(tasks.flatMap(usedParts)),
    active: master.isActive(id),
    version: MESOS_VERSION,
    capabilities: ['MULTI_ROLE', 'HIERARCHICAL_ROLE', 'RESERVATION_REFINEMENT'],
  };
}

function agentResources(agent: AgentInfo): JsonRow {
  const parts = agentParts(agent);
  const reserved = parts.filter(({ role }) => role !== '*');
  return {
    resources: sumJson(parts),
    reserved_resources: Object.fromEntries(reserved.map((part) => [part.role, sumJson([part])])),
    unreserved_resources: sumJson(parts.filter(({ role }) => role === '*')),
  };
}

/** Resources in the old form: scalars as numbers, ports as text. */
function sumJson(parts: readonly ResourcePart[]): JsonRow {
  const sum = (of: (part: ResourcePart) => number) => Math.round(parts.reduce((all, part) => all + of(part), 0) * 1000) / 1000;
  const ranges = portRanges(parts.flatMap(({ ports }) => ports));
  return {
    disk: sum(({ disk }) => disk),
    mem: sum(({ mem }) => mem),
    gpus: sum(({ gpus = 0 }) => gpus),
    cpus: sum(({ cpus }) => cpus),
    ports: ranges.length === 0 ? undefined : formatRanges(ranges),
  };
}
