/**
 * What one dcos-net makes of the gossiped table, event by event: addresses and DNS names for its VIPs
 * (dcos_l4lb_lashup_vip_listener) and the writes to its kernel (dcos_l4lb_mgr; both dcos/dcos-net@7bd01ac). It catches up
 * when asked; an event costs what its changes cost, whatever else the table holds. Where a fixed VIP and another one
 * coincide, the whole lists are compared, as dcos-net always does.
 */
import { type Ipv4, Refusal } from '@portolan/core';
import { compareServers, type LocalPortMapping, type Server } from './backends.ts';
import { complement } from './complement.ts';
import type { IpAddress } from './ip.ts';
import type { L4lb, VipEvent } from './l4lb.ts';
import { L4LB_ZONE } from './label.ts';
import { VipNames } from './names.ts';
import { ServiceIndex } from './service-index.ts';
import type { Vip, VipEntry } from './vip-entry.ts';
import {
  type AppliedVip,
  type ChangedVip,
  compareServices,
  operationsBetween,
  operationsOf,
  type ServiceAddress,
  type VipOperation,
} from './vip-operation.ts';
import { inGossipOrder, type Touch, VipTable } from './vip-table.ts';

/** What sets one node apart from the others. */
export interface NodeOptions {
  /** Its address, to know its own backends by. */
  readonly node?: Ipv4;
  /** Milliseconds until it hears of a change; default 0. */
  readonly delay?: number;
}

interface Surroundings {
  /** By protocol and host port. */
  readonly portMappings: ReadonlyMap<number, LocalPortMapping>;
  /** Undefined as long as nobody is known to be out of reach. */
  readonly reaches: ((agent: Ipv4) => boolean) | undefined;
}

/** The VIPs of the nodes that started at one place of the log. */
export class VipView {
  private readonly source: L4lb;
  private readonly node: Ipv4 | undefined;
  private readonly delay: number;
  private readonly table = new VipTable();
  private names: VipNames;
  private readonly index = new ServiceIndex();
  private readonly writes: VipOperation[] = [];
  /** What the node knows of itself and of the others, and what the VIPs in force were made with. */
  private known: Surroundings = { portMappings: new Map(), reaches: undefined };
  private used: Surroundings = this.known;
  /** Whether every VIP must be looked at again. */
  private stale = false;
  private started = false;
  private place: number;
  /** Local port mappings to come, each with the place of the log from which on they are known. */
  private readonly upcoming: { readonly from: number; readonly mappings: readonly LocalPortMapping[] }[] = [];
  private list: readonly Vip[] | undefined = undefined;
  private failure: Refusal | undefined = undefined;

  constructor(source: L4lb, start: number, options: NodeOptions) {
    this.source = source;
    this.node = options.node;
    this.delay = options.delay ?? 0;
    this.names = new VipNames(source.range);
    this.place = start;
    if (start === 0) return;
    for (const event of source.events.slice(0, start)) {
      this.table.takeIn(event);
      this.learn(event);
    }
    this.started = source.events.slice(0, start).some(({ changes }) => changes.length > 0);
    this.lookAtAll();
  }

  /** How far in the log it is. */
  get position(): number {
    return this.place;
  }

  /** How many writes there are so far. */
  get operationCount(): number {
    return this.writes.length;
  }

  /** Whether the zone of named VIPs exists: not before the first event. */
  get ready(): boolean {
    return this.started;
  }

  /** Why the listener crashed at the last event, if it did: its range of addresses was full. */
  get crash(): Refusal | undefined {
    return this.failure;
  }

  /** Takes in what was gossiped since. */
  catchUp(): void {
    const { events } = this.source;
    if (this.place < events.length) {
      const heard = this.heard();
      while (this.place < heard) {
        this.takePortMappings();
        this.hear(events[this.place++] as VipEvent);
      }
    }
    this.takePortMappings();
  }

  /** The writes from the `done`-th on, in their order. */
  operationsSince(done: number): readonly VipOperation[] {
    return this.writes.slice(done);
  }

