/**
 * `-m conntrack`, `-m state`: what connection a packet belongs to.
 * Follows linux net/netfilter/xt_conntrack.c (6.1) and iptables 1.8.9, extensions/libxt_{conntrack,state}.c.
 */
import type { SkBuff } from '../../skb.ts';
import type { Connection } from '../connection.ts';
import type { OptionDescription } from '../extension.ts';
import type { MatchDescription } from '../matches.ts';
import { listNetwork, maskOfMatch, parameterProblem, parseHost, parsePortRange, parseProtocol, shorten } from '../notation.ts';
import { fieldOption, formatSpan, type Negatable, parseSpan, type Span, within } from '../option.ts';
import type { AddressMatch, CtState, PortMatch, ProtocolMatch } from '../rule.ts';

/** A connection's status bits as the match names them. */
export type CtStatus = 'EXPECTED' | 'SEEN_REPLY' | 'ASSURED' | 'CONFIRMED';

/** `-m state` */
export interface StateMatch {
  readonly name: 'state';
  readonly states: readonly CtState[];
  readonly not?: boolean;
}

/** `-m conntrack`: all that is given must hold. */
export interface ConntrackMatch {
  readonly name: 'conntrack';
  readonly states?: readonly CtState[];
  /** Negates the states. */
  readonly not?: boolean;
  readonly protocol?: ProtocolMatch;
  readonly originalSource?: AddressMatch;
  readonly originalDestination?: AddressMatch;
  readonly replySource?: AddressMatch;
  readonly replyDestination?: AddressMatch;
  readonly originalSourcePort?: PortMatch;
  readonly originalDestinationPort?: PortMatch;
  readonly replySourcePort?: PortMatch;
  readonly replyDestinationPort?: PortMatch;
  /** Any of them; none of them is `NONE`. */
  readonly status?: { readonly any: readonly CtStatus[] } & Negatable;
  /** Seconds left. */
  readonly expires?: Span & Negatable;
  readonly direction?: 'ORIGINAL' | 'REPLY';
}

/** In the order in which iptables prints them. */
const STATES: readonly CtState[] = ['INVALID', 'NEW', 'RELATED', 'ESTABLISHED', 'UNTRACKED', 'SNAT', 'DNAT'];
const STATUS: readonly CtStatus[] = ['EXPECTED', 'SEEN_REPLY', 'ASSURED', 'CONFIRMED'];
const MOST_SECONDS = 0xffffffff;

function states<T extends StateMatch | ConntrackMatch>(flag: '--state' | '--ctstate'): OptionDescription<T> {
  return {
    flags: [flag],
    negatable: true,
    read({ words: [text = ''], not }, into) {
      into.states = parseNames(text, STATES, flag);
      if (not) into.not = true;
    },
    // A rule made by a daemon may name them in its own order.
    write: ({ states, not }) =>
      states === undefined ? undefined : { words: [STATES.filter((one) => states.includes(one)).join(',')], not: not === true },
  };
}

function parseNames<N extends string>(text: string, known: readonly N[], flag: string): readonly N[] {
  const given = text.split(',').map((word) => word.toUpperCase());
  const bad = given.find((word) => !known.some((name) => name === word));
  if (bad !== undefined) throw parameterProblem(`Bad ${flag.slice(2)} "${shorten(bad)}"`, flag);
  return known.filter((name) => given.includes(name));
}

/** `-m state` */
export const state: MatchDescription<StateMatch> = {
  name: 'state',
  tracks: true,
  options: [states<StateMatch>('--state')],
  start: () => ({ name: 'state', states: [] }),
  missing: (_, given) => (given > 0 ? undefined : 'state: option "--state" must be specified'),
  list: ({ states, not }) => `${not === true ? '! ' : ''}state ${STATES.filter((one) => states.includes(one)).join(',')}`,
  tests: ({ states, not = false }) => [(_, skb) => states.some((one) => inState(skb, one)) !== not],
};

const network = (flag: string, field: 'originalSource' | 'originalDestination' | 'replySource' | 'replyDestination') =>
  fieldOption<ConntrackMatch, AddressMatch>([flag], field, parseHost, formatEnd);
const ports = (
  flag: string,
  field: 'originalSourcePort' | 'originalDestinationPort' | 'replySourcePort' | 'replyDestinationPort',
) => fieldOption<ConntrackMatch, PortMatch>([flag], field, parsePortRange, formatSpan);

