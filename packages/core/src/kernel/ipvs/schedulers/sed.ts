/**
 * Shortest expected delay: least (active + 1) / weight.
 * Follows linux net/netfilter/ipvs/ip_vs_sed.c (6.1).
 */
import { compareProducts, type LoadOrder, leastBy } from './least.ts';

/** The delay a new connection would meet, compared. */
export const expectedDelay: LoadOrder = (a, b) => compareProducts(a.active + 1, b.weight, b.active + 1, a.weight);

/** `ipvsadm -s sed` */
export const sed = leastBy('sed', expectedDelay);
