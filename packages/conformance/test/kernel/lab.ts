/**
 * The network that recorded/kernel was observed in, built of Portolan's own parts: three agents, a master, a router
 * and an outside host, Docker's and DC/OS's rules and routes, containers with fixed ports.
 */
import {
  Cluster,
  change,
  createNetwork,
  type DockerNetwork,
  daemonRules,
  hostConfig,
  type IpSet,
  type Ipv4,
  type Machine,
  type MachineConfig,
  type Namespace,
  type Netfilter,
  type PublishedPort,
  parseCidr,
  parseIpv4,
  parseMac,
  Random,
  type Route,
  TABLE,
  withLink,
} from '@portolan/core';
import { dcosNetRules, overlayRules, overlaySet } from '@portolan/dcos';

/** A recorded case's options. */
export interface LabOptions {
  readonly proxy?: boolean;
  readonly brnf?: number;
  readonly icc?: boolean;
  readonly dcos_forward?: boolean;
  readonly iso_fix?: boolean;
  readonly ipvs?: boolean;
  readonly l4lb_masq?: boolean;
}

/** A container of the lab: on which agent and network it stands, and what it publishes. */
export interface LabContainer {
  readonly name: string;
  readonly agent: string;
  readonly network: 'bridge' | 'dcos';
  readonly publish: readonly (readonly [protocol: 'tcp' | 'udp', hostPort: number, containerPort: number])[];
}

/** The lab, ready. */
export interface Lab {
  readonly cluster: Cluster;
  /** A namespace by the lab's name for it: `a3`, `c1`, `m`. */
  namespace(name: string): Namespace;
  /** The lab's name of a namespace. */
  nameOf(namespace: string): string;
  /** Ends the docker-proxies of an agent. */
  stopProxies(agent: string): void;
  /** Switches hairpin mode off at all ports of an agent. */
  hairpinOff(agent: string): void;
}

const AGENTS = [
  { name: 'a2', address: '172.16.15.168', number: 2 },
  { name: 'a3', address: '172.16.17.198', number: 3 },
  { name: 'a4', address: '172.16.40.67', number: 4 },
] as const;
const GATEWAY = parseIpv4('172.16.0.1');

/** The post's VIP, as dcos-net makes it a local address of every agent. */
export const VIP: Ipv4 = parseIpv4('11.249.78.219');
const VIP_ROUTE: Route = {
  table: TABLE.local,
  type: 'local',
  destination: { address: VIP, prefix: 32 },
  device: 'minuteman',
  scope: 'host',
  protocol: 'boot',
  metric: 0,
};
const VIP_SET: IpSet = {
  name: 'dcos-l4lb',
  type: 'hash:ip,port',
  counters: true,
  members: [{ network: { address: VIP, prefix: 32 }, port: { protocol: 6, number: 3141 } }],
};

/** Gives every agent the virtual service, with real servers `address:port` added in that order. */
export function addVirtualService(lab: Lab, servers: readonly string[]): void {
  const service = { protocol: 6, address: VIP, port: 3141 } as const;
  for (const { name } of AGENTS) {
    const ipvs = lab.cluster.machine(name).ipvs();
    ipvs.addService({ ...service, scheduler: 'wlc' });
    for (const server of servers) {
      const [address = '', port = ''] = server.split(':');
      ipvs.addServer(service, { address: parseIpv4(address), port: Number(port), weight: 1 });
    }
  }
}

/** Builds the lab. */
export function buildLab(options: LabOptions, containers: readonly LabContainer[]): Lab {
  const cluster = new Cluster({ seed: 1, epoch: 0, images: { find: () => undefined } });
  for (const agent of AGENTS) cluster.add(labAgent(agent, options));
  const master = hostConfig('m', [{ name: 'eth0', address: parseCidr('172.16.9.84/16') }], GATEWAY);
  const toContainers: Route = {
    table: TABLE.main,
    type: 'unicast',
    destination: parseCidr('172.17.0.0/16'),
    via: parseIpv4('172.16.17.198'),
    device: 'eth0',
    scope: 'global',
    protocol: 'boot',
    metric: 0,
  };
  cluster.add({ ...master, host: { ...master.host, routes: [...master.host.routes, toContainers] } });
  const router = hostConfig('gw', [
    { name: 'eth0', address: parseCidr('172.16.0.1/16') },
    { name: 'eth1', address: parseCidr('198.18.0.1/24'), network: 'outside' },
  ]);
  cluster.add({ ...router, host: { ...router.host, sysctl: { ...router.host.sysctl, ipForward: true } } });
  cluster.add(
    hostConfig('net', [{ name: 'eth0', address: parseCidr('198.18.0.10/24'), network: 'outside' }], parseIpv4('198.18.0.1')),
  );
  const names = new Map<string, string>();
  for (const container of containers) names.set(container.name, startContainer(cluster.machine(container.agent), container));
  const labNames = new Map([...names].map(([name, id]) => [id, name]));
  return {
    cluster,
    namespace: (name) => {
      const id = names.get(name);
      const agent = containers.find((c) => c.name === name)?.agent ?? name;
      const ns = cluster.machine(agent).namespace(id ?? name);
      if (ns === undefined) throw new Error(`the lab has no ${name}`);
      return ns;
    },
    nameOf: (namespace) => labNames.get(namespace) ?? namespace,
    stopProxies: (agent) => {
      for (const { listener } of cluster.machine(agent).host.sockets.list())
        if (listener.program === 'docker-proxy') listener.close();
    },
    hairpinOff: (agent) =>
      cluster.machine(agent).configure((draft) => {
        for (const link of draft.host.links) if (link.port !== undefined) link.port.hairpin = false;
      }),
  };
}

