/**
 * A pod as Marathon keeps it: several containers that share an executor and one network. To the offer matcher it is an app whose
 * port mappings are its endpoints. Follows mesosphere/marathon v1.8 core/pod/PodDefinition.scala and api/v2/PodNormalization.scala.
 */
import type { App, PortMapping } from '../app/app.ts';
import { readConstraint } from '../app/constraint.ts';
import type { HealthCheck, NetworkMode } from '../app/definition.ts';
import { type Json, readJson } from '../app/json.ts';
import { networkNames } from '../app/normalise.ts';
import type { DefinitionOptions } from '../app/prepare.ts';
import type { Pairs } from '../app/read.ts';
import { refuseIfAny, type Violation } from '../app/refusal.ts';
import { type EndpointDefinition, type PodDefinition, type PodHealthCheckDefinition, readPod } from './definition.ts';
import { podHealthCheck } from './health-check.ts';
import { validatePod } from './validate.ts';

/** A port of a pod's container. */
export interface Endpoint {
  readonly name: string;
  /** Absent in host mode. */
  readonly containerPort?: number;
  /** Absent: none; 0: one of the agent's, chosen at launch. */
  readonly hostPort?: number;
  readonly protocols: readonly string[];
  readonly labels: Pairs;
  /** Container networks it applies to; empty: all. */
  readonly networkNames: readonly string[];
}

/** A container of a pod. */
export interface PodContainer {
  readonly name: string;
  readonly cpus: number;
  /** MiB. */
  readonly mem: number;
  /** MiB. */
  readonly disk: number;
  readonly gpus: number;
  readonly image?: string;
  /** Of a shell command or an argument list, as far as it names the program. */
  readonly command?: string;
  readonly exec?: Json;
  readonly healthCheck?: HealthCheck;
  /** The check as it was posted. */
  readonly checkDefinition?: PodHealthCheckDefinition;
  readonly env: Pairs;
  readonly labels: Pairs;
  readonly endpoints: readonly Endpoint[];
}

/** What of a pod an app has not. */
export interface Pod {
  readonly containers: readonly PodContainer[];
  readonly env: Pairs;
  /** What the executor takes besides the containers. */
  readonly executor: { readonly cpus: number; readonly mem: number; readonly disk: number };
}

/** An app that stands for a pod. */
export interface PodApp extends App {
  readonly pod: Pod;
}

const EXECUTOR = { cpus: 0.1, mem: 32, disk: 10 };

/**
 * A new pod from what is posted: a JSON text or a parsed JSON value.
 * @throws MarathonRefusal with the first violation's path and words
 */
export function preparePod(posted: unknown, options: DefinitionOptions): PodApp {
  const violations: Violation[] = [];
  const definition = readPod(readJson(posted), '', violations) ?? {};
  refuseIfAny(violations, 'invalid-json');
  const { defaultNetworkName, frameworkRole } = options;
  refuseIfAny(validatePod(definition, { defaultNetworkName, roles: [frameworkRole] }), 'invalid-app');
  return toPod(normalisePod(definition, defaultNetworkName));
}

/** The definition with what depends on the network mode filled in. */
export function normalisePod(definition: PodDefinition, defaultNetworkName: string | undefined): PodDefinition {
  const given = definition.networks ?? [];
  const { networks = [] } = networkNames({ networks: given.length === 0 ? [{ mode: 'host' }] : given }, defaultNetworkName);
  const agentPorts = networks.some(({ mode }) => mode === 'host' || mode === 'container/bridge');
  const withHostPort = (endpoint: EndpointDefinition): EndpointDefinition =>
    agentPorts && endpoint.hostPort === undefined ? { ...endpoint, hostPort: 0 } : endpoint;
  const containers = (definition.containers ?? []).map((container) => ({
    ...container,
    endpoints: (container.endpoints ?? []).map(withHostPort),
  }));
  return { ...definition, networks, containers };
}

