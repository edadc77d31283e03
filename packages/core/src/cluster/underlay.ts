/**
 * The networks between machines: each a switch that knows who is plugged in. It is only a switch: frames take no
 * time and are not lost. An ARP request goes to the holder of the address alone; the other machines of a real
 * network hear it too and, since it is not for them, do nothing.
 */
import { BROADCAST_MAC, type Ipv4 } from '../base/address.ts';
import { MacTable } from '../base/mac-table.ts';
import type { Device, Frame } from '../kernel/link/device.ts';
import type { Underlay as Carrier } from '../kernel/link/wire.ts';
import { Arp } from '../wire/arp.ts';

interface Switch {
  readonly byMac: MacTable<Device>;
  readonly byAddress: Map<Ipv4, Device>;
}

/** All networks between the machines of one cluster. */
export class Underlay implements Carrier {
  /** The network of the devices that name none. */
  private readonly main = newSwitch();
  private readonly switches = new Map<string, Switch>();

  /** Plugs an Ethernet device into its network. */
  attach(device: Device): void {
    const network = this.networkOf(device);
    if (network === undefined) return;
    network.byMac.set(device.mac, device);
    for (const { address } of device.link.addresses) network.byAddress.set(address, device);
  }

  /** Pulls it out. */
  detach(device: Device): void {
    const network = this.networkOf(device);
    if (network === undefined) return;
    if (network.byMac.get(device.mac) === device) network.byMac.delete(device.mac);
    for (const { address } of device.link.addresses)
      if (network.byAddress.get(address) === device) network.byAddress.delete(address);
  }

  carry(from: Device, frame: Frame): void {
    const network = this.networkOf(from);
    if (network === undefined || network.byMac.get(from.mac) === undefined) return;
    if (frame.destinationMac !== BROADCAST_MAC) {
      const to = network.byMac.get(frame.destinationMac);
      if (to !== undefined) to.owner.wire.send(to, frame);
      else if (!(frame instanceof Arp))
        frame.hop?.steps.push({ action: 'dropped', text: 'nobody on the network has that MAC address' });
      return;
    }
    if (frame instanceof Arp) {
      const holder = network.byAddress.get(frame.targetAddress);
      if (holder !== undefined && holder !== from) holder.owner.wire.send(holder, frame);
      return;
    }
    for (const [, to] of network.byMac) if (to !== from) to.owner.wire.send(to, frame.copy());
  }

  private networkOf(device: Device): Switch | undefined {
    const { kind } = device.link;
    if (kind.type !== 'ethernet') return undefined;
    if (kind.network === undefined) return this.main;
    let network = this.switches.get(kind.network);
    if (network === undefined) {
      network = newSwitch();
      this.switches.set(kind.network, network);
    }
    return network;
  }
}

function newSwitch(): Switch {
  return { byMac: new MacTable(), byAddress: new Map() };
}
