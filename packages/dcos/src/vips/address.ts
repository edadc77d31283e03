/**
 * From a named VIP to its address: the first choice by hash, and the next when it is taken. Follows `init_ip/3`, `hash/3`
 * and `next_ip/3` of dcos_l4lb_lashup_vip_listener (dcos/dcos-net@7bd01ac); the default range is the DC/OS installer's.
 */
import { parseIpv4, Refusal } from '@portolan/core';
import { bytesOf } from './erlang.ts';
import type { Family, IpAddress, Ipv6 } from './ip.ts';
import { phash2 } from './phash2.ts';
import { sha1 } from './sha1.ts';

/** The addresses that named VIPs may have, both ends included. */
export interface VipRange {
  readonly min: number;
  readonly max: number;
  readonly min6: Ipv6;
  readonly max6: Ipv6;
}

/** 11.0.0.0 to 11.255.255.255 and fd01:c::/64, as the installer configures dcos-net. */
export const VIP_RANGE: VipRange = {
  min: parseIpv4('11.0.0.0'),
  max: parseIpv4('11.255.255.255'),
  min6: 0xfd01000c000000000000000000000000n,
  max6: 0xfd01000c00000000ffffffffffffffffn,
};

/**
 * The address a name hashes to. The highest address of the range is nobody's first choice: the modulus is the
 * difference of the ends.
 * @param name the cleaned name, `httpi.marathon`
 */
export function firstChoice(family: Family, name: string, range: VipRange): IpAddress {
  const bytes = bytesOf(name);
  if (family === 4) return range.min + phash2(bytes, range.max - range.min);
  const digest = sha1(bytes).reduce((value, word) => (value << 32n) | BigInt(word), 0n);
  return range.min6 + (digest % (range.max6 - range.min6));
}

/** How many addresses are tried for a name: one fewer than the range has. */
export function choices(family: Family, range: VipRange): number | bigint {
  return family === 4 ? range.max - range.min : range.max6 - range.min6;
}

/** The address to try after one that is taken: the next, or after the last the first. */
export function nextChoice(address: IpAddress, range: VipRange): IpAddress {
  if (typeof address === 'number') return address === range.max ? range.min : address + 1;
  return address === range.max6 ? range.min6 : address + 1n;
}

/**
 * The range if it can be used.
 * @throws Refusal `bad-vip-range` if it holds fewer than two addresses of a family
 */
export function checkRange(range: VipRange): VipRange {
  const usable =
    range.min >= 0 && range.min < range.max && range.max <= 0xffffffff && range.min6 >= 0n && range.min6 < range.max6;
  if (usable && range.max6 < 1n << 128n) return range;
  throw new Refusal({
    component: 'dcos-net',
    code: 'bad-vip-range',
    message: 'the range of named VIPs must hold at least two addresses of each family, lowest first',
  });
}
