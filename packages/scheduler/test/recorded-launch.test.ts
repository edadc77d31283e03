/** Environment, discovery, containers: the recorded rows. */
import { Random } from '@portolan/core';
import { expect, test } from 'vitest';
import { type App, servicePorts } from '../src/app/app.ts';
import { prepareApp } from '../src/app/prepare.ts';
import { ServicePorts } from '../src/app/service-ports.ts';
import { discovery } from '../src/launch/discovery.ts';
import { environment, portVariables } from '../src/launch/environment.ts';
import { taskInfo } from '../src/launch/task-info.ts';
import { app, each, OPTIONS, type Row, rows } from './recorded.ts';

each('env', ({ id, input, expected }) => {
  let variables: Map<string, string>;
  if (input.requested) {
    const slots = input.requested.map((port: { name?: string; port: number }, index: number) => ({
      index,
      field: '',
      servicePort: port.port,
      protocols: ['tcp'],
      labels: [],
      networkNames: [],
      ...(port.name ? { name: port.name } : {}),
    }));
    variables = new Map(portVariables(slots, input.hostPorts, new Random(1)));
  } else {
    const ready = { ...app(input), version: '1970-01-01T00:00:00.000Z' };
    const taskId = 'test.b6ff5fa5-7714-11e7-a55c-5ecf1c4671f6';
    let hostPorts = input.hostPorts ?? [];
    if (id === 'EN-19') hostPorts = [undefined, 25100, 25002, 25001, undefined, 25101];
    variables = new Map(environment(ready, { taskId, hostname: input.host ?? 'h', hostPorts }, new Random(1)));
  }
  if (id === 'EN-06') {
    expect([...variables.keys()].filter((name) => name.startsWith('PORT'))).toEqual([]);
    return;
  }
  if (id === 'EN-19') {
    const made = variables.get('PORT0') ?? '';
    expect([0, 100, 200, 400, 25001, 25002]).not.toContain(Number(made));
    expect(variables.get(`PORT_${made}`)).toBe(made);
    expect(['PORT1', 'PORT_100', 'PORT2', 'PORT_200', 'PORT3', 'PORT_25001'].map((name) => variables.get(name))).toEqual([
      '25100',
      '25100',
      '25002',
      '25002',
      '25001',
      '25001',
    ]);
    expect(['PORT4', 'PORT_400', 'PORT5', 'PORT_25101'].map((name) => variables.get(name))).toEqual([
      '400',
      '400',
      '25101',
      '25101',
    ]);
    expect(variables.get('PORTS')).toBe(`25100,25002,25001,25101,${made}`);
    return;
  }
  const { absent = [], alsoByCode = {}, rule: _rule, ...exact } = expected;
  for (const [name, value] of Object.entries({ ...exact, ...alsoByCode })) expect(variables.get(name), name).toBe(value);
  for (const name of absent) expect(variables.has(name)).toBe(false);
});

test('EN-17: port definitions beside port mappings never reach the model', () => {
  const input = rows.find((row) => row.id === 'EN-17')?.input;
  expect(() => app({ ...input, container: 'DOCKER' })).not.toThrow();
  expect(app({ ...input, container: 'DOCKER' }).portDefinitions).toEqual([]);
});

const asLabels = (pairs: readonly (readonly [string, string])[]): object => Object.fromEntries(pairs);

each('discovery', ({ input, expected }) => {
  const of = app(input.app ?? input);
  const hostPorts = (of.container?.portMappings.length ? of.container.portMappings : of.portDefinitions).map((port, i) =>
    'hostPort' in port || 'port' in port ? (input.assigned?.[i] ?? 31500 + i) : undefined,
  );
  const record = discovery(of, hostPorts);
  if (expected.visibility) expect(record.visibility).toBe(expected.visibility);
  if (expected.name) expect(record.name).toBe(expected.name);
  if (expected.labels) expect(asLabels(record.ports[0]?.labels ?? [])).toEqual(expected.labels);
  if (expected.protocols) expect(record.ports.map((port) => port.protocol)).toEqual(expected.protocols);
  if (!expected.ports) return;
  expect(record.ports.length).toBe(expected.ports.length);
  const number = (n: number | string): number => (typeof n === 'string' ? 31500 + Number(n.slice(1)) : n);
  expected.ports.forEach((port: Record<string, unknown> | [string, string, string], i: number) => {
    const actual = record.ports[i];
    if (Array.isArray(port)) {
      expect([actual?.number, actual?.name, actual?.protocol]).toEqual([number(port[0]), port[1], port[2]]);
      return;
    }
    if (port.number !== undefined) expect(actual?.number).toBe(number(port.number as number | string));
    if (port.name !== undefined) expect(actual?.name).toBe(port.name);
    if (port.protocol !== undefined) expect(actual?.protocol).toBe(port.protocol);
    expect(asLabels(actual?.labels ?? [])).toEqual(port.labels);
  });
});

