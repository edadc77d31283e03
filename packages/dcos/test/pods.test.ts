/** Pods: one network for all containers of an instance, endpoints with host ports and VIPs, one life for all tasks. */
import { envValue, formatIpv4, HTTPI, type Program } from '@portolan/core';
import { answerApi } from '@portolan/scheduler';
import { expect, test } from 'vitest';
import { DcosCluster } from '../src/index.ts';

/** Listens on the endpoint its image is called after, and says its name. */
function server(name: string): Program {
  return {
    start: (env) => ({ ports: [Number(envValue(env, `ENDPOINT_${name.toUpperCase()}`))] }),
    respond: (request, date) => ({
      ...HTTPI.respond(request, date),
      headers: [['Content-Length', String(name.length)]],
      body: name,
    }),
  };
}

const IMAGES = { web: server('web'), metrics: server('metrics') };

type Mode = 'host' | 'container/bridge' | 'container';

function pod(mode: Mode, instances = 1): Record<string, unknown> {
  const endpoint = (name: string, containerPort: number) => ({
    name,
    ...(mode === 'host' ? {} : { containerPort }),
    hostPort: 0,
    protocol: ['tcp'],
    labels: { VIP_0: `/${name}:80` },
  });
  const container = (name: string, port: number) => ({
    name,
    resources: { cpus: 0.25, mem: 64 },
    image: { kind: 'DOCKER', id: name },
    endpoints: [endpoint(name, port)],
  });
  return {
    id: '/shop/pod',
    scaling: { kind: 'fixed', instances },
    networks: [mode === 'container' ? { mode, name: 'dcos' } : { mode }],
    containers: [container('web', 8080), container('metrics', 9090)],
  };
}

function create(): DcosCluster {
  return DcosCluster.create({ seed: 7, agents: 2, publicAgents: 0, images: IMAGES });
}

test.each(['host', 'container/bridge', 'container'] as const)(
  'in mode %s each container answers at its port and its VIP',
  (mode) => {
    const cluster = create();
    cluster.marathon.addPod(pod(mode));
    expect(cluster.settle()).toBe(true);
    const tasks = cluster.marathon.tasks('/shop/pod');
    expect(tasks.map(({ id }) => id.replace(/instance-[0-9a-f-]+/, 'I'))).toEqual(['shop_pod.I.web.1', 'shop_pod.I.metrics.1']);
    expect(new Set(tasks.map(({ ipAddresses }) => ipAddresses[0])).size).toBe(1);
    for (const node of cluster.nodes()) {
      for (const { info, host, ports } of tasks) {
        expect(node.http(`http://${host}:${ports[0]}`).body).toBe(info.name);
        expect(node.http(`http://${info.name}.marathon.l4lb.thisdcos.directory`).body).toBe(info.name);
      }
    }
  },
);

test('the containers of an instance share localhost', () => {
  const cluster = create();
  cluster.marathon.addPod(pod('container'));
  cluster.settle();
  const [web] = cluster.marathon.tasks();
  const inside = cluster.agent(web?.slaveId ?? '').container(web?.id ?? '');
  expect(inside.http('http://127.0.0.1:9090').body).toBe('metrics');
});

test('the executor takes its own part and the ports, and gives all back', () => {
  const cluster = create();
  const before = cluster.agents().map(({ id }) => cluster.mesos.resources(id));
  cluster.marathon.addPod(pod('container/bridge', 3));
  cluster.settle();
  const used = cluster.agents().map(({ id }) => cluster.mesos.resources(id).used);
  // Two containers of 0.25 cpus and 64 MiB, and the default executor's 0.1, 32 and 10.
  expect(used.reduce((sum, { cpus }) => sum + cpus, 0)).toBeCloseTo(3 * 0.6);
  expect(used.reduce((sum, { mem, disk }) => sum + mem + disk, 0)).toBe(3 * (160 + 10));
  cluster.marathon.scale('/shop/pod', 1);
  expect(cluster.settle()).toBe(true);
  expect(cluster.marathon.tasks().length).toBe(2);
  cluster.marathon.remove('/shop/pod');
  expect(cluster.settle()).toBe(true);
  expect(cluster.agents().map(({ id }) => cluster.mesos.resources(id))).toEqual(before);
  expect([cluster.marathon.pods(), [...cluster.mesos.tasks()], cluster.marathon.deployments()]).toEqual([[], [], []]);
});

