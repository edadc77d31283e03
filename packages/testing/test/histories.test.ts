/**
 * Clusters with few ports, and histories of adding, changing, scaling, killing and removing apps, of losing agents and
 * of new ones, in any order and at any moment of each other.
 */
import { formatIpv4 } from '@portolan/core';
import { DcosCluster, type DcosOptions } from '@portolan/dcos';
import type { MarathonTask } from '@portolan/scheduler';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  addressViolations,
  agentPortRanges,
  furniture,
  type Happening,
  happen,
  histories,
  isAbandoned,
  leftovers,
  portViolations,
  remains,
  violations,
} from '../src/index.ts';

const world = fc.record({ seed: fc.nat(), ports: agentPortRanges, userlandProxy: fc.boolean() });

function create(options: Pick<DcosOptions, 'seed' | 'ports' | 'userlandProxy'>): DcosCluster {
  return DcosCluster.create({ ...options, agents: 2, publicAgents: 0 });
}

/** The URL of a task's first port: without ports of its agent it has an address of its own. */
function urlOf({ host, ports, ipAddresses }: MarathonTask): string {
  return ports.length === 0 ? `http://${formatIpv4(ipAddresses[0] ?? 0)}:3141` : `http://${host}:${ports[0]}`;
}

test('at every moment: no two tasks share a host port, no two containers an address, and nothing outlives its container', () => {
  fc.assert(
    fc.property(world, histories(24), (options, history: readonly Happening[]) => {
      const cluster = create(options);
      for (const what of history) {
        happen(cluster, what);
        expect([...portViolations(cluster), ...addressViolations(cluster), ...leftovers(cluster)]).toEqual([]);
      }
    }),
    { numRuns: 1000 },
  );
});

test('once settled: every running task answers, all is as it must be; and without apps everything is as it was before them', () => {
  fc.assert(
    fc.property(world, histories(16), (options, history: readonly Happening[]) => {
      const cluster = create(options);
      const before = furniture(cluster);
      for (const what of history) happen(cluster, what);
      expect(cluster.settle()).toBe(true);
      expect(violations(cluster)).toEqual([]);
      for (const task of cluster.marathon.tasks()) {
        expect(task.state).toBe('TASK_RUNNING');
        expect(cluster.master().http(urlOf(task), { trace: false })).toMatchObject({ status: 200 });
      }
      for (const { id } of [...cluster.marathon.apps(), ...cluster.marathon.pods()]) cluster.marathon.remove(id, { force: true });
      expect(cluster.settle()).toBe(true);
      expect([...violations(cluster), ...remains(cluster, before)]).toEqual([]);
      expect([cluster.marathon.tasks(), cluster.marathon.queue(), cluster.marathon.deployments()]).toEqual([[], [], []]);
      const view = cluster.l4lb.view();
      view.catchUp();
      const abandoned = view.vips().filter((vip) => isAbandoned(cluster, vip));
      const services = abandoned.reduce((lines, { servers }) => lines + 1 + servers.length, 0);
      expect(cluster.master().shell('sudo ipvsadm -Ln').stdout.split('\n').length).toBe(4 + services);
      // The agents' Docker forgets what has exited after an hour.
      cluster.advance('61min');
      expect([...cluster.core.machines].flatMap(({ config }) => config.docker.containers)).toEqual([]);
    }),
    { numRuns: 700 },
  );
});
