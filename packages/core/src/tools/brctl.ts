/**
 * `brctl show`: bridges and their ports.
 * Follows bridge-utils 1.7.1 (brctl/brctl_cmd.c, br_cmd_show): bridges and ports stand in the order of their names. The
 * other commands are refused by name.
 */
import { formatMac } from '../base/address.ts';
import type { Link } from '../kernel/config.ts';
import { failed, notModelled, ok, shorten } from './result.ts';
import type { Host, Tool } from './tool.ts';

const HEADER = 'bridge name\tbridge id\t\tSTP enabled\tinterfaces\n';
const OTHERS: readonly string[] = (
  'addbr delbr addif delif hairpin setageing setbridgeprio setfd sethello setmaxage setpathcost setportprio showmacs ' +
  'showstp stp'
).split(' ');

/** The tool. */
export const brctl: Tool = {
  name: 'brctl',
  summary: 'show bridges and their ports',
  run([command = '', ...names], host) {
    if (command === '-V' || command === '--version') return ok('bridge-utils, 1.7.1\n');
    if (OTHERS.includes(command)) throw notModelled('brctl', `the command ${command}`);
    if (command === '')
      return failed(1, 'Usage: brctl [commands]\ncommands:\n\tshow      \t[ <bridge> ]\t\tshow a list of bridges');
    if (command !== 'show') return failed(1, `never heard of command [${shorten(command)}]`);
    const bridges = host.config.host.links.filter(({ kind }) => kind.type === 'bridge');
    const missing = names.find((name) => !bridges.some((bridge) => bridge.name === name));
    if (missing !== undefined) return failed(1, `bridge ${shorten(missing)} does not exist!`);
    const shown = byName(bridges).filter(({ name }) => names.length === 0 || names.includes(name));
    return ok(HEADER + shown.map((bridge) => show(bridge, host)).join(''));
  },
};

function show({ name, mac }: Link, host: Host): string {
  const ports = byName(host.config.host.links.filter(({ port }) => port?.master === name));
  const id = `8000.${formatMac(mac).replaceAll(':', '')}`;
  return `${name}\t\t${id}\tno\t\t${ports.map((port) => port.name).join('\n\t\t\t\t\t\t\t')}\n`;
}

function byName(links: readonly Link[]): readonly Link[] {
  return links.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
