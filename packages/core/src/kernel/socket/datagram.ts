/** Datagrams as programs send and get them: after linux udp(7) and ip(7), as far as it is modelled. */
import type { Ipv4 } from '../../base/address.ts';

/** A datagram as a program gets it. */
export interface Datagram {
  readonly source: Ipv4;
  readonly sourcePort: number;
  /** The address it was sent to. */
  readonly destination: Ipv4;
  readonly payload: unknown;
  /** The firewall mark it has by now. */
  readonly mark: number;
}

/**
 * Where a datagram goes, and how: `ttl` 64 unless given. With `df` it is refused rather than cut into fragments, with
 * `df` false it may be cut on its way; unless given, only the sender may cut it.
 */
export interface DatagramEnd {
  readonly address: Ipv4;
  readonly port: number;
  readonly source?: Ipv4;
  readonly ttl?: number;
  readonly df?: boolean;
  /** The program may send to a network's broadcast address (SO_BROADCAST). */
  readonly broadcast?: boolean;
}

/** The one end a connected UDP socket speaks with. */
export interface UdpRemote {
  readonly address: Ipv4;
  readonly port: number;
}
