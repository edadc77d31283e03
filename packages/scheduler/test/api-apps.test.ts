/** `/v2/apps`, `/v2/tasks` and what Marathon tells of itself, over the HTTP API: selection, embedding, text, killing, odd requests. */
import { describe, expect, test } from 'vitest';
import { type ApiRequest, answerApi } from '../src/marathon/api.ts';
import { HTTPI, SLEEP, world } from './world.ts';

const POD = {
  id: '/pod',
  containers: [{ name: 'c', resources: { cpus: 0.1, mem: 32 }, exec: { command: { shell: 'sleep 1' } } }],
};

function asked(agents: number, options: Parameters<typeof world>[1] = {}) {
  const w = world(agents, options);
  const ask = (method: ApiRequest['method'], path: string, body?: unknown, accept = '*/*') =>
    answerApi(w.marathon, { method, path, body, accept });
  return { w, ask };
}

describe('lists', () => {
  const { w, ask } = asked(2);
  w.marathon.add({ ...SLEEP, id: '/shop/web', labels: { tier: 'web' } });
  w.marathon.add({ ...SLEEP, id: '/shop/db/store', cmd: 'Store --all', labels: { tier: 'db', env: 'test it' } });
  w.marathon.add({ ...HTTPI, id: '/httpi' });
  w.settle();
  const ids = (query: string) => (ask('GET', `/v2/apps?${query}`).body as { apps: { id: string }[] }).apps.map(({ id }) => id);

  test('by id, command and label, all of which have to be met', () => {
    expect(ids('id=SHOP')).toEqual(['/shop/web', '/shop/db/store']);
    expect(ids('cmd=sToRe')).toEqual(['/shop/db/store']);
    expect(ids('cmd=')).toEqual(['/shop/web', '/shop/db/store']);
    expect(ids('label=tier')).toEqual(['/shop/web', '/shop/db/store']);
    expect(ids('label=tier!%3Dweb')).toEqual(['/shop/db/store']);
    expect(ids('label=tier+in+(web,+db),env==test%5C+it')).toEqual(['/shop/db/store']);
    expect(ids('label=tier&id=web')).toEqual(['/shop/web']);
    expect(ask('GET', '/v2/apps?label=a=b')).toMatchObject({
      status: 422,
      body: { message: "Can not parse label selector a=b. Reason: ',' expected but '=' found" },
    });
  });

  test('what is embedded, by any of its names; what follows from what', () => {
    const keys = (query: string) => {
      const { apps } = ask('GET', `/v2/apps?id=web&${query}`).body as { apps: Record<string, unknown>[] };
      const beside = ['deployments', 'lastTaskFailure', 'readinessCheckResults', 'taskStats', 'tasks', 'tasksRunning'];
      return beside.filter((key) => key in (apps[0] ?? {}));
    };
    expect(keys('')).toEqual(['deployments', 'tasksRunning']);
    expect(keys('embed=tasks')).toEqual(['deployments', 'tasks', 'tasksRunning']);
    expect(keys('embed=group.apps.taskStats&embed=apps.readiness')).toEqual([
      'deployments',
      'readinessCheckResults',
      'taskStats',
      'tasksRunning',
    ]);
    expect(keys('embed=app.failures&embed=nonsense')).toEqual(['deployments', 'tasks', 'tasksRunning']);
    const { app } = ask('GET', '/v2/apps//shop/web?embed=app.taskStats').body as { app: { taskStats: unknown } };
    const started = w.marathon.tasks('/shop/web')[0]?.startedAt ?? 0;
    const seconds = (w.clock.now - started) / 1000;
    const stats = {
      stats: {
        counts: { staged: 0, running: 1, healthy: 0, unhealthy: 0 },
        lifeTime: { averageSeconds: seconds, medianSeconds: seconds },
      },
    };
    expect(app.taskStats).toEqual({ startedAfterLastScaling: stats, totalSummary: stats, withLatestConfig: stats });
  });

  test('of a group, by a star', () => {
    expect(ask('GET', '/v2/apps//shop/*').body).toMatchObject({ '*': [{ id: '/shop/web' }, { id: '/shop/db/store' }] });
    expect(ask('GET', '/v2/apps/*').body).toMatchObject({ '*': [{}, {}, {}] });
    expect(ask('GET', '/v2/apps/shop/db/*/tasks').body).toMatchObject({ tasks: [{ appId: '/shop/db/store' }] });
    expect(ask('GET', '/v2/apps//nope/*')).toMatchObject({ status: 404, body: { message: "Group '/nope' does not exist" } });
  });

  test('tasks as text, a line for each service port', () => {
    const hosts = w.marathon.tasks('/httpi').map(({ host, ports }) => `${host}:${ports[0]}`);
    const service = w.marathon.tasks('/httpi')[0]?.servicePorts[0];
    const answer = ask('GET', '/v2/apps//httpi/tasks', undefined, 'text/plain');
    expect(answer.headers.get('Content-Type')).toBe('text/plain');
    expect(answer.body).toBe(`httpi\t${service}\t${hosts.sort().join('\t')}\t\n`);
    const all = ask('GET', '/v2/tasks', undefined, 'text/plain').body as string;
    expect(all.split('\n').map((line) => line.split('\t')[0])).toEqual(['shop_web', 'shop_db_store', 'httpi', '']);
    expect(ask('GET', '/v2/tasks').headers.get('Content-Type')).toBe('application/json');
  });

  test('an app without ports has a blank and its hosts', () => {
    const other = asked(1);
    other.w.marathon.add({ ...SLEEP, portDefinitions: [] });
    other.w.settle();
    expect(other.ask('GET', '/v2/tasks', undefined, 'text/plain').body).toBe('sleep\t \t172.16.0.0\t\n');
  });
});

