/** The network namespace of a container on CNI networks: lo, a device a network, the first network's default route. */
import { assert } from '../../base/assert.ts';
import type { Link, NamespaceConfig } from '../../kernel/config.ts';
import { withDevices } from '../docker/container-namespace.ts';
import { insideIndex } from './bridge.ts';
import { gatewayOf } from './host-local.ts';
import type { CniNetwork, UcrContainer } from './state.ts';

/** The configuration of a container's namespace, as seen from the machine's namespace `host`. */
export function ucrNamespace(container: UcrContainer, networks: readonly CniNetwork[], host: string): NamespaceConfig {
  const ends = container.attachments.map((attachment, place) => {
    const network = networks.find(({ name }) => name === attachment.network);
    assert(network !== undefined, `container ${container.id} is on a network that is not there`);
    const link: Link = {
      index: insideIndex(place),
      name: `eth${place}`,
      mac: attachment.mac,
      mtu: network.mtu,
      up: true,
      kind: { type: 'veth', peer: { namespace: host, index: attachment.index } },
      addresses: [{ address: attachment.address, prefix: network.subnet.prefix }],
    };
    return { link, network };
  });
  const [first] = ends;
  // A further default route is refused by the kernel, which the plugin takes as done.
  return withDevices(
    ends.map(({ link }) => link),
    first === undefined ? undefined : gatewayOf(first.network),
  );
}
