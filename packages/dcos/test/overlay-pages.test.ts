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
