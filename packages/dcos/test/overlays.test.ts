import { contains, formatIpv4, parseCidr, Refusal } from '@portolan/core';
import { expect, test } from 'vitest';
import { DcosCluster, type DcosOptions } from '../src/index.ts';

function app(name: string, instances = 3) {
  return {
    id: `/${name}`,
    instances,
    cpus: 0.1,
    mem: 32,
    networks: [{ mode: 'container', name }],
    container: {
      type: 'DOCKER',
      docker: { image: 'dcoslabs/httpi' },
      portMappings: [{ containerPort: 3141, name: 'http', labels: { VIP_0: `/${name}:80` } }],
    },
  };
}

test('two overlays: containers have addresses of their own network and reach each other across agents and overlays', () => {
  const cluster = DcosCluster.create({ seed: 3, agents: 3, networks: [{ name: 'blue', subnet: '10.128.0.0/16', prefix: 24 }] });
  for (const name of ['dcos', 'blue']) cluster.marathon.add(app(name));
  expect(cluster.settle()).toBe(true);
  for (const [name, network] of [
    ['dcos', '9.0.0.0/8'],
    ['blue', '10.128.0.0/16'],
  ] as const) {
    const tasks = cluster.marathon.tasks(`/${name}`);
    expect(tasks).toHaveLength(3);
    for (const { ipAddresses } of tasks) {
      const address = ipAddresses[0] ?? 0;
      expect(contains(parseCidr(network), address)).toBe(true);
      expect(cluster.master().http(`http://${formatIpv4(address)}:3141`).body).toBe('3.1415926536');
      const [agent] = cluster.agents().slice(-1);
      const [container] = agent?.node.machine.config.docker.containers ?? [];
      if (container !== undefined)
        expect(agent?.node.container(container.id).http(`http://${formatIpv4(address)}:3141`).status).toBe(200);
    }
    expect(cluster.master().http(`http://${name}.marathon.l4lb.thisdcos.directory`).status).toBe(200);
  }
  const [agent] = cluster.agents();
  expect(
    agent?.node
      .shell('ip rule')
      .stdout.split('\n')
      .map((line) => line.replace(/\s+/g, ' ').trim())
      .filter(Boolean),
  ).toEqual([
    '0: from all lookup local',
    '32764: from 10.128.0.0/16 lookup 42',
    '32765: from 9.0.0.0/8 lookup 42',
    '32766: from all lookup main',
    '32767: from all lookup default',
  ]);
  // One tunnel end, one neighbour and one entry in table 42 for each of the other four nodes, whatever the number of overlays.
  const routes = agent?.node.shell('ip route show table 42').stdout.trim().split('\n');
  expect(routes).toHaveLength(4);
  expect(agent?.node.shell('ip link').stdout.match(/vtep1024:/g)).toHaveLength(1);
});

test('without a tunnel address left an agent stays without overlay; host and bridge mode go on', () => {
  const cluster = DcosCluster.create({ seed: 1, agents: 8, publicAgents: 0, vtepNetwork: parseCidr('44.128.0.0/29') });
  expect(cluster.agents()).toHaveLength(8);
  const bare = cluster.agents().filter(({ node }) => !node.machine.config.host.links.some(({ name }) => name === 'vtep1024'));
  // Six addresses, of which the master has one.
  expect(bare).toHaveLength(3);
  const dropped = (address: string) =>
    `Unable to get VTEP IP for Agent: Unable to allocate a VTEP IP due to exhaustionCannot fulfill registration for Agent: overlay-agent@${address}:5051`;
  expect(new Set(cluster.overlayFailures)).toEqual(new Set(['172.16.0.17', '172.16.0.18', '172.16.0.19'].map(dropped)));
  expect(bare[0]?.node.shell('ip route').stdout).not.toContain('vtep1024');
  cluster.marathon.add({
    ...app('web', 8),
    networks: [{ mode: 'container/bridge' }],
    constraints: [['hostname', 'UNIQUE']],
    container: { type: 'DOCKER', docker: { image: 'dcoslabs/httpi' }, portMappings: [{ containerPort: 0, name: 'http' }] },
  });
  expect(cluster.settle()).toBe(true);
  for (const { host, ports } of cluster.marathon.tasks('/web'))
    expect(cluster.master().http(`http://${host}:${ports[0]}`).status).toBe(200);
  expect(() => cluster.addAgent(parse('172.16.9.9'))).not.toThrow();
  // Each was told once by this master, and is told again by the next.
  cluster.advance('1h');
  expect(cluster.overlayFailures).toHaveLength(4);
  cluster.restartMaster();
  expect(cluster.settle()).toBe(true);
  expect(cluster.overlayFailures).toHaveLength(8);
});

test.each<[string, DcosOptions['networks']]>([
  ['host is a reserved network name', [{ name: 'host', subnet: '10.128.0.0/16', prefix: 24 }]],
  ['overlapping', [{ name: 'blue', subnet: '9.1.0.0/16', prefix: 24 }]],
  [
    'blue',
    [
      { name: 'blue', subnet: '10.128.0.0/16', prefix: 24 },
      { name: 'blue', subnet: '10.129.0.0/16', prefix: 24 },
    ],
  ],
  ['not a name', [{ name: '__proto__', subnet: '10.128.0.0/16', prefix: 24 }]],
  ['not a subnet', [{ name: 'blue', subnet: '10.128.0.0', prefix: 24 }]],
  ['a prefix', [{ name: 'blue', subnet: '10.128.0.0/16', prefix: Number.NaN }]],
])('networks are refused: %s', (words, networks) => {
  const create = () => DcosCluster.create(networks === undefined ? {} : { networks });
  expect(create).toThrow(Refusal);
  expect(create).toThrow(words);
});

function parse(text: string): number {
  return text.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0);
}
