/**
 * What a task tells the world about its ports: Mesos' DiscoveryInfo, which dcos-net and Mesos-DNS read.
 * Follows mesosphere/marathon v1.8 mesos/PortDiscovery.scala; VIP labels are copied, neither parsed nor checked.
 */
import { memo } from '@portolan/core';
import { type App, isHostMode } from '../app/app.ts';
import { hostnameOf } from '../app/id.ts';
import type { Pairs } from '../app/read.ts';
import type { HostPorts } from '../match/ports.ts';
import { portSlots } from './port-slots.ts';

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
  /** Absent if an endpoint of a pod names none. */
  readonly protocol?: string;
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
  const ports: DiscoveryPort[] = [];
  for (const { slot, onHost, inside } of scopesOf(app)) {
    const hostPort = hostPorts[slot];
    if (hostPort === undefined) ports.push(...inside);
    else for (const port of onHost) ports.push({ ...port, number: hostPort });
  }
  return ports;
}

/** Each slot's ports: as they are with a host port, whose number is still to be put in, and without one. */
const scopesOf = memo((app: App) => {
  const host = isHostMode(app);
  const networks = app.networks.flatMap((network) => (network.mode === 'container' ? [network.name ?? ''] : []));
  return portSlots(app).map((slot) => {
    const of = (number: number, labels: Pairs): readonly DiscoveryPort[] =>
      slot.protocols.map((protocol) => {
        const name = slot.name === undefined ? {} : { name: slot.name };
        return { number, ...name, protocol, labels, slot: slot.index };
      });
    const onHost = of(0, host ? slot.labels : withLabels(slot.labels, [['network-scope', 'host']]));
    const scoped = (slot.networkNames.length > 0 ? slot.networkNames : networks).map((network) =>
      withLabels(slot.labels, [
        ['network-name', network],
        ['network-scope', 'container'],
      ]),
    );
    const ofNetworks = scoped.map((labels) => of(slot.containerPort ?? 0, labels));
    const inside = host ? onHost : slot.protocols.flatMap((_, i) => ofNetworks.flatMap((ports) => ports[i] ?? []));
    return { slot: slot.index, onHost, inside };
  });
});

const discoveryName = memo((app: App) => hostnameOf(app.id));

function withLabels(labels: Pairs, added: Pairs): Pairs {
  const kept = labels.filter(([key]) => added.every(([name]) => name !== key));
  return [...kept, ...added].sort((a, b) => (a[0] < b[0] ? -1 : 1));
}
