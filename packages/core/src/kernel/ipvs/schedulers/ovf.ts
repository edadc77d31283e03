/**
 * Weighted overflow: the usable server of the highest weight that has no more active connections than its weight says,
 * the newest of equals; none if all have.
 * Follows linux net/netfilter/ipvs/ip_vs_ovf.c (6.1).
 */
import type { RealServer } from '../service.ts';
import { leastBy } from './least.ts';

/** `ipvsadm -s ovf` */
export const ovf = leastBy('ovf', (a, b) => b.weight - a.weight, hasRoom);

function hasRoom({ active, weight }: RealServer): boolean {
  return active <= weight;
}
