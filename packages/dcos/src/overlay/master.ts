/**
 * The overlay module of the Mesos master: gives each node its part of every overlay, and never takes it back: a node that
 * comes again gets the same. Follows dcos-mesos-modules overlay/master.cpp. What it gives is in the directory at once. A node
 * for which nothing is left stays without overlay: its module would ask again for ever.
 */
import { type AddressPlan, addressPlan, type Cidr, DEFAULT_OVERLAY, type Ipv4, Refusal, registerAgent } from '@portolan/core';
import type { OverlayPlace } from '../node/overlay-setup.ts';
import { OverlayDirectory } from './directory.ts';

/** An overlay beside `dcos`. */
export interface OverlayNetwork {
  readonly name: string;
  readonly network: Cidr;
  /** Length of a node's subnet. */
  readonly prefix: number;
}

/** Gives parts of the overlays out. */
export class OverlayMaster {
  readonly directory: OverlayDirectory;
  /** What the master logged: who got nothing, in its words. */
  readonly failures: string[] = [];
  private plan: AddressPlan;
  private readonly places = new Map<Ipv4, OverlayPlace>();

  /** @throws Refusal `bad-config` for what the master refuses to start with */
  constructor(options: { readonly vtepNetwork?: Cidr | undefined; readonly networks?: readonly OverlayNetwork[] } = {}) {
    const overlays = [...DEFAULT_OVERLAY.overlays, ...(options.networks ?? [])] as const;
    this.plan = addressPlan({ vtepNetwork: options.vtepNetwork ?? DEFAULT_OVERLAY.vtepNetwork, overlays });
    this.directory = new OverlayDirectory(overlays);
  }

  /** A node's part; only an agent has bridges. Undefined if no tunnel address or no subnet is left. */
  register(address: Ipv4, agent: boolean): OverlayPlace | undefined {
    const known = this.places.get(address);
    if (known !== undefined) return known;
    try {
      const { plan, place } = registerAgent(this.plan, { agent: address, mesosBridge: agent, dockerBridge: agent });
      const { vtep, vtepMac, overlays } = place;
      this.plan = plan;
      this.failures.push(...place.failures);
      const made = {
        vtep,
        vtepMac,
        overlays: overlays.map(({ name, overlay, dockerBridge }) => ({ name, overlay, docker: dockerBridge })),
      };
      this.places.set(address, made);
      for (const { subnet } of overlays) this.directory.put({ agent: address, vtep: vtep.address, vtepMac, subnet });
      return made;
    } catch (refusal) {
      if (!(refusal instanceof Refusal)) throw refusal;
      this.failures.push(`Unable to get VTEP IP for Agent: ${refusal.message}`);
      return undefined;
    }
  }
}
