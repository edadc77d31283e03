/**
 * A TCP socket as far as a simulated network needs it: handshake, data in segments, close, reset; SYNs are sent
 * again, and data that was too large for its way; nothing else is, since nothing else gets lost without somebody's rule.
 * Follows linux net/ipv4/tcp_{input,output,minisocks}.c for the segments seen on the wire.
 */
import type { Ipv4 } from '../../base/address.ts';
import { assert } from '../../base/assert.ts';
import type { Timer } from '../../base/clock.ts';
import { utf8Length } from '../../base/text.ts';
import { TupleEntry } from '../../base/tuple-table.ts';
import { IPV4_HEADER, TCP_HEADER } from '../../wire/ipv4.ts';
import { FLAG } from '../../wire/tcp.ts';
import { SkBuff } from '../skb.ts';

/** Why a connection could not be made, or ended. */
export type TcpFailure =
  | 'ECONNREFUSED'
  | 'EHOSTUNREACH'
  | 'ENETUNREACH'
  | 'ETIMEDOUT'
  | 'ECONNRESET'
  | 'EACCES'
  | 'EPERM'
  | 'EINVAL'
  | 'EMSGSIZE'
  | 'ENOPROTOOPT'
  | 'EOPNOTSUPP'
  | 'EHOSTDOWN'
  | 'ENONET';

/** The program behind a socket. Every function may call back into the socket. */
export interface TcpProgram {
  connected?(socket: TcpSocket): void;
  received?(socket: TcpSocket, text: string): void;
  /** A value came that the other side sent by {@link TcpSocket.writeMessage}. */
  message?(socket: TcpSocket, message: object): void;
  /** The other side has closed; what the program does not close now stays half open. */
  closed?(socket: TcpSocket): void;
  failed?(socket: TcpSocket, failure: TcpFailure): void;
}

/** What a socket needs of its namespace. */
export interface TcpHost {
  after(delay: number, action: () => void): Timer;
  /** Sends a packet made here; says at once if it cannot go. */
  send(skb: SkBuff): TcpFailure | undefined;
  /** Lets the socket's program act when the kernel is done with the packets under way. */
  wake(program: () => void): void;
  /** Bytes of a packet that gets there, if that was found to be less than its device takes. */
  pathMtu(address: Ipv4): number | undefined;
  /** Takes the socket out of the tables. */
  release(socket: TcpSocket): void;
}

/** Where a connection is in its life. */
export type TcpPhase = 'SYN_SENT' | 'SYN_RECV' | 'ESTABLISHED' | 'FIN_WAIT' | 'CLOSE_WAIT' | 'LAST_ACK' | 'CLOSED';

/** What a segment carries: text, or the value that a message stands for; the segments before its last carry nothing to read. */
type TcpData = string | object;
/** The part of a message that is not its last. */
const NOT_YET = {};

const TCP = 6;
/** Bytes of the longest packet. */
const MOST_BYTES = 65535;
const HEADERS = IPV4_HEADER + TCP_HEADER.established;
/** Bytes of the timestamp option, which the maximum segment size does not count. */
const TIMESTAMP = 12;
/** net.ipv4.tcp_min_snd_mss */
const LEAST_SEGMENT = 48;
/** Bytes of the option that tells of something received twice. */
const DUPLICATE_SACK = 12;
/** Linux sends a SYN at 0, 1, 3, 7, 15, 31 and 63 s and gives up at 127 s (net.ipv4.tcp_syn_retries = 6). */
const SYN_RETRIES = 6;
/** Its answer likewise until 31 s, given up at 63 s (net.ipv4.tcp_synack_retries = 5). */
const SYNACK_RETRIES = 5;
/** The shortest delay of an acknowledgement (TCP_DELACK_MIN). */
const DELAYED_ACK_MS = 40;

