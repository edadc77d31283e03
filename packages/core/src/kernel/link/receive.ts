/**
 * A frame at a device's door: for a bridge, for the stack above, or for nobody.
 * Follows linux net/core/dev.c and net/bridge/br_input.c.
 */
import { isGroupMac } from '../../base/address.ts';
import { Arp } from '../../wire/arp.ts';
import type { Device, Frame } from './device.ts';
import { bridgeForward } from './transmit.ts';

/** Takes a frame that reached a device. */
export function receiveFrame(device: Device, frame: Frame): void {
  if (!device.up) {
    if (!(frame instanceof Arp)) frame.hop?.steps.push({ action: 'device-down', text: device.name });
    return;
  }
  device.receivedPackets++;
  device.owner.wire.tap?.(device, 'in', frame);
  if (device.master !== undefined) receiveAtPort(device.master, device, frame);
  else if (frame.destinationMac === device.mac || isGroupMac(frame.destinationMac) || device.kind === 'loopback')
    passUp(device, frame);
}

function passUp(device: Device, frame: Frame): void {
  if (frame instanceof Arp) device.owner.receiveArp(frame, device);
  else device.owner.receiveIp(frame, device);
}

function receiveAtPort(bridge: Device, port: Device, frame: Frame): void {
  if (!(frame instanceof Arp) && port.owner.bridgeNetfilter) return port.owner.receiveBridged(frame, bridge, port);
  learnSource(bridge, port, frame);
  bridgeInput(bridge, port, frame);
}

/** A bridge learns where a frame came from once it is let in. */
export function learnSource(bridge: Device, port: Device, frame: Frame): void {
  if (port.learns) bridge.bridge?.learn(frame.sourceMac, port, port.owner.now);
}

/** What a bridge does with a frame that came in by a port: up, on, or both. */
export function bridgeInput(bridge: Device, port: Device, frame: Frame): void {
  if (frame.destinationMac === bridge.mac) return passUpBridge(bridge, frame);
  bridgeForward(bridge, port, frame);
  if (isGroupMac(frame.destinationMac)) passUpBridge(bridge, frame);
}

/** Hands a bridged frame to the stack above its bridge. */
export function passUpBridge(bridge: Device, frame: Frame): void {
  bridge.receivedPackets++;
  bridge.owner.wire.tap?.(bridge, 'in', frame);
  passUp(bridge, frame);
}
