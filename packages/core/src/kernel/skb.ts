/**
 * A packet inside a machine: the headers, and what the kernel writes on it while it passes (Linux's sk_buff).
 * The same object goes from machine to machine; a namespace's own notes are wiped when it leaves.
 */
import type { Ipv4, Mac } from '../base/address.ts';
import { Packet } from '../wire/ipv4.ts';
import type { IpvsConnection } from './ipvs/connection.ts';
import type { Device } from './link/device.ts';
import type { Connection } from './netfilter/connection.ts';
import type { Hop } from './trace.ts';

/** A packet's relation to the connection it belongs to, as conntrack saw it. */
export type CtInfo = 'new' | 'established' | 'related' | 'invalid' | 'untracked';

/** A packet with the kernel's notes. */
export class SkBuff extends Packet {
  sourceMac: Mac = 0;
  destinationMac: Mac = 0;
  /** Device it came in by; none if made here. */
  input: Device | undefined = undefined;
  /** Device it will leave by, once routed. */
  output: Device | undefined = undefined;
  /** The address to send it to on that device. */
  nextHop: Ipv4 = 0;
  /** Bytes it may have on its way out, once routed. */
  mtu = 0;
  /** The namespace that made it may cut it into fragments in spite of DF. */
  ignoreDf = false;
  /** Its connection has got an answer since it sent the packet before: the next hop is there. */
  gotOn = false;
  /** It came to many, this namespace among them. */
  ofMany = false;
  /** Bytes of payload of the fragments it was put together from; undefined if it came whole. */
  pieces: readonly number[] | undefined = undefined;
  /** The bridge ports behind `input` and `output`, for a bridged packet. */
  physicalInput: Device | undefined = undefined;
  physicalOutput: Device | undefined = undefined;
  /** PREROUTING was already passed in the bridge. */
  prerouted = false;
  connection: Connection | undefined = undefined;
  /** It goes in the reply direction of its connection. */
  reply = false;
  ctInfo: CtInfo | undefined = undefined;
  /** Who made it here: a program's socket or one of the kernel's own; nobody if it came by a device. */
  owner: 'program' | 'kernel' | undefined = undefined;
  /** Set once IPVS has translated it. */
  ipvs: IpvsConnection | undefined = undefined;
  /** Where its steps are written, if somebody traces. */
  hop: Hop | undefined = undefined;

  /** A packet of its own, without the notes of this namespace. */
  override copy(): SkBuff {
    const skb = new SkBuff(this.protocol, this.source, this.sourcePort, this.destination, this.destinationPort, this.length);
    skb.sourceMac = this.sourceMac;
    skb.destinationMac = this.destinationMac;
    skb.hop = this.hop;
    return this.copyInto(skb);
  }

  /** Gives another packet the headers and the payload of this one. */
  copyHeaders(to: SkBuff): void {
    to.sourcePort = this.sourcePort;
    to.destinationPort = this.destinationPort;
    this.copyInto(to);
  }

  /** Wipes the notes: the packet leaves the namespace. */
  scrub(): void {
    this.input = undefined;
    this.output = undefined;
    this.nextHop = 0;
    this.mtu = 0;
    this.ignoreDf = false;
    this.gotOn = false;
    this.ofMany = false;
    this.pieces = undefined;
    this.physicalInput = undefined;
    this.physicalOutput = undefined;
    this.prerouted = false;
    this.connection = undefined;
    this.reply = false;
    this.ctInfo = undefined;
    this.ipvs = undefined;
    this.owner = undefined;
    this.mark = 0;
  }
}
