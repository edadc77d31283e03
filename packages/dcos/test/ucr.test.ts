/** Apps in containers of Mesos' own, beside Docker: where they are reached, what dcos-net and the name servers make of them. */
import { formatIpv4 } from '@portolan/core';
import { expect, test } from 'vitest';
import { DcosCluster } from '../src/index.ts';

const MODES = ['host', 'container/bridge', 'container'] as const;

function app(id: string, mode: (typeof MODES)[number], type: 'DOCKER' | 'MESOS', protocol = 'tcp'): Record<string, unknown> {
  const labels = { VIP_0: `${id}:3141` };
  const mapping = { containerPort: 3141, hostPort: 0, name: 'http', protocol, labels };
  return {
    id,
    cpus: 0.1,
    mem: 32,
    networks: [mode === 'container' ? { mode, name: 'dcos' } : { mode }],
    ...(mode === 'host' ? { portDefinitions: [{ port: 0, name: 'http', labels }] } : { env: { PORT_HTTP: '3141' } }),
    container: {
      type,
      docker: { image: 'dcoslabs/httpi' },
      ...(mode === 'host' ? {} : { portMappings: [mapping] }),
    },
  };
}

test.each(MODES)('in mode %s an app answers at its host port and at its VIP, from its own agent and from others', (mode) => {
  const cluster = DcosCluster.create({ seed: 7, agents: 2 });
  cluster.marathon.add(app('/web', mode, 'MESOS'));
  expect(cluster.settle()).toBe(true);
  const [task] = cluster.marathon.tasks('/web');
  expect(task?.state).toBe('TASK_RUNNING');
  for (const node of cluster.nodes()) {
    expect(node.http('http://web.marathon.l4lb.thisdcos.directory:3141').status).toBe(200);
    expect(node.http(`http://${task?.host}:${task?.ports[0]}`).status).toBe(200);
    expect(node.shell('docker ps -q').stdout).toBe('');
  }
});

test('dcos-net of the own agent leads a VIP past the host port into the container, of others to the host port', () => {
  const cluster = DcosCluster.create({ seed: 7, agents: 2, publicAgents: 0 });
  cluster.marathon.add(app('/web', 'container/bridge', 'MESOS'));
  cluster.settle();
  const [task] = cluster.marathon.tasks('/web');
  const servers = cluster.agents().map(({ id, node }) => ({
    own: id === task?.slaveId,
    server: /-> (\S+)/.exec(node.shell('ipvsadm -Ln').stdout.split('\n').slice(3).join('\n'))?.[1],
  }));
  expect(servers).toEqual(
    expect.arrayContaining([
      { own: true, server: '172.31.254.2:3141' },
      { own: false, server: `${task?.host}:${task?.ports[0]}` },
    ]),
  );
});

test('only dcos-net takes a container to its own agent: neither docker-proxy nor a rule serves it at its own host port', () => {
  const cluster = DcosCluster.create({ seed: 7, agents: 1, publicAgents: 0 });
  cluster.marathon.add(app('/ucr', 'container/bridge', 'MESOS'));
  cluster.marathon.add(app('/docker', 'container/bridge', 'DOCKER'));
  cluster.settle();
  const [{ node } = { node: cluster.master() }] = cluster.agents();
  for (const [name, atHostPort] of [
    ['ucr', 'ECONNREFUSED'],
    ['docker', undefined],
  ] as const) {
    const [task] = cluster.marathon.tasks(`/${name}`);
    const inside = name === 'ucr' ? (task?.id ?? '') : (node.machine.config.docker.containers[0]?.id ?? '');
    const container = node.container(inside);
    expect(container.http(`http://${name}.marathon.l4lb.thisdcos.directory:3141`).status).toBe(200);
    expect(container.http(`http://${task?.host}:${task?.ports[0]}`).failure).toBe(atHostPort);
    expect(node.http(`http://127.0.0.1:${task?.ports[0]}`).failure).toBe(atHostPort);
  }
});

