/**
 * A connection that IPVS keeps: which client talks to which real server in the name of which virtual service.
 * Follows struct ip_vs_conn of linux include/net/ip_vs.h (6.1).
 */
import type { Ipv4 } from '../../base/address.ts';
import type { ExpiryQueue } from './expiry.ts';
import type { RealServer } from './service.ts';
import { type ConnectionState, isActive, STATE, STATE_NAMES } from './state.ts';

/** One connection. Its fields are written by the IPVS tables alone. */
export class IpvsConnection {
  readonly protocol: 6 | 17;
  readonly client: Ipv4;
  readonly clientPort: number;
  readonly virtual: Ipv4;
  readonly virtualPort: number;
  readonly server: RealServer;
  /** Number of the TCP state. */
  phase: number = STATE.none;
  /** Virtual milliseconds at which it goes if no packet comes. */
  expiresAt = 0;
  /** The queue it waits in, and its neighbours there. */
  queue: ExpiryQueue | undefined = undefined;
  sooner: IpvsConnection | undefined = undefined;
  later: IpvsConnection | undefined = undefined;

  constructor(protocol: 6 | 17, client: Ipv4, clientPort: number, virtual: Ipv4, virtualPort: number, server: RealServer) {
    this.protocol = protocol;
    this.client = client;
    this.clientPort = clientPort;
    this.virtual = virtual;
    this.virtualPort = virtualPort;
    this.server = server;
  }

  /** Its state as `ipvsadm -Lnc` names it. */
  get state(): ConnectionState {
    return this.protocol === 17 ? 'UDP' : (STATE_NAMES[this.phase] ?? 'NONE');
  }

  /** Whether it counts among its server's active connections. */
  get active(): boolean {
    return this.protocol === 6 && isActive(this.phase);
  }
}
