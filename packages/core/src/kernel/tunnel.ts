/**
 * VXLAN: frames inside UDP packets, 50 bytes longer.
 * Follows linux drivers/net/vxlan (6.1) and RFC 7348: outer TTL 64, DF off, checksum 0; the outer source port is a
 * hash of the inner flow. The kernel's hash is keyed at boot; the one here is not.
 */
import { formatIpv4, type Ipv4, isGroupMac } from '../base/address.ts';
import { Arp } from '../wire/arp.ts';
import type { Device, Frame } from './link/device.ts';
import { receiveFrame } from './link/receive.ts';
import type { Namespace } from './namespace.ts';
import { PROTOCOL } from './netfilter/rule.ts';
import { output } from './path.ts';
import { learnMtu } from './path-mtu.ts';
import { SkBuff } from './skb.ts';

/** Ethernet, IPv4, UDP and VXLAN headers around an inner packet. */
const OVERHEAD = 14 + 20 + 8 + 8;
const ARP_BYTES = 28;
/** net.ipv4.ip_local_port_range, from which outer source ports come. */
const SOURCE_PORTS = { first: 32768, count: 28232 } as const;

/** Sends a frame to the far tunnel end behind which its destination lives, or to all if it is for all or nobody knows. */
export function encapsulate(ns: Namespace, device: Device, frame: Frame): void {
  const { destinationMac } = frame;
  const known = isGroupMac(destinationMac) ? undefined : ns.remoteOf(device.name, destinationMac);
  const remote = known ?? device.tunnel?.lookup(destinationMac, ns.now);
  if (remote !== undefined) return wrap(ns, device, frame, remote);
  const all = ns.floodedTo(device.name);
  for (const one of all) wrap(ns, device, frame, one);
  if (all.length === 0 && !(frame instanceof Arp))
    frame.hop?.steps.push({ action: 'dropped', text: `${device.name} knows no tunnel end for that address` });
}

function wrap(ns: Namespace, device: Device, frame: Frame, remote: Ipv4): void {
  const { kind } = device.link;
  const trace = frame instanceof Arp ? undefined : frame.hop;
  // The mark and the owner stay on a packet that goes into a tunnel, the mark also on one that comes out.
  const mark = frame instanceof Arp ? 0 : frame.mark;
  const source = ns.sourceFor(remote, mark);
  if (source === undefined || kind.type !== 'vxlan') {
    trace?.steps.push({ action: 'dropped', text: `${device.name} has no way to ${formatIpv4(remote)}` });
    return;
  }
  trace?.steps.push({ action: 'encapsulate', device: device.name, remote, mac: frame.destinationMac });
  tellMtu(ns, device, frame, source.mtu - OVERHEAD);
  const inner = frame instanceof Arp ? frame : frame.copy();
  const bytes = inner instanceof Arp ? ARP_BYTES : inner.length;
  const outer = new SkBuff(PROTOCOL.udp, source.address, sourcePort(inner), remote, kind.port, bytes + OVERHEAD);
  outer.df = false;
  outer.payload = inner;
  outer.mark = mark;
  if (!(frame instanceof Arp)) outer.owner = frame.owner;
  output(ns, outer);
}

/** Programs here that send into a tunnel learn what fits into one outer packet; the packet itself still goes (skb_tunnel_check_pmtu). */
function tellMtu(ns: Namespace, device: Device, frame: Frame, mtu: number): void {
  if (!(frame instanceof Arp) && frame.length > mtu && frame.output === device) learnMtu(ns, frame, mtu);
}

/** Takes the frame out of a packet that came to the tunnel's port, and learns behind which end its sender lives. */
export function decapsulate(
  ns: Namespace,
  device: Device,
  payload: unknown,
  { mark, source }: { readonly mark: number; readonly source: Ipv4 },
): void {
  if (!(payload instanceof SkBuff) && !(payload instanceof Arp)) return;
  // A tunnel does not take back what it sent itself.
  if (payload.sourceMac === device.mac) return;
  if (device.tunnel !== undefined) {
    const known = ns.remoteOf(device.name, payload.sourceMac);
    // Static entries are not moved: what comes from elsewhere is dropped.
    if (known !== undefined && known !== source) return;
    if (known === undefined) device.tunnel.learn(payload.sourceMac, source, ns.now);
  }
  if (payload instanceof SkBuff) payload.mark = mark;
  receiveFrame(device, payload);
}

function sourcePort(inner: Frame): number {
  if (inner instanceof Arp) return SOURCE_PORTS.first;
  let h = Math.imul(inner.source ^ Math.imul(inner.destination, 0x9e3779b1), 0x85ebca6b) ^ inner.protocol;
  // Of ICMP and of fragments only the addresses count.
  const ports =
    inner.protocol === PROTOCOL.icmp || inner.fragment !== undefined ? 0 : (inner.sourcePort << 16) | inner.destinationPort;
  h = Math.imul(h ^ ports, 0xc2b2ae35);
  return SOURCE_PORTS.first + ((h >>> 0) % SOURCE_PORTS.count);
}
