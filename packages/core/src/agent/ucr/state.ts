/**
 * What an agent's Mesos containerizer (the Universal Container Runtime) knows: CNI networks and containers, as immutable
 * values. Follows apache/mesos 1.8 src/slave/containerizer/mesos, isolator network/cni; a container that ended leaves nothing.
 */
import type { Cidr, Ipv4, Mac } from '../../base/address.ts';
import type { Environment } from '../program.ts';

/** One agent's containerizer. */
export interface UcrState {
  readonly networks: readonly CniNetwork[];
  /** In order of their launch. */
  readonly containers: readonly UcrContainer[];
}

/** A machine that runs no such containers. */
export const NO_UCR: UcrState = { networks: [], containers: [] };

/** A CNI network: its configuration file, of type mesos-cni-port-mapper over bridge and host-local. */
export interface CniNetwork {
  /** `mesos-bridge`, `dcos`. */
  readonly name: string;
  /** The port mapper's chain: `UCR-DEFAULT-BRIDGE`, `M-DCOS`. */
  readonly chain: string;
  /** The bridge device, which is made for the first container: `ucr-br0`, `m-dcos`. */
  readonly bridge: string;
  /** Its first address is the gateway's. */
  readonly subnet: Cidr;
  readonly mtu: number;
  /** `ipMasq`: what leaves the subnet takes the agent's address. */
  readonly masquerade: boolean;
  /** host-local's file `last_reserved_ip.0`. */
  readonly lastReserved?: Ipv4;
}

/** A container with a network namespace of its own, or on its agent's. */
export interface UcrContainer {
  /** A UUID; also the name of its network namespace in the model. */
  readonly id: string;
  /** A task's program; of a pod's executor, those of the containers in it. */
  readonly programs: readonly UcrProgram[];
  /** None: it shares its agent's network. */
  readonly attachments: readonly Attachment[];
}

/** What runs in a container. */
export interface UcrProgram {
  readonly task: string;
  /** The image, or the command of a task without one. */
  readonly image: string;
  readonly env: Environment;
}

/** A container's attachment to a CNI network. */
export interface Attachment {
  readonly network: string;
  readonly address: Ipv4;
  readonly mac: Mac;
  /** The host's end of the pair: `veth` and eight hex digits. */
  readonly veth: string;
  /** Index of the host's end. */
  readonly index: number;
  readonly ports: readonly MappedPort[];
}

/** A port of the agent passed to the container. */
export interface MappedPort {
  /** As the framework wrote it; the port mapper takes it as it is, in lower case. */
  readonly protocol: string;
  readonly hostPort: number;
  readonly containerPort: number;
  /** Who asked: app, field, task. */
  readonly cause?: string;
}
