/**
 * Round robin: the next usable server after the last chosen.
 * Follows linux net/netfilter/ipvs/ip_vs_rr.c (6.1).
 */
import type { RealServer, Scheduling, VirtualService } from '../service.ts';
import type { Scheduler } from './scheduler.ts';

/** `ipvsadm -s rr` */
export const rr: Scheduler = { name: 'rr', start: (service) => new RoundRobin(service) };

class RoundRobin implements Scheduling {
  private readonly service: VirtualService;
  /** The server chosen last; undefined stands for the list's head, before the first. */
  private last: RealServer | undefined = undefined;

  constructor(service: VirtualService) {
    this.service = service;
  }

  choose(): RealServer | undefined {
    const { service, last } = this;
    for (let server = last === undefined ? service.first : last.next; server !== undefined; server = server.next) {
      if (server.usable) return this.take(server);
    }
    if (last === undefined) return undefined;
    for (let server = service.first; server !== undefined; server = server.next) {
      if (server.usable) return this.take(server);
      if (server === last) return undefined;
    }
    return undefined;
  }

  added(): void {}

  removed(server: RealServer): void {
    if (server === this.last) this.last = server.previous;
  }

  edited(): void {}

  counted(): void {}

  private take(server: RealServer): RealServer {
    this.last = server;
    return server;
  }
}
