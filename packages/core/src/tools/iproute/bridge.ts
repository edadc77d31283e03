/**
 * `bridge`: ports of bridges, and what they and VXLAN devices forward where.
 * Follows iproute2 3.10 of CentOS 7 (bridge/link.c: the name of the pair's other end is looked up in this namespace,
 * so that glibc prints `(null)` for a container's) and iproute2 6.1. The kernel's own multicast entries are those of
 * a machine without IPv6 addresses.
 */
import type { FdbRow } from '../../agent/report.ts';
import { formatIpv4, formatMac } from '../../base/address.ts';
import type { Link } from '../../kernel/config.ts';
import { failed, lines, notModelled, ok, shorten } from '../result.ts';
import type { Host, Tool, ToolResult } from '../tool.ts';
import { linkFlags, linkName, matchWord, operState, refuse, Words } from './iproute.ts';

/** Whose layout `bridge link` has: the post's CentOS 7, or a newer one. */
export type BridgeLayout = 'el7' | 'iproute2-6';

const USAGE =
  'Usage: bridge [ OPTIONS ] OBJECT { COMMAND | help }\nwhere  OBJECT := { link | fdb }\n       OPTIONS := { -d[etails] | -V[ersion] }\n';
const OBJECTS = ['link', 'fdb', 'mdb', 'vlan', 'monitor', 'help'];
const MULTICAST = ['33:33:00:00:00:01', '01:00:5e:00:00:01'];
const BRIDGE_MULTICAST = ['33:33:00:00:00:01', '01:00:5e:00:00:6a', '33:33:00:00:00:6a', '01:00:5e:00:00:01'];

/** Makes the tool in one layout. */
export function bridge(layout: BridgeLayout = 'el7'): Tool {
  return {
    name: 'bridge',
    summary: 'show the ports of bridges and their forwarding tables',
    run: (args, host) => run(args, host, layout),
  };
}

function run(args: readonly string[], host: Host, layout: BridgeLayout): ToolResult {
  const words = new Words('bridge', args);
  const options = words.options(
    ['details', 'Version', 'help'],
    [
      'statistics',
      'stats',
      'json',
      'pretty',
      'oneline',
      'netns',
      'color',
      'compressvlans',
      'force',
      'family',
      'timestamp',
      'batch',
      '4',
      '6',
      'o',
      's',
      'j',
      'p',
      'n',
      'c',
    ],
  );
  if (options.has('Version')) return ok(layout === 'el7' ? 'bridge utility, 0.0\n' : 'bridge utility, 6.1.0\n');
  const typed = words.next();
  const object = typed === undefined || options.has('help') ? 'help' : matchWord(typed, OBJECTS);
  switch (object) {
    case 'help':
      return typed === 'help' || options.has('help') ? ok(USAGE) : failed(255, USAGE.trimEnd());
    case 'link':
      return showLinks(words, host, layout, options.has('details'));
    case 'fdb':
      return showFdb(words, host);
    case undefined:
      return failed(255, `Object "${shorten(typed ?? '')}" is unknown, try "bridge help".`);
    default:
      throw notModelled('bridge', `the object ${object}`);
  }
}

/** Reads `show` and its filters; each may come once. */
function filters(words: Words, object: string, known: readonly string[]): ReadonlyMap<string, string> {
  const given = new Map<string, string>();
  const command = words.next();
  if (command === undefined) return given;
  if (matchWord(command, ['show', 'lst', 'list']) === undefined) {
    if (matchWord(command, ['add', 'append', 'replace', 'delete', 'set', 'change', 'flush', 'get', 'help']) !== undefined) {
      throw notModelled('bridge', `${object} ${shorten(command)}`);
    }
    throw refuse('bridge', 'unknown-command', `Command "${shorten(command)}" is unknown, try "bridge ${object} help".`);
  }
  for (let word = words.next(); word !== undefined; word = words.next()) {
    if (!known.includes(word)) throw notModelled('bridge', `${object} show ${shorten(word)}`);
    given.set(word, words.value());
  }
  return given;
}

