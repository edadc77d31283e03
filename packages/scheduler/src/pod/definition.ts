/**
 * A pod as it is posted, and its readers. Follows mesosphere/marathon v1.8, docs/docs/rest-api/public/api/v2/types/{pod,podContainer,
 * network}.raml. What bears neither on placement nor on ports (artifacts, mounts, life cycle, secrets) is accepted and not looked at.
 */
import type { KillSelection, NetworkDefinition, UnreachableStrategy, UpgradeStrategy } from '../app/definition.ts';
import type { Json } from '../app/json.ts';
import {
  anyJson,
  boolean,
  integer,
  type JsonSchema,
  list,
  number,
  oneOf,
  type Pairs,
  pairs,
  type Read,
  record,
  text,
} from '../app/read.ts';
import {
  environment,
  killSelection,
  network,
  pathId,
  port,
  shortName,
  unreachableStrategy,
  upgradeStrategy,
} from '../app/schema.ts';

/** A port of a pod's container. */
export interface EndpointDefinition {
  readonly name?: string;
  readonly containerPort?: number;
  readonly hostPort?: number;
  readonly protocol?: readonly string[];
  readonly labels?: Pairs;
  readonly networkNames?: readonly string[];
}

/** What a container or the executor takes. */
export interface PodResources {
  readonly cpus?: number;
  readonly mem?: number;
  readonly disk?: number;
  readonly gpus?: number;
}

/** `healthCheck` of a container: one of `http`, `tcp` and `exec`. */
export interface PodHealthCheckDefinition {
  readonly http?: { readonly endpoint?: string; readonly path?: string; readonly scheme?: 'HTTP' | 'HTTPS' };
  readonly tcp?: { readonly endpoint?: string };
  readonly exec?: { readonly command?: Json };
  readonly gracePeriodSeconds?: number;
  readonly intervalSeconds?: number;
  readonly maxConsecutiveFailures?: number;
  readonly timeoutSeconds?: number;
  readonly delaySeconds?: number;
}

/** A container of a pod. */
export interface PodContainerDefinition {
  readonly name?: string;
  readonly exec?: Json;
  readonly resources?: PodResources;
  readonly resourceLimits?: Json;
  readonly endpoints?: readonly EndpointDefinition[];
  readonly image?: {
    readonly kind?: 'DOCKER' | 'APPC';
    readonly id?: string;
    readonly forcePull?: boolean;
    readonly pullConfig?: Json;
    readonly labels?: Pairs;
  };
  readonly environment?: Pairs;
  readonly user?: string;
  readonly healthCheck?: PodHealthCheckDefinition;
  readonly volumeMounts?: Json;
  readonly artifacts?: Json;
  readonly labels?: Pairs;
  readonly lifecycle?: Json;
  readonly tty?: boolean;
  readonly linuxInfo?: Json;
}

/** An entry of `volumes`. */
export interface PodVolumeDefinition {
  readonly name?: string;
  readonly host?: string;
  readonly secret?: string;
  readonly persistent?: Json;
}

/** A constraint of a pod. */
export interface PodConstraintDefinition {
  readonly fieldName?: string;
  readonly operator?: string;
  readonly value?: string;
}

/** `scheduling`. */
export interface SchedulingDefinition {
  readonly backoff?: { readonly backoff?: number; readonly backoffFactor?: number; readonly maxLaunchDelay?: number };
  readonly upgrade?: UpgradeStrategy;
  readonly placement?: {
    readonly constraints?: readonly PodConstraintDefinition[];
    readonly acceptedResourceRoles?: readonly string[];
  };
  readonly killSelection?: KillSelection;
  readonly unreachableStrategy?: UnreachableStrategy | 'disabled';
}

