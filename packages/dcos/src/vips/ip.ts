/**
 * Addresses of either family as dcos-net knows them: IPv4 as a number, IPv6 as a bigint, so that `typeof` tells the
 * family. Reading follows `inet:parse_strict_address/1`, printing `inet:ntoa/1` (erlang/otp, lib/kernel/src/inet_parse.erl,
 * OTP 25); numeric zones are read and dropped, where Erlang hides them in the address's second group.
 */
import { formatIpv4, type Ipv4, isIpv4, parseIpv4 } from '@portolan/core';

/** An IPv6 address as an unsigned integer of 128 bits. */
export type Ipv6 = bigint;
/** An address of either family: a number is IPv4, a bigint IPv6. */
export type IpAddress = Ipv4 | Ipv6;
/** The family of an address. */
export type Family = 4 | 6;

/** The family of an address. */
export function familyOf(address: IpAddress): Family {
  return typeof address === 'number' ? 4 : 6;
}

/** Reads an address of either family in its strict form; undefined for anything else. */
export function parseIp(text: string): IpAddress | undefined {
  if (text.includes(':')) return parseIpv6(text);
  return /^[0-9]/.test(text) && isIpv4(text) ? parseIpv4(text) : undefined;
}

/** Reads `fd01:c::5`, without brackets; a zone such as `%eth0` is dropped. Undefined for anything else. */
export function parseIpv6(text: string): Ipv6 | undefined {
  if (text.length > 80) return undefined;
  const percent = text.indexOf('%');
  if (percent >= 0 && percent === text.length - 1) return undefined;
  const bare = percent < 0 ? text : text.slice(0, percent);
  const gap = bare.indexOf('::');
  if (gap < 0) return numberOf(groupsOf(bare, true), 8);
  const head = gap === 0 ? [] : groupsOf(bare.slice(0, gap), false);
  const rest = bare.slice(gap + 2);
  const tail = rest === '' ? [] : groupsOf(rest, true);
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (missing < 0) return undefined;
  return numberOf([...head, ...new Array<number>(missing).fill(0), ...tail], 8);
}

/** `11.249.78.219`, `fd01:c::aadd:8637:f9fb:fda3`: the longest run of two or more zero groups, the first among equals, becomes `::`. */
export function formatIp(address: IpAddress): string {
  if (typeof address === 'number') return formatIpv4(address);
  if (address === 0n) return '::';
  if (address === 1n) return '::1';
  const low = Number(address & 0xffffffffn);
  const high = address >> 32n;
  if (high === 0n) return `::${formatIpv4(low)}`;
  if (high === 0xffffn) return `::ffff:${formatIpv4(low)}`;
  const groups: number[] = [];
  for (let shift = 112n; shift >= 0n; shift -= 16n) groups.push(Number((address >> shift) & 0xffffn));
  const [start, length] = longestZeros(groups);
  const hex = groups.map((group) => group.toString(16));
  if (length < 2) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

/** Erlang's order of address tuples: all of IPv4 before all of IPv6, each by value. */
export function compareIp(a: IpAddress, b: IpAddress): number {
  if (typeof a === 'number') return typeof b === 'number' ? a - b : -1;
  if (typeof b === 'number') return 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

function groupsOf(text: string, last: boolean): number[] | undefined {
  const parts = text.split(':');
  const groups: number[] = [];
  for (const [index, part] of parts.entries()) {
    if (last && index === parts.length - 1 && isIpv4(part)) {
      const address = parseIpv4(part);
      groups.push(address >>> 16, address & 0xffff);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16));
    } else {
      return undefined;
    }
  }
  return groups;
}

function numberOf(groups: readonly number[] | undefined, count: number): Ipv6 | undefined {
  if (groups === undefined || groups.length !== count) return undefined;
  return groups.reduce((value, group) => (value << 16n) | BigInt(group), 0n);
}

function longestZeros(groups: readonly number[]): readonly [start: number, length: number] {
  let best: readonly [number, number] = [0, 0];
  for (let i = 0; i < groups.length; i++) {
    let end = i;
    while (groups[end] === 0) end++;
    if (end - i > best[1]) best = [i, end - i];
    i = Math.max(i, end - 1);
  }
  return best;
}
