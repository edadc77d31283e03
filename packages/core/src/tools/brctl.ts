/**
 * `brctl`: bridges with their ports, and the addresses a bridge knows.
 * Follows bridge-utils 1.7.1 as Debian 12 has it, whose answers and exit codes its tests repeat: bridges and ports stand in the order of
 * their names, addresses in their own. Ports are numbered as they came; Linux gives the number of one that left to the next. Commands
 * that change anything are refused by name.
 */
import { formatMac } from '../base/address.ts';
import type { Link } from '../kernel/config.ts';
import { failed, lines, notModelled, ok, shorten } from './result.ts';
import type { Host, Tool, ToolResult } from './tool.ts';

const HEADER = 'bridge name\tbridge id\t\tSTP enabled\tinterfaces\n';
const MACS_HEADER = 'port no\tmac addr\t\tis local?\tageing timer\n';
/** Name, operands with the tabs after them, what it does. */
const COMMANDS: readonly (readonly [name: string, operands: string, summary: string])[] = [
  ['addbr', '<bridge>\t\t', 'add bridge'],
  ['delbr', '<bridge>\t\t', 'delete bridge'],
  ['addif', '<bridge> <device>\t', 'add interface to bridge'],
  ['delif', '<bridge> <device>\t', 'delete interface from bridge'],
  ['hairpin', '<bridge> <port> {on|off}\t', 'turn hairpin on/off'],
  ['setageing', '<bridge> <time>\t\t', 'set ageing time'],
  ['setbridgeprio', '<bridge> <prio>\t\t', 'set bridge priority'],
  ['setfd', '<bridge> <time>\t\t', 'set bridge forward delay'],
  ['sethello', '<bridge> <time>\t\t', 'set hello time'],
  ['setmaxage', '<bridge> <time>\t\t', 'set max message age'],
  ['setpathcost', '<bridge> <port> <cost>\t', 'set path cost'],
  ['setportprio', '<bridge> <port> <prio>\t', 'set port priority'],
  ['show', '[ <bridge> ]\t\t', 'show a list of bridges'],
  ['showmacs', '<bridge>\t\t', 'show a list of mac addrs'],
  ['showstp', '<bridge>\t\t', 'show bridge stp info'],
  ['stp', '<bridge> {on|off}\t', 'turn stp on/off'],
];
const USAGE = `Usage: brctl [commands]\ncommands:\n${lines(
  COMMANDS.map(([name, operands, summary]) => `\t${name.padEnd(10)}\t${operands}${summary}`),
)}`;

/** The tool. */
export const brctl: Tool = {
  name: 'brctl',
  summary: 'show bridges, their ports and the addresses they know',
  run([command, ...names], host) {
    if (command === undefined) return failed(1, '', USAGE);
    if (command === '-V' || command === '--version') return ok('bridge-utils, 1.7\n');
    if (command === '-h' || command === '--help') return ok(USAGE);
    if (command === 'show') return showBridges(names, host);
    if (command === 'showmacs') return showMacs(names[0], host);
    if (COMMANDS.some(([name]) => name === command)) throw notModelled('brctl', `the command ${command}`);
    return failed(1, `never heard of command [${shorten(command)}]`, USAGE);
  },
};

/** Those that are named, in that order, or all. */
function showBridges(names: readonly string[], host: Host): ToolResult {
  const { links } = host.config.host;
  const found: Link[] = [];
  const errors: string[] = [];
  for (const name of names) {
    const link = links.find((one) => one.name === name);
    if (link === undefined) errors.push(`bridge ${shorten(name)} does not exist!`);
    else if (link.kind.type === 'bridge') found.push(link);
    else errors.push(`device ${shorten(name)} is not a bridge!`);
  }
  const shown = names.length > 0 ? found : byName(links.filter(({ kind }) => kind.type === 'bridge'));
  const text = names.length > 0 && shown.length === 0 ? '' : HEADER + shown.map((bridge) => bridgeText(bridge, host)).join('');
  return { stdout: text, stderr: lines(errors), code: errors.length > 0 ? 1 : 0 };
}

function bridgeText({ name, mac }: Link, host: Host): string {
  const ports = byName(portsOf(name, host));
  const id = `8000.${formatMac(mac).replaceAll(':', '')}`;
  return `${name}\t\t${id}\tno\t\t${ports.map((port) => port.name).join('\n\t\t\t\t\t\t\t')}\n`;
}

function showMacs(name: string | undefined, host: Host): ToolResult {
  if (name === undefined) {
    return failed(
      1,
      '',
      'Incorrect number of arguments for command\nUsage: brctl showmacs <bridge>\t\tshow a list of mac addrs\n',
    );
  }
  const bridge = host.config.host.links.find((link) => link.name === name);
  if (bridge?.kind.type !== 'bridge') {
    const reason = bridge === undefined ? 'No such device' : 'Operation not supported';
    return failed(1, `read of forward table failed: ${reason}`);
  }
  const ports = portsOf(name, host);
  const own = ports.map((port) => ({ mac: port.mac, device: port.name, local: true, hundredths: 0 }));
  const learned = host
    .fdb()
    .filter(({ master, permanent }) => master === name && !permanent)
    .map(({ mac, device, seenAt = host.now }) => ({
      mac,
      device,
      local: false,
      hundredths: Math.floor((host.now - seenAt) / 10),
    }));
  const rows = [...own, ...learned].sort((a, b) => a.mac - b.mac);
  const text = rows.map(({ mac, device, local, hundredths }) => {
    const number = 1 + ports.findIndex((port) => port.name === device);
    const seconds = `${Math.floor(hundredths / 100)}`.padStart(4);
    return `${`${number}`.padStart(3)}\t${formatMac(mac)}\t${local ? 'yes' : 'no'}\t\t${seconds}.${`${hundredths % 100}`.padStart(2, '0')}`;
  });
  return ok(MACS_HEADER + lines(text));
}

function portsOf(bridge: string, host: Host): readonly Link[] {
  return host.config.host.links.filter(({ port }) => port?.master === bridge);
}

function byName(links: readonly Link[]): readonly Link[] {
  return links.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
