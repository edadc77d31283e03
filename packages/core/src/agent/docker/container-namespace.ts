/** The network namespace of a container on a Docker network: lo, eth0, a default route. Made from the daemon's state alone. */
import { type Cidr, contains, type Ipv4 } from '../../base/address.ts';
import { assert } from '../../base/assert.ts';
import type { Link, NamespaceConfig, Sysctl } from '../../kernel/config.ts';
import { EMPTY_NETFILTER } from '../../kernel/netfilter/rule.ts';
import { DEFAULT_RULES, defaultRoute, routesOfAddress } from '../../kernel/route.ts';
import type { Container, DockerNetwork } from './state.ts';

const LOOPBACK: Cidr = { address: 0x7f000001, prefix: 8 };

/** lo, as every namespace has it. */
export const LOOPBACK_LINK: Link = {
  index: 1,
  name: 'lo',
  mac: 0,
  mtu: 65536,
  up: true,
  kind: { type: 'loopback' },
  addresses: [LOOPBACK],
};

/** What lo's address brings. */
export const LOOPBACK_ROUTES = routesOfAddress(LOOPBACK_LINK, LOOPBACK);

const NONE: readonly never[] = [];
const CONTAINER_SYSCTL: Sysctl = {
  ipForward: false,
  bridgeNfCallIptables: false,
  rpFilter: 0,
  routeLocalnet: [],
  sendRedirects: true,
  ipvsConntrack: false,
};

/** The configuration of a running container's namespace, as seen from the machine's namespace `host`. */
export function containerNamespace(container: Container, network: DockerNetwork, host: string): NamespaceConfig {
  const { endpoint } = container;
  assert(endpoint !== undefined && contains(network.subnet, endpoint.address), `container ${container.name} has no address`);
  const address: Cidr = { address: endpoint.address, prefix: network.subnet.prefix };
  const eth0: Link = {
    index: endpoint.index - 1,
    name: 'eth0',
    mac: endpoint.mac,
    mtu: network.mtu,
    up: true,
    kind: { type: 'veth', peer: { namespace: host, index: endpoint.index } },
    addresses: [address],
  };
  return withDevices([eth0], network.gateway);
}

/** A namespace of lo and these devices, of which the first leads to the gateway. */
export function withDevices(devices: readonly Link[], gateway: Ipv4 | undefined): NamespaceConfig {
  const [first] = devices;
  return {
    links: [LOOPBACK_LINK, ...devices],
    // A list of its exact length: one that grew keeps room for more, and there may be very many.
    routes: [
      ...LOOPBACK_ROUTES,
      ...devices.flatMap((link) => link.addresses.flatMap((address) => routesOfAddress(link, address))),
      ...(first === undefined || gateway === undefined ? [] : [defaultRoute(gateway, first.name)]),
    ].slice(),
    rules: DEFAULT_RULES,
    neighbours: NONE,
    fdb: NONE,
    netfilter: EMPTY_NETFILTER,
    sets: NONE,
    sysctl: CONTAINER_SYSCTL,
  };
}
