/**
 * Address translation: decided by the nat table for a connection's first packet, done to all of them.
 * Follows linux net/netfilter/nf_nat_core.c and nf_nat_proto.c (6.1). Where the kernel draws a port from its own
 * chance, the namespace's seeded chance is drawn from.
 */
import type { Ipv4 } from '../../base/address.ts';
import type { Random } from '../../base/random.ts';
import type { Tuple } from '../../base/tuple-table.ts';
import type { Packet } from '../../wire/ipv4.ts';
import type { SkBuff } from '../skb.ts';
import { type Connection, type ConnectionTable, inverse, sameTuple } from './connection.ts';
import { type PortSpan, PROTOCOL } from './rule.ts';

/** Which end of a packet a hook translates. */
export type Side = 'source' | 'destination';

/** What a nat rule asks for: an address, a span of ports, or both. */
export interface Mapping {
  readonly address: Ipv4 | undefined;
  readonly port: PortSpan | undefined;
  /** A port is drawn even where the one there is would do (NF_NAT_RANGE_PROTO_RANDOM). */
  readonly random: boolean;
}

/**
 * Decides one side of a new connection: as a rule maps it or, without a rule, as it is, with another source port
 * if its tuple is taken. False if no free tuple was found.
 */
export function decide(
  connection: Connection,
  side: Side,
  mapping: Mapping | undefined,
  table: ConnectionTable,
  random: Random,
  now: number,
): boolean {
  if (mapping === undefined && mayStay(connection, side, table, now)) return note(connection, side, false);
  const current = inverse(connection.reply);
  const free =
    side === 'source' ? freeSource(current, mapping, table, random, now) : mapDestination(current, mapping, table, random, now);
  if (free === undefined) return false;
  // Another identifier of an echo counts as well, on either side.
  const changed = free !== current && !sameTuple(free, current);
  if (changed) connection.expectReply(inverse(free));
  return note(connection, side, changed);
}

/** Whether one side of a connection that no rule maps is free as it is. */
function mayStay({ protocol, reply }: Connection, side: Side, table: ConnectionTable, now: number): boolean {
  return side === 'source' ? !table.taken(reply, now) : protocol !== PROTOCOL.icmp;
}

function note(connection: Connection, side: Side, changed: boolean): true {
  if (side === 'source') {
    connection.sourceDecided = true;
    connection.sourceNat = changed;
  } else {
    connection.destinationDecided = true;
    connection.destinationNat = changed;
  }
  return true;
}

/** Rewrites one side of a packet as its connection demands; for ICMP errors the quoted packet as well. */
export function translate(connection: Connection, side: Side, skb: SkBuff): void {
  // The source of answers is the translated destination of the original packets, and the other way round.
  const touched = skb.reply === (side === 'source') ? connection.destinationNat : connection.sourceNat;
  if (!touched) return;
  const opposite = skb.reply ? connection.original : connection.reply;
  if (skb.quoted !== undefined) {
    const quoted = skb.quoted.copy();
    rewrite(quoted, side === 'source' ? 'destination' : 'source', opposite, true);
    skb.quoted = quoted;
    rewriteAddress(skb, side, opposite);
    return;
  }
  rewrite(skb, side, opposite, false);
  skb.hop?.steps.push({
    action: 'nat',
    side,
    address: side === 'source' ? skb.source : skb.destination,
    port: side === 'source' ? skb.sourcePort : skb.destinationPort,
  });
}

/** `opposite` is the tuple of the packets that answer this one: its destination is our source. */
function rewrite(p: Packet, side: Side, opposite: Tuple, quoted: boolean): void {
  // A quoted packet runs in the opposite direction itself.
  if (quoted && side === 'source') p.source = opposite.source;
  else if (quoted) p.destination = opposite.destination;
  else rewriteAddress(p, side, opposite);
  if (p.protocol === PROTOCOL.icmp) {
    p.sourcePort = opposite.sourcePort;
    p.destinationPort = opposite.sourcePort;
  } else if (side === 'source') p.sourcePort = quoted ? opposite.sourcePort : opposite.destinationPort;
  else p.destinationPort = quoted ? opposite.destinationPort : opposite.sourcePort;
}

