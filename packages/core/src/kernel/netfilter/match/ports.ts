/**
 * `-m tcp`, `-m udp`: ports, TCP flags and options.
 * Follows linux net/netfilter/xt_tcpudp.c and iptables 1.8.9, extensions/libxt_{tcp,udp}.c.
 */
import { IPV4_HEADER, TCP_HEADER } from '../../../wire/ipv4.ts';
import { FLAG } from '../../../wire/tcp.ts';
import type { SkBuff } from '../../skb.ts';
import type { MatchDescription } from '../matches.ts';
import { parameterProblem, parsePortRange, serviceName, shorten } from '../notation.ts';
import { fieldOption, formatSpan, type Negatable, spelling, within } from '../option.ts';
import { type PortMatch, PROTOCOL } from '../rule.ts';
import type { Test } from '../rule-host.ts';

/** `--tcp-flags MASK SET`: of the flags in the mask, exactly those. */
export interface FlagsMatch extends Negatable {
  readonly mask: number;
  readonly set: number;
}

/** Ports, and of TCP flags and the kind of an option. */
export interface TcpMatch {
  readonly name: 'tcp';
  readonly sourcePort?: PortMatch;
  readonly destinationPort?: PortMatch;
  readonly option?: { readonly kind: number } & Negatable;
  readonly flags?: FlagsMatch;
}
/** Ports. */
export interface UdpMatch {
  readonly name: 'udp';
  readonly sourcePort?: PortMatch;
  readonly destinationPort?: PortMatch;
}

const URG = 32;
/** In the order in which they are printed. */
const FLAGS: readonly (readonly [string, number])[] = [
  ['FIN', FLAG.fin],
  ['SYN', FLAG.syn],
  ['RST', FLAG.rst],
  ['PSH', FLAG.psh],
  ['ACK', FLAG.ack],
  ['URG', URG],
];
const ALL_FLAGS = 63;
const CONNECT: FlagsMatch = { mask: FLAG.fin | FLAG.syn | FLAG.rst | FLAG.ack, set: FLAG.syn };
/** Kinds of the options that Linux sends, no-operation included: on a SYN, on other segments. */
const SYN_OPTIONS: readonly number[] = [1, 2, 3, 4, 8];
const OTHER_OPTIONS: readonly number[] = [1, 8];

function portOption<T extends TcpMatch | UdpMatch>(field: 'sourcePort' | 'destinationPort', flags: [string, string]) {
  const option = fieldOption<T, PortMatch>(flags, field, parsePortRange, formatSpan);
  return {
    ...option,
    read(argument: { words: readonly string[]; not: boolean }, into: T) {
      const { first, last } = parsePortRange(argument.words[0] ?? '');
      if (first > 0 || last < 65535 || argument.not) option.read(argument, into);
    },
    // iptables prints no ports where all are named, not even behind `!`.
    write(from: T) {
      const ports = from[field];
      return ports?.first === 0 && ports.last === 65535 ? undefined : option.write(from);
    },
  };
}

function listPort(label: string, match: PortMatch | undefined, numeric: boolean, protocol: number): string {
  if (match === undefined) return '';
  const not = match.not === true ? '!' : '';
  const text = (port: number) => (numeric ? String(port) : serviceName(port, protocol));
  if (match.first === match.last) return ` ${label}:${not}${text(match.first)}`;
  return ` ${label}s:${not}${text(match.first)}:${text(match.last)}`;
}

function portTests({ sourcePort, destinationPort }: TcpMatch | UdpMatch): Test[] {
  const tests: Test[] = [];
  if (sourcePort !== undefined) tests.push((_, skb) => within(sourcePort, skb.sourcePort));
  if (destinationPort !== undefined) tests.push((_, skb) => within(destinationPort, skb.destinationPort));
  return tests;
}

