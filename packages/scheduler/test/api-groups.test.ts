/** Groups as Marathon keeps them: there until they are deleted, with what they depend on; worked by hand from its Group.scala. */
import { expect, test } from 'vitest';
import { type ApiRequest, answerApi } from '../src/marathon/api.ts';
import { refusalOf, SLEEP, world } from './world.ts';

const POD = { id: '/shop/pod', containers: [{ name: 'c', resources: { cpus: 0.1, mem: 32 } }] };

interface Shown {
  readonly id: string;
  readonly dependencies: readonly string[];
  readonly version: string;
  readonly apps?: readonly { readonly id: string; readonly dependencies?: readonly string[] }[];
  readonly pods?: readonly { readonly id: string }[];
  readonly groups?: readonly Shown[];
}

function asked(agents = 1) {
  const w = world(agents);
  const ask = (method: ApiRequest['method'], path: string, body?: unknown) => answerApi(w.marathon, { method, path, body });
  const group = (path = '') => ask('GET', `/v2/groups${path}`).body as Shown;
  return { w, ask, group };
}

/** `/shop(web /shop/pod)`: a group, what is in it. */
function outline({ id, apps = [], pods = [], groups = [] }: Shown): string {
  const inside = [...groups.map(outline), ...[...apps, ...pods].map((one) => one.id)];
  return inside.length === 0 ? id : `${id}(${inside.join(' ')})`;
}

test('a group is there until it is deleted, whatever is in it', () => {
  const { w, ask, group } = asked();
  expect(group()).toEqual({ id: '/', dependencies: [], version: '1970-01-01T00:00:00.000Z', apps: [], groups: [], pods: [] });
  expect(ask('PUT', '/v2/groups', { id: '/x' }).status).toBe(200);
  expect(outline(group())).toBe('/(/x)');
  w.marathon.add({ ...SLEEP, id: '/a/b/c' });
  w.settle();
  w.marathon.remove('/a/b/c');
  w.settle();
  expect(outline(group())).toBe('/(/a(/a/b) /x)');
  expect(ask('POST', '/v2/groups', { id: '/a/b' })).toMatchObject({
    status: 409,
    body: { message: 'Group /a/b is already created. Use PUT to change this group.' },
  });
  expect(ask('DELETE', '/v2/groups//a').status).toBe(200);
  expect(ask('DELETE', '/v2/groups//a').status).toBe(404);
  expect(outline(group())).toBe('/(/x)');
  expect(ask('DELETE', '/v2/groups').status).toBe(200);
  expect(outline(group())).toBe('/');
});

test('what an update does not list of groups stays, what it lists it has and no more; pods go with their group only', () => {
  const { w, ask, group } = asked();
  const app = (id: string) => ({ ...SLEEP, id });
  ask('PUT', '/v2/groups', {
    id: '/shop',
    apps: [app('top')],
    groups: [
      { id: 'web', apps: [app('a')] },
      { id: 'db', apps: [app('b')], groups: [{ id: 'deep', apps: [app('c')] }] },
    ],
  });
  w.marathon.addPod(POD);
  w.marathon.addPod({ ...POD, id: '/shop/db/pod' });
  w.settle();
  const whole =
    '/(/shop(/shop/db(/shop/db/deep(/shop/db/deep/c) /shop/db/b /shop/db/pod) /shop/web(/shop/web/a) /shop/top /shop/pod))';
  expect(outline(group())).toBe(whole);
  ask('PUT', '/v2/groups//shop', { groups: [{ id: 'web' }, { id: 'db', groups: [] }] });
  w.settle();
  expect(outline(group())).toBe('/(/shop(/shop/db(/shop/db/b /shop/db/pod) /shop/web(/shop/web/a) /shop/top /shop/pod))');
  ask('PUT', '/v2/groups//shop', { apps: [] });
  w.settle();
  expect(outline(group())).toBe('/(/shop(/shop/db(/shop/db/b /shop/db/pod) /shop/web(/shop/web/a) /shop/pod))');
  ask('PUT', '/v2/groups//shop', { groups: [{ id: 'web' }] });
  w.settle();
  expect(outline(group())).toBe('/(/shop(/shop/web(/shop/web/a) /shop/pod))');
  const versions = ask('GET', '/v2/groups/versions').body as string[];
  const first = versions.at(-3) ?? '';
  expect(ask('PUT', '/v2/groups//shop', { version: first }).status).toBe(200);
  w.settle();
  expect(outline(group())).toBe(whole);
  expect(w.marathon.tasks()).toHaveLength(6);
});

