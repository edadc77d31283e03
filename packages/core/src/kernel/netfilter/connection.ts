/**
 * A tracked connection and its table.
 * Follows linux net/netfilter/nf_conntrack_core.c: an entry exists once its first packet has passed all hooks.
 */
import type { Ipv4 } from '../../base/address.ts';
import { type Tuple, TupleEntry, TupleTable } from '../../base/tuple-table.ts';
import type { Packet } from '../../wire/ipv4.ts';
import { TCP, type TcpState } from './tcp-state.ts';

/** One direction of a flow: its tuple, and its place in the table. */
export abstract class Direction extends TupleEntry {
  /** TCP: the sequence number after all that was sent, as a signed number; undefined before the first segment. */
  end: number | undefined = undefined;

  constructor(t: Tuple) {
    super(t.protocol, t.source, t.sourcePort, t.destination, t.destinationPort);
  }

  abstract get connection(): Connection;
  /** Whether it is the one that answers go in. */
  abstract get isReply(): boolean;
}

/** The direction of a flow's answers. */
class Answers extends Direction {
  constructor(
    t: Tuple,
    readonly connection: Connection,
  ) {
    super(t);
  }

  get isReply(): boolean {
    return true;
  }
}

/** What has become of a connection: the bits of the kernel's ct->status, in its numbering where it has them. */
const STATUS = {
  seenReply: 1 << 1,
  assured: 1 << 2,
  confirmed: 1 << 3,
  sourceNat: 1 << 4,
  destinationNat: 1 << 5,
  sourceDecided: 1 << 7,
  destinationDecided: 1 << 8,
  originalWaits: 1 << 9,
  replyWaits: 1 << 10,
  closing: 1 << 16,
} as const;

/** TCP: the segment seen last, of those that matter. */
export type LastSegment = 'other' | 'syn' | 'reset' | 'syn of reply' | 'reset of reply';
const LAST: readonly LastSegment[] = ['other', 'syn', 'reset', 'syn of reply', 'reset of reply'];
const LAST_SHIFT = 20;

/** One flow: itself the direction of its first packet, with what is known of both, and the direction of its answers. */
export class Connection extends Direction {
  private answers: Answers;
  // Bits, since connections are many.
  private status = 0;
  /** TCP only; {@link TCP}.none otherwise. */
  tcp: TcpState = TCP.none;
  /** UDP: when the first packet came, in virtual milliseconds. */
  beganAt = 0;
  /** Virtual milliseconds. */
  expiresAt = 0;
  /** Connection mark. */
  mark = 0;

  /** A connection not yet in any table. */
  constructor(first: Tuple) {
    super(first);
    this.answers = new Answers(inverse(first), this);
  }

  get connection(): Connection {
    return this;
  }

  get isReply(): boolean {
    return false;
  }

  get original(): Direction {
    return this;
  }

  get reply(): Direction {
    return this.answers;
  }

  /** NAT, before the entry is confirmed: its answers will have another tuple. */
  expectReply(tuple: Tuple): void {
    this.answers = new Answers(tuple, this);
  }

  /** TCP: some of what a side sent was not acknowledged yet. */
  get waits(): boolean {
    return (this.status & (STATUS.originalWaits | STATUS.replyWaits)) !== 0;
  }

  /** Notes it of one side. */
  setWaits(reply: boolean, on: boolean): void {
    this.write(reply ? STATUS.replyWaits : STATUS.originalWaits, on);
  }

  get confirmed(): boolean {
    return (this.status & STATUS.confirmed) !== 0;
  }

  set confirmed(on: boolean) {
    this.write(STATUS.confirmed, on);
  }

  /** Answers have been seen. */
  get seenReply(): boolean {
    return (this.status & STATUS.seenReply) !== 0;
  }

  set seenReply(on: boolean) {
    this.write(STATUS.seenReply, on);
  }

  get assured(): boolean {
    return (this.status & STATUS.assured) !== 0;
  }