/** `-m tcp` */
export const tcp: MatchDescription<TcpMatch> = {
  name: 'tcp',
  options: [
    portOption('sourcePort', ['--sport', '--source-port']),
    portOption('destinationPort', ['--dport', '--destination-port']),
    fieldOption<TcpMatch, { kind: number } & Negatable>(
      ['--tcp-option'],
      'option',
      (text) => {
        const kind = /^\d{1,3}$/.test(text) ? Number(text) : 0;
        if (kind < 1 || kind > 255) throw parameterProblem(`Bad TCP option "${shorten(text)}"`, '--tcp-option');
        return { kind };
      },
      ({ kind }) => String(kind),
    ),
    {
      flags: ['--tcp-flags'],
      arity: 2,
      negatable: true,
      read({ words: [mask = '', set = ''], not }, into) {
        const flags = { mask: parseFlags(mask), set: parseFlags(set) };
        into.flags = not ? { ...flags, not } : flags;
      },
      write: ({ flags }) =>
        flags === undefined || (flags.mask === 0 && flags.not !== true)
          ? undefined
          : { words: [formatFlags(flags.mask), formatFlags(flags.set)], not: flags.not === true },
    },
    {
      ...spelling<TcpMatch>('--syn', 0, () => {}),
      negatable: true,
      read({ not }, into) {
        into.flags = not ? { ...CONNECT, not } : CONNECT;
      },
    },
  ],
  start: () => ({ name: 'tcp' }),
  list: ({ sourcePort, destinationPort, option, flags }, numeric) => {
    const kind = option === undefined ? '' : ` option=${option.not === true ? '!' : ''}${option.kind}`;
    const text = numeric ? hexFlags : formatFlags;
    const bits = flags === undefined ? '' : ` flags:${flags.not === true ? '!' : ''}${text(flags.mask)}/${text(flags.set)}`;
    return `tcp${listPort('spt', sourcePort, numeric, PROTOCOL.tcp)}${listPort('dpt', destinationPort, numeric, PROTOCOL.tcp)}${kind}${bits}`;
  },
  tests(match) {
    const tests = portTests(match);
    const { option, flags } = match;
    if (flags !== undefined) {
      const { mask, set, not = false } = flags;
      tests.push((_, skb) => ((skb.flags & mask) === set) !== not);
    }
    if (option !== undefined) {
      const { kind, not = false } = option;
      tests.push((_, skb) => optionsOf(skb).includes(kind) !== not);
    }
    return tests;
  },
};

/** `-m udp` */
export const udp: MatchDescription<UdpMatch> = {
  name: 'udp',
  options: [
    portOption('sourcePort', ['--sport', '--source-port']),
    portOption('destinationPort', ['--dport', '--destination-port']),
  ],
  start: () => ({ name: 'udp' }),
  list: ({ sourcePort, destinationPort }, numeric) =>
    `udp${listPort('spt', sourcePort, numeric, PROTOCOL.udp)}${listPort('dpt', destinationPort, numeric, PROTOCOL.udp)}`,
  tests: portTests,
};

/** The model's segments carry what Linux's do, by their kind. */
function optionsOf({ flags, length }: SkBuff): readonly number[] {
  if (flags & FLAG.syn) return SYN_OPTIONS;
  return length < IPV4_HEADER + TCP_HEADER.established ? [] : OTHER_OPTIONS;
}

/**
 * Reads `SYN,ACK`, `ALL`, `NONE`.
 * @throws Refusal in iptables' words
 */
function parseFlags(text: string): number {
  let bits = 0;
  for (const word of text.split(',')) {
    const name = word.toUpperCase();
    const bit = name === 'ALL' ? ALL_FLAGS : name === 'NONE' ? 0 : FLAGS.find(([known]) => known === name)?.[1];
    if (bit === undefined) throw parameterProblem(`Unknown TCP flag \`${shorten(word)}'`, '--tcp-flags');
    bits |= bit;
  }
  return bits;
}

function formatFlags(bits: number): string {
  const names = FLAGS.filter(([, bit]) => bits & bit).map(([name]) => name);
  return names.length === 0 ? 'NONE' : names.join(',');
}

function hexFlags(bits: number): string {
  return `0x${bits.toString(16).toUpperCase().padStart(2, '0')}`;
}

/** Whether a match takes nothing but a connection's first segment: what TCPMSS wants. */
export function wantsSyn(match: { readonly name: string }): boolean {
  const { flags } = match as TcpMatch;
  return match.name === 'tcp' && flags !== undefined && (flags.set & FLAG.syn) !== 0 && flags.not !== true;
}
