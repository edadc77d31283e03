/** Judges of pods: validation, normalisation, environment, discovery, and the task group. */
import { AppRecord, normalisePod, type PodApp, podDiscovery, taskGroup, toPod, validatePod } from '@portolan/scheduler';
import { discoveryChecks } from './launch.ts';
import { type Check, type Fields, fields, isFields, type Judge, list, type Row, ranges, texts, UnknownShape } from './row.ts';
import { matchOn, networkOf, offerOf, SETTINGS } from './shorthand.ts';

/** A pod of these containers, with the networks a row names. */
function podOf(networks: unknown, containers: readonly Fields[]): PodApp {
  const named = (Array.isArray(networks) ? networks : [networks]).map((one) =>
    typeof one === 'string' ? namedNetwork(one) : one,
  );
  const read = containers.map((container) => ({ ...container, endpoints: withNames(container.endpoints) }));
  const definition = { id: '/product/frontend', networks: named, containers: read };
  return toPod(normalisePod(definition as Parameters<typeof normalisePod>[0], SETTINGS.defaultNetworkName));
}

function namedNetwork(text: string): Fields {
  return text === 'container' ? { mode: 'container', name: 'network' } : networkOf(text);
}

function withNames(endpoints: unknown): readonly Fields[] {
  return list(endpoints).map((endpoint, i) => {
    const { labels, ...rest } = fields(endpoint);
    return { name: `endpoint${i}`, ...rest, ...(labels === undefined ? {} : { labels: Object.entries(fields(labels)) }) };
  });
}

/** The host ports an offer gives a pod. */
function hostPortsOn(pod: PodApp, offerPorts: unknown): readonly (number | undefined)[] {
  const fixed =
    pod.container?.portMappings.flatMap(({ hostPort }) =>
      hostPort === undefined || hostPort === 0 ? [] : [[hostPort, hostPort]],
    ) ?? [];
  const given = ranges(offerPorts).length > 0 ? list(offerPorts) : [...fixed, [31_000, 32_000]];
  const match = matchOn(new AppRecord(pod), offerOf({ offerPorts: given, scalars: { disk: 1000 } }), { now: 0 });
  if ('reasons' in match) throw new UnknownShape('a pod that fits no offer');
  return match.hostPorts;
}

function groupOf(pod: PodApp, hostPorts: readonly (number | undefined)[]) {
  return taskGroup(pod, { instanceId: 'product_frontend.instance-1', launch: 1, hostname: 'host.some', hostPorts });
}

function env({ input, expected }: Row): readonly Check[] {
  const { networkMode, mode, networks, containers } = fields(input.pod);
  const pod = podOf(networks ?? networkMode ?? mode ?? 'host', list(containers).map(fields));
  const group = groupOf(pod, hostPortsOn(pod, input.offerPorts));
  return Object.entries(fields(fields(expected).everyContainerGets)).flatMap(([name, value]) =>
    group.tasks.map((task): Check => [`${task.name} ${name}`, String(value), new Map(task.env).get(name)]),
  );
}

function build({ input, expected: recorded }: Row): readonly Check[] {
  const expected = fields(recorded);
  const endpoints = list(input.endpoints).map((endpoint, i) => ({ name: `endpoint${i}`, ...fields(endpoint) }));
  const pod = podOf(input.pod, containersFor(endpoints, expected));
  const hostPorts = hostPortsOn(pod, input.offerPorts);
  const { executor, tasks } = groupOf(pod, hostPorts);
  const [network] = executor.networks;
  const mapped = (key: string): unknown => {
    const [port, protocol] = key.split('/');
    return network?.portMappings.find(
      (mapping) => String(mapping.containerPort) === port && (protocol === undefined || mapping.protocol === protocol),
    )?.hostPort;
  };
  return Object.entries(expected).flatMap(([field, value]): readonly Check[] => {
    const task = /^task(\d+)\.discovery$/.exec(field)?.[1];
    if (task !== undefined) return recordChecks(field, value, tasks[Number(task) - 1]?.discovery.ports ?? [], executor.ports);
    if (field === 'executor.networkInfo.name') return [[field, value, network?.name]];
    if (field === 'tasks') return [[field, value, tasks.length]];
    if (field === 'mappings' || field === 'executorPortMappings') {
      return Object.entries(fields(value)).map(([key, port]) =>
        port === 'non-zero' ? [`${field} ${key}`, true, Number(mapped(key)) > 0] : [`${field} ${key}`, port, mapped(key)],
      );
    }
    if (field === 'note') return [];
    throw new UnknownShape(`what is meant by ${field}`);
  });
}

/** Endpoints by container: as the expected discovery tells, else one container each. */
function containersFor(endpoints: readonly Fields[], expected: Fields): readonly Fields[] {
  const told = Object.keys(expected)
    .filter((field) => /^task\d+\.discovery$/.test(field))
    .sort();
  if (told.length === 0) return endpoints.map((endpoint, i) => ({ name: `container${i}`, endpoints: [endpoint] }));
  return told.map((field, i) => {
    const names = list(expected[field]).map((record) => fields(record).name);
    return { name: `container${i}`, endpoints: endpoints.filter(({ name }) => names.includes(name)) };
  });
}

