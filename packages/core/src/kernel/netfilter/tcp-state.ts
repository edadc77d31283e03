/**
 * How conntrack follows a TCP connection: the next state by segment and direction, and how long each state lasts.
 * Follows linux net/netfilter/nf_conntrack_proto_tcp.c (6.1), without window checks.
 */
import { FLAG } from '../../wire/tcp.ts';

/** The states, in the kernel's order. */
export const TCP = {
  none: 0,
  synSent: 1,
  synReceived: 2,
  established: 3,
  finWait: 4,
  closeWait: 5,
  lastAck: 6,
  timeWait: 7,
  close: 8,
  synSent2: 9,
} as const;

/** One of {@link TCP}. */
export type TcpState = number;

/** The states as `conntrack -L` names them. */
export const TCP_STATE_NAMES: readonly string[] = [
  'NONE',
  'SYN_SENT',
  'SYN_RECV',
  'ESTABLISHED',
  'FIN_WAIT',
  'CLOSE_WAIT',
  'LAST_ACK',
  'TIME_WAIT',
  'CLOSE',
  'SYN_SENT2',
];

/** Seconds a connection in that state is remembered. */
export const TCP_TIMEOUT_SECONDS: readonly number[] = [0, 120, 60, 432000, 120, 60, 30, 120, 10, 120];

// Two letters a state, in the order of TCP; IV invalid, IG ignored.
const ORIGINAL = {
  syn: 'SS SS IG IG IG IG IG SS SS S2',
  synack: 'IV IV SR IV IV IV IV IV IV SR',
  fin: 'IV IV FW FW LA LA LA TW CL IV',
  ack: 'ES IV ES ES CW CW TW TW CL IV',
  rst: 'IV CL CL CL CL CL CL CL CL CL',
};
const REPLY = {
  syn: 'IV S2 IV IV IV IV IV SS IV S2',
  synack: 'IV SR IG IG IG IG IG IG IG SR',
  fin: 'IV IV FW FW LA LA LA TW CL IV',
  ack: 'IV IG SR ES CW CW TW TW CL IG',
  rst: 'IV CL CL CL CL CL CL CL CL CL',
};
const CODES = ['NO', 'SS', 'SR', 'ES', 'FW', 'CW', 'LA', 'TW', 'CL', 'S2'];
/** No state. */
export const INVALID = 255;
/** No other state. */
export const IGNORED = 254;
const TABLE: readonly Uint8Array[] = [ORIGINAL, REPLY].flatMap((rows) =>
  [rows.syn, rows.synack, rows.fin, rows.ack, rows.rst].map((row) =>
    Uint8Array.from(row.split(' '), (code) => (code === 'IV' ? INVALID : code === 'IG' ? IGNORED : CODES.indexOf(code))),
  ),
);

/** The state after a segment; INVALID if it cannot belong to the connection, IGNORED if it may, for all that is known, and changes nothing. */
export function nextTcpState(state: TcpState, flags: number, reply: boolean): TcpState {
  const segment = segmentOf(flags);
  return segment < 0 ? INVALID : (TABLE[reply ? segment + 5 : segment]?.[state] ?? INVALID);
}

function segmentOf(flags: number): number {
  if (flags & FLAG.rst) return 4;
  if (flags & FLAG.syn) return flags & FLAG.ack ? 1 : 0;
  if (flags & FLAG.fin) return 2;
  return flags & FLAG.ack ? 3 : -1;
}
