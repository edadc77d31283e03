/**
 * Connection tracking at work: which connection a packet belongs to, and what it does to it.
 * Follows linux net/netfilter/nf_conntrack_{core,proto_tcp,proto_udp,proto_icmp}.c (6.1).
 */
import { IPV4_HEADER, type Packet, TCP_HEADER } from '../../wire/ipv4.ts';
import { FLAG } from '../../wire/tcp.ts';
import type { SkBuff } from '../skb.ts';
import { Connection, type ConnectionTable, inverse, type LastSegment, tupleOf } from './connection.ts';
import type { Verdict } from './hook.ts';
import { PROTOCOL } from './rule.ts';
import { IGNORED, INVALID, nextTcpState, TCP, TCP_TIMEOUT_SECONDS } from './tcp-state.ts';

const UDP_SECONDS = 30;
const UDP_STREAM_SECONDS = 120;
const ICMP_SECONDS = 30;
const GENERIC_SECONDS = 600;
/** nf_conntrack_tcp_timeout_unacknowledged */
const UNACKNOWLEDGED_SECONDS = 300;
/** Only these begin a connection: echo, timestamp, information and address mask requests. */
const ICMP_QUERIES: readonly number[] = [8, 13, 15, 17];

/** What tracking needs of its namespace. */
export interface TrackHost {
  readonly connections: ConnectionTable;
  readonly now: number;
  /** net.netfilter.nf_conntrack_max */
  readonly connectionLimit: number;
  log(text: string): void;
}

/** Finds or makes the connection of a packet, and notes both on it. */
export function track(host: TrackHost, skb: SkBuff): Verdict {
  const { connections: table, now } = host;
  if (skb.ctInfo !== undefined) return 'accept';
  if (skb.protocol === PROTOCOL.icmp && skb.quoted !== undefined) return trackError(table, skb, skb.quoted, now);
  const known = table.find(skb, now);
  if (known === undefined) return trackNew(host, skb);
  if (skb.protocol === PROTOCOL.tcp && reopens(known.connection, skb, known.isReply)) {
    table.remove(known.connection);
    return trackNew(host, skb);
  }
  const { connection, isReply: reply } = known;
  if (!update(connection, skb, reply, now, table)) {
    skb.ctInfo = 'invalid';
    return 'accept';
  }
  skb.connection = connection;
  skb.reply = reply;
  skb.ctInfo = connection.seenReply || reply ? 'established' : 'new';
  if (reply) connection.seenReply = true;
  return 'accept';
}

/** Enters the connection of a packet that has passed all hooks. */
export function confirm(table: ConnectionTable, skb: SkBuff, now: number): Verdict {
  const connection = skb.connection;
  if (connection === undefined || connection.confirmed || skb.reply || skb.ctInfo === 'related') return 'accept';
  if (table.confirm(connection, now)) return 'accept';
  skb.hop?.steps.push({ action: 'dropped', text: 'another connection has its tuple by now' });
  return 'drop';
}

function trackNew(host: TrackHost, skb: SkBuff): Verdict {
  if (skb.protocol === PROTOCOL.icmp && !ICMP_QUERIES.includes(skb.icmpType)) {
    skb.ctInfo = 'invalid';
    return 'accept';
  }
  const { connections, now } = host;
  const connection = new Connection(tupleOf(skb));
  if (!update(connection, skb, false, now, undefined)) {
    skb.ctInfo = 'invalid';
    return 'accept';
  }
  if (connections.size >= host.connectionLimit && !connections.dropEarly(connection.original, now)) {
    host.log('nf_conntrack: nf_conntrack: table full, dropping packet');
    skb.hop?.steps.push({ action: 'dropped', text: `${host.connectionLimit} connections are tracked, no more can be` });
    return 'drop';
  }
  skb.connection = connection;
  skb.reply = false;
  skb.ctInfo = 'new';
  return 'accept';
}

function trackError(table: ConnectionTable, skb: SkBuff, quoted: Packet, now: number): Verdict {
  // The error goes the way that answers to the quoted packet would go.
  const t = inverse(tupleOf(quoted));
  const answers = table.findTuple(t.protocol, t.source, t.sourcePort, t.destination, t.destinationPort, now);
  // RFC 5508: an error goes to whoever sent what it quotes.
  if (answers === undefined || skb.destination !== quoted.source) {
    skb.ctInfo = 'invalid';
    return 'accept';
  }
  skb.connection = answers.connection;
  skb.reply = answers.isReply;
  skb.ctInfo = 'related';
  return 'accept';
}

/** A connection that a REJECT rule answered with a reset is over (nf_conntrack_tcp_set_closing, since 5.19). */
export function setClosing(connection: Connection, now: number): void {
  connection.tcp = TCP.close;
  connection.expiresAt = now + (TCP_TIMEOUT_SECONDS[TCP.close] ?? 0) * 1000;
}

