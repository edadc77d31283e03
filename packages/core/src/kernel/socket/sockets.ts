/**
 * The sockets of one namespace: who listens where, and which packet is for whom.
 * Follows linux net/ipv4/inet_hashtables.c and udp.c: a socket bound to the packet's address is preferred to one
 * bound to all. Ephemeral ports are handed out in sequence from a seeded start, not at random.
 */
import { formatIpv4, type Ipv4 } from '../../base/address.ts';
import type { Timer } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import { Refusal } from '../../base/refusal.ts';
import { SmallMap } from '../../base/small-map.ts';
import { TupleTable } from '../../base/tuple-table.ts';
import { IPV4_HEADER, type Packet, UDP_HEADER } from '../../wire/ipv4.ts';
import { FLAG } from '../../wire/tcp.ts';
import type { NamespaceConfig } from '../config.ts';
import type { Wire } from '../link/wire.ts';
import type { AddressType } from '../netfilter/rule.ts';
import { SkBuff } from '../skb.ts';
import type { Datagram, DatagramEnd, UdpRemote } from './datagram.ts';
import { TcpSocket } from './tcp.ts';
import type { TcpFailure, TcpHost, TcpProgram } from './tcp-program.ts';
import { mayInsist, type Way } from './way.ts';

const TCP = 6;
const UDP = 17;
const SYN_ACK = FLAG.syn | FLAG.ack;
/** net.ipv4.ip_local_port_range */
const EPHEMERAL = { first: 32768, last: 60999 } as const;

/** Where a server waits. */
export interface Listener {
  /** 0 for all addresses. */
  readonly address: Ipv4;
  readonly port: number;
  /** What `ss` would call the program. */
  readonly program: string;
  close(): void;
}

/** A bound UDP socket. */
export interface UdpSocket extends Listener {
  /** Sends a datagram of `bytes` bytes of payload; from the given source, or the one routing prefers. */
  send(to: DatagramEnd, payload: unknown, bytes: number): TcpFailure | undefined;
}

/** What sockets need of their namespace. */
export interface SocketHost extends Pick<TcpHost, 'after' | 'send' | 'pathMtu'> {
  readonly name: string;
  readonly config: NamespaceConfig;
  readonly wire: Wire;
  readonly random: Random;
  /** The address to send from towards a destination and the MTU that way; undefined without a route. */
  sourceFor(destination: Ipv4): Way | undefined;
  /** Why nothing can be sent there, if routing is against it. */
  failureTo(destination: Ipv4): TcpFailure | undefined;
  /** Whether an address is one machine's, everybody's of a network, or a group's. */
  addressType(address: Ipv4): AddressType;
  /** Answers a packet for which there is no socket. */
  noListener(skb: SkBuff): void;
  /** Whether a TCP segment to an address may be cut on its way. */
  mayBeCut(address: Ipv4): boolean;
}

/** A server for TCP. */
export interface TcpListener extends Listener {
  /** Gives a connection its program. */
  accept(socket: TcpSocket): TcpProgram;
}

interface BoundUdp extends UdpSocket {
  readonly remote: UdpRemote | undefined;
  readonly received: (datagram: Datagram, socket: UdpSocket) => void;
  readonly failed: ((failure: TcpFailure) => void) | undefined;
}

/** Who is bound to each port; undefined as long as nobody ever was. */
type ByPort<L extends Listener> = SmallMap<number, readonly L[]> | undefined;

/** A connection that is still being made has no program yet: it gets one once its handshake is done. */
class Handshake implements TcpProgram {
  constructor(private readonly listener: TcpListener) {}

  connected(socket: TcpSocket): void {
    socket.program = this.listener.accept(socket);
    socket.program.connected?.(socket);
  }
}

/** The sockets of one namespace. */
export class Sockets implements TcpHost {
  private readonly host: SocketHost;
  private listeners: ByPort<TcpListener> = undefined;
  private udp: ByPort<BoundUdp> = undefined;
  /** By the tuple of the packets that arrive. */
  private readonly connections = new TupleTable<TcpSocket>();
  private nextPort = 0;

