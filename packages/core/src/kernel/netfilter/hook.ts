/**
 * The five places where a packet can be looked at, and who looks there in which order.
 *
 *   device --> PREROUTING --> route --> FORWARD -------------> POSTROUTING --> device
 *                               |                                  ^
 *                               v                                  |
 *                             INPUT --> socket --> OUTPUT --> route
 *
 * Order as in linux include/uapi/linux/netfilter_ipv4.h: a handler's number is its priority there.
 */
import type { SkBuff } from '../skb.ts';

/** A hook of the IPv4 stack. */
export type Hook = 'PREROUTING' | 'INPUT' | 'FORWARD' | 'OUTPUT' | 'POSTROUTING';

/** What a handler says: go on, or the packet is not to go on: dropped, as its sender is told, or taken over. */
export type Verdict = 'accept' | 'drop' | 'stop';

/** Priorities within a hook. */
export const PRIORITY = {
  defragment: -400,
  raw: -300,
  conntrack: -200,
  mangle: -150,
  destinationNat: -100,
  ipvsOutLocal: -99,
  ipvsInLocal: -98,
  filter: 0,
  ipvsOutInput: 98,
  ipvsInInput: 99,
  sourceNat: 100,
  ipvsForward: 100,
  confirm: 0x7fffffff,
} as const;

/** Something for each hook. */
export type PerHook<T> = { readonly [hook in Hook]: T };

/** What there is for a hook; spelled out, since every packet asks for it. */
export function at<T>(all: PerHook<T>, hook: Hook): T {
  switch (hook) {
    case 'PREROUTING':
      return all.PREROUTING;
    case 'INPUT':
      return all.INPUT;
    case 'FORWARD':
      return all.FORWARD;
    case 'OUTPUT':
      return all.OUTPUT;
    case 'POSTROUTING':
      return all.POSTROUTING;
  }
}

/** Somebody who looks at packets at a hook, in the eyes of one kind of namespace. */
export interface HookEntry<N> {
  readonly hook: Hook;
  readonly priority: number;
  readonly name: string;
  /** Whether there is anything for it to do in that namespace. */
  readonly active: (namespace: N) => boolean;
  readonly handle: (namespace: N, skb: SkBuff, hook: Hook) => Verdict;
}
