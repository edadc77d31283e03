/** Each invariant can fail: a sound cluster is spoiled in one place, and that place is named. */
import { type Machine, parseIpv4 } from '@portolan/core';
import { DcosCluster } from '@portolan/dcos';
import { expect, test } from 'vitest';
import { furniture, leftovers, remains, violations } from '../src/index.ts';

const APP = {
  id: '/web',
  instances: 2,
  cpus: 0.1,
  mem: 32,
  networks: [{ mode: 'container/bridge' }],
  container: {
    type: 'DOCKER',
    docker: { image: 'dcoslabs/httpi' },
    portMappings: [{ containerPort: 0, name: 'http', labels: { VIP_0: '/web:80' } }],
  },
};

/** A cluster with two web servers on one agent, all of them asked once so that bridges have learned their addresses. */
function sound(): { readonly cluster: DcosCluster; readonly machine: Machine } {
  const cluster = DcosCluster.create({ seed: 1, agents: 1, publicAgents: 0 });
  cluster.marathon.add(APP);
  cluster.settle();
  for (const { host, ports } of cluster.marathon.tasks()) cluster.master().http(`http://${host}:${ports[0]}`);
  const [agent] = cluster.agents();
  if (agent === undefined) throw new Error('no agent');
  return { cluster, machine: agent.node.machine };
}

test('a sound cluster violates nothing', () => {
  const { cluster } = sound();
  expect(violations(cluster)).toEqual([]);
});

test('two tasks with one port, and a port the agent does not offer', () => {
  const { cluster } = sound();
  const [agent] = cluster.mesos.agents();
  const [first, second] = cluster.mesos.tasksOn(agent?.id ?? '');
  Object.assign(second?.info ?? {}, { ports: first?.info.ports });
  expect(violations(cluster)).toEqual([expect.stringMatching(/^port \d+ of \S+-S0 belongs to web\.\S+ and web\.\S+$/)]);
  Object.assign(second?.info ?? {}, { ports: [2181] });
  expect(violations(cluster)).toEqual([expect.stringMatching(/^port 2181 of web\.\S+ is not among those of \S+-S0$/)]);
});

test('two containers with one address and one MAC address', () => {
  const { cluster, machine } = sound();
  machine.configure((draft) => {
    const [first, second] = draft.docker.containers;
    if (first?.endpoint !== undefined && second?.endpoint !== undefined) {
      second.endpoint.address = first.endpoint.address;
      second.endpoint.mac = first.endpoint.mac;
    }
  });
  expect(violations(cluster)).toEqual(
    expect.arrayContaining([
      expect.stringContaining('both have 172.17.0.2'),
      expect.stringContaining('both have 02:42:ac:11:00:02'),
    ]),
  );
});

test('subnets: outside the overlay, the same twice, a network that is no half of its own', () => {
  const { cluster, machine } = sound();
  const [first, second] = cluster.overlay.records();
  if (first === undefined || second === undefined) throw new Error('no records');
  cluster.overlay.put({ ...second, subnet: first.subnet });
  expect(violations(cluster)).toEqual([
    'two nodes have the same subnet',
    expect.stringMatching(/network dcos has \S+128\/25, which is no half of its own subnet$/),
    expect.stringMatching(/network dcos has \S+0\/25, which is no half of its own subnet$/),
  ]);
  cluster.overlay.put({ ...second, subnet: { address: parseIpv4('10.0.0.0'), prefix: 24 } });
  expect(violations(cluster)).toContain('10.0.0.0/24 is outside the overlay');
  cluster.overlay.put(second);
  expect(violations(cluster)).toEqual([]);
  machine.configure((draft) => {
    for (const network of draft.docker.networks) if (network.name === 'dcos') network.subnet.address += 256;
  });
  expect(violations(cluster)).toEqual([expect.stringContaining('network dcos has 9.0.2.128/25')]);
});

