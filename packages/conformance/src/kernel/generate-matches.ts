/**
 * Matches for generated rules: every family the model has, with values near what the probes of labs look like, so that
 * about half of them hold. Left out is what the kernel itself decides by chance or by how fast the machine is.
 */
import type { Draw } from './draw.ts';
import type { Vocabulary } from './generate-rules.ts';

/** What a match is made for: the rule's protocol, and the hook of its chain; undefined for a user chain. */
export interface MatchPlace {
  readonly protocol: string;
  readonly hook: string | undefined;
}

type Generator = (draw: Draw, words: Vocabulary, place: MatchPlace) => readonly string[];

const STATES = ['NEW', 'ESTABLISHED', 'RELATED', 'INVALID', 'RELATED,ESTABLISHED', 'NEW,RELATED', 'DNAT', 'SNAT', 'UNTRACKED'];
const FLAGS = ['FIN,SYN,RST,ACK SYN', 'SYN SYN', 'SYN,ACK SYN,ACK', 'PSH PSH', 'FIN FIN', 'RST RST', 'SYN,RST,ACK,FIN ACK'];
const ADDRESS_TYPES = ['LOCAL', 'UNICAST', 'LOCAL,BROADCAST', 'UNICAST,MULTICAST', 'BLACKHOLE', 'BROADCAST'];

/** One match. */
export function generateMatch(draw: Draw, words: Vocabulary, place: MatchPlace): readonly string[] {
  const { protocol, hook } = place;
  const kinds: Generator[] = [
    state,
    details,
    addrtype,
    mark,
    comment,
    connmark,
    iprange,
    length,
    ttl,
    pkttype,
    limit,
    nth,
    physdev,
  ];
  if (protocol === 'icmp') kinds.push(icmp, icmp);
  if (protocol === 'tcp') kinds.push(flags, flags);
  if (protocol === 'tcp' || protocol === 'udp') kinds.push(multiport, multiport);
  if (words.sets.length > 0) kinds.push(set, set, set);
  if (hook === 'PREROUTING' || hook === 'INPUT' || hook === 'FORWARD') kinds.push(mac);
  // When a server's socket gets its owner depends on how fast its program is: of TCP only first segments are asked for.
  if ((hook === 'OUTPUT' || hook === 'POSTROUTING') && (protocol === 'udp' || protocol === 'icmp')) kinds.push(owner, owner);
  if (words.bridged) kinds.push(physdev, physdev);
  return draw.pick(kinds)(draw, words, place);
}

function not(draw: Draw): readonly string[] {
  return draw.chance(20) ? ['!'] : [];
}

const state: Generator = (draw) => ['-m', 'conntrack', ...not(draw), '--ctstate', draw.pick(STATES)];

/** One or two of the things that conntrack knows of a connection. */
const details: Generator = (draw, words) => {
  const address = () => draw.pick(words.addresses).replace('/32', '');
  const port = () => (draw.chance(80) ? `${draw.pick(words.ports)}` : `${draw.pick(words.ports)}:65535`);
  const options = [
    () => ['--ctproto', draw.pick(['6', '17', '1'])],
    () => ['--ctorigsrc', address()],
    () => ['--ctorigdst', address()],
    () => ['--ctreplsrc', address()],
    () => ['--ctrepldst', address()],
    () => ['--ctorigsrcport', port()],
    () => ['--ctorigdstport', port()],
    () => ['--ctreplsrcport', port()],
    () => ['--ctrepldstport', port()],
    () => ['--ctstatus', draw.pick(['NONE', 'ASSURED', 'SEEN_REPLY', 'CONFIRMED', 'SEEN_REPLY,ASSURED', 'EXPECTED'])],
    () => ['--ctexpire', draw.pick(['0', '0:5', '6:50', '51:1000', '400000:500000'])],
  ];
  const first = draw.number(0, options.length - 1);
  const second = draw.chance(30) ? draw.number(0, options.length - 1) : first;
  // iptables reads them in any order; each may be there once.
  const chosen = options.filter((_, i) => i === first || i === second).flatMap((option) => [...not(draw), ...option()]);
  return ['-m', 'conntrack', ...chosen, ...(draw.chance(25) ? ['--ctdir', draw.pick(['ORIGINAL', 'REPLY'])] : [])];
};

const addrtype: Generator = (draw, _, { hook }) => {
  const limits: string[] = [];
  if (hook === 'PREROUTING' || hook === 'INPUT' || hook === 'FORWARD') limits.push('--limit-iface-in');
  if (hook === 'OUTPUT' || hook === 'POSTROUTING' || hook === 'FORWARD') limits.push('--limit-iface-out');
  const limit = limits.length > 0 && draw.chance(40) ? [draw.pick(limits)] : [];
  return ['-m', 'addrtype', ...not(draw), draw.pick(['--dst-type', '--src-type']), draw.pick(ADDRESS_TYPES), ...limit];
};

