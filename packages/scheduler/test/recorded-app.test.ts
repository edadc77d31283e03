/** Definitions, ids, service ports: the recorded rows. */
import { Refusal } from '@portolan/core';
import { describe, expect, test } from 'vitest';
import type { App } from '../src/app/app.ts';
import { validateConstraints } from '../src/app/constraint.ts';
import { canonicalPath, isPathPattern, validateId } from '../src/app/id.ts';
import { prepareApp } from '../src/app/prepare.ts';
import { ServicePorts } from '../src/app/service-ports.ts';
import { each, OPTIONS, refusal } from './recorded.ts';

each('service-port', ({ id, input, expected }) => {
  const [begin, end] = input.range;
  if (id === 'SP-09') {
    const both = new ServicePorts({ begin, end });
    const zeros = (step: object): number[] => Object.values(step).flatMap((mappings: object[]) => mappings.map(() => 0));
    const first = both.assign(zeros(input.step1), []);
    both.use(first);
    const all = [...first, ...both.assign(zeros(input['step2 adds']), [])];
    expect([first.length, new Set(all).size]).toEqual([expected.afterStep1, expected.afterStep2]);
    return;
  }
  const ports = new ServicePorts({ begin, end });
  const wanted: [string, number[]][] = input.to
    ? Object.entries(input.to as Record<string, number[]>)
    : [['/app', input.mappings.map((mapping: { servicePort?: number }) => mapping.servicePort ?? 0)]];
  for (const old of Object.values((input.from ?? {}) as Record<string, number[]>)) ports.use(old);
  for (const [, numbers] of wanted) ports.use(numbers);
  const assigned = wanted.map(([name, numbers]) => {
    const result = ports.assign(numbers, input.from?.[name] ?? []);
    ports.use(result);
    return result;
  });
  const all = assigned.flat();
  expect(all).not.toContain(0);
  if (expected.byCode) expect(all).toEqual(expected.byCode);
  if (expected.distinctCount) expect(new Set(all).size).toBe(expected.distinctCount);
  if (expected.portsInRange) expect(all.filter((port) => port >= begin && port <= end).length).toBe(expected.portsInRange);
  if (id === 'SP-10') expect(all.length).toBe(expected.servicePorts);
});

each('validation-constraint', ({ input, expected }) => {
  const violations = validateConstraints(input.constraint, 0).filter((violation) => violation.notModelled !== true);
  expect(violations.map((violation) => violation.message)).toEqual(expected.violations?.map((pair: string[]) => pair[1]) ?? []);
});

each('id-validation', ({ input, expected }) => {
  for (const id of input.ids ?? [input.id]) {
    const violations = validateId(id);
    expect(violations.length === 0 && isPathPattern(id)).toBe(expected.valid);
    for (const [, message] of expected.violations ?? [])
      expect(violations.map((violation) => violation.message)).toContain(message);
  }
});

each('path-id', ({ input, expected }) => {
  expect(canonicalPath(input.canonical, input.base)).toBe(expected);
});

each('validation', ({ id, input, expected }) => {
  const networks = input.networks?.map((name: string) => ({ mode: 'container', name: `net${name}` }));
  const mappings = input.portMappings?.map((mapping: { networkNames?: string[] }) =>
    mapping.networkNames ? { ...mapping, networkNames: mapping.networkNames.map((name) => `net${name}`) } : mapping,
  );
  const docker = input.container === 'DOCKER' ? { type: 'DOCKER', docker: { image: 'i' } } : { type: 'MESOS' };
  const posted = {
    id: input.id ?? '/test',
    cmd: 'sleep 1',
    ...(networks ? { networks } : {}),
    ...(mappings || input.container ? { container: { ...docker, ...(mappings ? { portMappings: mappings } : {}) } } : {}),
    ...(input.portDefinitions ? { portDefinitions: input.portDefinitions } : {}),
    ...(input.healthCheck ? { healthChecks: [{ command: { value: 'true' }, ...input.healthCheck }] } : {}),
    ...(id.startsWith('ID') ? { cmd: input.cmd, args: input.args } : {}),
  };
  if (expected.valid) return void prepareApp(posted, OPTIONS);
  const refused = refusal(() => prepareApp(posted, OPTIONS));
  expect(refused.status).toBe(422);
  return expect(refused.violations.map(({ path, message }) => [path, message])).toEqual(
    expect.arrayContaining(expected.violations ?? []),
  );
});

test('UN-05: inactive after expunged', () => {
  const strategy = { inactiveAfterSeconds: 2, expungeAfterSeconds: 1 };
  const refused = refusal(() => prepareApp({ id: 'a', cmd: 'sleep', unreachableStrategy: strategy }, OPTIONS));
  expect(refused.message).toBe('inactiveAfterSeconds (2) must be less or equal to expungeAfterSeconds, which is 1');
});

const IMAGE = { type: 'DOCKER', docker: { image: 'image0' } };

const normalised = (definition: object): App => prepareApp({ id: '/foo', cmd: 'sleep', ...definition }, OPTIONS);