function recordChecks(
  field: string,
  value: unknown,
  records: ReturnType<typeof podDiscovery>,
  hostPorts: readonly number[],
): readonly Check[] {
  return [
    [`${field}.length`, list(value).length, records.length],
    ...list(value).flatMap((wanted, i): readonly Check[] => {
      const record = records[i];
      const labels = new Map(record?.labels ?? []);
      const all: Fields = { ...record, scope: labels.get('network-scope'), ...Object.fromEntries(labels) };
      return Object.entries(fields(wanted)).map(([name, part]) =>
        part === 'host port'
          ? [`${field}[${i}].${name}`, true, hostPorts.includes(Number(all[name]))]
          : [`${field}[${i}].${name}`, part, all[name]],
      );
    }),
  ];
}

/** Discovery of one endpoint of a pod. */
export function podDiscoveryChecks({ input, expected }: Row): readonly Check[] {
  const { networks, endpoint, endpoints } = fields(input.pod);
  const all = withNames(endpoints ?? [endpoint]);
  const definition = {
    id: '/p',
    networks: list(networks).map((one) => networkOf(one)),
    containers: [{ name: 'c', endpoints: all }],
  };
  const pod = toPod(normalisePod(definition as Parameters<typeof normalisePod>[0], undefined));
  const hostPorts = all.map(({ hostPort }) => (typeof hostPort === 'number' ? hostPort || 31_500 : undefined));
  return discoveryChecks(
    { ports: podDiscovery(pod, pod.pod.containers[0]?.endpoints ?? [], hostPorts) },
    hostPorts,
    fields(expected),
  );
}

function normalisation({ input, expected: recorded }: Row): readonly Check[] {
  const expected = fields(recorded);
  const networks = list(input.networks).map((one) => (typeof one === 'string' ? networkOf(one) : one));
  const endpoint = input.endpoint === undefined ? [] : [input.endpoint];
  const definition = { id: '/p', networks, containers: [{ name: 'c', endpoints: endpoint }] };
  const name = typeof input.defaultNetworkName === 'string' ? input.defaultNetworkName : undefined;
  const pod = normalisePod(definition as Parameters<typeof normalisePod>[0], name);
  const [first] = pod.containers?.[0]?.endpoints ?? [];
  return Object.entries(expected).flatMap(([field, value]): readonly Check[] => {
    if (field === 'hostPort') return [[field, value, first?.hostPort ?? null]];
    if (field === 'networks') {
      return list(value).map(
        (wanted, i): Check => [
          `networks[${i}]`,
          wanted,
          Object.fromEntries(Object.keys(fields(wanted)).map((key) => [key, fields(pod.networks?.[i])[key]])),
        ],
      );
    }
    throw new UnknownShape(`what is meant by ${field}`);
  });
}

function validation({ input, expected: recorded }: Row): readonly Check[] {
  const expected = fields(recorded);
  const forms = texts(input.networks).some((name) => name.includes(' or ')) ? ['container', 'bridge'] : [undefined];
  return forms.flatMap((form) => {
    const networks = form === undefined ? list(input.networks).map(numberedNetwork) : [namedNetwork(form)];
    const endpoints = withNames(input.endpoints ?? (input.endpoint === undefined ? [] : [input.endpoint]));
    const containers = list(input.containers ?? ['ct1']).map((name, i) =>
      isFields(name) ? name : { name: String(name), endpoints: i === 0 ? endpoints : [] },
    );
    const accepted = input.acceptedResourceRoles;
    const definition = {
      id: input.id ?? '/pod',
      networks,
      containers,
      ...(input.role === undefined ? {} : { role: input.role }),
      ...(input.volumes === undefined ? {} : { volumes: list(input.volumes).map((name) => (isFields(name) ? name : { name })) }),
      ...(accepted === undefined ? {} : { scheduling: { placement: { acceptedResourceRoles: accepted } } }),
    };
    const roles = texts(input.validRoles ?? [input.role ?? 'dev']);
    const violations = validatePod(definition as unknown as Parameters<typeof validatePod>[0], {
      defaultNetworkName: undefined,
      roles,
    });
    const told = violations.map(({ path, message }) => [path, message]);
    const valid: Check = ['valid', expected.valid, violations.length === 0];
    const each = list(expected.violations).map((violation, i): Check => {
      const found = told.find((pair) => pair.join(' ') === texts(violation).join(' '));
      return [`violations[${i}]`, violation, found ?? told];
    });
    return expected.valid === undefined ? each : [valid, ...each];
  });
}

function numberedNetwork(name: unknown): unknown {
  return typeof name === 'string' && !/^(host|bridge|container)/.test(name) ? { mode: 'container', name } : networkOf(name);
}

/** Judges by area. */
export const POD_JUDGES: readonly (readonly [string, Judge])[] = [
  ['env-pod', { input: ['pod', 'offerPorts'], expected: ['everyContainerGets'], run: env }],
  ['pod-build', { input: ['pod', 'endpoints', 'offerPorts'], run: build }],
  [
    'pod-normalisation',
    { input: ['networks', 'endpoint', 'defaultNetworkName'], expected: ['hostPort', 'networks'], run: normalisation },
  ],
  [
    'validation-pod',
    {
      input: ['id', 'containers', 'endpoints', 'endpoint', 'networks', 'volumes', 'role', 'validRoles', 'acceptedResourceRoles'],
      expected: ['valid', 'violations'],
      run: validation,
    },
  ],
];
