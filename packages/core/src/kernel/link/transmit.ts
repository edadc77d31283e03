/**
 * A frame leaves by a device: through its pair, onto the underlay, into a bridge or a tunnel, or back up.
 * Follows linux drivers/net/veth.c, dummy.c, loopback.c and net/bridge/br_forward.c.
 */
import { isGroupMac } from '../../base/address.ts';
import { Arp } from '../../wire/arp.ts';
import type { Device, Frame } from './device.ts';

/** Sends a frame out of a device. */
export function transmit(device: Device, frame: Frame): void {
  if (!device.up || (device.kind === 'bridge' && !hasCarrier(device))) {
    if (!(frame instanceof Arp)) frame.hop?.steps.push({ action: 'device-down', text: device.name });
    return;
  }
  device.sentPackets++;
  device.owner.wire.tap?.(device, 'out', frame);
  switch (device.kind) {
    case 'loopback':
      device.owner.wire.send(device, frame);
      return;
    case 'veth': {
      const peer = device.peer ?? device.owner.peerOf(device);
      if (peer === undefined) return;
      device.peer = peer;
      if (!fits(peer, frame)) return;
      if (!(frame instanceof Arp)) frame.scrub();
      device.owner.wire.send(peer, frame);
      return;
    }
    case 'ethernet':
      if (!(frame instanceof Arp)) frame.scrub();
      device.network?.carry(device, frame);
      return;
    case 'bridge':
      bridgeForward(device, undefined, frame);
      return;
    case 'vxlan':
      device.owner.encapsulate(device, frame);
      return;
    case 'dummy':
      if (!(frame instanceof Arp)) frame.hop?.steps.push({ action: 'dropped', text: `${device.name} is a dummy device` });
  }
}

/** Whether a bridge has a port that is up: without one what it sends is lost before anybody sees it. */
function hasCarrier(bridge: Device): boolean {
  for (const port of bridge.bridge?.ports ?? []) if (port.up) return true;
  return false;
}

/** Sends a frame to the port its destination is known at, or to all but the one it came in by. */
export function bridgeForward(bridge: Device, from: Device | undefined, frame: Frame): void {
  const table = bridge.bridge;
  if (table === undefined) return;
  const known = isGroupMac(frame.destinationMac) ? undefined : table.lookup(frame.destinationMac, bridge.owner.now);
  if (known !== undefined) {
    if (!(frame instanceof Arp)) frame.hop?.steps.push({ action: 'bridge', bridge: bridge.name, port: known.name, known: true });
    if (mayForward(from, known)) return fits(known, frame) ? transmit(known, frame) : undefined;
    if (!(frame instanceof Arp)) frame.hop?.steps.push({ action: 'dropped', text: `${known.name} is the port it came in by` });
    return;
  }
  for (const port of table.ports) {
    if (!mayForward(from, port) || !mayFlood(port, frame)) continue;
    if (frame instanceof Arp) transmit(port, frame);
    else if (fits(port, frame)) {
      frame.hop?.steps.push({ action: 'bridge', bridge: bridge.name, port: port.name, known: false });
      transmit(port, frame.copy());
    }
  }
}

/** Room that Linux leaves for a VLAN tag when it looks whether a frame fits a device. */
const VLAN_TAG = 4;

/** Whether a frame handed from device to device is small enough for the next one; what is not, vanishes (is_skb_forwardable). */
export function fits(to: Device, frame: Frame): boolean {
  if (frame instanceof Arp || frame.length <= to.mtu + VLAN_TAG) return true;
  frame.hop?.steps.push({ action: 'too-big', text: `${frame.length} bytes, ${to.name} takes ${to.mtu}` });
  return false;
}

/** Whether a frame whose destination nobody has seen may leave by a port. */
export function mayFlood(to: Device, frame: Frame): boolean {
  return to.link.port?.flood !== false || isGroupMac(frame.destinationMac);
}

/** Whether a frame that came in by one port (none: made here) may leave by another. */
export function mayForward(from: Device | undefined, to: Device): boolean {
  if (from === undefined) return true;
  if (from.link.port?.isolated === true && to.link.port?.isolated === true) return false;
  return from !== to || to.link.port?.hairpin === true;
}
