/**
 * The connections of a namespace: found from both sides, moved by packets, counted at their real servers, gone in time.
 * Follows linux net/netfilter/ipvs/ip_vs_conn.c (6.1).
 */
import type { Ipv4 } from '../../base/address.ts';
import type { IpvsConnection } from './connection.ts';
import { Expiry } from './expiry.ts';
import { NewestTable } from './newest-table.ts';
import type { RealServer } from './service.ts';
import { DEFAULT_TIMEOUTS, type Direction, type IpvsTimeouts, isActive, nextTcpState, tcpTimeouts } from './state.ts';

/** A connection that is to go "now" goes when the kernel's timer ticks next. */
const TICK = 1;

/** The table of connections. */
export class ConnectionTable {
  /** By (protocol, client, its port, virtual address, port). */
  private readonly inbound = new NewestTable((c) => ({
    protocol: c.protocol,
    source: c.client,
    sourcePort: c.clientPort,
    destination: c.virtual,
    destinationPort: c.virtualPort,
  }));
  /** By (protocol, real server, its port, client, its port). */
  private readonly outbound = new NewestTable((c) => ({
    protocol: c.protocol,
    source: c.server.address,
    sourcePort: c.server.port,
    destination: c.client,
    destinationPort: c.clientPort,
  }));
  private readonly expiry = new Expiry();
  private readonly onIdle: (server: RealServer) => void;
  private seconds: IpvsTimeouts = DEFAULT_TIMEOUTS;
  private spans = tcpTimeouts(DEFAULT_TIMEOUTS);

  /** @param onIdle told of a deleted server whose last connection went */
  constructor(onIdle: (server: RealServer) => void) {
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

  /** The connection of a packet towards a virtual service. */
  towards(protocol: number, client: Ipv4, clientPort: number, virtual: Ipv4, port: number): IpvsConnection | undefined {
    return this.inbound.get(protocol, client, clientPort, virtual, port);
  }

  /** The connection of a packet from a real server. */
  from(protocol: number, server: Ipv4, serverPort: number, client: Ipv4, clientPort: number): IpvsConnection | undefined {
    return this.outbound.get(protocol, server, serverPort, client, clientPort);
  }

  /** All connections. */
  values(): Iterable<IpvsConnection> {
    return this.inbound.values();
  }

  /** Adds a new connection and counts it; the packet that made it is still to {@link move} it. */
  open(connection: IpvsConnection): void {
    this.inbound.add(connection);
    this.outbound.add(connection);
    const { server } = connection;
    server.inactive++;
    if (server.upperThreshold !== 0 && server.active + server.inactive >= server.upperThreshold) server.overloaded = true;
    server.service.scheduling.counted(server);
  }

  /** What a packet does to its connection: another state, another span. */
  move(connection: IpvsConnection, direction: Direction, flags: number, now: number): void {
    if (connection.protocol === 17) {
      this.expiry.prolong(connection, now, this.seconds.udp * 1000);
      return;
    }
    const before = connection.phase;
    const after = nextTcpState(before, direction, flags);
    if (before !== after) {
      connection.phase = after;
      const active = isActive(after);
      if (active !== isActive(before)) count(connection.server, active);
    }
    this.expiry.prolong(connection, now, this.spans[after] ?? 0);
  }

  /** Lets a connection go at the next tick. */
  expireNow(connection: IpvsConnection, now: number): void {
    this.expiry.prolong(connection, now, TICK);
  }

  /** Lets all connections of deleted servers go at once. */
  expireOrphans(): void {
    for (const connection of [...this.values()]) {
      if (connection.server.available) continue;
      this.expiry.remove(connection);
      this.close(connection);
    }
  }

  /** Lets go what is due. */
  work(now: number): void {
    if (!this.expiry.isDue(now)) return;
    for (let due = this.expiry.takeDue(now); due !== undefined; due = this.expiry.takeDue(now)) this.close(due);
  }

  private close(connection: IpvsConnection): void {
    this.inbound.remove(connection);
    this.outbound.remove(connection);
    const { server } = connection;
    if (connection.active) server.active--;
    else server.inactive--;
    const total = server.active + server.inactive;
    if (belowThreshold(server, total)) server.overloaded = false;
    server.service.scheduling.counted(server);
    if (total === 0 && !server.available) this.onIdle(server);
  }
}

function count(server: RealServer, active: boolean): void {
  const step = active ? 1 : -1;
  server.active += step;
  server.inactive -= step;
  server.service.scheduling.counted(server);
}

function belowThreshold({ upperThreshold, lowerThreshold }: RealServer, total: number): boolean {
  if (lowerThreshold !== 0) return total < lowerThreshold;
  return upperThreshold === 0 || total * 4 < upperThreshold * 3;
}
