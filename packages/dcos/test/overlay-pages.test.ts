import { expect, test } from 'vitest';
import { DcosCluster } from '../src/index.ts';

/** The second agent's part of `dcos`, by hand from the installer's defaults: a master and a node were there before it. */
const DCOS = {
  backend: {
    vxlan: {
      vni: 1024,
      vtep_ip: '44.128.0.3/20',
      vtep_ip6: 'fd01:a::3/64',
      vtep_mac: '70:b3:d5:80:00:03',
      vtep_name: 'vtep1024',
    },
  },
  docker_bridge: { ip: '9.0.2.128/25', name: 'd-dcos' },
  info: { name: 'dcos', prefix: 24, subnet: '9.0.0.0/8' },
  mesos_bridge: { ip: '9.0.2.0/25', name: 'm-dcos' },
  state: { status: 'STATUS_OK' },
  subnet: '9.0.2.0/24',
};
const DCOS6 = {
  backend: DCOS.backend,
  docker_bridge: { ip6: 'fd01:b::2:8000:0:0/81', name: 'd-dcos6' },
  info: { name: 'dcos6', prefix6: 80, subnet6: 'fd01:b::/64' },
  mesos_bridge: { ip6: 'fd01:b:0:0:2::/81', name: 'm-dcos6' },
  state: { status: 'STATUS_OK' },
  subnet6: 'fd01:b:0:0:2::/80',
};

test('an agent shows its part of the overlays; so does the leading master, a master of its own part without bridges', () => {
  const cluster = DcosCluster.create({ agents: 2, publicAgents: 0 });
  const agent = cluster.agent('S1');
  const own = JSON.parse(agent.shell('curl -s localhost:5051/overlay-agent/overlay').stdout);
  expect(own).toEqual({ configuration_attempts: 1, ip: '172.16.0.13', overlays: [DCOS, DCOS6] });
  const all = JSON.parse(agent.shell('curl -s leader.mesos:5050/overlay-master/state').stdout);
  expect(all.network).toEqual({
    overlays: [DCOS.info, DCOS6.info],
    vtep_mac_oui: '70:b3:d5:00:00:00',
    vtep_subnet: '44.128.0.0/20',
    vtep_subnet6: 'fd01:a::/64',
  });
  expect(all.agents.map(({ ip }: { ip: string }) => ip)).toEqual(['172.16.0.11', '172.16.0.12', '172.16.0.13']);
  expect(all.agents[2].overlays).toEqual([DCOS, DCOS6]);
  expect(Object.keys(all.agents[0].overlays[0])).toEqual(['backend', 'info', 'state', 'subnet']);
});

test('a master that has just come to lead knows no agents, and no status before a node reports it', () => {
  const cluster = DcosCluster.create({ masters: 2, agents: 1, publicAgents: 0 });
  cluster.restartMaster();
  cluster.advance('10s');
  const state = () => JSON.parse(cluster.leader.shell(`curl -s localhost:5050/overlay-master/state`).stdout);
  expect(state().agents).toBeUndefined();
  cluster.advance('30s');
  expect(state().agents).toHaveLength(3);
  for (const { overlays } of state().agents) for (const { state } of overlays) expect(state).toEqual({ status: 'STATUS_OK' });
});

const DELETE = 'http://leader.mesos:5050/overlay-master/agents/delete';
const ipsOf = (text: string): readonly string[] => JSON.parse(text).agents.map(({ ip }: { ip: string }) => ip);

test("2.1 forgets agents that an operator names: what they had is the next one's", () => {
  const cluster = DcosCluster.create({ version: '2.1', agents: 3, publicAgents: 0 });
  const { address } = cluster.agent('S0');
  cluster.loseAgent('S0');
  const state = () => cluster.leader.shell('curl -s localhost:5050/overlay-master/state').stdout;
  const reply = cluster.master().http(DELETE, { method: 'POST', body: '{"agents": ["172.16.0.12", "172.16.0.99"]}' });
  expect(reply.status).toBe(200);
  expect(ipsOf(reply.body)).toEqual(['172.16.0.11', '172.16.0.13', '172.16.0.14']);
  expect(JSON.parse(reply.body)).toEqual(JSON.parse(state()));
  cluster.addAgent(address + 5);
  cluster.settle();
  const page = cluster.agents().at(-1)?.node.shell('curl -s localhost:5051/overlay-agent/overlay').stdout ?? '';
  const [own] = JSON.parse(page).overlays;
  expect([own.subnet, own.backend.vxlan.vtep_ip, own.backend.vxlan.vtep_ip6]).toEqual([
    '9.0.1.0/24',
    '44.128.0.2/20',
    'fd01:a::2/64',
  ]);
  cluster.restartMaster();
  cluster.settle();
  expect(ipsOf(state())).toEqual(['172.16.0.11', '172.16.0.13', '172.16.0.14', '172.16.0.17']);
});

test.each([
  ['GET', '', 405],
  ['POST', '', 400],
  ['POST', '[]', 400],
  ['POST', '{"agents": "172.16.0.12"}', 400],
  ['POST', '{"agents": [12]}', 400],
  ['POST', '{"agents": ["fd01::1"]}', 400],
  ['POST', '{"__proto__": {"agents": []}}', 400],
  ['POST', '{"agents": []}', 200],
])('%s %s is answered %i, and deletes nothing', (method, body, status) => {
  const cluster = DcosCluster.create({ version: '2.1', agents: 1, publicAgents: 0 });
  expect(cluster.master().http(DELETE, { method, body }).status).toBe(status);
  expect(ipsOf(cluster.master().shell('curl -s leader.mesos:5050/overlay-master/state').stdout)).toHaveLength(2);
});

test('1.13 has no such page', () => {
  const cluster = DcosCluster.create({ agents: 1, publicAgents: 0 });
  expect(cluster.master().http(DELETE, { method: 'POST', body: '{"agents": []}' }).status).toBe(404);
});

test('a node for which nothing was left gets what another one gave back', () => {
  const vtepNetwork = { address: 0x2c800000, prefix: 29 };
  const cluster = DcosCluster.create({ version: '2.1', agents: 6, publicAgents: 0, vtepNetwork });
  expect(cluster.overlayFailures).toHaveLength(1);
  const last = () => cluster.agents().at(-1)?.node.http('http://localhost:5051/overlay-agent/overlay').status;
  expect(last()).toBe(503);
  cluster.loseAgent('S0');
  cluster.master().http(DELETE, { method: 'POST', body: '{"agents": ["172.16.0.12"]}' });
  cluster.settle();
  expect(last()).toBe(200);
});
