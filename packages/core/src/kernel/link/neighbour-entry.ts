/** A neighbour on a device's link: an entry of the ARP table (struct neighbour of linux include/net/neighbour.h). */
import type { Ipv4, Mac } from '../../base/address.ts';
import type { Timer } from '../../base/clock.ts';
import type { SkBuff } from '../skb.ts';
import type { Device } from './device.ts';

/** A learned or sought neighbour. */
export interface Neighbour {
  readonly address: Ipv4;
  readonly device: Device;
  /** 0 while unknown, or known no more. */
  mac: Mac;
  /** VALID is REACHABLE, STALE or DELAY, as time goes by. */
  state: 'INCOMPLETE' | 'VALID' | 'PROBE' | 'FAILED';
  /** Virtual milliseconds of the last answer; -Infinity if there was none. */
  confirmedAt: number;
  /** When a connection last got on by it; -Infinity if none did. */
  hintedAt: number;
  /** Since when a stale entry is in use; undefined if it is not. */
  usedAt: number | undefined;
  asked: number;
  timer: Timer | undefined;
  waiting: Waiting[];
}

/** A packet that waits, and what is done with it once the address is known. */
export interface Waiting {
  readonly skb: SkBuff;
  readonly go: (mac: Mac) => void;
}
