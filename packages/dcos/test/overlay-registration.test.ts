/** How nodes come by their parts of the overlay: messages, retries, restarts of masters and agents. */
import { formatIpv4, parseIpv4 } from '@portolan/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DcosCluster, type DcosNode, type OverlayEvent } from '../src/index.ts';
import {
  acknowledged,
  configured,
  MODULE_AT_START,
  type ModuleState,
  masterDetected,
  nextBackoff,
  takeUpdate,
} from '../src/overlay/agent-module.ts';
import { untilPoll } from '../src/overlay/registration.ts';

const NEW = parseIpv4('172.16.0.77');

/** What happens to one node's registration, with the time at which it did. */
function watch(cluster: DcosCluster, node: number): string[] {
  const lines: string[] = [];
  cluster.events.on('overlay', (event: OverlayEvent) => {
    if (event.node === node) lines.push(`${cluster.clock.now} ${event.message}${event.dropped === undefined ? '' : ' dropped'}`);
  });
  return lines;
}

/** Everything a node has of the overlay. */
function partOf(node: DcosNode): string {
  return ['ip route', 'ip rule', 'ip addr show dev vtep1024', 'docker network inspect dcos', 'sudo ipset list overlay']
    .map((line) => node.shell(line).stdout)
    .join('\n');
}

test('a new agent: asked, told, configured, acknowledged; its tunnel comes with the next poll, and the others hear of it', () => {
  const cluster = DcosCluster.create({ seed: 5, agents: 2, publicAgents: 0, gossipDelays: [100] });
  cluster.settle();
  const start = cluster.clock.now;
  const lines = watch(cluster, NEW);
  const node = cluster.agent(cluster.addAgent(NEW));
  expect(node.shell('ip link').stdout).not.toContain('d-dcos');
  cluster.advance(600);
  expect(lines[0]).toBe(`${start} RegisterAgent`);
  // It may have asked more than once: the first waits are short.
  expect(lines.filter((line) => !line.includes('RegisterAgent') && !line.endsWith('dropped'))).toEqual([
    `${start + 10} UpdateAgentOverlays`,
    `${start + 510} AgentRegistered`,
    `${start + 510} AgentRegisteredAcknowledgement`,
  ]);
  expect(node.shell('ip link').stdout).toContain('d-dcos');
  expect(node.shell('ip link').stdout).not.toContain('vtep1024');
  const others = () => cluster.master().shell('ip route').stdout;
  cluster.advance(29_399);
  expect(node.shell('ip link').stdout).not.toContain('vtep1024');
  cluster.advance(1);
  expect(node.shell('ip link').stdout).toContain('vtep1024');
  expect(node.shell('ip route').stdout.match(/via 44\.128/g)).toHaveLength(3);
  expect(others()).not.toContain('9.0.3.0/24');
  cluster.advance(99);
  expect(others()).not.toContain('9.0.3.0/24');
  cluster.advance(1);
  expect(others()).toContain('9.0.3.0/24 via 44.128.0.4 dev vtep1024');
});

test('a master that is restarted knows what the log holds: all register again and have what they had, and the next is the next', () => {
  const cluster = DcosCluster.create({ seed: 5, agents: 3, publicAgents: 1 });
  cluster.settle();
  const before = cluster.nodes().map(partOf);
  const lines = watch(cluster, cluster.agent('S1').address);
  const start = cluster.clock.now;
  cluster.restartMaster();
  expect(cluster.settle()).toBe(true);
  expect(cluster.leader.name).toBe(cluster.master().name);
  // The first message finds nobody, those after the election a master that is still reading its log.
  expect(lines[0]).toBe(`${start} RegisterAgent dropped`);
  expect(lines.some((line) => line === `${start + 15_000} RegisterAgent dropped`)).toBe(true);
  expect(lines.at(-1)).toMatch(/AgentRegisteredAcknowledgement$/);
  expect(lines.filter((line) => line.includes('records'))).toEqual([]);
  expect(cluster.nodes().map(partOf)).toEqual(before);
  cluster.addAgent(NEW);
  cluster.settle();
  expect(cluster.master().shell('ip route').stdout).toContain('9.0.5.0/24 via 44.128.0.6 dev vtep1024');
});