test('what a container leaves behind that ends without its daemon noticing', () => {
  const { cluster, machine } = sound();
  machine.configure((draft) => {
    const [first] = draft.docker.containers;
    if (first !== undefined) first.state = 'exited';
  });
  const found = leftovers(cluster);
  expect(found).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/: veth[0-9a-f]{7} is left over$/),
      expect.stringContaining('a rule of DOCKER still names 172.17.0.2'),
      expect.stringContaining('a rule of POSTROUTING still names 172.17.0.2'),
      expect.stringContaining('a bridge still knows 02:42:ac:11:00:02'),
    ]),
  );
  expect(found.every((text) => text.startsWith('ip-172-16-0-12: '))).toBe(true);
});

test('what a container of Mesos leaves behind that is forgotten without being detached', () => {
  const cluster = DcosCluster.create({ seed: 1, agents: 1, publicAgents: 0 });
  const before = furniture(cluster);
  cluster.marathon.add({ ...APP, instances: 1, container: { ...APP.container, type: 'MESOS' } });
  cluster.settle();
  expect(violations(cluster)).toEqual([]);
  const [task] = cluster.marathon.tasks();
  cluster.master().http(`http://${task?.host}:${task?.ports[0]}`);
  const [agent] = cluster.agents();
  agent?.node.machine.configure((draft) => {
    draft.ucr.containers = [];
  });
  expect(leftovers(cluster)).toEqual([
    expect.stringMatching(/: veth[0-9a-f]{8} is left over$/),
    expect.stringContaining('a rule of UCR-DEFAULT-BRIDGE still names 172.31.254.2'),
    expect.stringContaining('a bridge still knows'),
  ]);
  const left = remains(cluster, before);
  expect(left).toEqual(expect.arrayContaining([expect.stringMatching(/still has chain CNI-[0-9a-f]{24}$/)]));
  expect(left.filter((line) => /(link|route .*) ucr-br0|-j UCR-DEFAULT-BRIDGE/.test(line))).toEqual([]);
});

test('a docker-proxy without a container', () => {
  const { cluster, machine } = sound();
  machine.host.sockets.listen({ address: 0, port: 1234, program: 'docker-proxy' }, () => ({}));
  expect(leftovers(cluster)).toEqual(['ip-172-16-0-12: docker-proxy still listens on 1234']);
});

test('two VIPs, servers and records of tasks that are gone', () => {
  const { cluster } = sound();
  const [agent] = cluster.mesos.agents();
  const [task] = cluster.mesos.tasksOn(agent?.id ?? '');
  if (task === undefined) throw new Error('no task');
  Object.assign(task, { state: 'TASK_LOST' });
  const { taskId } = task.info;
  expect(violations(cluster)).toEqual([
    expect.stringMatching(new RegExp(`^VIP \\S+ still has ${taskId}$`)),
    `Mesos-DNS still has ${taskId}`,
  ]);
});

test('what a cluster has more than before, and less', () => {
  const cluster = DcosCluster.create({ seed: 1, agents: 1, publicAgents: 0 });
  const before = furniture(cluster);
  cluster.marathon.add(APP);
  cluster.settle();
  const kinds = remains(cluster, before).map((line) => / (?:still|no more)(?: has)? (\S+)/.exec(line)?.[1]);
  // Two containers: each with a veth pair, three rules and a docker-proxy.
  for (const [kind, count] of [
    ['link', 2],
    ['-t', 6],
    ['listener', 2],
    ['container', 2],
  ] as const)
    expect([kind, kinds.filter((k) => k === kind).length]).toEqual([kind, count]);
  expect(remains(cluster, before)).toContainEqual(expect.stringMatching(/^VIP .*:80 is left$/));
  cluster.marathon.remove('/web');
  cluster.settle();
  expect(remains(cluster, before)).toEqual([]);
  cluster.agent('S0').machine.configure((draft) => {
    draft.host.routes.pop();
  });
  expect(remains(cluster, before)).toEqual([expect.stringMatching(/^ip-172-16-0-12 has no more route /)]);
});
