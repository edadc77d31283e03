/**
 * The machines of a cluster as a lab: each host and each running container a namespace, each network between machines
 * a namespace with a bridge. So what this library wires is judged by the kernel as any lab is.
 * Left out: IPVS and rules that ask for it, which the kernels at hand do not have.
 */
import {
  type Cluster,
  formatCidr,
  formatIpv4,
  formatMac,
  type IpSet,
  type Link,
  type Machine,
  type Namespace,
  type Netfilter,
  printSave,
  type Route,
  TABLE,
} from '@portolan/core';
import type { LabLink, LabListener, LabNamespace, LabRoute, LabSet } from './lab.ts';

const PROTOCOLS: ReadonlyMap<number, string> = new Map([
  [1, 'icmp'],
  [6, 'tcp'],
  [17, 'udp'],
]);

/** All namespaces of a cluster by their name in the model, with the name the lab gives them: the model's are long for containers. */
type World = ReadonlyMap<
  string,
  { readonly ns: Namespace; readonly name: string; readonly forwards: ReadonlyMap<number, string> }
>;

/** The cluster as it is now. `nameOf` gives a container's namespace another name than the container has. */
export function namespacesOfCluster(cluster: Cluster, nameOf = (container: string) => container): readonly LabNamespace[] {
  const world = new Map<string, { ns: Namespace; name: string; forwards: ReadonlyMap<number, string> }>();
  for (const machine of cluster.machines) {
    world.set(machine.name, { ns: machine.host, name: machine.name, forwards: forwardsOf(machine) });
    for (const [id, name] of containersWithNetwork(machine)) {
      const ns = machine.namespace(id);
      if (ns !== undefined) world.set(id, { ns, name: nameOf(name), forwards: new Map() });
    }
  }
  return [...networksOf(world), ...[...world.values()].map(({ ns, name, forwards }) => namespaceOf(ns, name, forwards, world))];
}

/** Ids and names of running containers that have a network namespace of their own. */
function containersWithNetwork({ config }: Machine): readonly (readonly [id: string, name: string])[] {
  const docker = config.docker.containers.filter(({ state, endpoint }) => state === 'running' && endpoint !== undefined);
  const mesos = config.ucr.containers.filter(({ attachments }) => attachments.length > 0);
  return [...docker.map(({ id, name }) => [id, name] as const), ...mesos.map(({ id }) => [id, id] as const)];
}

/** Where a machine's proxies lead, by their port. */
function forwardsOf(machine: Machine): ReadonlyMap<number, string> {
  const forwards = new Map<number, string>();
  for (const { endpoint, ports, state } of machine.config.docker.containers)
    if (endpoint !== undefined && state === 'running')
      for (const { protocol, hostPort, containerPort } of ports)
        if (protocol === 'tcp') forwards.set(hostPort, `${formatIpv4(endpoint.address)}:${containerPort}`);
  return forwards;
}

function networksOf(world: World): readonly LabNamespace[] {
  const networks = new Map<string, LabLink[]>();
  for (const { ns } of world.values())
    for (const link of ns.config.links) {
      if (link.kind.type !== 'ethernet') continue;
      const name = networkOf(link.kind);
      const links = networks.get(name) ?? [];
      if (links.length === 0) links.push({ name: 'br0', type: 'bridge', mac: `02:ff:00:00:0${networks.size}:00`, mtu: link.mtu });
      networks.set(name, links);
      const mac = `${links[0]?.mac.slice(0, -2)}${links.length.toString(16).padStart(2, '0')}`;
      links.push({ name: portOf(ns), type: 'veth', mac, mtu: link.mtu, peer: `${ns.name}/${link.name}`, master: 'br0' });
    }
  return [...networks].map(([name, links]) => ({ name, links }));
}

function networkOf(kind: Link['kind'] & { type: 'ethernet' }): string {
  return kind.network ?? 'underlay';
}

/** A switch's port is named for the machine behind it, as far as Linux allows. */
function portOf(ns: Namespace): string {
  return ns.name.slice(-15);
}

