/** A machine as it comes out of the box: lo, one Ethernet device, routes, no rules, no containers. */
import type { Cidr, Ipv4, Mac } from '../base/address.ts';
import { assert } from '../base/assert.ts';
import type { Link, NamespaceConfig, Sysctl } from '../kernel/config.ts';
import { EMPTY_NETFILTER } from '../kernel/netfilter/rule.ts';
import { DEFAULT_RULES, defaultRoute, routesOfAddress } from '../kernel/route.ts';
import type { MachineConfig } from './config.ts';
import { LOOPBACK_LINK, LOOPBACK_ROUTES } from './docker/container-namespace.ts';
import { NO_UCR } from './ucr/state.ts';

/** An Ethernet device to be plugged in. */
export interface Plug {
  readonly name: string;
  readonly address: Cidr;
  /** The network it goes into; the underlay if none is named. */
  readonly network?: string;
}

/** The switches of a plain host. */
export const HOST_SYSCTL: Sysctl = {
  ipForward: false,
  bridgeNfCallIptables: true,
  rpFilter: 0,
  routeLocalnet: [],
  sendRedirects: true,
  ipvsConntrack: false,
};

/** A host with Ethernet devices, the first of which leads to the gateway. */
export function hostConfig(name: string, plugs: readonly Plug[], gateway?: Ipv4): MachineConfig {
  const links = plugs.map(
    (plug, i): Link => ({
      index: i + 2,
      name: plug.name,
      mac: hostMac(plug.address.address),
      mtu: 1500,
      up: true,
      kind: plug.network === undefined ? { type: 'ethernet' } : { type: 'ethernet', network: plug.network },
      addresses: [plug.address],
    }),
  );
  const first = links[0];
  assert(gateway === undefined || first !== undefined, 'a gateway without a device');
  const host: NamespaceConfig = {
    links: [LOOPBACK_LINK, ...links],
    routes: [
      ...LOOPBACK_ROUTES,
      ...links.flatMap((link) => link.addresses.flatMap((address) => routesOfAddress(link, address))),
      ...(gateway === undefined || first === undefined ? [] : [defaultRoute(gateway, first.name)]),
    ],
    rules: DEFAULT_RULES,
    neighbours: [],
    fdb: [],
    netfilter: EMPTY_NETFILTER,
    sets: [],
    sysctl: HOST_SYSCTL,
  };
  return { name, host, docker: { networks: [], containers: [], userlandProxy: true }, ucr: NO_UCR, nextIndex: links.length + 2 };
}

/** The MAC address given to the Ethernet device of a host: 0a:00 and its IPv4 address. */
export function hostMac(address: Ipv4): Mac {
  return 0x0a00 * 0x100000000 + address;
}

/** Adds a device to a host, and what its addresses bring. */
export function withLink(config: MachineConfig, link: Omit<Link, 'index'>): MachineConfig {
  const made: Link = { ...link, index: config.nextIndex };
  const { host } = config;
  return {
    ...config,
    nextIndex: config.nextIndex + 1,
    host: {
      ...host,
      links: [...host.links, made],
      routes: [...host.routes, ...made.addresses.flatMap((address) => routesOfAddress(made, address))],
    },
  };
}
