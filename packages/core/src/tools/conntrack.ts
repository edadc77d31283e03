/**
 * `conntrack`: the flows that the kernel tracks, listed, counted and deleted.
 * Follows conntrack-tools 1.4.4 of CentOS 7, networks as addresses of 1.4.7; the line with their number goes to stderr,
 * as there. Making and changing entries (`-I`, `-U`) and watching them (`-E`) is refused by name, as is what is not counted
 * here: `-S`, and the numbers of entries (`-o id`).
 */
import type { ConntrackRow, ConntrackTuple } from '../agent/report.ts';
import { contains, formatIpv4, isIpv4, parseIpv4 } from '../base/address.ts';
import { TCP_STATE_NAMES } from '../kernel/netfilter/tcp-state.ts';
import { type Options, readOptions } from './options.ts';
import { failed, lines, notModelled, ok, shorten } from './result.ts';
import type { Host, Tool, ToolResult } from './tool.ts';

const VERSION = 'conntrack v1.4.4 (conntrack-tools)';
const USAGE = `Command line interface for the connection tracking system. Version 1.4.4
Usage: conntrack -L|-D [-p proto] [-s address] [-d address] [-r address] [-q address] [-g] [-n] [-j] [-m mark] [-u status] [-o extended]
       conntrack -G -p proto -s address -d address --sport port --dport port
       conntrack -F|-C
`;
const OPTIONS = {
  flags: [
    ['L', 'dump'],
    ['D', 'delete'],
    ['F', 'flush'],
    ['C', 'count'],
    ['G', 'get'],
    ['n', 'src-nat'],
    ['g', 'dst-nat'],
    ['j', 'any-nat'],
    ['h', 'help'],
    ['V', 'version'],
  ],
  values: [
    ['p', 'proto'],
    ['s', 'src', 'orig-src'],
    ['d', 'dst', 'orig-dst'],
    ['r', 'reply-src'],
    ['q', 'reply-dst'],
    ['sport', 'orig-port-src'],
    ['dport', 'orig-port-dst'],
    ['m', 'mark'],
    ['u', 'status'],
    ['reply-port-src'],
    ['reply-port-dst'],
    ['state'],
    ['o', 'output'],
    ['f', 'family'],
  ],
  unmodelled: [
    'E',
    'event',
    'I',
    'create',
    'U',
    'update',
    'S',
    'stats',
    'e',
    'z',
    'zero',
    't',
    'timeout',
    'b',
    'buffer-size',
    'w',
    'zone',
    'l',
    'label',
    'c',
    'a',
    'tuple-src',
    'tuple-dst',
    'id',
    'x',
    'i',
  ],
};
const PROTOCOLS: readonly (readonly [string, number])[] = [
  ['tcp', 6],
  ['udp', 17],
  ['icmp', 1],
  ['sctp', 132],
  ['gre', 47],
];

/** Times are of kernels that keep them. */
const OUTPUTS: readonly string[] = ['extended', 'ktimestamp'];
const UNMODELLED_OUTPUTS: readonly string[] = ['xml', 'save', 'timestamp', 'id', 'labels', 'userspace'];
const COMMANDS = ['L', 'D', 'F', 'C', 'G'] as const;

/** Whether a flow is one of those asked for. */
type Filter = (row: ConntrackRow) => boolean;