  set assured(on: boolean) {
    this.write(STATUS.assured, on);
  }

  get sourceNat(): boolean {
    return (this.status & STATUS.sourceNat) !== 0;
  }

  set sourceNat(on: boolean) {
    this.write(STATUS.sourceNat, on);
  }

  get destinationNat(): boolean {
    return (this.status & STATUS.destinationNat) !== 0;
  }

  set destinationNat(on: boolean) {
    this.write(STATUS.destinationNat, on);
  }

  /** NAT of the source has been decided, if only to do nothing. */
  get sourceDecided(): boolean {
    return (this.status & STATUS.sourceDecided) !== 0;
  }

  set sourceDecided(on: boolean) {
    this.write(STATUS.sourceDecided, on);
  }

  /** The same of the destination. */
  get destinationDecided(): boolean {
    return (this.status & STATUS.destinationDecided) !== 0;
  }

  set destinationDecided(on: boolean) {
    this.write(STATUS.destinationDecided, on);
  }

  /** TCP: one side has said that it will send no more. */
  get closing(): boolean {
    return (this.status & STATUS.closing) !== 0;
  }

  set closing(on: boolean) {
    this.write(STATUS.closing, on);
  }

  /** TCP: the segment seen last. */
  get last(): LastSegment {
    return LAST[this.status >> LAST_SHIFT] ?? 'other';
  }

  set last(segment: LastSegment) {
    this.status = (this.status & ((1 << LAST_SHIFT) - 1)) | (LAST.indexOf(segment) << LAST_SHIFT);
  }

  private write(bit: number, on: boolean): void {
    this.status = on ? this.status | bit : this.status & ~bit;
  }
}

/** A connection with a translated source, by inside address and port. */
class MappedSource extends TupleEntry {
  readonly connection: Connection;

  constructor(connection: Connection) {
    const { original } = connection;
    super(original.protocol, original.source, original.sourcePort, 0, 0);
    this.connection = connection;
  }
}

const ICMP = 1;
/** Each ICMP query's answer, and the other way round. */
const ICMP_ANSWERS: ReadonlyMap<number, number> = new Map([
  [8, 0],
  [0, 8],
  [13, 14],
  [14, 13],
  [15, 16],
  [16, 15],
  [17, 18],
  [18, 17],
]);

/** The number that stands in the place of an ICMP packet's destination port: its type and code. */
export function icmpPort(type: number, code: number): number {
  return (type << 8) | code;
}

/** The tuple of the opposite direction; of ICMP the identifier stays, and the type becomes its answer's. */
export function inverse(tuple: Tuple): Tuple {
  if (tuple.protocol === ICMP) {
    const type = ICMP_ANSWERS.get(tuple.destinationPort >> 8) ?? 255;
    return {
      protocol: ICMP,
      source: tuple.destination,
      sourcePort: tuple.sourcePort,
      destination: tuple.source,
      destinationPort: icmpPort(type, tuple.destinationPort & 255),
    };
  }
  return {
    protocol: tuple.protocol,
    source: tuple.destination,
    sourcePort: tuple.destinationPort,
    destination: tuple.source,
    destinationPort: tuple.sourcePort,
  };
}

/** The tuple of a packet; of ICMP with the identifier as source port, type and code as destination port. */
export function tupleOf(p: Packet): Tuple {
  return {
    protocol: p.protocol,
    source: p.source,
    sourcePort: p.sourcePort,
    destination: p.destination,
    destinationPort: farPort(p),
  };
}

function farPort(p: Packet): number {
  return p.protocol === ICMP ? icmpPort(p.icmpType, p.icmpCode) : p.destinationPort;
}

/** Buckets in which a full table looks for connections to give up (NF_CT_EVICTION_RANGE). */
const EVICTION_RANGE = 8;

/** The connections one namespace tracks. */
export class ConnectionTable {
  private readonly table = new TupleTable<Direction>();
  private readonly mapped = new TupleTable<MappedSource>();
  private sweepAt = 1024;