function startContainer(machine: Machine, container: LabContainer): string {
  const ports = container.publish.map(
    ([protocol, hostPort, containerPort]): PublishedPort => ({ protocol, hostPort, containerPort }),
  );
  const [result] = machine.run([{ name: container.name, image: 'lab', env: [], labels: [], network: container.network, ports }]);
  if (result === undefined || 'refusal' in result) throw new Error(`the lab cannot start ${container.name}`);
  return result.container.id;
}

function labAgent(agent: (typeof AGENTS)[number], options: LabOptions): MachineConfig {
  const random = new Random(agent.number);
  const proxy = options.proxy !== false;
  let config = hostConfig(agent.name, [{ name: 'eth0', address: parseCidr(`${agent.address}/16`) }], GATEWAY);
  const sysctl = {
    ...config.host.sysctl,
    ipForward: true,
    bridgeNfCallIptables: options.brnf !== 0,
    rpFilter: 2 as const,
    ipvsConntrack: true,
  };
  config = {
    ...config,
    host: { ...config.host, sysctl, netfilter: daemonRules(proxy) },
    docker: { ...config.docker, userlandProxy: proxy },
  };
  config = createNetwork(config, network('bridge', 'docker0', '172.17.0.0/16', 1500, true, options.icc !== false), random);
  config = createNetwork(config, network('dcos', 'd-dcos', `9.0.${agent.number}.128/25`, 1420, false, true), random);
  config = withLink(config, {
    name: 'vtep1024',
    mac: parseMac(`70:b3:d5:80:00:0${agent.number}`),
    mtu: 1500,
    up: true,
    kind: { type: 'vxlan', vni: 1024, port: 64000, learning: true },
    addresses: [parseCidr(`44.128.0.${agent.number}/20`)],
  });
  return wire(config, agent, options);
}

/** Routes, neighbours and forwarding entries to the other agents, fixed MAC addresses, rules. */
function wire(config: MachineConfig, agent: (typeof AGENTS)[number], options: LabOptions): MachineConfig {
  const others = AGENTS.filter((other) => other !== agent).map(({ number, address }) => ({
    number,
    address: parseCidr(address),
    vtep: parseIpv4(`44.128.0.${number}`),
    mac: parseMac(`70:b3:d5:80:00:0${number}`),
  }));
  const routes = others.flatMap(({ number, address, vtep }): Route[] => {
    const via = { type: 'unicast', via: vtep, device: 'vtep1024', scope: 'global', protocol: 'boot', metric: 0 } as const;
    return [
      { ...via, table: TABLE.main, destination: parseCidr(`9.0.${number}.0/24`) },
      { ...via, table: 42, destination: address },
    ];
  });
  const { host } = config;
  const [local, ...rules] = host.rules;
  return {
    ...config,
    host: {
      ...host,
      links: host.links.map((link) => {
        if (link.name === 'docker0') return { ...link, mac: parseMac(`02:42:5f:1a:2b:0${agent.number}`) };
        return link.name === 'd-dcos' ? { ...link, mac: parseMac(`02:42:9a:00:0${agent.number}:01`) } : link;
      }),
      routes: [...host.routes, ...routes, ...(options.ipvs === true ? [VIP_ROUTE] : [])],
      rules: [...(local === undefined ? [] : [local]), { priority: 32765, from: parseCidr('9.0.0.0/8'), table: 42 }, ...rules],
      neighbours: others.map(({ vtep, mac }) => ({ address: vtep, device: 'vtep1024', mac })),
      fdb: others.map(({ mac, address }) => ({ mac, device: 'vtep1024', remote: address.address })),
      sets: [overlaySet(parseCidr('9.0.0.0/8')), ...(options.ipvs === true ? [VIP_SET] : [])],
      netfilter: labRules(host.netfilter, options),
    },
  };
}

function labRules(rules: Netfilter, options: LabOptions): Netfilter {
  const overlay = parseCidr('9.0.0.0/8');
  let next = overlayRules(rules, overlay);
  if (options.iso_fix === false) next = change(next, 'filter', 'DOCKER-ISOLATION-STAGE-2', (old) => old.slice(1));
  if (options.ipvs === true) {
    next = dcosNetRules(next);
    if (options.l4lb_masq === false) next = change(next, 'nat', 'POSTROUTING', (old) => old.slice(1));
  } else if (options.dcos_forward !== false)
    next = change(next, 'filter', 'FORWARD', (old) => [...old, { matches: [], target: { name: 'ACCEPT' } }]);
  return next;
}

function network(name: string, bridge: string, subnet: string, mtu: number, masquerade: boolean, icc: boolean): DockerNetwork {
  const cidr = parseCidr(subnet);
  return { id: name, name, bridge, subnet: cidr, gateway: cidr.address + 1, mtu, masquerade, icc, options: [] };
}
