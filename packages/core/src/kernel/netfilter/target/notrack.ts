/**
 * NOTRACK, CT --notrack: a packet that connection tracking leaves alone.
 * Follows linux net/netfilter/xt_CT.c (6.1) and iptables 1.8.9, extensions/libxt_CT.c. CT's other options (zones,
 * helpers, events, timeouts) are not modelled.
 */
import { flagOption } from '../option.ts';
import type { TargetDescription } from '../targets.ts';

/** `CT` without `--notrack` changes nothing. */
export interface NotrackTarget {
  readonly name: 'NOTRACK' | 'CT';
  readonly notrack?: true;
}

const common = {
  place: () => ({ table: 'raw' }) as const,
  act:
    ({ notrack }: NotrackTarget): ReturnType<NonNullable<TargetDescription<NotrackTarget>['act']>> =>
    (_, skb) => {
      // An answer that the kernel itself made belongs to its connection already.
      if (notrack && skb.ctInfo === undefined) skb.ctInfo = 'untracked';
    },
};

/** `-j NOTRACK` */
export const notrack: TargetDescription<NotrackTarget> = {
  ...common,
  name: 'NOTRACK',
  options: [],
  start: () => ({ name: 'NOTRACK', notrack: true }),
  list: () => 'NOTRACK',
};

/** `-j CT` */
export const ct: TargetDescription<NotrackTarget> = {
  ...common,
  name: 'CT',
  options: [flagOption<NotrackTarget>('--notrack', 'notrack')],
  unmodelled: [
    ['--helper', 1],
    ['--timeout', 1],
    ['--ctevents', 1],
    ['--expevents', 1],
    ['--zone', 1],
    ['--zone-orig', 1],
    ['--zone-reply', 1],
  ],
  start: () => ({ name: 'CT' }),
  list: (target) => (target.notrack ? 'CT notrack' : 'CT'),
};
