/**
 * Ports of an app as Marathon-LB sees them (mesosphere/marathon-lb, utils.py, 1.15.0): which service ports it has, which
 * address and ports each task answers at, and service ports for container networks without any.
 */
import { sha1 } from '../vips/sha1.ts';
import type { LbApp, LbTask } from './app.ts';

/** Where a task is reached: one port a service port, in order. */
export interface TaskEndpoint {
  /** As text: it is pasted into the configuration. */
  readonly address: string;
  readonly ports: readonly number[];
}

/**
 * Where a task of this app is reached, or nothing if it has no address or no port yet.
 * @param resolve the address of a host's name, '' if it has none
 */
export function taskEndpoint(app: LbApp, task: LbTask, resolve: (host: string) => string): TaskEndpoint | undefined {
  const address = isOnHost(app) ? resolve(task.host) : (task.addresses[0] ?? '');
  const ports = taskPorts(app, task);
  return address === '' || ports.length === 0 ? undefined : { address, ports };
}

/** The service ports an app has of Marathon; in container mode without any, those of the assigner. */
export function servicePorts(app: LbApp, assigner: ServicePortAssigner): readonly (number | undefined)[] {
  if (app.mode === 'container' || app.mode === 'container/bridge') {
    const mapped = defined(app.portMappings.map((mapping) => mapping.servicePort));
    if (mapped.length > 0) return mapped;
  }
  const ports = app.definedPorts ?? app.ports;
  const task = app.tasks[0];
  if (ports.length > 0 || app.mode !== 'container' || task === undefined) return ports;
  return taskPorts(app, task).map((port) => assigner.port(app.id, port));
}

/** The task's own host ports, or the container's, whichever the network has. */
function taskPorts(app: LbApp, task: LbTask): readonly number[] {
  const mapped = defined(app.portMappings.map((mapping) => mapping.containerPort));
  if (!isOnHost(app)) return app.discoveryPorts.length > 0 ? app.discoveryPorts : mapped;
  if (task.ports.length > 0) return task.ports;
  const ports = app.definedPorts ?? [];
  return ports.length > 0 || app.mode === 'host' ? ports : mapped;
}

function isOnHost(app: LbApp): boolean {
  return app.mode === 'host' || app.mode === 'container/bridge';
}

function defined(ports: readonly (number | undefined)[]): readonly number[] {
  return ports.filter((port) => port !== undefined);
}

/** Tries before the assigner takes the first port that is free. */
const TRIES = 50;

/** Gives service ports out of a range, by hash of app and port; made anew for every configuration. */
export class ServicePortAssigner {
  private readonly byApp = new Map<string, number | undefined>();
  private readonly taken = new Set<number>();

  constructor(
    private readonly min: number,
    private readonly max: number,
  ) {}

  /** The service port of an app's port; nothing once the range is used up. */
  port(appId: string, taskPort: number): number | undefined {
    const key = `${taskPort} ${appId}`;
    const port = this.byApp.get(key) ?? this.assign(appId, taskPort);
    this.byApp.set(key, port);
    if (port !== undefined) this.taken.add(port);
    return port;
  }

  private assign(appId: string, taskPort: number): number | undefined {
    const size = this.max - this.min + 1;
    if (this.min === 0 || this.max === 0 || size <= this.byApp.size) return undefined;
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const [hash] = sha1(new TextEncoder().encode(`${appId}-${taskPort}-${attempt}`));
      const port = this.min + (hash % size);
      if (!this.taken.has(port)) return port;
    }
    for (let port = this.min; port <= this.max; port++) if (!this.taken.has(port)) return port;
    return undefined;
  }
}
