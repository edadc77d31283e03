/**
 * What sh and dh have in common: 256 places given to a service's servers in the order of its list, and a number hashed
 * to one of them.
 * Follows linux net/netfilter/ipvs/ip_vs_sh.c and ip_vs_dh.c (6.1) and hash_32 of include/linux/hash.h.
 */
import type { RealServer, VirtualService } from '../service.ts';

const BITS = 8;
/** How many places there are. */
export const PLACES = 1 << BITS;

/** The place of a number. */
export function placeOf(value: number): number {
  return Math.imul(value, 0x61c88647) >>> (32 - BITS);
}

/** The servers of a service in 256 places, each as often in a row as `times` says, but at least once. */
export class HashTable {
  private readonly service: VirtualService;
  private readonly times: (server: RealServer) => number;
  private places: readonly RealServer[] | undefined = undefined;

  constructor(service: VirtualService, times: (server: RealServer) => number) {
    this.service = service;
    this.times = times;
  }

  /** The server of a place; undefined if the service has none. */
  at(place: number): RealServer | undefined {
    this.places ??= this.fill();
    return this.places[place];
  }

  /** The list or a weight changed: the places are given anew. */
  changed(): void {
    this.places = undefined;
  }

  private fill(): readonly RealServer[] {
    const places: RealServer[] = [];
    let server = this.service.first;
    while (server !== undefined && places.length < PLACES) {
      for (let i = Math.max(1, this.times(server)); i > 0 && places.length < PLACES; i--) places.push(server);
      server = server.next ?? this.service.first;
    }
    return places;
  }
}
