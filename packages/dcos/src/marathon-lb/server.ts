/**
 * A server of a HAProxy backend: its name, its number, its cookie and its place in the list (mesosphere/marathon-lb,
 * marathon_lb.py `config`, 1.15.0). The real order of servers with the same host and port is that of a Python set and
 * differs between processes; here it is that of their addresses.
 */
import { isIpv4, parseIpv4, Refusal } from '@portolan/core';
import { sha1 } from '../vips/sha1.ts';
import { sha256, sha256Hex } from './sha256.ts';

/** Where one task answers for one service. */
export interface Server {
  /** The agent, as Marathon names it. */
  readonly host: string;
  /** As text, IPv6 without brackets. */
  readonly address: string;
  readonly port: number;
  /** Taken out of service by a deployment. */
  readonly draining: boolean;
}

/** The order of servers in a backend. */
export function compareServers(a: Server, b: Server): number {
  if (a.host !== b.host) return a.host < b.host ? -1 : 1;
  return a.port - b.port || compareAddresses(a.address, b.address) || Number(a.draining) - Number(b.draining);
}

function compareAddresses(a: string, b: string): number {
  if (isIpv4(a) && isIpv4(b)) return parseIpv4(a) - parseIpv4(b);
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The server's name: host, address and port, or address and port if the host goes by its address. */
export function serverName(server: Server): string {
  const place = `${server.address}_${server.port}`;
  return cleanName(server.host === server.address ? place : `${server.host}_${place}`);
}

/** A name with all but letters, digits and `-` replaced by `_`. */
export function cleanName(name: string): string {
  return name.replace(/[^a-zA-Z0-9-]/gu, '_');
}

/** How many numbers there are for servers: HAProxy's are positive signed 16-bit ones. */
const SERVER_IDS = 32767;

/** Tries after which the real program's recursion ends, about. */
const TRIES = 980;

/**
 * The server's number: the hash of its name, or of name and hash if that is taken, and so on.
 * @param taken the numbers given out in this backend; the new one is added
 * @throws Refusal if no number is found: a backend of some ten thousands of servers
 */
export function serverId(name: string, taken: Set<number>): number {
  let attempt = name;
  for (let tries = 0; tries < TRIES; tries++) {
    const digest = sha256(new TextEncoder().encode(attempt));
    const id = digest.reduce((rest, word) => (rest * 2 ** 32 + word) % SERVER_IDS, 0);
    if (id > 0 && !taken.has(id)) {
      taken.add(id);
      return id;
    }
    attempt = `${attempt} ${sha256Hex(digest)}`;
  }
  throw new Refusal({ component: 'marathon-lb', code: 'no-server-id', path: name, message: 'maximum recursion depth exceeded' });
}

/** The value of the cookie that sends a client to this server again. */
export function serverCookie(name: string): string {
  return sha1(new TextEncoder().encode(name))
    .map((word) => word.toString(16).padStart(8, '0'))
    .join('')
    .slice(0, 10);
}
