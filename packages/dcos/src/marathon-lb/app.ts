/**
 * Marathon's answer to `GET /v2/apps?embed=apps.tasks`, as far as Marathon-LB reads it (mesosphere/marathon-lb,
 * marathon_lb.py and utils.py, 1.15.0): the one input of a configuration. Fields that are null count as absent. Where the
 * real program dies of a Python exception on a malformed answer, this says which field is at fault.
 */
import { Refusal } from '@portolan/core';

/** An app, with what of its definition decides where its tasks are reached. */
export interface LbApp {
  readonly id: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly instances: number;
  readonly mode: NetworkMode;
  readonly portMappings: readonly LbPortMapping[];
  /** `portDefinitions[].port`, absent if the app has no such field; then `ports` counts. */
  readonly definedPorts: readonly number[] | undefined;
  readonly ports: readonly number[];
  /** Ports of the legacy field `ipAddress.discovery`. */
  readonly discoveryPorts: readonly number[];
  readonly healthChecks: readonly LbHealthCheck[];
  readonly tasks: readonly LbTask[];
  /** `versionInfo.lastScalingAt`. */
  readonly lastScalingAt: string | undefined;
}

/** How an app's tasks are reached: `host`, `container/bridge` or `container`; any other text counts as container. */
export type NetworkMode = string;

/** A port mapping. */
export interface LbPortMapping {
  readonly containerPort: number | undefined;
  readonly servicePort: number | undefined;
}

/** A health check; seconds. */
export interface LbHealthCheck {
  readonly protocol: string;
  readonly path: string;
  readonly port: number | undefined;
  readonly portIndex: number | undefined;
  readonly gracePeriodSeconds: number;
  readonly intervalSeconds: number;
  readonly timeoutSeconds: number;
  readonly maxConsecutiveFailures: number;
}

/** A task. */
export interface LbTask {
  readonly id: string;
  readonly host: string;
  readonly state: string | undefined;
  /** Host ports. */
  readonly ports: readonly number[];
  readonly addresses: readonly string[];
  /** Whether each health check's last result was good, undefined for one shown as null; absent before the first result. */
  readonly alive: readonly (boolean | undefined)[] | undefined;
  /** Set by a zero-downtime deployment, never by Marathon. */
  readonly draining: boolean;
}

/**
 * Reads apps.
 * @param apps the list under `apps` of Marathon's answer, as parsed from JSON
 * @throws Refusal if a field is of the wrong kind
 */
export function readApps(apps: readonly unknown[]): readonly LbApp[] {
  return apps.map((app, index) => readApp(app, `/apps(${index})`));
}

function readApp(value: unknown, path: string): LbApp {
  const app = record(value, path);
  const container = record(app.container ?? {}, `${path}/container`);
  const docker = record(container.docker ?? {}, `${path}/container/docker`);
  const address = record(app.ipAddress ?? {}, `${path}/ipAddress`);
  const discovery = record(address.discovery ?? {}, `${path}/ipAddress/discovery`);
  const mappings = list(docker.portMappings, `${path}/container/docker/portMappings`);
  return {
    id: text(app.id, `${path}/id`),
    labels: readLabels(app.labels ?? {}, `${path}/labels`),
    instances: number(app.instances ?? 0, `${path}/instances`),
    mode: readMode(app, address, docker, path),
    portMappings: (mappings.length > 0 ? mappings : list(container.portMappings, `${path}/container/portMappings`)).map(
      (mapping, i) => readPortMapping(mapping, `${path}/container/portMappings(${i})`),
    ),
    definedPorts: (app.portDefinitions ?? undefined) === undefined ? undefined : portsOf(app.portDefinitions, 'port', path),
    ports: list(app.ports, `${path}/ports`).map((port, i) => number(port, `${path}/ports(${i})`)),
    discoveryPorts: portsOf(discovery.ports, 'number', `${path}/ipAddress/discovery`),
    healthChecks: list(app.healthChecks, `${path}/healthChecks`).map((check, i) =>
      readCheck(check, `${path}/healthChecks(${i})`),
    ),
    tasks: list(app.tasks, `${path}/tasks`).map((task, i) => readTask(task, `${path}/tasks(${i})`)),
    lastScalingAt: optional(record(app.versionInfo ?? {}, `${path}/versionInfo`).lastScalingAt, text, path),
  };
}