test('what a group depends on is its own, and bears on all in it', () => {
  const { w, ask, group } = asked();
  const groups = [
    { id: 'db', apps: [{ ...SLEEP, id: 'store' }] },
    { id: 'web', dependencies: ['../db'], apps: [{ ...SLEEP, id: 'front' }] },
  ];
  ask('PUT', '/v2/groups', { id: '/shop', groups });
  expect(
    w.marathon
      .plans()[0]
      ?.steps.slice(1)
      .map((step) => step.map(({ appId }) => appId)),
  ).toEqual([['/shop/db/store'], ['/shop/web/front']]);
  w.settle();
  expect(group('//shop/web')).toMatchObject({ dependencies: ['/shop/db'], apps: [{ id: '/shop/web/front' }] });
  expect(group('//shop/web').apps?.[0]).not.toHaveProperty('dependencies');
  // An app that comes later is in the group too.
  w.marathon.updateApps([
    { id: '/shop/web/late', definition: SLEEP },
    { id: '/shop/db/more', definition: SLEEP },
  ]);
  expect(
    w.marathon
      .plans()[0]
      ?.steps.slice(1)
      .map((step) => step.map(({ appId }) => appId)),
  ).toEqual([['/shop/db/more'], ['/shop/web/late']]);
  w.settle();
  const before = JSON.stringify(group());
  const cycle = ask('PUT', '/v2/groups//shop/db', { dependencies: ['/shop/web'] });
  expect(cycle).toMatchObject({ status: 422, body: { message: 'Dependency graph has cyclic dependencies.' } });
  expect(JSON.stringify(group())).toBe(before);
  ask('PUT', '/v2/groups//shop/web', { dependencies: [] });
  expect(ask('PUT', '/v2/groups//shop/db', { dependencies: ['/shop/web'] }).status).toBe(200);
});

test('versions: of the root, of a group, what was then; what is embedded', () => {
  const { w, ask, group } = asked();
  w.marathon.add({ ...SLEEP, id: '/other' });
  w.settle();
  w.marathon.add({ ...SLEEP, id: '/shop/a' });
  w.settle();
  w.marathon.add({ ...SLEEP, id: '/shop/b' });
  w.settle();
  const all = ask('GET', '/v2/groups/versions').body as string[];
  expect(all).toHaveLength(3);
  expect(ask('GET', '/v2/groups//shop/versions').body).toEqual(all.slice(0, 2));
  expect(outline(group(`//shop/versions/${all[1]}`))).toBe('/shop(/shop/a)');
  expect(outline(group(`/versions/${all[2]}`))).toBe('/(/other)');
  expect(ask('GET', `/v2/groups//shop/versions/${all[2]}`).status).toBe(404);
  expect(ask('GET', '/v2/groups//shop/versions/never').status).toBe(404);
  expect([group().version, group('//shop').version]).toEqual([all[0], all[0]]);
  expect(Object.keys(group('//shop?embed=group.groups'))).toEqual(['id', 'dependencies', 'version', 'groups']);
  const embedded = group('//shop?embed=group.apps&embed=group.apps.counts').apps;
  expect(embedded).toMatchObject([
    { id: '/shop/a', tasksRunning: 1 },
    { id: '/shop/b', tasksRunning: 1 },
  ]);
  expect(group('//shop').apps?.[0]).not.toHaveProperty('tasksRunning');
  expect(ask('GET', '/v2/groups//shop/apps').body).toMatchObject([{ id: '/shop/a' }, { id: '/shop/b' }]);
  expect(ask('GET', '/v2/groups//none/apps').body).toEqual([]);
  expect(ask('GET', '/v2/groups//none').status).toBe(404);
});

test('apps, pods and groups have names of their own', () => {
  const { w, ask } = asked();
  w.marathon.add({ ...SLEEP, id: '/shop/a' });
  w.marathon.addPod({ ...POD, id: '/p' });
  const clash = (kind: string) => ({
    status: 422,
    body: { details: [{ path: '/', errors: [`Groups and ${kind} may not have the same identifier.`] }] },
  });
  expect(ask('POST', '/v2/apps', { ...SLEEP, id: '/shop' })).toMatchObject(clash('Applications'));
  expect(ask('POST', '/v2/apps', { ...SLEEP, id: '/shop/a/b/c' })).toMatchObject(clash('Applications'));
  expect(ask('POST', '/v2/pods', { ...POD, id: '/shop' })).toMatchObject(clash('Pods'));
  expect(ask('POST', '/v2/apps', { ...SLEEP, id: '/p/a' })).toMatchObject(clash('Pods'));
  expect(ask('PUT', '/v2/groups', { id: '/p', apps: [{ ...SLEEP, id: 'x' }] })).toMatchObject(clash('Pods'));
  expect(ask('PUT', '/v2/groups', { id: '/shop/a' })).toMatchObject(clash('Applications'));
  expect(ask('POST', '/v2/groups', { id: '/shop/a' })).toMatchObject({
    status: 409,
    body: { message: 'An app with the path /shop/a already exists.' },
  });
  expect(refusalOf(() => w.marathon.addPod({ ...POD, id: '/shop/a' }))).toBe('invalid-app');
  expect(w.marathon.apps().map(({ id }) => id)).toEqual(['/shop/a']);
  expect(w.marathon.groups.all.size).toBe(2);
});
