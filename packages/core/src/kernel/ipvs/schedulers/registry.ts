/** The schedulers there are; sh, dh and mh are not modelled yet, lblc, lblcr, fo and ovf never were. */
import { lc } from './lc.ts';
import { nq } from './nq.ts';
import { rr } from './rr.ts';
import type { Scheduler } from './scheduler.ts';
import { sed } from './sed.ts';
import { wlc } from './wlc.ts';
import { wrr } from './wrr.ts';

const SCHEDULERS: readonly Scheduler[] = [wlc, lc, sed, nq, rr, wrr];

/** The scheduler of that name. */
export function schedulerOf(name: string): Scheduler | undefined {
  return SCHEDULERS.find((scheduler) => scheduler.name === name);
}
