/**
 * Which sockets `ss` shows: by their states, and by conditions on addresses and ports (`dport = :80`, `dst 10.0.0.0/8`).
 * Follows iproute2 6.1 (misc/ss.c, scan_state; misc/ssfilter.y). All conditions must hold: `or`, `not` and parentheses
 * are refused by name.
 */
import type { SocketRow } from '../agent/report.ts';
import { type Cidr, contains, type Ipv4, isIpv4, parseIpv4 } from '../base/address.ts';
import { parsePort } from '../kernel/netfilter/notation.ts';
import { notModelled, shorten } from './result.ts';

/** A state as `ss` prints it. */
export type SocketState = (typeof ALL)[number];

/** What is to be shown. */
export interface SocketFilter {
  /** Only one state can be: it need not be printed. */
  readonly oneState: boolean;
  takes(row: SocketRow, state: SocketState): boolean;
}

const ALL = [
  'ESTAB',
  'SYN-SENT',
  'SYN-RECV',
  'FIN-WAIT-1',
  'FIN-WAIT-2',
  'TIME-WAIT',
  'UNCONN',
  'CLOSE-WAIT',
  'LAST-ACK',
  'LISTEN',
  'CLOSING',
] as const;

const but = (...states: readonly SocketState[]): readonly SocketState[] => ALL.filter((state) => !states.includes(state));

/** Names of states and of groups of them. */
const STATES: ReadonlyMap<string, readonly SocketState[]> = new Map<string, readonly SocketState[]>([
  ...ALL.map((state): [string, readonly SocketState[]] => [state.toLowerCase(), [state]]),
  ['established', ['ESTAB']],
  ['syn-rcv', ['SYN-RECV']],
  ['unconnected', ['UNCONN']],
  ['close', ['UNCONN']],
  ['closed', ['UNCONN']],
  ['listening', ['LISTEN']],
  ['all', ALL],
  ['connected', but('LISTEN', 'UNCONN')],
  ['synchronized', but('LISTEN', 'UNCONN', 'SYN-SENT')],
  ['bucket', ['SYN-RECV', 'TIME-WAIT']],
  ['big', but('SYN-RECV', 'TIME-WAIT')],
]);

/** What the words after the options ask for; a message if they are wrong. */
export function readFilter(
  words: readonly string[],
  { all, listening, udpOnly }: { readonly all: boolean; readonly listening: boolean; readonly udpOnly: boolean },
): SocketFilter | string {
  const usual = udpOnly ? (['ESTAB'] as const) : but('LISTEN', 'UNCONN', 'TIME-WAIT', 'SYN-RECV');
  let states: readonly SocketState[] = all ? ALL : listening ? ['LISTEN', 'UNCONN'] : usual;
  let named: readonly SocketState[] | undefined;
  const tokens = words
    .join(' ')
    .split(' ')
    .filter((word) => word !== '');
  let position = 0;
  for (; tokens[position] === 'state' || tokens[position] === 'exclude'; position += 2) {
    const word = tokens[position + 1] ?? '';
    const found = STATES.get(word.toLowerCase());
    if (found === undefined) return `ss: wrong state name: ${shorten(word)}`;
    named =
      tokens[position] === 'state'
        ? ALL.filter((state) => found.includes(state) || named?.includes(state) === true)
        : (named ?? ALL).filter((state) => !found.includes(state));
  }
  states = named ?? states;
  const conditions = readConditions(tokens.slice(position));
  if (typeof conditions === 'string') return conditions;
  return {
    oneState: states.length === 1,
    takes: (row, state) => states.includes(state) && conditions.every((condition) => condition(row)),
  };
}

type Condition = (row: SocketRow) => boolean;

const COMPARISONS: ReadonlyMap<string, (a: number, b: number) => boolean> = new Map([
  ...['=', '==', 'eq'].map((sign) => [sign, (a: number, b: number) => a === b] as const),
  ...['!=', 'ne', 'neq'].map((sign) => [sign, (a: number, b: number) => a !== b] as const),
  ...['>', 'gt'].map((sign) => [sign, (a: number, b: number) => a > b] as const),
  ...['>=', 'ge', 'geq'].map((sign) => [sign, (a: number, b: number) => a >= b] as const),
  ...['<', 'lt'].map((sign) => [sign, (a: number, b: number) => a < b] as const),
  ...['<=', 'le', 'leq'].map((sign) => [sign, (a: number, b: number) => a <= b] as const),
]);

function readConditions(tokens: readonly string[]): readonly Condition[] | string {
  const conditions: Condition[] = [];
  for (let i = 0; i < tokens.length; ) {
    const word = tokens[i++] ?? '';
    if (word === 'and' || word === '&' || word === '&&') continue;
    if (/^[(|!]/.test(word) || word === 'or' || word === 'not') throw notModelled('ss', `\`${shorten(word)}' in a filter`);
    const of = ENDS.get(word);
    if (of === undefined) throw notModelled('ss', `the filter ${shorten(word)}`);
    const sign = COMPARISONS.get(tokens[i] ?? '');
    if (sign !== undefined) i++;
    const place = readPlace(tokens[i++] ?? '', word === 'sport' || word === 'dport');
    if (place === undefined) return `Error: an inet prefix is expected rather than "${shorten(tokens[i - 1] ?? '')}".`;
    conditions.push(condition(of, place, sign));
  }
  return conditions;
}

interface End {
  readonly address: Ipv4;
  readonly port: number;
}
const localEnd = ({ local, localPort }: SocketRow): End => ({ address: local, port: localPort });
const remoteEnd = ({ remote, remotePort }: SocketRow): End => ({ address: remote, port: remotePort });
const ENDS: ReadonlyMap<string, (row: SocketRow) => End> = new Map([
  ['sport', localEnd],
  ['src', localEnd],
  ['dport', remoteEnd],
  ['dst', remoteEnd],
]);

interface Place {
  readonly network?: Cidr;
  readonly port?: number;
}

/** `:80`, `10.0.0.0/8`, `10.0.0.1:http`; `80` too where only a port can stand. */
function readPlace(text: string, portOnly: boolean): Place | undefined {
  const colon = text.indexOf(':');
  const host = colon >= 0 ? text.slice(0, colon) : portOnly ? '' : text;
  const port = colon >= 0 ? text.slice(colon + 1) : portOnly ? text : '';
  const [address = '', length = '32'] = host.split('/');
  const any = host === '' || host === '*';
  if (text === '' || (!any && !(isIpv4(address) && /^\d{1,2}$/.test(length) && Number(length) <= 32))) return undefined;
  return {
    ...(any ? {} : { network: { address: parseIpv4(address), prefix: Number(length) } }),
    ...(port === '' || port === '*' ? {} : { port: parsePort(port) }),
  };
}

function condition(
  of: (row: SocketRow) => End,
  { network, port }: Place,
  sign: ((a: number, b: number) => boolean) | undefined,
): Condition {
  const compares = sign ?? ((a: number, b: number) => a === b);
  return (row) => {
    const end = of(row);
    if (network !== undefined && !contains(network, end.address)) return false;
    return port === undefined || compares(end.port, port);
  };
}
