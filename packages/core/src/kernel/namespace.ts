/**
 * One network namespace at work: its configuration, the devices and tables made of it, and what traffic leaves
 * behind. Agents, masters, containers, routers and clients are all this.
 */
import type { Ipv4, Mac } from '../base/address.ts';
import type { Timer } from '../base/clock.ts';
import { memo } from '../base/immutable.ts';
import type { Random } from '../base/random.ts';
import type { Arp } from '../wire/arp.ts';
import { receiveArp } from './arp.ts';
import { receiveBridged } from './bridged.ts';
import type { IpSet, NamespaceConfig, PermanentNeighbour, Route, StaticFdbEntry } from './config.ts';
import { NextHopExceptions } from './exceptions.ts';
import { type FragmentHost, FragmentTable } from './fragment.ts';
import { activeHooks } from './hooks.ts';
import { Ipvs } from './ipvs/ipvs.ts';
import type { KernelLog } from './kernel-log.ts';
import type { Device, Frame } from './link/device.ts';
import { type DeviceKeeper, Devices } from './link/devices.ts';
import { type Switches, switchesOf } from './link/switches.ts';
import type { Wire } from './link/wire.ts';
import { type NeighbourHost, NeighbourTable } from './neighbour.ts';
import { ConnectionTable } from './netfilter/connection.ts';
import type { AddressType, Netfilter } from './netfilter/rule.ts';
import type { RuleHost } from './netfilter/rule-host.ts';
import { indexSet, type SetIndex } from './netfilter/set.ts';
import { type Tables, tablesOf } from './netfilter/table.ts';
import { incomplete, noListener, output, receive, routeFailure, unresolved } from './path.ts';
import { mayBeCut, pathMtu, wayTo } from './path-mtu.ts';
import { type PingOptions, ping } from './ping.ts';
import { RedirectLimit } from './redirect.ts';
import { firstAddress, RouteCache, type RouteSource, sourceAddress } from './route.ts';
import type { SkBuff } from './skb.ts';
import { type Listener, type SocketHost, Sockets } from './socket/sockets.ts';
import type { TcpFailure } from './socket/tcp-program.ts';
import type { Way } from './socket/way.ts';
import { decapsulate, encapsulate } from './tunnel.ts';
import type { World } from './world.ts';

/** State that daemons keep for many namespaces at once; a namespace looks it up and holds no copy. */
export interface SharedState {
  readonly routes: readonly RouteSource[];
  /** Rises whenever one of those routes changes. */
  epoch?(): number;
  /** Permanent neighbours and forwarding entries of a tunnel device. */
  neighbour?(device: string, address: Ipv4): Mac | undefined;
  neighbours?(): readonly PermanentNeighbour[];
  remote?(device: string, mac: Mac): Ipv4 | undefined;
  fdb?(): readonly StaticFdbEntry[];
  /** An ipset kept for all. */
  set?(name: string): SetIndex | undefined;
  sets?(): readonly IpSet[];
  /** Brings the IPVS tables up to date; called before they are looked at. */
  syncIpvs?(ipvs: Ipvs): void;
}

/** nf_conntrack_max of a machine with more than a gigabyte of memory. */
const CONNTRACK_MAX = 262_144;
const NOTHING_SHARED: SharedState = { routes: [] };
const ignore = (): void => {};

/** A network namespace. */
export class Namespace implements DeviceKeeper, NeighbourHost, SocketHost, RuleHost, FragmentHost {
  readonly name: string;
  readonly world: World;
  readonly random: Random;
  readonly neighbours = new NeighbourTable(this);
  readonly exceptions = new NextHopExceptions();
  readonly redirects = new RedirectLimit();
  readonly sockets = new Sockets(this);
  /** What happens when an echo reply arrives. */
  echoed: (skb: SkBuff) => void = ignore;
  /** What happens when an ICMP error about an echo request arrives. */
  echoFailed: (skb: SkBuff) => void = ignore;
  /** An ICMP message made here is on its way out at this moment. */
  sendsIcmp = false;
  private current: NamespaceConfig;
  private shared: SharedState = NOTHING_SHARED;
  private readonly deviceTable = new Devices(this);
  private readonly routeCache = new RouteCache();
  // Made when first needed: most containers never have any of these.
  private tracked: ConnectionTable | undefined;
  private ruleTables: Tables | undefined;
  private fragments: FragmentTable | undefined;
  private tunnels: Map<Device, Listener> | undefined;
  private balancer: Ipvs | undefined;
  private active: ReturnType<typeof activeHooks> | undefined;
  private readonly machine: string | undefined;
  private readonly kernelLog: KernelLog | undefined;
  private readonly findPeer: (namespace: string, index: number) => Device | undefined;

