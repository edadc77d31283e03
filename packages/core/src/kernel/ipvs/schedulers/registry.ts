/** The schedulers there are: all of linux net/netfilter/ipvs (6.1) but `twos`, which came later than DC/OS. */
import { dh } from './dh.ts';
import { fo } from './fo.ts';
import { lblc } from './lblc.ts';
import { lblcr } from './lblcr.ts';
import { lc } from './lc.ts';
import { mh } from './mh.ts';
import { nq } from './nq.ts';
import { ovf } from './ovf.ts';
import { rr } from './rr.ts';
import type { Scheduler } from './scheduler.ts';
import { sed } from './sed.ts';
import { sh } from './sh.ts';
import { wlc } from './wlc.ts';
import { wrr } from './wrr.ts';

const SCHEDULERS: readonly Scheduler[] = [rr, wrr, lc, wlc, lblc, lblcr, dh, sh, sed, nq, fo, ovf, mh];

/** Their names, in the order of ipvsadm's manual. */
export const SCHEDULER_NAMES: readonly string[] = SCHEDULERS.map(({ name }) => name);

/** The scheduler of that name. */
export function schedulerOf(name: string): Scheduler | undefined {
  return SCHEDULERS.find((scheduler) => scheduler.name === name);
}