  constructor(host: SocketHost) {
    this.host = host;
  }

  /**
   * Waits for connections; the function gives each its program.
   * @throws Refusal `address-in-use`
   */
  listen({ address, port, program }: Omit<Listener, 'close'>, accept: (socket: TcpSocket) => TcpProgram): Listener {
    const listener: TcpListener = { address, port, program, accept, close: () => this.unlisten(listener) };
    this.listenAs(listener);
    return listener;
  }

  /**
   * Lets a server wait for connections.
   * @throws Refusal `address-in-use`
   */
  listenAs(listener: TcpListener): void {
    this.listeners = bound(this.listeners, listener);
  }

  /** Ends a server. */
  unlisten(listener: TcpListener): void {
    remove(this.listeners, listener);
  }

  /**
   * Binds a UDP socket; port 0 takes a free one. Connected to a remote end it hears of that one only, and of errors only
   * those that are final.
   * @throws Refusal `address-in-use`
   */
  bindUdp(
    at: { address: Ipv4; port: number; program: string; remote?: UdpRemote },
    received: (datagram: Datagram, socket: UdpSocket) => void,
    failed?: (failure: TcpFailure) => void,
  ): UdpSocket {
    const port = at.port === 0 ? this.freePort((candidate) => this.udp?.has(candidate) === true) : at.port;
    const socket: BoundUdp = {
      address: at.address,
      port,
      program: at.program,
      remote: at.remote,
      received,
      failed,
      close: () => remove(this.udp, socket),
      send: (to, payload, bytes) => this.sendUdp(socket, to, payload, bytes),
    };
    this.udp = bound(this.udp, socket);
    return socket;
  }

  /** Opens a connection; the program learns what becomes of it. None if there is no way there, or the ports are in use. */
  connect(
    to: { address: Ipv4; port: number; source?: Ipv4; sourcePort?: number; ttl?: number },
    program: TcpProgram,
  ): TcpSocket | undefined {
    // tcp_v4_connect: nobody answers for everybody.
    const type = this.host.addressType(to.address);
    if (type === 'BROADCAST' || type === 'MULTICAST') return undefined;
    const way = this.host.sourceFor(to.address);
    const local = to.source ?? way?.address;
    if (way === undefined || local === undefined) return undefined;
    const taken = (port: number) => this.connections.get(TCP, to.address, to.port, local, port) !== undefined;
    if (to.sourcePort !== undefined && taken(to.sourcePort)) return undefined;
    const port = to.sourcePort ?? this.freePort(taken);
    const ends = { local, localPort: port, remote: to.address, remotePort: to.port };
    const socket = new TcpSocket(this, program, ends, {
      mtu: way.mtu,
      sequence: this.host.random.next(32) >>> 0,
      phase: 'SYN_SENT',
      ...(to.ttl === undefined ? {} : { ttl: to.ttl }),
    });
    this.connections.add(socket);
    socket.open();
    return socket;
  }

  /** Takes a TCP or UDP packet for an address of this namespace. */
  receive(skb: SkBuff): void {
    if (skb.protocol === TCP) this.receiveTcp(skb);
    else if (skb.protocol === UDP) this.receiveUdp(skb);
    else skb.hop?.steps.push({ action: 'not-modelled', text: `protocol ${skb.protocol}` });
  }

  /** An ICMP error about a packet sent from here. */
  error(quoted: Packet, failure: TcpFailure, final: boolean): void {
    if (quoted.protocol === TCP)
      this.connections.get(TCP, quoted.destination, quoted.destinationPort, quoted.source, quoted.sourcePort)?.error(failure);
    else if (quoted.protocol === UDP) {
      const socket = findUdp(this.udp?.get(quoted.sourcePort), quoted.source, quoted.destination, quoted.destinationPort);
      if (socket !== undefined && (final || socket.remote === undefined)) socket.failed?.(failure);
    }
  }

