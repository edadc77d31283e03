/**
 * The words of an `ipvsadm` command line: which options there are, which of them a command takes, and what they mean.
 * Follows ipvsadm.c of ipvsadm 1.31, whose checks and words CentOS 7's 1.27 has, too.
 */
import { isIpv4, parseIpv4 } from '../base/address.ts';
import { Refusal } from '../base/refusal.ts';
import { type Forwarding, markKey, type ServerSpec, type ServiceKey, type ServiceSpec } from '../kernel/ipvs/service.ts';
import { parsePort } from '../kernel/netfilter/notation.ts';
import { type Options, type OptionTable, readOptions } from './options.ts';

/** What a line asks for. */
export type Command = (typeof COMMANDS)[number]['letter'];

/** The options that a check knows, in the order in which it looks at them; each by its letters or words. */
const CHECKED = {
  numeric: ['n'],
  connection: ['c'],
  'service-address': ['t', 'u', 'f'],
  scheduler: ['s'],
  persistent: ['p'],
  netmask: ['M'],
  'real-server': ['r'],
  'forwarding-method': ['m', 'g', 'i'],
  weight: ['w'],
  'u-threshold': ['x'],
  'l-threshold': ['y'],
  timeout: ['timeout'],
  daemon: ['daemon'],
  stats: ['stats'],
  rate: ['rate'],
  thresholds: ['thresholds'],
  'persistent-conn': ['persistent-conn'],
  nosort: ['nosort'],
  exact: ['exact'],
  ops: ['o'],
  'sched-flags': ['b'],
} as const;
type Checked = keyof typeof CHECKED;

const OF_SERVICE: readonly Checked[] = ['scheduler', 'persistent', 'netmask', 'ops', 'sched-flags'];
const OF_SERVER: readonly Checked[] = ['forwarding-method', 'weight', 'u-threshold', 'l-threshold'];
/** Of these a listing takes one. */
const EXCLUSIVE: readonly Checked[] = ['connection', 'service-address', 'timeout', 'daemon'];
const VIEWS: readonly Checked[] = ['stats', 'rate', 'thresholds', 'persistent-conn', 'nosort', 'exact'];

interface CommandRule {
  readonly letter: string;
  readonly name: string;
  readonly needs: readonly Checked[];
  readonly takes: readonly Checked[];
}

const COMMANDS = [
  { letter: 'A', name: 'add-service', needs: ['service-address'], takes: OF_SERVICE },
  { letter: 'E', name: 'edit-service', needs: ['service-address'], takes: OF_SERVICE },
  { letter: 'D', name: 'delete-service', needs: ['service-address'], takes: [] },
  { letter: 'C', name: 'flush', needs: [], takes: [] },
  { letter: 'L', name: 'list', needs: [], takes: ['numeric', ...EXCLUSIVE, ...VIEWS] },
  { letter: 'a', name: 'add-server', needs: ['service-address', 'real-server'], takes: OF_SERVER },
  { letter: 'e', name: 'edit-server', needs: ['service-address', 'real-server'], takes: OF_SERVER },
  { letter: 'd', name: 'delete-server', needs: ['service-address', 'real-server'], takes: [] },
  { letter: 'set', name: 'set', needs: [], takes: [] },
  { letter: 'R', name: 'restore', needs: [], takes: [] },
  { letter: 'S', name: 'save', needs: [], takes: ['numeric'] },
  { letter: 'Z', name: 'zero', needs: [], takes: ['service-address'] },
] as const satisfies readonly CommandRule[];

const OPTIONS: OptionTable = {
  flags: [
    ['A', 'add-service'],
    ['E', 'edit-service'],
    ['D', 'delete-service'],
    ['C', 'clear'],
    ['S', 'save'],
    ['R', 'restore'],
    ['Z', 'zero'],
    ['a', 'add-server'],
    ['e', 'edit-server'],
    ['d', 'delete-server'],
    ['L', 'l', 'list'],
    ['set'],
    ['n', 'numeric'],
    ['c', 'connection'],
    ['m', 'masquerading'],
    ['g', 'gatewaying'],
    ['i', 'ipip'],
    ['o', 'ops'],
    ['timeout'],
    ['daemon'],
    ['stats'],
    ['rate'],
    ['thresholds'],
    ['persistent-conn'],
    ['sort'],
    ['nosort'],
    ['exact', 'X'],
    ['h', 'help'],
    ['v', 'version'],
  ],
  values: [
    ['t', 'tcp-service'],
    ['u', 'udp-service'],
    ['f', 'fwmark-service'],
    ['s', 'scheduler'],
    ['p', 'persistent'],
    ['M', 'netmask'],
    ['r', 'real-server'],
    ['w', 'weight'],
    ['x', 'u-threshold'],
    ['y', 'l-threshold'],
    ['b', 'sched-flags'],
    ['tun-type'],
  ],
  unmodelled: [
    ...['sctp-service', '6', 'ipv6', 'pe', 'start-daemon', 'stop-daemon', 'mcast-interface', 'mcast-group', 'mcast-port'],
    ...['mcast-ttl', 'sync-maxlen', 'syncid', 'tun-info', 'tun-port', 'tun-nocsum', 'tun-csum', 'tun-remcsum'],
  ],
};

