/**
 * An app as Marathon keeps it: canonical, complete, immutable. In host mode the `port` of a port definition is its service port.
 * Follows mesosphere/marathon v1.8 state/AppDefinition.scala.
 */
import { type Constraint, readConstraint } from './constraint.ts';
import type {
  AppDefinition,
  ContainerDefinition,
  HealthCheck,
  HostVolume,
  KillSelection,
  NetworkMode,
  PersistentVolume,
  PortDefinitionEntry,
  PortMappingEntry,
  PortProtocol,
  ReadinessCheck,
  ResourceLimits,
} from './definition.ts';
import { canonicalPath, parentOf } from './id.ts';
import { type Json, plainJson } from './json.ts';
import type { Pairs } from './read.ts';
import { MarathonRefusal } from './refusal.ts';

/** A network of an app. */
export interface AppNetwork {
  readonly mode: NetworkMode;
  /** Only of container networks, and then always there. */
  readonly name?: string;
  readonly labels: Pairs;
}

/** A port of an app on its agent's own network. */
export interface PortDefinition {
  /** The service port; 0 until one is assigned. */
  readonly port: number;
  readonly name?: string;
  readonly protocol: PortProtocol;
  readonly labels: Pairs;
}

/** A port of an app in a network of its own. */
export interface PortMapping {
  /** 0: the same as the host port. */
  readonly containerPort: number;
  /** Absent: none; 0: one of the agent's, chosen at launch. */
  readonly hostPort?: number;
  /** 0 until one is assigned. */
  readonly servicePort: number;
  readonly name?: string;
  readonly protocol: PortProtocol;
  readonly labels: Pairs;
  /** Container networks it applies to; empty: all. */
  readonly networkNames: readonly string[];
}

/** What an app runs in. */
export interface AppContainer {
  readonly type: 'DOCKER' | 'MESOS';
  readonly docker?: {
    readonly image: string;
    readonly forcePullImage: boolean;
    readonly privileged: boolean;
    readonly parameters: readonly { readonly key: string; readonly value: string }[];
  };
  readonly portMappings: readonly PortMapping[];
  readonly volumes: readonly HostVolume[];
}

/** An app, normalised and with service ports. */
export interface App {
  /** Absolute: `/httpi`. */
  readonly id: string;
  /** Time of the last change, ISO 8601 with milliseconds. */
  readonly version: string;
  readonly lastScalingAt: string;
  readonly lastConfigChangeAt: string;
  readonly cmd?: string;
  readonly args: readonly string[];
  readonly user?: string;
  readonly env: Pairs;
  readonly cpus: number;
  /** MiB. */
  readonly mem: number;
  /** MiB. */
  readonly disk: number;
  readonly gpus: number;
  readonly instances: number;
  readonly networks: readonly AppNetwork[];
  /** Empty except in host mode. */
  readonly portDefinitions: readonly PortDefinition[];
  readonly requirePorts: boolean;
  readonly container?: AppContainer;
  readonly labels: Pairs;
  readonly healthChecks: readonly HealthCheck[];
  readonly constraints: readonly Constraint[];
  /** Absent: unreserved resources only, as DC/OS configures Marathon. */
  readonly acceptedResourceRoles?: readonly string[];
  readonly backoffSeconds: number;
  readonly backoffFactor: number;
  readonly maxLaunchDelaySeconds: number;
  readonly killSelection: KillSelection;
  readonly upgradeStrategy: { readonly minimumHealthCapacity: number; readonly maximumOverCapacity: number };
  readonly unreachableStrategy: { readonly inactiveAfterSeconds: number; readonly expungeAfterSeconds: number } | 'disabled';
  readonly taskKillGracePeriodSeconds?: number;
  readonly fetch: readonly Json[];
  readonly tty?: boolean;
  /** Absolute ids of apps or groups that must be up before it. */
  readonly dependencies: readonly string[];
  readonly readinessChecks: readonly ReadinessCheck[];
  /** A custom executor's command; empty for Mesos' own. */
  readonly executor: string;
  readonly role?: string;
  readonly resourceLimits?: ResourceLimits;
  /** MiB of disk its persistent volumes take besides `disk`. */
  readonly persistentDisk: number;
  /** `check`, `residency`, `secrets` and the container's `credential`, `pullConfig`, `linuxInfo`: kept and compared, not acted upon. */
  readonly kept?: { readonly [field: string]: unknown };
}

