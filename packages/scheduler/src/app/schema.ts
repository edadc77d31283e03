/**
 * The readers of an app definition's fields: types, bounds and patterns, with Marathon's error keys; and their JSON Schema.
 * Follows mesosphere/marathon v1.8 (with role and resourceLimits of later versions), docs/docs/rest-api/public/api/v2/types/*.raml.
 * Secrets, credentials, checks of Mesos' own and external volumes are accepted and kept; they bear on nothing that is modelled.
 */
import type {
  AppDefinition,
  ContainerDefinition,
  DiscoveryPortEntry,
  DockerDefinition,
  DockerParameter,
  HealthCheck,
  HostVolume,
  IpAddressDefinition,
  NetworkDefinition,
  PersistentVolume,
  PortDefinitionEntry,
  PortMappingEntry,
  ReadinessCheck,
  ResourceLimits,
  UnreachableStrategy,
  UpgradeStrategy,
} from './definition.ts';
import { isPathPattern } from './id.ts';
import type { Json } from './json.ts';
import {
  anyJson,
  boolean,
  either,
  integer,
  type JsonSchema,
  list,
  number,
  oneOf,
  type Pairs,
  pairs,
  type Read,
  reader,
  record,
  text,
} from './read.ts';

/** A port number, 0 included. */
export const port: Read<number> = integer(0, 65535);
const NAME = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/;
const NETWORK_NAME = /^[a-z0-9](?:[-a-z0-9_]*[a-z0-9])?$/;
const protocol = oneOf('tcp', 'udp', 'udp,tcp');
const legacyName = text({ minLength: 1, pattern: NAME });
/** A name of at most 63 characters: of an endpoint, of a container. */
export const shortName: Read<string> = text({ minLength: 1, maxLength: 63, pattern: NAME });
/** The name of a network, which alone may have underscores. */
export const networkName: Read<string> = text({ minLength: 1, maxLength: 63, pattern: NETWORK_NAME });
/** An id as a path. */
export const pathId: Read<string> = text({
  minLength: 1,
  pattern: {
    test: isPathPattern,
    source: '^(\\/?((\\.\\.)|(([a-z0-9]|[a-z0-9][a-z0-9\\-]*[a-z0-9])\\.)*([a-z0-9]|[a-z0-9][a-z0-9\\-]*[a-z0-9]))?($|\\/))+$',
  },
});

/** An entry of `networks`. */
export const network: Read<NetworkDefinition> = record<NetworkDefinition>({
  mode: oneOf('container', 'container/bridge', 'host'),
  name: networkName,
  labels: pairs,
});

const portDefinition = record<PortDefinitionEntry>({ port, name: legacyName, protocol, labels: pairs });

const portMapping = record<PortMappingEntry>({
  containerPort: port,
  hostPort: port,
  servicePort: port,
  protocol,
  name: legacyName,
  labels: pairs,
  networkNames: list(shortName),
});

const docker = record<DockerDefinition>(
  {
    image: text({ minLength: 1, maxLength: 1024 }),
    forcePullImage: boolean,
    privileged: boolean,
    parameters: list(record<DockerParameter>({ key: text({ minLength: 1 }), value: text() }, ['key', 'value'])),
    network: oneOf('BRIDGE', 'HOST', 'NONE', 'USER'),
    portMappings: list(portMapping),
    credential: anyJson,
    pullConfig: anyJson,
  },
  ['image'],
);

const persistent = record<PersistentVolume>({
  size: number(0),
  type: oneOf('root', 'path', 'mount'),
  profileName: text({ minLength: 1 }),
  maxSize: number(0),
  constraints: list(list(text())),
});

const volume = record<HostVolume>(
  {
    containerPath: text({ minLength: 1 }),
    hostPath: text({ minLength: 1 }),
    mode: oneOf('RO', 'RW'),
    persistent,
    external: anyJson,
    secret: text({ minLength: 1 }),
  },
  ['containerPath'],
);

const container = record<ContainerDefinition>({
  type: oneOf('DOCKER', 'MESOS'),
  docker,
  portMappings: list(portMapping),
  volumes: list(volume),
  appc: anyJson,
  linuxInfo: anyJson,
});

const ipAddress = record<IpAddressDefinition>({
  networkName,
  groups: list(text()),
  labels: pairs,
  discovery: record<{ readonly ports?: readonly DiscoveryPortEntry[] }>({
    ports: list(record<DiscoveryPortEntry>({ number: port, name: legacyName, protocol, labels: pairs }, ['name'])),
  }),
});

const healthCheck = record<HealthCheck>({
  protocol: oneOf('COMMAND', 'HTTP', 'HTTPS', 'TCP', 'MESOS_HTTP', 'MESOS_HTTPS', 'MESOS_TCP'),
  path: text(),
  port,
  portIndex: integer(0),
  command: record<{ readonly value?: string }>({ value: text({ minLength: 1 }) }),
  gracePeriodSeconds: integer(0),
  intervalSeconds: integer(0),
  timeoutSeconds: integer(0),
  delaySeconds: integer(0),
  maxConsecutiveFailures: integer(0),
  ignoreHttp1xx: boolean,
  ipProtocol: oneOf('IPv4', 'IPv6'),
});

