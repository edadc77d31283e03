/**
 * Least connection: as wlc, without weights, except that weight 0 gets none.
 * Follows linux net/netfilter/ipvs/ip_vs_lc.c (6.1).
 */
import { leastBy } from './least.ts';
import { overhead } from './wlc.ts';

/** `ipvsadm -s lc` */
export const lc = leastBy('lc', (a, b) => overhead(a) - overhead(b));