/** Whether the app's tasks share their agent's network. */
export function isHostMode(app: App): boolean {
  return app.networks.some((network) => network.mode === 'host');
}

/** The service ports in slot order; a pod has none. */
export function servicePorts(app: App): readonly number[] {
  if ('pod' in app) return [];
  const mappings = app.container?.portMappings ?? [];
  if (mappings.length > 0) return mappings.map((mapping) => mapping.servicePort);
  return app.portDefinitions.map((definition) => definition.port);
}

/** The same app with other service ports, in slot order. */
export function withServicePorts(app: App, ports: readonly number[]): App {
  const container = app.container;
  if (container !== undefined && container.portMappings.length > 0) {
    const portMappings = container.portMappings.map((mapping, i) => ({
      ...mapping,
      servicePort: ports[i] ?? mapping.servicePort,
    }));
    return { ...app, container: { ...container, portMappings } };
  }
  return {
    ...app,
    portDefinitions: app.portDefinitions.map((definition, i) => ({ ...definition, port: ports[i] ?? definition.port })),
  };
}

/**
 * The app a valid, normalised definition stands for; service ports as given, versions empty.
 * @throws MarathonRefusal `invalid-app` for what the model's own requirements exclude
 */
export function toApp(definition: AppDefinition): App {
  const { cmd, user, tty, taskKillGracePeriodSeconds, acceptedResourceRoles, role, resourceLimits } = definition;
  const persistentDisk = persistentVolumes(definition).reduce((sum, volume) => sum + (volume.size ?? 0), 0);
  const kept = keptFields(definition);
  const app: App = {
    id: definition.id ?? '/',
    version: '',
    lastScalingAt: '',
    lastConfigChangeAt: '',
    ...(cmd === undefined ? {} : { cmd }),
    args: definition.args ?? [],
    ...(user === undefined ? {} : { user }),
    env: definition.env ?? [],
    cpus: definition.cpus ?? 1,
    mem: definition.mem ?? 128,
    disk: definition.disk ?? 0,
    gpus: definition.gpus ?? 0,
    instances: definition.instances ?? 1,
    networks: (definition.networks ?? []).map(({ mode, name, labels }) => ({
      mode: mode ?? 'container',
      ...(name === undefined ? {} : { name }),
      labels: labels ?? [],
    })),
    portDefinitions: (definition.portDefinitions ?? []).map(toPortDefinition),
    requirePorts: definition.requirePorts ?? false,
    ...(definition.container === undefined ? {} : { container: toContainer(definition.container) }),
    labels: definition.labels ?? [],
    healthChecks: definition.healthChecks ?? [],
    constraints: (definition.constraints ?? []).map(readConstraint),
    ...(acceptedResourceRoles === undefined ? {} : { acceptedResourceRoles }),
    backoffSeconds: definition.backoffSeconds ?? 1,
    backoffFactor: definition.backoffFactor ?? 1.15,
    maxLaunchDelaySeconds: definition.maxLaunchDelaySeconds ?? 300,
    killSelection: definition.killSelection ?? 'YOUNGEST_FIRST',
    upgradeStrategy: {
      minimumHealthCapacity: persistentDisk > 0 ? 0.5 : 1,
      maximumOverCapacity: persistentDisk > 0 ? 0 : 1,
      ...definition.upgradeStrategy,
    },
    unreachableStrategy: unreachableStrategy(definition.unreachableStrategy ?? (persistentDisk > 0 ? 'disabled' : undefined)),
    ...(taskKillGracePeriodSeconds === undefined ? {} : { taskKillGracePeriodSeconds }),
    fetch: definition.fetch ?? [],
    ...(tty === undefined ? {} : { tty }),
    dependencies: (definition.dependencies ?? []).map((id) => canonicalPath(id, parentOf(definition.id ?? '/'))),
    readinessChecks: (definition.readinessChecks ?? []).map((check) => ({
      name: 'readinessCheck',
      protocol: 'HTTP' as const,
      path: '/',
      portName: 'http-api',
      intervalSeconds: 30,
      timeoutSeconds: 10,
      httpStatusCodesForReady: [200],
      ...check,
    })),
    executor: definition.executor === undefined || definition.executor === '//cmd' ? '' : definition.executor,
    ...(role === undefined ? {} : { role }),
    ...(resourceLimits === undefined ? {} : { resourceLimits }),
    persistentDisk,
    ...(kept === undefined ? {} : { kept }),
  };
  requireConsistent(app);
  return app;
}

