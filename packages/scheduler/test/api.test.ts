/** Marathon's HTTP API beyond single apps: groups, versions, tasks, the queue, deployments; what each answers to good and bad input. */
import { describe, expect, test } from 'vitest';
import { type ApiRequest, answerApi } from '../src/marathon/api.ts';
import { refusalOf, SLEEP, type World, world } from './world.ts';

function api(w: World) {
  return (method: ApiRequest['method'], path: string, body?: unknown) => answerApi(w.marathon, { method, path, body });
}

const SHOP = {
  id: '/shop',
  groups: [
    { id: 'db', apps: [{ ...SLEEP, id: 'store', instances: 2 }] },
    { id: 'web', dependencies: ['/shop/db'], apps: [{ ...SLEEP, id: 'front', instances: 3 }] },
  ],
};

describe('groups', () => {
  test('a dry run tells the steps and changes nothing', () => {
    const w = world(2);
    const ask = api(w);
    expect(ask('PUT', '/v2/groups?dryRun=true', JSON.stringify(SHOP)).body).toEqual({
      steps: [
        {
          actions: [
            { action: 'StartApplication', app: '/shop/db/store' },
            { action: 'StartApplication', app: '/shop/web/front' },
          ],
        },
        { actions: [{ action: 'ScaleApplication', app: '/shop/db/store' }] },
        { actions: [{ action: 'ScaleApplication', app: '/shop/web/front' }] },
      ],
    });
    expect([w.marathon.apps(), w.marathon.plans(), w.clock.busy]).toEqual([[], [], false]);
  });

  test('scaleBy rounds up, a version brings back what was; both stand alone', () => {
    const w = world(2);
    const ask = api(w);
    const counts = () => w.marathon.apps().map(({ id, instances }) => `${id} ${instances}`);
    expect(ask('PUT', '/v2/groups', SHOP).status).toBe(200);
    w.settle();
    const [before] = w.marathon.groups.versions().slice(-1);
    expect(ask('PUT', '/v2/groups//shop', { scaleBy: 1.4 }).headers.has('Marathon-Deployment-Id')).toBe(true);
    w.settle();
    expect(counts()).toEqual(['/shop/db/store 3', '/shop/web/front 5']);
    expect(w.marathon.tasks()).toHaveLength(8);
    ask('DELETE', '/v2/groups//shop/web');
    w.settle();
    w.marathon.add({ ...SLEEP, id: '/other' });
    w.settle();
    expect(ask('PUT', '/v2/groups//shop', { version: before }).status).toBe(200);
    w.settle();
    expect(counts()).toEqual(['/shop/db/store 2', '/other 1', '/shop/web/front 3']);
    expect(w.marathon.tasks()).toHaveLength(6);
    expect(ask('PUT', '/v2/groups//shop', { scaleBy: 2, id: '/shop' })).toMatchObject({
      status: 422,
      body: { details: [{ path: '/scaleBy', errors: ['not allowed in conjunction with other properties'] }] },
    });
    expect(ask('PUT', '/v2/groups//shop', { version: '1999-01-01T00:00:00.000Z' })).toMatchObject({
      status: 422,
      body: { message: 'Group /shop not available in version 1999-01-01T00:00:00.000Z' },
    });
    for (const scaleBy of [-1, 'two']) expect(ask('PUT', '/v2/groups//shop', { scaleBy }).status).toBe(422);
  });

  test('a huge factor, one of no number, and a hostile name', () => {
    const w = world(1);
    w.marathon.updateGroup(SHOP);
    expect(refusalOf(() => w.marathon.groups.plan('{"scaleBy":1e999}', { id: '/shop' }))).toBe('invalid-json');
    expect(w.marathon.groups.plan({ scaleBy: 1e300 }, { id: '/__proto__' })).toEqual([]);
    expect(refusalOf(() => w.marathon.updateGroup({ scaleBy: 1e300 }, { id: '/shop', force: true }))).toBe('not-modelled');
    expect(refusalOf(() => w.marathon.scale('/shop/db/store', 2_000_000_000, { force: true }))).toBe('not-modelled');
    expect(w.marathon.app('/shop/db/store').instances).toBe(2);
  });

  test('what is there and what is not', () => {
    const w = world(1);
    const ask = api(w);
    ask('POST', '/v2/groups', SHOP);
    expect(ask('POST', '/v2/groups', SHOP)).toMatchObject({
      status: 409,
      body: { message: 'Group /shop is already created. Use PUT to change this group.' },
    });
    expect(ask('GET', '/v2/groups//shop').body).toMatchObject({
      id: '/shop',
      apps: [],
      groups: [
        { id: '/shop/db', apps: [{ id: '/shop/db/store' }], groups: [] },
        { id: '/shop/web', apps: [{ id: '/shop/web/front' }], groups: [] },
      ],
    });
    expect(ask('GET', '/v2/groups//nothing')).toMatchObject({
      status: 404,
      body: { message: "Group '/nothing' does not exist" },
    });
    expect(ask('DELETE', '/v2/groups//nothing').status).toBe(404);
    expect(ask('DELETE', '/v2/groups//shop')).toMatchObject({ status: 409, body: { deployments: [{}] } });
    w.settle();
    expect(ask('DELETE', '/v2/groups').status).toBe(200);
    w.settle();
    expect([w.marathon.apps(), w.marathon.tasks(), w.marathon.plans()]).toEqual([[], [], []]);
  });
});