/** Seconds that `-p` stands for without a number. */
const PERSISTENT_SECONDS = '360';

/** A line that was read and may be carried out. */
export interface Line {
  readonly command: Command;
  readonly options: Options;
}

/**
 * Reads a command line; `help`, `version`, or undefined for one that does not begin with a command.
 * @throws Refusal of a code `bad-argument`, or of readOptions
 */
export function readLine(args: readonly string[]): Line | 'help' | 'version' | undefined {
  if (!beginsWell(args[0] ?? '')) return undefined;
  const options = readOptions('ipvsadm', OPTIONS, withPersistence(args), (option) => `${option}: unknown option`);
  if (options.has('h')) return 'help';
  if (options.has('v')) return 'version';
  const given = COMMANDS.filter(({ letter }) => options.has(letter));
  const [first, second] = given.sort((a, b) => placeOf(args, a) - placeOf(args, b));
  if (first === undefined) return undefined;
  if (second !== undefined) throw badArgument(`invalid option \`${second.letter === 'set' ? '--set' : `-${second.letter}`}'`);
  for (const name of Object.keys(CHECKED) as Checked[]) checkOnce(name, options);
  // The real tool reads its words one by one: what is wrong with a value comes before what is wrong with the options.
  if (options.value('t') !== undefined || options.value('u') !== undefined || options.value('f') !== undefined)
    serviceKey(options);
  check(first, options);
  return { command: first.letter, options };
}

/** Whether a checked option was given. */
export function isGiven(name: Checked, options: Options): boolean {
  return CHECKED[name].some((letter) => options.has(letter) || options.value(letter) !== undefined);
}

/** The service of `-t`, `-u` or `-f`. */
export function serviceKey(options: Options): ServiceKey {
  const mark = options.value('f');
  if (mark !== undefined) {
    const value = wholeNumber(mark, 0xffffffff);
    if (value === undefined || value === 0) throw badArgument(`invalid fwmark value \`${mark.slice(0, 60)}' specified`);
    return markKey(value);
  }
  const protocol = options.value('t') === undefined ? 17 : 6;
  const end = parseEnd(options.value('t') ?? options.value('u') ?? '');
  if (end === undefined) throw badArgument('illegal virtual server address[:port] specified');
  return { protocol, address: end.address, port: end.port ?? 0 };
}

/** The service of `-A` or `-E`. */
export function serviceSpec(options: Options): ServiceSpec {
  const seconds = options.value('p');
  const netmask = options.value('M');
  const flags = options.value('b');
  if (netmask !== undefined && !isIpv4(netmask)) throw badArgument('illegal virtual server persistent mask specified');
  return {
    ...serviceKey(options),
    scheduler: options.value('s') ?? 'wlc',
    onePacket: options.has('o'),
    ...(flags === undefined ? {} : { flags: flags.split(',').filter((name) => name !== '') }),
    ...(seconds === undefined ? {} : { persistentSeconds: parseTimeout(seconds, 1) }),
    ...(netmask === undefined ? {} : { netmask: parseIpv4(netmask) }),
  };
}

/** The server of `-a`, `-e` or `-d`: on direct routing and tunnelling its port is the service's. */
export function serverSpec(options: Options): ServerSpec {
  const service = serviceKey(options);
  const end = parseEnd(options.value('r') ?? '');
  if (end === undefined) throw badArgument('illegal real server address[:port] specified');
  const forward: Forwarding = options.has('m') ? 'masquerade' : options.has('i') ? 'tunnel' : 'route';
  const tunnel = options.value('tun-type');
  if (tunnel !== undefined && forward !== 'tunnel') throw badArgument('Tunnel options conflict with forward method');
  if (tunnel !== undefined && tunnel !== 'ipip') throw notModelled(`tunnel type ${tunnel.slice(0, 60)}`);
  const anyPort = service.mark === undefined && forward !== 'masquerade' && !options.has('d');
  return {
    address: end.address,
    port: anyPort ? service.port : (end.port ?? service.port),
    forward,
    weight: number(options, 'w', 1, 'illegal weight specified'),
    upperThreshold: number(options, 'x', 0, 'illegal u_threshold specified'),
    lowerThreshold: number(options, 'y', 0, 'illegal l_threshold specified'),
  };
}

