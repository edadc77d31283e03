/**
 * Whether an agent's maintenance window keeps instances away. Follows mesosphere/marathon v1.8 mesos/Availability.scala.
 */
import type { Unavailability } from '../mesos/offer.ts';

/** Whether instances may be launched there now; all times in virtual milliseconds, `draining` before the window counts as in it. */
export function isAvailable(unavailability: Unavailability | undefined, now: number, draining = 0): boolean {
  if (unavailability === undefined) return true;
  const { start, duration } = unavailability;
  const over = duration !== undefined && now > start + duration;
  return !(now > start - draining) || over;
}
