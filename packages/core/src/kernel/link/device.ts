/**
 * A network device at work: what its configured {@link Link} is connected to. Devices of one namespace are made
 * anew from its configuration; what they have learned or counted stays with them as long as their link stays.
 */
import type { Mac } from '../../base/address.ts';
import type { Arp } from '../../wire/arp.ts';
import type { Link } from '../config.ts';
import type { SkBuff } from '../skb.ts';
import type { BridgeTable } from './bridge.ts';
import type { Wire } from './wire.ts';

/** What travels between devices. */
export type Frame = SkBuff | Arp;

/** A namespace, as its devices see it. */
export interface DeviceOwner {
  /** Name of the namespace. */
  readonly name: string;
  readonly wire: Wire;
  /** An IP packet for this namespace's stack. */
  receiveIp(skb: SkBuff, device: Device): void;
  receiveArp(arp: Arp, device: Device): void;
  /** An IP packet that came in by a bridge port, while net.bridge.bridge-nf-call-iptables is on. */
  receiveBridged(skb: SkBuff, bridge: Device, port: Device): void;
  /** Whether bridged IP packets visit iptables. */
  readonly bridgeNetfilter: boolean;
  /** Sends a frame into a tunnel. */
  encapsulate(device: Device, frame: Frame): void;
  /** The other end of a veth pair. */
  peerOf(device: Device): Device | undefined;
  /** Virtual milliseconds. */
  readonly now: number;
}

/** A device. */
export class Device {
  readonly owner: DeviceOwner;
  link: Link;
  /** The bridge it is a port of. */
  master: Device | undefined = undefined;
  /** The forwarding table and ports, if it is a bridge. */
  readonly bridge: BridgeTable | undefined;
  peer: Device | undefined = undefined;
  receivedPackets = 0;
  sentPackets = 0;

  constructor(owner: DeviceOwner, link: Link, bridge: BridgeTable | undefined) {
    this.owner = owner;
    this.link = link;
    this.bridge = bridge;
  }

  get name(): string {
    return this.link.name;
  }

  get index(): number {
    return this.link.index;
  }

  get mac(): Mac {
    return this.link.mac;
  }

  get mtu(): number {
    return this.link.mtu;
  }
}
