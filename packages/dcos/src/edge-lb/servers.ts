/**
 * The servers of a service: the running tasks that its filter chooses, each at the ports that its endpoint names, in the order of
 * the tasks' ids (mesosphere/dcos-edge-lb, apiserver/dcos-template/template/funcs.go). A task's health does not count.
 */
import { parseTaskId } from '@portolan/scheduler';
import type { MesosDiscoveryPort, MesosTask } from '../mesos-state.ts';
import { compareText } from '../vips/erlang.ts';
import { formatIp } from '../vips/ip.ts';
import type { EdgeLbService, TaskFilter } from './service.ts';

/** A server, by the name Edge-LB gives it. */
export interface EdgeLbServer {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

/** All servers of a service; tasks of one agent that share a port are one server. */
export function serversOf({ filter, endpoint }: EdgeLbService, tasks: Iterable<MesosTask>): readonly EdgeLbServer[] {
  if (endpoint.type === 'ADDRESS') return [serverOf('address', endpoint.address, endpoint.port)];
  const servers = new Map<string, EdgeLbServer>();
  const chosen = [...tasks].filter((task) => task.state === 'TASK_RUNNING' && isWanted(task, filter));
  for (const task of chosen.sort((a, b) => compareText(a.id, b.id))) {
    for (const port of portsOf(task, endpoint)) {
      for (const server of serversAt(task, port, endpoint.type)) servers.set(server.name, server);
    }
  }
  return [...servers.values()];
}

function isWanted(task: MesosTask, filter: TaskFilter): boolean {
  const { serviceId, containerName } = filter;
  if (filter.taskName?.(task.name) === false || filter.taskId?.(task.id) === false) return false;
  if (filter.frameworkName?.(task.frameworkName) === false) return false;
  if (filter.frameworkId?.(task.frameworkId ?? '') === false) return false;
  if (serviceId === undefined && containerName === undefined) return true;
  const parsed = task.frameworkName === 'marathon' ? parseTaskId(task.id) : undefined;
  return serviceId?.(parsed?.runSpecId ?? '') !== false && containerName?.(parsed?.containerName ?? '') !== false;
}

/** The ports of the endpoint: of the task's discovery, or with its labels only, where the endpoint has a number of its own. */
function portsOf(
  { discovery }: MesosTask,
  { port, portName, allPorts }: EdgeLbService['endpoint'],
): readonly MesosDiscoveryPort[] {
  const ports = discovery?.ports ?? [];
  // A task without ports is reached where the pool says.
  if (port > 0) return ports.length === 0 ? [{ number: port }] : ports.map((known) => ({ ...known, number: port }));
  return ports.filter(({ name }) => allPorts || name === portName);
}

function serversAt(task: MesosTask, port: MesosDiscoveryPort, type: EdgeLbService['endpoint']['type']): readonly EdgeLbServer[] {
  const scope =
    port.labels?.findLast(({ key }) => key === 'network-scope')?.value ?? (type === 'CONTAINER_IP' ? 'container' : 'host');
  if (scope === 'host' || type === 'AGENT_IP') return [serverOf('agentip', formatIp(task.agentAddress), port.number)];
  const addresses = task.statuses.at(-1)?.networks.flatMap((network) => network.addresses) ?? [];
  return addresses.map((address) => serverOf('containerip', formatIp(address), port.number));
}

function serverOf(kind: string, host: string, port: number): EdgeLbServer {
  return { name: `${kind}_${host}_${port}`, host, port };
}
