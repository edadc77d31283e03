/**
 * An IPv4 packet with its transport header: one flat, mutable record, as the kernel's sk_buff carries it through
 * one machine after the other. NAT rewrites it in place; whoever must keep it takes a copy.
 */
import { formatIpv4, type Ipv4 } from '../base/address.ts';
import { printFlags } from './tcp.ts';

/** Bytes of an IPv4 header without options. */
export const IPV4_HEADER = 20;
/** Bytes of a UDP or ICMP header. */
export const UDP_HEADER = 8;
/** Bytes of a TCP header as Linux sends it: a SYN's with its options, any other's with a timestamp. */
export const TCP_HEADER = { syn: 40, established: 32 } as const;

/** Which part of a larger packet a fragment is. */
export interface Fragment {
  /** The packet it was cut from. */
  readonly of: Packet;
  /** Bytes of that packet's payload before this part. */
  readonly offset: number;
  /** It is not the last. */
  readonly more: boolean;
}

/** The fields of IPv4, TCP, UDP and ICMP that decide where a packet goes. */
export class Packet {
  /** IANA protocol number. */
  protocol: number;
  source: Ipv4;
  destination: Ipv4;
  /** For ICMP echo the identifier in both port fields; for other ICMP 0. */
  sourcePort: number;
  destinationPort: number;
  ttl = 64;
  /** Don't fragment. */
  df = true;
  /** Bytes, IP header included. */
  length: number;
  /** TCP: flag bits. */
  flags = 0;
  /** TCP: sequence and acknowledgement numbers. */
  sequence = 0;
  acknowledgement = 0;
  /** TCP: the SYN's maximum segment size; 0 if the segment has no such option. */
  mss = 0;
  /** ICMP: type and code. */
  icmpType = 0;
  icmpCode = 0;
  /** ICMP errors: what they add: the next hop's MTU if it was too large, the better gateway of a redirect. */
  icmpInfo = 0;
  /** ICMP errors: the packet they are about, as it was when the error was made. */
  quoted: Packet | undefined = undefined;
  /** What the application sent: text, or for a tunnel the inner frame. */
  payload: unknown = undefined;
  /** Which part of a packet it is, if it is not whole. Only the first part has ports, flags and payload. */
  fragment: Fragment | undefined = undefined;
  /** Firewall mark; belongs to one machine only. */
  mark = 0;

  constructor(protocol: number, source: Ipv4, sourcePort: number, destination: Ipv4, destinationPort: number, length: number) {
    this.protocol = protocol;
    this.source = source;
    this.sourcePort = sourcePort;
    this.destination = destination;
    this.destinationPort = destinationPort;
    this.length = length;
  }

  /** A packet of its own with the same headers and payload. */
  copy(): Packet {
    return this.copyInto(
      new Packet(this.protocol, this.source, this.sourcePort, this.destination, this.destinationPort, this.length),
    );
  }

  protected copyInto<P extends Packet>(p: P): P {
    p.ttl = this.ttl;
    p.df = this.df;
    p.flags = this.flags;
    p.sequence = this.sequence;
    p.acknowledgement = this.acknowledgement;
    p.mss = this.mss;
    p.icmpType = this.icmpType;
    p.icmpCode = this.icmpCode;
    p.icmpInfo = this.icmpInfo;
    p.quoted = this.quoted;
    p.payload = this.payload;
    p.fragment = this.fragment;
    p.mark = this.mark;
    return p;
  }
}

/** Whether a packet is a fragment other than the first: it has no transport header. */
export function isLaterFragment({ fragment }: Packet): boolean {
  return fragment !== undefined && fragment.offset > 0;
}

/** `172.16.9.84:40000 > 11.249.78.219:3141 tcp S ttl 64 length 60`. */
export function printPacket(p: Packet): string {
  const part = p.fragment === undefined ? '' : ` fragment at ${p.fragment.offset}${p.fragment.more ? '+' : ''}`;
  const tail = `ttl ${p.ttl} length ${p.length}${part}`;
  if (isLaterFragment(p)) return `${formatIpv4(p.source)} > ${formatIpv4(p.destination)} proto ${p.protocol} ${tail}`;
  if (p.protocol === 1) {
    const what = p.icmpType === 8 ? 'echo request' : p.icmpType === 0 ? 'echo reply' : `type ${p.icmpType} code ${p.icmpCode}`;
    return `${formatIpv4(p.source)} > ${formatIpv4(p.destination)} icmp ${what} ${tail}`;
  }
  const name = p.protocol === 6 ? `tcp ${printFlags(p.flags)}` : p.protocol === 17 ? 'udp' : `proto ${p.protocol}`;
  return `${formatIpv4(p.source)}:${p.sourcePort} > ${formatIpv4(p.destination)}:${p.destinationPort} ${name} ${tail}`;
}
