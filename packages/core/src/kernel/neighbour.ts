/**
 * Who has which address on a link: ARP, its table, and the packets that wait for an answer.
 * Follows linux net/ipv4/arp.c and net/core/neighbour.c. What a request taught is STALE, what an answer taught REACHABLE
 * for 30 s (in Linux between 15 and 45 s, drawn anew every five minutes). A stale entry that is used is probed by
 * unicast 5 s later, unless a connection has got on by it meanwhile.
 */
import type { Ipv4, Mac } from '../base/address.ts';
import type { Timer } from '../base/clock.ts';
import { SmallMap } from '../base/small-map.ts';
import { Arp } from '../wire/arp.ts';
import type { Device } from './link/device.ts';
import type { Neighbour } from './link/neighbour-entry.ts';
import { transmit } from './link/transmit.ts';
import type { SkBuff } from './skb.ts';

const REACHABLE_MS = 30_000;
const DELAY_MS = 5000;
const REQUESTS = 3;
/** Packets kept for one unresolved neighbour. */
const QUEUE = 101;
const NO_DEVICES: readonly Device[] = [];

/** What the table needs of its namespace. */
export interface NeighbourHost {
  readonly now: number;
  /** Milliseconds between requests. */
  readonly retransmitMs: number;
  /** With `background` nobody waits for it. */
  after(delay: number, action: () => void, background?: boolean): Timer;
  /** A permanent entry, configured or shared. */
  permanentNeighbour(device: Device, address: Ipv4): Mac | undefined;
  /** The address to ask from, for a packet from that source. */
  askingAddress(device: Device, next: Ipv4, source: Ipv4): Ipv4;
  /** Nobody answered for a packet's next hop. */
  unresolved(skb: SkBuff, device: Device): void;
}

/** The ARP table of one namespace. */
export class NeighbourTable {
  private readonly host: NeighbourHost;
  /** The devices with neighbours, in order of first mention. */
  private devices: readonly Device[] = NO_DEVICES;

  constructor(host: NeighbourHost) {
    this.host = host;
  }

  /** The MAC address of a neighbour, if it is known; `gotOn` if the packet's connection does by it. */
  lookup(device: Device, address: Ipv4, gotOn = false): Mac | undefined {
    const known = find(device, address);
    if (known !== undefined && known.mac !== 0) {
      if (gotOn) known.hintedAt = this.host.now;
      this.use(known);
      return known.mac;
    }
    return this.host.permanentNeighbour(device, address);
  }

  /** Whether an address is known from an answer that is not too old. */
  isReachable(device: Device, address: Ipv4): boolean {
    const known = find(device, address);
    if (known === undefined || known.mac === 0) return this.host.permanentNeighbour(device, address) !== undefined;
    return stateOf(known, this.host.now) === 'REACHABLE';
  }

  /** Whether the MAC address of a neighbour is known; asking does not count as use. */
  knows(device: Device, address: Ipv4): boolean {
    if ((find(device, address)?.mac ?? 0) !== 0) return true;
    return this.host.permanentNeighbour(device, address) !== undefined;
  }

  /** Asks for a neighbour for whom no packet waits. */
  seek(device: Device, address: Ipv4): void {
    const entry = this.entry(device, address);
    if (entry.state === 'INCOMPLETE' && entry.timer !== undefined) return;
    entry.state = 'INCOMPLETE';
    entry.asked = 0;
    this.ask(entry);
  }

  /** Keeps a packet until its next hop is known, and asks for it; then it is sent by the device, or as `go` says. */
  resolve(device: Device, address: Ipv4, skb: SkBuff, go = (mac: Mac): void => send(device, mac, skb)): void {
    const entry = this.entry(device, address);
    if (entry.waiting.length >= QUEUE) entry.waiting.shift();
    entry.waiting.push({ skb, go });
    skb.hop?.steps.push({ action: 'resolve', device: device.name, address });
    this.seek(device, address);
  }

