/**
 * How iptables writes protocols, services, ports, networks and quoted words, and reads them.
 * Follows iptables 1.8.9 (libxtables/xtables.c); names as in Debian's and CentOS's /etc/protocols and /etc/services.
 */
import { formatCidr, formatIpv4, type Ipv4, isIpv4, maskOf, networkOf, parseIpv4 } from '../../base/address.ts';
import { Refusal } from '../../base/refusal.ts';
import type { AddressMatch, PortSpan } from './rule.ts';

/** Protocols that iptables knows by itself, without /etc/protocols. */
const CHAIN_PROTOCOLS: readonly (readonly [string, number])[] = [
  ['all', 0],
  ['tcp', 6],
  ['sctp', 132],
  ['udp', 17],
  ['udplite', 136],
  ['icmp', 1],
  ['esp', 50],
  ['ah', 51],
];
/** Further ones of /etc/protocols. */
const OTHER_PROTOCOLS: readonly (readonly [string, number])[] = [
  ['igmp', 2],
  ['ipencap', 4],
  ['gre', 47],
  ['ospf', 89],
  ['vrrp', 112],
];
const ALL_PROTOCOLS = [...CHAIN_PROTOCOLS, ...OTHER_PROTOCOLS];

/** Name, port, and for which protocols Debian's /etc/services has it. */
const SERVICES: readonly (readonly [string, number, ...number[]])[] = [
  ['tcpmux', 1, 6],
  ['echo', 7, 6, 17],
  ['discard', 9, 6, 17],
  ['ftp', 21, 6],
  ['ssh', 22, 6],
  ['telnet', 23, 6],
  ['smtp', 25, 6],
  ['domain', 53, 6, 17],
  ['bootps', 67, 17],
  ['bootpc', 68, 17],
  ['http', 80, 6],
  ['kerberos', 88, 6, 17],
  ['ntp', 123, 17],
  ['ldap', 389, 6, 17],
  ['https', 443, 6, 17],
  ['imaps', 993, 6],
  ['mysql', 3306, 6],
  ['mdns', 5353, 17],
  ['postgresql', 5432, 6],
  ['http-alt', 8080, 6, 17],
];

/** A refusal in iptables' words; exit code 2 (PARAMETER_PROBLEM) unless the code says otherwise. */
export function parameterProblem(message: string, path = '', code = 'parameter-problem'): Refusal {
  return new Refusal({ component: 'iptables', code, path, message });
}

/** A refusal of what iptables could do and the model does not. */
export function notModelled(what: string): Refusal {
  return parameterProblem(`${what} is not modelled`, what, 'not-modelled');
}

/**
 * Reads `tcp`, `6`, `all`.
 * @throws Refusal in iptables' words
 */
export function parseProtocol(text: string): number {
  const number = /^\d{1,3}$/.test(text) ? Number(text) : -1;
  if (number >= 0 && number <= 255) return number;
  const known = ALL_PROTOCOLS.find(([name]) => name === text.toLowerCase());
  if (known === undefined) throw parameterProblem(`unknown protocol "${shorten(text)}" specified`, '-p');
  return known[1];
}

/** A protocol's name; its number if it has none. `-L -n` looks only into iptables' own list. */
export function protocolName(protocol: number, numeric: boolean): string {
  const found = (numeric ? CHAIN_PROTOCOLS : ALL_PROTOCOLS).find(([, number]) => number === protocol);
  return found === undefined ? String(protocol) : found[0];
}

/** The service name of a port of a protocol, or its number. */
export function serviceName(port: number, protocol: number): string {
  return SERVICES.find(([, number, ...protocols]) => number === port && protocols.includes(protocol))?.[0] ?? String(port);
}

/**
 * Reads one port, by number or by service name.
 * @throws Refusal in iptables' words
 */
export function parsePort(text: string): number {
  const number = /^\d{1,5}$/.test(text) ? Number(text) : SERVICES.find(([name]) => name === text)?.[1];
  if (number === undefined || number > 65535) throw parameterProblem(`invalid port/service \`${shorten(text)}' specified`);
  return number;
}

/**
 * Reads `80`, `1024:65535`, `:22`, `1024:`.
 * @throws Refusal in iptables' words
 */
export function parsePortRange(text: string): PortSpan {
  const colon = text.indexOf(':');
  if (colon < 0) {
    const port = parsePort(text);
    return { first: port, last: port };
  }
  const low = text.slice(0, colon);
  const high = text.slice(colon + 1);
  const span = { first: low === '' ? 0 : parsePort(low), last: high === '' ? 65535 : parsePort(high) };
  if (span.first > span.last) throw parameterProblem('invalid portrange (min > max)');
  return span;
}

