/**
 * ICMP errors and echo: what a namespace says about packets it could not take or pass on.
 * Follows linux net/ipv4/icmp.c (icmp_send): no error about an error, a broadcast, or a fragment
 * other than the first; the quoted packet is
 * cut so that the error has at most 576 bytes and fits the way back; DF off.
 */
import { type Ipv4, isGroupMac } from '../base/address.ts';
import { IPV4_HEADER, isLaterFragment, UDP_HEADER } from '../wire/ipv4.ts';
import { PROTOCOL } from './netfilter/rule.ts';
import { SkBuff } from './skb.ts';
import type { TcpFailure } from './socket/tcp-program.ts';

/** Types and codes of the errors made here. */
export const ICMP_ERROR = {
  netUnreachable: { type: 3, code: 0 },
  hostUnreachable: { type: 3, code: 1 },
  protocolUnreachable: { type: 3, code: 2 },
  portUnreachable: { type: 3, code: 3 },
  fragmentationNeeded: { type: 3, code: 4 },
  networkProhibited: { type: 3, code: 9 },
  hostProhibited: { type: 3, code: 10 },
  administrativelyProhibited: { type: 3, code: 13 },
  redirect: { type: 5, code: 1 },
  timeExceeded: { type: 11, code: 0 },
  reassemblyTimeExceeded: { type: 11, code: 1 },
} as const;

/** What REJECT's answers are. */
export const REJECT_ERROR = {
  'icmp-net-unreachable': ICMP_ERROR.netUnreachable,
  'icmp-host-unreachable': ICMP_ERROR.hostUnreachable,
  'icmp-proto-unreachable': ICMP_ERROR.protocolUnreachable,
  'icmp-port-unreachable': ICMP_ERROR.portUnreachable,
  'icmp-net-prohibited': ICMP_ERROR.networkProhibited,
  'icmp-host-prohibited': ICMP_ERROR.hostProhibited,
  'icmp-admin-prohibited': ICMP_ERROR.administrativelyProhibited,
} as const;

/** A type and a code. */
export interface IcmpError {
  readonly type: number;
  readonly code: number;
}

const MOST_BYTES = 576;

/** The error about a packet, or undefined where none may be sent. `room` is what gets back to the sender. */
export function icmpError(
  about: SkBuff,
  error: IcmpError,
  { source, info, room }: { source: Ipv4; info: number; room: number },
): SkBuff | undefined {
  if (about.ofMany || isGroupMac(about.destinationMac)) return undefined;
  if ((about.protocol === PROTOCOL.icmp && about.quoted !== undefined) || isLaterFragment(about)) return undefined;
  const bytes = Math.min(MOST_BYTES, room, IPV4_HEADER + UDP_HEADER + about.length);
  const skb = new SkBuff(PROTOCOL.icmp, source, 0, about.source, 0, bytes);
  skb.df = false;
  skb.owner = 'kernel';
  skb.icmpType = error.type;
  skb.icmpCode = error.code;
  skb.icmpInfo = info;
  const quoted = about.copy();
  quoted.hop = undefined;
  quoted.payload = undefined;
  skb.quoted = quoted;
  return skb;
}

/** The answer to an echo request. */
export function echoReply(request: SkBuff): SkBuff {
  const skb = new SkBuff(
    PROTOCOL.icmp,
    request.destination,
    request.sourcePort,
    request.source,
    request.sourcePort,
    request.length,
  );
  skb.owner = 'kernel';
  skb.icmpType = 0;
  skb.df = false;
  skb.payload = request.payload;
  return skb;
}

/** What an error means to the socket whose packet it quotes. */
export function failureOf(error: IcmpError): TcpFailure {
  return (error.type === 3 ? UNREACHABLE[error.code] : undefined) ?? 'EHOSTUNREACH';
}

/** Whether an error is final for a connected UDP socket: it will not go away by waiting. */
export function isFinal({ type, code }: IcmpError): boolean {
  return type === 3 && FINAL.includes(code);
}

const FINAL: readonly number[] = [2, 3, 4, 6, 7, 8, 9, 10, 13, 14, 15];

/** By code, as icmp_err_convert has them. */
const UNREACHABLE: readonly TcpFailure[] = [
  'ENETUNREACH',
  'EHOSTUNREACH',
  'ENOPROTOOPT',
  'ECONNREFUSED',
  'EMSGSIZE',
  'EOPNOTSUPP',
  'ENETUNREACH',
  'EHOSTDOWN',
  'ENONET',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'EHOSTUNREACH',
];