describe('normalisation', () => {
  test('NO-03 to NO-06: health checks', () => {
    for (const protocol of ['HTTP', 'HTTPS', 'TCP', 'MESOS_HTTP', 'MESOS_HTTPS', 'MESOS_TCP']) {
      expect(normalised({ healthChecks: [{ protocol }] }).healthChecks).toEqual([{ protocol, portIndex: 0 }]);
    }
    expect(normalised({ healthChecks: [{ protocol: 'HTTP', port: 88 }] }).healthChecks).toEqual([{ protocol: 'HTTP', port: 88 }]);
    const command = { protocol: 'COMMAND', command: { value: 'true' } };
    expect(normalised({ healthChecks: [command] }).healthChecks).toEqual([command]);
  });
  test('NO-08: uris and fetch, which validation finds before the translation throws', () => {
    const refused = refusal(() => normalised({ uris: ['u'], fetch: [{ uri: 'a' }] }));
    expect([refused.status, refused.message]).toEqual([422, 'may not be set in conjunction with fetch']);
  });
  test('NO-12: docker.network BRIDGE, one mapping, two ports', () => {
    const docker = {
      image: 'i',
      network: 'BRIDGE',
      portMappings: [{ containerPort: 1, hostPort: 2, servicePort: 3, name: 'port0' }],
    };
    const of = normalised({ container: { type: 'DOCKER', docker }, portDefinitions: [{ port: 0 }, { port: 0 }] });
    expect(of.networks).toEqual([{ mode: 'container/bridge', labels: [] }]);
    expect(of.container?.portMappings.map(({ containerPort, hostPort }) => [containerPort, hostPort])).toEqual([
      [1, 2],
      [0, 0],
    ]);
    expect(of.portDefinitions).toEqual([]);
  });
  test('NO-13: docker.network USER and an empty ipAddress take the default network', () => {
    const docker = { image: 'image0', network: 'USER', portMappings: [{ containerPort: 1, hostPort: 2 }] };
    const of = normalised({ container: { type: 'DOCKER', docker }, ipAddress: {} });
    expect(of.networks).toEqual([{ mode: 'container', name: 'default-network0', labels: [] }]);
  });
  test('NO-16: ipAddress on the bridge network, no mappings', () => {
    const container = { type: 'DOCKER', docker: { image: 'image0', portMappings: [] } };
    const of = normalised({ container, ipAddress: { networkName: 'mesos-bridge' } });
    expect([of.networks[0]?.mode, of.container?.portMappings]).toEqual(['container/bridge', []]);
  });
  test('NO-20 to NO-24: what is not translated', () => {
    const container = (network: string): object => ({ container: { type: 'DOCKER', docker: { image: 'i', network } } });
    expect(refusal(() => normalised(container('NONE'))).status).toBe(500);
    for (const [network, mode] of [
      ['HOST', 'host'],
      ['BRIDGE', 'container/bridge'],
      ['USER', 'container'],
    ] as const) {
      expect(refusal(() => normalised({ ...container(network), networks: [{ mode }] })).message).toBe(
        'must not specify both container.docker.network and networks',
      );
    }
    const ipAddress = { discovery: { ports: [{ number: 34, name: 'port1' }] } };
    expect(refusal(() => normalised({ container: IMAGE, ipAddress })).message).toBe(
      'ipAddress/discovery is not allowed for Docker containers',
    );
  });
  test('NO-27 to NO-38: defaults by mode', () => {
    const container = { networks: [{ mode: 'container', name: 'n' }], container: IMAGE };
    expect(normalised({ ...container, requirePorts: true }).requirePorts).toBe(false);
    const bridge = { networks: [{ mode: 'container/bridge' }] };
    const mappings = (definition: object): unknown =>
      normalised(definition).container?.portMappings.map(({ containerPort, hostPort, name }) => [containerPort, hostPort, name]);
    const legacy = { image: 'i', network: 'BRIDGE', portMappings: [] };
    expect(mappings({ container: { type: 'DOCKER', portMappings: [], docker: legacy } })).toEqual([]);
    expect(mappings({ container: { type: 'DOCKER', portMappings: [{}], docker: legacy } })).toEqual([[0, 0, undefined]]);
    expect(mappings({ ...bridge, container: { type: 'MESOS', portMappings: [] } })).toEqual([]);
    expect(mappings({ ...bridge, container: { type: 'MESOS' } })).toEqual([[0, 0, 'default']]);
    expect(mappings(bridge)).toEqual([[0, 0, 'default']]);
    expect(mappings({ networks: [{ mode: 'container', name: 'n' }] })).toEqual([[0, undefined, 'default']]);
    expect(normalised({ networks: [{ mode: 'host' }], portDefinitions: [] }).portDefinitions).toEqual([]);
    expect(normalised({}).portDefinitions).toEqual([{ port: 0, name: 'default', protocol: 'tcp', labels: [] }]);
  });
});

test('refusals are refusals of Marathon', () => {
  const refused = refusal(() =>
    prepareApp({ id: '/app', cmd: 'cmd', networks: [{ mode: 'container' }] }, { frameworkRole: '*' }),
  );
  expect(refused).toBeInstanceOf(Refusal);
  expect([refused.component, refused.code, refused.status, refused.path]).toEqual(['marathon', 'invalid-app', 422, '/networks']);
  expect(refused.body()).toEqual({
    message: 'Object is not valid',
    details: [{ path: '/networks', errors: ['Network name must be specified when container network is selected.'] }],
  });
});