/** The tool. */
export const conntrack: Tool = {
  name: 'conntrack',
  summary: 'list and delete the tracked connections',
  run(args, host) {
    const options = readOptions('conntrack', OPTIONS, args, (option) => `${VERSION}: unrecognized option '${option}'`);
    if (options.has('h')) return ok(USAGE);
    if (options.has('V')) return ok(`${VERSION}\n`);
    const [command, another] = COMMANDS.filter((letter) => options.has(letter));
    if (command === undefined) return wrong("You need to supply `command'");
    if (another !== undefined) return wrong('Invalid commands combination');
    const [table = 'conntrack', ...rest] = options.words;
    if (table !== 'conntrack' || rest.length > 0)
      throw notModelled('conntrack', `the table ${shorten([table, ...rest].join(' '))}`);
    if (command === 'C') return ok(`${host.conntrack().length}\n`);
    if (command === 'F') {
      host.deleteConnections(() => true);
      return ok('', `${VERSION}: connection tracking table has been emptied.\n`);
    }
    const filters = filtersOf(options);
    if (typeof filters === 'string') return wrong(filters);
    const output = options.value('o');
    const words = output?.split(',') ?? [];
    const bad = words.find((word) => !OUTPUTS.includes(word));
    if (bad !== undefined && !UNMODELLED_OUTPUTS.includes(bad)) return wrong(`Bad parameter \`${shorten(bad)}'`);
    if (bad !== undefined) throw notModelled('conntrack', `the output ${bad}`);
    const line = words.includes('extended') ? (row: ConntrackRow) => `ipv4     2 ${conntrackLine(row)}` : conntrackLine;
    const wanted: Filter = (row) => filters.every((filter) => filter(row));
    if (command === 'G') return get(host, wanted, options, line);
    return command === 'L' ? list(host, wanted, line) : remove(host, wanted, line);
  },
};

function wrong(message: string): ToolResult {
  return failed(2, `${VERSION}: ${message}\nTry \`conntrack -h' or 'conntrack --help' for more information.`);
}

function list(host: Host, wanted: Filter, line: (row: ConntrackRow) => string): ToolResult {
  const rows = host.conntrack().filter(wanted);
  return ok(lines(rows.map(line)), `${VERSION}: ${rows.length} flow entries have been shown.\n`);
}

/** The one flow with these ends. */
function get(host: Host, wanted: Filter, options: Options, line: (row: ConntrackRow) => string): ToolResult {
  if (options.value('p') === undefined) return wrong("You need to supply the `--protonum' option for this command");
  if (options.value('s') === undefined || options.value('d') === undefined)
    return wrong("you have to specify `--src' and `--dst'");
  const row = host.conntrack().find(wanted);
  if (row === undefined) return failed(1, `${VERSION}: Operation failed: such conntrack doesn't exist`);
  // Whoever asks for one holds it meanwhile.
  return ok(lines([line(row).replace(/use=1$/, 'use=2')]), `${VERSION}: 1 flow entries have been shown.\n`);
}

function remove(host: Host, wanted: Filter, line: (row: ConntrackRow) => string): ToolResult {
  const rows = host.deleteConnections(wanted);
  const summary = `${VERSION}: ${rows.length} flow entries have been deleted.\n`;
  return { stdout: lines(rows.map(line)), stderr: summary, code: rows.length === 0 ? 1 : 0 };
}

/** What the options ask of a flow; a message if one of them is wrong. */
function filtersOf(options: Options): readonly Filter[] | string {
  const filters: Filter[] = [];
  const name = options.value('p');
  const protocol =
    name === undefined ? undefined : (PROTOCOLS.find(([known]) => known === name.toLowerCase())?.[1] ?? Number(name));
  if (protocol !== undefined && !Number.isInteger(protocol)) return `\`${shorten(name ?? '')}' unsupported protocol`;
  if (protocol !== undefined) filters.push((row) => row.protocol === protocol);
  for (const [option, of] of ADDRESSES) {
    const text = options.value(option);
    if (text === undefined) continue;
    const [address = '', length = '32'] = text.split('/');
    if (!isIpv4(address) || !/^\d{1,2}$/.test(length) || Number(length) > 32) return `Invalid IP address \`${shorten(text)}'`;
    const network = { address: parseIpv4(address), prefix: Number(length) };
    filters.push((row) => contains(network, of(row)));
  }
  for (const [option, of] of PORTS) {
    const text = options.value(option);
    if (text === undefined) continue;
    // The protocol's own options.
    if (protocol !== 6 && protocol !== 17) return `unknown option \`--${option}'`;
    const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
    filters.push((row) => of(row) === port);
  }
  if (options.has('n') || options.has('j') || options.has('g')) filters.push(translated(options));
  const [mark, mask = '0xffffffff'] = options.value('m')?.split('/') ?? [];
  if (mark !== undefined) filters.push((row) => (row.mark & Number(mask)) >>> 0 === Number(mark));
  const family = options.value('f');
  if (family !== undefined && family !== 'ipv4' && family !== 'ipv6') return `\`${shorten(family)}' unsupported protocol`;
  if (family === 'ipv6') filters.push(() => false);
  return addStatus(filters, options, protocol);
}