const mark: Generator = (draw) => ['-m', 'mark', ...not(draw), '--mark', draw.pick(['0x1', '0x2/0x3', '0x0'])];
const connmark: Generator = (draw) => ['-m', 'connmark', ...not(draw), '--mark', draw.pick(['0x1', '0x2/0x3', '0x0'])];
const comment: Generator = (draw) => [
  '-m',
  'comment',
  '--comment',
  draw.pick(['plain', '"two words"', '"it\\\'s \\"quoted\\""']),
];

const icmp: Generator = (draw) => {
  const types = ['8', '0', '3', '3/1', '3/3', '11', 'any', '8/0', '11/0', 'echo-request', 'host-prohibited'];
  return ['-m', 'icmp', ...not(draw), '--icmp-type', draw.pick(types)];
};

const flags: Generator = (draw) =>
  draw.chance(80)
    ? ['-m', 'tcp', ...not(draw), '--tcp-flags', draw.pick(FLAGS)]
    : ['-m', 'tcp', ...not(draw), '--tcp-option', draw.pick(['2', '8', '5', '3'])];

const multiport: Generator = (draw, words) => {
  const ports = [draw.pick(words.ports), draw.pick(words.ports)].map((port) =>
    draw.chance(20) ? `${port}:${port + 10}` : `${port}`,
  );
  return ['-m', 'multiport', ...not(draw), draw.pick(['--sports', '--dports', '--ports']), ports.join(',')];
};

const set: Generator = (draw, words) => {
  const name = draw.pick(words.sets);
  const directions = name === 'pairs' ? ['dst,dst', 'dst,dst', 'src,src', 'src,dst', 'dst'] : ['src', 'dst', 'src,dst'];
  return ['-m', 'set', ...not(draw), '--match-set', name, draw.pick(directions)];
};

const iprange: Generator = (draw, words) => {
  const hosts = words.hosts.filter((host) => !host.startsWith('0.'));
  const first = draw.pick(hosts);
  const last = first.replace(/\d+$/, (byte) => `${Math.min(255, Number(byte) + draw.number(0, 2))}`);
  return ['-m', 'iprange', ...not(draw), draw.pick(['--src-range', '--dst-range']), `${first}-${last}`];
};

const length: Generator = (draw) => {
  const spans = ['60', '52', '40', '32', '0:52', '53:80', '28:60', '128:65535'];
  return ['-m', 'length', ...not(draw), '--length', draw.pick(spans)];
};

const ttl: Generator = (draw) =>
  draw.chance(50)
    ? ['-m', 'ttl', ...not(draw), '--ttl-eq', draw.pick(['64', '63', '62', '1'])]
    : ['-m', 'ttl', draw.pick(['--ttl-lt', '--ttl-gt']), draw.pick(['64', '63', '62', '1'])];

const pkttype: Generator = (draw) => [
  '-m',
  'pkttype',
  ...not(draw),
  '--pkt-type',
  draw.pick(['unicast', 'unicast', 'broadcast', 'multicast']),
];

/** So slow that within a lab only the burst counts. */
const limit: Generator = (draw) => [
  '-m',
  'limit',
  '--limit',
  draw.pick(['1/hour', '2/day']),
  '--limit-burst',
  `${draw.number(1, 3)}`,
];

const nth: Generator = (draw) => {
  if (draw.chance(15)) return ['-m', 'statistic', '--mode', 'random', ...not(draw), '--probability', draw.pick(['0', '1'])];
  const every = draw.number(1, 4);
  return ['-m', 'statistic', '--mode', 'nth', ...not(draw), '--every', `${every}`, '--packet', `${draw.number(0, every - 1)}`];
};

const mac: Generator = (draw, words) => ['-m', 'mac', ...not(draw), '--mac-source', draw.pick(words.macs)];

const owner: Generator = (draw) => {
  const options = [['--uid-owner', '0'], ['--uid-owner', '1000-2000'], ['--gid-owner', '0-5'], ['--socket-exists']];
  const first = draw.number(0, options.length - 1);
  return ['-m', 'owner', ...not(draw), ...(options[first] ?? [])];
};

const physdev: Generator = (draw, words, { hook }) => {
  const port = () => draw.pick([...words.bridgePorts, 'veth+', 'eth0']);
  const options = [['--physdev-in', port()], ['--physdev-is-in'], ['--physdev-is-bridged']];
  if (hook === 'FORWARD' || hook === 'POSTROUTING') options.push(['--physdev-is-out'], ['--physdev-out', port()]);
  return ['-m', 'physdev', ...not(draw), ...draw.pick(options)];
};