/** The persistent volumes of a definition. */
export function persistentVolumes(definition: AppDefinition): readonly PersistentVolume[] {
  return (definition.container?.volumes ?? []).flatMap((volume) => (volume.persistent === undefined ? [] : [volume.persistent]));
}

function keptFields(definition: AppDefinition): App['kept'] {
  const { check, residency, secrets, container } = definition;
  const { credential, pullConfig } = container?.docker ?? {};
  const fields = { check, residency, secrets, credential, pullConfig, linuxInfo: container?.linuxInfo };
  const present = Object.entries(fields).flatMap(([name, json]) =>
    json === undefined ? [] : [[name, plainJson(json)] as const],
  );
  return present.length === 0 ? undefined : Object.fromEntries(present);
}

function toPortDefinition({ port, name, protocol, labels }: PortDefinitionEntry): PortDefinition {
  return { port: port ?? 0, ...(name === undefined ? {} : { name }), protocol: protocol ?? 'tcp', labels: labels ?? [] };
}

function toPortMapping(entry: PortMappingEntry): PortMapping {
  return {
    containerPort: entry.containerPort ?? 0,
    ...(entry.hostPort === undefined ? {} : { hostPort: entry.hostPort }),
    servicePort: entry.servicePort ?? 0,
    ...(entry.name === undefined ? {} : { name: entry.name }),
    protocol: entry.protocol ?? 'tcp',
    labels: entry.labels ?? [],
    networkNames: entry.networkNames ?? [],
  };
}

function toContainer({ type, docker, portMappings, volumes }: ContainerDefinition): AppContainer {
  return {
    type: type ?? 'DOCKER',
    ...(docker === undefined
      ? {}
      : {
          docker: {
            image: docker.image ?? '',
            forcePullImage: docker.forcePullImage ?? false,
            privileged: docker.privileged ?? false,
            parameters: docker.parameters ?? [],
          },
        }),
    portMappings: (portMappings ?? []).map(toPortMapping),
    volumes: (volumes ?? []).map(({ external, ...volume }) =>
      external === undefined ? volume : { ...volume, external: plainJson(external) as Json },
    ),
  };
}

function unreachableStrategy(strategy: AppDefinition['unreachableStrategy']): App['unreachableStrategy'] {
  return strategy === 'disabled' ? strategy : { inactiveAfterSeconds: 0, expungeAfterSeconds: 0, ...strategy };
}

function requireConsistent(app: App): void {
  const mappings = app.container?.portMappings ?? [];
  const bridge = app.networks.some((network) => network.mode === 'container/bridge');
  if (app.networks.length === 0) throw requirement('an application must declare at least one network');
  if (isHostMode(app) && mappings.length > 0)
    throw requirement('port-mappings may not be used in conjunction with host networking');
  if (app.portDefinitions.length > 0 && mappings.length > 0) {
    throw requirement('portDefinitions and container.portMappings are not allowed at the same time');
  }
  if (bridge && mappings.some((mapping) => mapping.hostPort === undefined)) {
    throw requirement('bridge networking requires that every host-port in a port-mapping is non-empty (but may be zero)');
  }
}

function requirement(message: string): MarathonRefusal {
  return new MarathonRefusal('invalid-app', 422, [{ path: '', message: `requirement failed: ${message}` }]);
}
