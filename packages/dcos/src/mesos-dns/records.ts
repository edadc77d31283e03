/**
 * The records that Mesos-DNS makes of one task, of the frameworks, agents and masters (mesosphere/mesos-dns@857ceb9,
 * records/generator.go and chains.go, in their order). Version `113` is the one DC/OS 1.13 ships: of all sources'
 * addresses it publishes the first of each family; `head` (e888ef4) takes all of the first source that has any, and so does
 * `m3` (m3scluster/mesos-dns@8b8e4ae), which also has discovery ports under the agents' names.
 */
import type { MesosState, MesosStatus, MesosTask } from '../mesos-state.ts';
import { formatIp, type IpAddress, parseIp } from '../vips/ip.ts';
import { agentTail, type LabelSpec, mesosDomainFragment, mesosLabel, taskHash } from './names.ts';

/** A name with one value: an address, or for SRV a target and port. */
export type MesosRecord =
  | { readonly kind: 'A' | 'AAAA'; readonly name: string; readonly address: IpAddress; readonly cause: string }
  | { readonly kind: 'SRV'; readonly name: string; readonly target: string; readonly port: number; readonly cause: string };

/** Where a task's addresses come from: its agent, its newest running status, or that status's labels. */
export type IpSource = 'host' | 'netinfo' | 'docker' | 'mesos';

/** Versions that differ: DC/OS 1.13's, the last release of Mesosphere, its successor's. */
export type MesosDnsVersion = '113' | 'head' | 'm3';

/** How records are made. */
export interface RecordOptions {
  /** `mesos`. */
  readonly domain: string;
  readonly version: MesosDnsVersion;
  /** `host`, `netinfo`, `docker`, `mesos`; unknown words count nothing. */
  readonly ipSources: readonly string[];
  readonly spec: LabelSpec;
}

/** As DC/OS configures it (dcos/dcos, gen/calc.py and gen/dcos-config.yaml). */
export const DCOS_RECORD_OPTIONS: RecordOptions = {
  domain: 'mesos',
  version: '113',
  ipSources: ['host', 'netinfo'],
  spec: 'rfc1123',
};

/** Names a task is known by: with discovery info its raw name and the cleaned one. */
export function taskNames(task: MesosTask, spec: LabelSpec): readonly string[] {
  const discovery = task.discovery?.name ?? '';
  return discovery === '' ? [mesosLabel(task.name, spec)] : [discovery, mesosLabel(discovery, spec)];
}

/**
 * All records of a task, some of them perhaps twice.
 * @param agent addresses of its agent
 */
export function taskRecords(task: MesosTask, agent: readonly IpAddress[], options: RecordOptions): MesosRecord[] {
  const records: MesosRecord[] = [];
  const suffix = `-${taskHash(task.id)}-${agentTail(task.agentId)}`;
  const framework = mesosDomainFragment(task.frameworkName, options.spec);
  const addresses = publishedAddresses(task, agent, options);
  for (const name of taskNames(task, options.spec)) {
    const end = `${framework}.${options.domain}.`;
    const slaveEnd = `${framework}.slave.${options.domain}.`;
    const cause = `${task.origin ?? task.name} task ${task.id}`;
    const add = (host: string, address: IpAddress) =>
      records.push({ kind: typeof address === 'number' ? 'A' : 'AAAA', name: host, address, cause });
    const addService = (service: string, target: string, port: number) =>
      records.push({ kind: 'SRV', name: service, target, port, cause });
    for (const address of addresses) {
      add(`${name}.${end}`, address);
      add(`${name}${suffix}.${end}`, address);
    }
    for (const address of agent) {
      add(`${name}.${slaveEnd}`, address);
      add(`${name}${suffix}.${slaveEnd}`, address);
    }
    const discovered = (task.discovery?.name ?? '') !== '';
    for (const port of portsOf(task)) {
      for (const tail of discovered ? [slaveEnd] : [slaveEnd, end]) {
        for (const protocol of ['tcp', 'udp']) addService(`_${name}._${protocol}.${tail}`, `${name}${suffix}.${slaveEnd}`, port);
      }
    }
    for (const port of discovered ? (task.discovery?.ports ?? []) : []) {
      const word = mesosLabel(port.protocol ?? '', options.spec);
      const portName = mesosLabel(port.name ?? '', options.spec);
      for (const tail of options.version === 'm3' ? [end, slaveEnd] : [end]) {
        const services = (word === '' ? ['tcp', 'udp'] : [word]).map((protocol) => `_${name}._${protocol}.${tail}`);
        const named = portName === '' ? [] : services.map((service) => `_${portName}.${service}`);
        for (const service of [...services, ...named]) addService(service, `${name}${suffix}.${tail}`, port.number);
      }
    }
  }
  return records;
}

