/** Rules of app definitions beside those that are recorded: paths and words worked by hand from Marathon's AppValidation.scala (v1.8). */
import { describe, expect, test } from 'vitest';
import { answerApi } from '../src/marathon/api.ts';
import { SLEEP, world } from './world.ts';

const w = world(0);
const post = (body: unknown) => answerApi(w.marathon, { method: 'POST', path: '/v2/apps?force=true', body });
const DOCKER = { type: 'DOCKER', docker: { image: 'image' } };
const SECRET = { secret: 'token' };

describe('what is refused, at which path, in which words', () => {
  test.each<[object, string, string]>([
    [{ cmd: 'x' }, '/', 'must not be an empty string'],
    [{ id: '/' }, '/', 'must not be root'],
    [{ portDefinitions: [{ port: 1 }], ipAddress: {} }, '/', 'cannot specify both an IP address and port'],
    [{ uris: ['a'], fetch: [{ uri: 'b' }] }, '/uris', 'may not be set in conjunction with fetch'],
    [{ uris: ['http://a/b c'] }, '/uris(0)', 'URI has invalid syntax.'],
    [{ fetch: [{ uri: 'ok' }, { uri: 'http://a/%zz' }] }, '/fetch(1)/uri', 'URI has invalid syntax.'],
    [
      { container: { ...DOCKER, docker: { image: 'a', credential: { principal: 'p' } } } },
      '/container/docker/credential',
      'must be empty',
    ],
    [
      { container: { ...DOCKER, docker: { image: 'a', network: 'BRIDGE', portMappings: [{ name: 'a' }, { name: 'a' }] } } },
      '/container/docker/portMappings',
      'Port names must be unique.',
    ],
    [
      { container: { ...DOCKER, docker: { image: 'a', pullConfig: SECRET } }, secrets: { token: { source: 's' } } },
      '/container/docker/pullConfig',
      'pullConfig is not supported with Docker containerizer',
    ],
    [
      { container: { type: 'MESOS', docker: { image: 'a', pullConfig: SECRET } } },
      '/container/docker/pullConfig',
      'pullConfig.secret must refer to an existing secret',
    ],
    [
      { container: { type: 'MESOS', volumes: [{ containerPath: 'a', secret: 'token' }] } },
      '/container/volumes(0)',
      'volume.secret must refer to an existing secret',
    ],
    [
      { container: { ...DOCKER }, ipAddress: { discovery: {} } },
      '/ipAddress',
      'ipAddress/discovery is not allowed for Docker containers',
    ],
    [
      { readinessChecks: [{ portName: 'none' }] },
      '/readinessChecks(0)/portName',
      'No port definition reference for portName none',
    ],
    [
      { portDefinitions: [{ name: 'http-api' }], readinessChecks: [{}, {}] },
      '/readinessChecks/size',
      'got 2, expected 1 or less',
    ],
    [
      { portDefinitions: [{ name: 'http-api' }], readinessChecks: [{ timeoutSeconds: 5, intervalSeconds: 5 }] },
      '/readinessChecks(0)/timeoutSeconds',
      'got 5, expected less than 5',
    ],
    [{ env: { '': 'a' } }, '/env/keys(0)', 'must not be empty'],
    [
      { labels: { DCOS_MIGRATION_API_VERSION: 'v1' } },
      '/',
      'DCOS_PACKAGE_FRAMEWORK_NAME and DCOS_MIGRATION_API_PATH must be defined when using DCOS_MIGRATION_API_VERSION',
    ],
    [
      { healthChecks: [{ protocol: 'MESOS_HTTP' }, { protocol: 'MESOS_TCP' }] },
      '/',
      'AppDefinition can contain at most one Mesos health check',
    ],
    [{ instances: 2, labels: { MARATHON_SINGLE_INSTANCE_APP: 'true' } }, '/', 'Single instance app may only have one instance'],
    [
      { mem: 256, resourceLimits: { mem: 'Infinity' } },
      '/resourceLimits/mem',
      "'Infinity' is an invalid resource limit. It must be 'unlimited' or a number",
    ],
  ])('%j', (fields, path, message) => {
    const { status, body } = post({ ...SLEEP, ...fields });
    expect(status).toBe(422);
    expect(body).toMatchObject({ message: 'Object is not valid' });
    expect((body as { details: unknown }).details).toContainEqual({ path, errors: [message] });
  });

  test('what cannot be read', () => {
    const unreadable = (details: string) => ({ status: 422, body: { message: 'Invalid JSON', details: [{ path: details }] } });
    expect(post({ cmd: 'sleep 1' })).toMatchObject(unreadable('/id'));
    expect(post({ ...SLEEP, fetch: [{}] })).toMatchObject(unreadable('/fetch(0)/uri'));
    expect(post('{bad')).toMatchObject({ status: 400, body: { message: 'Invalid JSON', details: expect.any(String) } });
    for (const nothing of [undefined, '', ' \n']) {
      expect(post(nothing)).toMatchObject({
        status: 400,
        body: { message: 'Please specify data in JSON format', details: 'No content to map due to end-of-input' },
      });
    }
  });

  test('a group: its id, those of the groups and apps in it', () => {
    const put = (body: unknown) => answerApi(w.marathon, { method: 'PUT', path: '/v2/groups', body });
    const details = (path: string, error: string) => ({ status: 422, body: { details: [{ path, errors: [error] }] } });
    expect(put({ id: 'A b' })).toMatchObject(details('/id', 'error.pattern'));
    expect(put({ id: '/g', groups: [{}] })).toMatchObject({ status: 500, body: { message: 'No group id was given!' } });
    expect(put({ id: '/g', groups: [{ id: '/other' }] })).toMatchObject(
      details('/groups(0)', 'Group has to be child of groups with parent id'),
    );
    expect(put({ id: '/g', apps: [{ ...SLEEP, id: '/other/x' }] })).toMatchObject(
      details('/apps(0)/id', "Identifier is not child of '/g'"),
    );
    expect(put({ id: '/g', apps: [{ cmd: 'sleep 1' }] })).toMatchObject(details('/apps(0)/id', 'error.path.missing'));
  });
});

