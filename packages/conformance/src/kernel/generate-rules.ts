/**
 * Rule sets made on purpose full of clashes: few addresses, ports and devices, so that rules meet the probes and each
 * other; jumps, returns, gotos, counters, translations to where nobody is.
 */
import type { Draw } from './draw.ts';

/** What rules may speak of. */
export interface Vocabulary {
  readonly devices: readonly string[];
  /** Addresses and networks. */
  readonly addresses: readonly string[];
  /** Where translations may lead. */
  readonly hosts: readonly string[];
  readonly ports: readonly number[];
  readonly sets: readonly string[];
  /** The machine bridges and bridge-nf-call-iptables is on: `physdev` has something to say. */
  readonly bridged: boolean;
  /** The machine has a tunnel end. */
  readonly tunnels: boolean;
}

type Table = 'raw' | 'mangle' | 'nat' | 'filter';

const HOOKS: { readonly [table in Table]: readonly string[] } = {
  raw: ['PREROUTING', 'OUTPUT'],
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
};
const USER_CHAINS = ['ONE', 'TWO', 'THREE'];

/** A text for iptables-restore. */
export function generateRules(draw: Draw, words: Vocabulary): string {
  const tables = (['raw', 'mangle', 'nat', 'filter'] as const).filter((table) =>
    draw.chance({ raw: 25, mangle: 30, nat: 80, filter: 70 }[table]),
  );
  return tables.map((table) => generateTable(draw, words, table)).join('');
}

function generateTable(draw: Draw, words: Vocabulary, table: Table): string {
  const chains = USER_CHAINS.slice(0, draw.number(0, USER_CHAINS.length));
  const lines = [`*${table}`];
  for (const hook of HOOKS[table]) {
    const policy = table === 'filter' && draw.chance(15) ? 'DROP' : 'ACCEPT';
    lines.push(`:${hook} ${policy} [0:0]`);
  }
  for (const chain of chains) lines.push(`:${chain} - [0:0]`);
  // A tunnel's own packets led elsewhere are no set-up that anybody has.
  if (table === 'nat' && words.tunnels)
    for (const hook of HOOKS.nat) lines.push(`-A ${hook} -p udp -m udp --dport 64000 -j ACCEPT`);
  for (const hook of HOOKS[table]) {
    const rules = draw.number(0, 3);
    for (let i = 0; i < rules; i++) lines.push(generateRule(draw, words, table, hook, hook, chains));
  }
  chains.forEach((chain, i) => {
    // A chain jumps only to later ones: loops are refused by the kernel. Its rules fit every hook.
    const rules = draw.number(0, 3);
    for (let k = 0; k < rules; k++) lines.push(generateRule(draw, words, table, chain, undefined, chains.slice(i + 1)));
  });
  return `${[...lines, 'COMMIT'].join('\n')}\n`;
}

function generateRule(
  draw: Draw,
  words: Vocabulary,
  table: Table,
  chain: string,
  hook: string | undefined,
  chains: readonly string[],
): string {
  const parts = ['-A', chain];
  const not = () => (draw.chance(15) ? ['!'] : []);
  if (draw.chance(25)) parts.push(...not(), '-s', draw.pick(words.addresses));
  if (draw.chance(25)) parts.push(...not(), '-d', draw.pick(words.addresses));
  if (draw.chance(20) && (hook === 'PREROUTING' || hook === 'INPUT' || hook === 'FORWARD'))
    parts.push(...not(), '-i', draw.pick(words.devices));
  if (draw.chance(20) && (hook === 'POSTROUTING' || hook === 'OUTPUT' || hook === 'FORWARD'))
    parts.push(...not(), '-o', draw.pick(words.devices));
  const protocol = draw.pick(['tcp', 'udp', 'icmp', 'any', 'any']);
  if (protocol !== 'any') parts.push('-p', protocol);
  const ported = protocol === 'tcp' || protocol === 'udp';
  if (ported && draw.chance(60)) {
    parts.push('-m', protocol);
    const flag = draw.pick(['--dport', '--dport', '--sport']);
    const port = draw.pick(words.ports);
    parts.push(...not(), flag, draw.chance(15) ? `${port}:${port + draw.number(1, 10)}` : `${port}`);
  }
  if (draw.chance(40)) parts.push(...generateMatch(draw, words, protocol));
  const target = generateTarget(draw, words, table, hook, protocol, chains);
  return [...parts, ...target].join(' ');
}

const STATES = ['NEW', 'ESTABLISHED', 'RELATED', 'INVALID', 'RELATED,ESTABLISHED', 'NEW,RELATED', 'DNAT', 'SNAT', 'UNTRACKED'];