test('with several masters another one leads after ZooKeeper’s session has run out, and knows who has what; the first comes back last', () => {
  const cluster = DcosCluster.create({ seed: 5, masters: 3, agents: 1, publicAgents: 0 });
  cluster.settle();
  const leaders: string[] = [];
  cluster.events.on('leader', (master) => leaders.push(`${cluster.clock.now - start} ${formatIpv4(master)}`));
  const start = cluster.clock.now;
  const ask = (name: string) => cluster.agent('S0').shell(`dig +short ${name}`).stdout.trim().split('\n').sort();
  expect(ask('leader.mesos')).toEqual(['172.16.0.11']);
  expect(ask('master.mesos')).toEqual(['172.16.0.11', '172.16.0.12', '172.16.0.13']);
  cluster.restartMaster(0);
  cluster.advance(9_999);
  expect(ask('leader.mesos')).toEqual(['172.16.0.11']);
  cluster.advance(1);
  expect(ask('leader.mesos')).toEqual(['172.16.0.12']);
  expect(ask('leader.dcos.thisdcos.directory')).toEqual(['172.16.0.12']);
  cluster.restartMaster(1);
  cluster.advance(20_000);
  expect(ask('leader.mesos')).toEqual(['172.16.0.13']);
  cluster.restartMaster(2);
  expect(cluster.settle()).toBe(true);
  expect(leaders).toEqual(['10000 172.16.0.12', '20000 172.16.0.13', '40000 172.16.0.11']);
  cluster.addAgent(NEW);
  cluster.settle();
  expect(cluster.leader.shell('ip route').stdout).toContain('9.0.4.0/24 via 44.128.0.5 dev vtep1024');
});

test('an agent that is started again, at whatever moment, ends up with what it had', () => {
  fc.assert(
    fc.property(fc.nat(), fc.array(fc.nat({ max: 20_000 }), { minLength: 1, maxLength: 5 }), (seed, moments) => {
      const cluster = DcosCluster.create({ seed, masters: 2, agents: 2, publicAgents: 0 });
      const id = cluster.addAgent(NEW);
      moments.forEach((moment, i) => {
        cluster.advance(moment);
        if (i % 3 === 2) cluster.restartMaster(moment % 2);
        else cluster.restartAgent(i % 3 === 0 ? id : 'S0');
      });
      expect(cluster.settle()).toBe(true);
      const routes = cluster.master().shell('ip route').stdout;
      for (const part of ['9.0.1.0/24 via 44.128.0.2', '9.0.4.0/24 via 44.128.0.5']) expect(routes).toContain(part);
      expect(
        cluster
          .agent(id)
          .shell('ip rule')
          .stdout.match(/lookup 42/g),
      ).toHaveLength(1);
      expect(cluster.agent(id).shell('docker network ls -q').stdout.trim().split('\n')).toHaveLength(4);
    }),
    { numRuns: 60 },
  );
});

test('an overlay that Docker refuses is tried five times and then put up with; the others work', () => {
  // Docker's own bridge is in the way.
  const networks = [{ name: 'clash', subnet: '172.17.0.0/16', prefix: 24 }];
  const cluster = DcosCluster.create({ seed: 5, agents: 2, publicAgents: 0, networks });
  expect(cluster.agent('S0').shell('docker network ls').stdout).not.toContain('clash');
  expect(cluster.overlayModule('S0')).toMatchObject({ phase: 'registered', attempts: 5 });
  const failed = cluster.overlayModule('S0')?.overlays.find(({ status }) => status === 'STATUS_FAILED');
  expect(failed?.error).toBe(
    'Unable to configure docker network: Error response from daemon: Pool overlaps with other one on this address space',
  );
  const id = cluster.addAgent(NEW);
  cluster.advance('30min');
  expect(cluster.overlayModule(id)).toMatchObject({ phase: 'registered', attempts: 5 });
  expect(
    cluster
      .agent(id)
      .shell('ip rule')
      .stdout.match(/lookup 42/g),
  ).toHaveLength(1);
});

test('the module: waits double up to ten minutes, polls to two; an update is dropped while one is worked on', () => {
  const waits = Array.from({ length: 9 }, (_, i) => i).reduce<number[]>((all) => [...all, nextBackoff(all.at(-1) ?? 0)], [5000]);
  expect(waits.slice(0, 9)).toEqual([5000, 10_000, 20_000, 40_000, 80_000, 160_000, 320_000, 600_000, 600_000]);
  // Polls come at 0, 30, 90, 210, 330, ... seconds.
  expect([0, 29_999, 30_000, 90_000, 209_999, 210_000, 1_000_000].map(untilPoll)).toEqual([
    30_000, 1, 60_000, 120_000, 1, 120_000, 50_000,
  ]);
  const part = { name: 'dcos', overlay: undefined, subnet: undefined, subnet6: undefined, vtep6: undefined };
  const parts = [{ ...part, mesosBridge: undefined, dockerBridge: undefined }];
  const working = takeUpdate(MODULE_AT_START, parts);
  expect(working?.configure).toEqual(parts);
  expect(takeUpdate(working?.state as ModuleState, parts)).toBeUndefined();
  let state = configured(working?.state as ModuleState, 'dcos', 'no');
  for (let i = 0; i < 4; i++) state = acknowledged(state);
  expect(state.phase).toBe('registering');
  expect(acknowledged(state).phase).toBe('registered');
  expect(masterDetected(acknowledged(state))).toMatchObject({ phase: 'registering', attempts: 0 });
});
