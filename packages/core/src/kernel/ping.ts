/** `ping`: an ICMP echo request from a raw socket, as iputils sends it. */
import type { Ipv4 } from '../base/address.ts';
import { IPV4_HEADER, UDP_HEADER } from '../wire/ipv4.ts';
import type { Namespace } from './namespace.ts';
import { PROTOCOL } from './netfilter/rule.ts';
import { output } from './path.ts';
import { SkBuff } from './skb.ts';
import type { TcpFailure } from './socket/tcp-program.ts';
import { mayInsist } from './socket/way.ts';

/** Bytes of payload (56 unless given), TTL, DF as for a datagram, leave to send to broadcast addresses. */
export interface PingOptions {
  readonly bytes?: number;
  readonly ttl?: number;
  readonly df?: boolean;
  readonly broadcast?: boolean;
}

/** Sends an echo request; says at once if it cannot go. */
export function ping(ns: Namespace, address: Ipv4, identifier: number, options: PingOptions): TcpFailure | undefined {
  const way = ns.sourceFor(address);
  if (way === undefined) return ns.failureTo(address) ?? 'ENETUNREACH';
  const type = ns.addressType(address);
  if (type === 'BROADCAST' && options.broadcast !== true) return 'EACCES';
  const length = IPV4_HEADER + UDP_HEADER + (options.bytes ?? 56);
  const skb = new SkBuff(PROTOCOL.icmp, way.address, identifier, address, identifier, length);
  skb.icmpType = 8;
  skb.owner = 'program';
  // net.ipv4's IP_MULTICAST_TTL is 1 unless a program says otherwise.
  if (type === 'MULTICAST') skb.ttl = 1;
  else if (options.ttl !== undefined) skb.ttl = options.ttl;
  skb.df = options.df ?? mayInsist(way, length);
  skb.ignoreDf = options.df !== true;
  return output(ns, skb);
}
