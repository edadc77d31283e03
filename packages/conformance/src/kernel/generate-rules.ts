/**
 * Rule sets made on purpose full of clashes: few addresses, ports and devices, so that rules meet the probes and each
 * other; jumps, returns, gotos, counters, translations to where nobody is.
 */
import type { Draw } from './draw.ts';
import { generateMatch } from './generate-matches.ts';

/** What rules may speak of. */
export interface Vocabulary {
  readonly devices: readonly string[];
  /** Addresses and networks. */
  readonly addresses: readonly string[];
  /** Where translations may lead. */
  readonly hosts: readonly string[];
  readonly ports: readonly number[];
  readonly sets: readonly string[];
  readonly macs: readonly string[];
  /** Devices that are ports of a bridge. */
  readonly bridgePorts: readonly string[];
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
  if (table === 'raw' && draw.chance(15)) for (const hook of HOOKS.raw) lines.push(`-A ${hook} -p tcp -j CT --notrack`);
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
  const matches = draw.pick([0, 0, 0, 1, 1, 2]);
  for (let i = 0; i < matches; i++) parts.push(...generateMatch(draw, words, { protocol, hook }));
  const target = generateTarget(draw, words, table, hook, protocol, chains);
  return [...parts, ...target].join(' ');
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
  if (table === 'mangle') kinds.push('MARK', 'MARK', 'MARK', 'CONNMARK', 'CONNMARK', 'CONNMARK');
  if (table === 'mangle' && protocol === 'tcp') kinds.push('TCPMSS', 'TCPMSS');
  if (table !== 'nat') kinds.push('LOG');
  if (table === 'raw') kinds.push('DROP');
  // Of a TCP connection all packets are left alone or none: conntrack would miss their windows, which the model has not.
  if (table === 'raw' && (protocol === 'udp' || protocol === 'icmp')) kinds.push('NOTRACK', 'NOTRACK', 'NOTRACK');
  if (table === 'nat') {
    if (hook === 'PREROUTING' || hook === 'OUTPUT') kinds.push('DNAT', 'DNAT', 'DNAT', 'REDIRECT');
    if (hook === 'POSTROUTING') kinds.push('SNAT', 'SNAT', 'MASQUERADE', 'MASQUERADE');
    if (hook === 'INPUT') kinds.push('SNAT');
  }
  const port = () => draw.pick(words.ports);
  const random = () => (draw.chance(15) ? [draw.pick(['--random', '--random-fully'])] : []);
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
      return ['-j', 'MARK', '--set-xmark', draw.pick(['0x1/0xffffffff', '0x2/0x2', '0x3/0x1', '0x0/0xffffffff', '0x4/0x0'])];
    case 'CONNMARK':
      return ['-j', 'CONNMARK', ...draw.pick(CONNMARKS).split(' ')];
    case 'NOTRACK':
      return draw.chance(50) ? ['-j', 'NOTRACK'] : ['-j', 'CT', '--notrack'];
    case 'LOG':
      return ['-j', 'LOG', ...(draw.chance(50) ? ['--log-prefix', '"lab: "'] : [])];
    case 'TCPMSS': {
      const clamps = hook === 'FORWARD' || hook === 'OUTPUT' || hook === 'POSTROUTING';
      const size = clamps && draw.chance(50) ? ['--clamp-mss-to-pmtu'] : ['--set-mss', draw.pick(['500', '1400', '2000'])];
      return ['-m', 'tcp', '--tcp-flags', draw.pick(['SYN,RST', 'SYN', 'FIN,SYN,RST,ACK']), 'SYN', '-j', 'TCPMSS', ...size];
    }
    case 'DNAT': {
      const to = ported && draw.chance(60) ? `:${spanOrPort(draw, port())}` : '';
      return ['-j', 'DNAT', '--to-destination', `${draw.pick(words.hosts)}${to}`];
    }
    case 'SNAT': {
      const to = ported && draw.chance(30) ? `:${draw.pick(['1024-65535', '5000', '20000-20063'])}` : '';
      return ['-j', 'SNAT', '--to-source', `${draw.pick(words.hosts)}${to}`, ...random()];
    }
    case 'MASQUERADE':
      return [
        '-j',
        'MASQUERADE',
        ...(ported && draw.chance(30) ? ['--to-ports', draw.pick(['1024-65535', '5000', '20000-20063'])] : []),
        ...random(),
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
  'icmp-proto-unreachable',
  'icmp-net-prohibited',
  'icmp-host-prohibited',
];
const CONNMARKS = [
  '--set-xmark 0x1/0xffffffff',
  '--set-xmark 0x2/0x2',
  '--set-xmark 0x3/0x1',
  '--save-mark --nfmask 0xffffffff --ctmask 0xffffffff',
  '--restore-mark --nfmask 0xffffffff --ctmask 0xffffffff',
  '--save-mark --nfmask 0x3 --ctmask 0x2',
  '--restore-mark --nfmask 0x1 --ctmask 0x3',
];
