/**
 * A Docker daemon's work on its machine: networks, containers, their veth pairs, addresses and published ports.
 * Follows moby 20.10 and libnetwork (ipam: the lowest free address; bridge driver). Containers come and go in
 * batches, one new configuration a batch.
 */
import type { Draft } from 'immer';
import { broadcastOf, type Cidr, type Ipv4, macOfAddress, networkOf } from '../../base/address.ts';
import { produce } from '../../base/immutable.ts';
import type { Random } from '../../base/random.ts';
import { Refusal } from '../../base/refusal.ts';
import type { Link } from '../../kernel/config.ts';
import { routesOfAddress } from '../../kernel/route.ts';
import type { MachineConfig } from '../config.ts';
import { append, portRules, removeRules, withNetwork } from './rules.ts';
import type { Container, DockerNetwork, Endpoint, PublishedPort } from './state.ts';

/** What `docker run` is told. */
export interface RunRequest {
  readonly name: string;
  readonly image: string;
  readonly env: readonly string[];
  readonly labels: readonly (readonly [string, string])[];
  /** `host` or the name of a network. */
  readonly network: string;
  readonly ports: readonly PublishedPort[];
}

/** What the daemon asks of the world around it. */
export interface Surroundings {
  readonly random: Random;
  /** Virtual milliseconds. */
  readonly now: number;
  /** Whether a process of the host listens on a port. */
  portTaken(protocol: 'tcp' | 'udp', port: number): boolean;
}

/** A started container, or why it could not be started. */
export type RunResult = { readonly container: Container } | { readonly refusal: Refusal };

/** `docker network create --driver=bridge`: the bridge, its address, its rules. */
export function createNetwork(config: MachineConfig, network: DockerNetwork, random: Random): MachineConfig {
  if (config.docker.networks.some((n) => n.name === network.name))
    throw refuse('network-exists', `network with name ${network.name} already exists`);
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

/** `docker run` for each request in turn. A refused one changes nothing. */
export function runContainers(
  config: MachineConfig,
  requests: readonly RunRequest[],
  around: Surroundings,
): { config: MachineConfig; results: RunResult[] } {
  const ledger = new Ledger(config);
  const results: RunResult[] = [];
  const next = produce(config, (draft) => {
    for (const request of requests) {
      try {
        results.push({ container: run(draft, ledger, request, around) });
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        results.push({ refusal: error });
      }
    }
  });
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
    draft.docker.containers = draft.docker.containers.map((c): Draft<Container> => {
      if (!ids.has(c.id) || c.state !== 'running') return c;
      const { endpoint: _, ...rest } = c;
      return { ...rest, state: 'exited' };
    });
  });
}

/** `docker rm`: exited containers are forgotten. */
export function removeContainers(config: MachineConfig, ids: ReadonlySet<string>): MachineConfig {
  const containers = config.docker.containers.filter((c) => !ids.has(c.id) || c.state === 'running');
  return containers.length === config.docker.containers.length ? config : { ...config, docker: { ...config.docker, containers } };
}

/** What is taken on a machine, kept up while a batch is worked off. */
class Ledger {
  readonly networks: ReadonlyMap<string, { readonly network: DockerNetwork; readonly taken: Set<Ipv4>; lowest: Ipv4 }>;
  readonly ports = new Set<string>();
  readonly names = new Set<string>();

  constructor(config: MachineConfig) {
    this.networks = new Map(
      config.docker.networks.map((network) => [
        network.name,
        { network, taken: new Set([network.gateway]), lowest: networkOf(network.subnet).address + 1 },
      ]),
    );
    for (const c of config.docker.containers) {
      this.names.add(c.name);
      if (c.state !== 'running') continue;
      if (c.endpoint !== undefined) this.networks.get(c.network)?.taken.add(c.endpoint.address);
      for (const port of c.ports) this.ports.add(`${port.protocol}/${port.hostPort}`);
    }
  }