function namespaceOf(ns: Namespace, name: string, forwards: ReadonlyMap<number, string>, world: World): LabNamespace {
  const { config } = ns;
  const { ipForward, bridgeNfCallIptables, rpFilter, routeLocalnet } = config.sysctl;
  const links = config.links.filter(({ kind }) => kind.type !== 'loopback');
  const routes = ns.routes().filter(({ protocol }) => protocol !== 'kernel');
  const neighbours = ns.permanentNeighbours();
  const iptables = printSave(withoutIpvs(config.netfilter));
  return {
    name,
    sysctl: { ipForward, bridgeNfCallIptables, rpFilter, ...(routeLocalnet.length > 0 ? { routeLocalnet } : {}) },
    links: links.map((link) => linkOf(link, ns, world)),
    ...unlessEmpty('routes', routes.map(routeOf)),
    ...unlessEmpty(
      'rules',
      config.rules
        .filter(({ priority }) => priority > 0 && priority < 32766)
        .map(({ priority, from, table }) => ({ priority, table, ...(from === undefined ? {} : { from: formatCidr(from) }) })),
    ),
    ...unlessEmpty(
      'neighbours',
      neighbours.map(({ address, device, mac }) => ({ address: formatIpv4(address), device, mac: formatMac(mac) })),
    ),
    ...unlessEmpty(
      'fdb',
      ns
        .staticFdb()
        .flatMap(({ mac, device, remote }) =>
          remote === undefined ? [] : [{ mac: formatMac(mac), device, remote: formatIpv4(remote) }],
        ),
    ),
    ...unlessEmpty('sets', ns.sets().map(setOf)),
    ...(iptables === '' ? {} : { iptables }),
    ...unlessEmpty('listeners', listenersOf(ns, forwards)),
  };
}

function unlessEmpty<K extends keyof LabNamespace>(key: K, list: readonly unknown[]): Partial<LabNamespace> {
  return list.length === 0 ? {} : { [key]: list };
}

function withoutIpvs(netfilter: Netfilter): Netfilter {
  const known = (chains: Netfilter['nat']): Netfilter['nat'] =>
    chains.map((chain) => ({
      ...chain,
      rules: chain.rules.filter(({ matches }) => !matches.some(({ name }) => name === 'ipvs')),
    }));
  return {
    raw: known(netfilter.raw),
    mangle: known(netfilter.mangle),
    nat: known(netfilter.nat),
    filter: known(netfilter.filter),
  };
}

function linkOf(link: Link, ns: Namespace, world: World): LabLink {
  const { name, mtu, kind, port } = link;
  return {
    name,
    type: kind.type === 'ethernet' || kind.type === 'loopback' ? 'veth' : kind.type,
    mac: formatMac(link.mac),
    mtu,
    ...(kind.type === 'ethernet' ? { peer: `${networkOf(kind)}/${portOf(ns)}` } : {}),
    ...(kind.type === 'veth' ? { peer: peerOf(kind.peer, world) } : {}),
    ...(kind.type === 'vxlan' ? { vni: kind.vni, port: kind.port, learning: kind.learning } : {}),
    ...(link.addresses.length > 0 ? { addresses: link.addresses.map(formatCidr) } : {}),
    ...(port === undefined ? {} : { master: port.master }),
    ...(port?.hairpin === true ? { hairpin: true } : {}),
    ...(port?.isolated === true ? { isolated: true } : {}),
    ...(link.up ? {} : { up: false }),
  };
}

function peerOf({ namespace, index }: { namespace: string; index: number }, world: World): string {
  const other = world.get(namespace);
  return `${other?.name}/${other?.ns.config.links.find((link) => link.index === index)?.name}`;
}

function routeOf({ type, destination, via, device, source, table, metric }: Route): LabRoute {
  return {
    ...(type === 'unicast' || type === 'broadcast' ? {} : { type }),
    to: formatCidr(destination),
    ...(via === undefined ? {} : { via: formatIpv4(via) }),
    ...(device === undefined ? {} : { device }),
    ...(source === undefined ? {} : { source: formatIpv4(source) }),
    ...(table === TABLE.main ? {} : { table }),
    ...(metric === 0 ? {} : { metric }),
  };
}

function setOf({ name, type, members }: IpSet): LabSet {
  return {
    name,
    type,
    members: members.map(({ network, port, nomatch }) => {
      const number = port === undefined ? '' : `,${PROTOCOLS.get(port.protocol)}:${port.number}`;
      const address = type === 'hash:net' ? formatCidr(network) : formatIpv4(network.address);
      return `${address}${number}${nomatch === true ? ' nomatch' : ''}`;
    }),
  };
}

/** Who listens, but for tunnel ends, which do so of themselves: servers answer what they are sent, docker-proxy passes it on. */
function listenersOf(ns: Namespace, forwards: ReadonlyMap<number, string>): readonly LabListener[] {
  const programs = ns.sockets.list().filter(({ listener }) => ns.device(listener.program) === undefined);
  return programs.map(({ protocol, listener: { address, port, program } }) => {
    const forward = program === 'docker-proxy' ? forwards.get(port) : undefined;
    return {
      protocol,
      port,
      ...(address === 0 ? {} : { address: formatIpv4(address) }),
      ...(forward === undefined ? {} : { forward }),
    };
  });
}
