/**
 * An app's ports as slots: one list for port definitions and port mappings, each slot knowing the field it comes from.
 * Follows mesosphere/marathon v1.8 state/AppDefinition.scala (hostPorts, servicePorts).
 */
import { memo } from '@portolan/core';
import { type App, isHostMode } from '../app/app.ts';
import type { Pairs } from '../app/read.ts';
import type { PortRequest } from '../match/ports.ts';

/** A port of an app. */
export interface PortSlot {
  readonly index: number;
  /** The field it comes from: `portDefinitions(0)`, `container.portMappings(1)`. */
  readonly field: string;
  /** As defined; 0 is the same as the host port, absent in host mode. */
  readonly containerPort?: number;
  readonly servicePort: number;
  /** As written: `udp,tcp` gives udp, then tcp. */
  readonly protocols: readonly ('tcp' | 'udp')[];
  readonly name?: string;
  readonly labels: Pairs;
  readonly networkNames: readonly string[];
}

/** The slots of an app, in its order. */
export const portSlots: (app: App) => readonly PortSlot[] = memo((app: App) => {
  const mappings = app.container?.portMappings ?? [];
  if (mappings.length > 0) {
    return mappings.map((mapping, index) => ({
      index,
      field: `container.portMappings(${index})`,
      containerPort: mapping.containerPort,
      servicePort: mapping.servicePort,
      protocols: split(mapping.protocol),
      ...(mapping.name === undefined ? {} : { name: mapping.name }),
      labels: mapping.labels,
      networkNames: mapping.networkNames,
    }));
  }
  return app.portDefinitions.map((definition, index) => ({
    index,
    field: `portDefinitions(${index})`,
    servicePort: definition.port,
    protocols: split(definition.protocol),
    ...(definition.name === undefined ? {} : { name: definition.name }),
    labels: definition.labels,
    networkNames: [],
  }));
});

/** What the app asks of an offer's ports. */
export const portRequest: (app: App) => PortRequest = memo((app: App) => {
  const mappings = app.container?.portMappings ?? [];
  if (mappings.length > 0) return { slots: mappings.map((mapping) => mapping.hostPort), anyPorts: false, exactPorts: false };
  const exactPorts = isHostMode(app) && app.requirePorts;
  return { slots: app.portDefinitions.map((definition) => definition.port), anyPorts: !exactPorts, exactPorts };
});

function split(protocol: string): readonly ('tcp' | 'udp')[] {
  return protocol.split(',').map((part) => (part === 'udp' ? 'udp' : 'tcp'));
}