  /** The lowest free address of a network; nothing is taken yet. */
  freeAddress(name: string): Ipv4 {
    const pool = this.networks.get(name);
    if (pool === undefined) throw refuse('no-such-network', `network ${name} not found`);
    const last = broadcastOf(pool.network.subnet);
    for (; pool.lowest < last; pool.lowest++) if (!pool.taken.has(pool.lowest)) return pool.lowest;
    throw refuse(
      'no-addresses',
      `no available IPv4 addresses on this network's address pools: ${pool.network.name} (${pool.network.id})`,
    );
  }
}

function run(draft: Draft<MachineConfig>, ledger: Ledger, request: RunRequest, around: Surroundings): Container {
  if (ledger.names.has(request.name))
    throw refuse('name-in-use', `Conflict. The container name "/${request.name}" is already in use by a container.`);
  const pool = request.network === 'host' ? undefined : ledger.networks.get(request.network);
  const address = request.network === 'host' ? undefined : ledger.freeAddress(request.network);
  const endpointId = around.random.hex(64);
  for (const port of request.ports) checkPort(ledger, request.name, endpointId, port, around);
  const id = around.random.hex(64);
  const base = {
    id,
    name: request.name,
    image: request.image,
    env: request.env,
    labels: request.labels,
    network: request.network,
    ports: request.ports,
    startedAt: around.now,
    state: 'running',
  } as const;
  ledger.names.add(request.name);
  for (const port of request.ports) ledger.ports.add(`${port.protocol}/${port.hostPort}`);
  if (pool === undefined || address === undefined) {
    (draft.docker.containers as Container[]).push(base);
    return base;
  }
  pool.taken.add(address);
  const endpoint = attach(draft, pool.network, address, { id, endpointId, random: around.random });
  const container: Container = { ...base, endpoint };
  const rules = request.ports.map((port) => portRules(request, pool.network, address, port, draft.docker.userlandProxy));
  append(
    draft.host.netfilter,
    'nat',
    'DOCKER',
    rules.map((r) => r.translate),
  );
  append(
    draft.host.netfilter,
    'filter',
    'DOCKER',
    rules.map((r) => r.accept),
  );
  append(
    draft.host.netfilter,
    'nat',
    'POSTROUTING',
    rules.map((r) => r.hairpin),
  );
  (draft.docker.containers as Container[]).push(container);
  return container;
}

function checkPort(ledger: Ledger, name: string, endpointId: string, port: PublishedPort, around: Surroundings): void {
  const words = `driver failed programming external connectivity on endpoint ${name} (${endpointId})`;
  const key = `${port.protocol}/${port.hostPort}`;
  if (ledger.ports.has(key))
    throw refuse('port-allocated', `${words}: Bind for 0.0.0.0:${port.hostPort} failed: port is already allocated.`);
  if (around.portTaken(port.protocol, port.hostPort))
    throw refuse(
      'port-in-use',
      `${words}: Error starting userland proxy: listen ${port.protocol}4 0.0.0.0:${port.hostPort}: bind: address already in use.`,
    );
}

function attach(
  draft: Draft<MachineConfig>,
  network: DockerNetwork,
  address: Ipv4,
  made: { id: string; endpointId: string; random: Random },
): Endpoint {
  // The container's end is made first and gets the lower index.
  const index = draft.nextIndex + 1;
  draft.nextIndex = index + 1;
  const veth = `veth${made.random.hex(7)}`;
  const link: Link = {
    index,
    name: veth,
    mac: (0x020000000000 + (made.random.next(32) >>> 0)) as number,
    mtu: network.mtu,
    up: true,
    kind: { type: 'veth', peer: { namespace: made.id, index: index - 1 } },
    addresses: [],
    port: { master: network.bridge, hairpin: !draft.docker.userlandProxy, isolated: false },
  };
  (draft.host.links as Link[]).push(link);
  return { id: made.endpointId, address, mac: macOfAddress(address), veth, index };
}

function refuse(code: string, message: string): Refusal {
  return new Refusal({ component: 'docker', code, message });
}
