/**
 * A Mesos task as dcos-net sees it: name, addresses, state, health and ports, the ports merged from port mappings, task
 * labels and discovery info. Follows dcos_net_mesos_listener (dcos/dcos-net@7bd01ac); where it logs an error about one
 * field and leaves the field out, this does too, without the log.
 */
import { type Ipv4, memo, type PortRange } from '@portolan/core';
import type { MesosDiscoveryPort, MesosLabel, MesosPortMapping, MesosStatus, MesosTask } from '../mesos-state.ts';
import { compareText } from './erlang.ts';
import type { IpAddress } from './ip.ts';
import type { Protocol } from './key.ts';

/** What dcos-net keeps of a task. */
export interface SeenTask {
  readonly id: string;
  readonly name: string;
  readonly framework: string;
  readonly agentAddress: Ipv4;
  /** Of the newest status, in its order. */
  readonly addresses: readonly IpAddress[];
  readonly state: 'preparing' | 'running' | 'killing' | 'terminal';
  /** Absent if nobody checks. */
  readonly healthy?: boolean;
  readonly ports: readonly TaskPort[];
  readonly runtime: 'docker' | 'mesos' | 'unknown';
}

/** A port of a task: in the container, on the agent, or both. */
export interface TaskPort {
  readonly protocol: Protocol;
  readonly port?: number;
  readonly hostPort?: number;
  readonly name?: string;
  /** Values of its VIP labels. */
  readonly vips?: readonly VipLabel[];
}

/** The value of a VIP label, `/httpi:3141`, and the field it comes from. */
export interface VipLabel {
  readonly value: string;
  readonly cause: string;
}

/** An error that costs a task one of its fields. */
class FieldError extends Error {}

/**
 * What dcos-net makes of a task.
 * @param known its ports until now: they stand in for discovery ports if the task comes without any, as in status updates
 */
export function seenTask(task: MesosTask, known: readonly TaskPort[] = []): SeenTask {
  const status = newestStatus(task.statuses);
  const addresses = addressesOf(status);
  const state = seenState(task.state);
  const healthy = status?.healthy ?? (task.healthCheck === true ? false : undefined);
  return {
    id: task.id,
    name: task.discovery?.name ?? task.name,
    framework: task.frameworkName,
    agentAddress: task.agentAddress,
    addresses,
    state,
    ...(healthy === undefined ? {} : { healthy }),
    ports: portsOrNone(task, status, state, addresses, known),
    runtime: runtimeOf(task.container?.type),
  };
}

function addressesOf(status: MesosStatus | undefined): readonly IpAddress[] {
  const networks = status?.networks ?? [];
  const [only] = networks;
  return networks.length === 1 && only !== undefined ? only.addresses : networks.flatMap((network) => network.addresses);
}

function runtimeOf(type: string | undefined): SeenTask['runtime'] {
  return type === 'DOCKER' ? 'docker' : type === 'MESOS' ? 'mesos' : 'unknown';
}

const TERMINAL: ReadonlySet<string> = new Set(
  ['FINISHED', 'FAILED', 'KILLED', 'LOST', 'ERROR', 'DROPPED', 'GONE', 'GONE_BY_OPERATOR'].map((word) => `TASK_${word}`),
);

function seenState(state: string): SeenTask['state'] {
  if (TERMINAL.has(state)) return 'terminal';
  return state === 'TASK_RUNNING' ? 'running' : state === 'TASK_KILLING' ? 'killing' : 'preparing';
}

function newestStatus(statuses: readonly MesosStatus[]): MesosStatus | undefined {
  let newest: MesosStatus | undefined;
  for (const status of statuses) if (newest === undefined || status.timestamp >= newest.timestamp) newest = status;
  return newest;
}

