/**
 * Where Marathon believes a task listens: the addresses its health checks go to.
 * Follows mesosphere/marathon v1.8 core/task/state/NetworkInfo.scala.
 */
import { formatIpv4, type Ipv4 } from '@portolan/core';
import { type App, isHostMode } from '../app/app.ts';
import type { HostPorts } from '../match/ports.ts';
import { portSlots } from './port-slots.ts';

/** A port of a task in Marathon's eyes. */
export interface PortAssignment {
  readonly name?: string;
  /** The agent's hostname or the task's first address as text; absent while that is not known. */
  readonly address?: string;
  /** -1 while the address is not known. */
  readonly port: number;
  readonly hostPort?: number;
  readonly containerPort?: number;
}

/** What of a task counts. */
export interface TaskNetwork {
  readonly hostname: string;
  /** By slot. */
  readonly hostPorts: HostPorts;
  /** As last reported. */
  readonly addresses: readonly Ipv4[];
}

/** The assignments, one per port of the app. */
export function portAssignments(app: App, { hostname, hostPorts, addresses }: TaskNetwork): readonly PortAssignment[] {
  const host = isHostMode(app);
  return portSlots(app).map((slot, i): PortAssignment => {
    const hostPort = hostPorts[i];
    const name = slot.name === undefined ? {} : { name: slot.name };
    const containerPort = slot.containerPort;
    if (hostPort !== undefined) {
      const inside = host || containerPort === undefined ? {} : { containerPort: containerPort === 0 ? hostPort : containerPort };
      return { ...name, address: hostname, port: hostPort, hostPort, ...inside };
    }
    const [address] = addresses;
    const inside = containerPort === undefined ? {} : { containerPort };
    if (address === undefined) return { ...name, port: -1, ...inside };
    return { ...name, address: formatIpv4(address), port: containerPort ?? -1, ...inside };
  });
}

/** The address of a task as a whole: in container networks its own, else its agent's; undefined while it is not known. */
export function effectiveAddress(
  app: App,
  { hostname, addresses }: Pick<TaskNetwork, 'hostname' | 'addresses'>,
): string | undefined {
  if (app.networks.every(({ mode }) => mode !== 'container')) return hostname;
  const [address] = addresses;
  return address === undefined ? undefined : formatIpv4(address);
}
