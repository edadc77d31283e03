/**
 * Weighted failover: always the usable server of the highest weight, the newest of equals.
 * Follows linux net/netfilter/ipvs/ip_vs_fo.c (6.1).
 */
import { leastBy } from './least.ts';

/** `ipvsadm -s fo` */
export const fo = leastBy('fo', (a, b) => b.weight - a.weight);
