/**
 * How far the nodes are from agreeing on VIPs: a task's change is found by its agent's next poll and reaches the others by
 * gossip (dcos/dcos-net@7bd01ac, dcos_l4lb_mesos_poller and lashup). Until then a VIP is out of date on some nodes.
 */
import type { L4lb } from './vips/l4lb.ts';

/** What nodes know of VIPs. */
export interface Convergence {
  /** Whether every node knows of all that every agent's tasks ask for. */
  readonly converged: boolean;
  /** Virtual milliseconds at which that is so, if nothing more happens; now or before if it is so. */
  readonly at: number;
  /** Nodes that have not heard of all changes that are published, by name, and of how many they have not. */
  readonly behind: readonly { readonly node: string; readonly changes: number }[];
}

/**
 * Compares what nodes know with what is published and what is still to be polled.
 * @param nodes names, and in how many milliseconds each hears of a change
 * @param lastPoll when the last agent with something new polls
 */
export function convergenceOf(
  l4lb: L4lb,
  nodes: Iterable<{ readonly name: string; readonly delay: number }>,
  lastPoll: number | undefined,
): Convergence {
  const published = l4lb.events.length;
  const heard = new Map<number, number>();
  const behind: { node: string; changes: number }[] = [];
  let slowest = 0;
  for (const { name, delay } of nodes) {
    slowest = Math.max(slowest, delay);
    const count = heard.get(delay) ?? l4lb.heardAfter(delay);
    heard.set(delay, count);
    if (count < published) behind.push({ node: name, changes: published - count });
  }
  const last = Math.max(l4lb.events.at(-1)?.at ?? 0, lastPoll ?? 0);
  return { converged: behind.length === 0 && lastPoll === undefined, at: last === 0 ? 0 : last + slowest, behind };
}
