/** Whose health check fails is no server of its VIP on any node, if Mesos checks it; what Marathon checks itself, Mesos and dcos-net never hear of. */
import { formatIpv4, HTTPI, type Program } from '@portolan/core';
import { DcosCluster } from '@portolan/dcos';
import fc from 'fast-check';
import { expect, test } from 'vitest';

/** Answers every request with an error. */
const FAILING: Program = {
  ...HTTPI,
  respond: (request, date) => ({ ...HTTPI.respond(request, date), status: 500, reason: 'Error' }),
};
/** Listens on nothing. */
const DEAF: Program = { ...HTTPI, start: () => ({ ports: [] }) };

/** Which checks an image passes. */
const IMAGES = {
  'dcoslabs/httpi': { HTTP: true, TCP: true },
  'test/failing': { HTTP: false, TCP: true },
  'test/deaf': { HTTP: false, TCP: false },
} as const;
const CHECKS = {
  HTTP: { asks: 'HTTP', byMesos: false },
  TCP: { asks: 'TCP', byMesos: false },
  MESOS_HTTP: { asks: 'HTTP', byMesos: true },
  MESOS_TCP: { asks: 'TCP', byMesos: true },
} as const;

const apps = fc.array(
  fc.record({
    overlay: fc.boolean(),
    instances: fc.integer({ min: 1, max: 3 }),
    image: fc.constantFrom('dcoslabs/httpi', 'test/failing', 'test/deaf'),
    protocol: fc.constantFrom(undefined, 'HTTP', 'TCP', 'MESOS_HTTP', 'MESOS_TCP'),
  }),
  { minLength: 1, maxLength: 3 },
);

test('settled, the VIPs of all nodes lead to the running tasks but for those that fail a check of Mesos', () => {
  fc.assert(
    fc.property(fc.nat(), apps, (seed, drawn) => {
      const images = { 'test/failing': FAILING, 'test/deaf': DEAF };
      const cluster = DcosCluster.create({ seed, agents: 3, publicAgents: 0, images });
      drawn.forEach(({ overlay, instances, image, protocol }, i) => {
        const mapping = { name: 'http', containerPort: overlay ? 3141 : 0, labels: { VIP_0: `/app${i}:3141` } };
        // Nobody is killed for failing: the cluster comes to rest with tasks that fail.
        const check = { protocol, portIndex: 0, intervalSeconds: 5, gracePeriodSeconds: 0, maxConsecutiveFailures: 0 };
        cluster.marathon.add({
          id: `/app${i}`,
          instances,
          cpus: 0.1,
          mem: 32,
          networks: [overlay ? { mode: 'container', name: 'dcos' } : { mode: 'container/bridge' }],
          container: { type: 'DOCKER', docker: { image }, portMappings: [mapping] },
          ...(protocol === undefined ? {} : { healthChecks: [check] }),
        });
      });
      cluster.settle();
      cluster.advance('1min');
      const wanted = drawn.flatMap(({ overlay, instances, image, protocol }, i) => {
        const tasks = cluster.marathon.tasks(`/app${i}`);
        expect(tasks).toHaveLength(instances);
        const passes = protocol === undefined || IMAGES[image][CHECKS[protocol].asks];
        if (protocol !== undefined) for (const { healthy } of tasks) expect(healthy).toBe(passes);
        if (protocol !== undefined && CHECKS[protocol].byMesos && !passes) return [];
        return tasks.map(({ host, ports, ipAddresses }) =>
          overlay ? `${formatIpv4(ipAddresses[0] ?? 0)}:3141` : `${host}:${ports[0]}`,
        );
      });
      for (const node of cluster.nodes()) {
        const rows = node.shell('sudo ipvsadm -Ln').stdout.split('\n');
        expect(rows.flatMap((row) => /-> (\d\S+)/.exec(row)?.[1] ?? []).sort()).toEqual([...wanted].sort());
      }
    }),
    { numRuns: 60 },
  );
});
