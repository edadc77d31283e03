/** Conntrack's states of TCP, on conversations as RFC 793 has them and as nf_conntrack_proto_tcp.c comments them. */
import { expect, test } from 'vitest';
import { IGNORED, INVALID, nextTcpState, TCP, TCP_STATE_NAMES, TCP_TIMEOUT_SECONDS } from '../src/kernel/netfilter/tcp-state.ts';
import { FLAG, printFlags } from '../src/wire/tcp.ts';

const { syn, ack, fin, rst, psh } = FLAG;

/** The states a conversation goes through; `<` marks a segment of the side that answers. */
function follow(segments: string): string {
  const names: string[] = [];
  let state: number = TCP.none;
  for (const segment of segments.split(' ')) {
    const reply = segment.startsWith('<');
    const flags = [...segment.replace('<', '')].reduce(
      (sum, c) => sum | ({ S: syn, F: fin, R: rst, P: psh, '.': ack }[c] ?? 0),
      0,
    );
    const next = nextTcpState(state, flags, reply);
    if (next === INVALID) {
      names.push('invalid');
      continue;
    }
    if (next !== IGNORED) state = next;
    names.push(TCP_STATE_NAMES[state] ?? '?');
  }
  return names.join(' ');
}

test.each([
  [
    'a conversation, closed by the client',
    'S <S. . P. <. <P. . F. <F. .',
    'SYN_SENT SYN_RECV ESTABLISHED ESTABLISHED ESTABLISHED ESTABLISHED ESTABLISHED FIN_WAIT LAST_ACK TIME_WAIT',
  ],
  ['closed by the server', 'S <S. . <F. . F. <.', 'SYN_SENT SYN_RECV ESTABLISHED FIN_WAIT CLOSE_WAIT LAST_ACK TIME_WAIT'],
  ['refused', 'S <R.', 'SYN_SENT CLOSE'],
  ['reset by the client', 'S <S. . R', 'SYN_SENT SYN_RECV ESTABLISHED CLOSE'],
  ['SYN sent again, and its answer', 'S S <S. <S. .', 'SYN_SENT SYN_SENT SYN_RECV SYN_RECV ESTABLISHED'],
  ['both open at once', 'S <S S. <.', 'SYN_SENT SYN_SENT2 SYN_RECV SYN_RECV'],
  ['opened anew in TIME_WAIT', 'S <S. . F. <F. . S', 'SYN_SENT SYN_RECV ESTABLISHED FIN_WAIT LAST_ACK TIME_WAIT SYN_SENT'],
  ['picked up in the middle', '. <.', 'ESTABLISHED ESTABLISHED'],
  ['an answer to nothing', '<S.', 'invalid'],
  ['an end of nothing', 'F. R', 'invalid invalid'],
  ['flags that mean nothing', 'P', 'invalid'],
])('%s', (_, segments, states) => {
  expect(follow(segments)).toBe(states);
});

test('how long each state is remembered (nf_conntrack_tcp_timeout_*)', () => {
  const seconds = (name: string): number | undefined => TCP_TIMEOUT_SECONDS[TCP_STATE_NAMES.indexOf(name)];
  expect(seconds('ESTABLISHED')).toBe(5 * 24 * 3600);
  expect([seconds('SYN_SENT'), seconds('SYN_RECV'), seconds('TIME_WAIT'), seconds('CLOSE')]).toEqual([120, 60, 120, 10]);
  expect([seconds('FIN_WAIT'), seconds('CLOSE_WAIT'), seconds('LAST_ACK')]).toEqual([120, 60, 30]);
});

test('flags as tcpdump writes them', () => {
  expect([syn, syn | ack, ack, psh | ack, fin | ack, rst | ack, 0].map(printFlags)).toEqual([
    'S',
    'S.',
    '.',
    'P.',
    'F.',
    'R.',
    'none',
  ]);
});