/** A pod as posted. */
export interface PodDefinition {
  readonly id?: string;
  readonly version?: string;
  readonly user?: string;
  readonly labels?: Pairs;
  readonly environment?: Pairs;
  readonly containers?: readonly PodContainerDefinition[];
  readonly secrets?: Json;
  readonly volumes?: readonly PodVolumeDefinition[];
  readonly networks?: readonly NetworkDefinition[];
  readonly scaling?: { readonly kind?: 'fixed'; readonly instances?: number; readonly maxInstances?: number };
  readonly scheduling?: SchedulingDefinition;
  readonly executorResources?: PodResources;
  readonly role?: string;
  readonly linuxInfo?: Json;
}

const resources = record<PodResources>({ cpus: number(0), mem: number(0), disk: number(0), gpus: integer(0) });

const endpoint = record<EndpointDefinition>(
  {
    name: shortName,
    containerPort: port,
    hostPort: port,
    protocol: list(text({ minLength: 1 })),
    labels: pairs,
    networkNames: list(text({ minLength: 1 })),
  },
  ['name'],
);

const healthCheck = record<PodHealthCheckDefinition>({
  http: record<NonNullable<PodHealthCheckDefinition['http']>>(
    { endpoint: text({ minLength: 1 }), path: text(), scheme: oneOf('HTTP', 'HTTPS') },
    ['endpoint'],
  ),
  tcp: record<NonNullable<PodHealthCheckDefinition['tcp']>>({ endpoint: text({ minLength: 1 }) }, ['endpoint']),
  exec: record<NonNullable<PodHealthCheckDefinition['exec']>>({ command: anyJson }, ['command']),
  gracePeriodSeconds: number(0),
  intervalSeconds: integer(0),
  maxConsecutiveFailures: integer(0),
  timeoutSeconds: integer(0),
  delaySeconds: integer(0),
});

const container = record<PodContainerDefinition>(
  {
    name: shortName,
    exec: anyJson,
    resources,
    resourceLimits: anyJson,
    endpoints: list(endpoint),
    image: record<NonNullable<PodContainerDefinition['image']>>(
      { kind: oneOf('DOCKER', 'APPC'), id: text({ minLength: 1 }), forcePull: boolean, pullConfig: anyJson, labels: pairs },
      ['kind', 'id'],
    ),
    environment,
    user: text(),
    healthCheck,
    volumeMounts: anyJson,
    artifacts: anyJson,
    labels: pairs,
    lifecycle: anyJson,
    tty: boolean,
    linuxInfo: anyJson,
  },
  ['name'],
);

const scheduling = record<SchedulingDefinition>({
  backoff: record<NonNullable<SchedulingDefinition['backoff']>>({
    backoff: number(0),
    backoffFactor: number(1),
    maxLaunchDelay: number(0),
  }),
  upgrade: upgradeStrategy,
  placement: record<NonNullable<SchedulingDefinition['placement']>>({
    constraints: list(
      record<PodConstraintDefinition>({ fieldName: text(), operator: text(), value: text() }, ['fieldName', 'operator']),
    ),
    acceptedResourceRoles: list(text({ minLength: 1 })),
  }),
  killSelection,
  unreachableStrategy,
});

/** Reads a pod definition; an empty path is the pod itself. */
export const readPod: Read<PodDefinition> = record<PodDefinition>(
  {
    id: pathId,
    version: text(),
    user: text(),
    labels: pairs,
    environment,
    containers: list(container),
    secrets: anyJson,
    volumes: list(
      record<PodVolumeDefinition>(
        { name: shortName, host: text({ minLength: 1 }), secret: text({ minLength: 1 }), persistent: anyJson },
        ['name'],
      ),
    ),
    networks: list(network),
    scaling: record<NonNullable<PodDefinition['scaling']>>({
      kind: oneOf('fixed'),
      instances: integer(0),
      maxInstances: integer(0),
    }),
    scheduling,
    executorResources: resources,
    role: text({ minLength: 1 }),
    linuxInfo: anyJson,
  },
  ['id', 'containers'],
);

/** The JSON Schema of a pod, as editors use it: what {@link readPod} accepts. */
export const POD_SCHEMA: JsonSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Marathon pod definition',
  ...(typeof readPod.schema === 'object' ? readPod.schema : {}),
};