function rewriteAddress(p: Packet, side: Side, opposite: Tuple): void {
  if (side === 'source') p.source = opposite.destination;
  else p.destination = opposite.source;
}

/** The first port of a span that is free, from the one it has if that is in the span, or from one that is drawn. */
function mapDestination(t: Tuple, mapping: Mapping | undefined, table: ConnectionTable, random: Random, now: number): Tuple {
  const moved = mapping?.address === undefined ? t : { ...t, destination: mapping.address };
  const span = mapping?.port;
  // Of an echo another identifier is taken even without a rule.
  if (span === undefined) return t.protocol === PROTOCOL.icmp ? freeIdentifier(moved, table, now) : moved;
  const draws = mapping?.random === true;
  if (!draws && inSpan(span, t.destinationPort) && (span.first === span.last || !table.answersTaken(moved, now))) return moved;
  const size = span.last - span.first + 1;
  const start = draws ? random.nextInt(size) : 0;
  for (let i = 0; i < size; i++) {
    const candidate = { ...moved, destinationPort: span.first + ((start + i) % size) };
    if (!table.answersTaken(candidate, now)) return candidate;
  }
  return { ...moved, destinationPort: span.first };
}

/** How many identifiers the kernel tries from 0 on before it tries some at random (NF_NAT_MAX_ATTEMPTS). */
const MOST_TRIES = 128;

/** Where the echo's identifier is taken already: the first one that is free. */
function freeIdentifier(t: Tuple, table: ConnectionTable, now: number): Tuple {
  for (let id = -1; id < MOST_TRIES; id++) {
    const candidate = id < 0 ? t : { ...t, sourcePort: id };
    if (!table.answersTaken(candidate, now)) return candidate;
  }
  return t;
}

function inSpan(span: PortSpan, port: number): boolean {
  return span.first <= port && port <= span.last;
}

function freeSource(
  current: Tuple,
  mapping: Mapping | undefined,
  table: ConnectionTable,
  random: Random,
  now: number,
): Tuple | undefined {
  const span = mapping?.port;
  const address = mapping?.address ?? current.source;
  const wanted = address === current.source ? current : { ...current, source: address };
  const kept = mapping?.random === true ? undefined : keptSource(current, wanted, span, table, now);
  if (kept !== undefined) return kept;
  if (wanted.protocol !== PROTOCOL.tcp && wanted.protocol !== PROTOCOL.udp && wanted.protocol !== PROTOCOL.icmp) return undefined;
  const { first, last } = span ?? portClass(current);
  const size = last - first + 1;
  const start = random.nextInt(size);
  for (let i = 0; i < size; i++) {
    const candidate = { ...wanted, sourcePort: first + ((start + i) % size) };
    if (!table.answersTaken(candidate, now)) return candidate;
  }
  return undefined;
}

/** The source with the port it has, or had before, if that will do. */
function keptSource(
  current: Tuple,
  wanted: Tuple,
  span: PortSpan | undefined,
  table: ConnectionTable,
  now: number,
): Tuple | undefined {
  if (wanted === current && (span === undefined || inSpan(span, current.sourcePort))) {
    if (!table.answersTaken(current, now)) return current;
  } else {
    // A flow from the same address and port keeps the outside port that another one of it has.
    const before = table.mappedSource(current, wanted.source, span, now);
    if (before !== undefined && !table.answersTaken(before, now)) return before;
  }
  if (span !== undefined && !inSpan(span, wanted.sourcePort)) return undefined;
  return span?.first === span?.last && span !== undefined ? wanted : table.answersTaken(wanted, now) ? undefined : wanted;
}

function portClass(t: Tuple): PortSpan {
  if (t.protocol === PROTOCOL.icmp) return { first: 0, last: 65535 };
  if (t.sourcePort < 512) return { first: 1, last: 511 };
  if (t.sourcePort < 1024) return { first: 600, last: 1023 };
  return { first: 1024, last: 65535 };
}
