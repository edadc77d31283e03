/**
 * The readers of an app definition's fields: types, bounds and patterns, with Marathon's error keys.
 * Follows mesosphere/marathon v1.8, docs/docs/rest-api/public/api/v2/types/*.raml. Refused as not modelled where
 * Marathon would act on them: check, dependencies, readinessChecks, residency, secrets, role, resourceLimits,
 * persistent and external volumes, docker credentials, secret environment variables.
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
  PortDefinitionEntry,
  PortMappingEntry,
  UnreachableStrategy,
  UpgradeStrategy,
} from './definition.ts';
import { isPathPattern } from './id.ts';
import type { Json } from './json.ts';
import {
  anyJson,
  boolean,
  integer,
  list,
  notModelled,
  number,
  oneOf,
  type Pairs,
  pairs,
  type Read,
  record,
  text,
} from './read.ts';

const port = integer(0, 65535);
const protocol = oneOf('tcp', 'udp', 'udp,tcp');
const legacyName = text({ minLength: 1, pattern: (name) => /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/.test(name) });
const shortName = text({ minLength: 1, maxLength: 63, pattern: (name) => /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/.test(name) });
const networkName = text({ minLength: 1, maxLength: 63, pattern: (name) => /^[a-z0-9](?:[-a-z0-9_]*[a-z0-9])?$/.test(name) });

const network = record<NetworkDefinition>({
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
    credential: notModelled,
    pullConfig: notModelled,
  },
  ['image'],
);

const volume = record<HostVolume>(
  {
    containerPath: text({ minLength: 1 }),
    hostPath: text({ minLength: 1 }),
    mode: oneOf('RO', 'RW'),
    persistent: notModelled,
    external: notModelled,
    secret: notModelled,
  },
  ['containerPath'],
);

const container = record<ContainerDefinition>({
  type: oneOf('DOCKER', 'MESOS'),
  docker,
  portMappings: list(portMapping),
  volumes: list(volume),
  appc: notModelled,
  linuxInfo: notModelled,
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

const fraction = number(0, 1);

const unreachableTimes = record<UnreachableStrategy>({ inactiveAfterSeconds: integer(0), expungeAfterSeconds: integer(0) });

const unreachableStrategy: Read<UnreachableStrategy | 'disabled'> = (json, path, violations) =>
  typeof json === 'string' ? oneOf('disabled')(json, path, violations) : unreachableTimes(json, path, violations);

const environment: Read<Pairs> = (json, path, violations) => {
  if (json instanceof Map) {
    for (const [name, value] of json as ReadonlyMap<string, Json>) {
      if (value instanceof Map && value.has('secret')) notModelled(value, `${path}/${name}`, violations);
    }
    return pairs(new Map([...(json as ReadonlyMap<string, Json>)].filter(([, value]) => !isSecret(value))), path, violations);
  }
  return pairs(json, path, violations);
};

const executor: Read<string> = (json, path, violations) => (json === '//cmd' ? '' : notModelled(json, path, violations));

/** Reads an app definition; an empty path is the app itself. */
export const readDefinition: Read<AppDefinition> = record<AppDefinition>({
  id: text({ pattern: isPathPattern }),
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
  killSelection: oneOf('YOUNGEST_FIRST', 'OLDEST_FIRST'),
  upgradeStrategy: record<UpgradeStrategy>({ minimumHealthCapacity: fraction, maximumOverCapacity: fraction }),
  unreachableStrategy,
  taskKillGracePeriodSeconds: integer(0),
  executor,
  fetch: list(anyJson),
  uris: list(text()),
  storeUrls: list(text()),
  tty: boolean,
  version: text(),
  versionInfo: anyJson,
  check: notModelled,
  dependencies: notModelled,
  readinessChecks: notModelled,
  residency: notModelled,
  secrets: notModelled,
  role: notModelled,
  resourceLimits: notModelled,
});

function isSecret(value: Json): boolean {
  return value instanceof Map && value.has('secret');
}
