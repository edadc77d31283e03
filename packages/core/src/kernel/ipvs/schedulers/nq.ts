/**
 * Never queue: a server without active connections if there is one, else as sed.
 * Follows linux net/netfilter/ipvs/ip_vs_nq.c (6.1).
 */
import { leastBy } from './least.ts';
import { expectedDelay } from './sed.ts';

/** `ipvsadm -s nq` */
export const nq = leastBy('nq', (a, b) => {
  if (a.active === 0 || b.active === 0) return Math.min(a.active, 1) - Math.min(b.active, 1);
  return expectedDelay(a, b);
});
