/**
 * What a namespace has learned about single destinations behind a route: that the way is narrower than its first
 * device (ICMP fragmentation needed), or that another gateway is nearer (ICMP redirect).
 * Follows linux net/ipv4/route.c (fib_nh_exception, 6.1); beyond so many entries of one route the oldest is dropped,
 * where the kernel drops the oldest of one hash bucket.
 */
import type { Ipv4 } from '../base/address.ts';
import type { Route } from './config.ts';

/** net.ipv4.route.min_pmtu: nobody is believed who asks for less. */
const LEAST_MTU = 552;
/** net.ipv4.route.mtu_expires */
const MTU_MS = 600_000;
/** net.ipv4.route.gc_timeout */
const GATEWAY_MS = 300_000;
const MOST = 4096;

/** What is known about one destination. */
export interface NextHopException {
  /** Bytes of a packet that gets through; undefined if nothing was said. */
  readonly mtu: number | undefined;
  /** Somebody asked for less than the least: packets go without DF. */
  readonly locked: boolean;
  readonly gateway: Ipv4 | undefined;
  readonly expiresAt: number;
}

/** The exceptions of one namespace: they belong to a route and go with it. */
export class NextHopExceptions {
  private known: WeakMap<Route, Map<Ipv4, NextHopException>> | undefined = undefined;

  /** Whether anything was ever learned. */
  get any(): boolean {
    return this.known !== undefined;
  }

  /** What is known about a destination that goes by that route. */
  find(route: Route, destination: Ipv4, now: number): NextHopException | undefined {
    if (this.known === undefined) return undefined;
    const found = this.known.get(route)?.get(destination);
    return found === undefined || found.expiresAt < now ? undefined : found;
  }

  /** Believes that no more than `mtu` bytes get through; `before` is what was believed until now. */
  learnMtu(route: Route, destination: Ipv4, mtu: number, before: number, now: number): void {
    if (before < mtu || this.find(route, destination, now)?.locked === true) return;
    const locked = mtu < LEAST_MTU;
    const gateway = this.find(route, destination, now)?.gateway;
    const least = locked ? Math.min(before, LEAST_MTU) : mtu;
    this.put(route, destination, { mtu: least, locked, gateway, expiresAt: now + MTU_MS });
  }

  /** Believes that a destination is nearer by another gateway. */
  learnGateway(route: Route, destination: Ipv4, gateway: Ipv4, now: number): void {
    const { mtu, locked = false } = this.find(route, destination, now) ?? {};
    this.put(route, destination, { mtu, locked, gateway, expiresAt: now + GATEWAY_MS });
  }

  private put(route: Route, destination: Ipv4, exception: NextHopException): void {
    this.known ??= new WeakMap();
    const byDestination = this.known.get(route) ?? new Map<Ipv4, NextHopException>();
    this.known.set(route, byDestination);
    byDestination.delete(destination);
    const [oldest] = byDestination.keys();
    if (byDestination.size >= MOST && oldest !== undefined) byDestination.delete(oldest);
    byDestination.set(destination, exception);
  }
}