const ADDRESSES: readonly (readonly [string, (row: ConntrackRow) => number])[] = [
  ['s', ({ original }) => original.source],
  ['d', ({ original }) => original.destination],
  ['r', ({ reply }) => reply.source],
  ['q', ({ reply }) => reply.destination],
];
const PORTS: readonly (readonly [string, (row: ConntrackRow) => number])[] = [
  ['sport', ({ original }) => original.sourcePort],
  ['dport', ({ original }) => original.destinationPort],
  ['reply-port-src', ({ reply }) => reply.sourcePort],
  ['reply-port-dst', ({ reply }) => reply.destinationPort],
];

function translated(options: Options): Filter {
  const source = ({ original, reply, protocol }: ConntrackRow) =>
    original.source !== reply.destination || (protocol !== 1 && original.sourcePort !== reply.destinationPort);
  const destination = ({ original, reply, protocol }: ConntrackRow) =>
    original.destination !== reply.source || (protocol !== 1 && original.destinationPort !== reply.sourcePort);
  if (options.has('j')) return (row) => source(row) || destination(row);
  return (row) => (!options.has('n') || source(row)) && (!options.has('g') || destination(row));
}

function addStatus(filters: Filter[], options: Options, protocol: number | undefined): readonly Filter[] | string {
  for (const word of options.value('u')?.split(',') ?? []) {
    const status = STATUSES.get(word.toUpperCase());
    if (status === undefined) return `Bad parameter \`${shorten(word)}'`;
    filters.push(status);
  }
  const state = options.value('state')?.toUpperCase();
  if (state === undefined) return filters;
  if (protocol !== 6) return "unknown option `--state'";
  if (!TCP_STATE_NAMES.includes(state)) return `unknown TCP state \`${shorten(state)}'`;
  filters.push((row) => row.state === state);
  return filters;
}

const STATUSES: ReadonlyMap<string, Filter> = new Map<string, Filter>([
  ['ASSURED', (row) => row.assured],
  ['SEEN_REPLY', (row) => !row.unreplied],
  ['UNREPLIED', (row) => row.unreplied],
]);

/** One flow as `conntrack -L` and /proc/net/nf_conntrack word it. */
export function conntrackLine(row: ConntrackRow): string {
  const name = PROTOCOLS.find(([, number]) => number === row.protocol)?.[0] ?? 'unknown';
  const state = row.state === undefined ? '' : `${row.state} `;
  const head = `${name.padEnd(8)} ${row.protocol} ${row.secondsLeft} ${state}`;
  const unreplied = row.unreplied ? '[UNREPLIED] ' : '';
  const assured = row.assured ? '[ASSURED] ' : '';
  return `${head}${tuple(row.protocol, row.original)}${unreplied}${tuple(row.protocol, row.reply)}${assured}mark=${row.mark} use=1`;
}

function tuple(protocol: number, t: ConntrackTuple): string {
  const addresses = `src=${formatIpv4(t.source)} dst=${formatIpv4(t.destination)} `;
  if (protocol === 1) return `${addresses}type=${t.icmpType ?? 0} code=${t.icmpCode ?? 0} id=${t.sourcePort} `;
  if (protocol !== 6 && protocol !== 17 && protocol !== 132) return addresses;
  return `${addresses}sport=${t.sourcePort} dport=${t.destinationPort} `;
}
