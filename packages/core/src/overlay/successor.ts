/**
 * What the overlay master's IPAM takes for the next address or subnet: dcos-mesos-modules overlay/network.hpp, edc45dc.
 * Its IPv6 increment forgets to clear the bytes below the one it carries into, so that fd01:b:0:0:ff:: is followed
 * by fd01:b:0:0:1ff::, and of 65536 subnets only 511 are ever handed out.
 */
import type { Ipv4 } from '../base/address.ts';
import type { Ipv6 } from './ipv6.ts';

/** The next address; after 255.255.255.255 comes 0.0.0.0. */
export function nextAddress(address: Ipv4): Ipv4 {
  return (address + 1) >>> 0;
}

/** The next subnet of that length; host bits are cleared, and after the last comes 0.0.0.0. */
export function nextSubnet(prefix: number): (subnet: Ipv4) => Ipv4 {
  const size = 2 ** (32 - prefix);
  return (subnet) => (Math.floor(subnet / size + 1) * size) % 2 ** 32;
}

/** The next IPv6 address by that defective increment; ffff:...:ffff follows itself. */
export function nextAddress6(address: Ipv6): Ipv6 {
  return incrementByte(address, 15);
}

/** The next IPv6 subnet of that length by that defective increment. */
export function nextSubnet6(prefix: number): (subnet: Ipv6) => Ipv6 {
  const whole = Math.floor(prefix / 8);
  const bits = prefix % 8;
  if (bits === 0) return (subnet) => incrementByte(subnet, whole - 1);
  return (subnet) => {
    const shift = 8 - bits;
    const upper = byteOf(subnet, whole) >> shift;
    if ((upper & 7) === 7) return incrementByte(subnet, whole - 1);
    return withByte(subnet, whole, ((upper + 1) << shift) & 0xff);
  };
}

/** Adds one to the last byte up to `index` that is not ff; the bytes after it stay as they are. */
function incrementByte(address: Ipv6, index: number): Ipv6 {
  for (let i = index; i >= 0; i--) {
    const byte = byteOf(address, i);
    if (byte !== 0xff) return withByte(address, i, byte + 1);
  }
  return address;
}

function byteOf(address: Ipv6, index: number): number {
  return Number((address >> BigInt(8 * (15 - index))) & 0xffn);
}

function withByte(address: Ipv6, index: number, byte: number): Ipv6 {
  const shift = BigInt(8 * (15 - index));
  return (address & ~(0xffn << shift)) | (BigInt(byte) << shift);
}
