/** Judges of definitions: normalisation and validation. */
import { Refusal } from '@portolan/core';
import { type App, prepareApp, translateUpdate, type Violation, validateConstraints } from '@portolan/scheduler';
import { type Check, type Fields, fields, isFields, type Judge, list, type Row, texts, UnknownShape } from './row.ts';
import { networkOf, refusalOf, SETTINGS } from './shorthand.ts';

const PROTOCOLS = ['HTTP', 'HTTPS', 'TCP', 'MESOS_HTTP', 'MESOS_HTTPS', 'MESOS_TCP'];
/** The legacy app that rows of other networks are variations of. */
const LEGACY_MAPPING = { containerPort: 1, hostPort: 2, servicePort: 3, name: 'port0', protocol: 'udp' };

function normalisation(row: Row): readonly Check[] {
  const { input } = row;
  const expected = fields(row.expected);
  if (expected.unchanged === false) throw new UnknownShape('a change that is not told');
  if (input.appUpdate !== undefined) {
    const given = fields(input.appUpdate);
    return [['unchanged', given, like(translateUpdate(given), given)]];
  }
  if (input.role === null) {
    // Roles are filled in by what Marathon runs with.
    const app = prepareApp({ id: '/foo', cmd: 'sleep' }, { ...SETTINGS, frameworkRole: String(input.defaultRole) });
    return [['role', expected.role, app.role ?? input.defaultRole]];
  }
  return normalisedForms(row).flatMap((definition) => normalisationChecks(definition, row, expected));
}

/** The definitions a row stands for: some stand for one per protocol, or with and without a field. */
function normalisedForms(row: Row): readonly Fields[] {
  const { input } = row;
  const base = { id: '/foo', cmd: 'sleep' };
  const mixed = input['docker.network + networks'];
  const discoveryPorts = input['ipAddress.discovery.ports'];
  if (input.as !== undefined) return [variation(row)];
  if (typeof mixed === 'string') {
    const [network = '', , , mode = ''] = mixed.split(' ');
    const named = mode === 'container' ? { mode, name: 'foo' } : { mode };
    return [{ id: '/foo', networks: [named], container: { type: 'DOCKER', docker: { image: 'image0', network } } }];
  }
  if (discoveryPorts !== undefined) {
    const type = String(input['container.type'] ?? 'DOCKER');
    return [
      { id: '/foo', ipAddress: { discovery: { ports: discoveryPorts } }, container: { type, docker: { image: 'image0' } } },
    ];
  }
  if (typeof input.healthCheck === 'string') {
    const named = PROTOCOLS.filter((protocol) => String(input.healthCheck).split(/\W+/).includes(protocol));
    return named.map((protocol) => ({ ...base, portDefinitions: [{ port: 0 }], healthChecks: [{ protocol }] }));
  }
  if (input.healthCheck !== undefined) {
    const check = fields(input.healthCheck);
    const command = check.protocol === 'COMMAND' ? { command: { value: 'true' } } : {};
    const ports = Array.from({ length: Number(check.portIndex ?? 0) + 1 }, () => ({ port: 0 }));
    return [{ ...base, portDefinitions: ports, healthChecks: [{ ...check, ...command }] }];
  }
  if (input.readinessCheck !== undefined) {
    return [{ ...base, portDefinitions: [{ port: 0, name: 'http-api' }], readinessChecks: [input.readinessCheck] }];
  }
  const networks = typeof input.networks === 'string' ? { networks: [networkOf(input.networks, true)] } : {};
  const container = fields(input.container);
  const docker = container.docker;
  const complete =
    input.container === undefined
      ? {}
      : { container: { ...container, ...(isFields(docker) ? { docker: { image: 'image0', ...docker } } : {}) } };
  const command = isFields(docker) || complete.container === undefined ? {} : { cmd: 'sleep' };
  const runs = input.container === undefined ? { cmd: 'sleep' } : command;
  return [{ id: '/foo', ...runs, ...input, ...networks, ...complete }];
}