/** The pod a valid, normalised definition stands for; versions empty. */
export function toPod(definition: PodDefinition): PodApp {
  const { scaling, scheduling = {}, role } = definition;
  const { backoff = {}, placement = {}, upgrade = {} } = scheduling;
  const executor = { ...EXECUTOR, ...definition.executorResources };
  const names = (definition.containers ?? []).flatMap(({ endpoints = [] }) => endpoints.map(({ name = '' }) => name));
  const containers = (definition.containers ?? []).map(
    ({ name = '', resources = {}, image, exec, healthCheck, environment = [], labels = [], endpoints = [] }): PodContainer => ({
      name,
      cpus: resources.cpus ?? 0.1,
      mem: resources.mem ?? 32,
      disk: resources.disk ?? 0,
      gpus: resources.gpus ?? 0,
      ...(image?.id === undefined ? {} : { image: image.id }),
      ...commandOf(exec),
      ...(exec === undefined ? {} : { exec }),
      ...checkOf(podHealthCheck(healthCheck, names), healthCheck),
      env: environment,
      labels,
      endpoints: endpoints.map(toEndpoint),
    }),
  );
  const sum = (amount: (container: PodContainer) => number): number =>
    containers.reduce((total, container) => total + amount(container), 0);
  const strategy = scheduling.unreachableStrategy;
  return {
    id: definition.id ?? '/',
    version: '',
    lastScalingAt: '',
    lastConfigChangeAt: '',
    args: [],
    env: [],
    cpus: sum(({ cpus }) => cpus) + executor.cpus,
    mem: sum(({ mem }) => mem) + executor.mem,
    disk: sum(({ disk }) => disk) + executor.disk,
    gpus: sum(({ gpus }) => gpus),
    instances: scaling?.instances ?? 1,
    networks: (definition.networks ?? []).map(({ mode = 'container', name, labels = [] }) => ({
      mode,
      ...(name === undefined ? {} : { name }),
      labels,
    })),
    portDefinitions: [],
    requirePorts: false,
    container: {
      type: 'MESOS',
      portMappings: containers.flatMap((container) => container.endpoints.map(toMapping)),
      volumes: [],
    },
    labels: definition.labels ?? [],
    healthChecks: containers.flatMap(({ healthCheck }) => healthCheck ?? []),
    constraints: (placement.constraints ?? []).map(({ fieldName = '', operator = '', value }) =>
      readConstraint([fieldName, operator, ...(value === undefined ? [] : [value])]),
    ),
    ...(placement.acceptedResourceRoles === undefined ? {} : { acceptedResourceRoles: placement.acceptedResourceRoles }),
    backoffSeconds: backoff.backoff ?? 1,
    backoffFactor: backoff.backoffFactor ?? 1.15,
    maxLaunchDelaySeconds: backoff.maxLaunchDelay ?? 300,
    killSelection: scheduling.killSelection ?? 'YOUNGEST_FIRST',
    upgradeStrategy: { minimumHealthCapacity: 1, maximumOverCapacity: 1, ...upgrade },
    unreachableStrategy: strategy === 'disabled' ? strategy : { inactiveAfterSeconds: 0, expungeAfterSeconds: 0, ...strategy },
    fetch: [],
    dependencies: [],
    readinessChecks: [],
    executor: '',
    ...(role === undefined ? {} : { role }),
    persistentDisk: 0,
    pod: { containers, env: definition.environment ?? [], executor },
  };
}

/** `exec.command`: `{ shell }` or `{ argv }`. */
function commandOf(exec: Json | undefined): Pick<PodContainer, 'command'> {
  const command = exec instanceof Map ? exec.get('command') : undefined;
  if (!(command instanceof Map)) return {};
  const [shell, argv] = [command.get('shell'), command.get('argv')];
  const words = typeof shell === 'string' ? shell : Array.isArray(argv) ? argv.join(' ') : '';
  return words === '' ? {} : { command: words };
}

function checkOf(
  healthCheck: HealthCheck | undefined,
  checkDefinition: PodHealthCheckDefinition | undefined,
): Pick<PodContainer, 'healthCheck' | 'checkDefinition'> {
  return healthCheck === undefined || checkDefinition === undefined ? {} : { healthCheck, checkDefinition };
}

/** Whether an app stands for a pod. */
export function isPod(app: App): app is PodApp {
  return 'pod' in app;
}

/** How the containers of a pod are connected. */
export function podMode(pod: App): NetworkMode {
  return pod.networks[0]?.mode ?? 'host';
}

function toEndpoint({ name = '', containerPort, hostPort, protocol, labels, networkNames: names }: EndpointDefinition): Endpoint {
  return {
    name,
    ...(containerPort === undefined ? {} : { containerPort }),
    ...(hostPort === undefined ? {} : { hostPort }),
    protocols: protocol ?? [],
    labels: labels ?? [],
    networkNames: names ?? [],
  };
}

function toMapping({ name, containerPort, hostPort, labels, networkNames: names }: Endpoint): PortMapping {
  return {
    name,
    containerPort: containerPort ?? 0,
    ...(hostPort === undefined ? {} : { hostPort }),
    servicePort: 0,
    protocol: 'tcp',
    labels,
    networkNames: names,
  };
}