/** A SYN begins a connection that is over anew: one that was closed, or that the same side has reset. */
function reopens(connection: Connection, { flags }: SkBuff, reply: boolean): boolean {
  if (connection.tcp < TCP.timeWait || nextTcpState(connection.tcp, flags, reply) !== TCP.synSent) return false;
  return connection.closing || connection.last === (reply ? 'reset of reply' : 'reset');
}

/** Moves a connection's state and deadline; false if the packet cannot belong to it. */
function update(connection: Connection, skb: SkBuff, reply: boolean, now: number, table: ConnectionTable | undefined): boolean {
  if (skb.protocol === PROTOCOL.tcp) return updateTcp(connection, skb, reply, now, table);
  connection.expiresAt = now + otherSeconds(connection, skb.protocol, now) * 1000;
  return true;
}

function updateTcp(
  connection: Connection,
  skb: SkBuff,
  reply: boolean,
  now: number,
  table: ConnectionTable | undefined,
): boolean {
  const { flags } = skb;
  let old = connection.tcp;
  let next = nextTcpState(old, flags, reply);
  if (next === INVALID) return false;
  const { last } = connection;
  connection.last = lastSegment(flags, reply);
  if (next === IGNORED || (next === TCP.synSent && old >= TCP.timeWait)) {
    const answersSyn = (flags & (FLAG.syn | FLAG.ack)) === (FLAG.syn | FLAG.ack) && last === (reply ? 'syn' : 'syn of reply');
    if (!answersSyn) return true;
    // Both ends agree on a new connection that was not taken for one here.
    forget(connection, skb, reply);
    old = TCP.synSent;
    next = TCP.synReceived;
  }
  connection.tcp = next;
  if (next !== old && next === TCP.finWait) connection.closing = true;
  follow(connection, skb, reply);
  if (!connection.seenReply && table !== undefined) {
    // A reset of a connection that never was answered takes it away at once.
    if (flags & FLAG.rst) {
      table.remove(connection);
      connection.confirmed = true;
      return true;
    }
    // A SYN that is sent again does not keep it alive.
    if (old === TCP.synSent && connection.last !== 'other') return true;
  }
  const pickedUp = next === TCP.established && !connection.seenReply;
  const seconds = TCP_TIMEOUT_SECONDS[next] ?? 0;
  connection.expiresAt = now + (connection.waits || pickedUp ? Math.min(seconds, UNACKNOWLEDGED_SECONDS) : seconds) * 1000;
  if (connection.seenReply && next === TCP.established && (old === TCP.synReceived || old === TCP.established))
    connection.assured = true;
  return true;
}

function lastSegment(flags: number, reply: boolean): LastSegment {
  if (flags & FLAG.rst) return reply ? 'reset of reply' : 'reset';
  if ((flags & (FLAG.syn | FLAG.ack)) === FLAG.syn) return reply ? 'syn of reply' : 'syn';
  return 'other';
}

/** What was known of both sides' data before a SYN that was ignored, and is answered now. */
function forget(connection: Connection, { acknowledgement }: SkBuff, reply: boolean): void {
  const sender = reply ? connection.reply : connection.original;
  const receiver = reply ? connection.original : connection.reply;
  sender.end = undefined;
  receiver.end = acknowledgement | 0;
  connection.setWaits(true, false);
  connection.setWaits(false, false);
}

/** Notes how far a side's data go, and whether the other side's have all arrived (tcp_in_window). */
function follow(connection: Connection, { flags, sequence, acknowledgement, length, payload }: SkBuff, reply: boolean): void {
  const sender = reply ? connection.reply : connection.original;
  const receiver = reply ? connection.original : connection.reply;
  const bytes = payload === undefined ? 0 : length - IPV4_HEADER - TCP_HEADER.established;
  const end = (sequence + bytes + (flags & (FLAG.syn | FLAG.fin) ? 1 : 0)) | 0;
  if (sender.end === undefined) sender.end = end;
  else if (((end - sender.end) | 0) > 0) {
    sender.end = end;
    connection.setWaits(reply, true);
  }
  if (flags & FLAG.ack && (acknowledgement | 0) === receiver.end) connection.setWaits(!reply, false);
}

function otherSeconds(connection: Connection, protocol: number, now: number): number {
  if (protocol === PROTOCOL.icmp) return ICMP_SECONDS;
  if (protocol !== PROTOCOL.udp) return GENERIC_SECONDS;
  if (!connection.confirmed) connection.beganAt = now;
  if (!connection.seenReply || now - connection.beganAt <= 2000) return UDP_SECONDS;
  connection.assured = true;
  return UDP_STREAM_SECONDS;
}