/** `NO-11 with docker.network BRIDGE and no ipAddress`. */
function variation(row: Row): Fields {
  const text = String(row.input.as);
  const other = row.others.get(text.split(' ')[0] ?? '');
  const base = other === undefined ? { portDefinitions: [{ port: 0 }, { port: 0 }] } : other.input;
  const network = /docker\.network (\w+)/.exec(text)?.[1];
  const { container: given, ipAddress, ...rest } = base as Fields;
  const docker = fields(fields(given).docker);
  const container = {
    type: 'DOCKER',
    docker: { image: 'image0', portMappings: [LEGACY_MAPPING], ...docker, ...(network === undefined ? {} : { network }) },
  };
  const address = /no ipAddress/.test(text) || ipAddress === undefined ? {} : { ipAddress };
  return { id: '/foo', ...rest, ...address, container };
}

function normalisationChecks(definition: Fields, row: Row, expected: Fields): readonly Check[] {
  let app: App;
  try {
    app = prepareApp(definition, {
      ...SETTINGS,
      defaultNetworkName: String((row as unknown as Fields).defaultNetworkName ?? SETTINGS.defaultNetworkName),
    });
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    // Over the API what the translation would throw is found by validation first, in other words.
    if (expected.throws === undefined) return [['accepted', true, refusal.message]];
    const contains = String(expected.messageContains ?? '').replace('discovery.ports', 'discovery');
    return [['refused', true, refusal.message.includes(contains)]];
  }
  if (expected.throws !== undefined) return [['refused', true, false]];
  const shown: Fields = { ...shownApp(app), portIndex: app.healthChecks[0]?.portIndex };
  return Object.entries(expected).flatMap(([field, value]): readonly Check[] => {
    if (field === 'note') return [];
    if (field === 'unchanged') return unchanged(definition, shown);
    if (field === 'container') return [[field, value, like(shown.container, value)]];
    if (!(field in shown)) throw new UnknownShape(`what is meant by ${field}`);
    const wanted = list(value).map((item) => (item === 'the given mapping' ? LEGACY_MAPPING : item));
    if (!Array.isArray(value)) return [[field, value, shown[field]]];
    return [
      [`${field}.length`, wanted.length, list(shown[field]).length],
      ...wanted.map((item, i): Check => [`${field}[${i}]`, item, like(list(shown[field])[i], item)]),
    ];
  });
}

/** Every field that was given is as it was. */
function unchanged(definition: Fields, shown: Fields): readonly Check[] {
  return Object.keys(definition)
    .filter((field) => field !== 'id')
    .map((field) => [field, definition[field], like(shown[field], definition[field])]);
}

function shownApp(app: App): Fields {
  const { container } = app;
  const mappings = container?.portMappings ?? [];
  const fetch = app.fetch.map((artifact) => (artifact instanceof Map ? Object.fromEntries(artifact) : artifact));
  return { ...app, fetch, portMappings: mappings, container: container && { ...container, portMappings: mappings } };
}

/** Of a value, only what another of the same shape has. */
export function like(value: unknown, shape: unknown): unknown {
  if (Array.isArray(shape)) {
    const items = list(value);
    return items.length === shape.length ? shape.map((item, i) => like(items[i], item)) : value;
  }
  if (!isFields(shape)) return value;
  return Object.fromEntries(Object.keys(shape).map((key) => [key, like(fields(value)[key], shape[key])]));
}

