/** What rules ask of their namespace, and the two functions a compiled rule is made of: tests and acts. */
import type { Ipv4 } from '../../base/address.ts';
import type { Random } from '../../base/random.ts';
import type { SkBuff } from '../skb.ts';
import type { AddressType } from './rule.ts';
import type { SetIndex } from './set.ts';

/** What matches and targets ask of the namespace. */
export interface RuleHost {
  /** Virtual milliseconds. */
  readonly now: number;
  readonly random: Random;
  /** Whose an address is; with a device only what is that device's own counts as local. */
  addressType(address: Ipv4, device?: string): AddressType;
  /** A set by name; undefined if there is none. */
  setIndex(name: string): SetIndex | undefined;
  /** The MTU of the way to an address; undefined without a route. */
  mtuTowards(address: Ipv4): number | undefined;
  /** Writes a line into the machine's kernel log. */
  log(text: string): void;
}

/** Whether a packet matches. */
export type Test = (host: RuleHost, skb: SkBuff) => boolean;

/** What a target does to a packet before the next rule sees it. */
export type Act = (host: RuleHost, skb: SkBuff) => void;
