/**
 * The virtual services of a namespace, found by a packet's destination and listed in the kernel's order: by bucket of
 * its hash table, the newest of a bucket first.
 * Follows ip_vs_svc_hash of linux net/netfilter/ipvs/ip_vs_ctl.c (6.1). There a number that changes from boot to boot
 * goes into the hash; here it is 0.
 */
import type { Ipv4 } from '../../base/address.ts';
import type { ServiceKey, VirtualService } from './service.ts';

/** The table of services. */
export class ServiceTable {
  private readonly byAddress = new Map<Ipv4, readonly VirtualService[]>();
  private readonly ordered: VirtualService[] = [];

  /** How many services there are. */
  get size(): number {
    return this.ordered.length;
  }

  /** The service of a destination. */
  find(protocol: number, address: Ipv4, port: number): VirtualService | undefined {
    const services = this.byAddress.get(address);
    if (services === undefined) return undefined;
    for (const service of services) if (service.port === port && service.protocol === protocol) return service;
    return undefined;
  }

  /** Adds a service whose key is new. */
  add(service: VirtualService): void {
    this.byAddress.set(service.address, [...(this.byAddress.get(service.address) ?? []), service]);
    this.ordered.splice(this.placeOf(bucketOf(service)), 0, service);
  }

  /** Takes a service out. */
  remove(service: VirtualService): void {
    const left = (this.byAddress.get(service.address) ?? []).filter((other) => other !== service);
    if (left.length === 0) this.byAddress.delete(service.address);
    else this.byAddress.set(service.address, left);
    this.ordered.splice(this.ordered.indexOf(service), 1);
  }

  /** All services in the kernel's order. */
  list(): readonly VirtualService[] {
    return [...this.ordered];
  }

  /** Where a bucket begins. */
  private placeOf(bucket: number): number {
    let [low, high] = [0, this.ordered.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (bucketOf(this.ordered[middle] as VirtualService) < bucket) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function bucketOf({ protocol, address, port }: ServiceKey): number {
  return (protocol ^ address ^ (port >> 8) ^ port) & 0xff;
}
