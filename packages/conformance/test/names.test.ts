/** Names of a whole cluster: whatever apps it has, each name leads where its tasks are, and others lead nowhere. */
import { formatIpv4 } from '@portolan/core';
import { DcosCluster, type DnsReply, formatIp, label } from '@portolan/dcos';
import { appDefinitions } from '@portolan/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';

/** The addresses of an answer, each once, or why there are none. */
function answered(reply: DnsReply | undefined): readonly string[] | string {
  if (reply === undefined) return 'no answer';
  const addresses = reply.answers.flatMap(({ data }) => ('address' in data ? [formatIp(data.address)] : []));
  return addresses.length === 0 ? reply.rcode : [...new Set(addresses)].sort();
}

test('settled, on every node: VIPs, tasks in dcos.thisdcos.directory and in mesos resolve to where they are; nothing else does', () => {
  fc.assert(
    fc.property(fc.nat(), appDefinitions('/a'), appDefinitions('/g/b'), (seed, a, b) => {
      const cluster = DcosCluster.create({ seed, agents: 2, publicAgents: 0 });
      for (const app of [a, b]) cluster.marathon.add(app);
      cluster.settle();
      const vips = new Set<string>();
      const view = cluster.l4lb.view();
      view.catchUp();
      for (const vip of view.vips()) if (vip.name !== undefined) vips.add(vip.name);
      for (const node of cluster.nodes()) {
        for (const [id, discovery] of [
          ['/a', 'a'],
          ['/g/b', 'b.g'],
        ] as const) {
          const tasks = cluster.marathon.tasks(id).filter(({ state }) => state === 'TASK_RUNNING');
          const hosts = [...new Set(tasks.map(({ host }) => host))].sort();
          const own = [...new Set(tasks.flatMap(({ ipAddresses }) => ipAddresses.map(formatIpv4)))].sort();
          const orElse = (list: readonly string[]) => (list.length > 0 ? list : 'NXDOMAIN');
          const zone = `${label(discovery)}.marathon`;
          expect(answered(node.resolve(`${zone}.agentip.dcos.thisdcos.directory`))).toEqual(orElse(hosts));
          expect(answered(node.resolve(`${zone}.containerip.dcos.thisdcos.directory`))).toEqual(orElse(own));
          // Mesos-DNS of DC/OS takes the agent's address first, whatever the network.
          for (const name of [discovery, label(discovery)])
            expect(answered(node.resolve(`${name}.marathon.mesos`))).toEqual(orElse(hosts));
        }
        for (const { name, address } of view.vips()) {
          if (name !== undefined) expect(answered(node.resolve(name))).toEqual([formatIp(address)]);
        }
        const missing = answered(node.resolve('nobody.marathon.l4lb.thisdcos.directory'));
        expect(missing).toBe(vips.size > 0 ? 'NXDOMAIN' : 'REFUSED');
        expect(answered(node.resolve('a.nowhere.thisdcos.directory'))).toBe('REFUSED');
      }
    }),
    { numRuns: 60 },
  );
});
