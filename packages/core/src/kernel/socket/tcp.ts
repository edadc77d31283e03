/**
 * A TCP socket as far as a simulated network needs it: handshake, data in segments, close, reset; SYNs are sent
 * again, and data that was too large for its way; nothing else is, since nothing else gets lost without somebody's rule.
 * A write of several segments hears nothing before it is done.
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
import {
  afterAcknowledgement,
  bytesOf,
  carries,
  cut,
  HEADERS,
  LEAST_SEGMENT,
  MOST_BYTES,
  NOT_YET,
  OutOfOrder,
  type Segment,
  type SentSegment,
  sackBytes,
  type TcpData,
  TIMESTAMP,
  type Write,
  withSegment,
} from './segments.ts';
import type { TcpFailure, TcpHost, TcpPhase, TcpProgram } from './tcp-program.ts';
import { DELAYED_ACK_MS, LEAST_TIMEOUT_MS, SYN_RETRIES, SYNACK_RETRIES } from './tcp-times.ts';

const TCP = 6;
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
  /** Segments under way, with their sequence numbers; undefined while there are none, as for most of a connection's life. */
  private unacknowledged: readonly SentSegment[] | undefined = undefined;
  /** A program's call that has not sent all yet. */
  private writing: Write | undefined = undefined;
  private outOfOrder: OutOfOrder | undefined = undefined;
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
    this.put(text, utf8Length(text));
  }

  /** Sends a value that stands for so many bytes, of a protocol whose messages are values here; it comes with the last of them. */
  writeMessage(message: object, bytes: number): void {
    this.put(message, bytes);
  }

  private put(data: TcpData, bytes: number): void {
    assert(this.phase === 'ESTABLISHED' || this.phase === 'CLOSE_WAIT', `a write to a socket in ${this.phase}`);
    this.fit();
    const flags = FLAG.psh | FLAG.ack;
    if (bytes <= this.segment && this.writing === undefined) return this.push({ data, bytes, flags });
    const segments = cut(data, bytes, this.segment, flags);
    if (this.writing !== undefined) return void this.writing.segments.push(...segments);
    this.writing = { segments: [...segments], backlog: [], learn: undefined, closes: false };
    this.goOn();
  }

  private goOn(): void {
    const { writing } = this;
    if (writing === undefined) return;
    const next = writing.segments.shift();
    if (next === undefined) return this.written(writing);
    this.push(next);
    this.host.goOn(() => this.goOn());
  }

  /** All is sent: now the socket hears what came meanwhile (release_sock). */
  private written({ backlog, learn, closes }: Write): void {
    this.writing = undefined;
    for (const p of backlog) if (!this.ended()) this.receive(p);
    if (learn !== undefined) this.narrow(learn);
    if (closes) this.close();
  }

  /** Makes segments as small as the way wants them; true if they have become smaller. */
  private fit(): boolean {
    const segment = Math.max(LEAST_SEGMENT, (this.host.pathMtu(this.remote) ?? Number.POSITIVE_INFINITY) - HEADERS);
    if (segment >= this.segment) return false;
    this.segment = segment;
    return true;
  }

  /** Says that nothing more will be sent. */
  close(): void {
    if (this.writing !== undefined) {
      this.writing.closes = true;
      return;
    }
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
    if (this.writing !== undefined) return void this.writing.backlog.push(p);
    if (p.flags & FLAG.rst) return this.receiveReset(p);
    switch (this.phase) {
      case 'SYN_SENT':
        if ((p.flags & (FLAG.syn | FLAG.ack)) === (FLAG.syn | FLAG.ack)) this.establish(p);
        else if (p.flags & FLAG.syn) this.meet(p);
        else if (p.flags & FLAG.ack) this.deny(p);
        return;
      case 'SYN_RECV':
        if (p.flags & FLAG.syn && !this.isMet(p)) return this.answerAgain(p);
        if (p.flags & FLAG.syn) this.acknowledge(1);
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

  private receiveReset(p: SkBuff): void {
    if (this.phase === 'SYN_SENT') this.fail('ECONNREFUSED');
    else if (p.sequence === this.acknowledgement) this.fail('ECONNRESET');
    // Who did not get all before it asks whether it is meant (RFC 5961).
    else this.emit(FLAG.ack, 0, undefined);
  }

  /** An ICMP error about a segment of this socket. Only a connection still being made takes it to heart. */
  error(failure: TcpFailure): void {
    if (this.phase === 'SYN_SENT') this.fail(failure);
  }

  /** Learns that the way is narrower than was thought; what was too large is sent again in smaller segments (tcp_v4_mtu_reduced). */
  narrow(learn: () => void): void {
    if (this.writing !== undefined) {
      this.writing.learn = learn;
      return;
    }
    learn();
    if (!this.fit()) return;
    const { unacknowledged: sent = [], sequence } = this;
    this.unacknowledged = undefined;
    for (const segment of sent) {
      this.sequence = segment.first;
      if (segment.bytes <= this.segment) this.unacknowledged = withSegment(this.unacknowledged, segment);
      else for (const piece of cut(segment.data, segment.bytes, this.segment, segment.flags)) this.push(piece);
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

  /** The other end still has a former connection: it is denied, and the SYN sent again soon. */
  private deny(p: SkBuff): void {
    this.host.deny(p);
    if (this.retries === 0) this.again(SYN_RETRIES, () => this.sendSyn(), LEAST_TIMEOUT_MS);
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
    const waiting = afterAcknowledgement(this.unacknowledged, p.acknowledgement);
    this.gotOn ||= waiting !== this.unacknowledged;
    this.unacknowledged = waiting;
    if (!carries(p) && !(p.flags & FLAG.fin)) {
      if (this.phase === 'LAST_ACK' && p.acknowledgement === this.sequence) this.end();
    } else if (p.sequence === this.acknowledgement) this.takeInOrder(p);
    else {
      this.outOfOrder ??= new OutOfOrder();
      if (((p.sequence - this.acknowledgement) | 0) > 0) this.outOfOrder.add(p);
      this.acknowledge(this.outOfOrder.stretches() || 1);
    }
  }

  /** Takes what comes next, and what came before it and follows it. */
  private takeInOrder(first: SkBuff): void {
    const taken = [first];
    for (const p of taken) {
      this.acknowledgement = (this.acknowledgement + bytesOf(p)) >>> 0;
      const next = this.outOfOrder?.take(this.acknowledgement);
      if (next !== undefined) taken.push(next);
    }
    if (taken.some(carries)) this.acknowledge(this.outOfOrder?.stretches() ?? 0);
    for (const p of taken) {
      const data = p.payload;
      if (carries(p)) this.host.wake(() => this.read(data));
      if (p.flags & FLAG.fin) this.receiveFin(p);
    }
  }

  private read(data: unknown): void {
    if (this.ended()) return;
    if (typeof data === 'string') this.program.received?.(this, data);
    else if (typeof data === 'object' && data !== null && data !== NOT_YET) this.program.message?.(this, data);
  }

  /** Acknowledges what came, and tells of stretches beyond a gap or received twice. */
  private acknowledge(stretches: number): void {
    this.emit(FLAG.ack, this.host.tcpSack() ? sackBytes(stretches) : 0, undefined);
  }

  private receiveFin(p: SkBuff): void {
    this.acknowledgement = (this.acknowledgement + 1) >>> 0;
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

  private push({ data, flags, bytes }: Segment): void {
    this.unacknowledged = withSegment(this.unacknowledged, { data, bytes, flags, first: this.sequence });
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
  private again(retries: number, send: () => void, delay = 1000 * 2 ** this.retries): void {
    this.timer?.cancel();
    this.timer = this.host.after(delay, () => {
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
    this.writing = undefined;
    this.phase = 'CLOSED';
    this.host.release(this);
  }
}
