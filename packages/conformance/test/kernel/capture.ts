/** Frames as recorded/kernel writes them: one line for each device a packet passes. */

import { formatIpv4, formatMac, type Packet, printFlags, type Tap } from '@portolan/core';
import type { Lab } from './lab.ts';

type Frame = Parameters<Tap>[2];

/** Starts writing down every IP packet; the returned function gives the lines and stops. */
export function capture(lab: Lab): () => readonly string[] {
  const lines: string[] = [];
  lab.cluster.tap((device, direction, frame) => {
    // Loopback shows every packet twice in a capture, and once as sent in the recordings.
    if (device.name === 'lo') return;
    const text = frameText(frame);
    if (text !== undefined)
      lines.push(`${lab.nameOf(device.owner.name)}/${device.name} ${direction === 'in' ? 'in ' : 'out'} ${text}`);
  });
  return () => {
    lab.cluster.tap(undefined);
    return lines;
  };
}

function frameText(frame: Frame): string | undefined {
  if (!('protocol' in frame)) return undefined;
  const inner = frame.payload as Frame | undefined;
  const tunnelled = typeof inner === 'object' && 'sourceMac' in inner ? frameText(inner) : undefined;
  if (frame.destinationPort === 64000 && tunnelled === undefined) return undefined;
  const middle = tunnelled === undefined ? packetText(frame) : `${head(frame)}  VXLAN vni 1024 csum 0 {${tunnelled}}`;
  return `${middle}  [${formatMac(frame.sourceMac)} > ${formatMac(frame.destinationMac)}]`;
}

function head(p: Packet): string {
  const name = { 1: 'icmp', 6: 'tcp', 17: 'udp' }[p.protocol] ?? `proto ${p.protocol}`;
  const ends = p.protocol === 1 ? `${formatIpv4(p.source)} > ${formatIpv4(p.destination)}` : endsText(p, ' > ');
  return `${name} ${ends} ttl ${p.ttl} len ${p.length}${p.df ? ' DF' : ''}`;
}

function packetText(p: Packet): string {
  if (p.protocol === 6) {
    const bytes = p.length - (p.flags & 2 ? 60 : p.flags & 4 ? 40 : 52);
    return `${head(p)} ${printFlags(p.flags)} ${bytes > 0 ? `data ${bytes}` : ''}`.trimEnd();
  }
  if (p.protocol !== 1) return head(p);
  const quoted = p.quoted === undefined ? '' : ` (${endsText(p.quoted, '>')} ttl ${p.quoted.ttl})`;
  return `${head(p)} type ${p.icmpType} code ${p.icmpCode}${quoted}`;
}

function endsText(p: Packet, arrow: string): string {
  return `${formatIpv4(p.source)}:${p.sourcePort}${arrow}${formatIpv4(p.destination)}:${p.destinationPort}`;
}
