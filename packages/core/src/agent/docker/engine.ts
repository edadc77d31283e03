/**
 * A Docker daemon's work on its machine: networks, containers, their veth pairs, addresses and published ports.
 * Follows moby 20.10 and libnetwork (ipam: the lowest free address; bridge driver). Containers come and go in
 * batches, one new configuration a batch.
 */
import type { Draft } from 'immer';
import { broadcastOf, type Cidr, contains, formatIpv4, type Ipv4, macOfAddress, networkOf } from '../../base/address.ts';
import { memo, produce } from '../../base/immutable.ts';
import type { Random } from '../../base/random.ts';
import { Refusal } from '../../base/refusal.ts';
import type { Link } from '../../kernel/config.ts';
import type { Rule, TableName } from '../../kernel/netfilter/rule.ts';
import { routesOfAddress } from '../../kernel/route.ts';
import type { MachineConfig } from '../config.ts';
import { exited, RequestedContainer, requestOf } from './container.ts';
import { portRules } from './port-rules.ts';
import { change, removeRules, withNetwork } from './rules.ts';
import type { Container, DockerNetwork, Endpoint, PublishedPort, RunRequest } from './state.ts';

/** What the daemon asks of the world around it. */
export interface Surroundings {
  readonly random: Random;
  /** Virtual milliseconds. */
  readonly now: number;
  /** Whether a process of the host listens on a port of an address, 0 for all. */
  portTaken(protocol: 'tcp' | 'udp', port: number, address: Ipv4): boolean;
}

/** A started container, or why it could not be started. */
export type RunResult = { readonly container: Container } | { readonly refusal: Refusal };

/** `docker network create --driver=bridge`: the bridge, its address, its rules. */
export function createNetwork(config: MachineConfig, network: DockerNetwork, random: Random): MachineConfig {
  if (config.docker.networks.some((n) => n.name === network.name))
    throw refuse('network-exists', `network with name ${network.name} already exists`);
  if (
    config.docker.networks.some((n) => contains(n.subnet, network.subnet.address) || contains(network.subnet, n.subnet.address))
  )
    throw refuse('pool-overlaps', 'Pool overlaps with other one on this address space');
  const index = config.nextIndex;
  const link: Link = {
    index,
    name: network.bridge,
    mac: 0x0242 * 0x100000000 + (random.next(32) >>> 0),
    mtu: network.mtu,
    up: true,
    kind: { type: 'bridge', ageingSeconds: 300 },
    addresses: [{ address: network.gateway, prefix: network.subnet.prefix }],
  };
  const { host, docker } = config;
  return {
    ...config,
    nextIndex: index + 1,
    host: {
      ...host,
      links: [...host.links, link],
      routes: [...host.routes, ...link.addresses.flatMap((address) => routesOfAddress(link, address))],
      netfilter: withNetwork(host.netfilter, network, docker.userlandProxy),
      sysctl: docker.userlandProxy
        ? host.sysctl
        : { ...host.sysctl, routeLocalnet: [...host.sysctl.routeLocalnet, network.bridge] },
    },
    docker: { ...docker, networks: [...docker.networks, network] },
  };
}

/** `docker run` for each request in turn, as one change. A refused one changes nothing. */
export function runContainers(
  config: MachineConfig,
  requests: readonly RunRequest[],
  around: Surroundings,
): { config: MachineConfig; results: RunResult[] } {
  const batch = new Batch(config);
  const results = requests.map((request): RunResult => {
    try {
      return { container: run(batch, request, around) };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return { refusal: error };
    }
  });
  return { config: batch.containers.length === 0 ? config : batch.apply(), results };
}

/** `docker start` of stopped containers in turn: each is run again under its id, with the address that is then the lowest free one. */
export function startContainers(
  config: MachineConfig,
  ids: readonly string[],
  around: Surroundings,
): { config: MachineConfig; results: RunResult[] } {
  const results: RunResult[] = [];
  let next = config;
  for (const id of ids) {
    const old = next.docker.containers.find((container) => container.id === id && container.state !== 'running');
    if (old === undefined) continue;
    const batch = new Batch(next);
    try {
      const container = start(batch, id, requestOf(old), { ...around, createdAt: old.createdAt });
      const { docker, ...applied } = batch.apply();
      const containers = next.docker.containers.map((other) => (other === old ? container : other));
      next = { ...applied, docker: { ...docker, containers } };
      results.push({ container });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      results.push({ refusal: error });
    }
  }
  return { config: next, results };
}

