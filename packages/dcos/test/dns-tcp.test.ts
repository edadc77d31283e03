import { expect, test } from 'vitest';
import { DcosCluster } from '../src/index.ts';

/** A cluster with so many tasks of one app that Mesos-DNS' answer over UDP takes nine of them. */
function clusterOf(instances: number): DcosCluster {
  const cluster = DcosCluster.create({ agents: 3, publicAgents: 0 });
  cluster.marathon.add({
    id: '/httpi',
    instances,
    cpus: 0.1,
    mem: 32,
    networks: [{ mode: 'host' }],
    portDefinitions: [{ port: 0, name: 'http' }],
    container: { type: 'DOCKER', docker: { image: 'dcoslabs/httpi' } },
  });
  cluster.settle();
  cluster.advance('1min');
  return cluster;
}

const TCP = 6;
const SRV = '_httpi._tcp.marathon.mesos SRV';

test('dig asks again by TCP what was cut short, and says so but with +short', () => {
  const node = clusterOf(12).master();
  const { stdout } = node.shell(`dig ${SRV}`);
  const lines = stdout.split('\n');
  expect(lines[0]).toBe(';; Truncated, retrying in TCP mode.');
  // All twelve, with an address of each among the additional records.
  expect(lines[2]).toBe(';; flags: qr aa rd ra; QUERY: 1, ANSWER: 12, AUTHORITY: 0, ADDITIONAL: 12');
  expect(
    node
      .shell(`dig +short ${SRV}`)
      .stdout.split('\n')
      .filter((line) => line !== ''),
  ).toHaveLength(12);
  expect(node.query({ name: '_httpi._tcp.marathon.mesos', type: 'SRV', id: 7 })?.answers).toHaveLength(9);
});

test('dig +tcp asks dcos-dns by TCP, which asks Mesos-DNS by TCP; messages come after two bytes of length', () => {
  const cluster = clusterOf(3);
  const agent = cluster.agent('S0');
  const { result, trace } = cluster.core.traced(() => agent.shell(`dig +tcp ${SRV}`));
  expect(result.stdout).not.toContain('Truncated');
  expect(result.stdout).toContain('ANSWER: 3');
  const segments = trace.hops.map(({ packet }) => packet);
  expect(new Set(segments.map(({ protocol }) => protocol))).toEqual(new Set([TCP]));
  // Header 12, the name's 27 characters and two bytes more, type and class 4, length 2; IPv4 20, TCP with timestamps 32.
  const question = 20 + 32 + 2 + 12 + ('_httpi._tcp.marathon.mesos'.length + 2) + 4;
  expect(segments.filter(({ destinationPort, length }) => destinationPort === 61053 && length === question)).not.toEqual([]);
  expect(segments.some(({ destinationPort }) => destinationPort === 53)).toBe(true);
});

test('a name server that is not there is skipped by TCP as by UDP', () => {
  const cluster = clusterOf(1);
  const agent = cluster.agent('S0');
  agent.shell('sudo iptables -I INPUT -d 198.51.100.1 -p tcp --dport 53 -j REJECT --reject-with tcp-reset');
  agent.shell('sudo iptables -I INPUT -d 198.51.100.2 -p tcp --dport 53 -j DROP');
  const before = cluster.clock.now;
  expect(agent.shell(`dig +tcp +short ${SRV}`).stdout.split('\n')).toHaveLength(2);
  expect(cluster.clock.now - before).toBe(1000);
});

test('a look-up of a name with more addresses than UDP takes gets all of them', () => {
  const cluster = DcosCluster.create({ agents: 40, publicAgents: 0 });
  cluster.marathon.add({
    id: '/many',
    instances: 40,
    cpus: 0.1,
    mem: 32,
    networks: [{ mode: 'host' }],
    constraints: [['hostname', 'UNIQUE']],
    cmd: 'sleep 1000',
  });
  cluster.settle();
  cluster.advance('1min');
  const node = cluster.master();
  expect(node.query({ name: 'many.marathon.mesos', type: 'A', id: 1 })?.answers).toHaveLength(29);
  expect(node.resolve('many.marathon.mesos')?.answers).toHaveLength(40);
});
