/** Generated apps and histories for fast-check: small numbers on purpose full of clashes. */
import type { PortRanges } from '@portolan/core';
import { portRanges, Refusal } from '@portolan/core';
import type { DcosCluster } from '@portolan/dcos';
import type { App } from '@portolan/scheduler';
import fc from 'fast-check';

/** An app definition of one of the three network modes, in Docker or in a container of Mesos' own, with an image that runs. */
export function appDefinitions(id: string): fc.Arbitrary<Record<string, unknown>> {
  return fc
    .record({
      mode: fc.constantFrom('host', 'container/bridge', 'container'),
      instances: fc.integer({ min: 0, max: 4 }),
      vip: fc.boolean(),
      ports: fc.integer({ min: 1, max: 2 }),
      hostPort: fc.constantFrom(0, 0, 0, 1100, 1101),
      type: fc.constantFrom('DOCKER', 'MESOS'),
    })
    .map(({ mode, instances, vip, ports, hostPort, type }) => {
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
          type,
          docker: { image: 'dcoslabs/httpi' },
          ...(mode === 'host' ? {} : { portMappings: mappings }),
        },
      };
    });
}

/** A pod of one or two containers, on `mesos-bridge` or the overlay. */
export function podDefinitions(id: string): fc.Arbitrary<Record<string, unknown>> {
  return fc
    .record({
      bridge: fc.boolean(),
      instances: fc.integer({ min: 0, max: 3 }),
      containers: fc.integer({ min: 1, max: 2 }),
      hostPort: fc.constantFrom(undefined, 0, 0, 1100),
      vip: fc.boolean(),
    })
    .map(({ bridge, instances, containers, hostPort, vip }) => ({
      id,
      scaling: { kind: 'fixed', instances },
      networks: [bridge ? { mode: 'container/bridge' } : { mode: 'container', name: 'dcos' }],
      containers: ['web', 'side'].slice(0, containers).map((name, i) => ({
        name,
        resources: { cpus: 0.1, mem: 32 },
        image: { kind: 'DOCKER', id: 'dcoslabs/httpi' },
        environment: { PORT_HTTP: String(3141 + i) },
        endpoints: [
          {
            name: `http${i}`,
            containerPort: 3141 + i,
            protocol: ['tcp'],
            ...(hostPort === undefined ? {} : { hostPort: i === 0 ? hostPort : 0 }),
            ...(vip && i === 0 ? { labels: { VIP_0: `${id}:3141` } } : {}),
          },
        ],
      })),
    }));
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
  | { readonly kind: 'add-pod'; readonly pod: Record<string, unknown> }
  | { readonly kind: 'update'; readonly app: number; readonly definition: Record<string, unknown>; readonly force: boolean }
  | { readonly kind: 'scale'; readonly app: number; readonly instances: number; readonly force: boolean }
  | { readonly kind: 'kill'; readonly task: number }
  | { readonly kind: 'remove'; readonly app: number }
  | { readonly kind: 'lose-agent'; readonly agent: number }
  | { readonly kind: 'add-agent'; readonly number: number }
  | { readonly kind: 'advance'; readonly milliseconds: number };

const number = fc.nat({ max: 9 });
const force = fc.boolean();
const instances = fc.integer({ min: 0, max: 5 });
const milliseconds = fc.oneof(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: 8000 }));

/** The ids of the apps in a history: few, so that they meet again. */
const IDS = ['/a', '/b', '/g/c'] as const;

const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom(...IDS).chain((id) => appDefinitions(id).map((app): Happening => ({ kind: 'add', app }))),
  },
  { weight: 1, arbitrary: podDefinitions('/pod').map((pod): Happening => ({ kind: 'add-pod', pod })) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('update'), app: number, definition: appDefinitions('/a').map(withoutId), force }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('scale'), app: number, instances, force }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('kill'), task: number }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove'), app: number }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('lose-agent'), agent: number }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('add-agent'), number }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('advance'), milliseconds }) },
);

/** A history of up to `length` happenings; long ones are as frequent as short ones. */
export function histories(length: number): fc.Arbitrary<readonly Happening[]> {
  return fc.array(happening, { maxLength: length, size: 'max' });
}

function withoutId(definition: Record<string, unknown>): Record<string, unknown> {
  const { id: _, ...rest } = definition;
  return rest;
}

/** 172.16.200.1: where agents come from that join later. One that was lost may come back. */
const FIRST_NEW_AGENT = 0xac10c801;

/** Lets it happen; what the cluster refuses changes nothing. Says whether it was refused. */
export function happen(cluster: DcosCluster, what: Happening): boolean {
  try {
    perform(cluster, what);
    return false;
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    return true;
  }
}

function perform(cluster: DcosCluster, what: Happening): void {
  switch (what.kind) {
    case 'add':
      cluster.marathon.add(what.app);
      return;
    case 'add-pod':
      cluster.marathon.addPod(what.pod);
      return;
    case 'update': {
      const app = pick(definitions(cluster), what.app);
      if (app !== undefined) cluster.marathon.update(app.id, what.definition, { force: what.force });
      return;
    }
    case 'scale': {
      const app = pick(definitions(cluster), what.app);
      if (app !== undefined) cluster.marathon.scale(app.id, what.instances, { force: what.force });
      return;
    }
    case 'kill': {
      const task = pick(cluster.marathon.tasks(), what.task);
      if (task !== undefined) cluster.marathon.killTask(task.id);
      return;
    }
    case 'remove': {
      const app = pick(definitions(cluster), what.app);
      if (app !== undefined) cluster.marathon.remove(app.id);
      return;
    }
    case 'lose-agent': {
      const agent = pick(cluster.agents(), what.agent);
      if (agent !== undefined && cluster.agents().length > 1) cluster.loseAgent(agent.id);
      return;
    }
    case 'add-agent':
      cluster.addAgent(FIRST_NEW_AGENT + what.number);
      return;
    case 'advance':
      cluster.advance(what.milliseconds);
  }
}

/** Apps, then pods. */
function definitions({ marathon }: DcosCluster): readonly App[] {
  return [...marathon.apps(), ...marathon.pods()];
}

function pick<T>(items: readonly T[], index: number): T | undefined {
  return items.length === 0 ? undefined : items[index % items.length];
}
