/**
 * Weighted least connection, the scheduler of DC/OS's virtual services: least (active * 256 + inactive) / weight.
 * Follows linux net/netfilter/ipvs/ip_vs_wlc.c and ip_vs_dest_conn_overhead of include/net/ip_vs.h (6.1).
 */
import type { RealServer } from '../service.ts';
import { compareProducts, leastBy } from './least.ts';

/** An active connection weighs as much as 256 inactive ones. */
export function overhead(server: RealServer): number {
  return server.active * 256 + server.inactive;
}

/** `ipvsadm -s wlc` */
export const wlc = leastBy('wlc', (a, b) => compareProducts(overhead(a), b.weight, overhead(b), a.weight));
