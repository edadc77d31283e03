/**
 * Legacy network and port fields translated into canonical ones: `ipAddress`, `docker.network`, `docker.portMappings`, `ports`, `uris`.
 * Follows mesosphere/marathon v1.8 api/v2/AppNormalization.scala; an exception there is a refusal with status 500 here, as over HTTP.
 */
import type { AppDefinition, NetworkDefinition, PortDefinitionEntry, PortMappingEntry } from './definition.ts';
import { absoluteId } from './id.ts';
import { MarathonRefusal, type Violation } from './refusal.ts';
import { uriViolations } from './validate-references.ts';

/** A step of the pipeline: a definition in, a definition out. */
export type Step = (app: AppDefinition) => AppDefinition;

/** The name of the bridge network towards CNI (`--mesos_bridge_name`). */
export const MESOS_BRIDGE_NAME = 'mesos-bridge';
const DEFAULT_PORT_DEFINITIONS: readonly PortDefinitionEntry[] = [{ port: 0, name: 'default' }];
const DEFAULT_PORT_MAPPINGS: readonly PortMappingEntry[] = [{ containerPort: 0, name: 'default' }];

/** What Marathon says against legacy fields, before they are translated. */
export function validateLegacy(app: AppDefinition): readonly Violation[] {
  const violations: Violation[] = [];
  const say = (path: string, message: string): number => violations.push({ path, message });
  const docker = app.container?.docker;
  const numbers = app.ports?.filter((port) => port !== 0) ?? [];
  if (new Set(numbers).size < numbers.length) say('/', 'ports must be unique');
  const definitions = app.portDefinitions?.map((definition) => definition.port ?? 0);
  if (app.ports !== undefined && definitions !== undefined && app.ports.join() !== definitions.join()) {
    say('/', 'cannot specify both ports and port definitions');
  }
  const ports = (app.ports ?? []).length + (app.portDefinitions ?? []).length;
  if (app.ipAddress !== undefined && ports > 0) say('/', 'cannot specify both an IP address and port');
  if ((app.networks ?? []).length > 0 && app.ipAddress !== undefined) say('/', 'must not specify both networks and ipAddress');
  if ((app.networks ?? []).length > 0 && docker?.network !== undefined) {
    say('/', 'must not specify both container.docker.network and networks');
  }
  const uris = app.uris ?? [];
  if (uris.length > 0 && (app.fetch ?? []).length > 0) say('/uris', 'may not be set in conjunction with fetch');
  violations.push(...uris.flatMap((uri, i) => uriViolations(uri, `/uris(${i})`)));
  if (docker?.credential !== undefined) say('/container/docker/credential', 'must be empty');
  const names = (docker?.portMappings ?? []).flatMap(({ name }) => name ?? []);
  if (new Set(names).size < names.length) say('/container/docker/portMappings', 'Port names must be unique.');
  if (app.container?.type === 'MESOS') {
    if (docker?.network !== undefined) say('/container/docker/network', 'must be empty');
    if ((docker?.portMappings ?? []).length > 0) say('/container/docker/portMappings', 'must be empty');
    if ((docker?.parameters ?? []).length > 0) say('/container/docker/parameters', 'must be empty');
  }
  if (isDocker(app) && app.ipAddress?.discovery !== undefined) {
    say('/ipAddress', 'ipAddress/discovery is not allowed for Docker containers');
  }
  return violations;
}

/** The translation of a whole new app, step by step in Marathon's order. */
export const TRANSLATION: readonly Step[] = [
  networksOfLegacyFields,
  containerForIpAddress,
  mappingsOutOfDocker,
  mappingsOfDiscoveryPorts,
  withoutDockerNetwork,
  mappingsByNetwork,
  mappingsForSurplusPorts,
  portDefinitionsByNetwork,
  fetchOfUris,
  healthCheckPortIndex,
  withoutLegacyFields,
];

/** The translation of an update: no default ports are made, and fields not mentioned stay so. */
export const UPDATE_TRANSLATION: readonly Step[] = [
  networksOfLegacyFields,
  containerForIpAddress,
  mappingsOutOfDocker,
  mappingsOfDiscoveryPorts,
  withoutDockerNetwork,
  portDefinitionsOfPorts,
  fetchOfUris,
  withoutLegacyFields,
];

function networksOfLegacyFields(app: AppDefinition): AppDefinition {
  const { ipAddress } = app;
  const network = app.container?.docker?.network;
  if (ipAddress === undefined && network === undefined) return app;
  if ((app.networks ?? []).length > 0) throw exception('cannot mix deprecated and canonical network APIs');
  if (network === 'NONE') throw exception('unsupported docker network type NONE');
  const labels = ipAddress?.labels === undefined ? {} : { labels: ipAddress.labels };
  const name = ipAddress?.networkName;
  return { ...app, networks: [translated()] };

  function translated(): NetworkDefinition {
    if (network === 'HOST') return { mode: 'host' };
    if (network === 'BRIDGE' || (network === undefined && name === MESOS_BRIDGE_NAME))
      return { mode: 'container/bridge', ...labels };
    return { mode: 'container', ...(name === undefined ? {} : { name }), ...labels };
  }
}

