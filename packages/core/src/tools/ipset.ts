/**
 * `ipset list`: the sets that rules match against.
 * Follows ipset 6.38 of CentOS 7. Differs: without the line `Size in memory`, which is the kernel's own bookkeeping;
 * members' counters are shown as zero, since the model does not count them. Changing sets is refused by name.
 */
import { formatCidr, formatIpv4 } from '../base/address.ts';
import type { IpSet, IpSetMember } from '../kernel/config.ts';
import { icmpName } from '../kernel/netfilter/match/icmp.ts';
import { type Netfilter, PROTOCOL } from '../kernel/netfilter/rule.ts';
import { TABLES } from '../kernel/netfilter/save.ts';
import { readOptions } from './options.ts';
import { failed, lines, notModelled, ok, shorten } from './result.ts';
import type { Tool } from './tool.ts';

const OPTIONS = {
  flags: [
    ['n', 'name'],
    ['t', 'terse'],
    ['L', 'list'],
    ['h', 'help'],
    ['v', 'version'],
  ],
  unmodelled: [
    's',
    'sorted',
    'o',
    'output',
    'f',
    'file',
    'q',
    'quiet',
    'r',
    'resolve',
    'exist',
    'N',
    'create',
    'A',
    'add',
    'D',
    'del',
    'X',
    'destroy',
    'F',
    'flush',
    'E',
    'rename',
    'W',
    'swap',
    'S',
    'save',
    'R',
    'restore',
    'T',
    'test',
  ],
};
const UNMODELLED = [
  'create',
  'add',
  'del',
  'destroy',
  'flush',
  'rename',
  'swap',
  'save',
  'restore',
  'test',
  '-',
  'n',
  'x',
  'e',
  'f',
  'w',
];
const REVISIONS: { readonly [type in IpSet['type']]: number } = { 'hash:ip': 4, 'hash:net': 6, 'hash:ip,port': 5 };
const PROTOCOLS: readonly (readonly [number, string])[] = [
  [6, 'tcp'],
  [17, 'udp'],
  [1, 'icmp'],
];

/** The tool. */
export const ipset: Tool = {
  name: 'ipset',
  summary: 'list the sets of addresses that rules match against',
  run(args, host) {
    const options = readOptions('ipset', OPTIONS, args, (option) => `ipset v6.38: Unknown argument: \`${option}'`);
    if (options.has('h')) return ok('ipset v6.38\n\nUsage: ipset list [SETNAME] [-n|-t]\n');
    if (options.has('v')) return ok('ipset v6.38, protocol version: 6\n');
    const [first, ...others] = options.words;
    const [command, name, more] = options.has('L') ? ['list', first, ...others] : options.words;
    if (command === 'help' || command === 'version') return ok('ipset v6.38, protocol version: 6\n');
    if (command === undefined) return failed(2, "ipset v6.38: No command specified.\nTry `ipset help' for more information.");
    if (UNMODELLED.includes(command)) throw notModelled('ipset', `the command ${command}`);
    if (command !== 'list')
      return failed(
        2,
        `ipset v6.38: No command specified: unknown argument ${shorten(command)}\nTry \`ipset help' for more information.`,
      );
    if (more !== undefined)
      return failed(2, `ipset v6.38: Unknown argument: \`${shorten(more)}'\nTry \`ipset help' for more information.`);
    const shown = host.sets().filter((set) => name === undefined || set.name === name);
    if (name !== undefined && shown.length === 0) return failed(1, 'ipset v6.38: The set with the given name does not exist');
    if (options.has('n')) return ok(lines(shown.map((set) => set.name)));
    const { netfilter } = host.config.host;
    return ok(shown.map((set) => lines(setLines(set, referencesTo(netfilter, set.name), options.has('t')))).join('\n'));
  },
};

function setLines(set: IpSet, references: number, terse: boolean): readonly string[] {
  const head = [
    `Name: ${set.name}`,
    `Type: ${set.type}`,
    `Revision: ${set.revision ?? REVISIONS[set.type]}`,
    `Header: family inet hashsize 1024 maxelem 65536${set.counters ? ' counters' : ''}`,
    `References: ${references}`,
    `Number of entries: ${set.members.length}`,
  ];
  return terse ? head : [...head, 'Members:', ...set.members.map((member) => memberText(member, set))];
}

/** `9.0.0.0/8 nomatch packets 0 bytes 0`, `11.249.78.219,tcp:3141`. */
function memberText(member: IpSetMember, set: IpSet): string {
  const network = member.network.prefix === 32 ? formatIpv4(member.network.address) : formatCidr(member.network);
  const { port } = member;
  const protocol = PROTOCOLS.find(([number]) => number === port?.protocol)?.[1] ?? String(port?.protocol);
  const number = port?.protocol === PROTOCOL.icmp ? icmpName(port.number >>> 8, port.number & 0xff) : port?.number;
  const suffix = port === undefined ? '' : `,${protocol}:${number}`;
  return `${network}${suffix}${member.nomatch === true ? ' nomatch' : ''}${set.counters ? ' packets 0 bytes 0' : ''}`;
}

/** How many rules match against a set. */
function referencesTo(netfilter: Netfilter, name: string): number {
  let count = 0;
  for (const table of TABLES) {
    for (const { rules } of netfilter[table]) {
      for (const { matches } of rules) for (const match of matches) if (match.name === 'set' && match.set === name) count++;
    }
  }
  return count;
}
