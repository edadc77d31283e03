/**
 * The virtual services of a namespace, found by a packet's destination and listed in the kernel's order: by bucket of
 * its hash table, the newest of a bucket first; those by firewall mark after the others.
 * Follows ip_vs_svc_hash and ip_vs_service_find of linux net/netfilter/ipvs/ip_vs_ctl.c (6.1). There a number that changes from boot to boot
 * goes into the hash; here it is 0.
 */
import type { Ipv4 } from '../../base/address.ts';
import { isSameKey, type ServiceKey, type VirtualService } from './service.ts';

const FTP = 21;
const FTP_DATA = 20;
const UNPRIVILEGED = 1024;

/** The table of services. */
export class ServiceTable {
  private readonly byAddress = new Map<Ipv4, readonly VirtualService[]>();
  private readonly byMark = new Map<number, VirtualService>();
  private readonly ordered: VirtualService[] = [];
  /** Services for all ports, and for FTP: without such no packet is looked up again. */
  private anyPort = 0;
  private ftp = 0;

  /** The service of that key. */
  find(key: ServiceKey): VirtualService | undefined {
    if (key.mark !== undefined && key.mark !== 0) return this.byMark.get(key.mark);
    return this.exact(key.protocol, key.address, key.port);
  }

  /** The service of a packet: by its mark, by its destination, as a data connection of FTP, by its address alone. */
  forPacket(mark: number, protocol: number, address: Ipv4, port: number): VirtualService | undefined {
    if (mark !== 0) {
      const marked = this.byMark.get(mark);
      if (marked !== undefined) return marked;
    }
    let found = this.exact(protocol, address, port);
    if (found === undefined && this.ftp > 0 && protocol === 6 && (port === FTP_DATA || port >= UNPRIVILEGED))
      found = this.exact(protocol, address, FTP);
    if (found === undefined && this.anyPort > 0) found = this.exact(protocol, address, 0);
    return found;
  }

  /** Adds a service whose key is new. */
  add(service: VirtualService): void {
    if (service.mark !== 0) this.byMark.set(service.mark, service);
    else {
      this.byAddress.set(service.address, [...(this.byAddress.get(service.address) ?? []), service]);
      this.countPorts(service, 1);
    }
    this.ordered.splice(this.placeOf(bucketOf(service)), 0, service);
  }

  /** Takes a service out. */
  remove(service: VirtualService): void {
    this.ordered.splice(this.ordered.indexOf(service), 1);
    if (service.mark !== 0) {
      this.byMark.delete(service.mark);
      return;
    }
    this.countPorts(service, -1);
    const left = (this.byAddress.get(service.address) ?? []).filter((other) => !isSameKey(other, service));
    if (left.length === 0) this.byAddress.delete(service.address);
    else this.byAddress.set(service.address, left);
  }

  /** All services in the kernel's order. */
  list(): readonly VirtualService[] {
    return [...this.ordered];
  }

  private exact(protocol: number, address: Ipv4, port: number): VirtualService | undefined {
    const services = this.byAddress.get(address);
    if (services === undefined) return undefined;
    for (const service of services) if (service.port === port && service.protocol === protocol) return service;
    return undefined;
  }

  private countPorts({ port }: VirtualService, step: 1 | -1): void {
    if (port === 0) this.anyPort += step;
    else if (port === FTP) this.ftp += step;
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

/** Buckets 0 to 255 are those of addresses, 256 to 511 those of marks. */
function bucketOf({ protocol, address, port, mark }: VirtualService): number {
  return mark === 0 ? (protocol ^ address ^ (port >> 8) ^ port) & 0xff : 0x100 + (mark & 0xff);
}
