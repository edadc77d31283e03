/**
 * Address translation: decided by the nat table for a connection's first packet, done to all of them.
 * Follows linux net/netfilter/nf_nat_core.c and nf_nat_proto.c (6.1). Where the kernel draws a port from its own
 * chance, the namespace's seeded chance is drawn from.
 */
import type { Random } from '../../base/random.ts';
import type { Tuple } from '../../base/tuple-table.ts';
import type { Packet } from '../../wire/ipv4.ts';
import type { SkBuff } from '../skb.ts';
import { type Connection, type ConnectionTable, inverse, sameTuple } from './connection.ts';
import { allows, type Mapping, mappedAddress } from './nat-range.ts';
import { type PortSpan, PROTOCOL } from './rule.ts';

/** Which end of a packet a hook translates. */
export type Side = 'source' | 'destination';

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
  const address = mappedAddress(t, mapping);
  const moved = address === undefined ? t : { ...t, destination: address };
  const span = mapping?.port;
  // Of an echo another identifier is taken even without a rule.
  if (span === undefined) return t.protocol === PROTOCOL.icmp ? freeIdentifier(moved, table, now) : moved;
  const draws = mapping?.random === true;
  const base = mapping?.basePort;
  const may = !draws && base === undefined && inSpan(span, t.destinationPort);
  if (may && (span.first === span.last || !table.answersTaken(moved, now))) return moved;
  const size = span.last - span.first + 1;
  // A port as far from the span's first as the one it has is from the base: in 16 bits, as the kernel counts.
  const start = base !== undefined ? (t.destinationPort - base) & 0xffff : draws ? random.nextInt(size) : 0;
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
  const earlier = mapping?.random === true ? undefined : earlierSource(current, mapping, table, now);
  if (earlier !== undefined) return earlier;
  const address = mappedAddress(current, mapping) ?? current.source;
  const wanted = address === current.source ? current : { ...current, source: address };
  if (mapping?.random !== true && portFits(wanted, span, table, now)) return wanted;
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

/** The source as it is if that is allowed, else what another connection from it has outside; undefined if that is taken. */
function earlierSource(current: Tuple, mapping: Mapping | undefined, table: ConnectionTable, now: number): Tuple | undefined {
  const before = allows(mapping, current.source, current.sourcePort)
    ? current
    : table.mappedSource(current, (address, port) => allows(mapping, address, port), now);
  return before === undefined || table.answersTaken(before, now) ? undefined : before;
}

/** Whether a source may keep its port: a span's only one even if it is taken. */
function portFits(wanted: Tuple, span: PortSpan | undefined, table: ConnectionTable, now: number): boolean {
  if (span !== undefined && !inSpan(span, wanted.sourcePort)) return false;
  return (span !== undefined && span.first === span.last) || !table.answersTaken(wanted, now);
}

function portClass(t: Tuple): PortSpan {
  if (t.protocol === PROTOCOL.icmp) return { first: 0, last: 65535 };
  if (t.sourcePort < 512) return { first: 1, last: 511 };
  if (t.sourcePort < 1024) return { first: 600, last: 1023 };
  return { first: 1024, last: 65535 };
}