test('a new app is answered as it was asked for; what was assigned is seen when it is asked about', () => {
  const { status, body, headers } = post({ ...SLEEP, id: '/fresh', instances: 3, portDefinitions: [{ port: 0 }] });
  expect([status, headers.get('Marathon-Deployment-Id')]).toEqual([201, w.marathon.deploymentOf('/fresh')]);
  const { version, ports } = { version: w.marathon.app('/fresh').version, ports: w.marathon.app('/fresh').portDefinitions };
  expect(ports[0]?.port).toBeGreaterThanOrEqual(10000);
  expect(body).toMatchObject({
    id: '/fresh',
    portDefinitions: [{ port: 0 }],
    version,
    tasks: [],
    tasksStaged: 0,
    deployments: [{ id: w.marathon.deploymentOf('/fresh') }],
  });
  expect(body).not.toHaveProperty('versionInfo');
});

test('what is accepted', () => {
  const accepted = [
    { healthChecks: [{ protocol: 'HTTP', command: { value: 'true' }, portIndex: 9 }] },
    { container: { type: 'MESOS', docker: { image: 'a', pullConfig: SECRET } }, secrets: { token: { source: 's' } } },
    { uris: ['http://a/b%20c?d=e#f', 'file:///a', 'ünï'] },
    { mem: 256, resourceLimits: { mem: 'unlimited', cpus: 10 } },
    { labels: { DCOS_MIGRATION_API_VERSION: 'v1', DCOS_MIGRATION_API_PATH: '/a', DCOS_PACKAGE_FRAMEWORK_NAME: 'b' } },
    { portDefinitions: [{ name: 'http-api' }], readinessChecks: [{}] },
  ];
  expect(accepted.map((fields, i) => post({ ...SLEEP, ...fields, id: `/ok${i}` }).status)).toEqual(accepted.map(() => 201));
});
