/** What all namespaces of one cluster share: time, the frames under way, and the trace being taken, if any. */
import type { Clock } from '../base/clock.ts';
import type { Wire } from './link/wire.ts';
import type { Trace } from './trace.ts';

/** The common ground of all namespaces. */
export interface World {
  readonly clock: Clock;
  readonly wire: Wire;
  /** Where packets' steps are written; undefined costs nothing. */
  trace: Trace | undefined;
}
