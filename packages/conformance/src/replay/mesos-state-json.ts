/** Reads Mesos' `/state` JSON, as recorded, into the state that the product's Mesos-DNS takes. */
import { parseIpv4 } from '@portolan/core';
import type {
  IpAddress,
  MesosAgent,
  MesosFramework,
  MesosLabel,
  MesosNetwork,
  MesosState,
  MesosStatus,
  MesosTask,
} from '@portolan/dcos';
import { parseIp } from '@portolan/dcos';
import { listOf, recordOf } from './result.ts';

type Row = Readonly<Record<string, unknown>>;

/** The state, with the list of masters that ZooKeeper would give. */
export function mesosStateOf(json: unknown, masters: readonly string[]): MesosState {
  const state = recordOf(json);
  const frameworks = listOf(state.frameworks).map(recordOf);
  return {
    leader: text(state.leader),
    masters,
    frameworks: frameworks.map(frameworkOf),
    agents: listOf(state.slaves).flatMap((agent) => agentOf(recordOf(agent)) ?? []),
    tasks: frameworks.flatMap((framework) =>
      listOf(framework.tasks).map((task) => mesosTaskOf(recordOf(task), text(framework.name))),
    ),
  };
}

/** One task of `/state`. */
export function mesosTaskOf(task: Row, frameworkName: string): MesosTask {
  const discovery = recordOf(task.discovery);
  const ports = recordOf(discovery.ports).ports;
  return {
    id: text(task.id),
    name: text(task.name),
    frameworkName,
    agentId: text(task.slave_id),
    agentAddress: parseIpv4('0.0.0.0'),
    state: text(task.state),
    statuses: statusesOf(task.statuses),
    resourcePorts: portRangesOf(text(recordOf(task.resources).ports)),
    ...(task.discovery === undefined
      ? {}
      : {
          discovery: {
            ...(discovery.name === undefined ? {} : { name: text(discovery.name) }),
            ports: listOf(ports).map((item) => {
              const port = recordOf(item);
              return {
                number: Number(port.number ?? 0),
                name: text(port.name),
                protocol: text(port.protocol),
                labels: labelsOf(recordOf(port.labels).labels),
              };
            }),
          },
        }),
  };
}

/** Status updates. */
export function statusesOf(statuses: unknown): MesosStatus[] {
  return listOf(statuses).map((item) => {
    const status = recordOf(item);
    const networks = listOf(recordOf(status.container_status).network_infos).map((network) => networkOf(recordOf(network)));
    return { state: text(status.state), timestamp: Number(status.timestamp ?? 0), networks, labels: labelsOf(status.labels) };
  });
}

/** Labels: a list of keys with values. */
export function labelsOf(labels: unknown): MesosLabel[] {
  return listOf(labels).map((item) => ({ key: text(recordOf(item).key), value: text(recordOf(item).value) }));
}

function networkOf(network: Row): MesosNetwork {
  const listed = listOf(network.ip_addresses).map((item) => text(recordOf(item).ip_address));
  const texts = listed.length > 0 ? listed : [text(network.ip_address)];
  return { addresses: texts.flatMap((address) => goAddress(address) ?? []) };
}

/** Go's net.ParseIP takes an IPv4-mapped IPv6 address for IPv4. */
function goAddress(address: string): IpAddress | undefined {
  if (address.includes('%')) return undefined;
  const parsed = parseIp(address);
  return typeof parsed === 'bigint' && parsed >> 32n === 0xffffn ? Number(parsed & 0xffffffffn) : parsed;
}

function frameworkOf(framework: Row): MesosFramework {
  const end = endOf(text(framework.pid));
  const address = end?.address ?? (end === undefined ? goAddress(text(framework.hostname)) : undefined);
  return {
    name: text(framework.name),
    ...(address === undefined ? {} : { address }),
    ...(end === undefined ? {} : { port: end.port }),
  };
}

function agentOf(agent: Row): MesosAgent | undefined {
  const end = endOf(text(agent.pid));
  return end?.address === undefined ? undefined : { id: text(agent.id), address: end.address, port: end.port };
}

function endOf(pid: string): { readonly address: IpAddress | undefined; readonly port: number } | undefined {
  const parts = pid.split('@');
  const end = parts[1];
  if (parts.length !== 2 || end === undefined) return undefined;
  const colon = end.lastIndexOf(':');
  const host = end.slice(0, colon);
  return { address: goAddress(host.startsWith('[') ? host.slice(1, -1) : host), port: Number(end.slice(colon + 1)) };
}

function portRangesOf(ranges: string): { begin: number; end: number }[] {
  return [...ranges.matchAll(/([0-9]{1,5})-([0-9]{1,5})/g)].map(([, begin, end]) => ({ begin: Number(begin), end: Number(end) }));
}

function text(value: unknown): string {
  return value === undefined || value === null ? '' : String(value);
}