const PLACE = { agentId: 'S0', hostname: 'host.some', role: '*' };

each('task-build', ({ id, input, expected }) => {
  const containerless = { ...input, container: input.container ?? (input.networks ? 'MESOS' : undefined) };
  const labels = input.networkLabels ? { networks: [{ mode: 'container', name: 'foonet', labels: input.networkLabels }] } : {};
  const of = app(containerless, {
    ...labels,
    ...(id.startsWith('CS')
      ? { container: { type: input.container, portMappings: input.portMappings, docker: { image: 'i' } } }
      : {}),
  });
  const slots = of.container?.portMappings.map((mapping) => mapping.hostPort) ?? [31000, 31001];
  const task = taskInfo(of, { taskId: 't', instanceId: 'i' }, PLACE, slots, new Random(1));
  if (id === 'TB-01') expect([task.name, task.labels.length > 0]).toEqual([expected.taskName, expected.hasLabels]);
  else if (id === 'TB-07') {
    expect(task.container?.networkInfos.map((network) => [network.name, asLabels(network.labels)])).toEqual([
      ['foonet', { foo: 'bar', baz: 'buzz' }],
    ]);
    expect(task.args).toEqual(['a', 'b', 'c']);
  } else if (id === 'TB-13') {
    expect(task.container?.portMappings.map(({ hostPort, containerPort }) => ({ hostPort, containerPort }))).toEqual(
      expected.dockerPortMappings,
    );
  } else if (id === 'TB-14') {
    const infos = task.container?.networkInfos ?? [];
    expect(infos.length).toBe(expected.networkInfos);
    expect(infos[0]?.portMappings.map(({ hostPort, containerPort }) => ({ hostPort, containerPort }))).toEqual(
      expected['networkInfo0.portMappings'],
    );
  } else if (id === 'CS-02') {
    expect(task.container?.network).toBe('BRIDGE');
    expect(task.container?.networkInfos).toEqual([]);
    expect(task.container?.portMappings.map(({ hostPort }) => ({ hostPort }))).toEqual(expected['docker.portMappings']);
  } else if (id === 'CS-04') {
    const byName = task.container?.networkInfos.map((network) => [network.name, network.portMappings.map((m) => m.hostPort)]);
    expect(Object.fromEntries(byName ?? [])).toEqual(expected);
  } else throw new Error(`no check for ${id}`);
});

each('port-protocol', ({ input, expected }) => {
  expect(discovery(app({ portDefinitions: [input.portDefinition] }), [1]).ports.length).toBe(expected.mesosPorts);
});

test('BL-01: the host app of the post', () => {
  const { input, expected } = rows.find((row) => row.id === 'BL-01') as Row;
  const ready = prepareApp(input.app, OPTIONS);
  const ports = new ServicePorts().assign(servicePorts(ready), []);
  const of: App = {
    ...ready,
    portDefinitions: ready.portDefinitions.map((definition, i) => ({ ...definition, port: ports[i] ?? 0 })),
  };
  const place = { agentId: 'S0', hostname: input.agentHostname, role: '*' };
  const task = taskInfo(of, { taskId: 't', instanceId: 'i' }, place, [input.allocated], new Random(1));
  expect(of.id).toBe(expected.id);
  expect(of.portDefinitions.map(({ port, name, protocol }) => ({ port, name, protocol }))).toEqual(expected.portDefinitions);
  const env = new Map(task.env);
  for (const [name, value] of Object.entries(expected.env)) expect(env.get(name), name).toBe(value);
  expect([task.container?.network, task.container?.portMappings]).toEqual([expected.dockerNetwork, expected.dockerPortMappings]);
  expect(task.discovery.ports.map(({ number, name, protocol }) => ({ number, name, protocol }))).toEqual(expected.discoveryPorts);
  expect([task.ports, servicePorts(of)]).toEqual([expected['task.ports'], expected['task.servicePorts']]);
});