/** `-m conntrack` */
export const conntrack: MatchDescription<ConntrackMatch> = {
  name: 'conntrack',
  tracks: true,
  options: [
    states<ConntrackMatch>('--ctstate'),
    fieldOption<ConntrackMatch, ProtocolMatch>(
      ['--ctproto'],
      'protocol',
      (text) => ({ number: parseProtocol(text) }),
      ({ number }) => String(number),
    ),
    network('--ctorigsrc', 'originalSource'),
    network('--ctorigdst', 'originalDestination'),
    network('--ctreplsrc', 'replySource'),
    network('--ctrepldst', 'replyDestination'),
    ports('--ctorigsrcport', 'originalSourcePort'),
    ports('--ctorigdstport', 'originalDestinationPort'),
    ports('--ctreplsrcport', 'replySourcePort'),
    ports('--ctrepldstport', 'replyDestinationPort'),
    fieldOption<ConntrackMatch, NonNullable<ConntrackMatch['status']>>(
      ['--ctstatus'],
      'status',
      (text) => ({ any: text.toUpperCase() === 'NONE' ? [] : parseNames(text, STATUS, '--ctstatus') }),
      ({ any }) => (any.length === 0 ? 'NONE' : any.join(',')),
    ),
    fieldOption<ConntrackMatch, Span & Negatable>(
      ['--ctexpire'],
      'expires',
      (text) => parseSpan('conntrack', '--ctexpire', text, MOST_SECONDS),
      formatSpan,
    ),
    {
      flags: ['--ctdir'],
      read({ words: [text = ''] }, into) {
        const word = text.toUpperCase();
        if (word !== 'ORIGINAL' && word !== 'REPLY')
          throw parameterProblem(`conntrack: Bad value for "--ctdir" option: "${shorten(text)}"`, '--ctdir');
        into.direction = word;
      },
      write: ({ direction }) => (direction === undefined ? undefined : { words: [direction], not: false }),
    },
  ],
  start: () => ({ name: 'conntrack' }),
  missing: (_, given) => (given > 0 ? undefined : 'conntrack: At least one option is required'),
  list(match) {
    return conntrack.options
      .map((option) => {
        const argument = option.write(match);
        return argument === undefined
          ? ''
          : `${argument.not ? ' !' : ''} ${option.flags[0].slice(2)} ${argument.words.join(' ')}`;
      })
      .join('')
      .slice(1);
  },
  tests(match) {
    const { states, not = false } = match;
    const details = detailTests(match);
    return [
      (host, skb) => {
        if (states !== undefined && states.some((one) => inState(skb, one)) === not) return false;
        const { connection } = skb;
        // Without a connection nothing but its state is asked.
        if (connection === undefined) return states !== undefined;
        return details.every((test) => test(connection, skb, host.now));
      },
    ];
  },
};

type Detail = (connection: Connection, skb: SkBuff, now: number) => boolean;

function detailTests(match: ConntrackMatch): readonly Detail[] {
  const tests: Detail[] = [];
  const { protocol, status, expires, direction } = match;
  if (direction !== undefined) tests.push((_, skb) => skb.reply === (direction === 'REPLY'));
  if (protocol !== undefined) tests.push((c) => (c.original.protocol === protocol.number) !== (protocol.not === true));
  const address = (wanted: AddressMatch | undefined, of: (c: Connection) => number) => {
    if (wanted === undefined) return;
    const mask = maskOfMatch(wanted);
    tests.push((c) => ((of(c) & mask) === (wanted.network.address & mask)) !== (wanted.not === true));
  };
  const port = (wanted: PortMatch | undefined, of: (c: Connection) => number) => {
    if (wanted !== undefined) tests.push((c) => within(wanted, of(c)));
  };
  address(match.originalSource, ({ original }) => original.source);
  address(match.originalDestination, ({ original }) => original.destination);
  address(match.replySource, ({ reply }) => reply.source);
  address(match.replyDestination, ({ reply }) => reply.destination);
  port(match.originalSourcePort, ({ original }) => original.sourcePort);
  port(match.originalDestinationPort, ({ original }) => original.destinationPort);
  port(match.replySourcePort, ({ reply }) => reply.sourcePort);
  port(match.replyDestinationPort, ({ reply }) => reply.destinationPort);
  if (status !== undefined) tests.push((c) => status.any.some((bit) => hasStatus(c, bit)) !== (status.not === true));
  if (expires !== undefined) tests.push((c, _, now) => within(expires, secondsLeft(c, now)));
  return tests;
}

function hasStatus(connection: Connection, status: CtStatus): boolean {
  if (status === 'SEEN_REPLY') return connection.seenReply;
  if (status === 'ASSURED') return connection.assured;
  return status === 'CONFIRMED' && connection.confirmed;
}

/** A connection that is not yet in the table has no deadline: nf_ct_expires makes 0 of it. */
function secondsLeft(connection: Connection, now: number): number {
  return connection.confirmed ? Math.max(0, Math.floor((connection.expiresAt - now) / 1000)) : 0;
}

function formatEnd(match: AddressMatch): string {
  return listNetwork(match, true);
}

function inState(skb: SkBuff, state: CtState): boolean {
  switch (state) {
    case 'NEW':
      return skb.ctInfo === 'new';
    case 'ESTABLISHED':
      return skb.ctInfo === 'established';
    case 'RELATED':
      return skb.ctInfo === 'related';
    case 'INVALID':
      // In the raw table no packet has a connection yet.
      return skb.ctInfo === 'invalid' || skb.ctInfo === undefined;
    case 'UNTRACKED':
      return skb.ctInfo === 'untracked';
    case 'SNAT':
      return skb.connection?.sourceNat === true;
    case 'DNAT':
      return skb.connection?.destinationNat === true;
  }
}
