/**
 * The address a container gets of its network: the next free one after the last that was given, whoever has gone since.
 * Follows containernetworking/plugins 0.7.2 (DC/OS 1.13), plugins/ipam/host-local/backend/allocator/allocator.go.
 */
import { broadcastOf, formatIpv4, type Ipv4, networkOf } from '../../base/address.ts';
import { Refusal } from '../../base/refusal.ts';
import type { CniNetwork, UcrContainer } from './state.ts';

/** The gateway: the network's first address. */
export function gatewayOf(network: CniNetwork): Ipv4 {
  return networkOf(network.subnet).address + 1;
}

/**
 * An address for one container more.
 * @throws Refusal `no-addresses`
 */
export function nextAddress(network: CniNetwork, containers: readonly UcrContainer[]): Ipv4 {
  const taken = new Set(
    containers.flatMap(({ attachments }) =>
      attachments.flatMap((attachment) => (attachment.network === network.name ? [attachment.address] : [])),
    ),
  );
  const first = gatewayOf(network);
  const last = broadcastOf(network.subnet) - 1;
  const start = network.lastReserved ?? first;
  for (let step = 1; step <= last - first + 1; step++) {
    const address = first + ((start - first + step) % (last - first + 1));
    if (address !== first && !taken.has(address)) return address;
  }
  const range = `${formatIpv4(first)}-${formatIpv4(last)}`;
  throw new Refusal({
    component: 'cni',
    code: 'no-addresses',
    path: network.name,
    message: `failed to allocate for range 0: no IP addresses available in range set: ${range}`,
  });
}
