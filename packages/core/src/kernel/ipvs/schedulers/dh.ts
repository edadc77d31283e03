/**
 * Destination hashing: all connections to an address go to the server that it stands for, whatever the weights, unless
 * that one is 0. A service with one address uses one server.
 * Follows linux net/netfilter/ipvs/ip_vs_dh.c (6.1).
 */
import type { Packet } from '../../../wire/ipv4.ts';
import type { RealServer, Scheduling, VirtualService } from '../service.ts';
import { HashTable, placeOf } from './hash-table.ts';
import type { Scheduler } from './scheduler.ts';

/** `ipvsadm -s dh` */
export const dh: Scheduler = { name: 'dh', start: (service) => new DestinationHashing(service) };

class DestinationHashing implements Scheduling {
  private readonly table: HashTable;

  constructor(service: VirtualService) {
    this.table = new HashTable(service, () => 1);
  }

  choose({ destination }: Packet): RealServer | undefined {
    const server = this.table.at(placeOf(destination | 0));
    return server?.usable === true ? server : undefined;
  }

  added(): void {
    this.table.changed();
  }

  removed(): void {
    this.table.changed();
  }

  edited(): void {}

  counted(): void {}
}
