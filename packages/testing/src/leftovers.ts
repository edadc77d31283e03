/**
 * What tasks leave behind on the machines they ran on: nothing may, once they are gone. Either what still names a
 * container that does not run any more, or all that a machine has more than when nothing had run on it yet.
 */
import {
  contains,
  formatIpv4,
  formatMac,
  type Machine,
  type MachineConfig,
  parseCidr,
  type Rule,
  ruleArguments,
  type TableName,
} from '@portolan/core';
import type { DcosCluster, Vip } from '@portolan/dcos';
import { type Attached, attached, isOfCniNetwork } from './containers.ts';

const CONTAINER_NETWORKS = [parseCidr('172.17.0.0/16'), parseCidr('172.31.254.0/24'), parseCidr('9.0.0.0/8')];
const TABLES: readonly TableName[] = ['raw', 'mangle', 'nat', 'filter'];

/** Nothing of tasks that are gone is left on a machine: veths, rules, learned MAC addresses, listeners, namespaces. */
export function leftovers(cluster: DcosCluster): readonly string[] {
  return [...cluster.core.machines].flatMap((machine) => {
    const running = attached(machine.config);
    return [
      ...strayLinks(machine, running),
      ...strayRules(machine, running),
      ...strayEntries(machine, running),
      ...strayListeners(machine),
      ...strayNamespaces(machine),
    ].map((text) => `${machine.name}: ${text}`);
  });
}

/** A cluster as it was at some moment, in what tasks change: lists of lines, by machine. */
export type Furniture = ReadonlyMap<string, readonly string[]>;

/**
 * Devices, addresses, routes, chains, rules, listeners of all machines, and the running containers, as lines; without the bridges
 * and chains of CNI networks, which come with a first container and stay.
 */
export function furniture(cluster: DcosCluster): Furniture {
  return new Map([...cluster.core.machines].map((machine) => [machine.name, furnitureOf(machine)]));
}

/** Whether all that a VIP leads to is on agents that have gone: nobody takes such a VIP away. */
export function isAbandoned(cluster: DcosCluster, { backends }: Vip): boolean {
  const up = new Set(cluster.nodes().map(({ address }) => address));
  return !backends.some(({ agent }) => up.has(agent));
}

/** What a cluster without tasks has more, or less, than it had before there were any; machines that came since are left out. */
export function remains(cluster: DcosCluster, before: Furniture): readonly string[] {
  const now = furniture(cluster);
  const machines = [...before].flatMap(([name, then]) => {
    const lines = now.get(name);
    if (lines === undefined) return [];
    return [
      ...without(lines, then).map((line) => `${name} still has ${line}`),
      ...without(then, lines).map((line) => `${name} has no more ${line}`),
    ];
  });
  const view = cluster.l4lb.view();
  view.catchUp();
  const vips = view.vips().filter((vip) => !isAbandoned(cluster, vip));
  return [...machines, ...vips.map(({ name, port }) => `VIP ${name ?? '?'}:${port} is left`)];
}

function furnitureOf(machine: Machine): readonly string[] {
  const { config } = machine;
  const { host, docker, ucr }: MachineConfig = config;
  const stays = (name: string | undefined): boolean => name !== undefined && isOfCniNetwork(config, name);
  const rules = TABLES.flatMap((table) =>
    host.netfilter[table].flatMap(({ name, rules }) =>
      rules.flatMap((rule) => {
        const { target } = rule;
        return target.name === 'JUMP' && stays(target.chain) ? [] : [`-t ${table} -A ${name} ${ruleArguments(rule)}`];
      }),
    ),
  );
  const chains = TABLES.flatMap((table) => host.netfilter[table].map(({ name }) => name)).filter((name) => !stays(name));
  return [
    ...host.links
      .filter(({ name }) => !stays(name))
      .map(({ name, addresses }) => `link ${name} ${addresses.map(({ address }) => formatIpv4(address)).join(' ')}`),
    ...host.routes
      .filter(({ device }) => !stays(device))
      .map(({ table, destination, device }) => `route ${formatIpv4(destination.address)} ${table} ${device ?? ''}`),
    ...rules,
    ...chains.map((name) => `chain ${name}`),
    ...machine.host.sockets
      .list()
      .map(
        ({ protocol, listener }) => `listener ${protocol} ${formatIpv4(listener.address)}:${listener.port} ${listener.program}`,
      ),
    ...docker.containers.filter(({ state }) => state === 'running').map(({ name }) => `container ${name}`),
    ...ucr.containers.map(({ id }) => `container ${id}`),
  ];
}

/** The lines of `a` that `b` does not have, each as often as it is missing. */
function without(a: readonly string[], b: readonly string[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const line of b) counts.set(line, (counts.get(line) ?? 0) + 1);
  return a.filter((line) => {
    const left = counts.get(line) ?? 0;
    counts.set(line, left - 1);
    return left <= 0;
  });
}

function strayLinks({ config }: Machine, running: readonly Attached[]): readonly string[] {
  const veths = new Set(running.map(({ veth }) => veth));
  return config.host.links
    .filter(({ kind, name }) => kind.type === 'veth' && !veths.has(name))
    .map(({ name }) => `${name} is left over`);
}

function strayRules({ config }: Machine, running: readonly Attached[]): readonly string[] {
  const addresses = new Set(running.map(({ address }) => address));
  return Object.values(config.host.netfilter).flatMap((chains) =>
    chains.flatMap(({ name, rules }) =>
      rules
        .flatMap(addressesOf)
        .filter((address) => CONTAINER_NETWORKS.some((network) => contains(network, address)) && !addresses.has(address))
        .map((address) => `a rule of ${name} still names ${formatIpv4(address)}`),
    ),
  );
}

function addressesOf({ destination, source, target }: Rule): readonly number[] {
  return [
    ...(target.name === 'DNAT' && target.address !== undefined ? [target.address] : []),
    ...[destination, source].flatMap((match) => (match?.network.prefix === 32 ? [match.network.address] : [])),
  ];
}

function strayEntries(machine: Machine, running: readonly Attached[]): readonly string[] {
  const macs = new Set(running.map(({ mac }) => mac));
  return machine
    .fdb()
    .filter(({ mac, master }) => master !== undefined && !macs.has(mac))
    .map(({ mac }) => `a bridge still knows ${formatMac(mac)}`);
}

function strayListeners(machine: Machine): readonly string[] {
  const running = machine.config.docker.containers.filter(({ state }) => state === 'running');
  const ports = new Set(running.flatMap((container) => container.ports.map(({ hostPort }) => hostPort)));
  return machine.host.sockets
    .list()
    .filter(({ listener }) => listener.program === 'docker-proxy' && !ports.has(listener.port))
    .map(({ listener }) => `docker-proxy still listens on ${listener.port}`);
}

function strayNamespaces(machine: Machine): readonly string[] {
  return machine.config.docker.containers
    .filter(({ state, id }) => state !== 'running' && machine.namespace(id) !== undefined)
    .map(({ name }) => `the namespace of ${name} is left over`);
}
