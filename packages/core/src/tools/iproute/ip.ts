/**
 * `ip`: addresses, links, routes, rules and neighbours.
 * Follows iproute2 6.1, whose lines for these objects are those of CentOS 7's 4.11. Bridges and the ends of veth pairs
 * have a broadcast address, as libnetwork gives them one, and no queue length; the others as `ip` and dcos-net make them.
 */

import type { MachineConfig } from '../../agent/config.ts';
import type { NeighbourRow } from '../../agent/report.ts';
import { broadcastOf, formatCidr, formatIpv4, formatMac } from '../../base/address.ts';
import type { Link } from '../../kernel/config.ts';
import { primaryOf } from '../../kernel/route.ts';
import { failed, lines, notModelled, ok, shorten } from '../result.ts';
import type { Host, Tool, ToolResult } from '../tool.ts';
import { showRoutes, showRules } from './ip-route.ts';
import { getRoute } from './ip-route-get.ts';
import { linkFlags, linkName, matchWord, operState, refuse, Words } from './iproute.ts';

const USAGE = `Usage: ip [ OPTIONS ] OBJECT { COMMAND | help }
where  OBJECT := { address | link | route | rule | neigh }
       OPTIONS := { -V[ersion] | -4 }
`;
/** In iproute2's order: the first that begins with what was typed is meant. */
const OBJECTS = [
  'address',
  'addrlabel',
  'maddress',
  'route',
  'rule',
  'neighbor',
  'neighbour',
  'ntable',
  'ntbl',
  'link',
  'l2tp',
  'fou',
  'macsec',
  'tunnel',
  'tunl',
  'tuntap',
  'tap',
  'token',
  'tcpmetrics',
  'tcp_metrics',
  'monitor',
  'xfrm',
  'mroute',
  'mrule',
  'netns',
  'netconf',
  'vrf',
  'help',
];
const COMMANDS = ['add', 'change', 'replace', 'delete', 'append', 'set', 'get', 'flush', 'save', 'restore', 'help'];
const UNMODELLED_OPTIONS = [
  'family',
  '6',
  '0',
  'B',
  'M',
  'details',
  'statistics',
  'stats',
  'oneline',
  'json',
  'pretty',
  'brief',
  'br',
  'human',
  'iec',
  'resolve',
  'netns',
  'color',
  'timestamp',
  'batch',
  'rcvbuf',
  'all',
  'force',
  'loops',
  'N',
  'Numeric',
  'I',
  'D',
];

/** The tool. */
export const ip: Tool = {
  name: 'ip',
  summary: 'show addresses, links, routes, rules and neighbours',
  run(args, host) {
    const words = new Words('ip', args);
    const options = words.options(['4', 'Version', 'help'], UNMODELLED_OPTIONS);
    if (options.has('Version')) return ok('ip utility, iproute2-6.1.0\n');
    const typed = words.next();
    const object = typed === undefined || options.has('help') ? 'help' : matchWord(typed, OBJECTS);
    switch (object) {
      case 'help':
        return typed === undefined && !options.has('help') ? failed(255, USAGE.trimEnd()) : ok(USAGE);
      case 'address':
        return showLinks(words, host, true);
      case 'link':
        return showLinks(words, host, false);
      case 'route':
        return command(words, 'route', ['get']) === 'get' ? getRoute(words, host) : showRoutes(words, host);
      case 'rule':
        command(words, 'rule');
        return showRules(words, host);
      case 'neighbor':
      case 'neighbour':
        return showNeighbours(words, host);
      case undefined:
        return failed(1, `Object "${shorten(typed ?? '')}" is unknown, try "ip help".`);
      default:
        throw notModelled('ip', `the object ${object}`);
    }
  },
};

/** Takes `show`, `list` or nothing, so that what follows are filters, or another command that the object has here. */
function command(words: Words, object: string, others: readonly string[] = []): string {
  const typed = words.next();
  if (typed === undefined || matchWord(typed, ['show', 'list', 'lst']) !== undefined) return 'show';
  const known = matchWord(typed, COMMANDS);
  if (known !== undefined && others.includes(known)) return known;
  if (known !== undefined) throw notModelled('ip', `${object} ${known}`);
  throw refuse('ip', 'unknown-command', `Command "${shorten(typed)}" is unknown, try "ip ${object} help".`);
}

