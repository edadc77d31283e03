/**
 * The states of a connection as IPVS sees it go by, and how long each is kept.
 * Follows linux net/netfilter/ipvs/ip_vs_proto_tcp.c and ip_vs_proto_udp.c (6.1), without secure_tcp. Since Linux 4.8
 * a connection in SYN_RECV counts as active.
 */
import { FLAG } from '../../wire/tcp.ts';

/** Names of the states, as `ipvsadm -Lnc` prints them. */
export type ConnectionState = (typeof STATE_NAMES)[number] | 'UDP' | 'ASSURED';

/** TCP states in the kernel's numbering. */
export const STATE_NAMES = [
  'NONE',
  'ESTABLISHED',
  'SYN_SENT',
  'SYN_RECV',
  'FIN_WAIT',
  'TIME_WAIT',
  'CLOSE',
  'CLOSE_WAIT',
  'LAST_ACK',
  'LISTEN',
  'SYNACK',
] as const;

/** The numbers of those states that are asked for by name. */
export const STATE = { none: 0, established: 1, finWait: 4, timeWait: 5, close: 6 } as const;

/** Milliseconds a connection is kept after a packet, by the number of its state. */
const TCP_TIMEOUTS: readonly number[] = [2, 900, 120, 60, 120, 120, 10, 60, 30, 120, 120].map((seconds) => seconds * 1000);

const ACTIVE: readonly boolean[] = STATE_NAMES.map((name) => ['ESTABLISHED', 'SYN_SENT', 'SYN_RECV', 'SYNACK'].includes(name));

/** Towards the real server; back from it; towards it, where no packet back is seen. */
export type Direction = 'input' | 'output' | 'input-only';

type Row = readonly number[];

const COLUMNS = { NO: 0, ES: 1, SS: 2, SR: 3, FW: 4, TW: 5, CL: 6, CW: 7, LA: 8, LI: 9, SA: 10 } as const;

// A row for each kind of segment; a column for each state, in the order of STATE_NAMES.
const INPUT = {
  syn: row('SR ES ES SR SR SR SR SR SR SR SR'),
  fin: row('CL CW SS TW TW TW CL CW LA LI TW'),
  ack: row('ES ES SS ES FW TW CL CW CL LI ES'),
  rst: row('CL CL CL SR CL CL CL CL LA LI SR'),
};
const OUTPUT = {
  syn: row('SS ES SS SR SS SS SS SS SS LI SR'),
  fin: row('TW FW SS TW FW TW CL TW LA LI TW'),
  ack: row('ES ES SS ES FW TW CL CW LA ES ES'),
  rst: row('CL CL SS CL CL TW CL CL CL CL CL'),
};
const INPUT_ONLY = {
  syn: row('SR ES ES SR SR SR SR SR SR SR SR'),
  fin: row('CL FW SS TW FW TW CL CW LA LI TW'),
  ack: row('ES ES SS ES FW TW CL CW CL LI ES'),
  rst: row('CL CL CL SR CL CL CL CL LA LI CL'),
};

/** The state a segment leads to. */
export function nextTcpState(state: number, direction: Direction, flags: number): number {
  const rows = direction === 'input' ? INPUT : direction === 'output' ? OUTPUT : INPUT_ONLY;
  const next =
    (flags & FLAG.rst) !== 0 ? rows.rst : (flags & FLAG.syn) !== 0 ? rows.syn : (flags & FLAG.fin) !== 0 ? rows.fin : rows.ack;
  if (next === rows.ack && (flags & FLAG.ack) === 0) return STATE.close;
  return next[state] ?? STATE.close;
}

/** Whether connections in that state count as active. */
export function isActive(state: number): boolean {
  return ACTIVE[state] === true;
}

/** What `ipvsadm --set TCP TCPFIN UDP` changes, in seconds. */
export interface IpvsTimeouts {
  readonly tcp: number;
  readonly tcpfin: number;
  readonly udp: number;
}

/** The kernel's defaults. */
export const DEFAULT_TIMEOUTS: IpvsTimeouts = { tcp: 900, tcpfin: 120, udp: 300 };

/** Milliseconds by state, with those timeouts. */
export function tcpTimeouts({ tcp, tcpfin }: IpvsTimeouts): readonly number[] {
  return TCP_TIMEOUTS.map((ms, state) =>
    state === STATE.established ? tcp * 1000 : state === STATE.finWait ? tcpfin * 1000 : ms,
  );
}

function row(text: string): Row {
  return text.split(' ').map((name) => COLUMNS[name as keyof typeof COLUMNS]);
}