test('when one task is killed, all of its group end, and the instance comes again', () => {
  const cluster = create();
  cluster.marathon.addPod(pod('container'));
  cluster.settle();
  const ended: string[] = [];
  cluster.events.on('status', ({ state, taskId }) => state === 'TASK_KILLED' && ended.push(taskId));
  const [, metrics] = cluster.marathon.tasks();
  cluster.mesos.killTask(metrics?.id ?? '');
  expect(cluster.settle()).toBe(true);
  expect(ended.map((id) => id.replace(/^.*\.(\w+)\.1$/, '$1'))).toEqual(['web', 'metrics']);
  const again = cluster.marathon.tasks();
  expect(again.map(({ id, state }) => [id.slice(-2), state])).toEqual([
    ['.2', 'TASK_RUNNING'],
    ['.2', 'TASK_RUNNING'],
  ]);
  expect(again[0]?.instanceId).toBe(metrics?.instanceId);
});

test('two containers that want one port: the second fails, the first is ended with it', () => {
  const cluster = DcosCluster.create({ seed: 7, agents: 1, publicAgents: 0, images: { web: IMAGES.web, metrics: IMAGES.web } });
  const states: string[] = [];
  cluster.events.on('status', ({ state, taskId }) => states.push(`${taskId.split('.').at(-2)} ${state}`));
  cluster.marathon.addPod(pod('container'));
  cluster.advance('3s');
  expect(states.slice(-2)).toEqual(['metrics TASK_FAILED', 'web TASK_KILLED']);
});

test('a restart replaces instances; an agent that is lost loses its pods, which come up elsewhere', () => {
  const cluster = create();
  cluster.marathon.addPod(pod('container', 2));
  cluster.settle();
  const before = cluster.marathon.tasks().map(({ instanceId }) => instanceId);
  cluster.marathon.restart('/shop/pod');
  expect(cluster.settle()).toBe(true);
  const after = cluster.marathon.tasks();
  expect(after.length).toBe(4);
  expect(after.filter(({ instanceId }) => before.includes(instanceId))).toEqual([]);
  cluster.loseAgent(after[0]?.slaveId ?? '');
  cluster.advance('10min');
  expect(cluster.settle()).toBe(true);
  const moved = cluster.marathon.tasks();
  expect(moved.map(({ state }) => state)).toEqual(Array.from({ length: 4 }, () => 'TASK_RUNNING'));
  expect(moved.filter(({ slaveId }) => slaveId === after[0]?.slaveId)).toEqual([]);
});

test('dcos-net and Mesos-DNS call the tasks by the pod; an endpoint without protocol has no VIP', () => {
  const cluster = create();
  cluster.marathon.addPod(pod('container'));
  cluster.settle();
  cluster.advance('31s');
  const [task] = cluster.marathon.tasks();
  const address = formatIpv4(task?.ipAddresses[0] ?? 0);
  const short = (name: string) => cluster.master().shell(`dig +short ${name}`).stdout.trim();
  expect(short('pod-shop.marathon.containerip.dcos.thisdcos.directory')).toBe(address);
  expect(short('web.marathon.l4lb.thisdcos.directory')).not.toBe('');
  const bare = JSON.parse(JSON.stringify(pod('container')).replaceAll('"protocol":["tcp"],', ''));
  cluster.marathon.updatePod('/shop/pod', bare);
  expect(cluster.settle()).toBe(true);
  expect(short('web.marathon.l4lb.thisdcos.directory')).toBe('');
});

test('a check of one container is told of its task; when it fails too often the whole instance is replaced', () => {
  let broken = false;
  const flaky: Program = {
    ...server('metrics'),
    respond: (_, date) => ({ ...HTTPI.respond(_, date), status: broken ? 500 : 200 }),
  };
  const cluster = DcosCluster.create({ seed: 7, agents: 1, publicAgents: 0, images: { ...IMAGES, metrics: flaky } });
  const checked = JSON.parse(JSON.stringify(pod('container')));
  const settings = { gracePeriodSeconds: 0, intervalSeconds: 5, delaySeconds: 5, maxConsecutiveFailures: 3 };
  checked.containers[1].healthCheck = { http: { endpoint: 'metrics', path: '/' }, ...settings };
  cluster.marathon.addPod(checked);
  cluster.advance('4s');
  expect(cluster.marathon.deployments().length).toBe(1);
  cluster.advance('10s');
  expect(cluster.marathon.deployments()).toEqual([]);
  const health = () => cluster.marathon.tasks().map(({ id, healthy }) => [id.split('.').slice(-2).join('.'), healthy]);
  expect(health()).toEqual([
    ['web.1', undefined],
    ['metrics.1', true],
  ]);
  broken = true;
  cluster.advance('6s');
  expect(health()[1]).toEqual(['metrics.1', false]);
  broken = false;
  cluster.advance('5s');
  expect(health()[1]).toEqual(['metrics.1', true]);
  broken = true;
  cluster.advance('16s');
  broken = false;
  cluster.advance('30s');
  expect(health()).toEqual([
    ['web.2', undefined],
    ['metrics.2', true],
  ]);
  checked.containers[1].healthCheck.http.endpoint = 'web';
  expect(() => cluster.marathon.updatePod('/shop/pod', checked)).toThrow('got web, expected one of: [metrics]');
});