/** Reads `[dev] NAME`, the one filter there is. */
function deviceFilter(words: Words, object: string): string | undefined {
  const word = words.next();
  if (word === undefined) return undefined;
  if (
    [
      'up',
      'down',
      'type',
      'master',
      'vrf',
      'scope',
      'to',
      'label',
      'permanent',
      'dynamic',
      'group',
      'nud',
      'proxy',
      'nomaster',
      'unused',
    ].includes(word)
  ) {
    throw notModelled('ip', `${object} show ${word}`);
  }
  const name = word === 'dev' ? words.value() : word;
  const more = words.next();
  if (more !== undefined) throw notModelled('ip', `${object} show ... ${shorten(more)}`);
  return name;
}

function showLinks(words: Words, host: Host, addresses: boolean): ToolResult {
  const object = addresses ? 'address' : 'link';
  command(words, object);
  const device = deviceFilter(words, object);
  const { links } = host.config.host;
  const shown = device === undefined ? links : links.filter((link) => link.name === device);
  if (device !== undefined && shown.length === 0) return failed(1, `Device "${shorten(device)}" does not exist.`);
  return ok(lines(shown.flatMap((link) => linkLines(link, host, addresses))));
}

function linkLines(link: Link, host: Host, addresses: boolean): readonly string[] {
  const config = host.config.host;
  const { type } = link.kind;
  const qdisc = type === 'ethernet' ? 'pfifo_fast' : link.up ? 'noqueue' : 'noop';
  const master = link.port === undefined ? '' : ` master ${link.port.master}`;
  const queue = type === 'bridge' || type === 'veth' ? '' : 'qlen 1000';
  const mode = addresses ? '' : 'mode DEFAULT ';
  const kind = type === 'loopback' ? 'loopback' : 'ether';
  const broadcast = type === 'loopback' ? '00:00:00:00:00:00' : 'ff:ff:ff:ff:ff:ff';
  const text = [
    `${link.index}: ${linkName(link, host)}: ${linkFlags(link, config)} mtu ${link.mtu} qdisc ${qdisc}${master} state ${operState(link, config)} ${mode}group default ${queue}`,
    `    link/${kind} ${formatMac(link.mac)} brd ${broadcast}${netnsId(link, host)}`,
  ];
  if (addresses) text.push(...link.addresses.flatMap((address) => addressLines(link, address, host.config)));
  return text;
}

function addressLines(link: Link, address: Link['addresses'][number], { ucr }: MachineConfig): readonly string[] {
  const { type } = link.kind;
  const loopback = address.address >>> 24 === 127;
  // Docker gives its bridges a broadcast address, CNI's plugin does not.
  const ofCni = ucr.networks.some(({ bridge }) => bridge === link.name);
  const broadcast =
    (type === 'bridge' || type === 'veth') && !ofCni && address.prefix < 31 ? ` brd ${formatIpv4(broadcastOf(address))}` : '';
  const secondary = primaryOf(link, address).address === address.address ? '' : ' secondary';
  return [
    `    inet ${formatCidr(address)}${broadcast} scope ${loopback ? 'host' : 'global'}${secondary} ${link.name}`,
    '       valid_lft forever preferred_lft forever',
  ];
}

/** The other namespaces of this one's pairs, numbered as they are met. */
function netnsId(link: Link, host: Host): string {
  if (link.kind.type !== 'veth') return '';
  const seen: string[] = [];
  for (const { kind } of host.config.host.links) {
    if (kind.type !== 'veth') continue;
    const { namespace } = kind.peer;
    if (namespace !== host.name && namespace !== host.config.name && !seen.includes(namespace)) seen.push(namespace);
  }
  const id = seen.indexOf(link.kind.peer.namespace);
  return id < 0 ? '' : ` link-netnsid ${id}`;
}

function showNeighbours(words: Words, host: Host): ToolResult {
  command(words, 'neigh');
  const device = deviceFilter(words, 'neigh');
  if (device !== undefined && !host.config.host.links.some((link) => link.name === device)) {
    return failed(1, `Cannot find device "${shorten(device)}"`);
  }
  const rows = host.neighbours().filter((row) => device === undefined || row.device === device);
  return ok(lines(rows.map((row) => neighbourLine(row, device === undefined))));
}

function neighbourLine(row: NeighbourRow, withDevice: boolean): string {
  const device = withDevice ? `dev ${row.device} ` : '';
  const mac = row.mac === undefined ? '' : `lladdr ${formatMac(row.mac)} `;
  return `${formatIpv4(row.address)} ${device}${mac}${row.state} `;
}
