/**
 * What a TCP socket sends and gets, in segments: how a message is cut, a write of several of them, and those that came
 * before what precedes them.
 * Follows linux net/ipv4/tcp.c (tcp_sendmsg), tcp_input.c (tcp_data_queue_ofo) and net/core/sock.c (release_sock).
 */
import { utf8Length } from '../../base/text.ts';
import { IPV4_HEADER, TCP_HEADER } from '../../wire/ipv4.ts';
import { FLAG } from '../../wire/tcp.ts';
import type { SkBuff } from '../skb.ts';

/** What a segment carries: text, or the value that a message stands for; the segments before its last carry nothing to read. */
export type TcpData = string | object;
/** The part of a message that is not its last. */
export const NOT_YET = {};

/** Bytes of the headers of a segment with a timestamp, IP's included. */
export const HEADERS = IPV4_HEADER + TCP_HEADER.established;
/** Bytes of the longest packet. */
export const MOST_BYTES = 65535;
/** Bytes of the timestamp option, which the maximum segment size does not count. */
export const TIMESTAMP = 12;
/** net.ipv4.tcp_min_snd_mss */
export const LEAST_SEGMENT = 48;
/** Bytes of the option that tells of stretches received. */
const SACK = { head: 4, stretch: 8, most: 3 } as const;

/** A segment before it has its place. */
export interface Segment {
  readonly data: TcpData;
  readonly bytes: number;
  readonly flags: number;
}

/** A segment under way, with its sequence number. */
export interface SentSegment extends Segment {
  readonly first: number;
}

/** The segments under way with one more; undefined stands for none, as for most of a connection's life. */
export function withSegment(waiting: readonly SentSegment[] | undefined, segment: SentSegment): readonly SentSegment[] {
  return waiting === undefined ? [segment] : [...waiting, segment];
}

/** Those that are still under way after an acknowledgement: the same value if that is all of them. */
export function afterAcknowledgement(
  waiting: readonly SentSegment[] | undefined,
  acknowledgement: number,
): readonly SentSegment[] | undefined {
  const rest = waiting?.findIndex(({ first }) => ((acknowledgement - first) | 0) <= 0) ?? 0;
  return rest === 0 ? waiting : rest < 0 ? undefined : waiting?.slice(rest);
}

/**
 * A write of several segments: the kernel is done with one, and with all it causes, before the program's call gets to the
 * next. Meanwhile nothing is heard by the socket.
 */
export interface Write {
  readonly segments: Segment[];
  /** What came for the socket meanwhile. */
  readonly backlog: SkBuff[];
  /** Learns that the way is narrower than was thought. */
  learn: (() => void) | undefined;
  /** The program has closed the socket after it. */
  closes: boolean;
}

/** Data in segments of at most `most` bytes; the last has the flags. */
export function cut(data: TcpData, bytes: number, most: number, flags: number): readonly Segment[] {
  if (bytes <= most) return [{ data, bytes, flags }];
  return typeof data === 'string' ? cutText(data, most, flags) : cutMessage(data, bytes, most, flags);
}

function cutMessage(message: object, bytes: number, most: number, flags: number): readonly Segment[] {
  const segments: Segment[] = [];
  let left = bytes;
  for (; left > most; left -= most) segments.push({ data: NOT_YET, bytes: most, flags: FLAG.ack });
  return [...segments, { data: message, bytes: left, flags }];
}

function cutText(text: string, most: number, flags: number): readonly Segment[] {
  const characters = [...text];
  const segments: Segment[] = [];
  for (let i = 0; i < characters.length; ) {
    let bytes = 0;
    let end = i;
    for (; end < characters.length; end++) {
      const more = utf8Length(characters[end] ?? '');
      if (bytes + more > most) break;
      bytes += more;
    }
    const last = end === characters.length;
    segments.push({ data: characters.slice(i, end).join(''), bytes, flags: last ? flags : FLAG.ack });
    i = end;
  }
  return segments;
}

/** Segments that came before what precedes them. */
export class OutOfOrder {
  private readonly waiting: SkBuff[] = [];

  /** Keeps a segment; one that is there already is not kept twice. */
  add(p: SkBuff): void {
    if (!this.waiting.some(({ sequence }) => sequence === p.sequence)) this.waiting.push(p);
  }

  /** Takes the segment that begins there. */
  take(sequence: number): SkBuff | undefined {
    const i = this.waiting.findIndex((p) => p.sequence === sequence);
    return i < 0 ? undefined : this.waiting.splice(i, 1)[0];
  }

  /** How many stretches without a gap there are. */
  stretches(): number {
    const ends = new Set(this.waiting.map((p) => (p.sequence + bytesOf(p)) >>> 0));
    return this.waiting.filter(({ sequence }) => !ends.has(sequence)).length;
  }
}

/** Bytes of the option for so many stretches. */
export function sackBytes(stretches: number): number {
  return stretches === 0 ? 0 : SACK.head + SACK.stretch * Math.min(SACK.most, stretches);
}

/** Whether a segment has anything for the program. */
export function carries({ payload }: SkBuff): boolean {
  return typeof payload === 'string' || (typeof payload === 'object' && payload !== null);
}

/** Bytes of payload. */
export function bytesOf(p: SkBuff): number {
  return carries(p) ? p.length - HEADERS : 0;
}
