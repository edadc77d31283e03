/** Judges of what is launched: environment, containers, discovery, port assignments. */
import { parseIpv4, Random } from '@portolan/core';
import {
  MarathonRefusal,
  portAssignments,
  portResources,
  portVariables,
  protocolInApi,
  type TaskInfo,
  taskInfo,
  toApp,
} from '@portolan/scheduler';
import { type Check, type Fields, fields, isFields, type Judge, list, type Row, ranges, texts, UnknownShape } from './row.ts';
import { APP_WORDS, appOf, definitionOf, hostPortsOf, offerOf, placeOn, rangesFor, refusalOf } from './shorthand.ts';

function env(row: Row): readonly Check[] {
  const { input } = row;
  const expected = fields(row.expected);
  if (typeof expected.throws === 'string') {
    // The model itself refuses it; over the API it cannot even come so far.
    const definition = definitionOf(input) as Parameters<typeof toApp>[0];
    const model = { ...definition, labels: [], env: [], constraints: [] };
    return [['throws', true, refusalOf(() => toApp(model)) instanceof MarathonRefusal]];
  }
  const task = input.requested === undefined ? taskOf(input, expected) : undefined;
  const variables = new Map(task?.env ?? requestedVariables(input));
  const checks: Check[] = [];
  const { absent, alsoByCode, rule: _rule, note: _note, ...rest } = expected;
  for (const name of texts(absent)) checks.push([`no ${name}`, false, variables.has(name)]);
  for (const [name, value] of Object.entries({ ...rest, ...fields(alsoByCode) })) {
    checks.push(...variableCheck(name, value, variables, task, input));
  }
  return checks;
}

function variableCheck(
  name: string,
  value: unknown,
  variables: ReadonlyMap<string, string>,
  task: TaskInfo | undefined,
  input: Fields,
): readonly Check[] {
  if (name === 'noVariableStartsWith') {
    return [[name, [], [...variables.keys()].filter((variable) => variable.startsWith(String(value)))]];
  }
  if (name === 'unprefixedOnlyFrom') {
    const allowed = texts(value);
    const prefix = String(input.envVarsPrefix ?? '');
    return [[name, [], [...variables.keys()].filter((key) => !key.startsWith(prefix) && !allowed.includes(key))]];
  }
  if (name === 'hostPorts') return [[name, value, task?.ports]];
  if (name === 'portResources') return portResourceChecks(value, variables, task);
  const actual = variables.get(name);
  if (value === null) return [[name, undefined, actual]];
  if (typeof value !== 'string' || !/random|dynamic/.test(value))
    return [[name, value === undefined ? value : String(value), actual]];
  const checks: Check[] = [[`${name} is there`, true, actual !== undefined]];
  const none = /none of ([\d,]+)/.exec(value)?.[1];
  if (none !== undefined) checks.push([`${name} is none of ${none}`, false, none.split(',').includes(actual ?? '')]);
  if (value.includes('PORT_<itself>')) checks.push([`PORT_${actual}`, actual, variables.get(`PORT_${actual}`)]);
  const same = /= (\w+)/.exec(value)?.[1];
  if (same !== undefined) checks.push([same, actual, variables.get(same)]);
  if (value.includes('dynamic host port')) {
    checks.push([`${name} is a host port of the task`, true, task?.ports.includes(Number(actual)) ?? false]);
  }
  return checks;
}

function portResourceChecks(
  value: unknown,
  variables: ReadonlyMap<string, string>,
  task: TaskInfo | undefined,
): readonly Check[] {
  const ports = task?.ports ?? [];
  if (Array.isArray(value)) return [['portResources', ranges(value), portResources(ports)]];
  const { count, contains } = fields(value);
  const has = list(contains).map((port) => ports.includes(Number(typeof port === 'string' ? variables.get(port) : port)));
  return [
    ['portResources.count', count, ports.length],
    ['portResources.contains', has.map(() => true), has],
  ];
}

function requestedVariables(input: Fields) {
  const slots = list(input.requested).map((port, index) => {
    const { name, port: number } = fields(port);
    return {
      index,
      field: '',
      servicePort: Number(number),
      protocols: ['tcp' as const],
      labels: [],
      networkNames: [],
      ...(typeof name === 'string' ? { name } : {}),
    };
  });
  return portVariables(slots, list(input.hostPorts).map(optionalPort), new Random(1));
}

/** A port in a list in which `null` is none. */
function optionalPort(port: unknown): number | undefined {
  return typeof port === 'number' ? port : undefined;
}

