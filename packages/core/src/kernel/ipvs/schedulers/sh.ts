/**
 * Source hashing: a client goes to the server that its address stands for; servers have places by their weights.
 * With sh-port its port counts too; with sh-fallback other places are tried if that server is not usable.
 * Follows linux net/netfilter/ipvs/ip_vs_sh.c (6.1).
 */
import type { Packet } from '../../../wire/ipv4.ts';
import type { RealServer, Scheduling, VirtualService } from '../service.ts';
import { FALLBACK, PORT } from './flags.ts';
import { HashTable, PLACES, placeOf } from './hash-table.ts';
import type { Scheduler } from './scheduler.ts';

/** `ipvsadm -s sh` */
export const sh: Scheduler = { name: 'sh', start: (service) => new SourceHashing(service) };

class SourceHashing implements Scheduling {
  private readonly service: VirtualService;
  private readonly table: HashTable;

  constructor(service: VirtualService) {
    this.service = service;
    this.table = new HashTable(service, ({ weight }) => weight);
  }

  choose({ source, sourcePort }: Packet): RealServer | undefined {
    const { flags } = this.service;
    const place = placeOf((source + ((flags & PORT) === 0 ? 0 : sourcePort)) | 0);
    const first = this.table.at(place);
    if (first?.usable === true) return first;
    if (first === undefined || (flags & FALLBACK) === 0) return undefined;
    for (let offset = 0; offset < PLACES; offset++) {
      // The kernel adds the place to the offset and the sum to the place.
      const server = this.table.at((((offset + place) % PLACES) + place) % PLACES);
      if (server?.usable === true) return server;
    }
    return undefined;
  }

  added(): void {
    this.table.changed();
  }

  removed(): void {
    this.table.changed();
  }

  edited(): void {
    this.table.changed();
  }

  counted(): void {}
}