  /** What an ARP packet says about its sender: an answer confirms it, a request makes it known only if it is for us. */
  learn(device: Device, address: Ipv4, mac: Mac, from: 'answer' | 'request' | 'request for us'): void {
    // A permanent entry is not overridden by what the network says.
    if (this.host.permanentNeighbour(device, address) !== undefined) return;
    const entry = from === 'request for us' ? this.entry(device, address) : find(device, address);
    if (entry === undefined) return;
    // A request says nothing new about a neighbour that is known with that address.
    if (from !== 'answer' && entry.mac === mac) return;
    entry.timer?.cancel();
    entry.timer = undefined;
    entry.mac = mac;
    entry.state = 'VALID';
    entry.confirmedAt = from === 'answer' ? this.host.now : Number.NEGATIVE_INFINITY;
    entry.usedAt = undefined;
    const waiting = entry.waiting;
    entry.waiting = [];
    if (waiting.length > 0) this.use(entry);
    for (const { go } of waiting) go(mac);
  }

  /** Learned entries with the state `ip neigh` shows, in order of first mention. */
  list(): readonly { readonly neighbour: Neighbour; readonly state: NeighbourState }[] {
    return this.devices.flatMap((device) =>
      [...(device.neighbours?.values() ?? [])].map((neighbour) => ({
        neighbour,
        state: stateOf(neighbour, this.host.now),
      })),
    );
  }

  /** Forgets a device's neighbours. */
  forget(device: Device): void {
    for (const entry of device.neighbours?.values() ?? []) entry.timer?.cancel();
    device.neighbours = undefined;
    this.devices = this.devices.filter((other) => other !== device);
  }

  private entry(device: Device, address: Ipv4): Neighbour {
    let entry = find(device, address);
    if (entry === undefined) {
      entry = {
        address,
        device,
        mac: 0,
        state: 'FAILED',
        confirmedAt: Number.NEGATIVE_INFINITY,
        hintedAt: Number.NEGATIVE_INFINITY,
        usedAt: undefined,
        asked: 0,
        timer: undefined,
        waiting: [],
      };
      if (device.neighbours === undefined) {
        device.neighbours = new SmallMap();
        this.devices = [...this.devices, device];
      }
      device.neighbours.set(address | 0, entry);
    }
    return entry;
  }

  private ask(entry: Neighbour): void {
    if (entry.asked === REQUESTS) {
      const waiting = entry.waiting;
      entry.waiting = [];
      entry.timer = undefined;
      entry.usedAt = undefined;
      entry.state = 'FAILED';
      entry.mac = 0;
      for (const { skb } of waiting) this.host.unresolved(skb, entry.device);
      return;
    }
    entry.asked++;
    const probes = entry.state === 'PROBE';
    entry.timer = this.host.after(this.host.retransmitMs, () => this.ask(entry), probes);
    const { device, address } = entry;
    const source = this.host.askingAddress(device, address, entry.waiting.at(-1)?.skb.source ?? 0);
    const request = new Arp('request', device.mac, source, 0, address);
    if (probes) request.destinationMac = entry.mac;
    transmit(device, request);
  }

  /** A stale entry in use is looked after in a while. */
  private use(entry: Neighbour): void {
    if (entry.usedAt !== undefined || this.host.now - entry.confirmedAt <= REACHABLE_MS) return;
    entry.usedAt = this.host.now;
    entry.timer = this.host.after(DELAY_MS, () => this.verify(entry), true);
  }

  private verify(entry: Neighbour): void {
    entry.timer = undefined;
    if (this.host.now - entry.hintedAt <= DELAY_MS) {
      entry.confirmedAt = entry.hintedAt;
      entry.usedAt = undefined;
      return;
    }
    entry.state = 'PROBE';
    entry.asked = 0;
    this.ask(entry);
  }
}

function find(device: Device, address: Ipv4): Neighbour | undefined {
  return device.neighbours?.get(address | 0);
}

/** A state as `ip neigh` names it. */
export type NeighbourState = 'INCOMPLETE' | 'REACHABLE' | 'STALE' | 'DELAY' | 'PROBE' | 'FAILED';

function stateOf(neighbour: Neighbour, now: number): NeighbourState {
  if (neighbour.state !== 'VALID') return neighbour.state;
  if (now - neighbour.confirmedAt <= REACHABLE_MS) return 'REACHABLE';
  return neighbour.usedAt === undefined ? 'STALE' : 'DELAY';
}

/** Puts the Ethernet addresses on a packet and sends it. */
export function send(device: Device, mac: Mac, skb: SkBuff): void {
  skb.sourceMac = device.mac;
  skb.destinationMac = mac;
  if (mac !== 0) skb.hop?.steps.push({ action: 'transmit', device: device.name, mac });
  transmit(device, skb);
}
