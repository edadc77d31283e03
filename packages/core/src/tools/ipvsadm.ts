/**
 * `ipvsadm`: virtual services listed and changed.
 * Follows ipvsadm 1.27 of CentOS 7 (ipvsadm.c), whose listings are those of the recorded 1.31: exit code 2 for bad
 * arguments, 1 for a listing of what is not there, 255 for what the kernel refuses. Without `-n` ports have the names
 * of notation.ts; addresses have none. Not modelled and refused by name: SCTP, IPv6, persistence engines,
 * synchronisation, and tunnels other than ipip.
 */
import { formatIpv4 } from '../base/address.ts';
import { Refusal } from '../base/refusal.ts';
import type { Ipvs } from '../kernel/ipvs/ipvs.ts';
import {
  type EndName,
  listConnections,
  listServices,
  listTimeouts,
  numericEnd,
  type ServerView,
  saveServices,
} from '../kernel/ipvs/list.ts';
import { SCHEDULER_NAMES } from '../kernel/ipvs/schedulers/registry.ts';
import { serviceName } from '../kernel/netfilter/notation.ts';
import {
  badArgument,
  isGiven,
  type Line,
  parseTimeout,
  readLine,
  serverSpec,
  serviceKey,
  serviceSpec,
} from './ipvsadm-arguments.ts';
import type { Options } from './options.ts';
import { failed, ok, shorten } from './result.ts';
import type { Tool, ToolResult } from './tool.ts';

const VERSION = 'ipvsadm v1.27 2008/5/15 (compiled with popt and IPVS v1.2.1)';
const TRY = "Try `ipvsadm -h' or 'ipvsadm --help' for more information.";
const USAGE = `${VERSION}
Usage:
  ipvsadm -A|E -t|u|f service-address [-s scheduler] [-p [timeout]] [-M netmask] [-b sched-flags] [-o]
  ipvsadm -D -t|u|f service-address
  ipvsadm -C
  ipvsadm -R
  ipvsadm -S [-n]
  ipvsadm -a|e -t|u|f service-address -r server-address [-m|-g|-i] [-w weight] [-x upper] [-y lower]
  ipvsadm -d -t|u|f service-address -r server-address
  ipvsadm -L|l [-n] [-t|u|f service-address|-c|--timeout|--daemon]
               [--stats|--rate|--thresholds|--persistent-conn] [--exact] [--nosort]
  ipvsadm -Z [-t|u|f service-address]
  ipvsadm --set tcp tcpfin udp
  ipvsadm -h
Schedulers: ${SCHEDULER_NAMES.join('|')}
`;

/** Longest input taken by -R, in characters. */
const LONGEST_INPUT = 1_000_000;

/** Refusals that come from the kernel; the others are about arguments. */
const KERNEL_CODES = [
  'service-exists',
  'no-such-service',
  'service-not-defined',
  'no-scheduler',
  'server-exists',
  'no-such-server',
  'thresholds-crossed',
  'not-unicast',
];

/** The tool. */
export const ipvsadm: Tool = {
  name: 'ipvsadm',
  summary: 'list and change the virtual services of IPVS',
  run: (args, host, stdin) => runIpvsadm(args, host.ipvs(), host.now, stdin),
};

/**
 * Runs one command line on a namespace's tables.
 * @param now virtual milliseconds
 * @throws Refusal for what the real tool could do and the model does not
 */
export function runIpvsadm(args: readonly string[], ipvs: Ipvs, now: number, stdin = ''): ToolResult {
  if (args.length === 0) return ok(listServices(ipvs.services(), { end: endName(false) }));
  return guarded(() => {
    const line = readLine(args);
    if (line === 'help') return ok(USAGE);
    if (line === 'version') return ok(`${VERSION}\n`);
    if (line === undefined) return failed(255, TRY);
    return line.command === 'R' ? restore(stdin, ipvs, now) : run(line, ipvs, now);
  });
}