  /** Every VIP in force, in gossip's order: udp first, fixed addresses before names, the last label first. */
  vips(): readonly Vip[] {
    this.list ??= this.table.inOrder().flatMap((entry) => entry.vip(() => this.serversOf(entry)) ?? []);
    return this.list;
  }

  /** The VIP of a service, if there is one. */
  vipAt(service: ServiceAddress): Vip | undefined {
    const entry = this.index.find(service);
    return entry?.vip(() => this.serversOf(entry));
  }

  /** Whether an address is some VIP's, and so local to every node. */
  hasAddress(address: IpAddress): boolean {
    return this.index.hasAddress(address);
  }

  /** Addresses of a DNS name of the zone, `httpi.marathon.l4lb.thisdcos.directory`; lower case, final dot or not. */
  lookup(name: string): readonly IpAddress[] {
    const bare = name.endsWith('.') ? name.slice(0, -1) : name;
    return bare.endsWith(`.${L4LB_ZONE}`) ? this.names.lookup(bare.slice(0, -L4LB_ZONE.length - 1)) : [];
  }

  /** Every name of the zone, as `httpi.marathon`, with its address, in the order in which they came. */
  dnsRecords(): readonly { readonly name: string; readonly address: IpAddress }[] {
    return this.names.mappings().map(({ name, address }) => ({ name, address }));
  }

  /** The node's local port mappings from now on; they count from the next event or reconciliation. */
  setPortMappings(mappings: readonly LocalPortMapping[]): void {
    this.upcoming.push({ from: this.heard(), mappings });
  }

  /** The agents that gossip can reach, undefined if that is not known; counts from the next event or reconciliation. */
  setReachable(agents: ReadonlySet<Ipv4> | undefined): void {
    this.known = { ...this.known, reaches: agents && ((agent) => agents.has(agent)) };
    this.stale = true;
  }

  private learn({ unreachable }: VipEvent): void {
    if (unreachable === undefined) return;
    this.known = { ...this.known, reaches: unreachable.size === 0 ? undefined : (agent) => !unreachable.has(agent) };
    this.stale = true;
  }

  /** What dcos-net does every 30 seconds: it looks at every VIP again. */
  reconcile(): void {
    this.catchUp();
    if (this.stale) this.lookAtAll();
  }

  /** How many events have reached the node, caught up with or not. */
  private heard(): number {
    return this.delay === 0 ? this.source.events.length : this.source.heardAfter(this.delay);
  }

  private takePortMappings(): void {
    for (let next = this.upcoming[0]; next !== undefined && next.from <= this.place; next = this.upcoming[0]) {
      this.upcoming.shift();
      const portMappings = new Map(next.mappings.map((mapping) => [endKey(mapping.protocol, mapping.hostPort), mapping]));
      this.known = { ...this.known, portMappings };
      this.stale = true;
    }
  }

  private hear(event: VipEvent): void {
    if (event.unreachable !== undefined) return this.learn(event);
    this.started ||= event.changes.length > 0;
    const touches = this.table.takeIn(event);
    if (this.stale || this.index.coinciding > 0) this.lookAtAll();
    else this.lookAtTouched(touches);
    this.table.forget(touches);
  }

  private lookAtTouched(touches: readonly Touch[]): void {
    const entering = touches.flatMap(({ entry }) => (entry.applied === undefined ? [entry] : []));
    const targets = this.assign(inGossipOrder(entering));
    if (targets === undefined) return;
    if (this.index.wouldCoincide([...targets])) {
      this.lookAtAll();
      return;
    }
    const before = this.index.bounds();
    const removed: ServiceAddress[] = [];
    const added: AppliedVip[] = [];
    const changed: ChangedVip[] = [];
    for (const touch of touches) {
      const { entry } = touch;
      const { applied } = entry;
      if (applied === undefined) {
        const target = targets.get(entry);
        if (target === undefined) continue;
        const order = this.serversOf(entry);
        const servers = sorted(order);
        added.push({ protocol: entry.key.protocol, address: target, port: entry.key.port, servers, order });
        entry.apply(target, servers);
        this.index.add(entry);
      } else if (entry.backends.length === 0) {
        removed.push(applied);
        this.index.remove(entry);
        entry.apply(undefined, []);
      } else {
        const { protocol, address, port } = applied;
        const servers = this.changeServers(touch, applied.servers);
        if (servers.onlyA.length + servers.onlyB.length > 0) changed.push({ protocol, address, port, servers });
      }
    }
    const { addedAddresses, removedAddresses } = this.index.takeAddressChange();
    for (const address of removedAddresses) this.names.release(address);
    for (const vips of [removed, added, changed]) vips.sort(compareServices);
    const change = { added, removed, changed, addedAddresses, removedAddresses };
    this.write(operationsOf(change, before, this.index.bounds()));
  }