  /** Whether a socket for datagrams here may have sent that packet. */
  has({ protocol, sourcePort }: Packet): boolean {
    return protocol === UDP && this.udp?.has(sourcePort) === true;
  }

  /** A segment was too large for its way: its socket learns it, and makes smaller ones. */
  narrow({ source, sourcePort, destination, destinationPort }: Packet, learn: () => void): void {
    this.connections.get(TCP, destination, destinationPort, source, sourcePort)?.narrow(learn);
  }

  /** All servers, in the order in which they came, ports ascending. */
  list(): readonly { readonly protocol: 'tcp' | 'udp'; readonly listener: Listener & { readonly remote?: UdpRemote } }[] {
    const rows = (protocol: 'tcp' | 'udp', table: ByPort<Listener>) =>
      [...(table ?? [])]
        .sort(([a], [b]) => a - b)
        .flatMap(([, listeners]) => listeners.map((listener) => ({ protocol, listener })));
    return [...rows('tcp', this.listeners), ...rows('udp', this.udp)];
  }

  /** All connections' ends here. */
  open(): Iterable<Pick<TcpSocket, 'phase' | 'local' | 'localPort' | 'remote' | 'remotePort'>> {
    return this.connections.values();
  }

  /** Whether a socket is bound to that port. */
  listensOn(protocol: 'tcp' | 'udp', port: number): boolean {
    return (protocol === 'tcp' ? this.listeners : this.udp)?.has(port) === true;
  }

  /** @internal */
  after(delay: number, action: () => void): Timer {
    return this.host.after(delay, action);
  }

  /** @internal A segment of one of its connections. */
  send(skb: SkBuff): TcpFailure | undefined {
    // A listener's answer is so small that it never is (ip_build_and_send_pkt).
    if ((skb.flags & SYN_ACK) !== SYN_ACK && this.host.mayBeCut(skb.destination)) skb.df = false;
    return this.host.send(skb);
  }

  /** @internal */
  wake(program: () => void): void {
    this.host.wire.wake(program);
  }

  /** @internal */
  goOn(call: () => void): void {
    this.host.wire.goOn(call);
  }

  /** @internal */
  tcpSack(): boolean {
    return this.host.config.sysctl.tcpSack !== false;
  }

  /** @internal */
  deny(skb: SkBuff): void {
    this.host.noListener(skb);
  }

  /** @internal */
  pathMtu(address: Ipv4): number | undefined {
    return this.host.pathMtu(address);
  }

  /** @internal */
  release(socket: TcpSocket): void {
    this.connections.delete(socket);
  }

  private receiveTcp(skb: SkBuff): void {
    if (skb.ofMany) return this.host.noListener(skb);
    const socket = this.connections.get(TCP, skb.source, skb.sourcePort, skb.destination, skb.destinationPort);
    if (socket !== undefined) {
      skb.hop?.steps.push({ action: 'delivered', text: `socket ${formatIpv4(socket.local)}:${socket.localPort}` });
      socket.receive(skb);
      return;
    }
    const listener = (skb.flags & (FLAG.syn | FLAG.ack | FLAG.rst)) === FLAG.syn ? find(this.listeners, skb) : undefined;
    if (listener === undefined) return this.host.noListener(skb);
    skb.hop?.steps.push({ action: 'delivered', text: `${listener.program} listens on ${ends(listener)}` });
    const way = this.host.sourceFor(skb.source);
    const made = new TcpSocket(
      this,
      new Handshake(listener),
      { local: skb.destination, localPort: skb.destinationPort, remote: skb.source, remotePort: skb.sourcePort },
      { mtu: way?.mtu ?? 1500, sequence: this.host.random.next(32) >>> 0, phase: 'SYN_RECV' },
    );
    this.connections.add(made);
    made.accept(skb);
  }

  private receiveUdp(skb: SkBuff): void {
    const one = findUdp(this.udp?.get(skb.destinationPort), skb.destination, skb.source, skb.sourcePort);
    // What is for many is for every socket on that port.
    const sockets = skb.ofMany
      ? (this.udp?.get(skb.destinationPort) ?? []).filter((s) => s.address === 0 || s.address === skb.destination)
      : one === undefined
        ? []
        : [one];
    if (sockets.length === 0) return this.host.noListener(skb);
    for (const socket of sockets) receiveDatagram(socket, skb);
  }