/** One end of a TCP connection, found by the tuple of the packets that arrive. */
export class TcpSocket extends TupleEntry {
  phase: TcpPhase;
  private readonly host: TcpHost;
  private readonly ttl: number;
  /** The program behind it. */
  program: TcpProgram;
  /** Bytes of payload a segment may carry: by this end's MTU and what the other end's SYN allowed. */
  private segment: number;
  /** The maximum segment size that this end's SYN tells. */
  private readonly offered: number;
  private sequence: number;
  private acknowledgement = 0;
  /** Something was acknowledged since the last segment was sent. */
  private gotOn = false;
  /** Segments under way, with their sequence numbers. */
  private unacknowledged: { readonly data: TcpData; readonly bytes: number; readonly first: number }[] = [];
  private timer: Timer | undefined;
  private retries = 0;

  constructor(
    host: TcpHost,
    program: TcpProgram,
    ends: { local: Ipv4; localPort: number; remote: Ipv4; remotePort: number },
    options: { mtu: number; sequence: number; phase: TcpPhase; ttl?: number },
  ) {
    super(TCP, ends.remote, ends.remotePort, ends.local, ends.localPort);
    this.host = host;
    this.program = program;
    // No packet is longer than its length field can say, whatever lo takes.
    this.segment = Math.min(options.mtu, MOST_BYTES) - HEADERS;
    this.offered = this.segment + TIMESTAMP;
    this.sequence = options.sequence;
    this.phase = options.phase;
    this.ttl = options.ttl ?? 64;
  }

  get local(): Ipv4 {
    return this.destination;
  }

  get localPort(): number {
    return this.destinationPort;
  }

  get remote(): Ipv4 {
    return this.source;
  }

  get remotePort(): number {
    return this.sourcePort;
  }

  /** Sends the SYN. */
  open(): void {
    const failure = this.sendSyn();
    // A SYN that a rule drops is sent again like one that gets lost.
    if (failure !== undefined && failure !== 'EPERM') this.fail(failure);
  }

  /** Sends text, in as many segments as it takes. */
  write(text: string): void {
    this.assertWritable();
    this.cut(text);
  }

  /** Sends a value that stands for so many bytes, of a protocol whose messages are values here; it comes with the last of them. */
  writeMessage(message: object, bytes: number): void {
    this.assertWritable();
    this.cutMessage(message, bytes);
  }

  private assertWritable(): void {
    assert(this.phase === 'ESTABLISHED' || this.phase === 'CLOSE_WAIT', `a write to a socket in ${this.phase}`);
  }

  private cutMessage(message: object, bytes: number): void {
    this.fit();
    let left = bytes;
    for (; left > this.segment; left -= this.segment) this.push(NOT_YET, FLAG.ack, this.segment);
    this.push(message, FLAG.psh | FLAG.ack, left);
  }

  /** Makes segments as small as the way wants them; true if they have become smaller. */
  private fit(): boolean {
    const segment = Math.max(LEAST_SEGMENT, (this.host.pathMtu(this.remote) ?? Number.POSITIVE_INFINITY) - HEADERS);
    if (segment >= this.segment) return false;
    this.segment = segment;
    return true;
  }

  private cut(text: string): void {
    this.fit();
    if (text.length <= this.segment / 4) return this.push(text, FLAG.psh | FLAG.ack, utf8Length(text));
    const characters = [...text];
    for (let i = 0; i < characters.length; ) {
      let bytes = 0;
      let end = i;
      for (; end < characters.length; end++) {
        const more = utf8Length(characters[end] ?? '');
        if (bytes + more > this.segment) break;
        bytes += more;
      }
      this.push(characters.slice(i, end).join(''), end === characters.length ? FLAG.psh | FLAG.ack : FLAG.ack, bytes);
      i = end;
    }
  }

  /** Says that nothing more will be sent. */
  close(): void {
    if (this.phase === 'SYN_SENT') return this.end();
    if (this.phase !== 'ESTABLISHED' && this.phase !== 'CLOSE_WAIT') return;
    this.timer?.cancel();
    this.phase = this.phase === 'ESTABLISHED' ? 'FIN_WAIT' : 'LAST_ACK';
    this.emit(FLAG.fin | FLAG.ack, 0, undefined);
    this.sequence = (this.sequence + 1) >>> 0;
  }

