/**
 * A network device at work: what its configured {@link Link} is connected to. Devices of one namespace are made
 * anew from its configuration; what they have learned or counted stays with them as long as their link stays.
 */
import type { Ipv4, Mac } from '../../base/address.ts';
import type { SmallMap } from '../../base/small-map.ts';
import type { Arp } from '../../wire/arp.ts';
import type { Link, LinkKind } from '../config.ts';
import type { SkBuff } from '../skb.ts';
import type { BridgeTable } from './bridge.ts';
import { FdbTable } from './fdb.ts';
import type { Neighbour } from './neighbour-entry.ts';
import type { Switches } from './switches.ts';
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

/** A network between machines that Ethernet devices are plugged into. */
export interface Network {
  /** Takes a frame from a device and hands it to the device or devices it is for. */
  carry(from: Device, frame: Frame): void;
}

/** A VXLAN device's ageing, by default. */
const TUNNEL_AGEING_SECONDS = 300;

/** A device. */
export class Device {
  readonly owner: DeviceOwner;
  // What every frame asks of the link, in one place whatever the link's value looks like.
  name = '';
  index = 0;
  mac: Mac = 0;
  mtu = 0;
  up = false;
  kind: LinkKind['type'] = 'dummy';
  /** As a bridge's port it remembers who sends there. */
  learns = true;
  private current: Link;
  /** The bridge it is a port of. */
  master: Device | undefined = undefined;
  /** The forwarding table and ports, if it is a bridge. */
  readonly bridge: BridgeTable | undefined;
  /** What it has learned of far tunnel ends, if it is a VXLAN device that learns. */
  readonly tunnel: FdbTable<Ipv4> | undefined;
  /** The other end, if it is one of a pair and was asked for. */
  peer: Device | undefined = undefined;
  /** The network it is plugged into. */
  network: Network | undefined = undefined;
  /** Its neighbours, by address as a signed number, once it has any. */
  neighbours: SmallMap<number, Neighbour> | undefined = undefined;
  switches: Switches;
  receivedPackets = 0;
  sentPackets = 0;

  constructor(owner: DeviceOwner, link: Link, switches: Switches, bridge?: BridgeTable) {
    this.owner = owner;
    this.current = link;
    this.switches = switches;
    const { kind } = link;
    this.bridge = bridge;
    this.tunnel = kind.type === 'vxlan' && kind.learning ? new FdbTable(TUNNEL_AGEING_SECONDS) : undefined;
    this.link = link;
  }

  /** Its configuration. */
  get link(): Link {
    return this.current;
  }

  set link(link: Link) {
    this.current = link;
    this.name = link.name;
    this.index = link.index;
    this.mac = link.mac;
    this.mtu = link.mtu;
    this.up = link.up;
    this.kind = link.kind.type;
    this.learns = link.port?.learning !== false;
  }
}