test("Mesos' state has a pod's executor, whose part is the agent's to give", () => {
  const cluster = DcosCluster.create({ seed: 7, agents: 1, publicAgents: 0, images: IMAGES });
  cluster.marathon.addPod(pod('container'));
  cluster.settle();
  const [task] = cluster.marathon.tasks();
  const read = (url: string) => JSON.parse(cluster.master().shell(`curl -s ${url}`).stdout);
  const { frameworks, slaves } = read('http://leader.mesos:5050/state');
  const executor = task?.instanceId.replace(/^(.*)\.instance-/, 'instance-$1.');
  expect(frameworks[0].tasks.map((one: Record<string, unknown>) => [one.name, one.executor_id])).toEqual([
    ['web', executor],
    ['metrics', executor],
  ]);
  const [{ executors }] = read(`http://${task?.host}:5051/state`).frameworks;
  expect(executors).toMatchObject([
    { id: executor, type: 'DEFAULT', resources: { disk: 10, mem: 160, ports: expect.any(String) } },
  ]);
  expect(slaves[0].used_resources).toEqual(executors[0].resources);
  const [status] = frameworks[0].tasks[0].statuses.slice(-1);
  expect(status.container_status.network_infos[0].port_mappings.length).toBe(2);
});

test('pods are no apps: lists are apart, ids are shared, and what is wrong changes nothing', () => {
  const cluster = create();
  cluster.marathon.addPod(pod('host'));
  const { marathon } = cluster;
  expect([marathon.apps().length, marathon.pods().length, marathon.pod('/shop/pod').id]).toEqual([0, 1, '/shop/pod']);
  expect(() => marathon.addPod(pod('host'))).toThrow('A pod with id [/shop/pod] already exists.');
  expect(() => marathon.add({ id: '/shop/pod', cmd: 'sleep 1' })).toThrow('Applications and Pods may not share the same id');
  expect(() => marathon.update('/shop/pod', { cmd: 'sleep 1' })).toThrow('Applications and Pods may not share the same id');
  expect(() => marathon.pod('/nowhere')).toThrow('pod with /nowhere does not exist');
  expect(() => marathon.scale('/shop/pod', Number.NaN, { force: true })).toThrow('got NaN');
  expect(() => marathon.updatePod('/shop/pod', { ...pod('host'), id: '/other' }, { force: true })).toThrow(
    "'/shop/pod' does not match definition's id ('/other')",
  );
  expect(cluster.settle()).toBe(true);
  expect(marathon.tasks().length).toBe(2);
});

test('the HTTP API takes, shows, changes and deletes pods; what it shows can be posted again', () => {
  const cluster = create();
  const ask = (method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown) =>
    answerApi(cluster.marathon, { method, path: `/v2/pods${path}`, body });
  const made = ask('POST', '', pod('container/bridge'));
  expect([made.status, made.headers.has('Marathon-Deployment-Id')]).toEqual([201, true]);
  expect(ask('POST', '', pod('host')).status).toBe(409);
  expect(ask('GET', '').body).toEqual([made.body]);
  cluster.settle();
  const { version, ...shown } = JSON.parse(JSON.stringify(ask('GET', '/shop/pod').body));
  expect(version).not.toBe('');
  const again = ask('PUT', '/shop/pod', { ...shown, scaling: { kind: 'fixed', instances: 2 } });
  expect([again.status, (again.body as Record<string, unknown>).scaling]).toEqual([200, { kind: 'fixed', instances: 2 }]);
  expect(cluster.settle()).toBe(true);
  expect(cluster.marathon.tasks().length).toBe(4);
  expect([ask('GET', '/nowhere').status, answerApi(cluster.marathon, { method: 'GET', path: '/v2/apps' }).body]).toEqual([
    404,
    { apps: [] },
  ]);
  expect(ask('DELETE', '/shop/pod').status).toBe(202);
  expect(cluster.settle()).toBe(true);
  expect(ask('GET', '').body).toEqual([]);
});