/** The task of a row's app, with the host ports it names or, where it names none, those an offer gives. */
function taskOf(input: Fields, expected: Fields): TaskInfo {
  const more = {
    ...(input.labels === undefined ? {} : { labels: input.labels }),
    ...Object.fromEntries(
      ['cpus', 'mem', 'disk', 'gpus'].flatMap((name) => (input[name] === undefined ? [] : [[name, input[name]]])),
    ),
  };
  const app = { ...appOf(input, more), version: timestampOf(input.version) };
  const given = input.hostPorts === undefined ? undefined : list(input.hostPorts).map(optionalPort);
  const hostPorts =
    given ??
    hostPortsOf(
      placeOn(
        app,
        offerOf({
          offerPorts: rangesFor(input),
          hostname: input.host,
          scalars: { cpus: 100, disk: 1e6, ...(typeof input.gpus === 'number' ? { gpus: input.gpus } : {}) },
        }),
      ),
    );
  const taskId = typeof expected.MESOS_TASK_ID === 'string' ? expected.MESOS_TASK_ID : 'task';
  const hostname = typeof input.host === 'string' ? input.host : 'host.some';
  const place = { agentId: 'S0', hostname, role: '*' };
  return taskInfo(app, { taskId, instanceId: 'instance' }, place, hostPorts, new Random(1), String(input.envVarsPrefix ?? ''));
}

function timestampOf(version: unknown): string {
  if (version === 'zero timestamp' || version === undefined) return '1970-01-01T00:00:00.000Z';
  return String(version);
}

function taskBuild(row: Row): readonly Check[] {
  const { input } = row;
  const expected = fields(row.expected);
  const task = placeOn(appOf(input), offerOf({ offerPorts: rangesFor(input), hostname: input.host }));
  if (task === undefined) throw new UnknownShape('an app that fits no offer');
  const container = task.container ?? task.executor?.container;
  const infos = container?.networkInfos ?? [];
  const pairs = (mappings: readonly { readonly hostPort: number; readonly containerPort: number }[], like: unknown) =>
    mappings.map((mapping, i) => onlyFields(mapping, fields(list(like)[i] ?? list(like)[0])));
  return Object.entries(expected).flatMap(([field, value]): readonly Check[] => {
    const info = infos.find(({ name }) => name === field);
    const nth = /^networkInfo(\d+)\.portMappings$/.exec(field)?.[1];
    if (nth !== undefined) return [[field, value, pairs(infos[Number(nth)]?.portMappings ?? [], value)]];
    switch (field) {
      case 'note':
      case 'rule':
        return [];
      case 'taskName':
        return [[field, value, task.name]];
      case 'hasLabels':
        return [[field, value, task.labels.length > 0]];
      case 'hasExecutor':
        return [[field, value, task.executor !== undefined]];
      case 'taskHasContainer':
        return [[field, value, task.container !== undefined]];
      case 'executorHasContainer':
        return [[field, value, task.executor?.container !== undefined]];
      case 'discoveryName':
        return [[field, task.name, task.discovery.name]];
      case 'dockerPortMappings':
      case 'docker.portMappings':
        return [[field, value, pairs(container?.portMappings ?? [], value)]];
      case 'docker.network':
      case 'dockerNetwork':
        return [[field, value, container?.network]];
      case 'networkInfos':
        if (typeof value === 'number') return [[field, value, infos.length]];
        return list(value).flatMap((wanted, i): readonly Check[] => {
          const { name, labels } = fields(wanted);
          return [
            [`networkInfos[${i}].name`, name, infos[i]?.name],
            [`networkInfos[${i}].labels`, labels ?? {}, Object.fromEntries(infos[i]?.labels ?? [])],
          ];
        });
      case 'parameters':
      case 'args':
      case 'cmd':
        return [[field, value, field === 'parameters' ? container?.parameters : task[field]]];
      default:
        if (info === undefined) throw new UnknownShape(`what is meant by ${field}`);
        return [[field, value, info.portMappings.map(({ hostPort }) => hostPort)]];
    }
  });
}

/** Of a value, the fields that another has. */
export function onlyFields(value: object, like: Fields): Fields {
  return Object.fromEntries(Object.keys(like).map((key) => [key, (value as Fields)[key]]));
}

function portAssignment(row: Row): readonly Check[] {
  const recorded = list(row.expected).map(fields);
  const input = resolved(row, recorded);
  const app = appOf(input);
  const given = list(input.hostPorts).map(optionalPort);
  const mappings = app.container?.portMappings ?? [];
  let next = 0;
  // Host ports are listed for those that have one; which do is told by the definition.
  const slots =
    mappings.length > 0 ? mappings.map(({ hostPort }) => (hostPort === undefined ? undefined : given[next++])) : given;
  const addresses = texts(input.taskIps).map(parseIpv4);
  const actual = portAssignments(app, { hostname: String(input.host ?? 'host.some'), hostPorts: slots, addresses });
  return [
    ['count', recorded.length, actual.length],
    ...recorded.map((wanted, i): Check => {
      const { name = null, address: ip = null, port, hostPort = null, containerPort = null } = actual[i] ?? { port: undefined };
      const all: Fields = { name, ip, port, hostPort, containerPort };
      return [`[${i}]`, wanted, onlyFields(all, wanted)];
    }),
  ];
}

/** What rows that are not in every file start from: the app of NetworkInfoTest.scala, "network mode USER". */
const FIXTURES: ReadonlyMap<string, Fields> = new Map([
  [
    'NI-03',
    {
      mode: 'container whatever',
      docker: true,
      portMappings: [{ containerPort: 0, hostPort: 31_000 }, { containerPort: 0 }, { containerPort: 0, hostPort: 0 }],
      hostPorts: [31_000, 31_005],
    },
  ],
]);

