/**
 * How a rolling restart keeps between too few and too many instances, and whom it ends first.
 * Follows mesosphere/marathon v1.8 and v1.11 core/deployment/impl/TaskReplaceActor.scala.
 */
import type { MarathonVersion } from '../app/marathon-version.ts';

/** The bounds of one restart. */
export interface RestartStrategy {
  /** How many instances, old and new, may exist at once. */
  readonly maxCapacity: number;
  /** How many old ones go before any new one is ready. */
  readonly killImmediately: number;
}

/** What a restart begins with. */
export interface RestartStart {
  /** Instances, old and new, given up or not: in 1.8 those of goal Running, in 1.11 all. */
  readonly existing: number;
  /** Those of goal Running that are considered healthy; only 1.11 asks. */
  readonly healthy: number;
  /** Whether the app has persistent volumes. */
  readonly resident: boolean;
}

/** The bounds for `instances` wanted. */
export function restartStrategy(
  instances: number,
  upgrade: { readonly minimumHealthCapacity: number; readonly maximumOverCapacity: number },
  start: RestartStart,
  version: MarathonVersion,
): RestartStrategy {
  const minHealthy = Math.ceil(instances * upgrade.minimumHealthCapacity);
  const capacity = Math.floor(instances * (1 + upgrade.maximumOverCapacity));
  const running = version === '1.8' ? start.existing : start.healthy;
  const stuck = minHealthy === capacity && capacity <= running;
  const surplus = Math.max(0, running - minHealthy);
  const killed = stuck && start.resident ? running - minHealthy + 1 : surplus;
  const superfluous = version === '1.8' ? 0 : start.existing - instances;
  return {
    maxCapacity: stuck && !start.resident ? capacity + 1 : capacity,
    killImmediately: superfluous > 0 ? Math.max(superfluous, killed) : killed,
  };
}

/** How many new ones may be launched now. */
export function launchableNow(instances: number, strategy: RestartStrategy, oldAlive: number, started: number): number {
  return Math.max(0, Math.min(instances - started, strategy.maxCapacity - oldAlive - started));
}

/** Up to so many instances {@link killOrder} is that of Java, which sorts longer lists in pieces. */
export const EXACT_KILL_ORDER = 31;

/**
 * The order in which 1.11 ends old instances: meant to be unhealthy ones first, but its comparison answers "before" whenever the
 * second is healthy, so that Java's sort reverses healthy ones.
 */
export function killOrder<I>(instances: readonly I[], healthy: (instance: I) => boolean): readonly I[] {
  const compare = (a: I, b: I): number => (healthy(b) ? -1 : healthy(a) ? 1 : 0);
  const [first, second] = instances;
  if (first === undefined || second === undefined) return instances;
  const sorted = [...instances];
  let run = 2;
  if (compare(second, first) < 0) {
    while (run < sorted.length && compare(sorted[run] as I, sorted[run - 1] as I) < 0) run++;
    sorted.splice(0, run, ...sorted.slice(0, run).reverse());
  } else while (run < sorted.length && compare(sorted[run] as I, sorted[run - 1] as I) >= 0) run++;
  for (; run < sorted.length; run++) {
    const pivot = sorted[run] as I;
    let [low, high] = [0, run];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compare(pivot, sorted[middle] as I) < 0) high = middle;
      else low = middle + 1;
    }
    sorted.copyWithin(low + 1, low, run);
    sorted[low] = pivot;
  }
  return sorted;
}
