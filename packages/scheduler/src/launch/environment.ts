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
  const own: Variable[] = [];
  put(own, [`${prefix}HOST`, placement.hostname]);
  put(own, ['MESOS_TASK_ID', placement.taskId]);
  for (const variable of portVariables(portSlots(app), placement.hostPorts, random))
    put(own, prefix === '' ? variable : [prefix + variable[0], variable[1]]);
  return mergeByName(commonVariables(app), own);
}

/** Two lists sorted by name as one; of a name that is in both the first list's value counts. */
export function mergeByName(first: Pairs, second: Pairs): Pairs {
  const merged: Variable[] = [];
  let i = 0;
  for (const pair of first) {
    for (let next = second[i]; next !== undefined && next[0] <= pair[0]; next = second[++i])
      if (next[0] !== pair[0]) merged.push(next);
    merged.push(pair);
  }
  for (; i < second.length; i++) merged.push(second[i] as Variable);
  return merged;
}

/** Puts a variable in its place in a sorted list; one of that name is replaced. */
function put(variables: Variable[], variable: Variable): void {
  const [name] = variable;
  let at = variables.length;
  while (at > 0 && (variables[at - 1] as Variable)[0] >= name) at--;
  if (variables[at]?.[0] !== name) variables.splice(at, 0, variable);
  else variables[at] = variable;
}

type Variable = readonly [name: string, value: string];

/**
 * `PORT`, `PORTS`, `PORT0`, `PORT_<number>` and `PORT_<NAME>`. A slot with neither host nor container port gets a made-up number,
 * told to nobody else.
 */
export function portVariables(slots: readonly PortSlot[], hostPorts: HostPorts, random: Random): Pairs {
  if (slots.length === 0) return [];
  const names = namesOf(slots);
  const generated: number[] = [];
  const values = names.map(({ requested }, i) => String(hostPorts[i] ?? (requested !== 0 ? requested : generate())));
  const granted = hostPorts.includes(undefined) ? hostPorts.filter((port) => port !== undefined) : hostPorts;
  const told = generated.length === 0 ? granted : [...granted, ...generated];
  const variables: Variable[] = told[0] === undefined ? [] : [['PORT', String(told[0])]];
  for (let i = 0; i < names.length; i++) variables.push([(names[i] as PortNames).indexed, values[i] as string]);
  variables.push(['PORTS', told.join(',')]);
  for (let i = 0; i < names.length; i++) {
    const value = values[i] as string;
    variables.push([names[i]?.numbered ?? `PORT_${value}`, value]);
  }
  for (let i = 0; i < names.length; i++) {
    const named = names[i]?.named;
    if (named !== undefined) variables.push([named, values[i] as string]);
  }
  return variables;

  function generate(): number {
    for (;;) {
      const port = random.nextInt(64511) + 1025;
      if (names.some(({ requested }) => requested === port) || hostPorts.includes(port) || generated.includes(port)) continue;
      generated.push(port);
      return port;
    }
  }
}

/** What the variables of a port are called: by place, by number unless that is still to be found, by name. */
interface PortNames {
  readonly requested: number;
  readonly indexed: string;
  readonly numbered: string | undefined;
  readonly named: string | undefined;
}

const namesOf = memo((slots: readonly PortSlot[]) =>
  slots.map(({ containerPort, servicePort, name }, i): PortNames => {
    const requested = containerPort ?? servicePort;
    return {
      requested,
      indexed: `PORT${i}`,
      numbered: requested === 0 ? undefined : `PORT_${requested}`,
      named: name === undefined ? undefined : `PORT_${name.toUpperCase()}`,
    };
  }),
);

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
  return [...variables].sort(byName);
});

function byName(a: readonly [string, string], b: readonly [string, string]): number {
  return a[0] < b[0] ? -1 : 1;
}
