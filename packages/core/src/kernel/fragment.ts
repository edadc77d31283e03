/**
 * Packets cut into fragments where a device takes no larger ones, and put together again: before conntrack looks at
 * them, or at the latest before they are delivered.
 * Follows linux net/ipv4/ip_output.c (ip_do_fragment: what came in pieces leaves in the same ones, if they fit),
 * ip_fragment.c, and net/ipv4/netfilter/nf_defrag_ipv4.c (6.1). Fragments belong together by the packet they were cut
 * from, not by a 16-bit number that repeats; the kernel's own fragments never have DF.
 */
import type { Timer } from '../base/clock.ts';
import { IPV4_HEADER, type Packet } from '../wire/ipv4.ts';
import { SkBuff } from './skb.ts';

/** net.ipv4.ipfrag_time */
const PATIENCE_MS = 30_000;
/** Packets that wait for their rest; beyond it none is taken on (net.ipv4.ipfrag_high_thresh is in bytes). */
const MOST = 4096;

/** Cuts a packet into pieces of at most `mtu` bytes, or into those it was put together from. */
export function fragments(skb: SkBuff, mtu: number): readonly SkBuff[] {
  const kept = skb.pieces?.every((bytes) => bytes <= mtu - IPV4_HEADER) ? skb.pieces : undefined;
  if (skb.length <= mtu && kept === undefined) return [skb];
  const sizes = kept ?? sizesOf(skb.length, mtu);
  const { of = skb, offset: start = 0, more: rest = false } = skb.fragment ?? {};
  let at = 0;
  return sizes.map((bytes, i) => {
    const made = piece(skb, { of, offset: start + at, more: i < sizes.length - 1 || rest }, bytes);
    at += bytes;
    return made;
  });
}

/** Bytes of payload of the pieces that a packet of `length` bytes is cut into. */
export function sizesOf(length: number, mtu: number): readonly number[] {
  const most = mtu - IPV4_HEADER;
  // Not even eight bytes a piece: no device has such an MTU (the least is 68).
  if (most < 8) return [];
  const sizes: number[] = [];
  let left = length - IPV4_HEADER;
  for (; left > most; left -= most & ~7) sizes.push(most & ~7);
  return [...sizes, left];
}

/** The transport header is in the first fragment, and so is here all that the application sent. */
function piece(skb: SkBuff, fragment: NonNullable<Packet['fragment']>, bytes: number): SkBuff {
  const first = fragment.offset === 0;
  const length = IPV4_HEADER + bytes;
  const made = first ? skb.copy() : new SkBuff(skb.protocol, skb.source, 0, skb.destination, 0, length);
  made.length = length;
  made.ttl = skb.ttl;
  made.mark = skb.mark;
  made.df = false;
  made.fragment = fragment;
  made.input = skb.input;
  made.output = skb.output;
  made.nextHop = skb.nextHop;
  made.sourceMac = skb.sourceMac;
  made.destinationMac = skb.destinationMac;
  made.owner = skb.owner;
  made.hop = skb.hop;
  return made;
}

interface Queue {
  readonly pieces: SkBuff[];
  readonly timer: Timer;
}

/** What the fragments of one namespace need of it. */
export interface FragmentHost {
  after(delay: number, action: () => void): Timer;
  /** The rest of a packet did not come in time; its first fragment did. */
  incomplete(first: SkBuff): void;
}

/** The fragments that wait in one namespace for the rest of their packets. */
export class FragmentTable {
  private readonly host: FragmentHost;
  private readonly queues = new Map<Packet, Queue>();

  constructor(host: FragmentHost) {
    this.host = host;
  }

  /** Takes a fragment. True if it was the last that was missing: then it has become the whole packet. */
  completes(skb: SkBuff, fragment: NonNullable<Packet['fragment']>): boolean {
    const { of } = fragment;
    const queue = this.queues.get(of) ?? this.begin(of);
    if (queue === undefined) return false;
    const { pieces } = queue;
    if (pieces.some((other) => other.fragment?.offset === fragment.offset)) return false;
    pieces.push(skb);
    pieces.sort((a, b) => offsetOf(a) - offsetOf(b));
    if (!isWhole(pieces)) {
      skb.hop?.steps.push({ action: 'fragment', text: 'waits for the rest of its packet' });
      return false;
    }
    queue.timer.cancel();
    this.queues.delete(of);
    assemble(skb, pieces);
    return true;
  }

  private begin(of: Packet): Queue | undefined {
    if (this.queues.size >= MOST) return undefined;
    const timer = this.host.after(PATIENCE_MS, () => {
      const first = this.queues.get(of)?.pieces.find((one) => offsetOf(one) === 0);
      this.queues.delete(of);
      if (first !== undefined) this.host.incomplete(first);
    });
    const queue = { pieces: [], timer };
    this.queues.set(of, queue);
    return queue;
  }
}

function offsetOf(skb: SkBuff): number {
  return skb.fragment?.offset ?? 0;
}

/** Whether pieces in order are all there, without a gap. */
function isWhole(pieces: readonly SkBuff[]): boolean {
  let next = 0;
  for (const one of pieces) {
    if (offsetOf(one) !== next) return false;
    next += one.length - IPV4_HEADER;
  }
  return pieces.at(-1)?.fragment?.more === false;
}

/** Makes the fragment that came last the whole packet, with the headers of the first. */
function assemble(skb: SkBuff, pieces: readonly SkBuff[]): void {
  const sizes = pieces.map(({ length }) => length - IPV4_HEADER);
  const [first] = pieces;
  if (first !== undefined && first !== skb) first.copyHeaders(skb);
  skb.length = sizes.reduce((sum, bytes) => sum + bytes, IPV4_HEADER);
  skb.fragment = undefined;
  skb.pieces = sizes;
  skb.hop?.steps.push({ action: 'fragment', text: `put together of ${pieces.length}: ${skb.length} bytes` });
}
