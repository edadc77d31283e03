/**
 * Maglev hashing: a client goes to the server that its address stands for in a table in which few places change when
 * servers come and go. Weight 0 keeps a server its places, so that they do not move; with mh-fallback others serve them.
 * Follows linux net/netfilter/ipvs/ip_vs_mh.c (6.1) with its table of 4093 places.
 */
import type { Packet } from '../../../wire/ipv4.ts';
import type { RealServer, Scheduling, VirtualService } from '../service.ts';
import { FALLBACK, PORT } from './flags.ts';
import { greatestCommonDivisor } from './gcd.ts';
import type { Scheduler } from './scheduler.ts';
import { hsiphash } from './siphash.ts';

/** `ipvsadm -s mh` */
export const mh: Scheduler = { name: 'mh', start: (service) => new MaglevHashing(service) };

const PLACES = 4093;
/** Turns of one server take no more than that many bits. */
const TURN_BITS = 6;
const KEY = 2654435761;
const SKIP_KEY = 2654446892;

class MaglevHashing implements Scheduling {
  private readonly service: VirtualService;
  private table: readonly RealServer[] | undefined = undefined;

  constructor(service: VirtualService) {
    this.service = service;
  }

  choose({ source, sourcePort }: Packet): RealServer | undefined {
    const { flags } = this.service;
    this.table ??= fill(this.service);
    const value = source + ((flags & PORT) === 0 ? 0 : sourcePort);
    const place = hsiphash(value, KEY) % PLACES;
    const first = this.table[place];
    if (first?.usable === true) return first;
    if (first === undefined || (flags & FALLBACK) === 0) return undefined;
    for (let offset = 0; offset < PLACES; offset++) {
      const server = this.table[hsiphash(value + ((offset + place) % PLACES), KEY) % PLACES];
      if (server?.usable === true) return server;
    }
    return undefined;
  }

  added(): void {
    this.changed();
  }

  removed(): void {
    this.changed();
  }

  edited(): void {
    this.changed();
  }

  counted(): void {}

  private changed(): void {
    // More servers than places: the kernel leaves the table as it is.
    if (this.service.size <= PLACES) this.table = undefined;
  }
}

interface Turns {
  readonly server: RealServer;
  readonly skip: number;
  readonly turns: number;
  place: number;
}

/** Servers take places in turns, as many in a row as their weights say, each by its own permutation of the places. */
function fill(service: VirtualService): readonly RealServer[] {
  const order = turnsOf(service);
  const table: RealServer[] = [];
  if (order.length === 0) return table;
  const places = new Array<RealServer | undefined>(PLACES).fill(undefined);
  let left = PLACES;
  for (;;) {
    for (const entry of order) {
      for (let turn = 0; turn < entry.turns; turn++) {
        while (places[entry.place] !== undefined) entry.place = (entry.place + entry.skip) % PLACES;
        places[entry.place] = entry.server;
        if (--left === 0) return places.filter((server) => server !== undefined);
      }
    }
  }
}

/** The servers that take places, in the order of the list. */
function turnsOf(service: VirtualService): readonly Turns[] {
  const { servers } = service;
  const weights = servers.map(({ lastWeight }) => lastWeight);
  const divisor = weights.reduce(greatestCommonDivisor, 0);
  if (divisor < 1) return [];
  const highest = Math.floor(weights.reduce((a, b) => Math.max(a, b), 0) / divisor);
  const shift = Math.max(0, 32 - Math.clz32(highest) - TURN_BITS);
  return servers
    .filter(({ lastWeight }) => lastWeight > 0)
    .map((server) => ({
      server,
      place: hsiphash(server.address + server.port, KEY) % PLACES,
      skip: (hsiphash(server.address + server.port, SKIP_KEY) % (PLACES - 1)) + 1,
      turns: Math.floor(server.lastWeight / divisor) >> shift || 1,
    }));
}