  /**
   * @param name unique among all namespaces of the cluster
   * @param options.machine whose container this is; without it a machine's own
   * @param options.log where LOG rules write; nowhere without it
   * @param findPeer finds the device with an index in another namespace: the far end of a veth pair
   */
  constructor(
    name: string,
    config: NamespaceConfig,
    options: {
      world: World;
      random: Random;
      machine?: string;
      log?: KernelLog;
      findPeer: (namespace: string, index: number) => Device | undefined;
    },
  ) {
    this.name = name;
    this.machine = options.machine;
    this.world = options.world;
    this.random = options.random;
    this.kernelLog = options.log;
    this.findPeer = options.findPeer;
    this.current = config;
    this.deviceTable.configure(config.links);
  }

  /** What traces call it. */
  get label(): string {
    return this.machine === undefined ? this.name : `${this.machine}/${this.name.slice(0, 12)}`;
  }

  /** Its configuration. */
  get config(): NamespaceConfig {
    return this.current;
  }

  /** Takes another configuration; devices, rules and what they have learned or counted stay where they are the same. */
  configure(next: NamespaceConfig): void {
    if (next === this.current) return;
    const before = this.current;
    this.current = next;
    if (next.links !== before.links) this.deviceTable.configure(next.links);
    if (next.sysctl !== before.sysctl) this.deviceTable.switch();
    if (next.netfilter !== before.netfilter) this.configureTables(next.netfilter);
  }

  /** Connects state that daemons keep for many. */
  share(shared: SharedState): void {
    this.shared = shared;
    this.active = undefined;
  }

  get wire(): Wire {
    return this.world.wire;
  }

  get now(): number {
    return this.world.clock.now;
  }

  get retransmitMs(): number {
    return this.current.sysctl.neighbourRetransMs ?? 1000;
  }

  get connectionLimit(): number {
    return this.current.sysctl.conntrackMax ?? CONNTRACK_MAX;
  }

  get bridgeNetfilter(): boolean {
    return this.current.sysctl.bridgeNfCallIptables;
  }

  /** Its tables of rules at work. */
  get tables(): Tables {
    this.ruleTables ??= tablesOf(this.current.netfilter);
    return this.ruleTables;
  }

  /** The connections it tracks. */
  get connections(): ConnectionTable {
    this.tracked ??= new ConnectionTable();
    return this.tracked;
  }

  /** The handlers at each hook. */
  get hooks(): ReturnType<typeof activeHooks> {
    this.active ??= activeHooks(this);
    return this.active;
  }

  /** Whether IPVS may have anything to do. */
  get balances(): boolean {
    return this.balancer !== undefined || this.shared.syncIpvs !== undefined;
  }

  /** The IPVS tables, up to date. */
  get ipvs(): Ipvs {
    if (this.balancer === undefined) {
      this.balancer = new Ipvs(this.world.clock);
      this.active = undefined;
    }
    this.shared.syncIpvs?.(this.balancer);
    return this.balancer;
  }

  /** Devices by index. */
  get devices(): readonly Device[] {
    return this.deviceTable.all();
  }

  /** A device by name. */
  device(name: string): Device | undefined {
    return this.deviceTable.find(name);
  }

  /** A device by index. */
  deviceAt(index: number): Device | undefined {
    return this.deviceTable.at(index);
  }

  /** The best route to an address; `source` 0 while it is still to be chosen, `mark` that of the packet. */
  route(destination: Ipv4, source: Ipv4, mark = 0): Route | undefined {
    return this.routeCache.find(this.current, this.shared.routes, this.shared.epoch?.() ?? 0, destination, source, mark);
  }

  /** Every route in force. */
  routes(): readonly Route[] {
    return [...this.current.routes, ...this.shared.routes.flatMap((source) => source.list())];
  }

  /** Every ipset in force. */
  sets(): readonly IpSet[] {
    return [...this.current.sets, ...(this.shared.sets?.() ?? [])];
  }

  /** As inet_dev_addr_type (linux net/ipv4/fib_frontend.c): with a device only its own routes make an address local. */
  addressType(address: Ipv4, device?: string): AddressType {
    if (address >>> 24 === 0 || address === 0xffffffff) return 'BROADCAST';
    if (address >>> 28 === 14) return 'MULTICAST';
    const route = this.route(address, 0);
    if (device !== undefined && route?.device !== device) return 'UNICAST';
    return route?.type === 'local' ? 'LOCAL' : route?.type === 'broadcast' ? 'BROADCAST' : 'UNICAST';
  }

  mtuTowards(address: Ipv4): number | undefined {
    return this.sourceFor(address)?.mtu;
  }

  log(text: string): void {
    this.kernelLog?.write(this.now, text);
  }

  setIndex(name: string): SetIndex | undefined {
    const own = setsByName(this.current.sets).get(name);
    return own === undefined ? this.shared.set?.(name) : indexSet(own);
  }

  after(delay: number, action: () => void, background = false): Timer {
    const run = () => {
      action();
      this.world.wire.run();
    };
    return this.world.clock.after(delay, run, background);
  }

  /** Sends a packet made here; says at once if it cannot leave. */
  send(skb: SkBuff): TcpFailure | undefined {
    return output(this, skb);
  }