/** A row that says "as another" adds to that row's input; of one that is nowhere the expected assignments tell the ports. */
function resolved(row: Row, recorded: readonly Fields[]): Fields {
  const { as, ...own } = row.input;
  if (as === undefined) return own;
  const other = row.others.get(String(as));
  const base = other === undefined ? FIXTURES.get(String(as)) : resolved(other, recorded);
  if (base !== undefined) return { ...base, ...own };
  const portMappings = recorded.map(({ hostPort, containerPort }) => ({
    containerPort: hostPort !== null && hostPort === containerPort ? 0 : containerPort,
    ...(hostPort === null ? {} : { hostPort }),
  }));
  const hostPorts = recorded.flatMap(({ hostPort }) => (hostPort === null ? [] : [hostPort]));
  return { mode: 'container whatever', docker: true, portMappings, hostPorts, ...own };
}

function discoveryOf(row: Row): readonly Check[] {
  const input = isFields(row.input.app) ? { ...row.input.app, assigned: row.input.assigned } : row.input;
  const expected = fields(row.expected);
  const symbolic = list(input.hostPorts).some((port) => typeof port === 'string');
  const task = placeOn(appOf(input), offerOf({ offerPorts: rangesFor(symbolic ? { ...input, hostPorts: undefined } : input) }));
  if (task === undefined) throw new UnknownShape('an app that fits no offer');
  return discoveryChecks(task.discovery, hostPortsOf(task), expected);
}

/** What discovery tells, in any of the ways in which rows put it; `h0` is the first slot's host port. */
export function discoveryChecks(
  record: {
    readonly name?: string;
    readonly visibility?: string;
    readonly ports: readonly {
      readonly number: number;
      readonly name?: string;
      readonly protocol?: string;
      readonly labels: readonly (readonly [string, string])[];
    }[];
  },
  hostPorts: readonly (number | undefined)[],
  expected: Fields,
): readonly Check[] {
  const number = (value: unknown): unknown => (typeof value === 'string' ? hostPorts[Number(value.slice(1))] : value);
  const labelsOf = (i: number) => Object.fromEntries(record.ports[i]?.labels ?? []);
  return Object.entries(expected).flatMap(([field, value]): readonly Check[] => {
    switch (field) {
      case 'note':
        return [];
      case 'visibility':
        return [[field, value, record.visibility]];
      case 'name':
        return [[field, value, record.name]];
      case 'labels':
        return record.ports.map((_, i): Check => [field, value, labelsOf(i)]);
      case 'protocols':
        return [[field, value, record.ports.map(({ protocol }) => protocol)]];
      case 'count':
      case 'mesosPorts':
        return [[field, value, record.ports.length]];
      case 'ports':
      case 'records':
        return [
          ['count', list(value).length, record.ports.length],
          ...list(value).map((wanted, i): Check => {
            const port = record.ports[i];
            if (Array.isArray(wanted))
              return [`${field}[${i}]`, [number(wanted[0]), ...wanted.slice(1)], [port?.number, port?.name, port?.protocol]];
            const like = fields(wanted);
            const all: Fields = { ...labelsOf(i), ...port, labels: labelsOf(i) };
            const named = like.number === undefined ? like : { ...like, number: number(like.number) };
            return [`${field}[${i}]`, named, onlyFields(all, like)];
          }),
        ];
      default:
        throw new UnknownShape(`what is meant by ${field}`);
    }
  });
}

function portProtocol({ input, expected: recorded }: Row): readonly Check[] {
  const expected = fields(recorded);
  const app = appOf(input);
  const task = placeOn(app, offerOf({}));
  return [
    ['mesosPorts', expected.mesosPorts, task?.discovery.ports.length],
    ['storedProtocol', expected.storedProtocol, app.portDefinitions[0]?.protocol],
  ];
}

function protocol({ input, expected }: Row): readonly Check[] {
  return [['api', fields(expected).api, protocolInApi(String(input.protocol))]];
}

const SCALARS = ['cpus', 'mem', 'disk', 'gpus'];

/** Judges by area. */
export const LAUNCH_JUDGES: readonly (readonly [string, Judge])[] = [
  [
    'env',
    {
      input: [...APP_WORDS, ...SCALARS, 'requested', 'hostPorts', 'host', 'version', 'envVarsPrefix', 'offerPorts', 'labels'],
      run: env,
    },
  ],
  ['task-build', { input: [...APP_WORDS, 'offerPorts', 'host', 'hostPorts'], run: taskBuild }],
  ['port-assignment', { input: [...APP_WORDS, 'host', 'hostPorts', 'taskIps', 'as'], run: portAssignment }],
  ['discovery', { input: [...APP_WORDS, 'hostPorts', 'app', 'assigned'], run: discoveryOf }],
  ['port-protocol', { input: APP_WORDS, expected: ['mesosPorts', 'storedProtocol'], run: portProtocol }],
  ['protocol', { input: ['protocol'], expected: ['api'], run: protocol }],
];
