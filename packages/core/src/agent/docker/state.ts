/**
 * What a Docker daemon remembers: networks and containers, as immutable values.
 * Follows moby 20.10 and libnetwork; shapes as `docker inspect` prints them.
 */
import type { Cidr, Ipv4, Mac } from '../../base/address.ts';
import type { Environment } from '../program.ts';

/** One daemon's networks, in order of creation, and its containers, in order of creation. */
export interface DockerState {
  readonly networks: readonly DockerNetwork[];
  readonly containers: readonly Container[];
  readonly userlandProxy: boolean;
}

/** A network of the bridge driver. */
export interface DockerNetwork {
  /** 64 hex digits. */
  readonly id: string;
  /** `bridge` for the default one. */
  readonly name: string;
  /** The bridge device: `docker0`, `d-dcos`. */
  readonly bridge: string;
  readonly subnet: Cidr;
  readonly gateway: Ipv4;
  readonly mtu: number;
  /** com.docker.network.bridge.enable_ip_masquerade */
  readonly masquerade: boolean;
  /** com.docker.network.bridge.enable_icc */
  readonly icc: boolean;
  /** `--internal`: nothing leaves it, nothing comes in. */
  readonly internal?: boolean | undefined;
  /** Options as given to `docker network create`, in order. */
  readonly options: readonly (readonly [string, string])[];
}

/** A container of the daemon's. */
export interface Container {
  /** 64 hex digits; also the name of its network namespace in the model. */
  readonly id: string;
  /** Without the leading slash. */
  readonly name: string;
  readonly image: string;
  readonly env: Environment;
  /** In the order given. */
  readonly labels: readonly (readonly [string, string])[];
  /** `host`, or the name of a network. */
  readonly network: string;
  readonly endpoint?: Endpoint | undefined;
  /** Ports asked for and, while it runs, published. */
  readonly ports: readonly PublishedPort[];
  /** Virtual milliseconds since the cluster's start. */
  readonly createdAt: number;
  /** The same, of its last start. */
  readonly startedAt: number;
  readonly state: 'created' | 'running' | 'exited';
}

/** What `docker run` is told. */
export interface RunRequest {
  readonly name: string;
  readonly image: string;
  readonly env: Environment;
  readonly labels: readonly (readonly [string, string])[];
  /** `host` or the name of a network. */
  readonly network: string;
  /** `--ip`: the address it wants; the lowest free one if none is given. */
  readonly address?: Ipv4 | undefined;
  readonly ports: readonly PublishedPort[];
}

/** A container's attachment to a network. */
export interface Endpoint {
  /** 64 hex digits. */
  readonly id: string;
  readonly address: Ipv4;
  readonly mac: Mac;
  /** The host's end of the pair: `veth` and seven hex digits. */
  readonly veth: string;
  /** Index of the host's end; the container's is one less. */
  readonly index: number;
}

/** `-p [hostAddress:]hostPort:containerPort/protocol`. */
export interface PublishedPort {
  readonly protocol: 'tcp' | 'udp';
  readonly containerPort: number;
  readonly hostPort: number;
  /** The one address of the host it is published on; all of them if none is given. */
  readonly hostAddress?: Ipv4 | undefined;
  /** Who asked: app, field, task. */
  readonly cause?: string | undefined;
}
