/**
 * The app definition as it is posted: every field optional, canonical and legacy forms side by side.
 * Follows mesosphere/marathon v1.8, docs/docs/rest-api/public/api/v2/types/{app,appContainer,network,docker,healthCheck}.raml.
 */
import type { Json } from './json.ts';
import type { Pairs } from './read.ts';

/** How a network is spelled in the API. */
export type NetworkMode = 'container' | 'container/bridge' | 'host';
/** Protocols of one port, in the order they are split. */
export type PortProtocol = 'tcp' | 'udp' | 'udp,tcp';

/** A stored protocol as the API tells it: old apps have `tcp,udp`, which is told as `udp,tcp`. */
export function protocolInApi(stored: string): PortProtocol {
  const parts = stored.split(',');
  if (parts.includes('udp')) return parts.includes('tcp') ? 'udp,tcp' : 'udp';
  return 'tcp';
}

/** An entry of `networks`. */
export interface NetworkDefinition {
  readonly mode?: NetworkMode;
  readonly name?: string;
  readonly labels?: Pairs;
}

/** An entry of `portDefinitions`; `port` is the service port. */
export interface PortDefinitionEntry {
  readonly port?: number;
  readonly name?: string;
  readonly protocol?: PortProtocol;
  readonly labels?: Pairs;
}

/** An entry of `portMappings`. */
export interface PortMappingEntry {
  readonly containerPort?: number;
  /** Absent: no host port; 0: one of the agent's choice. */
  readonly hostPort?: number;
  readonly servicePort?: number;
  readonly protocol?: PortProtocol;
  readonly name?: string;
  readonly labels?: Pairs;
  readonly networkNames?: readonly string[];
}

/** A parameter of `docker run`. */
export interface DockerParameter {
  readonly key: string;
  readonly value: string;
}

/** `container.docker`, with the two legacy network fields. */
export interface DockerDefinition {
  readonly image?: string;
  readonly forcePullImage?: boolean;
  readonly privileged?: boolean;
  readonly parameters?: readonly DockerParameter[];
  readonly network?: 'BRIDGE' | 'HOST' | 'NONE' | 'USER';
  readonly portMappings?: readonly PortMappingEntry[];
  readonly credential?: Json;
  readonly pullConfig?: Json;
}

/** A volume: a directory of the host's, a persistent one of the agent's disk, an external one, or a secret's file. */
export interface HostVolume {
  readonly containerPath?: string;
  readonly hostPath?: string;
  readonly mode?: 'RO' | 'RW';
  readonly persistent?: PersistentVolume;
  readonly external?: Json;
  readonly secret?: string;
}

/** Disk set aside for one volume. */
export interface PersistentVolume {
  /** MiB. */
  readonly size?: number;
  readonly type?: 'root' | 'path' | 'mount';
  readonly profileName?: string;
  readonly maxSize?: number;
  readonly constraints?: readonly (readonly string[])[];
}

/** `container`. */
export interface ContainerDefinition {
  readonly type?: 'DOCKER' | 'MESOS';
  readonly docker?: DockerDefinition;
  readonly portMappings?: readonly PortMappingEntry[];
  readonly volumes?: readonly HostVolume[];
  readonly appc?: Json;
  readonly linuxInfo?: Json;
}

/** The legacy `ipAddress`. */
export interface IpAddressDefinition {
  readonly networkName?: string;
  readonly groups?: readonly string[];
  readonly labels?: Pairs;
  readonly discovery?: { readonly ports?: readonly DiscoveryPortEntry[] };
}

/** An entry of `ipAddress.discovery.ports`. */
export interface DiscoveryPortEntry {
  readonly number?: number;
  readonly name?: string;
  readonly protocol?: PortProtocol;
  readonly labels?: Pairs;
}

/** How a task's health is checked. */
export interface HealthCheck {
  readonly protocol?: 'COMMAND' | 'HTTP' | 'HTTPS' | 'TCP' | 'MESOS_HTTP' | 'MESOS_HTTPS' | 'MESOS_TCP';
  readonly path?: string;
  readonly port?: number;
  readonly portIndex?: number;
  readonly command?: { readonly value?: string };
  readonly gracePeriodSeconds?: number;
  readonly intervalSeconds?: number;
  readonly timeoutSeconds?: number;
  readonly delaySeconds?: number;
  readonly maxConsecutiveFailures?: number;
  readonly ignoreHttp1xx?: boolean;
  readonly ipProtocol?: 'IPv4' | 'IPv6';
}

/** When a running task is ready, besides being healthy. */
export interface ReadinessCheck {
  readonly name?: string;
  readonly protocol?: 'HTTP' | 'HTTPS';
  readonly path?: string;
  readonly portName?: string;
  readonly intervalSeconds?: number;
  readonly timeoutSeconds?: number;
  readonly httpStatusCodesForReady?: readonly number[];
  readonly preserveLastResponse?: boolean;
}

/** The most a task may use; none of it bears on placement. */
export interface ResourceLimits {
  /** A number, or `unlimited`: other texts are found out with the rules. */
  readonly cpus?: number | string;
  readonly mem?: number | string;
}

/** How many instances may be missing or too many during a restart, as fractions of `instances`. */
export interface UpgradeStrategy {
  readonly minimumHealthCapacity?: number;
  readonly maximumOverCapacity?: number;
}

/** When an unreachable instance is replaced and when it is forgotten. */
export interface UnreachableStrategy {
  readonly inactiveAfterSeconds?: number;
  readonly expungeAfterSeconds?: number;
}

/** Which of equal victims goes first. */
export type KillSelection = 'YOUNGEST_FIRST' | 'OLDEST_FIRST';

/** An app as posted, read but not yet translated. */
export interface AppDefinition {
  readonly id?: string;
  readonly cmd?: string;
  readonly args?: readonly string[];
  readonly user?: string;
  readonly env?: Pairs;
  readonly cpus?: number;
  readonly mem?: number;
  readonly disk?: number;
  readonly gpus?: number;
  readonly instances?: number;
  readonly networks?: readonly NetworkDefinition[];
  readonly portDefinitions?: readonly PortDefinitionEntry[];
  readonly ports?: readonly number[];
  readonly ipAddress?: IpAddressDefinition;
  readonly requirePorts?: boolean;
  readonly container?: ContainerDefinition;
  readonly labels?: Pairs;
  readonly healthChecks?: readonly HealthCheck[];
  readonly constraints?: readonly (readonly string[])[];
  readonly acceptedResourceRoles?: readonly string[];
  readonly backoffSeconds?: number;
  readonly backoffFactor?: number;
  readonly maxLaunchDelaySeconds?: number;
  readonly killSelection?: KillSelection;
  readonly upgradeStrategy?: UpgradeStrategy;
  readonly unreachableStrategy?: UnreachableStrategy | 'disabled';
  readonly taskKillGracePeriodSeconds?: number;
  readonly executor?: string;
  readonly fetch?: readonly Json[];
  readonly uris?: readonly string[];
  readonly storeUrls?: readonly string[];
  readonly tty?: boolean;
  readonly version?: string;
  readonly versionInfo?: Json;
  readonly check?: Json;
  readonly dependencies?: readonly string[];
  readonly readinessChecks?: readonly ReadinessCheck[];
  readonly residency?: Json;
  readonly secrets?: Json;
  readonly role?: string;
  readonly resourceLimits?: ResourceLimits;
}