/** `docker stop`: pairs, addresses, rules go; the containers stay, exited. */
export function stopContainers(config: MachineConfig, ids: ReadonlySet<string>): MachineConfig {
  const stopped = config.docker.containers.filter((c) => ids.has(c.id) && c.state === 'running');
  if (stopped.length === 0) return config;
  const addresses = new Set(
    stopped.flatMap((c) => (c.endpoint === undefined || c.ports.length === 0 ? [] : [c.endpoint.address])),
  );
  const veths = new Set(stopped.map((c) => c.endpoint?.veth));
  return produce(config, (draft) => {
    draft.host.links = draft.host.links.filter((link) => !veths.has(link.name));
    if (addresses.size > 0) {
      const { netfilter } = draft.host;
      const forOne = (rule: { destination?: { network: Cidr } | undefined }): boolean =>
        rule.destination?.network.prefix === 32 && addresses.has(rule.destination.network.address);
      removeRules(
        netfilter,
        'nat',
        'DOCKER',
        (r) => r.target.name === 'DNAT' && r.target.address !== undefined && addresses.has(r.target.address),
      );
      removeRules(netfilter, 'filter', 'DOCKER', forOne);
      removeRules(netfilter, 'nat', 'POSTROUTING', (r) => r.source?.network.prefix === 32 && forOne(r));
    }
    const containers = config.docker.containers.map((c) => (ids.has(c.id) && c.state === 'running' ? exited(c) : c));
    draft.docker.containers = Object.freeze(containers) as Draft<Container[]>;
  });
}

/** `docker rm`: exited containers are forgotten. */
export function removeContainers(config: MachineConfig, ids: ReadonlySet<string>): MachineConfig {
  const containers = config.docker.containers.filter((c) => !ids.has(c.id) || c.state === 'running');
  return containers.length === config.docker.containers.length ? config : { ...config, docker: { ...config.docker, containers } };
}

/** A batch of starts: what is taken on the machine, and what comes to it. */
class Batch {
  readonly containers: Container[] = [];
  readonly userlandProxy: boolean;
  private readonly config: MachineConfig;
  private readonly links: Link[] = [];
  private readonly translations: Rule[] = [];
  private readonly acceptances: Rule[] = [];
  private readonly hairpins: Rule[] = [];
  private readonly networks: ReadonlyMap<string, { readonly network: DockerNetwork; readonly taken: Set<Ipv4>; lowest: Ipv4 }>;
  private readonly ports = new Set<number>();
  private readonly names = new Set<string>();
  private nextIndex: number;

  constructor(config: MachineConfig) {
    const { docker } = config;
    this.config = config;
    this.userlandProxy = docker.userlandProxy;
    this.nextIndex = config.nextIndex;
    this.networks = new Map(
      docker.networks.map((network) => [
        network.name,
        { network, taken: new Set([network.gateway]), lowest: networkOf(network.subnet).address + 1 },
      ]),
    );
    for (const c of docker.containers) {
      this.names.add(c.name);
      if (c.state !== 'running') continue;
      if (c.endpoint !== undefined) this.networks.get(c.network)?.taken.add(c.endpoint.address);
      for (const port of c.ports) this.ports.add(portKey(port));
    }
  }

  hasName(name: string): boolean {
    return this.names.has(name);
  }

  hasPort(port: PublishedPort): boolean {
    return this.ports.has(portKey(port));
  }

  /** The address a container of a network gets, the lowest free one if it wants none; nothing is taken yet. */
  freeAddress(name: string, wanted: Ipv4 | undefined): { readonly network: DockerNetwork; readonly address: Ipv4 } {
    const pool = this.networks.get(name);
    if (pool === undefined) throw refuse('no-such-network', `network ${name} not found`);
    const { network } = pool;
    const last = broadcastOf(network.subnet);
    if (wanted !== undefined) {
      // Only pools that were given by hand may be asked for one of their addresses.
      if (network.name === 'bridge')
        throw refuse('user-specified-address', 'user specified IP address is supported on user defined networks only');
      if (!contains(network.subnet, wanted))
        throw refuse(
          'invalid-address',
          `Invalid address ${formatIpv4(wanted)}: It does not belong to any of this network's subnets`,
        );
      if (pool.taken.has(wanted)) throw refuse('address-in-use', 'Address already in use');
      return { network, address: wanted };
    }
    for (; pool.lowest < last; pool.lowest++) if (!pool.taken.has(pool.lowest)) return { network, address: pool.lowest };
    throw refuse('no-addresses', `no available IPv4 addresses on this network's address pools: ${network.name} (${network.id})`);
  }

