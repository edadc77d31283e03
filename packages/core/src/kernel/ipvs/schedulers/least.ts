/**
 * What wlc, lc, sed, nq, fo and ovf have in common: of all usable servers the first in some order, the newest of equals.
 * The kernel walks the list at every choice; here that is done for few servers, and for many a heap in the same order
 * gives the same answer. Both compare in the kernel's way, by whole products.
 */
import type { RealServer, Scheduling, VirtualService } from '../service.ts';
import type { Scheduler } from './scheduler.ts';

/** Negative if the first server comes before the second, 0 if only their places in the list decide. */
export type LoadOrder = (a: RealServer, b: RealServer) => number;

/** Servers from which on a service keeps a heap. */
const MANY = 32;

/**
 * The scheduler that chooses by an order.
 * @param eligible what a usable server must be besides to be chosen
 */
export function leastBy(name: string, order: LoadOrder, eligible: (server: RealServer) => boolean = always): Scheduler {
  return { name, start: (service) => new LeastScheduling(service, order, eligible) };
}

/** The sign of a * b - c * d for non-negative integers, exactly. */
export function compareProducts(a: number, b: number, c: number, d: number): number {
  const left = a * b;
  const right = c * d;
  if (left <= Number.MAX_SAFE_INTEGER && right <= Number.MAX_SAFE_INTEGER) return left - right;
  const difference = BigInt(a) * BigInt(b) - BigInt(c) * BigInt(d);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

function always(): boolean {
  return true;
}

class LeastScheduling implements Scheduling {
  private readonly service: VirtualService;
  private readonly order: LoadOrder;
  private readonly eligible: (server: RealServer) => boolean;
  private heap: RealServer[] | undefined = undefined;

  constructor(service: VirtualService, order: LoadOrder, eligible: (server: RealServer) => boolean) {
    this.service = service;
    this.order = order;
    this.eligible = eligible;
    this.resize();
  }

  choose(): RealServer | undefined {
    if (this.heap !== undefined) return this.heap[0];
    let least: RealServer | undefined;
    for (let server = this.service.first; server !== undefined; server = server.next) {
      if (!server.usable || !this.eligible(server)) continue;
      if (least === undefined || this.order(server, least) < 0) least = server;
    }
    return least;
  }

  added(server: RealServer): void {
    this.resize();
    this.counted(server);
  }

  removed(server: RealServer): void {
    if (this.heap !== undefined && server.slot >= 0) this.takeOut(this.heap, server);
    this.resize();
  }

  edited(server: RealServer): void {
    this.counted(server);
  }

  counted(server: RealServer): void {
    const heap = this.heap;
    if (heap === undefined || !server.available) return;
    if (!server.usable || !this.eligible(server)) {
      if (server.slot >= 0) this.takeOut(heap, server);
      return;
    }
    if (server.slot < 0) server.slot = heap.push(server) - 1;
    this.siftDown(heap, this.siftUp(heap, server.slot));
  }

  private resize(): void {
    const { size } = this.service;
    if (this.heap === undefined && size >= MANY) {
      this.heap = [];
      for (let server = this.service.first; server !== undefined; server = server.next) {
        server.slot = -1;
        this.counted(server);
      }
    } else if (this.heap !== undefined && size < MANY / 2) {
      for (const server of this.heap) server.slot = -1;
      this.heap = undefined;
    }
  }

  private before(a: RealServer, b: RealServer): boolean {
    const difference = this.order(a, b);
    return difference < 0 || (difference === 0 && a.sequence > b.sequence);
  }

  private takeOut(heap: RealServer[], server: RealServer): void {
    const slot = server.slot;
    server.slot = -1;
    const last = heap.pop();
    if (last === undefined || last === server) return;
    heap[slot] = last;
    last.slot = slot;
    this.siftDown(heap, this.siftUp(heap, slot));
  }

  private siftUp(heap: RealServer[], from: number): number {
    const server = heap[from] as RealServer;
    let slot = from;
    while (slot > 0) {
      const above = (slot - 1) >> 1;
      const other = heap[above] as RealServer;
      if (!this.before(server, other)) break;
      heap[slot] = other;
      other.slot = slot;
      slot = above;
    }
    heap[slot] = server;
    server.slot = slot;
    return slot;
  }

  private siftDown(heap: RealServer[], from: number): void {
    const server = heap[from] as RealServer;
    let slot = from;
    for (;;) {
      let child = 2 * slot + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right !== undefined && this.before(right, heap[child] as RealServer)) child++;
      const other = heap[child] as RealServer;
      if (!this.before(other, server)) break;
      heap[slot] = other;
      other.slot = slot;
      slot = child;
    }
    heap[slot] = server;
    server.slot = slot;
  }
}