function containerForIpAddress(app: AppDefinition): AppDefinition {
  return app.container === undefined && app.ipAddress !== undefined ? { ...app, container: { type: 'MESOS' } } : app;
}

function mappingsOutOfDocker(app: AppDefinition): AppDefinition {
  const container = app.container;
  if (container?.docker?.portMappings === undefined) return app;
  const { portMappings, ...docker } = container.docker;
  if (container.portMappings !== undefined && portMappings.length > 0) {
    throw exception('cannot specify both portMappings and docker.portMappings');
  }
  return { ...app, container: { ...container, docker, portMappings: container.portMappings ?? portMappings } };
}

function mappingsOfDiscoveryPorts(app: AppDefinition): AppDefinition {
  const ports = app.ipAddress?.discovery?.ports ?? [];
  const container = app.container;
  if (ports.length === 0 || container === undefined) return app;
  if (isDocker(app)) throw exception('ipAddress.discovery.ports do not apply for container type DOCKER');
  if (container.portMappings !== undefined) {
    throw exception('container.portMappings and ipAddress.discovery.ports must not both be set');
  }
  const portMappings = ports.map(({ number, ...rest }) => ({ containerPort: number ?? 0, ...rest }));
  return { ...app, container: { ...container, portMappings } };
}

function withoutDockerNetwork(app: AppDefinition): AppDefinition {
  const container = app.container;
  if (container?.docker?.network === undefined) return app;
  const { network: _cleared, ...docker } = container.docker;
  return { ...app, container: { ...container, docker } };
}

function mappingsByNetwork(app: AppDefinition): AppDefinition {
  const container = app.container;
  if (container === undefined) return app;
  if (isHostMode(app)) {
    const { portMappings: _dropped, ...rest } = container;
    return { ...app, container: rest };
  }
  return container.portMappings === undefined
    ? { ...app, container: { ...container, portMappings: DEFAULT_PORT_MAPPINGS } }
    : app;
}

function mappingsForSurplusPorts(app: AppDefinition): AppDefinition {
  const container = app.container;
  if (container?.portMappings === undefined || isHostMode(app)) return app;
  const wanted = Math.max(app.ports?.length ?? 0, app.portDefinitions?.length ?? 0);
  const missing = wanted - container.portMappings.length;
  if (missing <= 0) return app;
  const portMappings = [...container.portMappings, ...Array.from({ length: missing }, (): PortMappingEntry => ({}))];
  return { ...app, container: { ...container, portMappings } };
}

function portDefinitionsByNetwork(app: AppDefinition): AppDefinition {
  const { portDefinitions, ports, ...rest } = app;
  if (!isHostMode(app)) return rest;
  return { ...rest, portDefinitions: portDefinitions ?? ports?.map((port) => ({ port })) ?? DEFAULT_PORT_DEFINITIONS };
}

function portDefinitionsOfPorts(app: AppDefinition): AppDefinition {
  return app.ports === undefined || app.portDefinitions !== undefined
    ? app
    : { ...app, portDefinitions: app.ports.map((port) => ({ port })) };
}

function fetchOfUris(app: AppDefinition): AppDefinition {
  const { uris, ...rest } = app;
  if (uris === undefined || uris.length === 0) return rest;
  if ((app.fetch ?? []).length > 0) throw exception('cannot specify both uris and fetch fields');
  return { ...rest, fetch: uris.map((uri) => new Map([['uri', uri]])) };
}

function healthCheckPortIndex(app: AppDefinition): AppDefinition {
  if (app.healthChecks === undefined) return app;
  const hasPorts = (app.portDefinitions ?? []).length > 0 || (app.container?.portMappings ?? []).length > 0;
  const healthChecks = app.healthChecks.map((check) =>
    hasPorts && check.protocol !== 'COMMAND' && check.port === undefined && check.portIndex === undefined
      ? { ...check, portIndex: 0 }
      : check,
  );
  return { ...app, healthChecks };
}

function withoutLegacyFields(app: AppDefinition): AppDefinition {
  const { ipAddress: _ipAddress, ports: _ports, storeUrls: _storeUrls, id, ...rest } = app;
  return id === undefined ? rest : { ...rest, id: absoluteId(id) };
}

function isDocker(app: AppDefinition): boolean {
  return app.container !== undefined && app.container.type !== 'MESOS';
}

function isHostMode(app: AppDefinition): boolean {
  const networks = app.networks ?? [];
  return networks.length === 0 || networks.some((network) => network.mode === 'host');
}

function exception(message: string): MarathonRefusal {
  return new MarathonRefusal('invalid-app', 500, [{ path: '', message }]);
}