/** Seconds of a timeout: at most 31 days. */
export function parseTimeout(text: string, least: number): number {
  const value = wholeNumber(text, 31 * 86_400);
  if (value === undefined || value < least) throw badArgument(`invalid timeout value \`${text.slice(0, 60)}' specified`);
  return value;
}

/** What ipvsadm says of its arguments. */
export function badArgument(message: string): Refusal {
  return new Refusal({ component: 'ipvsadm', code: 'bad-argument', message });
}

function notModelled(what: string): Refusal {
  return new Refusal({ component: 'ipvsadm', code: 'not-modelled', path: what, message: `ipvsadm: ${what} is not modelled` });
}

/** `-p` may stand without a value, which the reader of options knows nothing of. */
function withPersistence(args: readonly string[]): readonly string[] {
  return args.flatMap((word, i) => {
    if (word !== '-p' && word !== '--persistent') return [word];
    const next = args[i + 1];
    return next === undefined || next.startsWith('-') ? [word, PERSISTENT_SECONDS] : [word];
  });
}

/** The first word must be a command, alone or with other letters behind. */
function beginsWell(word: string): boolean {
  const others = ['h', 'v', 'start-daemon', 'stop-daemon'];
  return [...COMMANDS.map(({ letter }) => letter), ...others].some((letter) => stands(word, letter));
}

/** Where a command's word stands in a line; if it is among other letters, at the end. */
function placeOf(args: readonly string[], { letter }: CommandRule): number {
  const place = args.findIndex((word) => stands(word, letter));
  return place < 0 ? args.length : place;
}

function stands(word: string, letter: string): boolean {
  const names = OPTIONS.flags.find(([name]) => name === letter) ?? [letter];
  if (word.startsWith('--')) return names.some((name) => name.length > 1 && word === `--${name}`);
  return word.startsWith('-') && names.some((name) => name.length === 1 && word[1] === name);
}

function checkOnce(name: Checked, options: Options): void {
  const letters: readonly string[] = CHECKED[name];
  const given = letters.filter((letter) => options.has(letter) || options.value(letter) !== undefined);
  const repeated = letters.some((letter) => options.value(letter) !== undefined && options.has(letter));
  if (given.length > 1 || repeated) throw badArgument(`multiple '${name}' options specified`);
}

function check({ name, needs, takes }: CommandRule, options: Options): void {
  let exclusive: string | undefined;
  for (const option of Object.keys(CHECKED) as Checked[]) {
    const given = isGiven(option, options);
    if (!given && needs.includes(option))
      throw badArgument(`You need to supply the '${option}' option for the '${name}' command`);
    if (given && !needs.includes(option) && !takes.includes(option))
      throw badArgument(`Illegal '${option}' option with the '${name}' command`);
    if (!given || name !== 'list' || !EXCLUSIVE.includes(option)) continue;
    if (exclusive !== undefined)
      throw badArgument(`The option '${option}' conflicts with the '${exclusive}' option in the '${name}' command`);
    exclusive = option;
  }
}

function number(options: Options, name: string, otherwise: number, message: string): number {
  const text = options.value(name);
  const value = text === undefined ? otherwise : wholeNumber(text, 0x7fffffff);
  if (value === undefined) throw badArgument(message);
  return value;
}

function wholeNumber(text: string, most: number): number | undefined {
  if (!/^\d{1,12}$/.test(text)) return undefined;
  const value = Number(text);
  return value <= most ? value : undefined;
}

/** `11.249.78.219:3141`, `11.249.78.219:http`, `11.249.78.219`. */
function parseEnd(text: string): { readonly address: number; readonly port: number | undefined } | undefined {
  const colon = text.indexOf(':');
  const host = colon < 0 ? text : text.slice(0, colon);
  if (!isIpv4(host)) return undefined;
  if (colon < 0) return { address: parseIpv4(host), port: undefined };
  const port = portOf(text.slice(colon + 1));
  return port === undefined ? undefined : { address: parseIpv4(host), port };
}

function portOf(text: string): number | undefined {
  if (/^\d+$/.test(text)) return wholeNumber(text, 65535);
  try {
    return parsePort(text);
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}
