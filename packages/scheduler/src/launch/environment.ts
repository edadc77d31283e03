/**
 * A task's environment: what Marathon tells it about itself and its ports, and the app's own variables, which win.
 * Follows mesosphere/marathon v1.8 mesos/EnvironmentHelper.scala and mesos/TaskBuilder.scala.
 */
import { memo, type Random } from '@portolan/core';
import type { App } from '../app/app.ts';
import { formatDouble } from '../app/double.ts';
import type { Pairs } from '../app/read.ts';
import type { HostPorts } from '../match/ports.ts';
import { type PortSlot, portSlots } from './port-slots.ts';

const MAXIMUM_LABEL_KEY = 512 - 'MARATHON_APP_LABEL_'.length;
const MAXIMUM_LABEL_VALUE = 512;

/** What of a placement the environment tells. */
export interface Placement {
  readonly taskId: string;
  readonly hostname: string;
  readonly hostPorts: HostPorts;
}

/**
 * All variables, later sources having replaced earlier ones, sorted by name.
 * @param prefix `--env_vars_prefix`: put before the names of ports and HOST
 */
export function environment(app: App, placement: Placement, random: Random, prefix = ''): Pairs {
  const own = new Map<string, string>([['MESOS_TASK_ID', placement.taskId]]);
  own.set(`${prefix}HOST`, placement.hostname);
  for (const [name, value] of portVariables(portSlots(app), placement.hostPorts, random)) own.set(prefix + name, value);
  const { variables, names } = commonVariables(app);
  return merge([...own].filter(([name]) => !names.has(name)).sort(byName), variables);
}

/**
 * `PORT`, `PORTS`, `PORT0`, `PORT_<number>` and `PORT_<NAME>`. A slot with neither host nor container port gets a made-up number,
 * told to nobody else.
 */
export function portVariables(slots: readonly PortSlot[], hostPorts: HostPorts, random: Random): Pairs {
  if (slots.length === 0) return [];
  const requested = slots.map((slot) => slot.containerPort ?? slot.servicePort);
  const generated: number[] = [];
  const effective = requested.map((port, i) => hostPorts[i] ?? (port !== 0 ? port : generate()));
  const numbered: [string, string][] = [];
  const named: [string, string][] = [];
  effective.forEach((value, i) => {
    const text = String(value);
    numbered.push([`PORT${i}`, text], [`PORT_${requested[i] === 0 ? value : requested[i]}`, text]);
    const name = slots[i]?.name;
    if (name !== undefined) named.push([`PORT_${name.toUpperCase()}`, text]);
  });
  const told = [...hostPorts.filter((port) => port !== undefined), ...generated];
  const first: [string, string][] = told[0] === undefined ? [] : [['PORT', String(told[0])]];
  return [...numbered, ...named, ...first, ['PORTS', told.join(',')]];

  function generate(): number {
    for (;;) {
      const port = random.nextInt(64511) + 1025;
      if (requested.includes(port) || hostPorts.includes(port) || generated.includes(port)) continue;
      generated.push(port);
      return port;
    }
  }
}

/** The variables that all tasks of an app share, the app's own among them, sorted by name. */
const commonVariables = memo((app: App) => {
  const labels = app.labels.filter(([key, value]) => key.length < MAXIMUM_LABEL_KEY && value.length < MAXIMUM_LABEL_VALUE);
  const escaped = labels.map(([key, value]) => [key.replace(/[^a-zA-Z0-9_]+/g, '_').toUpperCase(), value] as const);
  const docker = app.container?.type === 'DOCKER' ? app.container.docker : undefined;
  const variables = new Map<string, string>([
    ['MARATHON_APP_ID', app.id],
    ['MARATHON_APP_VERSION', app.version],
    ...(docker === undefined ? [] : [['MARATHON_APP_DOCKER_IMAGE', docker.image] as const]),
    ['MARATHON_APP_RESOURCE_CPUS', formatDouble(app.cpus)],
    ['MARATHON_APP_RESOURCE_MEM', formatDouble(app.mem)],
    ['MARATHON_APP_RESOURCE_DISK', formatDouble(app.disk)],
    ['MARATHON_APP_RESOURCE_GPUS', String(app.gpus)],
    ['MARATHON_APP_LABELS', escaped.map(([key]) => key).join(' ')],
    ...escaped.map(([key, value]) => [`MARATHON_APP_LABEL_${key}`, value] as const),
    ...app.env,
  ]);
  return { variables: [...variables].sort(byName), names: new Set(variables.keys()) };
});

function byName(a: readonly [string, string], b: readonly [string, string]): number {
  return a[0] < b[0] ? -1 : 1;
}

/** Two lists sorted by name, with no name in both, as one. */
function merge(a: Pairs, b: Pairs): Pairs {
  const merged: (readonly [string, string])[] = [];
  let i = 0;
  for (const pair of b) {
    for (let next = a[i]; next !== undefined && next[0] < pair[0]; next = a[++i]) merged.push(next);
    merged.push(pair);
  }
  return [...merged, ...a.slice(i)];
}