function showLinks(words: Words, host: Host, layout: BridgeLayout, details: boolean): ToolResult {
  const filter = filters(words, 'link', ['dev', 'master']);
  const device = filter.get('dev');
  const { links } = host.config.host;
  if (details && layout === 'el7') throw notModelled('bridge', 'option -d in this release');
  if (device !== undefined && !links.some((link) => link.name === device))
    return failed(1, `Cannot find device "${shorten(device)}"`);
  const shown = links.filter((link) => link.port !== undefined && (device === undefined || link.name === device));
  const master = filter.get('master');
  const ports = shown.filter((link) => master === undefined || link.port?.master === master);
  return ok(
    lines(
      ports.flatMap((link) => (details ? [portLine(link, host, layout), portDetails(link)] : [portLine(link, host, layout)])),
    ),
  );
}

function portLine(link: Link, host: Host, layout: BridgeLayout): string {
  const config = host.config.host;
  const state = link.up ? 'forwarding' : 'disabled';
  const tail = `${linkFlags(link, config)} mtu ${link.mtu} master ${link.port?.master} state ${state} priority 32 cost 2 `;
  if (layout === 'iproute2-6') return `${link.index}: ${linkName(link, host)}: ${tail}`;
  if (link.kind.type !== 'veth') return `${link.index}: ${link.name} state ${operState(link, config)} : ${tail}`;
  const { index } = link.kind.peer;
  const peer = config.links.find((other) => other.index === index)?.name ?? '(null)';
  return `${link.index}: ${link.name} state ${operState(link, config)} @${peer}: ${tail}`;
}

function portDetails({ port }: Link): string {
  const on = (flag: boolean | undefined) => (flag === true ? 'on' : 'off');
  return `    hairpin ${on(port?.hairpin)} guard off root_block off fastleave off learning ${on(port?.learning !== false)} flood ${on(port?.flood !== false)} mcast_flood on bcast_flood on mcast_router 1 mcast_to_unicast off neigh_suppress off vlan_tunnel off isolated ${on(port?.isolated)} locked off `;
}

function showFdb(words: Words, host: Host): ToolResult {
  const filter = filters(words, 'fdb', ['br', 'dev']);
  const { links } = host.config.host;
  for (const name of filter.values()) {
    if (!links.some((link) => link.name === name)) return failed(1, `Cannot find device "${shorten(name)}"`);
  }
  const bridgeName = filter.get('br');
  const device = filter.get('dev');
  const rows = host.fdb();
  const shown = links.filter(
    (link) =>
      (device === undefined || link.name === device) &&
      (bridgeName === undefined || link.name === bridgeName || link.port?.master === bridgeName),
  );
  return ok(lines(shown.flatMap((link) => fdbLines(link, rows))));
}

/** The entries of one device in the kernel's order: a bridge's own groups, learned ones, its address, a port's groups. */
function fdbLines(link: Link, rows: readonly FdbRow[]): readonly string[] {
  const { type } = link.kind;
  const kept = rows.filter((row) => row.device === link.name).map(fdbLine);
  if (type === 'loopback' || type === 'dummy' || type === 'vxlan') return kept;
  const master = type === 'bridge' ? link.name : link.port?.master;
  const groups = (type === 'bridge' ? BRIDGE_MULTICAST : MULTICAST).map((mac) => `${mac} dev ${link.name} self permanent`);
  const own = master === undefined ? [] : [`${formatMac(link.mac)} dev ${link.name} master ${master} permanent`];
  return type === 'bridge' ? [...groups, ...kept, ...own] : [...kept, ...own, ...groups];
}

function fdbLine(row: FdbRow): string {
  const remote = row.remote === undefined ? '' : `dst ${formatIpv4(row.remote)} `;
  const master = row.master === undefined ? '' : `master ${row.master} `;
  return `${formatMac(row.mac)} dev ${row.device} ${remote}${row.self ? 'self ' : ''}${master}${row.permanent ? 'permanent' : ''}`;
}
