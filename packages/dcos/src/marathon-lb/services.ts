/**
 * From apps to services: one for each service port, with the servers that answer for it (mesosphere/marathon-lb,
 * marathon_lb.py `get_apps`, 1.15.0).
 */
import type { LbApp, LbTask } from './app.ts';
import { mergeDeployments } from './deployment.ts';
import { readSettings, type ServiceSettings } from './labels.ts';
import { ServicePortAssigner, servicePorts, taskEndpoint } from './ports.ts';
import { refuse } from './python.ts';
import { compareServers, type Server } from './server.ts';

/** A service port of an app, with at least one server. */
export interface Service extends Readonly<ServiceSettings> {
  readonly appId: string;
  /** `HAPROXY_GROUP`. */
  readonly appGroups: readonly string[];
  /** In the order of the configuration. */
  readonly servers: readonly Server[];
}

/** What decides over services besides the apps. */
export interface ServiceOptions {
  /** `--strict-mode`: only services with the label ENABLED. */
  readonly strictMode: boolean;
  /** `--health-check`: only tasks whose health checks Marathon found good. */
  readonly healthCheck: boolean;
  readonly minServicePort: number;
  readonly maxServicePort: number;
  /** `FRAMEWORK_NAME`: an app of this id without its slash is left out. */
  readonly frameworkName: string | undefined;
  /** The address of a host's name, '' if it has none. */
  readonly resolve: (host: string) => string;
  /** Per task id, whether it was healthy at its last result. */
  readonly health: ReadonlyMap<string, boolean>;
}

/** Services, and what to remember of health for the next time. */
export interface Services {
  readonly services: readonly Service[];
  readonly health: ReadonlyMap<string, boolean>;
}

/** States in which a task gets no traffic. Running, lost and unreachable ones do. */
const EXCLUDED_STATES: ReadonlySet<string> = new Set(
  [
    'STAGING',
    'STARTING',
    'KILLING',
    'FINISHED',
    'FAILED',
    'KILLED',
    'ERROR',
    'DROPPED',
    'GONE',
    'GONE_BY_OPERATOR',
    'UNKNOWN',
  ].map((state) => `TASK_${state}`),
);

/** The services of all apps, sorted by app id and port. Those without servers vanish. */
export function readServices(apps: readonly LbApp[], options: ServiceOptions): Services {
  const assigner = new ServicePortAssigner(options.minServicePort, options.maxServicePort);
  const health = new Map<string, boolean>();
  const services = mergeDeployments(apps)
    .filter((app) => app.id.slice(1) !== options.frameworkName)
    .flatMap((app) => servicesOf(app, assigner, options, health));
  return { services: services.toSorted(compareServices), health };
}

/** Order of services: by app id, then by final port. */
function compareServices(a: Service, b: Service): number {
  if (a.appId !== b.appId) return a.appId < b.appId ? -1 : 1;
  return a.port - b.port;
}

function servicesOf(app: LbApp, assigner: ServicePortAssigner, options: ServiceOptions, health: Map<string, boolean>): Service[] {
  const ports = servicePorts(app, assigner);
  const byPort = new Map<number, { readonly settings: ServiceSettings; readonly servers: Server[] }>();
  for (const [index, port] of ports.entries()) {
    if (port === undefined) continue;
    byPort.set(port, { settings: readSettings(app, index, port, options.strictMode), servers: [] });
  }
  for (const task of app.tasks) {
    if (!isServed(app, task, options, health)) continue;
    const endpoint = taskEndpoint(app, task, options.resolve);
    for (const [index, port] of (endpoint?.ports ?? []).entries()) {
      const servicePort = ports[index];
      const service = servicePort === undefined ? undefined : byPort.get(servicePort);
      service?.servers.push({ host: task.host, address: endpoint?.address ?? '', port, draining: task.draining });
    }
  }
  const appGroups = app.labels.get('HAPROXY_GROUP')?.split(',') ?? [];
  return [...byPort.values()]
    .filter((service) => service.servers.length > 0)
    .map(({ settings, servers }) => ({ ...settings, appId: app.id, appGroups, servers: servers.toSorted(compareServers) }));
}

function isServed(app: LbApp, task: LbTask, options: ServiceOptions, health: Map<string, boolean>): boolean {
  if (task.host === '' || (task.state !== undefined && EXCLUDED_STATES.has(task.state))) return false;
  if (!options.healthCheck || app.healthChecks.length === 0) return true;
  // Marathon shows null for a check that has not been made yet; Marathon-LB stumbles over it.
  if (task.alive?.includes(undefined)) throw refuse('malformed-app', task.id, "'NoneType' object is not subscriptable");
  const alive = task.alive?.includes(true) ?? options.health.get(task.id);
  if (alive !== undefined) health.set(task.id, alive);
  return alive === true;
}
