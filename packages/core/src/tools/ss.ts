/**
 * `ss`: the sockets of the machine's own namespace.
 * Follows iproute2 6.1 (misc/ss.c) as it prints into a pipe. Differs: process numbers and descriptors are not modelled,
 * so that `-p` names programs alone, and those of servers only; rows stand in the order of their ports, where the kernel's
 * order is that of a hash; a closed connection leaves no TIME-WAIT behind; there are no sockets but those of TCP and UDP.
 */
import type { SocketRow } from '../agent/report.ts';
import { formatIpv4 } from '../base/address.ts';
import { serviceName } from '../kernel/netfilter/notation.ts';
import { PROTOCOL } from '../kernel/netfilter/rule.ts';
import { readOptions } from './options.ts';
import { failed, lines, ok } from './result.ts';
import { readFilter, type SocketState } from './ss-filter.ts';
import type { Tool } from './tool.ts';

const OPTIONS = {
  flags: [
    ['n', 'numeric'],
    ['a', 'all'],
    ['l', 'listening'],
    ['t', 'tcp'],
    ['u', 'udp'],
    ['p', 'processes'],
    ['H', 'no-header'],
    ['4', 'ipv4'],
    ['h', 'help'],
    ['V', 'version'],
  ],
  unmodelled: (
    'r resolve o options e extended m memory i info s summary T threads b bpf E events Z context z contexts N net ' +
    '6 ipv6 0 packet d dccp w raw x unix S sctp M mptcp f family K kill O oneline A query socket D diag F filter tos ' +
    'cgroup tipcinfo tipc vsock xdp inet-sockopt bpf-maps bpf-map-id'
  ).split(' '),
};
const USAGE = `Usage: ss [ OPTIONS ] [ state STATE ] [ EXPRESSION ]
   -n, --numeric       don't resolve service names
   -a, --all           display all sockets
   -l, --listening     display listening sockets
   -t, --tcp           display only TCP sockets
   -u, --udp           display only UDP sockets
   -p, --processes     show process using socket
   -H, --no-header     suppress header line
   -4, --ipv4          display only IP version 4 sockets
`;
const STATES: { readonly [state in SocketRow['state']]: SocketState } = {
  LISTEN: 'LISTEN',
  UNCONN: 'UNCONN',
  CONNECTED: 'ESTAB',
  SYN_SENT: 'SYN-SENT',
  SYN_RECV: 'SYN-RECV',
  ESTABLISHED: 'ESTAB',
  FIN_WAIT: 'FIN-WAIT-2',
  CLOSE_WAIT: 'CLOSE-WAIT',
  LAST_ACK: 'LAST-ACK',
};
/** net.core.somaxconn, which servers ask for. */
const BACKLOG = 4096;

/** The tool. */
export const ss: Tool = {
  name: 'ss',
  summary: 'show sockets: who listens, and which connections there are',
  run(args, host) {
    const options = readOptions('ss', OPTIONS, args, (option) => `ss: unrecognized option '${option}'`);
    if (options.has('h')) return ok(USAGE);
    if (options.has('V')) return ok('ss utility, iproute2-6.1.0\n');
    const [tcp, udp] = [options.has('t'), options.has('u')];
    const filter = readFilter(options.words, { all: options.has('a'), listening: options.has('l'), udpOnly: udp && !tcp });
    if (typeof filter === 'string') return failed(255, filter);
    const rows = host
      .sockets()
      .filter(({ protocol }) => (!tcp && !udp) || (protocol === 'tcp' ? tcp : udp))
      .filter((row) => filter.takes(row, STATES[row.state]));
    const shown = rows.map((row) => cells(row, { numeric: options.has('n'), programs: options.has('p') }));
    const columns = COLUMNS.filter(({ title }) => {
      if (title === 'Netid') return tcp === udp;
      return title !== 'State' || !filter.oneState;
    });
    return ok(layOut(columns, shown, !options.has('H')));
  },
};

type Cells = ReadonlyMap<Title, string>;
type Title = (typeof COLUMNS)[number]['title'];

/** `gap` stands before a column. */
const COLUMNS = [
  { title: 'Netid', gap: '', right: false },
  { title: 'State', gap: ' ', right: false },
  { title: 'Recv-Q', gap: ' ', right: false },
  { title: 'Send-Q', gap: ' ', right: false },
  { title: 'Local Address:', gap: ' ', right: true },
  { title: 'Port', gap: '', right: false },
  { title: 'Peer Address:', gap: ' ', right: true },
  { title: 'Port ', gap: '', right: false },
  { title: 'Process', gap: '', right: false },
] as const;

function cells(row: SocketRow, { numeric, programs }: { readonly numeric: boolean; readonly programs: boolean }): Cells {
  const { protocol, state, local, localPort, remote, remotePort, program } = row;
  const port = (number: number) => {
    if (number === 0) return '*';
    return numeric ? String(number) : serviceName(number, protocol === 'tcp' ? PROTOCOL.tcp : PROTOCOL.udp);
  };
  return new Map<Title, string>([
    ['Netid', protocol],
    ['State', STATES[state]],
    ['Recv-Q', '0'.padEnd(6)],
    ['Send-Q', String(state === 'LISTEN' ? BACKLOG : 0).padEnd(6)],
    ['Local Address:', `${formatIpv4(local)}:`],
    ['Port', port(localPort)],
    ['Peer Address:', `${formatIpv4(remote)}:`],
    ['Port ', port(remotePort)],
    ['Process', programs && program !== undefined ? ` users:(("${commandOf(program)}"))` : ''],
  ]);
}

/** A program's name without path and tag: `dcoslabs/httpi:latest` runs `httpi`. */
function commandOf(program: string): string {
  return program.split('/').at(-1)?.split(':')[0] ?? program;
}

/** Rows with columns as wide as their widest cell. */
function layOut(columns: readonly (typeof COLUMNS)[number][], rows: readonly Cells[], header: boolean): string {
  const titles: Cells = new Map(columns.map(({ title }) => [title, title.trimEnd()]));
  const all = header ? [titles, ...rows] : rows;
  const measured = columns.map((column) => ({
    ...column,
    width: Math.max(0, ...all.map((row) => row.get(column.title)?.length ?? 0)),
  }));
  return lines(
    all.map((row) =>
      measured
        .filter(({ width }) => width > 0)
        .map(({ title, gap, right, width }, i) => {
          const text = row.get(title) ?? '';
          return (i === 0 ? '' : gap) + (right ? text.padStart(width) : text.padEnd(width));
        })
        .join(''),
    ),
  );
}