/** The last network's mode; before Marathon 1.5, Docker's network or the mere presence of `ipAddress`. */
function readMode(app: Fields, address: Fields, docker: Fields, path: string): NetworkMode {
  const last = list(app.networks, `${path}/networks`).at(-1);
  if (last !== undefined) {
    return text(record(last, `${path}/networks`).mode ?? 'container', `${path}/networks/mode`);
  }
  if (docker.network === 'USER') return 'container';
  if (docker.network === 'BRIDGE') return 'container/bridge';
  return Object.keys(address).length > 0 ? 'container' : 'host';
}

function readLabels(value: unknown, path: string): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(record(value, path))
      .filter(([, label]) => label !== null)
      .map(([key, label]) => [key, text(label, `${path}/${key}`)]),
  );
}

function readPortMapping(value: unknown, path: string): LbPortMapping {
  const mapping = record(value, path);
  return {
    containerPort: optional(mapping.containerPort, number, `${path}/containerPort`),
    servicePort: optional(mapping.servicePort, number, `${path}/servicePort`),
  };
}

/** What Marathon fills in; it shows them all. */
const CHECK_DEFAULTS = { gracePeriodSeconds: 300, intervalSeconds: 60, timeoutSeconds: 20, maxConsecutiveFailures: 3 } as const;

function readCheck(value: unknown, path: string): LbHealthCheck {
  const check = record(value, path);
  return {
    protocol: text(check.protocol, `${path}/protocol`),
    path: text(check.path ?? '/', `${path}/path`),
    port: optional(check.port, number, `${path}/port`),
    portIndex: optional(check.portIndex, number, `${path}/portIndex`),
    gracePeriodSeconds: number(check.gracePeriodSeconds ?? CHECK_DEFAULTS.gracePeriodSeconds, `${path}/gracePeriodSeconds`),
    intervalSeconds: number(check.intervalSeconds ?? CHECK_DEFAULTS.intervalSeconds, `${path}/intervalSeconds`),
    timeoutSeconds: number(check.timeoutSeconds ?? CHECK_DEFAULTS.timeoutSeconds, `${path}/timeoutSeconds`),
    maxConsecutiveFailures: number(
      check.maxConsecutiveFailures ?? CHECK_DEFAULTS.maxConsecutiveFailures,
      `${path}/maxConsecutiveFailures`,
    ),
  };
}

function readTask(value: unknown, path: string): LbTask {
  const task = record(value, path);
  const results = task.healthCheckResults ?? undefined;
  return {
    id: text(task.id, `${path}/id`),
    host: text(task.host ?? '', `${path}/host`),
    state: optional(task.state, text, `${path}/state`),
    ports: list(task.ports, `${path}/ports`).map((port, i) => number(port, `${path}/ports(${i})`)),
    addresses: list(task.ipAddresses, `${path}/ipAddresses`).map((address, i) => {
      return text(record(address, `${path}/ipAddresses(${i})`).ipAddress ?? '', `${path}/ipAddresses(${i})/ipAddress`);
    }),
    alive: results === undefined ? undefined : list(results, path).map((result) => optional(result, isAlive, path)),
    draining: false,
  };
}

function isAlive(result: unknown, path: string): boolean {
  return record(result, path).alive === true;
}

type Fields = Readonly<Record<string, unknown>>;

function portsOf(value: unknown, field: 'port' | 'number', path: string): readonly number[] {
  return list(value, path).flatMap((entry, i) => {
    const port = record(entry, `${path}(${i})`)[field] ?? undefined;
    return port === undefined ? [] : [number(port, `${path}(${i})/${field}`)];
  });
}

function record(value: unknown, path: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw malformed(path, 'an object');
}

function list(value: unknown, path: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value;
  throw malformed(path, 'a list');
}

function text(value: unknown, path: string): string {
  if (typeof value === 'string') return value;
  throw malformed(path, 'a text');
}

function number(value: unknown, path: string): number {
  if (Number.isSafeInteger(value)) return value as number;
  throw malformed(path, 'a whole number');
}

function optional<T>(value: unknown, read: (value: unknown, path: string) => T, path: string): T | undefined {
  return value === undefined || value === null ? undefined : read(value, path);
}

function malformed(path: string, kind: string): Refusal {
  return new Refusal({ component: 'marathon-lb', code: 'malformed-app', path, message: `${path} is not ${kind}` });
}
