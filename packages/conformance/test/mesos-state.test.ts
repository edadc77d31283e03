/**
 * Mesos' state as the simulated master and agents answer it, read by the parsers that read the recorded states of real ones: Mesos-DNS
 * and dcos-net make the same of it as the cluster's own have made.
 */

import { readFileSync } from 'node:fs';
import { parseIpv4, Random } from '@portolan/core';
import { DcosCluster, MesosDns, seenTask, taskBackends } from '@portolan/dcos';
import { expect, test } from 'vitest';
import { taskOf } from '../src/replay/dcos-net-tasks.ts';
import { mesosStateOf } from '../src/replay/mesos-state-json.ts';
import { listOf, recordOf } from '../src/replay/result.ts';

const docker = { type: 'DOCKER', docker: { image: 'dcoslabs/httpi' } };
const check = { protocol: 'MESOS_HTTP', path: '/', portIndex: 0, gracePeriodSeconds: 5, intervalSeconds: 5, delaySeconds: 1 };
const labels = (port: number) => ({ VIP_0: `/web:${port}` });

/** Three modes, labels, a check, two frameworks, an agent that was lost. */
function busy(): DcosCluster {
  const cluster = DcosCluster.create({ seed: 3, agents: 3 });
  const common = { cpus: 0.1, mem: 32, instances: 2 };
  cluster.marathon.add({
    ...common,
    id: '/shop/bridge',
    labels: { team: 'blue' },
    networks: [{ mode: 'container/bridge' }],
    container: { ...docker, portMappings: [{ containerPort: 0, name: 'http', protocol: 'udp,tcp', labels: labels(80) }] },
  });
  cluster.marathon.add({
    ...common,
    id: '/host',
    networks: [{ mode: 'host' }],
    portDefinitions: [{ port: 0, name: 'http', labels: labels(81) }, { port: 0 }],
    container: docker,
    healthChecks: [check],
  });
  cluster.marathon.add({
    ...common,
    id: '/overlay',
    networks: [{ mode: 'container', name: 'dcos' }],
    container: { ...docker, portMappings: [{ containerPort: 3141, name: 'http', labels: labels(82) }] },
  });
  const driver = cluster.mesos.subscribe(
    { name: 'batch', roles: ['batch', 'night'] },
    {
      resourceOffers: ([first, ...others], answer) => {
        if (first !== undefined) {
          const task = { taskId: 'job.1', cpus: 0.5, mem: 64, ports: [first.ports[0]?.begin ?? 0], container: undefined };
          answer.accept(first.id, [task], { refuseSeconds: 3600 });
        }
        for (const { id } of others) answer.decline(id, { refuseSeconds: 3600 });
      },
    },
  );
  cluster.settle();
  driver.suppress();
  cluster.loseAgent(cluster.marathon.tasks('/host')[0]?.slaveId ?? '');
  cluster.settle();
  return cluster;
}

function jsonOf(cluster: DcosCluster, line: string): unknown {
  return JSON.parse(cluster.master().shell(line).stdout);
}

test('Mesos-DNS makes of /state the records it has', () => {
  const cluster = busy();
  const text = `${cluster.master().name.slice(3).replaceAll('-', '.')}:5050`;
  const state = mesosStateOf(jsonOf(cluster, 'curl -s leader.mesos:5050/state'), [text]);
  const fresh = new MesosDns({ listeners: [cluster.master().address], random: new Random(1) });
  fresh.refresh({ ...state, frameworks: state.frameworks.map(({ name }) => ({ name, address: cluster.master().address })) }, 0);
  const names = (dns: MesosDns) =>
    dns
      .all()
      .map(({ cause: _cause, ...record }) => JSON.stringify(record))
      .sort();
  expect(names(fresh)).toEqual(names(cluster.mesosDns));
  expect(names(fresh).some((name) => name.includes('"bridge.shop.marathon.'))).toBe(true);
});

