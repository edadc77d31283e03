/**
 * What follows validation: defaults that depend on the network mode.
 * Follows mesosphere/marathon v1.8 api/v2/AppNormalization.scala and NetworkNormalization.scala.
 */
import type { AppDefinition, PortMappingEntry } from './definition.ts';
import type { Step } from './legacy.ts';
import { MarathonRefusal } from './refusal.ts';

/** The steps in Marathon's order; `defaultNetworkName` is `--default_network_name`, on DC/OS the first overlay's name. */
export function normalisation(defaultNetworkName: string | undefined): readonly Step[] {
  return [
    hostNetworkByDefault,
    (app) => networkNames(app, defaultNetworkName),
    containerOfNetwork,
    bridgeHostPorts,
    requirePortsOnlyOnHost,
  ];
}

/** The networks with their names: an unnamed container network gets the default. */
export function networkNames(app: AppDefinition, defaultNetworkName: string | undefined): AppDefinition {
  if (app.networks === undefined) return app;
  const networks = app.networks.map((network) => {
    if ((network.mode ?? 'container') !== 'container' || network.name !== undefined) return network;
    if (defaultNetworkName === undefined) {
      throw new MarathonRefusal('invalid-app', 500, [{ path: '', message: 'container network name is not defined' }]);
    }
    return { ...network, name: defaultNetworkName };
  });
  return { ...app, networks };
}

function hostNetworkByDefault(app: AppDefinition): AppDefinition {
  return (app.networks ?? []).length > 0 ? app : { ...app, networks: [{ mode: 'host' }] };
}

function containerOfNetwork(app: AppDefinition): AppDefinition {
  if (app.container !== undefined || isHost(app)) return app;
  return { ...app, container: { type: 'MESOS', portMappings: [{ containerPort: 0, name: 'default' }] } };
}

function bridgeHostPorts(app: AppDefinition): AppDefinition {
  const container = app.container;
  if (container?.portMappings === undefined || !app.networks?.some((network) => network.mode === 'container/bridge')) return app;
  const withHostPort = (mapping: PortMappingEntry): PortMappingEntry => ({ ...mapping, hostPort: mapping.hostPort ?? 0 });
  return { ...app, container: { ...container, portMappings: container.portMappings.map(withHostPort) } };
}

function requirePortsOnlyOnHost(app: AppDefinition): AppDefinition {
  return isHost(app) ? app : { ...app, requirePorts: false };
}

function isHost(app: AppDefinition): boolean {
  return app.networks?.some((network) => network.mode === 'host') ?? true;
}
