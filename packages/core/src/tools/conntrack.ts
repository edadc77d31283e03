/**
 * `conntrack -L`: the flows that the kernel tracks.
 * Follows conntrack-tools 1.4.4 of CentOS 7; the line with their number goes to stderr, as there. Changing entries
 * (`-D`, `-F`, `-U`, `-I`) and watching them (`-E`) is refused by name.
 */
import type { ConntrackRow, ConntrackTuple } from '../agent/report.ts';
import { formatIpv4, isIpv4, parseIpv4 } from '../base/address.ts';
import { readOptions } from './options.ts';
import { failed, lines, notModelled, ok, shorten } from './result.ts';
import type { Tool } from './tool.ts';

const VERSION = 'conntrack v1.4.4 (conntrack-tools)';
const USAGE = `Command line interface for the connection tracking system. Version 1.4.4
Usage: conntrack -L [-p proto] [-s address] [-d address]
`;
const OPTIONS = {
  flags: [
    ['L', 'dump'],
    ['C', 'count'],
    ['h', 'help'],
    ['V', 'version'],
  ],
  values: [
    ['p', 'proto'],
    ['s', 'src', 'orig-src'],
    ['d', 'dst', 'orig-dst'],
  ],
  unmodelled: [
    'D',
    'delete',
    'F',
    'flush',
    'E',
    'event',
    'G',
    'get',
    'I',
    'create',
    'U',
    'update',
    'S',
    'stats',
    'n',
    'src-nat',
    'g',
    'dst-nat',
    'j',
    'any-nat',
    'o',
    'output',
    'm',
    'mark',
    'e',
    'f',
    'family',
    'z',
    'zero',
    'r',
    'reply-src',
    'q',
    'reply-dst',
    'u',
    'status',
    't',
    'timeout',
    'sport',
    'dport',
    'orig-port-src',
    'orig-port-dst',
    'reply-port-src',
    'reply-port-dst',
    'state',
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

/** The tool. */
export const conntrack: Tool = {
  name: 'conntrack',
  summary: 'list the tracked connections',
  run(args, host) {
    const options = readOptions('conntrack', OPTIONS, args, (option) => `${VERSION}: unrecognized option '${option}'`);
    if (options.has('h')) return ok(USAGE);
    if (options.has('V')) return ok(`${VERSION}\n`);
    if (options.has('C')) return ok(`${host.conntrack().length}\n`);
    const [table = 'conntrack', ...rest] = options.words;
    if (!options.has('L'))
      return failed(
        2,
        `${VERSION}: You need to supply \`command'\nTry \`conntrack -h' or 'conntrack --help' for more information.`,
      );
    if (table !== 'conntrack' || rest.length > 0)
      throw notModelled('conntrack', `the table ${shorten([table, ...rest].join(' '))}`);
    const wanted = options.value('p');
    const protocol =
      wanted === undefined ? undefined : (PROTOCOLS.find(([name]) => name === wanted.toLowerCase())?.[1] ?? Number(wanted));
    if (protocol !== undefined && !Number.isInteger(protocol))
      return failed(2, `${VERSION}: \`${shorten(wanted ?? '')}' unsupported protocol`);
    for (const option of ['s', 'd']) {
      const address = options.value(option);
      if (address !== undefined && !isIpv4(address)) return failed(2, `${VERSION}: Invalid IP address \`${shorten(address)}'`);
    }
    const source = address(options.value('s'));
    const destination = address(options.value('d'));
    const rows = host
      .conntrack()
      .filter(
        (row) =>
          (protocol === undefined || row.protocol === protocol) &&
          (source === undefined || row.original.source === source) &&
          (destination === undefined || row.original.destination === destination),
      );
    return ok(lines(rows.map(conntrackLine)), `${VERSION}: ${rows.length} flow entries have been shown.\n`);
  },
};

function address(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseIpv4(text);
}

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
