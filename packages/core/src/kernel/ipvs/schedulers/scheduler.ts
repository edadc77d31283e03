/**
 * How a service's next real server is chosen: one scheduler a file, each behind this interface.
 * Stands for struct ip_vs_scheduler of linux include/net/ip_vs.h (6.1).
 */
import type { Scheduling, VirtualService } from '../service.ts';

/** A way to schedule. */
export interface Scheduler {
  /** As `ipvsadm -s` takes it. */
  readonly name: string;
  /** Its state for a service; the service's list of servers may be empty or not. */
  start(service: VirtualService): Scheduling;
}
