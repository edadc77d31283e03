/**
 * Locality-based least connection: connections to an address go to the server of the last one, until that has more
 * active connections than its weight says while another has less than half; then, and first, as wlc. For caches behind
 * a firewall mark; a service with one address uses one server as long as it can.
 * Follows linux net/netfilter/ipvs/ip_vs_lblc.c (6.1). When more than 16384 addresses are remembered the kernel forgets
 * some that were not asked for during six minutes; here they are forgotten after a day as the others.
 */
import type { Packet } from '../../../wire/ipv4.ts';
import type { RealServer } from '../service.ts';
import { isCrowded, isStale, Locality, MOST } from './locality.ts';
import type { Scheduler } from './scheduler.ts';

/** `ipvsadm -s lblc` */
export const lblc: Scheduler = { name: 'lblc', start: (service) => new AddressLocality(service) };

interface Entry {
  readonly server: RealServer;
  usedAt: number;
}

class AddressLocality extends Locality<Entry> {
  choose(packet: Packet, now: number): RealServer | undefined {
    this.start ??= now;
    const known = this.byAddress.get(packet.destination);
    const fresh = known !== undefined && !isStale(known.usedAt, this.start, now) ? known : undefined;
    if (fresh !== undefined) {
      fresh.usedAt = now;
      const { server } = fresh;
      if (server.available && server.weight > 0 && !isCrowded(server, this.service)) return server;
    }
    const server = this.least.choose(packet, now);
    if (server === undefined || fresh?.server === server) return server;
    this.byAddress.delete(packet.destination);
    if (this.byAddress.size < MOST) this.byAddress.set(packet.destination, { server, usedAt: now });
    return server;
  }
}
