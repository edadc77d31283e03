/**
 * Weighted round robin: rounds through the list for falling weights, in steps of the weights' greatest common divisor.
 * Follows linux net/netfilter/ipvs/ip_vs_wrr.c (6.1).
 */
import type { RealServer, Scheduling, VirtualService } from '../service.ts';
import { greatestCommonDivisor } from './gcd.ts';
import type { Scheduler } from './scheduler.ts';

/** `ipvsadm -s wrr` */
export const wrr: Scheduler = { name: 'wrr', start: (service) => new WeightedRoundRobin(service) };

class WeightedRoundRobin implements Scheduling {
  private readonly service: VirtualService;
  /** The server chosen last; undefined stands for the list's head, before the first. */
  private last: RealServer | undefined = undefined;
  private step = 1;
  private highest = 0;
  /** The weight a server must have to be chosen in this round. */
  private round = 0;

  constructor(service: VirtualService) {
    this.service = service;
    this.measure();
    this.round = this.highest;
  }

  choose(): RealServer | undefined {
    if (this.highest === 0) return undefined;
    const start = this.last;
    let server = start;
    let stop: RealServer | undefined;
    let lastRound = false;
    let restarted = false;
    for (;;) {
      for (server = server === undefined ? this.service.first : server.next; server !== undefined; server = server.next) {
        if (!server.overloaded && server.weight >= this.round) {
          this.last = server;
          return server;
        }
        if (server === stop) {
          this.last = server;
          return undefined;
        }
      }
      this.round -= this.step;
      if (this.round <= 0) {
        this.round = this.highest;
        if (lastRound || start === undefined) {
          this.last = undefined;
          return undefined;
        }
        restarted = true;
      }
      lastRound = this.round <= this.step;
      if (lastRound && restarted) stop = start;
    }
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
    this.last = undefined;
    this.measure();
    if (this.round > this.highest || this.round === 0) this.round = this.highest;
    else if (this.step > 1) this.round = Math.floor(this.round / this.step) * this.step + 1;
  }

  private measure(): void {
    let divisor = 0;
    let highest = 0;
    for (let server = this.service.first; server !== undefined; server = server.next) {
      divisor = greatestCommonDivisor(server.weight, divisor);
      highest = Math.max(highest, server.weight);
    }
    this.step = divisor === 0 ? 1 : divisor;
    this.highest = highest - (this.step - 1);
  }
}
