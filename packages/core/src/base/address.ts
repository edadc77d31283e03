/**
 * Addresses: numbers inside, text at the border. An IPv4 address is an unsigned 32-bit number, a MAC address
 * an integer of 48 bits; ipaddr.js reads text here and nowhere else.
 */
import ipaddr from 'ipaddr.js';
import { Refusal } from './refusal.ts';

/** An IPv4 address as an unsigned 32-bit integer, first octet highest. */
export type Ipv4 = number;
/** A MAC address as an integer below 2^48, first octet highest. */
export type Mac = number;

/** An IPv4 network or an address with its prefix length, as in `9.0.3.129/25`. */
export interface Cidr {
  readonly address: Ipv4;
  /** Prefix length, 0 to 32. */
  readonly prefix: number;
}

/** ff:ff:ff:ff:ff:ff. */
export const BROADCAST_MAC: Mac = 0xffffffffffff;

/** Whether a MAC address is that of many: a group's, or everybody's. */
export function isGroupMac(mac: Mac): boolean {
  return ((mac / 0x10000000000) & 1) === 1;
}

/**
 * Reads a dotted-quad IPv4 address: four decimal octets without leading zeros.
 * @throws Refusal `bad-address`
 */
export function parseIpv4(text: string): Ipv4 {
  if (!isIpv4(text)) throw badAddress(text, 'an IPv4 address such as 172.16.9.84');
  const [a, b, c, d] = ipaddr.IPv4.parse(text).octets as [number, number, number, number];
  return a * 0x1000000 + b * 0x10000 + c * 0x100 + d;
}

/** Whether the text is an IPv4 address in four decimal octets. */
export function isIpv4(text: string): boolean {
  return text.length <= 15 && ipaddr.IPv4.isValidFourPartDecimal(text);
}

/** `11.249.78.219` for 200888027. */
export function formatIpv4(address: Ipv4): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}

/**
 * Reads `9.0.0.0/8`, or a plain address as a /32. Host bits are kept: `9.0.3.129/25` is an address with its network.
 * @throws Refusal `bad-address`
 */
export function parseCidr(text: string): Cidr {
  const slash = text.indexOf('/');
  if (slash < 0) return { address: parseIpv4(text), prefix: 32 };
  const length = text.slice(slash + 1);
  const prefix = Number(length);
  if (!/^\d{1,2}$/.test(length) || prefix > 32) throw badAddress(text, 'a network such as 9.0.0.0/8');
  return { address: parseIpv4(text.slice(0, slash)), prefix };
}

/** `9.0.3.0/24`; always with its length. */
export function formatCidr(cidr: Cidr): string {
  return `${formatIpv4(cidr.address)}/${cidr.prefix}`;
}

/** The mask of a prefix length as an unsigned 32-bit integer. */
export function maskOf(prefix: number): number {
  return prefix === 0 ? 0 : (0xffffffff << (32 - prefix)) >>> 0;
}

/** The network a host address with prefix lies in: 9.0.3.129/25 -> 9.0.3.128/25. */
export function networkOf(cidr: Cidr): Cidr {
  return { address: (cidr.address & maskOf(cidr.prefix)) >>> 0, prefix: cidr.prefix };
}

/** The highest address of a network. */
export function broadcastOf(cidr: Cidr): Ipv4 {
  return (cidr.address | ~maskOf(cidr.prefix)) >>> 0;
}

/** Whether the address lies in the network. */
export function contains(network: Cidr, address: Ipv4): boolean {
  return ((network.address ^ address) & maskOf(network.prefix)) === 0;
}

/**
 * Reads `02:42:ac:11:00:02`.
 * @throws Refusal `bad-address`
 */
export function parseMac(text: string): Mac {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text)) throw badAddress(text, 'a MAC address such as 02:42:ac:11:00:02');
  return Number.parseInt(text.replaceAll(':', ''), 16);
}

/** `02:42:ac:11:00:02`, lower case. */
export function formatMac(mac: Mac): string {
  const hex = mac.toString(16).padStart(12, '0');
  return `${hex.slice(0, 2)}:${hex.slice(2, 4)}:${hex.slice(4, 6)}:${hex.slice(6, 8)}:${hex.slice(8, 10)}:${hex.slice(10)}`;
}

/** The MAC that Docker and the overlay give the holder of an address: 02:42 and its four octets. */
export function macOfAddress(address: Ipv4): Mac {
  return 0x0242 * 0x100000000 + address;
}

function badAddress(text: string, wanted: string): Refusal {
  const shown = text.length > 60 ? `${text.slice(0, 60)}...` : text;
  return new Refusal({ component: 'address', code: 'bad-address', message: `'${shown}' is not ${wanted}` });
}