  /** An address of the device, near `next` if it has one; without addresses, or for `lo`, one of another device. */
  addressTowards(device: Device, next: Ipv4): Ipv4 {
    const own = device.kind === 'loopback' ? 0 : sourceAddress(device.link, next);
    return own !== 0 ? own : firstAddress(this.current.links);
  }

  /** ARP asks from the address of the packet that waits, if that is one of ours. */
  askingAddress(device: Device, next: Ipv4, source: Ipv4): Ipv4 {
    return this.route(source, 0)?.type === 'local' ? source : this.addressTowards(device, next);
  }

  sourceFor(destination: Ipv4, mark = 0): Way | undefined {
    return wayTo(this, destination, mark);
  }

  pathMtu(destination: Ipv4): number | undefined {
    return pathMtu(this, destination);
  }

  mayBeCut(destination: Ipv4): boolean {
    return mayBeCut(this, destination);
  }

  /** Why nothing can be sent to an address; undefined if routing has nothing against it. */
  failureTo(destination: Ipv4): TcpFailure | undefined {
    return routeFailure(this.route(destination, 0));
  }

  /** Sends an ICMP echo request; {@link echoed} or {@link echoFailed} is told of the answer. */
  ping(address: Ipv4, identifier: number, options: PingOptions = {}): TcpFailure | undefined {
    return ping(this, address, identifier, options);
  }

  noListener(skb: SkBuff): void {
    noListener(this, skb);
  }

  /** Whether a packet is whole, or is so now that this fragment has come. */
  isWhole(skb: SkBuff): boolean {
    if (skb.fragment === undefined) return true;
    this.fragments ??= new FragmentTable(this);
    return this.fragments.completes(skb, skb.fragment);
  }

  incomplete(first: SkBuff): void {
    incomplete(this, first);
  }

  unresolved(skb: SkBuff, device: Device): void {
    unresolved(this, skb, device);
  }

  permanentNeighbour(device: Device, address: Ipv4): Mac | undefined {
    const own = this.current.neighbours.find((entry) => entry.device === device.name && entry.address === address);
    return own?.mac ?? this.shared.neighbour?.(device.name, address);
  }

  /** Permanent neighbours, configured and shared. */
  permanentNeighbours(): readonly PermanentNeighbour[] {
    return [...this.current.neighbours, ...(this.shared.neighbours?.() ?? [])];
  }

  /** Static forwarding entries, configured and shared. */
  staticFdb(): readonly StaticFdbEntry[] {
    return [...this.current.fdb, ...(this.shared.fdb?.() ?? [])];
  }

  /** The far tunnel end behind which a MAC address lives. */
  remoteOf(device: string, mac: Mac): Ipv4 | undefined {
    const own = this.current.fdb.find((entry) => entry.device === device && entry.mac === mac);
    return own?.remote ?? this.shared.remote?.(device, mac);
  }

  /** The far tunnel ends to which goes what is for all or for nobody known, in the order of sending: the first last. */
  floodedTo(device: string): readonly Ipv4[] {
    const remotes = this.current.fdb.flatMap((entry) =>
      entry.device === device && entry.mac === 0 && entry.remote !== undefined ? [entry.remote] : [],
    );
    return [...remotes.slice(1), ...remotes.slice(0, 1)];
  }

  receiveIp(skb: SkBuff, device: Device): void {
    receive(this, skb, device);
  }

  receiveArp(arp: Arp, device: Device): void {
    receiveArp(this, arp, device);
  }

  receiveBridged(skb: SkBuff, bridge: Device, port: Device): void {
    receiveBridged(this, skb, bridge, port);
  }

  encapsulate(device: Device, frame: Frame): void {
    encapsulate(this, device, frame);
  }

  peerOf(device: Device): Device | undefined {
    const { kind } = device.link;
    return kind.type === 'veth' ? this.findPeer(kind.peer.namespace, kind.peer.index) : undefined;
  }

  private configureTables(netfilter: Netfilter): void {
    for (const table of Object.values(this.ruleTables ?? {})) table.configure(netfilter[table.name]);
    this.active = undefined;
  }

  /** @internal */
  switchesOf(device: string): Switches {
    return switchesOf(this.current.sysctl, device);
  }

  /** @internal A tunnel's socket opens with its device. */
  deviceMade(device: Device): void {
    const { kind, name } = device.link;
    if (kind.type !== 'vxlan') return;
    const socket = this.sockets.bindUdp({ address: 0, port: kind.port, program: name }, ({ payload, mark, source }) =>
      decapsulate(this, device, payload, { mark, source }),
    );
    this.tunnels ??= new Map();
    this.tunnels.set(device, socket);
  }

  /** @internal */
  deviceRetired(device: Device): void {
    this.neighbours.forget(device);
    this.tunnels?.get(device)?.close();
    this.tunnels?.delete(device);
  }
}

const setsByName: (sets: readonly IpSet[]) => ReadonlyMap<string, IpSet> = memo(
  (sets) => new Map(sets.map((set) => [set.name, set])),
);