test('S11: without docker-proxy a VIP does not reach a Docker container on its own agent, but does one of Mesos', () => {
  const cluster = DcosCluster.create({ seed: 7, agents: 1, publicAgents: 0, userlandProxy: false });
  cluster.marathon.add(app('/ucr', 'container/bridge', 'MESOS'));
  cluster.marathon.add(app('/docker', 'container/bridge', 'DOCKER'));
  cluster.settle();
  const [{ node } = { node: cluster.master() }] = cluster.agents();
  const ask = (name: string) => node.http(`http://${name}.marathon.l4lb.thisdcos.directory:3141`).status;
  expect([ask('ucr'), ask('docker')]).toEqual([200, 0]);
});

test('Mesos-DNS and dcos-dns know the container address on the overlay, the lower half of the agent subnet', () => {
  const cluster = DcosCluster.create({ seed: 7, agents: 1, publicAgents: 0 });
  cluster.marathon.add(app('/web', 'container', 'MESOS'));
  cluster.settle();
  cluster.advance('31s');
  const [task] = cluster.marathon.tasks('/web');
  expect(formatIpv4(task?.ipAddresses[0] ?? 0)).toBe('9.0.1.2');
  const short = (name: string) => cluster.master().shell(`dig +short ${name}`).stdout.trim();
  expect(short('web.marathon.containerip.dcos.thisdcos.directory')).toBe('9.0.1.2');
  expect(cluster.master().http('http://9.0.1.2:3141').status).toBe(200);
});

test('udp,tcp is no protocol to iptables: the task fails at its launch, again and again, and leaves nothing', () => {
  const cluster = DcosCluster.create({ seed: 7, agents: 1, publicAgents: 0 });
  const messages: (string | undefined)[] = [];
  cluster.events.on('status', ({ state, message }) => state === 'TASK_FAILED' && messages.push(message));
  cluster.marathon.add(app('/both', 'container', 'MESOS', 'udp,tcp'));
  cluster.advance('20s');
  expect(messages.length).toBeGreaterThan(1);
  expect(messages[0]).toMatch(
    /^Failed to launch container: The CNI plugin '\S+mesos-cni-port-mapper' failed to attach container/,
  );
  const { node } = cluster.agents()[0] ?? { node: cluster.master() };
  expect(node.machine.config.ucr.containers).toEqual([]);
  expect(node.machine.config.host.links.filter(({ kind }) => kind.type === 'veth')).toEqual([]);
});

test('an image nobody has, a network nobody configured, a command without image', () => {
  const cluster = DcosCluster.create({ seed: 7, images: { python3: () => 'listing' } });
  const messages = new Map<string, string | undefined>();
  cluster.events.on('status', ({ state, message }, { info }) => state === 'TASK_FAILED' && messages.set(info.appId, message));
  cluster.marathon.add({ ...app('/image', 'host', 'MESOS'), container: { type: 'MESOS', docker: { image: 'nobody/knows' } } });
  cluster.marathon.add({ ...app('/network', 'container', 'MESOS'), networks: [{ mode: 'container', name: 'nowhere' }] });
  cluster.marathon.add({
    id: '/command',
    cpus: 0.1,
    mem: 32,
    cmd: 'python3 -m http.server $PORT0',
    portDefinitions: [{ port: 0 }],
  });
  cluster.marathon.add({ id: '/sleep', cpus: 0.1, mem: 32, cmd: 'sleep 1000' });
  cluster.advance('40s');
  expect(messages.get('/image')).toContain("'401 Unauthorized'");
  expect(messages.get('/network')).toBe("Failed to launch container: Unknown CNI network 'nowhere'");
  const [command] = cluster.marathon.tasks('/command');
  expect(cluster.master().http(`http://${command?.host}:${command?.ports[0]}`).body).toBe('listing');
  expect(cluster.marathon.tasks('/sleep').map(({ state }) => state)).toEqual(['TASK_RUNNING']);
});
