/**
 * Looking addresses up in ipsets: hash:ip, hash:net with nomatch, hash:ip,port.
 * Follows linux net/netfilter/ipset: of the networks that contain an address the longest decides.
 */
import { type Ipv4, maskOf } from '../../base/address.ts';
import { memo } from '../../base/immutable.ts';
import type { IpSet } from '../config.ts';

/** A set, ready for look-ups. */
export interface SetIndex {
  /** How many directions a match must name. */
  readonly parts: number;
  /** Whether an address (and for hash:ip,port a port of a protocol) is a member. */
  has(address: Ipv4, protocol: number, port: number): boolean;
}

/** The look-up of one set, made once per value. */
export const indexSet: (set: IpSet) => SetIndex = memo((set) => {
  if (set.type === 'hash:ip,port') return indexPorts(set);
  return indexNetworks(set);
});

function indexPorts(set: IpSet): SetIndex {
  const members = new Map<number, Set<number>>();
  for (const { network, port } of set.members) {
    if (port === undefined) continue;
    const ports = members.get(port.protocol) ?? new Set<number>();
    ports.add(portKey(network.address, port.number));
    members.set(port.protocol, ports);
  }
  return { parts: 2, has: (address, protocol, port) => members.get(protocol)?.has(portKey(address, port)) === true };
}

function portKey(address: Ipv4, port: number): number {
  return address * 0x10000 + port;
}

function indexNetworks(set: IpSet): SetIndex {
  const byPrefix = new Map<number, Map<Ipv4, boolean>>();
  for (const { network, nomatch } of set.members) {
    const networks = byPrefix.get(network.prefix) ?? new Map<Ipv4, boolean>();
    networks.set((network.address & maskOf(network.prefix)) >>> 0, nomatch !== true);
    byPrefix.set(network.prefix, networks);
  }
  const lengths = [...byPrefix].sort(([a], [b]) => b - a);
  return {
    parts: 1,
    has: (address) => {
      for (const [prefix, networks] of lengths) {
        const member = networks.get((address & maskOf(prefix)) >>> 0);
        if (member !== undefined) return member;
      }
      return false;
    },
  };
}