  /** Compares everything with everything. */
  private lookAtAll(): void {
    const entries = this.table.inOrder();
    const targets = this.assign(entries);
    if (targets === undefined) return;
    const before = this.index
      .services()
      .map((entry) => ({ ...(entry.applied as ServiceAddress), servers: entry.servers, order: [] }));
    const after: AppliedVip[] = [];
    this.used = this.known;
    this.index.clear();
    for (const entry of entries) {
      const address = targets.get(entry);
      const order = this.serversOf(entry);
      entry.apply(address, sorted(order));
      if (entry.applied === undefined) continue;
      after.push({ ...entry.applied, order });
      this.index.add(entry);
    }
    this.index.takeAddressChange();
    for (const { address } of this.names.mappings()) if (!this.index.hasAddress(address)) this.names.release(address);
    this.stale = false;
    this.write(operationsBetween(before, after.sort(compareServices)));
  }

  /** The addresses of those entries that have backends, in the order in which they get them; undefined after a crash. */
  private assign(entries: readonly VipEntry[]): ReadonlyMap<VipEntry, IpAddress> | undefined {
    const targets = new Map<VipEntry, IpAddress>();
    try {
      for (const entry of entries) {
        const { key, family, backends } = entry;
        if (backends.length === 0) continue;
        targets.set(entry, key.kind === 'fixed' ? key.address : this.names.assign(family ?? 4, key.label, key.framework));
      }
    } catch (refusal) {
      if (!(refusal instanceof Refusal)) throw refusal;
      // The listener is restarted with empty tables; the kernel keeps what it has.
      this.failure = refusal;
      this.names = new VipNames(this.source.range);
      this.stale = true;
      return undefined;
    }
    this.failure = undefined;
    return targets;
  }

  /** Brings the servers of a VIP that stays up to date; says what changed, `onlyA` being new. */
  private changeServers(touch: Touch, servers: Server[]): ChangedVip['servers'] {
    const { entry } = touch;
    if (this.used.portMappings.size > 0 || this.used.reaches !== undefined) {
      const next = sorted(this.serversOf(entry));
      const change = complement(next, servers, compareServers);
      entry.replaceServers(next);
      return change;
    }
    const lastBefore = servers.at(-1);
    entry.editServers(touch.removed, touch.added);
    return complement(sorted(touch.added), sorted(touch.removed), compareServers, servers.at(-1), lastBefore);
  }

  /** What goes to the kernel for an entry, in gossip's order: local port mappings followed, unreachable agents left out. */
  private serversOf(entry: VipEntry): readonly Server[] {
    const { node } = this;
    const { reaches, portMappings } = this.used;
    const { backends } = entry;
    const near = reaches === undefined ? backends : backends.filter(({ agent }) => reaches(agent));
    const kept = near.length === 0 ? backends : near;
    if (portMappings.size === 0) return kept;
    return kept.map((backend) => {
      const mapping = backend.address === node ? portMappings.get(endKey(entry.key.protocol, backend.port)) : undefined;
      return mapping === undefined ? backend : { address: mapping.address, port: mapping.port, weight: backend.weight };
    });
  }

  private write(operations: readonly VipOperation[]): void {
    for (const operation of operations) this.writes.push(operation);
    this.list = undefined;
  }
}

function sorted(servers: readonly Server[]): Server[] {
  return servers.length < 2 ? servers.slice() : servers.toSorted(compareServers);
}

function endKey(protocol: number, port: number): number {
  return protocol * 0x100000000 + port;
}