/** Carries out lines as `-S` prints them; a bad argument ends it, what the kernel refuses does not. */
function restore(input: string, ipvs: Ipvs, now: number): ToolResult {
  if (input.length > LONGEST_INPUT) throw badArgument('the input is too long');
  let stderr = '';
  let code = 0;
  for (const text of input.split('\n')) {
    const words = text.split(/[ \t]+/).filter((word) => word !== '');
    if (words.length === 0) continue;
    const result = guarded(() => {
      const line = readLine(words);
      return typeof line !== 'object' || line.command === 'R' ? failed(254, TRY) : run(line, ipvs, now);
    });
    stderr += result.stderr;
    if (result.code === 254) return { stdout: '', stderr, code: 255 };
    code = result.code;
    if (code === 2) break;
  }
  return { stdout: '', stderr, code };
}

function guarded(action: () => ToolResult): ToolResult {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof Refusal) || error.component !== 'ipvsadm' || error.code === 'not-modelled') throw error;
    if (error.code === 'unknown-option') return failed(255, error.message);
    return failed(KERNEL_CODES.includes(error.code) ? 255 : 2, error.message);
  }
}

function run({ command, options }: Line, ipvs: Ipvs, now: number): ToolResult {
  const [extra] = options.words;
  if (extra !== undefined && command !== 'set') return failed(2, `unexpected argument ${shorten(extra)}`);
  switch (command) {
    case 'L':
      return list(options, ipvs, now);
    case 'S':
      return ok(saveServices(ipvs.services(), endName(options.has('n'))));
    case 'C':
      ipvs.clear();
      break;
    case 'Z':
      ipvs.zero(isGiven('service-address', options) ? serviceKey(options) : undefined);
      break;
    case 'set':
      setTimeouts(options.words, ipvs);
      break;
    case 'A':
      ipvs.addService(serviceSpec(options));
      break;
    case 'E':
      ipvs.editService(serviceSpec(options));
      break;
    case 'D':
      ipvs.deleteService(serviceKey(options));
      break;
    case 'a':
      ipvs.addServer(serviceKey(options), serverSpec(options));
      break;
    case 'e':
      ipvs.editServer(serviceKey(options), serverSpec(options));
      break;
    case 'd':
      ipvs.deleteServer(serviceKey(options), serverSpec(options));
      break;
    case 'R':
      break;
  }
  return ok('');
}

function list(options: Options, ipvs: Ipvs, now: number): ToolResult {
  const given = (name: Parameters<typeof isGiven>[0]) => isGiven(name, options);
  const views = given('stats') || given('rate') || given('thresholds');
  const alone = given('timeout') || given('daemon');
  if (((given('connection') || alone) && views) || (alone && given('persistent-conn')))
    return failed(2, 'options conflicts in the list command');
  if (given('timeout')) return ok(listTimeouts(ipvs.timeouts));
  if (given('daemon')) return ok('');
  const end = endName(options.has('n'));
  if (given('connection')) return ok(listConnections(ipvs.connections(), now, { end, engines: given('persistent-conn') }));
  const how = { view: viewOf(given), sort: !given('nosort'), exact: given('exact'), end };
  if (!given('service-address')) return ok(listServices(ipvs.services(), how));
  const service = ipvs.service(serviceKey(options));
  return service === undefined ? failed(1, 'No such service') : ok(listServices([service], { ...how, title: false }));
}

/** Of several views the first of this order. */
function viewOf(given: (name: 'stats' | 'rate' | 'thresholds' | 'persistent-conn') => boolean): ServerView {
  if (given('stats')) return 'stats';
  if (given('rate')) return 'rate';
  if (given('thresholds')) return 'thresholds';
  return given('persistent-conn') ? 'persistent' : 'counts';
}

/** By numbers with `-n`, else with the services' names; port 0 has none. */
function endName(numeric: boolean): EndName {
  if (numeric) return numericEnd;
  return (address, port, protocol) => `${formatIpv4(address)}:${port === 0 ? '0' : serviceName(port, protocol)}`;
}

function setTimeouts(words: readonly string[], ipvs: Ipvs): void {
  const [tcp, tcpfin, udp, extra] = words;
  if (tcp === undefined || tcpfin === undefined || udp === undefined) throw badArgument('--set option requires 3 timeout values');
  const timeouts = { tcp: parseTimeout(tcp, 0), tcpfin: parseTimeout(tcpfin, 0), udp: parseTimeout(udp, 0) };
  if (extra !== undefined) throw badArgument(`unexpected argument ${shorten(extra)}`);
  ipvs.setTimeouts(timeouts);
}