describe('deployments', () => {
  test('as the API shows them, step by step; undone by another', () => {
    const w = world(2);
    const ask = api(w);
    ask('PUT', '/v2/groups', SHOP);
    w.clock.advance(500);
    const [shown] = ask('GET', '/v2/deployments').body as readonly Record<string, unknown>[];
    expect(shown).toMatchObject({
      affectedApps: ['/shop/db/store', '/shop/web/front'],
      currentStep: 2,
      totalSteps: 3,
      currentActions: [{ action: 'ScaleApplication', app: '/shop/db/store' }],
    });
    expect(ask('DELETE', `/v2/deployments/${String(shown?.id)}`).status).toBe(200);
    w.settle();
    expect([w.marathon.apps(), w.marathon.tasks(), w.marathon.plans()]).toEqual([[], [], []]);
    expect(ask('DELETE', '/v2/deployments/nope')).toMatchObject({
      status: 404,
      body: { message: 'DeploymentPlan nope does not exist' },
    });
  });

  test('no more than a hundred at once; a group is one', () => {
    const w = world(0);
    for (let i = 0; i < 99; i++) w.marathon.add({ ...SLEEP, id: `/a${i}` });
    w.marathon.updateGroup({ id: '/g', apps: Array.from({ length: 20 }, (_, i) => ({ ...SLEEP, id: `b${i}` })) });
    const before = [w.marathon.apps(), w.clock.now];
    const refused = api(w)('POST', '/v2/apps', { ...SLEEP, id: '/more' });
    expect(refused.status).toBe(403);
    expect(refused.body).toMatchObject({ message: expect.stringMatching(/^Max number \(100\) of running deployments/) });
    for (const change of [
      () => w.marathon.scale('/a1', 5, { force: true }),
      () => w.marathon.restart('/a1', { force: true }),
      () => w.marathon.remove('/a1', { force: true }),
      () => w.marathon.updateGroup({ scaleBy: 2 }, { id: '/g', force: true }),
      () => w.marathon.groups.remove('/g', { force: true }),
      () => w.marathon.cancelDeployment(w.marathon.plans()[0]?.id ?? ''),
    ])
      expect(refusalOf(change)).toBe('too-many-deployments');
    expect([w.marathon.apps(), w.clock.now]).toEqual(before);
    w.marathon.cancelDeployment(w.marathon.plans()[0]?.id ?? '', { force: true });
    w.marathon.add({ ...SLEEP, id: '/more' });
  });
});

