/**
 * How a rolling restart keeps between too few and too many instances.
 * Follows mesosphere/marathon v1.8 core/deployment/impl/TaskReplaceActor.scala, for apps without resident tasks.
 */

/** The bounds of one restart. */
export interface RestartStrategy {
  /** How many instances, old and new, may exist at once. */
  readonly maxCapacity: number;
  /** How many old ones go before any new one is ready. */
  readonly killImmediately: number;
}

/** The bounds for `instances` wanted and `running` existing ones of goal Running. */
export function restartStrategy(
  instances: number,
  upgrade: { readonly minimumHealthCapacity: number; readonly maximumOverCapacity: number },
  running: number,
): RestartStrategy {
  const minHealthy = Math.ceil(instances * upgrade.minimumHealthCapacity);
  const capacity = Math.floor(instances * (1 + upgrade.maximumOverCapacity));
  const stuck = minHealthy === capacity && capacity <= running;
  return { maxCapacity: stuck ? capacity + 1 : capacity, killImmediately: Math.max(0, running - minHealthy) };
}

/** How many new ones may be launched now. */
export function launchableNow(instances: number, strategy: RestartStrategy, oldAlive: number, started: number): number {
  return Math.max(0, Math.min(instances - started, strategy.maxCapacity - oldAlive - started));
}
