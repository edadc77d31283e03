/**
 * What a task tells the world about its ports: Mesos' DiscoveryInfo, which dcos-net and Mesos-DNS read.
 * Follows mesosphere/marathon v1.8 mesos/PortDiscovery.scala; VIP labels are copied, neither parsed nor checked.
 */
import { memo, remember } from '@portolan/core';
import { type App, isHostMode } from '../app/app.ts';
import { hostnameOf } from '../app/id.ts';
import type { Pairs } from '../app/read.ts';
import type { HostPorts } from '../match/ports.ts';
import { type PortSlot, portSlots } from './port-slots.ts';

/** Mesos' DiscoveryInfo. */
export interface Discovery {
  /** The reversed path: `frontend.product`. */
  readonly name: string;
  readonly visibility: 'FRAMEWORK';
  readonly ports: readonly DiscoveryPort[];
}

/** A port in DiscoveryInfo. */
export interface DiscoveryPort {
  /** The host port, or without one the container port, which may be 0. */
  readonly number: number;
  readonly name?: string;
  readonly protocol: 'tcp' | 'udp';
  /** Sorted by name; outside host mode with `network-scope` and perhaps `network-name`. */
  readonly labels: Pairs;
  /** Index of the app's port it comes from. */
  readonly slot: number;
}

/** The discovery record of a task with these host ports. */
export function discovery(app: App, hostPorts: HostPorts): Discovery {
  return new AppDiscovery(app, hostPorts);
}

/** Its ports are made when they are read. */
class AppDiscovery implements Discovery {
  readonly visibility = 'FRAMEWORK';

  constructor(
    private readonly app: App,
    private readonly hostPorts: HostPorts,
  ) {}

  get name(): string {
    return discoveryName(this.app);
  }

  get ports(): readonly DiscoveryPort[] {
    return discoveryPorts(this.app, this.hostPorts);
  }
}

function discoveryPorts(app: App, hostPorts: HostPorts): readonly DiscoveryPort[] {
  const host = isHostMode(app);
  const networks = app.networks.flatMap((network) => (network.mode === 'container' ? [network.name ?? ''] : []));
  return portSlots(app).flatMap((slot): readonly DiscoveryPort[] => {
    const hostPort = hostPorts[slot.index];
    const name = slot.name === undefined ? {} : { name: slot.name };
    const records = (number: number, labels: Pairs): readonly DiscoveryPort[] =>
      slot.protocols.map((protocol) => ({ number, ...name, protocol, labels, slot: slot.index }));
    if (host) return records(hostPort ?? 0, slot.labels);
    if (hostPort !== undefined) return records(hostPort, hostScopeLabels(slot));
    const scoped = slot.networkNames.length > 0 ? slot.networkNames : networks;
    return slot.protocols.flatMap((protocol) =>
      scoped.map((network) => ({
        number: slot.containerPort ?? 0,
        ...name,
        protocol,
        labels: containerScopeLabels(slot, network),
        slot: slot.index,
      })),
    );
  });
}

const discoveryName = memo((app: App) => hostnameOf(app.id));

/** The labels of a slot's host port, one list for all tasks of an app. */
const hostScopeLabels = memo((slot: PortSlot) => withLabels(slot.labels, [['network-scope', 'host']]));

/** The same of a port that is open only inside a network. */
function containerScopeLabels(slot: PortSlot, network: string): Pairs {
  const scope: Pairs = [
    ['network-name', network],
    ['network-scope', 'container'],
  ];
  return remember(slot, network, () => withLabels(slot.labels, scope));
}

function withLabels(labels: Pairs, added: Pairs): Pairs {
  const kept = labels.filter(([key]) => added.every(([name]) => name !== key));
  return [...kept, ...added].sort((a, b) => (a[0] < b[0] ? -1 : 1));
}
