/**
 * In which order roles, and the frameworks of a role, are asked whether they take what an agent has.
 * Follows apache/mesos 1.8 src/master/allocator/sorter/{drf,random}. DC/OS 1.13 and later sort at random, plain Mesos by dominant
 * share. A weighted shuffle is drawn client by client, which is the original's distribution with other numbers.
 */
import type { Random } from '@portolan/core';
import type { Scalars } from './resources.ts';

/** `--role_sorter` and `--framework_sorter`. */
export type SorterKind = 'random' | 'drf';

/** A role, or a framework in a role. */
export interface Client {
  readonly name: string;
  /** 1 unless somebody set it. */
  readonly weight: number;
  /** What it has, tasks and offers it holds alike. */
  readonly allocated: Scalars;
  /** How often it was given something: the fewer, the sooner its turn. */
  readonly chosen: number;
}

/** The clients in the order of their turn. */
export function sortClients<C extends Client>(
  kind: SorterKind,
  clients: readonly C[],
  total: Scalars,
  random: Random,
): readonly C[] {
  if (clients.length < 2) return clients;
  return kind === 'random' ? weightedShuffle(clients, random) : byDominantShare(clients, total);
}

/** The largest part of any resource it has, over its weight. */
export function dominantShare({ allocated, weight }: Client, total: Scalars): number {
  const shares = (['cpus', 'mem', 'disk', 'gpus'] as const).map((name) => (total[name] > 0 ? allocated[name] / total[name] : 0));
  return Math.max(...shares) / weight;
}

function byDominantShare<C extends Client>(clients: readonly C[], total: Scalars): readonly C[] {
  const rows = clients.map((client) => ({ client, share: dominantShare(client, total) }));
  rows.sort((a, b) => a.share - b.share || a.client.chosen - b.client.chosen || (a.client.name < b.client.name ? -1 : 1));
  return rows.map(({ client }) => client);
}

function weightedShuffle<C extends Client>(clients: readonly C[], random: Random): readonly C[] {
  const left = [...clients];
  const order: C[] = [];
  while (left.length > 0) {
    const sum = left.reduce((weights, { weight }) => weights + weight, 0);
    let at = (random.next(31) / 2 ** 31) * sum;
    const next = left.findIndex(({ weight }) => {
      at -= weight;
      return at < 0;
    });
    order.push(...left.splice(next < 0 ? left.length - 1 : next, 1));
  }
  return order;
}