  private sendUdp(socket: BoundUdp, to: DatagramEnd, payload: unknown, bytes: number): TcpFailure | undefined {
    const way = this.host.sourceFor(to.address);
    if (way === undefined) return this.host.failureTo(to.address) ?? 'ENETUNREACH';
    const type = this.host.addressType(to.address);
    if (type === 'BROADCAST' && to.broadcast !== true) return 'EACCES';
    if (to.source !== undefined && this.host.addressType(to.source) !== 'LOCAL') return 'EINVAL';
    const source = to.source ?? (socket.address === 0 ? way.address : socket.address);
    const length = IPV4_HEADER + UDP_HEADER + bytes;
    const skb = new SkBuff(UDP, source, socket.port, to.address, to.port, length);
    skb.owner = 'program';
    skb.payload = payload;
    if (type === 'MULTICAST') skb.ttl = 1;
    else if (to.ttl !== undefined) skb.ttl = to.ttl;
    skb.df = to.df ?? mayInsist(way, length);
    skb.ignoreDf = to.df !== true;
    return this.host.send(skb);
  }

  private freePort(taken: (port: number) => boolean): number {
    const size = EPHEMERAL.last - EPHEMERAL.first + 1;
    if (this.nextPort === 0) this.nextPort = EPHEMERAL.first + this.host.random.nextInt(size);
    for (let i = 0; i < size; i++) {
      const port = this.nextPort;
      this.nextPort = port === EPHEMERAL.last ? EPHEMERAL.first : port + 1;
      if (!taken(port)) return port;
    }
    throw new Refusal({
      component: 'socket',
      code: 'no-ports',
      path: this.host.name,
      message: 'connect: cannot assign requested address',
    });
  }
}

/** The table with one more in it. */
function bound<L extends Listener>(table: ByPort<L>, listener: L): ByPort<L> {
  const there = table?.get(listener.port) ?? [];
  if (there.some((other) => other.address === listener.address || other.address === 0 || listener.address === 0))
    throw new Refusal({
      component: 'socket',
      code: 'address-in-use',
      path: ends(listener),
      message: `listen tcp4 ${ends(listener)}: bind: address already in use`,
    });
  return (table ?? new SmallMap<number, readonly L[]>()).set(listener.port, [...there, listener]);
}

function find<L extends Listener>(table: ByPort<L>, skb: SkBuff): L | undefined {
  const there = table?.get(skb.destinationPort);
  return there?.find((l) => l.address === skb.destination) ?? there?.find((l) => l.address === 0);
}

function remove<L extends Listener>(table: ByPort<L>, listener: L): void {
  const rest = (table?.get(listener.port) ?? []).filter((other) => other !== listener);
  if (rest.length === 0) table?.delete(listener.port);
  else table?.set(listener.port, rest);
}

/** The socket for datagrams between those ends: a bound address is preferred to none. */
function findUdp(there: readonly BoundUdp[] | undefined, local: Ipv4, remote: Ipv4, remotePort: number): BoundUdp | undefined {
  const hears = (s: BoundUdp) => s.remote === undefined || (s.remote.address === remote && s.remote.port === remotePort);
  return there?.find((s) => s.address === local && hears(s)) ?? there?.find((s) => s.address === 0 && hears(s));
}

function receiveDatagram(socket: BoundUdp, skb: SkBuff): void {
  skb.hop?.steps.push({ action: 'delivered', text: `${socket.program} listens on ${ends(socket)}` });
  socket.received(
    { source: skb.source, sourcePort: skb.sourcePort, destination: skb.destination, payload: skb.payload, mark: skb.mark },
    socket,
  );
}

function ends(listener: Pick<Listener, 'address' | 'port'>): string {
  return `${formatIpv4(listener.address)}:${listener.port}`;
}
