/** A new machine of a cluster, and what the overlay's daemons may change of it, before it has come up and after. */
import type { Cluster, Ipv4, Machine, MachineConfig } from '@portolan/core';
import { Refusal } from '@portolan/core';
import { hostName } from '../cluster-options.ts';
import { GATEWAY, UNDERLAY } from '../outside.ts';
import type { OverlayHost, OverlayRegistration } from '../overlay/registration.ts';
import { withOverlay, withTunnel } from './overlay-setup.ts';
import { dcosNode } from './setup.ts';

/** What a new node is. */
export interface NewNode {
  readonly core: Cluster;
  readonly registration: OverlayRegistration;
  readonly address: Ipv4;
  /** An agent, not a master. */
  readonly agent: boolean;
  /** Whether it has been up for long: its part of the overlays is there. */
  readonly settled: boolean;
  readonly userlandProxy: boolean;
}

/** Adds the machine. One that has not been up for long is still to be registered. */
export function newNode(node: NewNode): { readonly machine: Machine; readonly host: OverlayHost } {
  const { core, registration, address, agent, settled, userlandProxy } = node;
  const name = hostName(address);
  const random = core.random.fork(`setup ${name}`);
  let config = dcosNode(name, {
    address: { address, prefix: UNDERLAY.prefix },
    gateway: GATEWAY,
    docker: agent,
    userlandProxy,
    random,
  });
  let machine: Machine | undefined;
  const change = (recipe: (before: MachineConfig) => MachineConfig): void => {
    if (machine === undefined) config = recipe(config);
    else machine.replace(recipe(machine.config));
  };
  const host: OverlayHost = {
    address,
    bridges: agent,
    configure: (part) => dockerFailure(() => change((before) => withOverlay(before, part, random))),
    openTunnel: (place, parts) => change((before) => withTunnel(before, place, parts)),
  };
  // All of it at once: a machine whose configuration grows step by step would be made anew each time.
  if (settled) registration.settled(host);
  machine = core.add(config);
  return { machine, host };
}

/** What the module says if Docker refuses. */
function dockerFailure(action: () => void): string | undefined {
  try {
    action();
    return undefined;
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    return `Unable to configure docker network: Error response from daemon: ${refusal.message}`;
  }
}