function validation({ input, expected: recorded, id: _id }: Row): readonly Check[] {
  const numbered = /^\d+$/;
  const network = (name: unknown) => (numbered.test(String(name)) ? `net${String(name)}` : String(name));
  const modes = typeof input.mode === 'string' ? [input.mode] : list(input.networks);
  const networks = modes.map((given): Fields => {
    if (given === null) return { mode: 'container' };
    if (numbered.test(String(given))) return { mode: 'container', name: network(given) };
    const one = networkOf(given);
    return numbered.test(String(one.name)) ? { ...one, name: network(one.name) } : one;
  });
  const mappings = list(input.portMappings).map((mapping) => {
    const { networkNames, ...rest } = fields(mapping);
    return networkNames === undefined ? rest : { ...rest, networkNames: list(networkNames).map(network) };
  });
  const docker = /^DOCKER/.test(String(input.container));
  const container = docker ? { type: 'DOCKER', docker: { image: 'image' } } : { type: 'MESOS' };
  const boxed = input.portMappings !== undefined || typeof input.container === 'string';
  const given = isFields(input.container) ? { container: input.container } : {};
  const plain = [
    'id',
    'args',
    'portDefinitions',
    'resourceLimits',
    'mem',
    'cpus',
    'constraints',
    'labels',
    'instances',
    'upgradeStrategy',
  ];
  const definition = {
    id: '/test',
    ...('cmd' in input || 'args' in input ? (input.cmd === null ? {} : { cmd: input.cmd }) : docker ? {} : { cmd: 'sleep 1' }),
    ...(networks.length === 0 ? {} : { networks }),
    ...(boxed ? { container: { ...container, ...(input.portMappings === undefined ? {} : { portMappings: mappings }) } } : given),
    ...Object.fromEntries(plain.flatMap((field) => (input[field] === undefined ? [] : [[field, input[field]]]))),
    ...(input.portDefinitions === undefined
      ? {}
      : { portDefinitions: list(input.portDefinitions).map((port) => (typeof port === 'number' ? { port } : port)) }),
    ...(input.healthCheck === undefined ? {} : { healthChecks: [withCommand(fields(input.healthCheck))] }),
  };
  const settings = {
    frameworkRole: SETTINGS.frameworkRole,
    ...(typeof input.defaultNetworkName === 'string' ? { defaultNetworkName: input.defaultNetworkName } : {}),
  };
  return validityChecks(fields(recorded), refusalOf(() => prepareApp(definition, settings))?.violations ?? []);
}

function withCommand(check: Fields): Fields {
  return check.protocol === 'COMMAND' ? { command: { value: 'true' }, ...check } : check;
}

/** Names of networks that stand for numbers in the row are numbers again. */
function validityChecks(expected: Fields, violations: readonly Violation[]): readonly Check[] {
  const told = violations.map(({ path, message }) => [path, message.replace(/\bnet(\d+)\b/g, '$1')]);
  const valid: Check = ['valid', expected.valid, violations.length === 0];
  if (expected.violations === undefined) return [valid];
  const each = list(expected.violations).map(
    (violation, i): Check => [
      `violations[${i}]`,
      violation,
      told.find(([path, message]) => `${path} ${message}` === texts(violation).join(' ')) ?? told,
    ],
  );
  return expected.valid === undefined ? each : [valid, ...each];
}

function constraintValidation({ input, expected: recorded }: Row): readonly Check[] {
  const expected = fields(recorded);
  const violations = validateConstraints(list(input.constraint).map(String), 0);
  const relative = violations.map(({ path, message }) => ({ path: path.replace('/constraints(0)', '') || '/', message }));
  return validityChecks(expected, relative);
}

/** Judges by area. */
export const DEFINITION_JUDGES: readonly (readonly [string, Judge])[] = [
  [
    'normalisation',
    {
      input: [
        'readinessCheck',
        'healthCheck',
        'uris',
        'fetch',
        'as',
        'id',
        'cmd',
        'args',
        'container',
        'ipAddress',
        'networks',
        'docker.network + networks',
        'ipAddress.discovery.ports',
        'container.type',
        'appUpdate',
        'requirePorts',
        'portDefinitions',
        'ports',
        'role',
        'defaultRole',
        'labels',
      ],
      run: normalisation,
    },
  ],
  [
    'validation',
    {
      input: [
        'id',
        'cmd',
        'args',
        'mode',
        'networks',
        'defaultNetworkName',
        'container',
        'portMappings',
        'portDefinitions',
        'healthCheck',
        'resourceLimits',
        'mem',
        'cpus',
        'constraints',
        'labels',
        'instances',
        'upgradeStrategy',
      ],
      expected: ['valid', 'violations'],
      run: validation,
    },
  ],
  ['validation-constraint', { input: ['constraint'], expected: ['valid', 'violations'], run: constraintValidation }],
];
