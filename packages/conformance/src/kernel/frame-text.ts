/** Frames as text: the same words in which the prober writes what it captured. */
import { Arp, formatIpv4, formatMac, isLaterFragment, type Packet, printFlags, type Tap } from '@portolan/core';

type Frame = Parameters<Tap>[2];

const NAMES: ReadonlyMap<number, string> = new Map([
  [1, 'icmp'],
  [6, 'tcp'],
  [17, 'udp'],
]);
/** The port at which labs' tunnels end. */
const VXLAN_PORT = 64000;

/** One frame on one line; with `sizes` SYNs tell their maximum segment size. */
export function frameText(frame: Frame, sizes = false): string {
  const macs = `[${formatMac(frame.sourceMac)} > ${formatMac(frame.destinationMac)}]`;
  if (!(frame instanceof Arp)) return `${packetText(frame, sizes)} ${macs}`;
  return frame.operation === 'request'
    ? `arp who-has ${formatIpv4(frame.targetAddress)} tell ${formatIpv4(frame.senderAddress)} ${macs}`
    : `arp ${formatIpv4(frame.senderAddress)} is-at ${formatMac(frame.senderMac)} ${macs}`;
}

function packetText(p: Packet, sizes: boolean): string {
  const part = p.fragment === undefined ? '' : ` frag ${p.fragment.offset}${p.fragment.more ? '+' : ''}`;
  const tail = `ttl ${p.ttl} len ${p.length}${p.df ? ' DF' : ''}${part}`;
  if (isLaterFragment(p))
    return `${NAMES.get(p.protocol) ?? p.protocol} ${formatIpv4(p.source)} > ${formatIpv4(p.destination)} ${tail}`;
  if (p.protocol === 6) return `tcp ${ends(p)} ${printFlags(p.flags)} ${tail}${sizes && p.mss > 0 ? ` mss ${p.mss}` : ''}`;
  if (p.protocol === 17) {
    const inner = p.destinationPort === VXLAN_PORT && isFrame(p.payload) ? ` {${frameText(p.payload, sizes)}}` : '';
    return `udp ${ends(p)} ${tail}${inner}`;
  }
  const addresses = `${formatIpv4(p.source)} > ${formatIpv4(p.destination)}`;
  if (p.protocol !== 1) return `proto ${p.protocol} ${addresses} ${tail}`;
  const what = `icmp ${addresses} type ${p.icmpType} code ${p.icmpCode}`;
  if (p.quoted === undefined) return `${what} id ${p.sourcePort} ${tail}`;
  const gateway = p.icmpType === 5 ? ` to ${formatIpv4(p.icmpInfo)}` : '';
  const mtu = p.icmpType === 3 && p.icmpCode === 4 ? ` mtu ${p.icmpInfo}` : gateway;
  return `${what}${mtu} (${quotedText(p.quoted)}) ${tail}`;
}

function quotedText(p: Packet): string {
  const name = NAMES.get(p.protocol) ?? `proto ${p.protocol}`;
  if (p.protocol === 6 || p.protocol === 17) return `${name} ${ends(p)} ttl ${p.ttl}`;
  const addresses = `${formatIpv4(p.source)} > ${formatIpv4(p.destination)}`;
  return p.protocol === 1
    ? `icmp ${addresses} type ${p.icmpType} id ${p.sourcePort} ttl ${p.ttl}`
    : `${name} ${addresses} ttl ${p.ttl}`;
}

function ends(p: Packet): string {
  return `${formatIpv4(p.source)}:${p.sourcePort} > ${formatIpv4(p.destination)}:${p.destinationPort}`;
}

function isFrame(payload: unknown): payload is Frame {
  return typeof payload === 'object' && payload !== null && 'destinationMac' in payload;
}
