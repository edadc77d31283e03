/**
 * A tracked connection and its table.
 * Follows linux net/netfilter/nf_conntrack_core.c: an entry exists once its first packet has passed all hooks.
 */
import { type Tuple, TupleTable } from '../../base/tuple-table.ts';
import type { Packet } from '../../wire/ipv4.ts';
import { TCP, type TcpState } from './tcp-state.ts';

/** One flow: the tuple its first packet had, and the one its answers will have. */
export interface Connection {
  readonly original: Tuple;
  /** Changed by NAT before the entry is confirmed. */
  reply: Tuple;
  confirmed: boolean;
  /** Answers have been seen. */
  seenReply: boolean;
  assured: boolean;
  /** TCP only; {@link TCP}.none otherwise. */
  tcp: TcpState;
  /** UDP: when the first answer came, in virtual milliseconds. */
  repliedAt: number;
  /** Virtual milliseconds. */
  expiresAt: number;
  /** Connection mark. */
  mark: number;
  sourceNat: boolean;
  destinationNat: boolean;
  /** NAT of that side has been decided, if only to do nothing. */
  sourceDecided: boolean;
  destinationDecided: boolean;
}

/** A tuple's place in the table: which connection, which direction. */
export interface Direction {
  readonly connection: Connection;
  readonly reply: boolean;
}

/** The tuple of the opposite direction; ICMP echo keeps its identifier on both sides. */
export function inverse(tuple: Tuple): Tuple {
  return {
    protocol: tuple.protocol,
    source: tuple.destination,
    sourcePort: tuple.destinationPort,
    destination: tuple.source,
    destinationPort: tuple.sourcePort,
  };
}

/** The tuple of a packet. */
export function tupleOf(p: Packet): Tuple {
  return {
    protocol: p.protocol,
    source: p.source,
    sourcePort: p.sourcePort,
    destination: p.destination,
    destinationPort: p.destinationPort,
  };
}

/** A connection not yet in any table. */
export function newConnection(p: Packet): Connection {
  const original = tupleOf(p);
  return {
    original,
    reply: inverse(original),
    confirmed: false,
    seenReply: false,
    assured: false,
    tcp: TCP.none,
    repliedAt: 0,
    expiresAt: 0,
    mark: 0,
    sourceNat: false,
    destinationNat: false,
    sourceDecided: false,
    destinationDecided: false,
  };
}

/** The connections one namespace tracks. */
export class ConnectionTable {
  private readonly table = new TupleTable<Direction>();
  private sweepAt = 1024;

  /** How many connections there are, expired ones that nobody met since included. */
  get size(): number {
    return this.table.size / 2;
  }

  /** The live connection of a packet's tuple, and the direction it goes in. */
  find(p: Packet, now: number): Direction | undefined {
    return this.findTuple(p.protocol, p.source, p.sourcePort, p.destination, p.destinationPort, now);
  }

  /** As {@link find}, by the five numbers. */
  findTuple(
    protocol: number,
    source: number,
    sourcePort: number,
    destination: number,
    destinationPort: number,
    now: number,
  ): Direction | undefined {
    const direction = this.table.get(protocol, source, sourcePort, destination, destinationPort);
    if (direction === undefined) return undefined;
    if (direction.connection.expiresAt > now) return direction;
    this.remove(direction.connection);
    return undefined;
  }

  /** Enters a connection; false if one of its tuples is taken. */
  confirm(connection: Connection, now: number): boolean {
    const { original, reply } = connection;
    if (this.taken(original, now) || this.taken(reply, now)) return false;
    if (this.table.size >= this.sweepAt) this.sweep(now);
    connection.confirmed = true;
    this.table.add(original, { connection, reply: false });
    if (!same(original, reply)) this.table.add(reply, { connection, reply: true });
    return true;
  }

  /** Whether a tuple belongs to a live connection. */
  taken(t: Tuple, now: number): boolean {
    return this.findTuple(t.protocol, t.source, t.sourcePort, t.destination, t.destinationPort, now) !== undefined;
  }

  /** Takes a connection out. */
  remove(connection: Connection): void {
    this.table.delete(connection.original);
    this.table.delete(connection.reply);
    connection.confirmed = false;
  }

  /** Forgets all connections, as `conntrack -F`. */
  flush(): void {
    for (const direction of [...this.table.values()]) this.remove(direction.connection);
  }

  /** Live connections. */
  *list(now: number): Iterable<Connection> {
    for (const { connection, reply } of this.table.values()) if (!reply && connection.expiresAt > now) yield connection;
  }

  private sweep(now: number): void {
    for (const { connection, reply } of [...this.table.values()])
      if (!reply && connection.expiresAt <= now) this.remove(connection);
    this.sweepAt = Math.max(1024, this.table.size * 2);
  }
}

function same(a: Tuple, b: Tuple): boolean {
  return (
    a.source === b.source &&
    a.destination === b.destination &&
    a.sourcePort === b.sourcePort &&
    a.destinationPort === b.destinationPort
  );
}
