/**
 * `ipvsadm`: virtual services listed and changed.
 * Follows ipvsadm 1.27 of CentOS 7 (ipvsadm.c), whose listings are those of the recorded 1.31: exit code 2 for bad
 * arguments, 1 for a listing of what is not there, 255 for what the kernel refuses. Without `-n` ports have the names
 * of notation.ts; addresses have none. Not modelled and refused by name: statistics, firewall marks, persistence,
 * synchronisation, and forwarding other than masquerading.
 */
import { formatIpv4, isIpv4, parseIpv4 } from '../base/address.ts';
import { Refusal } from '../base/refusal.ts';
import type { Ipvs } from '../kernel/ipvs/ipvs.ts';
import { type EndName, listConnections, listServices, listTimeouts, numericEnd, saveServices } from '../kernel/ipvs/list.ts';
import type { ServerSpec, ServiceKey } from '../kernel/ipvs/service.ts';
import { serviceName } from '../kernel/netfilter/notation.ts';
import { type Options, type OptionTable, readOptions } from './options.ts';
import { failed, ok, shorten } from './result.ts';
import type { Host, Tool, ToolResult } from './tool.ts';

const VERSION = 'ipvsadm v1.27 2008/5/15 (compiled with popt and IPVS v1.2.1)';
const USAGE = `${VERSION}
Usage:
  ipvsadm -A|E -t|u service-address [-s scheduler] [-o]
  ipvsadm -D -t|u service-address
  ipvsadm -C
  ipvsadm -S -n
  ipvsadm -a|e -t|u service-address -r server-address [-m] [-w weight] [-x upper] [-y lower]
  ipvsadm -d -t|u service-address -r server-address
  ipvsadm -L|l -n [-t|u service-address] [--connection|--thresholds|--persistent-conn|--timeout] [--nosort]
  ipvsadm --set tcp tcpfin udp
  ipvsadm -h
`;
const COMMANDS = ['A', 'E', 'D', 'C', 'S', 'a', 'e', 'd', 'L', 'set'] as const;
type Command = (typeof COMMANDS)[number];
const OPTIONS: OptionTable = {
  flags: [
    ['A', 'add-service'],
    ['E', 'edit-service'],
    ['D', 'delete-service'],
    ['C', 'clear'],
    ['S', 'save'],
    ['a', 'add-server'],
    ['e', 'edit-server'],
    ['d', 'delete-server'],
    ['L', 'l', 'list'],
    ['set'],
    ['n', 'numeric'],
    ['c', 'connection'],
    ['m', 'masquerading'],
    ['o', 'ops'],
    ['timeout'],
    ['thresholds'],
    ['persistent-conn'],
    ['sort'],
    ['nosort'],
    ['exact'],
    ['h', 'help'],
    ['v', 'version'],
  ],
  values: [
    ['t', 'tcp-service'],
    ['u', 'udp-service'],
    ['s', 'scheduler'],
    ['r', 'real-server'],
    ['w', 'weight'],
    ['x', 'u-threshold'],
    ['y', 'l-threshold'],
  ],
  unmodelled: [
    ...[
      'R',
      'restore',
      'Z',
      'zero',
      'f',
      'fwmark-service',
      'p',
      'persistent',
      'M',
      'netmask',
      'g',
      'gatewaying',
      'i',
      'ipip',
      'b',
      'sched-flags',
    ],
    ...['pe', '6', 'ipv6', 'stats', 'rate', 'daemon', 'start-daemon', 'stop-daemon', 'mcast-interface', 'syncid'],
  ],
};

/** Refusals that come from the kernel; the others are about arguments. */
const KERNEL_CODES = [
  'service-exists',
  'no-such-service',
  'service-not-defined',
  'no-scheduler',
  'server-exists',
  'no-such-server',
  'thresholds-crossed',
];

/** The tool. */
export const ipvsadm: Tool = {
  name: 'ipvsadm',
  summary: 'list and change the virtual services of IPVS',
  run(args, host) {
    const options = readOptions('ipvsadm', OPTIONS, args, (option) => `${option}: unknown option`);
    if (options.has('h')) return ok(USAGE);
    if (options.has('v')) return ok(`${VERSION}\n`);
    const given = COMMANDS.filter((command) => options.has(command));
    if (given.length > 1) return failed(2, 'multiple commands specified');
    try {
      return run(given[0] ?? 'L', options, host);
    } catch (error) {
      if (!(error instanceof Refusal) || error.component !== 'ipvsadm' || error.code === 'not-modelled') throw error;
      return failed(KERNEL_CODES.includes(error.code) ? 255 : 2, error.message);
    }
  },
};