function portsOrNone(
  task: MesosTask,
  status: MesosStatus | undefined,
  state: SeenTask['state'],
  addresses: readonly IpAddress[],
  known: readonly TaskPort[],
): readonly TaskPort[] {
  try {
    const discovery = task.discovery?.ports;
    const discovered = discovery === undefined ? known : discoveryPorts(task, discovery);
    const ports = mergePorts(mergePorts(mappedPorts(task, status), labelledPorts(task)), discovered);
    const onHost = addresses.length === 1 && addresses[0] === task.agentAddress;
    return onHost && (state === 'running' || state === 'killing') ? hostPorts(ports) : ports;
  } catch (error) {
    if (error instanceof FieldError) return [];
    throw error;
  }
}

/** Source 1: what the containerizer publishes. */
function mappedPorts(task: MesosTask, status: MesosStatus | undefined): TaskPort[] {
  const { container } = task;
  const type = container?.type ?? 'MESOS';
  if (type !== 'DOCKER' && type !== 'MESOS') throw new FieldError(`no containerizer is called ${type}`);
  const ofStatus = (): readonly MesosPortMapping[] => (status?.networks ?? []).flatMap((network) => network.portMappings ?? []);
  const mappings = container?.portMappings ?? (type === 'MESOS' ? ofStatus() : []);
  const ports: TaskPort[] = [];
  for (const { protocol: text, containerPort: port, hostPort } of mappings) {
    const protocol = protocolOf(text);
    if (protocol !== undefined) ports.push({ protocol, port, hostPort });
  }
  return ports;
}

/** Source 2: task labels `VIP_PORT<N>` = `tcp://<vip>` for the N-th host port. */
function labelledPorts(task: MesosTask): TaskPort[] {
  const ports: TaskPort[] = [];
  for (const { key, value } of task.labels ?? []) {
    const index = /^vip_port([+-]?[0-9]+)$/i.exec(key)?.[1];
    const scheme = value.slice(0, 6);
    if (index === undefined || Number(index) < 0 || (scheme !== 'tcp://' && scheme !== 'udp://')) continue;
    const hostPort = nthPort(task.resourcePorts, Number(index));
    if (hostPort === undefined) throw new FieldError(`the task has no port ${index}`);
    const cause = `${task.origin ?? task.name} ${key} of labels`;
    ports.push({ protocol: scheme === 'tcp://' ? 6 : 17, hostPort, vips: [{ value: value.slice(6), cause }] });
  }
  return ports;
}

/** Source 3: discovery info, whose number is on the agent or in the container as `network-scope` says. */
function discoveryPorts(task: MesosTask, discovery: readonly MesosDiscoveryPort[]): TaskPort[] {
  const ports: TaskPort[] = [];
  for (let index = 0; index < discovery.length; index++) {
    const { number, protocol: text, name = 'default', labels = NO_LABELS, origin } = discovery[index] as MesosDiscoveryPort;
    const read = readingsOf(labels);
    const field = read.numberField();
    const protocol = protocolOf(text);
    if (protocol === undefined || (field === 'port' && number === 0)) continue;
    const port: Changing<TaskPort> = field === 'port' ? { protocol, port: number, name } : { protocol, hostPort: number, name };
    const vips = read.vips(task.origin ?? task.name, origin ?? `discovery.ports(${index})`);
    if (vips.length > 0) port.vips = vips;
    ports.push(port);
  }
  return ports;
}

type Changing<T> = { -readonly [Field in keyof T]: T[Field] };

/** What is read off labels, which all tasks of an app share: the latest reading is kept. */
class Readings {
  private app = '';
  private field = '';
  private read: readonly VipLabel[] | undefined = undefined;
  private scope: 'port' | 'hostPort' | undefined = undefined;

  constructor(private readonly labels: readonly MesosLabel[]) {}

  /** The VIP labels, whose causes name the app and its field. */
  vips(app: string, field: string): readonly VipLabel[] {
    if (this.read === undefined || this.app !== app || this.field !== field) {
      this.app = app;
      this.field = field;
      this.read = this.labels
        .filter(({ key }) => key.startsWith('VIP') || key.startsWith('vip'))
        .map(({ key, value }) => ({ value, cause: `${app} ${key} of ${field}` }));
    }
    return this.read;
  }

