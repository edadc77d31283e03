/** The services of a {@link VipView} in the kernel's order, and their addresses with who has them. */
import { assert } from '@portolan/core';
import { insertSorted, removeSorted } from './complement.ts';
import { compareIp, type IpAddress } from './ip.ts';
import type { VipEntry } from './vip-entry.ts';
import { type Bounds, compareServices, type ServiceAddress } from './vip-operation.ts';

/** Entries that are in force, by service and by address. */
export class ServiceIndex {
  private readonly sorted: VipEntry[] = [];
  private readonly addresses: IpAddress[] = [];
  private readonly byAddress = new Map<IpAddress, VipEntry[]>();
  /** Addresses entered or left since the last {@link takeAddressChange}, and whether they were there before. */
  private readonly moved = new Map<IpAddress, boolean>();
  private doubles = 0;

  /** How many entries share their service with another. */
  get coinciding(): number {
    return this.doubles;
  }

  /** Enters an entry that is in force. */
  add(entry: VipEntry): void {
    const service = serviceOf(entry);
    const holders = this.byAddress.get(service.address);
    if (holders === undefined) {
      this.note(service.address, false);
      this.byAddress.set(service.address, [entry]);
      insertSorted(this.addresses, service.address, compareIp);
    } else {
      if (this.find(service) !== undefined) this.doubles++;
      holders.push(entry);
    }
    insertSorted(this.sorted, entry, compareEntries);
  }

  /** Takes an entry out, while it is still in force; only where nothing coincides. */
  remove(entry: VipEntry): void {
    const { address } = serviceOf(entry);
    const left = (this.byAddress.get(address) ?? []).filter((other) => other !== entry);
    removeSorted(this.sorted, entry, compareEntries);
    if (left.length > 0) {
      this.byAddress.set(address, left);
      return;
    }
    this.note(address, true);
    this.byAddress.delete(address);
    removeSorted(this.addresses, address, compareIp);
  }

  /** Takes everything out. */
  clear(): void {
    this.sorted.length = 0;
    this.addresses.length = 0;
    this.byAddress.clear();
    this.moved.clear();
    this.doubles = 0;
  }

  /** Every entry, in the kernel's order. */
  services(): readonly VipEntry[] {
    return this.sorted;
  }

  /** The entry of a service. */
  find(service: ServiceAddress): VipEntry | undefined {
    const holders = this.byAddress.get(service.address);
    return holders?.find(({ key }) => key.protocol === service.protocol && key.port === service.port);
  }

  /** Whether an address is some entry's. */
  hasAddress(address: IpAddress): boolean {
    return this.byAddress.has(address);
  }

  /** Whether one of these entries would get a service that another has or would get. */
  wouldCoincide(entering: readonly (readonly [entry: VipEntry, address: IpAddress])[]): boolean {
    return entering.some(([{ key }, address], index) => {
      const service = { protocol: key.protocol, address, port: key.port };
      if (this.find(service) !== undefined) return true;
      return entering.slice(0, index).some(([{ key: other }, its]) => {
        return its === address && other.protocol === key.protocol && other.port === key.port;
      });
    });
  }

  /** The last service and address. */
  bounds(): Bounds {
    return { lastService: this.sorted.at(-1)?.applied, lastAddress: this.addresses.at(-1) };
  }

  /** The addresses that came and went since this was last asked, ascending. */
  takeAddressChange(): { readonly addedAddresses: readonly IpAddress[]; readonly removedAddresses: readonly IpAddress[] } {
    const moved = [...this.moved].sort(([a], [b]) => compareIp(a, b));
    this.moved.clear();
    return {
      addedAddresses: moved.filter(([address, had]) => !had && this.byAddress.has(address)).map(([address]) => address),
      removedAddresses: moved.filter(([address, had]) => had && !this.byAddress.has(address)).map(([address]) => address),
    };
  }

  private note(address: IpAddress, had: boolean): void {
    if (!this.moved.has(address)) this.moved.set(address, had);
  }
}

function serviceOf(entry: VipEntry): ServiceAddress {
  const { applied } = entry;
  assert(applied !== undefined, 'an entry of the index is in force');
  return applied;
}

function compareEntries(a: VipEntry, b: VipEntry): number {
  return compareServices(serviceOf(a), serviceOf(b));
}
