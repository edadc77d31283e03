/** The containers that run on a machine, whichever containerizer has them, as far as networks know them. */
import type { Ipv4, Mac, MachineConfig } from '@portolan/core';

/** A container's attachment to a network. */
export interface Attached {
  /** Docker's name of it, or the id Mesos gave it. */
  readonly name: string;
  readonly network: string;
  readonly address: Ipv4;
  readonly mac: Mac;
  /** The host's end of its pair. */
  readonly veth: string;
}

/** The attachments of all running containers. */
export function attached({ docker, ucr }: MachineConfig): readonly Attached[] {
  return [
    ...docker.containers.flatMap(({ state, name, network, endpoint }) =>
      state === 'running' && endpoint !== undefined ? [{ name, network, ...endpoint }] : [],
    ),
    ...ucr.containers.flatMap(({ id, attachments }) => attachments.map((attachment) => ({ name: id, ...attachment }))),
  ];
}

/** Networks of one machine alone, whose addresses others use too. */
export const PRIVATE_NETWORKS: readonly string[] = ['bridge', 'mesos-bridge'];

/** Whether something is the furniture of a CNI network, which comes with its first container and stays: its bridge, its chain. */
export function isOfCniNetwork({ ucr }: MachineConfig, name: string): boolean {
  return ucr.networks.some(({ bridge, chain }) => name === bridge || name === chain);
}
