/**
 * The two networks that every dockerd has and nobody made: `host` and `none`. Nothing on the machine depends on them, so the daemon's state does not
 * keep them: their ids are drawn from that of the network `bridge`. Follows moby 20.10 (daemon/daemon_unix.go, initNetworkController).
 */
import type { DockerState } from '../../agent/docker/state.ts';
import { Random } from '../../base/random.ts';

/** A network that is there from the start, without devices. */
export interface StandardNetwork {
  readonly name: 'host' | 'none';
  readonly driver: 'host' | 'null';
  /** 64 hex digits. */
  readonly id: string;
}

/** The two, in docker's order. */
export function standardNetworks({ networks }: DockerState): readonly [StandardNetwork, StandardNetwork] {
  const bridge = networks.find(({ name }) => name === 'bridge');
  const random = new Random(Number.parseInt(bridge?.id.slice(0, 8) ?? '0', 16));
  return [
    { name: 'host', driver: 'host', id: random.hex(64) },
    { name: 'none', driver: 'null', id: random.hex(64) },
  ];
}
