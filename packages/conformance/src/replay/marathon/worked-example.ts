/** Judges of the post's own apps, run through a whole Marathon and its master. */
import { Clock, formatIpv4, PRIVATE_AGENT_PORTS, parseIpv4, Random } from '@portolan/core';
import { Marathon, MesosMaster, type TaskInfo } from '@portolan/scheduler';
import { onlyFields } from './launch.ts';
import { type Check, type Fields, fields, isFields, type Judge, list, type Row, UnknownShape } from './row.ts';
import { appOf, offerOf, placeOn } from './shorthand.ts';

function workedExample({ input, expected: recorded }: Row): readonly Check[] {
  const expected = fields(recorded);
  if (input.postPorts !== undefined) return postPorts(list(input.postPorts).map(Number), expected);
  const clock = new Clock();
  const tasks: TaskInfo[] = [];
  const hostname = String(input.agentHostname ?? '172.16.9.84');
  const master: MesosMaster = new MesosMaster({
    clock,
    random: new Random(1),
    executor: {
      launch: (_, launched) => {
        tasks.push(...launched);
        for (const { taskId } of launched) {
          master.statusUpdate({ taskId, state: 'TASK_RUNNING', addresses: [parseIpv4(hostname)] });
        }
      },
      kill: () => undefined,
    },
  });
  const allocated = list(input.allocated ?? []).length > 0 ? list(input.allocated).map(Number) : [Number(input.allocated)];
  const marathon = new Marathon({
    clock,
    random: new Random(1),
    master,
    portChooser: ({ count }) => (allocated.length >= count ? allocated.splice(0, count) : undefined),
  });
  master.addAgent({
    id: 'S0',
    hostname,
    cpus: 4,
    mem: 1024,
    disk: 0,
    ports: [{ begin: 1025, end: 32_000 }],
    role: '*',
    attributes: [],
  });
  const app = marathon.add({ ...fields(input.app), instances: 1 });
  clock.settle(60_000);
  const [task] = tasks;
  const shown = marathon.tasks(app.id)[0];
  const variables = new Map(task?.env);
  const actual: Fields = {
    id: app.id,
    portDefinitions: app.portDefinitions,
    portMappings: app.container?.portMappings,
    dockerNetwork: task?.container?.network,
    dockerPortMappings: task?.container?.portMappings,
    discoveryPorts: task?.discovery.ports.map(({ labels, ...port }) => ({ ...port, labels: Object.fromEntries(labels) })),
    'task.ports': shown?.ports,
    'task.servicePorts': shown?.servicePorts,
    'task.ipAddresses': shown?.ipAddresses.map((address) => ({ ipAddress: formatIpv4(address), protocol: 'IPv4' })),
  };
  return Object.entries(expected).flatMap(([field, value]): readonly Check[] => {
    if (field === 'env') return Object.entries(fields(value)).map(([name, text]) => [name, text, variables.get(name)]);
    if (field === 'note') return [];
    if (!(field in actual)) throw new UnknownShape(`what is meant by ${field}`);
    const seen = actual[field];
    if (!Array.isArray(seen) || !list(value).some(isFields)) return [[field, value, seen]];
    return [
      [`${field}.length`, list(value).length, seen.length],
      ...list(value).map((wanted, i): Check => [`${field}[${i}]`, wanted, onlyFields(fields(seen[i]), fields(wanted))]),
    ];
  });
}

/** Ports seen in life lie inside what an agent offers: each is in a range of the recorded ones, and an app can be given it. */
function postPorts(ports: readonly number[], expected: Fields): readonly Check[] {
  const app = appOf({ mode: 'host', portDefinitions: [10_000], requirePorts: true });
  const fits = (offerPorts: unknown, port: number): boolean =>
    placeOn(
      { ...app, portDefinitions: app.portDefinitions.map((definition) => ({ ...definition, port })) },
      offerOf({ offerPorts }),
    ) !== undefined;
  const inside = ports.map((port) => fits(expected.allInside, port));
  const outside = Object.entries(expected).filter(([field]) => field.startsWith('none of them in'));
  return [
    ['allInside', inside.map(() => true), inside],
    ["the agent's ranges", expected.allInside, PRIVATE_AGENT_PORTS.map(({ begin, end }) => [begin, end])],
    ...outside.map(([field, range]): Check => [field, false, ports.some((port) => fits([range], port))]),
  ];
}

/** Judges by area. */
export const EXAMPLE_JUDGES: readonly (readonly [string, Judge])[] = [
  ['worked-example', { input: ['app', 'allocated', 'agentHostname', 'otherApps', 'postPorts'], run: workedExample }],
];
