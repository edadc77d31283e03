/**
 * The devices of one namespace, made of its configured links; they keep what they have learned or counted as long as their link
 * stays. The host's ends of new veth pairs, of which a busy agent has very many, are made when somebody first looks.
 */
import { SmallMap } from '../../base/small-map.ts';
import type { Link } from '../config.ts';
import { BridgeTable } from './bridge.ts';
import { Device, type DeviceOwner } from './device.ts';
import type { Switches } from './switches.ts';

/** A namespace, told as its devices come and go. */
export interface DeviceKeeper extends DeviceOwner {
  /** What the switches of a device by name are set to. */
  switchesOf(device: string): Switches;
  deviceMade(device: Device): void;
  deviceRetired(device: Device): void;
}

/** Devices by name. */
export class Devices {
  private byName = new SmallMap<string, Device>();
  /** The links they are to be made of, and those they are made of. */
  private wanted: readonly Link[] = [];
  private present: readonly Link[] = [];

  constructor(private readonly owner: DeviceKeeper) {}

  /** Takes the configured links. */
  configure(links: readonly Link[]): void {
    this.wanted = links;
    if (!onlyAddsPairs(this.present, links)) this.make();
  }

  /** Sets every device's switches anew. */
  switch(): void {
    for (const device of this.byName.values()) device.switches = this.owner.switchesOf(device.name);
  }

  /** A device by name. */
  find(name: string): Device | undefined {
    return this.current().get(name);
  }

  /** A device by index. */
  at(index: number): Device | undefined {
    for (const device of this.current().values()) if (device.index === index) return device;
    return undefined;
  }

  /** All of them, by index. */
  all(): readonly Device[] {
    return [...this.current().values()];
  }

  private current(): SmallMap<string, Device> {
    if (this.wanted !== this.present) this.make();
    return this.byName;
  }

  private make(): void {
    const before = this.byName;
    const links = this.wanted;
    this.present = links;
    const byName = new SmallMap<string, Device>();
    for (const link of links) byName.set(link.name, this.keepOrMake(link, before.get(link.name)));
    this.byName = byName;
    for (const gone of before.values()) if (byName.get(gone.name) !== gone) this.retire(gone);
    const ports = new Map<Device, Device[]>();
    for (const device of byName.values()) {
      device.master = device.link.port === undefined ? undefined : byName.get(device.link.port.master);
      if (device.master === undefined) continue;
      const others = ports.get(device.master);
      if (others === undefined) ports.set(device.master, [device]);
      else others.push(device);
    }
    for (const device of byName.values())
      if (device.bridge !== undefined) device.bridge.ports = (ports.get(device) ?? []).reverse();
  }

  private keepOrMake(link: Link, before: Device | undefined): Device {
    const { kind } = link;
    if (before !== undefined && before.kind === kind.type && before.index === link.index) {
      if (before.up && !link.up) before.master?.bridge?.forget(before);
      before.link = link;
      return before;
    }
    const bridge = kind.type === 'bridge' ? new BridgeTable(kind.ageingSeconds, () => this.current()) : undefined;
    const device = new Device(this.owner, link, this.owner.switchesOf(link.name), bridge);
    this.owner.deviceMade(device);
    return device;
  }

  private retire(device: Device): void {
    device.master?.bridge?.forget(device);
    device.peer = undefined;
    this.owner.deviceRetired(device);
  }
}

/** Whether all that is new are ends of veth pairs at the end of the list. */
function onlyAddsPairs(before: readonly Link[], after: readonly Link[]): boolean {
  return (
    after.every((link, i) => (i < before.length ? before[i] === link : link.kind.type === 'veth')) &&
    after.length >= before.length
  );
}
