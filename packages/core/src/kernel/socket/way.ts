/** The way to an address as a socket is told of it. */
import type { Ipv4 } from '../../base/address.ts';

/** What routing says about sending to an address. */
export interface Way {
  /** The address to send from. */
  readonly address: Ipv4;
  /** Bytes of a packet that gets through, as far as is known. */
  readonly mtu: number;
  /** Less was asked for than is believed: packets go without DF. */
  readonly locked: boolean;
}

/** Whether a packet of that length is sent with DF by a program that has not said (IP_PMTUDISC_WANT). */
export function mayInsist({ mtu, locked }: Way, length: number): boolean {
  return length <= mtu && !locked;
}
