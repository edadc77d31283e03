/**
 * GET_STATE of Mesos' operator API, in the JSON that dcos-net reads: of the leading master, and of an agent with what runs there.
 * Follows apache/mesos 1.8 include/mesos/v1/{master,agent}.proto. Executors are not listed, nor tasks that are over.
 */
import type { AgentInfo, Task } from '@portolan/scheduler';
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
import { capabilitiesOf, MESOS_VERSION, type MesosHttpSources } from './state.ts';

/** What the leading master answers. */
export function masterGetState(sources: MesosHttpSources): JsonRow {
  const { master, epoch } = sources;
  const at = { nanoseconds: epoch * 1_000_000 };
  const get_state = {
    get_tasks: {
      tasks: Array.from(master.tasks(), (task) => taskJson(task, epoch)),
      unreachable_tasks: master.unreachableTasks().map((task) => taskJson(task, epoch)),
    },
    get_executors: {},
    get_frameworks: {
      frameworks: frameworksJson(sources).map((framework) => ({
        ...framework,
        active: true,
        connected: true,
        recovered: false,
        registered_time: at,
        reregistered_time: at,
      })),
    },
    get_agents: {
      agents: master.agents().map((agent) => ({
        agent_info: agentInfoJson(agent),
        active: master.isActive(agent.id),
        version: MESOS_VERSION,
        pid: `slave(1)@${agent.hostname}:5051`,
        registered_time: at,
        total_resources: resourcesJson(agentParts(agent)),
        allocated_resources: master.tasksOn(agent.id).flatMap((task) => resourcesJson(usedParts(task), task.allocatedTo)),
        capabilities: ['MULTI_ROLE', 'HIERARCHICAL_ROLE', 'RESERVATION_REFINEMENT'].map((type) => ({ type })),
      })),
    },
  };
  return { type: 'GET_STATE', get_state };
}

/** What an agent answers. */
export function agentGetState(agentId: string, sources: MesosHttpSources): JsonRow {
  const { master, epoch } = sources;
  const tasks = master.tasksOn(agentId);
  const here = new Set(tasks.map(({ framework }) => framework.id));
  const get_state = {
    get_tasks: { launched_tasks: tasks.map((task) => taskJson(task, epoch)), completed_tasks: [] },
    get_executors: {},
    get_frameworks: { frameworks: frameworksJson(sources, (id) => here.has(id)) },
    get_agents: { agents: [{ agent_info: agentInfoJson(master.agent(agentId)) }] },
  };
  return { type: 'GET_STATE', get_state };
}

function frameworksJson({ master, leader }: MesosHttpSources, among: (id: string) => boolean = () => true): readonly JsonRow[] {
  const listed = master.frameworks().filter(({ id }) => among(id));
  return listed.map(({ id, name, roles, partitionAware }) => ({
    framework_info: {
      user: 'root',
      name,
      id: { value: id },
      failover_timeout: 604800,
      checkpoint: true,
      ...(roles.length > 1 ? { roles } : { role: roles[0] }),
      hostname: leader,
      webui_url: `http://${leader}:8080`,
      capabilities: capabilitiesOf(roles, partitionAware === true).map((type) => ({ type })),
    },
  }));
}

function agentInfoJson(agent: AgentInfo): JsonRow {
  const { id, hostname, attributes, region, zone } = agent;
  return {
    hostname,
    port: 5051,
    resources: agentParts(agent).flatMap((part) => resourcesJson([part])),
    attributes:
      attributes.length === 0 ? undefined : attributes.map(([name, value]) => ({ name, type: 'TEXT', text: { value } })),
    id: { value: id },
    domain:
      region === undefined && zone === undefined
        ? undefined
        : { fault_domain: { region: { name: region ?? '' }, zone: { name: zone ?? '' } } },
  };
}

function taskJson(task: Task, epoch: number): JsonRow {
  const { info, statuses } = task;
  const seen = new ShownTask(task, 0);
  const ids = { task_id: { value: info.taskId }, agent_id: { value: info.agentId } };
  return {
    name: info.name,
    task_id: ids.task_id,
    framework_id: { value: task.framework.id },
    executor_id: info.group === undefined ? undefined : { value: info.group.executorId },
    agent_id: ids.agent_id,
    state: task.state,
    resources: resourcesJson(taskParts(task), task.allocatedTo),
    statuses: seen.statuses.map(({ state, timestamp, networks, healthy }, i) => ({
      task_id: ids.task_id,
      state,
      source: statuses[i]?.source ?? 'SOURCE_EXECUTOR',
      reason: statuses[i]?.reason,
      message: statuses[i]?.message,
      agent_id: ids.agent_id,
      executor_id: info.group === undefined ? ids.task_id : { value: info.group.executorId },
      timestamp: epoch / 1000 + timestamp,
      healthy,
      container_status: networks.every(({ addresses }) => addresses.length === 0) ? undefined : containerStatusJson(networks),
    })),
    status_update_state: statuses.length === 0 ? undefined : task.state,
    labels: seen.labels === undefined || seen.labels.length === 0 ? undefined : labelsJson(seen.labels),
    discovery: discoveryJson(seen),
    container: containerJson(info),
    health_check: healthCheckJson(info),
  };
}

/** Resources in the new form: one row each. */
function resourcesJson(parts: readonly ResourcePart[], allocatedTo?: string): readonly JsonRow[] {
  const allocation = allocatedTo === undefined ? {} : { allocation_info: { role: allocatedTo } };
  return parts.flatMap((part) => {
    const { role, ports } = part;
    const whose = { role, ...(role === '*' ? {} : { reservations: [{ type: 'STATIC', role }] }), ...allocation };
    const scalars = (['cpus', 'mem', 'disk', 'gpus'] as const).flatMap((name): JsonRow[] => {
      const value = part[name] ?? 0;
      return value === 0 ? [] : [{ name, type: 'SCALAR', scalar: { value }, ...whose }];
    });
    const range = ports.map(({ begin, end }) => ({ begin, end }));
    return range.length === 0 ? scalars : [...scalars, { name: 'ports', type: 'RANGES', ranges: { range }, ...whose }];
  });
}