test('dcos-net makes of GET_STATE the backends it publishes, asked on the master or on the agents', () => {
  const cluster = busy();
  const ask = 'curl -s -X POST -d \'{"type":"GET_STATE"}\'';
  const published = cluster.l4lb.view();
  published.catchUp();
  const expected = published
    .vips()
    .flatMap(({ protocol, port, backends }) =>
      // What an agent published that has gone since stays in gossip, and in nobody's state.
      backends
        .filter(({ agent }) => cluster.nodes().some((node) => node.address === agent))
        .map(({ address, port: end }) => `${protocol} ${port} ${address}:${end}`),
    )
    .sort();
  expect(expected.length).toBe(8);
  const backendsOf = (tasks: readonly unknown[], frameworks: readonly unknown[]) => {
    const nameOf = new Map(
      frameworks.map((one) => {
        const info = recordOf(recordOf(one).framework_info);
        return [String(recordOf(info.id).value), String(info.name)] as const;
      }),
    );
    return tasks.flatMap((one) => {
      const row = recordOf(one);
      const host = cluster.mesos.agent(String(recordOf(row.agent_id).value)).hostname;
      const task = taskOf(row, parseIpv4(host), nameOf.get(String(recordOf(row.framework_id).value)) ?? '');
      return taskBackends(seenTask(task), { version: '1.13' }).map(
        ({ key, backend }) => `${key.protocol} ${key.port} ${backend.address}:${backend.port}`,
      );
    });
  };
  const state = recordOf(recordOf(jsonOf(cluster, `${ask} leader.mesos:5050/api/v1`)).get_state);
  const all = backendsOf(listOf(recordOf(state.get_tasks).tasks), listOf(recordOf(state.get_frameworks).frameworks));
  expect(all.sort()).toEqual(expected);
  const ofAgents = cluster.agents().flatMap(({ node }) => {
    const own = recordOf(recordOf(JSON.parse(node.shell(`${ask} localhost:5051/api/v1`).stdout)).get_state);
    return backendsOf(listOf(recordOf(own.get_tasks).launched_tasks), listOf(recordOf(own.get_frameworks).frameworks));
  });
  expect(ofAgents.sort()).toEqual(expected);
});

test("every field of the recorded tasks is there, and no more than Mesos' writers print", () => {
  const cluster = busy();
  const state = recordOf(jsonOf(cluster, 'curl -s leader.mesos:5050/state'));
  const recorded = recordOf(JSON.parse(readFileSync(new URL('../recorded/mesos-dns/post-state.json', import.meta.url), 'utf8')));
  const [real, ours] = [recorded, state].map((one) => recordOf(listOf(one.frameworks).map(recordOf)[0]));
  for (const [theirs, mine] of [
    [recorded, state],
    [real, ours],
    [recordOf(listOf(recorded.slaves)[0]), recordOf(listOf(state.slaves)[0])],
    [recordOf(listOf(real?.tasks)[0]), recordOf(listOf(ours?.tasks)[0])],
  ]) {
    for (const key of Object.keys(theirs ?? {})) expect(Object.keys(mine ?? {})).toContain(key);
  }
  // What writeTask of src/common/http.cpp writes, in its order.
  const known =
    'id name framework_id executor_id slave_id state resources role statuses user labels discovery container health_check';
  for (const framework of listOf(state.frameworks).map(recordOf)) {
    for (const task of listOf(framework.tasks).map(recordOf)) {
      const order = known.split(' ').filter((key) => task[key] !== undefined);
      expect(Object.keys(task)).toEqual(order);
    }
  }
  expect(listOf(state.frameworks).map((one) => recordOf(one).name)).toEqual(['marathon', 'batch']);
  expect(state).toMatchObject({ activated_slaves: 3, unreachable_slaves: 1 });
  const unreachable = listOf(state.frameworks).flatMap((one) => listOf(recordOf(one).unreachable_tasks));
  expect(unreachable.map((one) => recordOf(one).state)).toContain('TASK_UNREACHABLE');
});

test('other calls and paths are refused', () => {
  const cluster = DcosCluster.create({ seed: 1, agents: 1, publicAgents: 0 });
  const status = (method: string, path: string, body?: string) =>
    cluster.master().http(`http://leader.mesos:5050${path}`, { method, ...(body === undefined ? {} : { body }) }).status;
  expect(status('POST', '/api/v1', '{"type":"GET_HEALTH"}')).toBe(501);
  expect(status('POST', '/api/v1', '{')).toBe(400);
  expect(status('POST', '/api/v1', '{"__proto__":{"type":"GET_STATE"}}')).toBe(400);
  expect(status('GET', '/api/v1')).toBe(405);
  expect(status('GET', '/metrics/snapshot')).toBe(404);
  expect([status('GET', '/health'), status('GET', '/master/slaves')]).toEqual([200, 200]);
});

test("Marathon's API answers on the leader's port 8080", () => {
  const cluster = DcosCluster.create({ seed: 1, agents: 1, publicAgents: 0 });
  const app = '{"id":"/sleep","cmd":"sleep 1000","cpus":0.1,"mem":32}';
  const post = `curl -s -i -X POST -H 'Content-Type: application/json' -d '${app}' marathon.mesos:8080/v2/apps`;
  const shell = (line: string) => cluster.agent('S0').shell(line).stdout;
  cluster.settle();
  expect(shell(post)).toMatch(/^HTTP\/1.1 201 Created\n[\s\S]*Marathon-Deployment-Id: [0-9a-f-]{36}\n/);
  expect(shell(post)).toMatch(/^HTTP\/1.1 409 Conflict\n[\s\S]*An app with id \[\/sleep\] already exists/);
  expect(shell('curl -s marathon.mesos:8080/v2/apps//sleep')).toContain('"id":"/sleep"');
  expect(shell('curl -s -i -X TRACE marathon.mesos:8080/v2/apps')).toContain('405');
});