const readinessCheck = record<ReadinessCheck>({
  name: text({ minLength: 1 }),
  protocol: oneOf('HTTP', 'HTTPS'),
  path: text(),
  portName: legacyName,
  intervalSeconds: integer(0),
  timeoutSeconds: integer(0),
  httpStatusCodesForReady: list(integer(100, 999)),
  preserveLastResponse: boolean,
});

interface Artifact {
  readonly uri?: string;
  readonly extract?: boolean;
  readonly executable?: boolean;
  readonly cache?: boolean;
  readonly destPath?: string;
}

const readArtifact = record<Artifact>(
  {
    uri: text({ minLength: 1, maxLength: 1024 }),
    extract: boolean,
    executable: boolean,
    cache: boolean,
    destPath: text({ minLength: 1, maxLength: 1024 }),
  },
  ['uri'],
);

/** Kept as it is: nothing is made of it here. */
const artifact: Read<Json> = reader(
  (json, path, violations) => (readArtifact(json, path, violations) === undefined ? undefined : json),
  readArtifact.schema,
);

// A text that is none of Marathon's is no matter of reading, but of its rules.
const limit: Read<number | string> = reader(
  (json, path, violations) => (typeof json === 'string' || typeof json === 'number' ? json : number(0)(json, path, violations)),
  { anyOf: [oneOf('unlimited').schema, number(0).schema] },
);

const resourceLimits = record<ResourceLimits>({ cpus: limit, mem: limit });

const fraction = number(0, 1);

/** `upgradeStrategy`. */
export const upgradeStrategy: Read<UpgradeStrategy> = record<UpgradeStrategy>({
  minimumHealthCapacity: fraction,
  maximumOverCapacity: fraction,
});

/** `unreachableStrategy`. */
export const unreachableStrategy: Read<UnreachableStrategy | 'disabled'> = either<'disabled', UnreachableStrategy>(
  (json) => typeof json === 'string',
  oneOf('disabled'),
  record<UnreachableStrategy>({ inactiveAfterSeconds: integer(0), expungeAfterSeconds: integer(0) }),
);

/** `env`: plain variables; those that name a secret are left out. */
export const environment: Read<Pairs> = reader(
  (json, path, violations) => {
    if (!(json instanceof Map)) return pairs(json, path, violations);
    return pairs(new Map([...(json as ReadonlyMap<string, Json>)].filter(([, value]) => !isSecret(value))), path, violations);
  },
  { type: 'object', additionalProperties: { anyOf: [{ type: 'string' }, { type: 'object', required: ['secret'] }] } },
);

/** `killSelection`. */
export const killSelection: Read<'YOUNGEST_FIRST' | 'OLDEST_FIRST'> = oneOf('YOUNGEST_FIRST', 'OLDEST_FIRST');

/** Reads an app definition; an empty path is the app itself. */
export const readDefinition: Read<AppDefinition> = record<AppDefinition>({
  id: pathId,
  cmd: text(),
  args: list(text()),
  user: text(),
  env: environment,
  cpus: number(0.001),
  mem: number(0),
  disk: number(0),
  gpus: integer(0),
  instances: integer(0),
  networks: list(network),
  portDefinitions: list(portDefinition),
  ports: list(port),
  ipAddress,
  requirePorts: boolean,
  container,
  labels: pairs,
  healthChecks: list(healthCheck),
  constraints: list(list(text())),
  acceptedResourceRoles: list(text({ minLength: 1 })),
  backoffSeconds: number(0),
  backoffFactor: number(1),
  maxLaunchDelaySeconds: integer(0),
  killSelection,
  upgradeStrategy,
  unreachableStrategy,
  taskKillGracePeriodSeconds: integer(0),
  executor: text({ pattern: /^(?:|\/\/cmd|\/?[^/]+(?:\/[^/]+)*)$/ }),
  fetch: list(artifact),
  uris: list(text()),
  storeUrls: list(text()),
  tty: boolean,
  version: text(),
  versionInfo: anyJson,
  check: anyJson,
  dependencies: list(pathId),
  readinessChecks: list(readinessCheck),
  residency: anyJson,
  secrets: anyJson,
  role: text({ minLength: 1 }),
  resourceLimits,
});

/** The JSON Schema of an app definition, as editors use it: what {@link readDefinition} accepts. */
export const APP_SCHEMA: JsonSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Marathon app definition',
  ...(typeof readDefinition.schema === 'object' ? readDefinition.schema : {}),
};

function isSecret(value: Json): boolean {
  return value instanceof Map && value.has('secret');
}
