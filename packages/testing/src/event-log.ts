/** All that happens in a cluster, as text: to compare one run with another, or to look at when they differ. */
import { Trace } from '@portolan/core';
import type { DcosCluster, DcosEvents } from '@portolan/dcos';

const EVENTS: readonly (keyof DcosEvents)[] = [
  'app-added',
  'app-updated',
  'app-removed',
  'deployment-started',
  'deployment-finished',
  'agent-added',
  'agent-removed',
  'offers',
  'launch',
  'status',
  'vips',
  'traced',
];

/**
 * A list that grows with each event from now on: `30000 status {...}`, milliseconds first, then the event and what it
 * carries; of configurations, their patches.
 */
export function eventLog(cluster: DcosCluster): readonly string[] {
  const lines: string[] = [];
  const write = (event: string, carried: readonly unknown[]): void => {
    lines.push(`${cluster.clock.now} ${event} ${carried.map((value) => JSON.stringify(value, readable)).join(' ')}`);
  };
  for (const event of EVENTS) cluster.events.on(event, (...carried: readonly unknown[]) => write(event, carried));
  cluster.events.on('configured', (change) => write('configured', [change.machine.name, change.patches()]));
  return lines;
}

/** Everything that its configuration says of each machine, as lines. */
export function configurationLines(cluster: DcosCluster): readonly string[] {
  return [...cluster.core.machines].map(({ name, config }) => `${name} ${JSON.stringify(config, readable)}`);
}

function readable(_key: string, value: unknown): unknown {
  if (value instanceof Trace) return value.print();
  return value instanceof Map || value instanceof Set ? [...value] : value;
}
