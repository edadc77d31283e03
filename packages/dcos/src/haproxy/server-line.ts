/** Lines of a backend that say which servers it has and how it chooses: `server` and `balance` (HAProxy 2.0, src/server.c, src/backend.c). */
import { type Ipv4, isIpv4, parseIpv4, Refusal } from '@portolan/core';
import type { ConfigLine } from './lines.ts';

/** How a backend chooses. */
export type Balance =
  | { readonly kind: 'roundrobin' | 'static-rr' | 'leastconn' | 'first' }
  | { readonly kind: 'source' }
  | {
      readonly kind: 'uri';
      /** Characters that count; undefined for all. */
      readonly length: number | undefined;
      /** Directories that count; undefined for all. */
      readonly depth: number | undefined;
      /** Whether the query counts too. */
      readonly whole: boolean;
    }
  /** Name of a header, in lower case, or of a parameter. */
  | { readonly kind: 'hdr' | 'url_param'; readonly name: string };

/** One server. */
export interface BackendServer {
  readonly name: string;
  readonly id: number;
  /** Absent if it is not an IPv4 address. */
  readonly address: Ipv4 | undefined;
  /** A name, which is resolved when HAProxy starts. */
  readonly host?: string;
  readonly port: number;
  /** 0 to 256; 0 gets nothing but what a cookie sends. */
  readonly weight: number;
  /** The cookie's value that leads here; '' for none. */
  readonly cookie: string;
  readonly check: ServerCheck | undefined;
}

/** HAProxy's own health check of a server. */
export interface ServerCheck {
  readonly intervalSeconds: number;
  /** Failures in a row after which the server is down. */
  readonly fall: number;
  /** Successes in a row after which it is up again. */
  readonly rise: number;
  /** Instead of the server's own. */
  readonly port: number | undefined;
}

/** The server of a line, and whether it is disabled. */
export function readServer(line: ConfigLine): { readonly server: BackendServer; readonly disabled: boolean } {
  const [, name = '', place = '', ...options] = line.words;
  // A socket of another kind has no port; nothing here answers at it.
  const abstract = place.startsWith('abns@');
  const colon = place.lastIndexOf(':');
  const host = place.slice(0, Math.max(0, colon));
  const port = abstract ? 0 : readPort(place.slice(colon + 1));
  if (port === undefined)
    throw refuseLine(line, 'invalid-server', `'server ${name}' : missing port number in '${place.slice(0, 100)}'`);
  const values = new Map<string, string>();
  for (let i = 0; i < options.length; i++) {
    const option = options[i] ?? '';
    if (option === 'check' || option === 'disabled' || option === 'send-proxy-v2') values.set(option, '');
    else if (VALUES.has(option)) values.set(option, options[++i] ?? '');
    else throw refuseLine(line, 'not-modelled', `the server's option '${option.slice(0, 100)}' is not modelled`);
  }
  const weight = Number(values.get('weight') ?? 1);
  if (!Number.isInteger(weight) || weight < 0 || weight > 256)
    throw refuseLine(line, 'invalid-server', `'server ${name}' : weight of a server must be between 0 and 256.`);
  const address = isIpv4(host) ? parseIpv4(host) : undefined;
  const id = Number(values.get('id') ?? 0);
  const cookie = values.get('cookie') ?? '';
  const server = { name, id, address, port, weight, cookie, check: checkOf(values) };
  const named = address === undefined && HOST_NAME.test(host);
  return { server: named ? { ...server, host } : server, disabled: values.has('disabled') };
}

const HOST_NAME = /^[a-zA-Z0-9_-]+(?:\.[a-zA-Z0-9_-]+)*$/;

/** Options with a value; a limit of connections is read over. */
const VALUES: ReadonlySet<string> = new Set(['id', 'cookie', 'inter', 'fall', 'rise', 'port', 'weight', 'maxconn', 'resolvers']);

function checkOf(values: ReadonlyMap<string, string>): ServerCheck | undefined {
  if (!values.has('check')) return undefined;
  return {
    intervalSeconds: secondsOf(values.get('inter') ?? '2s'),
    fall: Number(values.get('fall') ?? 3),
    rise: Number(values.get('rise') ?? 2),
    port: readPort(values.get('port') ?? ''),
  };
}

/** A time of a configuration: milliseconds unless it has a unit. */
export function secondsOf(text: string): number {
  const match = /^([0-9]{1,9})(us|ms|s|m|h|d)?$/.exec(text);
  const units = { us: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600, d: 86400 } as const;
  return match === null ? 0 : Number(match[1]) * units[(match[2] ?? 'ms') as keyof typeof units];
}

/** The choice of a `balance` line. */
export function readBalance(line: ConfigLine): Balance {
  const [, name = '', ...rest] = line.words;
  const plain = PLAIN.find((kind) => kind === name);
  if (plain !== undefined && rest.length === 0) return { kind: plain };
  if (name === 'uri') {
    const option = (word: string) => (rest.includes(word) ? Number(rest[rest.indexOf(word) + 1]) : undefined);
    return { kind: 'uri', length: option('len'), depth: option('depth'), whole: rest.includes('whole') };
  }
  const header = /^hdr\(([^()]{1,100})\)$/.exec(name)?.[1];
  if (header !== undefined && rest.length === 0) return { kind: 'hdr', name: header.toLowerCase() };
  const [parameter = ''] = rest;
  if (name === 'url_param' && rest.length === 1) return { kind: 'url_param', name: parameter };
  if (
    name === 'random' ||
    name.startsWith('rdp-cookie') ||
    name === 'hdr' ||
    name === 'url_param' ||
    plain !== undefined ||
    header !== undefined
  )
    throw refuseLine(line, 'not-modelled', `balance '${line.words.slice(1).join(' ').slice(0, 100)}' is not modelled`);
  const words =
    "'balance' only supports 'roundrobin', 'static-rr', 'leastconn', 'source', 'uri', 'url_param', 'hash', 'hdr(name)' and 'rdp-cookie(name)' options.";
  throw refuseLine(line, 'unknown-balance', words);
}

const PLAIN = ['roundrobin', 'static-rr', 'leastconn', 'first', 'source'] as const;

/** A port of a configuration, undefined if it is none. */
export function readPort(text: string): number | undefined {
  const port = Number(text);
  return /^[0-9]{1,5}$/.test(text) && port <= 65535 ? port : undefined;
}

/** Where a line stands, as HAProxy says it. */
export function where(line: ConfigLine): string {
  return `haproxy.cfg:${line.number}`;
}

/** A refusal that names its line. */
export function refuseLine(line: ConfigLine, code: string, message: string): Refusal {
  return new Refusal({ component: 'haproxy', code, path: where(line), message: `parsing [${where(line)}] : ${message}` });
}