  /** How many connections there are, expired ones that nobody met since included. */
  get size(): number {
    return this.table.size / 2;
  }

  /** The live connection of a packet's tuple, and the direction it goes in. */
  find(p: Packet, now: number): Direction | undefined {
    return this.findTuple(p.protocol, p.source, p.sourcePort, p.destination, farPort(p), now);
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
    this.table.add(original);
    if (!sameTuple(original, reply)) this.table.add(reply);
    if (connection.sourceNat) this.mapped.add(new MappedSource(connection));
    return true;
  }

  /** Whether a tuple belongs to a live connection. */
  taken(t: Tuple, now: number): boolean {
    return this.findTuple(t.protocol, t.source, t.sourcePort, t.destination, t.destinationPort, now) !== undefined;
  }

  /** Whether the tuple of the answers to `t` belongs to a live connection. */
  answersTaken(t: Tuple, now: number): boolean {
    if (t.protocol === ICMP) return this.taken(inverse(t), now);
    return this.findTuple(t.protocol, t.destination, t.destinationPort, t.source, t.sourcePort, now) !== undefined;
  }

  /** Takes a connection out. */
  remove(connection: Connection): void {
    this.table.delete(connection.original);
    this.table.delete(connection.reply);
    if (connection.sourceNat && connection.confirmed) this.removeMapped(connection);
    connection.confirmed = false;
  }

  /** The tuple `t` with the outside end that the newest live connection from the same source has, of those that will do. */
  mappedSource(t: Tuple, suits: (address: Ipv4, port: number) => boolean, now: number): Tuple | undefined {
    let mapped = this.mapped.get(t.protocol, t.source, t.sourcePort, 0, 0);
    for (; mapped !== undefined; mapped = this.mapped.older(mapped)) {
      if (mapped.connection.expiresAt <= now) continue;
      const { source, sourcePort } = inverse(mapped.connection.reply);
      if (suits(source, sourcePort)) return { ...t, source, sourcePort };
    }
    return undefined;
  }

  private removeMapped(connection: Connection): void {
    const { original } = connection;
    let mapped = this.mapped.get(original.protocol, original.source, original.sourcePort, 0, 0);
    while (mapped !== undefined && mapped.connection !== connection) mapped = this.mapped.older(mapped);
    if (mapped !== undefined) this.mapped.delete(mapped);
  }

  /**
   * Makes room near a new connection's place, as early_drop does: of eight buckets the first that has any connections
   * that are not assured loses those. False if there are none.
   */
  dropEarly(t: Tuple, now: number): boolean {
    for (let distance = 0; distance < EVICTION_RANGE; distance++) {
      const victims = [...this.table.nearby(t, distance)].filter(({ connection: c }) => !c.assured || c.expiresAt <= now);
      for (const { connection } of victims) if (connection.confirmed) this.remove(connection);
      if (victims.length > 0) return true;
    }
    return false;
  }

  /** Forgets all connections, as `conntrack -F`. */
  flush(): void {
    for (const { connection } of [...this.table.values()]) this.remove(connection);
  }

  /** Live connections. */
  *list(now: number): Iterable<Connection> {
    for (const { connection, isReply } of this.table.values()) if (!isReply && connection.expiresAt > now) yield connection;
  }

  private sweep(now: number): void {
    const expired: Connection[] = [];
    this.table.each(({ connection, isReply }) => {
      if (!isReply && connection.expiresAt <= now) expired.push(connection);
    });
    for (const connection of expired) this.remove(connection);
    this.sweepAt = Math.max(1024, this.table.size * 2);
  }
}

/** Whether two tuples of one protocol are the same. */
export function sameTuple(a: Tuple, b: Tuple): boolean {
  return (
    a.source === b.source &&
    a.destination === b.destination &&
    a.sourcePort === b.sourcePort &&
    a.destinationPort === b.destinationPort
  );
}
