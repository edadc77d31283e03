/**
 * IPv6 addresses as far as the overlay's address plan needs them: 128-bit integers inside, text at the border as
 * glibc's inet_ntop writes it. The model carries no IPv6 traffic.
 */
import { Refusal } from '../base/refusal.ts';

/** An IPv6 address as an unsigned 128-bit integer, first group highest. */
export type Ipv6 = bigint;

/** An IPv6 network, or an address with its prefix length. */
export interface Cidr6 {
  readonly address: Ipv6;
  /** Prefix length, 0 to 128. */
  readonly prefix: number;
}

const ALL_ONES = (1n << 128n) - 1n;

/** The mask of a prefix length. */
export function maskOf6(prefix: number): Ipv6 {
  return (ALL_ONES << BigInt(128 - prefix)) & ALL_ONES;
}

/** The network an address with prefix lies in. */
export function networkOf6({ address, prefix }: Cidr6): Cidr6 {
  return { address: address & maskOf6(prefix), prefix };
}

/** The highest address of a network. */
export function lastOf6({ address, prefix }: Cidr6): Ipv6 {
  return address | (ALL_ONES ^ maskOf6(prefix));
}

/**
 * Reads `fd01:b::/64`. Host bits are kept.
 * @throws Refusal `bad-address`
 */
export function parseCidr6(text: string): Cidr6 {
  const slash = text.indexOf('/');
  const length = text.slice(slash + 1);
  const prefix = Number(length);
  const address = slash < 0 ? undefined : addressOf(text.slice(0, slash));
  if (address === undefined || !/^\d{1,3}$/.test(length) || prefix > 128) {
    const shown = text.length > 60 ? `${text.slice(0, 60)}...` : text;
    throw new Refusal({ component: 'address', code: 'bad-address', message: `'${shown}' is not a network such as fd01:b::/64` });
  }
  return { address, prefix };
}

/** `fd01:b:0:0:1::/80`. */
export function formatCidr6({ address, prefix }: Cidr6): string {
  return `${formatIpv6(address)}/${prefix}`;
}

/** `fd01:a::3`: the first of the longest runs of two zero groups or more is left out. */
export function formatIpv6(address: Ipv6): string {
  const groups = groupsOf(address);
  let start = 0;
  let length = 0;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > length) {
      start = i;
      length = end - i;
    }
    if (end > i) i = end - 1;
  }
  const text = (from: number, to: number) =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(':');
  return length < 2 ? text(0, 8) : `${text(0, start)}::${text(start + length, 8)}`;
}

function groupsOf(address: Ipv6): number[] {
  return Array.from({ length: 8 }, (_, i) => Number((address >> BigInt(112 - 16 * i)) & 0xffffn));
}

function addressOf(text: string): Ipv6 | undefined {
  if (text.length > 39) return undefined;
  const [head = '', tail, ...more] = text.split('::');
  if (more.length > 0) return undefined;
  const above = head === '' ? [] : head.split(':');
  const below = tail === undefined || tail === '' ? [] : tail.split(':');
  const missing = 8 - above.length - below.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  const groups = [...above, ...Array.from({ length: missing }, () => '0'), ...below];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return groups.reduce((address, group) => (address << 16n) | BigInt(`0x${group}`), 0n);
}