test('a pod is no app', () => {
  const { w, ask } = asked(1);
  expect(ask('POST', '/v2/pods', POD).status).toBe(201);
  w.settle();
  const missing = { status: 404, body: { message: "App '/pod' does not exist" } };
  for (const path of ['', '/tasks', '/versions']) expect(ask('GET', `/v2/apps//pod${path}`)).toMatchObject(missing);
  expect(ask('DELETE', '/v2/apps//pod')).toMatchObject(missing);
  expect(ask('POST', '/v2/apps//pod/restart')).toMatchObject(missing);
  expect(ask('PATCH', '/v2/apps//pod', { instances: 2 })).toMatchObject(missing);
  expect(ask('PUT', '/v2/apps//pod', SLEEP)).toMatchObject({
    status: 422,
    body: { details: [{ errors: ['Applications and Pods may not share the same id'] }] },
  });
  expect(w.marathon.tasks()).toHaveLength(1);
});

describe('killing', () => {
  test('a wiped instance gives way to another; one that is killed comes again', () => {
    const { w, ask } = asked(1);
    w.marathon.add(SLEEP);
    w.settle();
    const [first] = w.marathon.tasks();
    ask('DELETE', `/v2/apps//sleep/tasks/${first?.id}`);
    w.settle();
    const [second] = w.marathon.tasks();
    expect([second?.instanceId, second?.id]).toEqual([first?.instanceId, first?.id.replace(/1$/, '2')]);
    expect(ask('DELETE', '/v2/apps//sleep/tasks?wipe=true').body).toMatchObject({ tasks: [{ id: second?.id }] });
    w.settle();
    expect(w.marathon.tasks()).toHaveLength(1);
    expect(w.marathon.tasks()[0]?.instanceId).not.toBe(first?.instanceId);
    expect(ask('DELETE', '/v2/apps//sleep/tasks?wipe=true&scale=true')).toMatchObject({
      status: 400,
      body: { message: 'You cannot use scale and wipe at the same time.' },
    });
  });

  test('by host; none to scale down is a change all the same', () => {
    const { w, ask } = asked(2);
    w.marathon.add({ ...SLEEP, instances: 4, constraints: [['hostname', 'MAX_PER', '2']] });
    w.settle();
    const { tasks } = ask('DELETE', '/v2/apps//sleep/tasks?host=172.16.0.1&scale=false').body as { tasks: { host: string }[] };
    expect(tasks.map(({ host }) => host)).toEqual(['172.16.0.1', '172.16.0.1']);
    w.settle();
    const before = w.marathon.latestChange?.id;
    const none = ask('DELETE', '/v2/apps//sleep/tasks?host=elsewhere&scale=true');
    expect([none.status, (none.body as { deploymentId: string }).deploymentId === before]).toEqual([200, false]);
    expect(w.marathon.app('/sleep').instances).toBe(4);
    expect(ask('POST', '/v2/tasks/delete', { ids: ['nonsense'] })).toMatchObject({
      status: 400,
      body: { message: "Invalid task id 'nonsense'. [taskId nonsense no valid identifier (of class java.lang.String)]" },
    });
    expect(ask('POST', '/v2/tasks/delete', { ids: ['gone.instance-1._app.1'] }).body).toEqual({ tasks: [] });
  });
});

test('odd requests: an app named as a sub-resource, methods and resources there are not, Marathon itself', () => {
  const { w, ask } = asked(1);
  w.marathon.add(SLEEP);
  expect(ask('DELETE', '/v2/apps//sleep/restart')).toMatchObject({
    status: 404,
    body: { message: "App '/sleep/restart' does not exist" },
  });
  const notAllowed = { status: 405, body: { message: 'Method Not Allowed' } };
  expect(ask('DELETE', '/v2/apps//sleep/versions')).toMatchObject(notAllowed);
  expect(ask('PUT', '/v2/apps//sleep/tasks', {})).toMatchObject(notAllowed);
  expect(ask('DELETE', '/v2/apps')).toMatchObject(notAllowed);
  expect(ask('POST', '/v2/apps//sleep', SLEEP)).toMatchObject(notAllowed);
  expect(ask('POST', '/v2/deployments', {})).toMatchObject(notAllowed);
  expect(ask('GET', '/v2/nonsense')).toMatchObject({ status: 500, body: { message: 'URI not found' } });
  expect(ask('HEAD', '/v2/apps')).toMatchObject({ status: 200, body: undefined });
  expect(ask('GET', '/ping').body).toBe('pong');
  expect(ask('GET', '/ping', undefined, 'application/json').body).toBe('"pong"');
  expect(ask('GET', '/v2/info').body).toMatchObject({
    name: 'marathon',
    elected: true,
    marathon_config: { mesos_role: 'slave_public' },
  });
  expect(w.marathon.apps()).toHaveLength(1);
});
