/**
 * A connection that IPVS keeps: which client talks to which real server in the name of which virtual service; or a
 * template, which says to which server the next connections of a client go.
 * Follows struct ip_vs_conn of linux include/net/ip_vs.h (6.1). Addresses and ports are packed into signed 32-bit
 * numbers, so that a million connections need little room.
 */
import type { Ipv4 } from '../../base/address.ts';
import type { ExpiryQueue } from './expiry.ts';
import type { Forwarding, RealServer } from './service.ts';
import { type ConnectionState, isActive, STATE, STATE_NAMES } from './state.ts';

/** The port that stands in a template which is no longer valid. */
const NO_PORT = 0xffff;

/** One connection. Its fields are written by the IPVS tables alone. */
export class IpvsConnection {
  /** 6 or 17; 0 for the template of a firewall mark, whose virtual address is the mark. */
  readonly protocol: number;
  readonly server: RealServer;
  readonly template: boolean;
  /** How its packets reach the server: the server's way when it was made. */
  readonly forward: Forwarding;
  /** Number of the TCP state; of a template 1 once a connection of it was established. */
  phase: number = STATE.none;
  /** Direct routing and tunnelling: no packet of the server was seen, as usual there. */
  oneSided: boolean;
  /** Virtual milliseconds at which it goes if no packet comes. */
  expiresAt = 0;
  /** The template it was made by. */
  control: IpvsConnection | undefined = undefined;
  /** Of a template: how many connections it keeps. */
  controlled = 0;
  /** The queue it waits in, and its neighbours there. */
  queue: ExpiryQueue | undefined = undefined;
  sooner: IpvsConnection | undefined = undefined;
  later: IpvsConnection | undefined = undefined;
  /** The next ones of its buckets in the lookup tables. */
  nextByClient: IpvsConnection | undefined = undefined;
  nextByServer: IpvsConnection | undefined = undefined;
  private readonly clientBits: number;
  private readonly virtualBits: number;
  private clientAndVirtualPort: number;
  private serverPort: number;

  constructor(
    protocol: number,
    client: Ipv4,
    clientPort: number,
    virtual: Ipv4,
    virtualPort: number,
    server: RealServer,
    destinationPort: number,
    template: boolean,
  ) {
    this.protocol = protocol;
    this.server = server;
    this.template = template;
    this.forward = server.forward;
    this.oneSided = server.forward !== 'masquerade';
    this.clientBits = client | 0;
    this.virtualBits = virtual | 0;
    this.clientAndVirtualPort = (clientPort << 16) | virtualPort;
    this.serverPort = destinationPort;
  }

  get client(): Ipv4 {
    return this.clientBits >>> 0;
  }

  get clientPort(): number {
    return this.clientAndVirtualPort >>> 16;
  }

  get virtual(): Ipv4 {
    return this.virtualBits >>> 0;
  }

  get virtualPort(): number {
    return this.clientAndVirtualPort & 0xffff;
  }

  /** The port at the real server: the service's own where the server names none. */
  get destinationPort(): number {
    return this.serverPort;
  }

  /** Its state as `ipvsadm -Lnc` names it. */
  get state(): ConnectionState {
    if (this.template) return this.phase === 0 ? 'NONE' : 'ASSURED';
    return this.protocol === 17 ? 'UDP' : (STATE_NAMES[this.phase] ?? 'NONE');
  }

  /** Whether it counts among its server's active connections. */
  get active(): boolean {
    return this.protocol === 6 && !this.template && isActive(this.phase);
  }

  /** A template's server is gone: it leads nowhere from now on. False if that was said before. */
  invalidate(): boolean {
    if (this.virtualPort === NO_PORT) return false;
    this.clientAndVirtualPort = NO_PORT;
    this.serverPort = NO_PORT;
    return true;
  }
}
