/** Generated apps and histories for fast-check: small numbers on purpose full of clashes. */
import type { PortRanges } from '@portolan/core';
import { portRanges } from '@portolan/core';
import type { DcosCluster } from '@portolan/dcos';
import fc from 'fast-check';

/** An app definition of one of the three network modes, with an image that runs. */
export function appDefinitions(id: string): fc.Arbitrary<Record<string, unknown>> {
  return fc
    .record({
      mode: fc.constantFrom('host', 'container/bridge', 'container'),
      instances: fc.integer({ min: 0, max: 4 }),
      vip: fc.boolean(),
      ports: fc.integer({ min: 1, max: 2 }),
      hostPort: fc.constantFrom(0, 0, 0, 1100, 1101),
    })
    .map(({ mode, instances, vip, ports, hostPort }) => {
      const labels = vip ? { VIP_0: `${id}:3141` } : {};
      const names = ['http', 'admin'].slice(0, ports);
      const definitions = names.map((name, i) => ({ port: 0, name, ...(i === 0 ? { labels } : {}) }));
      const mappings = names.map((name, i) => ({
        containerPort: mode === 'container' ? 3141 + i : 0,
        ...(mode === 'container/bridge' ? { hostPort: i === 0 ? hostPort : 0 } : {}),
        name,
        ...(i === 0 ? { labels } : {}),
      }));
      return {
        id,
        instances,
        cpus: 0.1,
        mem: 32,
        networks: [mode === 'container' ? { mode, name: 'dcos' } : { mode }],
        ...(mode === 'host' ? { portDefinitions: definitions } : {}),
        container: {
          type: 'DOCKER',
          docker: { image: 'dcoslabs/httpi' },
          ...(mode === 'host' ? {} : { portMappings: mappings }),
        },
      };
    });
}

/** Port ranges an agent may offer: few ports, gaps, single ones. */
export const agentPortRanges: fc.Arbitrary<PortRanges> = fc
  .array(fc.record({ begin: fc.integer({ min: 1025, max: 1140 }), size: fc.integer({ min: 0, max: 12 }) }), {
    minLength: 1,
    maxLength: 4,
  })
  .map((ranges) => portRanges(ranges.map(({ begin, size }) => ({ begin, end: begin + size }))));

/** Something that happens to a cluster. */
export type Happening =
  | { readonly kind: 'add'; readonly app: Record<string, unknown> }
  | { readonly kind: 'scale'; readonly app: number; readonly instances: number }
  | { readonly kind: 'kill'; readonly task: number }
  | { readonly kind: 'remove'; readonly app: number }
  | { readonly kind: 'lose-agent'; readonly agent: number }
  | { readonly kind: 'add-agent' }
  | { readonly kind: 'advance'; readonly milliseconds: number };

const number = fc.nat({ max: 9 });

/** A history of up to `length` happenings. */
export function histories(length: number): fc.Arbitrary<readonly Happening[]> {
  const add = fc
    .constantFrom('/a', '/b', '/g/c')
    .chain((id) => appDefinitions(id).map((app): Happening => ({ kind: 'add', app })));
  return fc.array(
    fc.oneof(
      { weight: 3, arbitrary: add },
      {
        weight: 3,
        arbitrary: fc.record({ kind: fc.constant('scale' as const), app: number, instances: fc.integer({ min: 0, max: 5 }) }),
      },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('kill' as const), task: number }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), app: number }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('lose-agent' as const), agent: number }) },
      { weight: 1, arbitrary: fc.constant({ kind: 'add-agent' as const }) },
      {
        weight: 3,
        arbitrary: fc.record({ kind: fc.constant('advance' as const), milliseconds: fc.integer({ min: 1, max: 8000 }) }),
      },
    ),
    { maxLength: length },
  );
}

/** Lets it happen; what the cluster refuses changes nothing. Says whether it was refused. */
export function happen(cluster: DcosCluster, what: Happening): boolean {
  try {
    perform(cluster, what);
    return false;
  } catch (refusal) {
    if (!(refusal instanceof Error) || !('component' in refusal)) throw refusal;
    return true;
  }
}

function perform(cluster: DcosCluster, what: Happening): void {
  switch (what.kind) {
    case 'add':
      cluster.marathon.add(what.app);
      return;
    case 'scale': {
      const app = pick(cluster.marathon.apps(), what.app);
      if (app !== undefined) cluster.marathon.scale(app.id, what.instances);
      return;
    }
    case 'kill': {
      const task = pick(cluster.marathon.tasks(), what.task);
      if (task !== undefined) cluster.marathon.killTask(task.id);
      return;
    }
    case 'remove': {
      const app = pick(cluster.marathon.apps(), what.app);
      if (app !== undefined) cluster.marathon.remove(app.id);
      return;
    }
    case 'lose-agent': {
      const agent = pick(cluster.agents(), what.agent);
      if (agent !== undefined && cluster.agents().length > 1) cluster.loseAgent(agent.id);
      return;
    }
    case 'add-agent':
      cluster.addAgent(0xac10c800 + (cluster.clock.now % 200) + cluster.agents().length * 256);
      return;
    case 'advance':
      cluster.advance(what.milliseconds);
  }
}

function pick<T>(items: readonly T[], index: number): T | undefined {
  return items.length === 0 ? undefined : items[index % items.length];
}
