/**
 * VXLAN: frames inside UDP packets, 50 bytes longer.
 * Follows linux drivers/net/vxlan (6.1) and RFC 7348: outer TTL 64, DF off, checksum 0; the outer source port is a
 * hash of the inner flow. The kernel's hash is keyed at boot; the one here is not.
 */
import { BROADCAST_MAC } from '../base/address.ts';
import { Arp } from '../wire/arp.ts';
import type { Device, Frame } from './link/device.ts';
import { receiveFrame } from './link/receive.ts';
import type { Namespace } from './namespace.ts';
import { PROTOCOL } from './netfilter/rule.ts';
import { output } from './path.ts';
import { SkBuff } from './skb.ts';

/** Ethernet, IPv4, UDP and VXLAN headers around an inner packet. */
const OVERHEAD = 14 + 20 + 8 + 8;
const ARP_BYTES = 28;
/** net.ipv4.ip_local_port_range, from which outer source ports come. */
const SOURCE_PORTS = { first: 32768, count: 28232 } as const;

/** Sends a frame to the far tunnel end that the forwarding table names. */
export function encapsulate(ns: Namespace, device: Device, frame: Frame): void {
  const { kind } = device.link;
  if (kind.type !== 'vxlan') return;
  const trace = frame instanceof Arp ? undefined : frame.hop;
  const remote = frame.destinationMac === BROADCAST_MAC ? undefined : ns.remoteOf(device.name, frame.destinationMac);
  const source = remote === undefined ? undefined : ns.sourceFor(remote);
  if (remote === undefined || source === undefined) {
    trace?.steps.push({ action: 'dropped', text: `${device.name} knows no tunnel end for that address` });
    return;
  }
  trace?.steps.push({ action: 'encapsulate', device: device.name, remote, mac: frame.destinationMac });
  const inner = frame instanceof Arp ? frame : frame.copy();
  const bytes = inner instanceof Arp ? ARP_BYTES : inner.length;
  const outer = new SkBuff(PROTOCOL.udp, source.address, sourcePort(inner), remote, kind.port, bytes + OVERHEAD);
  outer.df = false;
  outer.payload = inner;
  // The mark and the owner stay on a packet that goes into a tunnel, the mark also on one that comes out.
  if (!(frame instanceof Arp)) {
    outer.mark = frame.mark;
    outer.owner = frame.owner;
  }
  output(ns, outer);
}

/** Takes the frame out of a packet that came to the tunnel's port. */
export function decapsulate(device: Device, payload: unknown, mark: number): void {
  if (!(payload instanceof SkBuff) && !(payload instanceof Arp)) return;
  // A tunnel does not take back what it sent itself.
  if (payload.sourceMac === device.mac) return;
  if (payload instanceof SkBuff) payload.mark = mark;
  receiveFrame(device, payload);
}

function sourcePort(inner: Frame): number {
  if (inner instanceof Arp) return SOURCE_PORTS.first;
  let h = Math.imul(inner.source ^ Math.imul(inner.destination, 0x9e3779b1), 0x85ebca6b) ^ inner.protocol;
  // Of ICMP only the addresses count.
  const ports = inner.protocol === PROTOCOL.icmp ? 0 : (inner.sourcePort << 16) | inner.destinationPort;
  h = Math.imul(h ^ ports, 0xc2b2ae35);
  return SOURCE_PORTS.first + ((h >>> 0) % SOURCE_PORTS.count);
}