  /** Which of a port's numbers the discovery info names. @throws FieldError */
  numberField(): 'port' | 'hostPort' {
    this.scope ??= scopeOf(this.labels);
    return this.scope;
  }
}

const readingsOf = memo((labels: readonly MesosLabel[]) => new Readings(labels));

const NO_LABELS: readonly MesosLabel[] = [];

function scopeOf(labels: readonly MesosLabel[]): 'port' | 'hostPort' {
  const scopes = labels.filter(({ key }) => key === 'network-scope').map(({ value }) => value);
  if (scopes.length === 0 || (scopes.length === 1 && scopes[0] === 'container')) return 'port';
  if (scopes.length === 1 && scopes[0] === 'host') return 'hostPort';
  throw new FieldError(`network-scope ${scopes.join(' and ')}`);
}

/** Each earlier port takes in the first later port it matches; those it passed over come after it, reversed. */
function mergePorts(earlier: readonly TaskPort[], later: readonly TaskPort[]): readonly TaskPort[] {
  const ports = later.slice();
  for (const port of earlier) {
    let at = ports.findIndex((other) => matches(port, other));
    if (at < 0) at = ports.push(port) - 1;
    else ports[at] = union(ports[at] as TaskPort, port);
    for (let low = 0, high = at; low < high; low++, high--)
      [ports[low], ports[high]] = [ports[high] as TaskPort, ports[low] as TaskPort];
  }
  return ports;
}

function matches(a: TaskPort, b: TaskPort): boolean {
  if (a.protocol !== b.protocol) return false;
  return (a.port !== undefined && a.port === b.port) || (a.hostPort !== undefined && a.hostPort === b.hostPort);
}

/** Both ports' fields, the second's where both have one; VIP labels of both. */
function union(first: TaskPort, second: TaskPort): TaskPort {
  const { protocol, port = first.port, hostPort = first.hostPort, name = first.name } = second;
  const vips =
    first.vips === undefined || second.vips === undefined ? (second.vips ?? first.vips) : labelsOfBoth(first.vips, second.vips);
  // Most ports have all: they are made in one piece.
  if (port !== undefined && hostPort !== undefined && name !== undefined && vips !== undefined)
    return { protocol, port, hostPort, name, vips };
  const both: Changing<TaskPort> = { protocol };
  if (port !== undefined) both.port = port;
  if (hostPort !== undefined) both.hostPort = hostPort;
  if (name !== undefined) both.name = name;
  if (vips !== undefined) both.vips = vips;
  return both;
}

function labelsOfBoth(first: readonly VipLabel[], second: readonly VipLabel[]): readonly VipLabel[] {
  const sorted = [...first, ...second].sort((a, b) => compareText(a.value, b.value));
  return sorted.filter((vip, index) => index === 0 || vip.value !== sorted[index - 1]?.value);
}

/** On the agent's own network a host port is the port; equal ports become one, tcp first, each by number. */
function hostPorts(ports: readonly TaskPort[]): readonly TaskPort[] {
  const merged = new Map<number, TaskPort>();
  for (const { hostPort, ...rest } of ports) {
    const port = { ...rest, ...(hostPort === undefined ? {} : { port: hostPort }) };
    if (port.port === undefined) throw new FieldError('a port without a number');
    const key = port.protocol * 0x100000000 + port.port;
    const before = merged.get(key);
    merged.set(key, before === undefined ? port : union(port, before));
  }
  return [...merged].sort(([a], [b]) => a - b).map(([, port]) => port);
}

function nthPort(ranges: readonly PortRange[], index: number): number | undefined {
  let left = index;
  for (const { begin, end } of ranges) {
    if (left <= end - begin) return begin + left;
    left -= end - begin + 1;
  }
  return undefined;
}

function protocolOf(text: string | undefined): Protocol | undefined {
  if (text === undefined) throw new FieldError('a port without a protocol');
  const lower = text.toLowerCase();
  return lower === 'tcp' ? 6 : lower === 'udp' ? 17 : undefined;
}