  /** A veth pair; the container's end is made first and gets the lower index. */
  attach(
    network: DockerNetwork,
    address: Ipv4,
    made: { readonly container: string; readonly endpoint: string; readonly random: Random },
  ): Endpoint {
    const index = this.nextIndex + 1;
    this.nextIndex = index + 1;
    this.networks.get(network.name)?.taken.add(address);
    const veth = `veth${made.random.hex(7)}`;
    this.links.push({
      index,
      name: veth,
      mac: 0x020000000000 + (made.random.next(32) >>> 0),
      mtu: network.mtu,
      up: true,
      kind: { type: 'veth', peer: { namespace: made.container, index: index - 1 } },
      addresses: NO_ADDRESSES,
      port: portsOf(network)[this.userlandProxy ? 'proxied' : 'hairpin'],
    });
    return { id: made.endpoint, address, mac: macOfAddress(address), veth, index };
  }

  add(container: Container, network: DockerNetwork | undefined): void {
    this.names.add(container.name);
    const { endpoint } = container;
    const within = new Set<string>();
    for (const port of container.ports) {
      this.ports.add(portKey(port));
      if (network === undefined || endpoint === undefined || network.internal === true) continue;
      const { translate, accept, hairpin } = portRules(
        { container, network, address: endpoint.address, port },
        this.userlandProxy,
      );
      this.translations.push(translate);
      // A rule that is there is not made again (ProgramRule): a port that is published twice has one of these.
      const inside = `${port.containerPort}/${port.protocol}`;
      if (within.has(inside)) continue;
      within.add(inside);
      this.acceptances.push(accept);
      this.hairpins.push(hairpin);
    }
    this.containers.push(container);
  }

  /** The configuration with everything that came. */
  apply(): MachineConfig {
    const { host, docker } = this.config;
    let { netfilter } = host;
    const append = (table: TableName, chain: string, more: readonly Rule[]): void => {
      if (more.length > 0) netfilter = change(netfilter, table, chain, (old) => old.concat(more));
    };
    append('nat', 'DOCKER', this.translations);
    append('filter', 'DOCKER', this.acceptances);
    append('nat', 'POSTROUTING', this.hairpins);
    return {
      ...this.config,
      nextIndex: this.nextIndex,
      docker: { ...docker, containers: docker.containers.concat(this.containers) },
      host: { ...host, links: host.links.concat(this.links), netfilter },
    };
  }
}

const NO_ADDRESSES: Link['addresses'] = [];

/** How containers of a network are ports of its bridge; one value for all. */
const portsOf = memo((network: DockerNetwork) => ({
  proxied: { master: network.bridge, hairpin: false, isolated: false },
  hairpin: { master: network.bridge, hairpin: true, isolated: false },
}));

/** Ports are given out for each address by itself; 0.0.0.0 is one of them. */
function portKey({ protocol, hostPort, hostAddress = 0 }: PublishedPort): number {
  return hostAddress * 0x20000 + hostPort * 2 + (protocol === 'udp' ? 1 : 0);
}

function run(batch: Batch, request: RunRequest, around: Surroundings): Container {
  if (batch.hasName(request.name))
    throw refuse('name-in-use', `Conflict. The container name "/${request.name}" is already in use by a container.`);
  return start(batch, undefined, request, { ...around, createdAt: around.now });
}

/** A container started: a new one if it has no id yet. */
function start(
  batch: Batch,
  known: string | undefined,
  request: RunRequest,
  around: Surroundings & { readonly createdAt: number },
): Container {
  const { name, network, ports } = request;
  const place = network === 'host' ? undefined : batch.freeAddress(network, request.address);
  const endpoint = around.random.hex(64);
  for (const port of ports) checkPort(batch, name, endpoint, port, around);
  const id = known ?? around.random.hex(64);
  const attached =
    place === undefined
      ? undefined
      : batch.attach(place.network, place.address, { container: id, endpoint, random: around.random });
  const container = new RequestedContainer(id, request, attached, around.createdAt, around.now, 'running');
  batch.add(container, place?.network);
  return container;
}

function checkPort(batch: Batch, name: string, endpointId: string, port: PublishedPort, around: Surroundings): void {
  const words = `driver failed programming external connectivity on endpoint ${name} (${endpointId})`;
  const { hostAddress = 0 } = port;
  const at = `${formatIpv4(hostAddress)}:${port.hostPort}`;
  if (batch.hasPort(port)) throw refuse('port-allocated', `${words}: Bind for ${at} failed: port is already allocated.`);
  if (around.portTaken(port.protocol, port.hostPort, hostAddress))
    throw refuse(
      'port-in-use',
      `${words}: Error starting userland proxy: listen ${port.protocol}4 ${at}: bind: address already in use.`,
    );
}

function refuse(code: string, message: string): Refusal {
  return new Refusal({ component: 'docker', code, message });
}