function generateMatch(draw: Draw, words: Vocabulary, protocol: string): readonly string[] {
  const not = draw.chance(20) ? ['!'] : [];
  const kinds = ['conntrack', 'conntrack', 'addrtype', 'mark', 'comment', ...(protocol === 'icmp' ? ['icmp'] : [])];
  if (words.sets.length > 0) kinds.push('set', 'set');
  switch (draw.pick(kinds)) {
    case 'conntrack':
      return ['-m', 'conntrack', ...not, '--ctstate', draw.pick(STATES)];
    case 'addrtype':
      return ['-m', 'addrtype', ...not, draw.pick(['--dst-type', '--src-type']), draw.pick(['LOCAL', 'UNICAST'])];
    case 'mark':
      return ['-m', 'mark', ...not, '--mark', draw.pick(['0x1', '0x2/0x3', '0x0'])];
    case 'icmp':
      return ['-m', 'icmp', ...not, '--icmp-type', draw.pick(['8', '0', '3', '3/1', '11'])];
    case 'set':
      return ['-m', 'set', ...not, '--match-set', draw.pick(words.sets), draw.pick(['src', 'dst'])];
    default:
      return ['-m', 'comment', '--comment', draw.pick(['plain', '"two words"'])];
  }
}

function generateTarget(
  draw: Draw,
  words: Vocabulary,
  table: Table,
  hook: string | undefined,
  protocol: string,
  chains: readonly string[],
): readonly string[] {
  const ported = protocol === 'tcp' || protocol === 'udp';
  if (chains.length > 0 && draw.chance(35)) return [draw.pick(['-j', '-j', '-g']), draw.pick(chains)];
  const common = ['ACCEPT', 'RETURN', 'NONE'];
  const kinds: string[] = [...common];
  if (table === 'filter') kinds.push('DROP', 'REJECT', 'ACCEPT', 'ACCEPT');
  if (table === 'mangle') kinds.push('MARK', 'MARK', 'MARK');
  if (table === 'raw') kinds.push('DROP');
  if (table === 'nat') {
    if (hook === 'PREROUTING' || hook === 'OUTPUT') kinds.push('DNAT', 'DNAT', 'DNAT', 'REDIRECT');
    if (hook === 'POSTROUTING') kinds.push('SNAT', 'SNAT', 'MASQUERADE', 'MASQUERADE');
    if (hook === 'INPUT') kinds.push('SNAT');
  }
  const port = () => draw.pick(words.ports);
  switch (draw.pick(kinds)) {
    case 'NONE':
      return [];
    case 'REJECT':
      return [
        '-j',
        'REJECT',
        '--reject-with',
        draw.pick(protocol === 'tcp' ? [...REJECTIONS, 'tcp-reset', 'tcp-reset'] : REJECTIONS),
      ];
    case 'MARK':
      return ['-j', 'MARK', '--set-xmark', draw.pick(['0x1/0xffffffff', '0x2/0x2', '0x3/0x1', '0x0/0xffffffff'])];
    case 'DNAT': {
      const to = ported && draw.chance(60) ? `:${spanOrPort(draw, port())}` : '';
      return ['-j', 'DNAT', '--to-destination', `${draw.pick(words.hosts)}${to}`];
    }
    case 'SNAT': {
      const to = ported && draw.chance(30) ? `:${draw.pick(['1024-65535', '5000', '20000-20063'])}` : '';
      return ['-j', 'SNAT', '--to-source', `${draw.pick(words.hosts)}${to}`];
    }
    case 'MASQUERADE':
      return [
        '-j',
        'MASQUERADE',
        ...(ported && draw.chance(30) ? ['--to-ports', draw.pick(['1024-65535', '5000', '20000-20063'])] : []),
      ];
    case 'REDIRECT':
      return ['-j', 'REDIRECT', ...(ported && draw.chance(70) ? ['--to-ports', `${port()}`] : [])];
    case 'DROP':
      return ['-j', 'DROP'];
    case 'RETURN':
      return ['-j', 'RETURN'];
    default:
      return ['-j', 'ACCEPT'];
  }
}

function spanOrPort(draw: Draw, port: number): string {
  return draw.chance(20) ? `${port}-${port + 10}` : `${port}`;
}

const REJECTIONS = [
  'icmp-port-unreachable',
  'icmp-port-unreachable',
  'icmp-host-unreachable',
  'icmp-net-unreachable',
  'icmp-admin-prohibited',
];
