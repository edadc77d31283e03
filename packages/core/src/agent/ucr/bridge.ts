/**
 * The CNI plugin `bridge`: a container's pair of devices, and for the first container of a network the bridge. Addresses of
 * devices are the kernel's, drawn by chance. Follows containernetworking/plugins 0.7.2, plugins/main/bridge/bridge.go.
 */
import type { Mac } from '../../base/address.ts';
import type { Random } from '../../base/random.ts';
import type { Link } from '../../kernel/config.ts';
import { routesOfAddress } from '../../kernel/route.ts';
import type { MachineConfig } from '../config.ts';
import { gatewayOf, nextAddress } from './host-local.ts';
import type { Attachment, CniNetwork, MappedPort } from './state.ts';

/** Index of a container's n-th device, counted from 0: its far end had the index before until it moved to the host. */
export function insideIndex(n: number): number {
  return 3 + 2 * n;
}

/**
 * The machine with a container on a network.
 * @param place which of the container's networks it is, counted from 0
 * @throws Refusal `no-addresses`
 */
export function attach(
  config: MachineConfig,
  network: CniNetwork,
  container: { readonly id: string; readonly place: number; readonly ports: readonly MappedPort[] },
  random: Random,
): { readonly config: MachineConfig; readonly attachment: Attachment } {
  const address = nextAddress(network, config.ucr.containers);
  const bridged = withBridge(config, network, random);
  const index = bridged.nextIndex;
  const veth = `veth${random.hex(8)}`;
  const link: Link = {
    index,
    name: veth,
    mac: randomMac(random),
    mtu: network.mtu,
    up: true,
    kind: { type: 'veth', peer: { namespace: container.id, index: insideIndex(container.place) } },
    addresses: [],
    port: { master: network.bridge, hairpin: true, isolated: false },
  };
  const networks = bridged.ucr.networks.map((one) => (one.name === network.name ? { ...one, lastReserved: address } : one));
  return {
    config: {
      ...bridged,
      nextIndex: index + 1,
      host: { ...bridged.host, links: [...bridged.host.links, link] },
      ucr: { ...bridged.ucr, networks },
    },
    attachment: { network: network.name, address, mac: randomMac(random), veth, index, ports: container.ports },
  };
}

function withBridge(config: MachineConfig, network: CniNetwork, random: Random): MachineConfig {
  const { host } = config;
  if (host.links.some(({ name }) => name === network.bridge)) return config;
  const address = { address: gatewayOf(network), prefix: network.subnet.prefix };
  const link: Link = {
    index: config.nextIndex,
    name: network.bridge,
    mac: randomMac(random),
    mtu: network.mtu,
    up: true,
    kind: { type: 'bridge', ageingSeconds: 300 },
    addresses: [address],
  };
  return {
    ...config,
    nextIndex: config.nextIndex + 1,
    host: { ...host, links: [...host.links, link], routes: [...host.routes, ...routesOfAddress(link, address)] },
  };
}

/** As eth_random_addr: 46 random bits; not multicast, administered locally. */
function randomMac(random: Random): Mac {
  const first = (random.next(8) & 0xfc) | 0x02;
  return first * 2 ** 40 + random.next(8) * 2 ** 32 + (random.next(32) >>> 0);
}
