/**
 * What a nat rule asks for: an address or several, ports, and which address of several a connection gets.
 * Follows linux net/netfilter/nf_nat_core.c (nf_in_range, find_best_ips_proto) and include/linux/jhash.h (6.1): the
 * choice is a hash without a secret, so that the same two ends always get the same address. Its words are those of a
 * little-endian machine.
 */
import { type Cidr, type Ipv4, maskOf } from '../../base/address.ts';
import type { Tuple } from '../../base/tuple-table.ts';
import type { PortSpan } from './rule.ts';

/** What a nat rule asks for: addresses, ports, or both. */
export interface Mapping {
  readonly address: Ipv4 | undefined;
  /** The last of several addresses. */
  readonly lastAddress: Ipv4 | undefined;
  /** The same address for a source wherever it goes (NF_NAT_RANGE_PERSISTENT). */
  readonly persistent: boolean;
  readonly port: PortSpan | undefined;
  /** The port that becomes the first of the span; the others follow it (NF_NAT_RANGE_PROTO_OFFSET). */
  readonly basePort: number | undefined;
  /** A port is drawn even where the one there is would do (NF_NAT_RANGE_PROTO_RANDOM). */
  readonly random: boolean;
}

/** What a target asks for besides an address that it does not name itself. */
type Asks = Partial<Omit<Mapping, 'address'>> & { readonly fully?: boolean };

/** What a target asks for, with one address or the first of several. */
export function mappingTo(address: Ipv4 | undefined, { lastAddress, persistent, port, basePort, random, fully }: Asks): Mapping {
  // Both random ways are one since Linux 5.0.
  return { address, lastAddress, persistent: persistent === true, port, basePort, random: random === true || fully === true };
}

/** An address in another network with the host bits that it has in its own (xt_NETMAP). */
export function netmapped({ address, prefix }: Cidr, from: Ipv4): Ipv4 {
  return ((from & ~maskOf(prefix)) | address) >>> 0;
}

/** Whether an address and a port are among those asked for; all are without a rule. */
export function allows(mapping: Mapping | undefined, address: Ipv4, port: number): boolean {
  if (mapping === undefined) return true;
  const { address: first, lastAddress: last = first, port: span } = mapping;
  if (first !== undefined && last !== undefined && (address < first || address > last)) return false;
  return span === undefined || (span.first <= port && port <= span.last);
}

/** The address a connection is given, by its ends as they are; undefined if only ports are asked for. */
export function mappedAddress({ source, destination }: Tuple, mapping: Mapping | undefined): Ipv4 | undefined {
  const first = mapping?.address;
  const last = mapping?.lastAddress;
  if (first === undefined || last === undefined || first === last) return first;
  const hash = hashOfSource(swapBytes(source), mapping?.persistent === true ? 0 : swapBytes(destination));
  // A range whose ends are exchanged goes round all addresses, as unsigned numbers do.
  const size = (last - first + 1) >>> 0;
  return (first + scale(hash, size)) >>> 0;
}

/** The upper word of a product of two words. */
function scale(a: number, b: number): number {
  const lower = Math.floor(((a & 0xffff) * b) / 0x10000);
  return Math.floor(((a >>> 16) * b + lower) / 0x10000);
}

const MIXES: readonly number[] = [4, 6, 8, 16, 19, 4];
const LAST_MIXES: readonly number[] = [14, 11, 25, 16, 4, 14, 24];
const WORDS = 4;

/** jhash2 of an address in the four words that one of IPv6 would fill. */
function hashOfSource(word: number, initial: number): number {
  const start = (0xdeadbeef + (WORDS << 2) + initial) | 0;
  let [a, b, c] = [(start + word) | 0, start, start];
  for (const bits of MIXES) {
    const mixed = (a - c) ^ rotate(c, bits);
    [a, b, c] = [b, (c + b) | 0, mixed];
  }
  for (const bits of LAST_MIXES) {
    const mixed = ((c ^ b) - rotate(b, bits)) | 0;
    [a, b, c] = [b, mixed, a];
  }
  return b >>> 0;
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

function swapBytes(address: Ipv4): number {
  return ((address & 0xff) << 24) | ((address & 0xff00) << 8) | ((address >>> 8) & 0xff00) | (address >>> 24);
}