/** Records of frameworks, agents, the name server itself and masters. */
export function clusterRecords(
  state: MesosState,
  listeners: readonly IpAddress[],
  server: string,
  options: RecordOptions,
): MesosRecord[] {
  const { domain, spec } = options;
  const records: MesosRecord[] = [];
  const add = (name: string, address: IpAddress, cause: string) =>
    records.push({ kind: typeof address === 'number' ? 'A' : 'AAAA', name, address, cause });
  for (const { name, address, port } of state.frameworks) {
    if (address === undefined) continue;
    const host = `${mesosDomainFragment(name, spec)}.${domain}.`;
    const cause = `framework ${name}`;
    add(host, address, cause);
    if (port !== undefined) records.push({ kind: 'SRV', name: `_framework._tcp.${host}`, target: host, port, cause });
  }
  for (const { id, address, port } of state.agents) {
    add(`slave.${domain}.`, address, `agent ${id}`);
    records.push({ kind: 'SRV', name: `_slave._tcp.${domain}.`, target: `slave.${domain}.`, port, cause: `agent ${id}` });
  }
  for (const address of listeners) add(server, address, 'mesos-dns');
  return [...records, ...masterRecords(domain, state.masters, state.leader)];
}

/**
 * Records of the masters: `leader`, `master` and one numbered name each, in the order of the list. Where Mesos-DNS
 * would die of a host name in place of an address, there are none.
 * @param masters `172.16.9.84:5050` each
 * @param leader `master@172.16.9.84:5050`
 */
export function masterRecords(domain: string, masters: readonly string[], leader: string): MesosRecord[] {
  const leaderEnd = leader.split('@')[1];
  const lead = leaderEnd === undefined ? undefined : endOf(leaderEnd);
  if (lead === undefined) return [];
  const records: MesosRecord[] = [];
  const add = (name: string, address: IpAddress) => {
    const kind = typeof address === 'number' ? 'A' : 'AAAA';
    records.push({ kind, name: `${name}.${domain}.`, address, cause: `master ${formatIp(address)}` });
  };
  add('leader', lead.address);
  add('master', lead.address);
  for (const protocol of ['tcp', 'udp']) {
    const name = `_leader._${protocol}.${domain}.`;
    records.push({ kind: 'SRV', name, target: `leader.${domain}.`, port: lead.port, cause: `master ${formatIp(lead.address)}` });
  }
  const known = new Set<IpAddress>([lead.address]);
  let index = 0;
  let leaderListed = false;
  for (const master of masters) {
    const end = endOf(master);
    if (end === undefined) continue;
    const leads = master === leaderEnd;
    if (leads ? leaderListed : known.has(end.address)) continue;
    if (!leads) add('master', end.address);
    known.add(end.address);
    add(`master${index++}`, end.address);
    leaderListed ||= leads;
  }
  if (!leaderListed) add(`master${index}`, lead.address);
  return records;
}

/** The addresses of a task by the sources, before one of each family is chosen. */
export function taskAddresses(task: MesosTask, agent: readonly IpAddress[], options: RecordOptions): readonly IpAddress[] {
  const addresses: IpAddress[] = [];
  for (const source of options.ipSources) {
    addresses.push(...addressesFrom(source, task, agent));
    if (options.version !== '113' && addresses.length > 0) return addresses;
  }
  return addresses;
}

/** The addresses a task's names stand for. */
export function publishedAddresses(task: MesosTask, agent: readonly IpAddress[], options: RecordOptions): readonly IpAddress[] {
  const addresses = taskAddresses(task, agent, options);
  if (options.version !== '113') return addresses;
  const [first4, first6] = [addresses.find((ip) => typeof ip === 'number'), addresses.find((ip) => typeof ip === 'bigint')];
  return [first4, first6].filter((ip) => ip !== undefined);
}

function addressesFrom(source: string, task: MesosTask, agent: readonly IpAddress[]): readonly IpAddress[] {
  const status = newestRunning(task.statuses);
  const labelled = (wanted: string) =>
    (status?.labels ?? []).filter(({ key }) => key === wanted).flatMap(({ value }) => parseIp(value) ?? []);
  if (source === 'host') return agent;
  if (source === 'netinfo') return (status?.networks ?? []).flatMap((network) => network.addresses);
  if (source === 'docker') return labelled('Docker.NetworkSettings.IPAddress');
  return source === 'mesos' ? labelled('MesosContainerizer.NetworkSettings.IPAddress') : [];
}

function newestRunning(statuses: readonly MesosStatus[]): MesosStatus | undefined {
  let newest: MesosStatus | undefined;
  for (const status of statuses) {
    if (status.state === 'TASK_RUNNING' && status.timestamp > (newest?.timestamp ?? -1)) newest = status;
  }
  return newest;
}

function* portsOf(task: MesosTask): Generator<number> {
  for (const { begin, end } of task.resourcePorts) for (let port = begin; port <= end; port++) yield port;
}

function endOf(text: string): { readonly address: IpAddress; readonly port: number } | undefined {
  const colon = text.lastIndexOf(':');
  if (colon < 0) return undefined;
  const host = text.slice(0, colon);
  const address = parseIp(host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host);
  const port = text.slice(colon + 1);
  return address === undefined || !/^[0-9]{1,5}$/.test(port) ? undefined : { address, port: Number(port) };
}