/**
 * Reads the ports of a translation: `8080` or `1024-2048`.
 * @throws Refusal in iptables' words
 */
export function parsePortSpan(text: string): PortSpan {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  const first = Number(match?.[1]);
  const last = match?.[2] === undefined ? first : Number(match[2]);
  if (match === null || first < 1 || last > 65535 || first > last) throw parameterProblem(`Port \`${shorten(text)}' not valid`);
  return { first, last };
}

/** `8080` or `1024-2048`. */
export function formatPortSpan(span: PortSpan): string {
  return span.first === span.last ? String(span.first) : `${span.first}-${span.last}`;
}

/**
 * Reads a network of `-s` or `-d`: an address, with a prefix length or a mask; host bits are cleared.
 * @throws Refusal in iptables' words
 */
export function parseNetwork(text: string): AddressMatch {
  const { address, mask } = parseMasked(text);
  const prefix = prefixOf(mask);
  if (prefix !== undefined) return { network: networkOf({ address, prefix }) };
  return { network: { address: (address & mask) >>> 0, prefix: 32 }, mask };
}

/**
 * As {@link parseNetwork}, but keeps host bits, as the options of extensions do; a mask that is no prefix is all ones
 * to them.
 * @throws Refusal in iptables' words
 */
export function parseHost(text: string): AddressMatch {
  const { address, mask } = parseMasked(text);
  return { network: { address, prefix: prefixOf(mask) ?? 32 } };
}

function parseMasked(text: string): { readonly address: Ipv4; readonly mask: Ipv4 } {
  const slash = text.indexOf('/');
  const word = slash < 0 ? text : text.slice(0, slash);
  if (!isIpv4(word)) throw parameterProblem(`host/network \`${shorten(word)}' not found`);
  return { address: parseIpv4(word), mask: slash < 0 ? maskOf(32) : parseMask(text.slice(slash + 1)) };
}

function prefixOf(mask: Ipv4): number | undefined {
  for (let prefix = 0; prefix <= 32; prefix++) if (maskOf(prefix) === mask) return prefix;
  return undefined;
}

function parseMask(text: string): Ipv4 {
  if (/^\d{1,2}$/.test(text) && Number(text) <= 32) return maskOf(Number(text));
  if (!isIpv4(text)) throw parameterProblem(`invalid mask \`${shorten(text)}' specified`);
  return parseIpv4(text);
}

/** The bits of an address that a match looks at. */
export function maskOfMatch({ network, mask }: AddressMatch): Ipv4 {
  return mask ?? maskOf(network.prefix);
}

/** A network in a listing: a /32 without its length; without `-n` with the names of /etc/networks and /etc/hosts. */
export function listNetwork(match: AddressMatch | undefined, numeric: boolean): string {
  if (match === undefined) return numeric ? '0.0.0.0/0' : 'anywhere';
  const { network, mask } = match;
  if (mask !== undefined) {
    const address = !numeric && network.address === 0 ? 'default' : formatIpv4(network.address);
    return `${address}/${formatIpv4(mask)}`;
  }
  if (network.prefix === 0) return numeric ? '0.0.0.0/0' : 'anywhere';
  if (!numeric && network.address === 0x7f000000) return `loopback/${network.prefix}`;
  if (!numeric && network.address === 0x7f000001 && network.prefix === 32) return 'localhost';
  return network.prefix === 32 ? formatIpv4(network.address) : formatCidr(network);
}

/**
 * Reads `0x1/0xff`, `7`: a mark with its mask.
 * @throws Refusal in iptables' words
 */
export function parseMark(text: string, option: string): { value: number; mask: number } {
  const match = /^(0[xX][0-9a-fA-F]{1,8}|\d{1,10})(?:\/(0[xX][0-9a-fA-F]{1,8}|\d{1,10}))?$/.exec(text);
  const value = Number(match?.[1]);
  const mask = match?.[2] === undefined ? 0xffffffff : Number(match[2]);
  if (match === null || value > 0xffffffff || mask > 0xffffffff) {
    throw parameterProblem(`bad mark value for option "${option}", or out of range (0-4294967295).`, option);
  }
  return { value, mask };
}

/** `0x7`. */
export function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

/** A word as iptables-save writes it: quoted if it holds more than letters, digits, `_` and `-`. */
export function quoteWord(word: string): string {
  return /^[\w-]+$/.test(word) ? word : `"${word.replace(/["\\']/g, '\\$&')}"`;
}

/** A word of a command line as iptables-save would write it, without knowing whose it is: quoted if it must be. */
export function shellWord(word: string): string {
  return word === '' || /[\s"'\\]/.test(word) ? quoteWord(word) : word;
}

/** A text cut to a length fit for an error message. */
export function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}
