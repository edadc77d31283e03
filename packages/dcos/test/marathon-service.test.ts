/** Marathon over HTTP in the cluster: its stream of events, who leads, and the status of pods. */
import { HTTPI } from '@portolan/core';
import { expect, test } from 'vitest';
import { DcosCluster } from '../src/index.ts';

const SLEEP = { id: '/sleep', cmd: 'sleep 1000', cpus: 0.1, mem: 32 };

/** Opens a stream from an agent; the text that came, and what closes it. */
function listen(cluster: DcosCluster, path: string, accept = 'text/event-stream') {
  let text = '';
  const [master, agent] = [cluster.master(), cluster.agents()[0]];
  const socket = agent?.node.machine.host.sockets.connect(
    { address: master.address, port: 8080 },
    {
      connected: (own) => own.write(`GET ${path} HTTP/1.1\r\nAccept: ${accept}\r\n\r\n`),
      received: (_, more) => {
        text += more;
      },
    },
  );
  cluster.settle();
  return { text: () => text, close: () => socket?.close() };
}

const namesOf = (text: string) => [...text.matchAll(/^event: (\w+)\r$/gm)].map(([, name]) => name);

test('the stream of events begins with who listens, goes on while he does, and has what he asked for', () => {
  const cluster = DcosCluster.create({ seed: 7, agents: 2 });
  const all = listen(cluster, '/v2/events');
  const some = listen(cluster, '/v2/events?event_type=deployment_success&event_type=status_update_event');
  const address = cluster.agents()[0]?.node.address;
  expect(address).toBeDefined();
  expect(all.text()).toMatch(/^HTTP\/1.1 200 OK\r\n/);
  expect(all.text()).toContain('Content-Type: text/event-stream;charset=utf-8\r\n');
  expect(all.text()).not.toContain('Content-Length');
  expect(all.text()).toMatch(/event: event_stream_attached\r\ndata: {.*"remoteAddress":"172\.16\.\d+\.\d+"/);
  cluster.marathon.add(SLEEP);
  cluster.settle();
  expect(namesOf(all.text()).slice(0, 5)).toEqual([
    'event_stream_attached',
    'deployment_info',
    'deployment_step_success',
    'deployment_info',
    'group_change_success',
  ]);
  expect(namesOf(all.text()).at(-1)).toBe('deployment_success');
  expect(new Set(namesOf(some.text()))).toEqual(new Set(['status_update_event', 'deployment_success']));
  for (const line of all.text().matchAll(/^data: (.*)\r$/gm)) expect(JSON.parse(line[1] ?? '')).toHaveProperty('timestamp');
  const before = all.text();
  all.close();
  cluster.settle();
  cluster.marathon.scale('/sleep', 2);
  cluster.settle();
  expect(all.text()).toBe(before);
  expect(namesOf(some.text()).filter((name) => name === 'deployment_success')).toHaveLength(2);
});

test('who does not accept a stream gets none; the leader is told', () => {
  const cluster = DcosCluster.create({ seed: 7, agents: 1, publicAgents: 0 });
  expect(listen(cluster, '/v2/events', '*/*').text()).toMatch(/^HTTP\/1.1 405 /);
  const reply = cluster.agents()[0]?.node.http('http://marathon.mesos:8080/v2/leader');
  expect(reply?.body).toMatch(/^{"leader":"172\.16\.\d+\.\d+:8080"}$/);
  expect(cluster.agents()[0]?.node.http('http://marathon.mesos:8080/ping').body).toBe('pong');
});

test('the status of a pod, its versions, and the end of one of its instances', () => {
  const images = { web: { ...HTTPI, start: () => ({ ports: [8080] }) } };
  const cluster = DcosCluster.create({ seed: 7, agents: 2, publicAgents: 0, images });
  const ask = (path: string, method = 'GET', body = '') => {
    const reply = cluster.agents()[0]?.node.http(`http://marathon.mesos:8080/v2/pods${path}`, { method, body });
    return { status: reply?.status, body: reply?.body ? JSON.parse(reply.body) : undefined };
  };
  const pod = {
    id: '/shop/pod',
    networks: [{ mode: 'container', name: 'dcos' }],
    scaling: { kind: 'fixed', instances: 2 },
    containers: [
      {
        name: 'web',
        resources: { cpus: 0.25, mem: 64 },
        image: { kind: 'DOCKER', id: 'web' },
        endpoints: [
          { name: 'http', containerPort: 8080, hostPort: 0 },
          { name: 'admin', containerPort: 9090 },
        ],
        healthCheck: { http: { endpoint: 'http', path: '/' }, gracePeriodSeconds: 1, intervalSeconds: 5 },
      },
      { name: 'side', resources: { cpus: 0.1, mem: 32 }, exec: { command: { shell: 'sleep 1000' } } },
    ],
  };
  expect(ask('', 'POST', JSON.stringify(pod)).status).toBe(201);
  cluster.settle();
  const { body: status } = ask('/shop/pod::status');
  const task = cluster.marathon.tasks('/shop/pod').find(({ info }) => info.name === 'web');
  expect(status).toMatchObject({ id: '/shop/pod', status: 'STABLE', spec: { id: '/shop/pod' }, terminationHistory: [] });
  const instance = status.instances.find(({ id }: { id: string }) => id === task?.instanceId);
  expect(instance).toMatchObject({
    status: 'STABLE',
    agentHostname: task?.host,
    agentId: task?.slaveId,
    specReference: `/v2/pods/shop/pod::versions/${task?.version}`,
    networks: [{ name: 'dcos', addresses: [expect.stringMatching(/^9\./)] }],
  });
  expect(instance.resources.cpus).toBeCloseTo(0.45);
  expect(instance.resources).toMatchObject({ mem: 128, disk: 10, gpus: 0 });
  const [web, side] = instance.containers;
  expect(web).toMatchObject({
    name: 'web',
    status: 'TASK_RUNNING',
    containerId: task?.id,
    resources: { cpus: 0.25, mem: 64, disk: 0, gpus: 0 },
    endpoints: [{ name: 'admin' }, { name: 'http', allocatedHostPort: task?.ports[0], healthy: true }],
    conditions: [{ name: 'healthy', value: 'true', reason: 'health-reported-by-mesos' }],
  });
  expect(side).toMatchObject({ name: 'side', endpoints: [], conditions: [] });
  expect(ask('/::status').body).toHaveLength(1);

  expect(ask('/shop/pod', 'PUT', JSON.stringify({ ...pod, scaling: { kind: 'fixed', instances: 1 } })).status).toBe(200);
  cluster.settle();
  const { body: versions } = ask('/shop/pod::versions');
  expect(versions).toHaveLength(2);
  expect(ask(`/shop/pod::versions/${versions[1]}`).body.scaling).toEqual({ kind: 'fixed', instances: 2 });
  expect(ask('/shop/pod::versions/1999-01-01T00:00:00.000Z')).toEqual({
    status: 404,
    body: { message: "Pod '/shop/pod' does not exist" },
  });

  const [left] = cluster.marathon.tasks('/shop/pod');
  const killed = ask(`/shop/pod::instances/${left?.instanceId}?wipe=true`, 'DELETE');
  expect(killed.body).toMatchObject({ instanceId: left?.instanceId, state: { condition: 'Running', goal: 'Running' } });
  cluster.settle();
  expect(cluster.marathon.tasks('/shop/pod')).toHaveLength(2);
  expect(cluster.marathon.tasks('/shop/pod')[0]?.instanceId).not.toBe(left?.instanceId);
  expect(ask('/shop/pod::instances/shop_pod.instance-gone', 'DELETE').status).toBe(404);
  expect(ask('/shop/pod::instances', 'DELETE', '["nonsense"]').status).toBe(422);
  expect(ask('/shop/pod::instances', 'DELETE', '[]').body).toEqual([]);

  for (const path of ['/none::status', '/none::versions', '/none::instances/a.instance-b']) {
    const method = path.includes('instances') ? 'DELETE' : 'GET';
    expect(ask(path, method)).toEqual({ status: 404, body: { message: "Pod '/none' does not exist" } });
  }
  expect(ask('/none')).toEqual({ status: 404, body: { message: 'pod with /none does not exist' } });
  expect(ask('/none', 'DELETE').body).toEqual({ message: "Pod '/none' does not exist" });
  expect(ask('/other', 'PUT', JSON.stringify(pod))).toEqual({
    status: 400,
    body: { message: "'/other' does not match definition's id ('/shop/pod')" },
  });
  expect(ask('/none', 'PUT', JSON.stringify({ ...pod, id: '/none' })).status).toBe(200);
  expect(ask('', 'HEAD')).toEqual({ status: 200, body: undefined });
});
