/**
 * The networks between machines: each a switch that knows who is plugged in. It is only a switch: frames take no
 * time and are not lost. An ARP request goes to the holder of the address alone; the other machines of a real
 * network hear it too and, since it is not for them, do nothing.
 */
import { type Ipv4, isGroupMac } from '../base/address.ts';
import { MacTable } from '../base/mac-table.ts';
import type { Device, Frame, Network } from '../kernel/link/device.ts';
import { Arp } from '../wire/arp.ts';

/** All networks between the machines of one cluster. */
export class Underlay {
  private readonly switches = new Map<string, Switch>();

  /** Plugs an Ethernet device into its network. */
  attach(device: Device): void {
    const { kind } = device.link;
    if (kind.type !== 'ethernet') return;
    const name = kind.network ?? 'underlay';
    const network = this.switches.get(name) ?? new Switch();
    this.switches.set(name, network);
    network.attach(device);
    device.network = network;
  }

  /** Pulls it out. */
  detach(device: Device): void {
    const { kind } = device.link;
    if (kind.type !== 'ethernet') return;
    this.switches.get(kind.network ?? 'underlay')?.detach(device);
    device.network = undefined;
  }
}

class Switch implements Network {
  private readonly byMac = new MacTable<Device>();
  private readonly byAddress = new Map<Ipv4, Device>();

  attach(device: Device): void {
    this.byMac.set(device.mac, device);
    for (const { address } of device.link.addresses) this.byAddress.set(address, device);
  }

  detach(device: Device): void {
    if (this.byMac.get(device.mac) === device) this.byMac.delete(device.mac);
    for (const { address } of device.link.addresses) if (this.byAddress.get(address) === device) this.byAddress.delete(address);
  }

  carry(from: Device, frame: Frame): void {
    if (!isGroupMac(frame.destinationMac)) {
      const to = this.byMac.get(frame.destinationMac);
      if (to !== undefined) to.owner.wire.send(to, frame);
      else if (!(frame instanceof Arp))
        frame.hop?.steps.push({ action: 'dropped', text: 'nobody on the network has that MAC address' });
      return;
    }
    if (frame instanceof Arp) {
      const holder = this.byAddress.get(frame.targetAddress);
      if (holder !== undefined && holder !== from) holder.owner.wire.send(holder, frame);
      return;
    }
    for (const [, to] of this.byMac) if (to !== from) to.owner.wire.send(to, frame.copy());
  }
}