  /** Breaks the connection off. */
  reset(): void {
    if (this.phase === 'CLOSED') return;
    if (this.phase !== 'SYN_SENT') this.emit(FLAG.rst | FLAG.ack, 0, undefined);
    this.end();
  }

  /** Takes a segment that is for this socket. */
  receive(p: SkBuff): void {
    if (p.flags & FLAG.rst) return this.fail(this.phase === 'SYN_SENT' ? 'ECONNREFUSED' : 'ECONNRESET');
    switch (this.phase) {
      case 'SYN_SENT':
        if ((p.flags & (FLAG.syn | FLAG.ack)) === (FLAG.syn | FLAG.ack)) this.establish(p);
        else if (p.flags & FLAG.syn) this.meet(p);
        return;
      case 'SYN_RECV':
        if (p.flags & FLAG.syn && !this.isMet(p)) return this.answerAgain(p);
        if (p.flags & FLAG.syn) this.emit(FLAG.ack, DUPLICATE_SACK, undefined);
        this.phase = 'ESTABLISHED';
        this.timer?.cancel();
        this.timer = undefined;
        this.wakeConnected();
        this.receiveData(p);
        return;
      default:
        this.receiveData(p);
    }
  }

  /** An ICMP error about a segment of this socket. Only a connection still being made takes it to heart. */
  error(failure: TcpFailure): void {
    if (this.phase === 'SYN_SENT') this.fail(failure);
  }

  /** The way is narrower than was thought: what may have been lost is sent again in smaller segments (tcp_v4_mtu_reduced). */
  narrow(): void {
    if (!this.fit()) return;
    const lost = this.unacknowledged;
    this.unacknowledged = [];
    const { sequence } = this;
    for (const { data, bytes, first } of lost) {
      this.sequence = first;
      if (typeof data === 'string') this.cut(data);
      else this.cutMessage(data, bytes);
    }
    this.sequence = sequence;
  }

  /** Answers a SYN: this end was made by a listener. */
  accept(p: SkBuff): void {
    this.acknowledgement = (p.sequence + 1) >>> 0;
    this.sequence = (this.sequence + 1) >>> 0;
    this.sendSynAck();
    // What the other end allows says nothing about what this one does.
    this.limitSegment(p.mss);
  }

  /** Both ends open at once; who connects to itself does so too. */
  private meet(p: SkBuff): void {
    this.phase = 'SYN_RECV';
    this.retries = 0;
    this.accept(p);
  }

  /** Whether a SYN acknowledges this end's own: the other end of a meeting. */
  private isMet(p: SkBuff): boolean {
    return (p.flags & FLAG.ack) !== 0 && p.acknowledgement === this.sequence && (p.sequence + 1) >>> 0 === this.acknowledgement;
  }

  private establish(p: SkBuff): void {
    this.timer?.cancel();
    this.timer = undefined;
    this.phase = 'ESTABLISHED';
    this.sequence = (this.sequence + 1) >>> 0;
    this.acknowledgement = (p.sequence + 1) >>> 0;
    this.limitSegment(p.mss);
    this.gotOn = true;
    this.emit(FLAG.ack, 0, undefined);
    this.wakeConnected();
  }

  /** A connection may be over again before its program gets to act. */
  private wakeConnected(): void {
    this.host.wake(() => {
      if (!this.ended()) this.program.connected?.(this);
    });
  }

  private receiveData(p: SkBuff): void {
    const waiting = this.unacknowledged;
    while (waiting[0] !== undefined && ((p.acknowledgement - waiting[0].first) | 0) > 0) {
      waiting.shift();
      this.gotOn = true;
    }
    const data = p.payload;
    if (typeof data === 'string' || (typeof data === 'object' && data !== null)) {
      this.acknowledgement = (p.sequence + p.length - HEADERS) >>> 0;
      this.emit(FLAG.ack, 0, undefined);
      this.host.wake(() => {
        if (this.ended()) return;
        if (typeof data === 'string') this.program.received?.(this, data);
        else if (data !== NOT_YET) this.program.message?.(this, data);
      });
    }
    if (p.flags & FLAG.fin) this.receiveFin(p);
    else if (this.phase === 'LAST_ACK' && p.acknowledgement === this.sequence) this.end();
  }