function run(command: Command, options: Options, host: Host): ToolResult {
  const ipvs = host.ipvs();
  const [extra] = options.words;
  if (extra !== undefined && command !== 'set') return failed(2, `unexpected argument ${shorten(extra)}`);
  switch (command) {
    case 'L':
      return list(options, ipvs, host.now);
    case 'S':
      return ok(saveServices(ipvs.services(), endName(options)));
    case 'C':
      ipvs.clear();
      return ok('');
    case 'set':
      return setTimeouts(options.words, ipvs);
    case 'A':
    case 'E': {
      const spec = { ...serviceKey(options), scheduler: options.value('s') ?? 'wlc', onePacket: options.has('o') };
      if (command === 'A') ipvs.addService(spec);
      else ipvs.editService(spec);
      return ok('');
    }
    case 'D':
      ipvs.deleteService(serviceKey(options));
      return ok('');
    case 'a':
      ipvs.addServer(serviceKey(options), serverSpec(options));
      return ok('');
    case 'e':
      ipvs.editServer(serviceKey(options), serverSpec(options));
      return ok('');
    case 'd':
      ipvs.deleteServer(serviceKey(options), serverSpec(options));
      return ok('');
  }
}

function list(options: Options, ipvs: Ipvs, now: number): ToolResult {
  if (options.has('timeout')) return ok(listTimeouts(ipvs.timeouts));
  const end = endName(options);
  if (options.has('c')) return ok(listConnections(ipvs.connections(), now, end));
  const view = options.has('thresholds') ? 'thresholds' : options.has('persistent-conn') ? 'persistent' : 'counts';
  const sort = !options.has('nosort');
  if (options.value('t') === undefined && options.value('u') === undefined)
    return ok(listServices(ipvs.services(), { view, sort, end }));
  const service = ipvs.service(serviceKey(options));
  return service === undefined ? failed(1, 'No such service') : ok(listServices([service], { view, sort, title: false, end }));
}

/** By numbers with `-n`, else with the services' names. */
function endName(options: Options): EndName {
  return options.has('n') ? numericEnd : (address, port, protocol) => `${formatIpv4(address)}:${serviceName(port, protocol)}`;
}

function setTimeouts(words: readonly string[], ipvs: Ipvs): ToolResult {
  const [tcp, tcpfin, udp] = words.map(wholeNumber);
  if (words.length !== 3 || tcp === undefined || tcpfin === undefined || udp === undefined)
    return failed(2, 'illegal timeout values specified');
  ipvs.setTimeouts({ tcp, tcpfin, udp });
  return ok('');
}

/** The service of `-t` or `-u`. */
function serviceKey(options: Options): ServiceKey {
  const text = options.value('t') ?? options.value('u');
  if (text === undefined) throw refuse('No virtual service specified');
  const end = parseEnd(text);
  if (end === undefined) throw refuse('illegal virtual server address[:port] specified');
  return { protocol: options.value('t') === undefined ? 17 : 6, ...end };
}

function serverSpec(options: Options): ServerSpec {
  const text = options.value('r');
  const end = text === undefined ? undefined : parseEnd(text);
  if (end === undefined) throw refuse('illegal real server address[:port] specified');
  const port = end.port === 0 ? serviceKey(options).port : end.port;
  const weight = number(options, 'w', 1, 'illegal weight specified');
  const upperThreshold = number(options, 'x', 0, 'illegal u_threshold specified');
  const lowerThreshold = number(options, 'y', 0, 'illegal l_threshold specified');
  return { address: end.address, port, weight, upperThreshold, lowerThreshold };
}

function number(options: Options, name: string, otherwise: number, message: string): number {
  const text = options.value(name);
  const value = text === undefined ? otherwise : wholeNumber(text);
  if (value === undefined) throw refuse(message);
  return value;
}

function wholeNumber(text: string): number | undefined {
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

/** `11.249.78.219:3141`; without a port it is 0. */
function parseEnd(text: string): { readonly address: number; readonly port: number } | undefined {
  const colon = text.indexOf(':');
  const host = colon < 0 ? text : text.slice(0, colon);
  const port = colon < 0 ? 0 : wholeNumber(text.slice(colon + 1));
  return isIpv4(host) && port !== undefined && port <= 65535 ? { address: parseIpv4(host), port } : undefined;
}

function refuse(message: string): Refusal {
  return new Refusal({ component: 'ipvsadm', code: 'bad-argument', message });
}
