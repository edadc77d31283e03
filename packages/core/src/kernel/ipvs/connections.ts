/**
 * The connections of a namespace: found from both sides, moved by packets, counted at their real servers, gone in time.
 * Follows linux net/netfilter/ipvs/ip_vs_conn.c (6.1).
 */
import type { Ipv4 } from '../../base/address.ts';
import type { IpvsConnection } from './connection.ts';
import { Expiry } from './expiry.ts';
import { ConnectionLookup } from './lookup.ts';
import type { RealServer } from './service.ts';
import { DEFAULT_TIMEOUTS, type IpvsTimeouts, isActive, nextTcpState, STATE, tcpTimeouts } from './state.ts';

/** A connection that is to go "now" goes when the kernel's timer ticks next. */
const TICK = 1;
/** A template that is due but still keeps connections is looked at again after that many milliseconds. */
const KEPT = 60_000;
const ASSURED = 1;

/** The table of connections. */
export class ConnectionTable {
  private readonly lookup = new ConnectionLookup();
  private readonly expiry = new Expiry();
  private readonly onIdle: (server: RealServer, now: number) => void;
  private seconds: IpvsTimeouts = DEFAULT_TIMEOUTS;
  private spans = tcpTimeouts(DEFAULT_TIMEOUTS);

  /** @param onIdle told of a deleted server whose last connection went, and when */
  constructor(onIdle: (server: RealServer, now: number) => void) {
    this.onIdle = onIdle;
  }

  /** Seconds, for the next packet of every connection. */
  get timeouts(): IpvsTimeouts {
    return this.seconds;
  }

  set timeouts(timeouts: IpvsTimeouts) {
    this.seconds = timeouts;
    this.spans = tcpTimeouts(timeouts);
  }

  /** How many there are, templates among them. */
  get size(): number {
    return this.lookup.size;
  }

  /** The connection of a packet towards a virtual service. */
  towards(protocol: number, client: Ipv4, clientPort: number, virtual: Ipv4, port: number): IpvsConnection | undefined {
    return this.lookup.towards(protocol, client, clientPort, virtual, port, false);
  }

  /** The template of a client: of a service's address and port, or of protocol 0 and a firewall mark. */
  template(protocol: number, client: Ipv4, virtual: Ipv4, port: number): IpvsConnection | undefined {
    return this.lookup.towards(protocol, client, 0, virtual, port, true);
  }

  /** The connection of a packet from a real server. */
  from(protocol: number, server: Ipv4, serverPort: number, client: Ipv4, clientPort: number): IpvsConnection | undefined {
    return this.lookup.from(protocol, server, serverPort, client, clientPort);
  }

  /** All connections and templates. */
  values(): Iterable<IpvsConnection> {
    return this.lookup.values();
  }

  /** Adds a new connection, in the state to which the packet that made it leads, and counts it. */
  open(connection: IpvsConnection, flags: number, now: number): void {
    this.lookup.add(connection);
    const { server } = connection;
    const tcp = connection.protocol === 6;
    if (tcp) connection.phase = nextTcpState(STATE.none, connection.oneSided ? 'input-only' : 'input', flags);
    if (tcp && isActive(connection.phase)) server.active++;
    else server.inactive++;
    overload(server);
    server.service.scheduling.counted(server);
    if (tcp && connection.phase === STATE.established) assure(connection);
    this.expiry.prolong(connection, now, this.spanOf(connection));
  }

  /** Adds a new template. */
  openTemplate(template: IpvsConnection): void {
    this.lookup.add(template);
    template.server.persistent++;
    overload(template.server);
  }

  /** A new connection goes by a template, which is kept for as long as the last time, or for so many milliseconds. */
  keep(template: IpvsConnection, connection: IpvsConnection | undefined, now: number, span: number): void {
    if (connection !== undefined) {
      connection.control = template;
      template.controlled++;
    }
    this.expiry.prolong(template, now, template.queue?.span ?? span);
  }

  /** A template whose server is gone is found no more; it goes when its time comes. */
  invalidate(template: IpvsConnection): void {
    this.lookup.remove(template);
    template.invalidate();
    this.lookup.add(template);
  }

  /** What a packet does to its connection: another state, another span. */
  move(connection: IpvsConnection, direction: 'input' | 'output', flags: number, now: number): void {
    if (connection.protocol !== 6) {
      if (direction === 'output') assure(connection);
      this.expiry.prolong(connection, now, this.spanOf(connection));
      return;
    }
    if (direction === 'output') connection.oneSided = false;
    const before = connection.phase;
    const after = nextTcpState(before, connection.oneSided ? 'input-only' : direction, flags);
    if (before !== after) {
      connection.phase = after;
      const active = isActive(after);
      if (active !== isActive(before)) count(connection.server, active);
      if (after === STATE.established) assure(connection);
    }
    this.expiry.prolong(connection, now, this.spans[after] ?? 0);
  }

  /** Lets a connection go at the next tick. */
  expireNow(connection: IpvsConnection, now: number): void {
    this.expiry.prolong(connection, now, TICK);
  }

  /** Lets all connections of deleted servers go at once, and with them templates that nobody confirmed. */
  expireOrphans(now: number): void {
    for (const connection of [...this.values()]) {
      if (connection.server.available || connection.template) continue;
      this.expiry.remove(connection);
      this.close(connection, now);
    }
    for (const template of [...this.values()]) {
      if (!template.template || template.server.available || template.controlled > 0) continue;
      this.expiry.remove(template);
      this.close(template, now);
    }
  }

  /** The next moment at which something may be due. */
  get next(): number {
    return this.expiry.earliest;
  }

  /** Lets go what is due. */
  work(now: number): void {
    this.expiry.work(now, this.due);
  }

  private readonly due = (connection: IpvsConnection): void => {
    if (connection.controlled > 0) this.expiry.prolong(connection, connection.expiresAt, KEPT);
    else this.close(connection, connection.expiresAt);
  };

  private close(connection: IpvsConnection, now: number): void {
    this.lookup.remove(connection);
    const { server, control } = connection;
    if (control !== undefined) control.controlled--;
    if (connection.template) server.persistent--;
    else if (connection.active) server.active--;
    else server.inactive--;
    const total = server.active + server.inactive;
    if (belowThreshold(server, total)) server.overloaded = false;
    server.service.scheduling.counted(server);
    if (!server.available && total + server.persistent === 0) this.onIdle(server, now);
  }

  private spanOf(connection: IpvsConnection): number {
    return connection.protocol === 6 ? (this.spans[connection.phase] ?? 0) : this.seconds.udp * 1000;
  }
}

function count(server: RealServer, active: boolean): void {
  const step = active ? 1 : -1;
  server.active += step;
  server.inactive -= step;
  server.service.scheduling.counted(server);
}

/** A template is worth keeping once a connection of it was established. */
function assure({ control }: IpvsConnection): void {
  if (control !== undefined) control.phase = ASSURED;
}

function overload(server: RealServer): void {
  if (server.upperThreshold !== 0 && server.active + server.inactive >= server.upperThreshold) server.overloaded = true;
}

function belowThreshold({ upperThreshold, lowerThreshold }: RealServer, total: number): boolean {
  if (lowerThreshold !== 0) return total < lowerThreshold;
  return upperThreshold === 0 || total * 4 < upperThreshold * 3;
}