  private receiveFin(p: SkBuff): void {
    this.acknowledgement = (p.sequence + 1) >>> 0;
    if (this.phase === 'FIN_WAIT') {
      this.emit(FLAG.ack, 0, undefined);
      // Both closed at once: the other has yet to acknowledge this end's FIN.
      if (p.acknowledgement === this.sequence) this.end();
      else this.phase = 'LAST_ACK';
      this.host.wake(() => this.program.closed?.(this));
      return;
    }
    if (this.phase !== 'ESTABLISHED') return;
    this.phase = 'CLOSE_WAIT';
    this.host.wake(() => {
      if (this.ended()) return;
      this.program.closed?.(this);
      // A program that closes soon acknowledges with its own FIN.
      if (this.phase === 'CLOSE_WAIT') this.timer = this.host.after(DELAYED_ACK_MS, () => this.emit(FLAG.ack, 0, undefined));
    });
  }

  private ended(): boolean {
    return this.phase === 'CLOSED';
  }

  private push(data: TcpData, flags: number, bytes: number): void {
    this.unacknowledged.push({ data, bytes, first: this.sequence });
    this.emit(flags, bytes, data);
    this.sequence = (this.sequence + bytes) >>> 0;
  }

  private sendSyn(): TcpFailure | undefined {
    this.again(SYN_RETRIES, () => this.sendSyn());
    return this.emit(FLAG.syn, 0, undefined);
  }

  private sendSynAck(): void {
    this.again(SYNACK_RETRIES, () => this.sendSynAck());
    this.answerSyn();
  }

  /** A SYN that came again is answered again; a later one of another connection hears that this one is not over. */
  private answerAgain(p: SkBuff): void {
    if ((p.sequence + 1) >>> 0 === this.acknowledgement) this.answerSyn();
    else this.emit(FLAG.ack, 0, undefined);
  }

  private answerSyn(): void {
    this.emit(FLAG.syn | FLAG.ack, 0, undefined, (this.sequence - 1) >>> 0);
  }

  /** Sends something again, each time after twice the pause, until it is answered or given up. */
  private again(retries: number, send: () => void): void {
    this.timer?.cancel();
    this.timer = this.host.after(1000 * 2 ** this.retries, () => {
      if (this.retries++ === retries) this.fail('ETIMEDOUT');
      else send();
    });
  }

  private limitSegment(mss: number): void {
    if (mss > 0) this.segment = Math.min(this.segment, mss - TIMESTAMP);
  }

  private emit(flags: number, bytes: number, payload: TcpData | undefined, sequence = this.sequence): TcpFailure | undefined {
    const header = flags & FLAG.syn ? TCP_HEADER.syn : TCP_HEADER.established;
    const p = new SkBuff(TCP, this.local, this.localPort, this.remote, this.remotePort, IPV4_HEADER + header + bytes);
    p.ttl = this.ttl;
    p.flags = flags;
    p.sequence = sequence;
    p.acknowledgement = this.acknowledgement;
    p.payload = payload;
    p.gotOn = this.gotOn;
    this.gotOn = false;
    // What a closed socket still acknowledges has no owner any more.
    if (this.phase !== 'FIN_WAIT' || flags & FLAG.fin) p.owner = 'program';
    if (flags & FLAG.syn) p.mss = this.offered;
    return this.host.send(p);
  }

  private fail(failure: TcpFailure): void {
    if (this.ended()) return;
    this.end();
    this.host.wake(() => this.program.failed?.(this, failure));
  }

  private end(): void {
    this.timer?.cancel();
    this.timer = undefined;
    this.phase = 'CLOSED';
    this.host.release(this);
  }
}