describe('apps and tasks', () => {
  test('a list shows counts, and tasks when asked for; one app shows its last failure', () => {
    let fails = true;
    const w = world(1, { behaviour: () => ({ state: fails ? 'TASK_FAILED' : 'TASK_RUNNING', delay: 10 }) });
    const ask = api(w);
    ask('POST', '/v2/apps', SLEEP);
    w.clock.advance(1500);
    fails = false;
    w.settle();
    const [plain] = (ask('GET', '/v2/apps').body as { apps: Record<string, unknown>[] }).apps;
    expect(plain).toMatchObject({ tasksRunning: 1, deployments: [] });
    expect([plain?.tasks, plain?.lastTaskFailure]).toEqual([undefined, undefined]);
    const [full] = (ask('GET', '/v2/apps?embed=apps.tasks&embed=app.lastTaskFailure').body as { apps: unknown[] }).apps;
    expect(full).toMatchObject({ tasks: [{ state: 'TASK_RUNNING' }], lastTaskFailure: { state: 'TASK_FAILED' } });
    expect(ask('GET', '/v2/apps?id=SLEE&cmd=1000').body).toMatchObject({ apps: [{}] });
    expect(ask('GET', '/v2/apps?id=other').body).toEqual({ apps: [] });
    expect(ask('GET', '/v2/apps//sleep').body).toMatchObject({
      app: { lastTaskFailure: { taskId: w.launched[0]?.taskId, host: '172.16.0.0', timestamp: '2019-07-22T15:58:01.010Z' } },
    });
  });

  test('a whole replacement gives absent fields their defaults, a partial one leaves them', () => {
    const w = world(1);
    const ask = api(w);
    ask('POST', '/v2/apps', { ...SLEEP, labels: { A: 'b' } });
    w.settle();
    ask('PUT', '/v2/apps//sleep', { mem: 64 });
    w.settle();
    expect(w.marathon.app('/sleep')).toMatchObject({ mem: 64, labels: [['A', 'b']] });
    expect(ask('PUT', '/v2/apps//sleep?partialUpdate=false', { cmd: 'sleep 1', cpus: 0.1 }).status).toBe(200);
    w.settle();
    expect(w.marathon.app('/sleep')).toMatchObject({ mem: 128, labels: [] });
    expect(ask('PATCH', '/v2/apps//none', { cmd: 'sleep 1' }).status).toBe(404);
    const list = [
      { id: '/sleep', instances: 2 },
      { ...SLEEP, id: '/new' },
    ];
    expect(ask('PUT', '/v2/apps', list).status).toBe(200);
    expect(w.marathon.plans()).toHaveLength(1);
    w.settle();
    expect(w.marathon.apps().map(({ id, instances }) => `${id} ${instances}`)).toEqual(['/sleep 2', '/new 1']);
    expect(ask('PUT', '/v2/apps', {}).status).toBe(422);
  });

  test('versions, one of them, and tasks that are named', () => {
    const w = world(1);
    const ask = api(w);
    ask('POST', '/v2/apps', { ...SLEEP, instances: 3 });
    w.settle();
    ask('PUT', '/v2/apps//sleep', { cpus: 0.2 });
    w.settle();
    const { versions } = ask('GET', '/v2/apps//sleep/versions').body as { versions: string[] };
    expect(versions).toHaveLength(2);
    expect(ask('GET', `/v2/apps//sleep/versions/${versions[1]}`).body).toMatchObject({ cpus: 0.1 });
    expect(ask('GET', '/v2/apps//sleep/versions/never').status).toBe(404);
    const ids = w.marathon.tasks().map(({ id }) => id);
    expect(ask('POST', '/v2/tasks/delete?scale=true', { ids: ids.slice(0, 2) }).status).toBe(200);
    w.settle();
    expect(w.marathon.tasks().map(({ id }) => id)).toEqual(ids.slice(2));
    expect(ask('DELETE', `/v2/apps//sleep/tasks/${ids[2]}`).body).toMatchObject({ task: { id: ids[2] } });
    expect(ask('DELETE', '/v2/apps//sleep/tasks/nobody').status).toBe(404);
    expect(ask('POST', '/v2/tasks/delete', {}).status).toBe(422);
    w.settle();
    expect(ask('GET', '/v2/tasks?status=running').body).toMatchObject({ tasks: [{ appId: '/sleep' }] });
    expect(ask('GET', '/v2/tasks?status=staging').body).toEqual({ tasks: [] });
    expect(ask('GET', '/v2/tasks?status=%zz').status).toBe(200);
  });

  test('the delay of an app that fails is taken off', () => {
    const w = world(1, { behaviour: () => ({ state: 'TASK_FAILED', delay: 0 }) });
    const ask = api(w);
    ask('POST', '/v2/apps', { ...SLEEP, backoffSeconds: 200 });
    w.clock.advance(2000);
    expect(w.launched).toHaveLength(1);
    expect(ask('DELETE', '/v2/queue//sleep/delay').status).toBe(204);
    w.clock.advance(2000);
    expect(w.launched).toHaveLength(2);
    expect(ask('DELETE', '/v2/queue//none/delay')).toMatchObject({
      status: 404,
      body: { message: 'Application /none not found in tasks queue.' },
    });
  });
});
