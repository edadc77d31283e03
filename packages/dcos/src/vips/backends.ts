/**
 * The backends that an agent's dcos-net publishes for its tasks: dcos_l4lb_mesos_poller (dcos/dcos-net@7bd01ac).
 * Version `1.13` (DC/OS 1.13, dcos-net 295b1b0) knows no weights: a task that is unhealthy or being killed is no backend;
 * from `2.1` on it is one of weight 0.
 */
import { type Ipv4, memo, Refusal } from '@portolan/core';
import type { MesosTask } from '../mesos-state.ts';
import { compareIp, familyOf, type IpAddress } from './ip.ts';
import { type Protocol, parseVipKey, type VipKey } from './key.ts';
import { type SeenTask, seenTask, type TaskPort, type VipLabel } from './task-ports.ts';

/** Which dcos-net it is. */
export type DcosNetVersion = '1.13' | '2.1';

/** How backends are made. */
export interface BackendOptions {
  /** Default `1.13`. */
  readonly version?: DcosNetVersion;
  /** Default true. */
  readonly ipv6?: boolean;
  /** Told of labels that cannot be read. */
  readonly log?: (line: string) => void;
}

/** Where a VIP's connections may go. */
export interface Backend {
  /** The agent that published it. */
  readonly agent: Ipv4;
  readonly address: IpAddress;
  readonly port: number;
  readonly weight: number;
  /** The app and field that asked for it: `/httpi VIP_0 of container.portMappings(0)`. */
  readonly cause: string;
  /** Id of the task. */
  readonly task: string;
  /** Published without a weight, by a dcos-net that knows none; it counts as 1. */
  readonly unweighted?: true;
}

/** A backend and its VIP. */
export interface TaskBackend {
  readonly key: VipKey;
  readonly backend: Backend;
}

/** A port of an agent behind which the Mesos containerizer has a container: where its own node's VIPs go directly. */
export interface LocalPortMapping {
  readonly protocol: Protocol;
  readonly hostPort: number;
  readonly address: IpAddress;
  readonly port: number;
}

/** The backends of an agent's tasks. */
export function agentBackends(tasks: Iterable<MesosTask>, options: BackendOptions = {}): TaskBackend[] {
  return Array.from(tasks, (task) => taskBackends(seenTask(task), options)).flat();
}

/** The backends of one task, by port and there by label. */
export function taskBackends(task: SeenTask, options: BackendOptions = {}): TaskBackend[] {
  const weight = weightOf(task, options.version ?? '1.13');
  if (weight === undefined) return [];
  const { agentAddress: agent, id } = task;
  const backends: TaskBackend[] = [];
  for (const port of task.ports) {
    for (const vip of port.vips ?? NO_LABELS) {
      const key = keyOf(task, port, vip, options);
      if (key === undefined) continue;
      for (const { address, port: number } of endsOf(task, port, key, options.ipv6 ?? true))
        backends.push({ key, backend: { agent, address, port: number, weight, cause: vip.cause, task: id } });
    }
  }
  return backends;
}

const NO_LABELS: readonly VipLabel[] = [];

/** The local port mappings of an agent's tasks; Docker's are Docker's own business. */
export function localPortMappings(tasks: Iterable<SeenTask>): LocalPortMapping[] {
  const mappings: LocalPortMapping[] = [];
  for (const task of tasks) {
    const address = task.addresses[0];
    if (task.runtime === 'docker' || address === undefined || (task.state !== 'running' && task.state !== 'killing')) continue;
    for (const { protocol, port, hostPort } of task.ports) {
      if (port !== undefined && hostPort !== undefined) mappings.push({ protocol, hostPort, address, port });
    }
  }
  return mappings;
}

/** Erlang's order of published backends: by agent, those without weight first, then address, port and weight. */
export function compareBackends(a: Backend, b: Backend): number {
  return a.agent - b.agent || Number(b.unweighted ?? false) - Number(a.unweighted ?? false) || compareServers(a, b);
}

/** Order of what goes to the kernel, where the publishing agent does not matter. */
export function compareServers(a: Server, b: Server): number {
  return compareIp(a.address, b.address) || a.port - b.port || a.weight - b.weight;
}

/** An end of connections with its weight. */
export interface Server {
  readonly address: IpAddress;
  readonly port: number;
  readonly weight: number;
}

function weightOf(task: SeenTask, version: DcosNetVersion): number | undefined {
  if (task.state === 'running') return task.healthy === false ? (version === '1.13' ? undefined : 0) : 1;
  return task.state === 'killing' && version !== '1.13' ? 0 : undefined;
}

/** What labels say in ports of a protocol: one that all tasks of an app share is read once for all of them. */
const readingsOf = memo((_: VipLabel) => new Map<Protocol, { readonly framework: string; readonly key: VipKey }>());

function keyOf(task: SeenTask, { protocol }: TaskPort, vip: VipLabel, options: BackendOptions): VipKey | undefined {
  const { framework } = task;
  const readings = readingsOf(vip);
  const known = readings.get(protocol);
  if (known?.framework === framework) return known.key;
  try {
    const key = parseVipKey(vip.value, protocol, framework);
    readings.set(protocol, { framework, key });
    return key;
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    options.log?.(`Unexpected error with ${task.id} [error]: ${refusal.message.replace('error:', '')}`);
    return undefined;
  }
}

/** A host port on the agent, or else the port at every address of the task that the VIP's family allows. */
function endsOf(task: SeenTask, port: TaskPort, key: VipKey, ipv6: boolean): { address: IpAddress; port: number }[] {
  const { hostPort, port: number } = port;
  if (hostPort !== undefined) return [{ address: task.agentAddress, port: hostPort }];
  if (number === undefined) return [];
  return task.addresses.filter((address) => accepts(key, address, ipv6)).map((address) => ({ address, port: number }));
}

/** Whether a task's address may serve a VIP. */
export function accepts(key: VipKey, address: IpAddress, ipv6: boolean): boolean {
  if (!ipv6 && familyOf(address) === 6) return false;
  return key.kind === 'named' || familyOf(key.address) === familyOf(address);
}
