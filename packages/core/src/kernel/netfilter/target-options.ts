/**
 * The targets (`-j`) with their options, and their text in listings.
 * Follows iptables 1.8.9, extensions/libxt_NAT.c, libxt_MARK.c, libipt_REJECT.c.
 */
import { formatIpv4, isIpv4, parseIpv4 } from '../../base/address.ts';
import { type Extension, type ExtensionDescription, extension, type OptionDescription } from './extension.ts';
import { formatPortSpan, hex, notModelled, parameterProblem, parseMark, parsePortSpan, shorten } from './notation.ts';
import type { PortSpan, Target } from './rule.ts';

type Named<N extends Target['name']> = Extract<Target, { readonly name: N }>;
type Nat = Named<'DNAT'> | Named<'SNAT'>;
type Ports = Extract<Target, { readonly name: 'MASQUERADE' | 'REDIRECT' }>;
type Verdict = Extract<Target, { readonly name: 'ACCEPT' | 'DROP' | 'RETURN' }>;
type RejectWith = Named<'REJECT'>['with'];

const REJECTIONS: readonly RejectWith[] = [
  'icmp-port-unreachable',
  'icmp-host-unreachable',
  'icmp-net-unreachable',
  'icmp-admin-prohibited',
  'tcp-reset',
];
const REJECT_ALIASES: readonly (readonly [string, RejectWith])[] = [
  ['port-unreach', 'icmp-port-unreachable'],
  ['host-unreach', 'icmp-host-unreachable'],
  ['net-unreach', 'icmp-net-unreachable'],
  ['admin-prohib', 'icmp-admin-prohibited'],
  ['tcp-rst', 'tcp-reset'],
];

function verdict(name: Verdict['name']): ExtensionDescription<Verdict> {
  return { name, options: [], start: () => ({ name }), list: () => '' };
}

/** `172.17.0.2:8080`, `172.17.0.2`, `:8080`. */
function parseTo(text: string, option: string): { address?: number; port?: PortSpan } {
  const colon = text.indexOf(':');
  const host = colon < 0 ? text : text.slice(0, colon);
  if (host.includes('-')) throw notModelled(`a range of addresses in ${option}`);
  if (host !== '' && !isIpv4(host)) throw parameterProblem(`Bad IP address "${shorten(host)}"`, option);
  const port = colon < 0 ? undefined : parsePortSpan(text.slice(colon + 1));
  return { ...(host === '' ? {} : { address: parseIpv4(host) }), ...(port === undefined ? {} : { port }) };
}

function formatTo(target: Nat): string {
  const address = target.address === undefined ? '' : formatIpv4(target.address);
  return target.port === undefined ? address : `${address}:${formatPortSpan(target.port)}`;
}

const NAT_UNMODELLED = ['--random', '--random-fully', '--persistent'];

const dnat: ExtensionDescription<Named<'DNAT'>> = {
  name: 'DNAT',
  options: [
    {
      flags: ['--to-destination'],
      read: ({ words: [text = ''] }, into) => void Object.assign(into, parseTo(text, '--to-destination')),
      write: (from) => ({ words: [formatTo(from)], not: false }),
    },
  ],
  unmodelled: NAT_UNMODELLED,
  start: () => ({ name: 'DNAT' }),
  missing: (_, given) => (given === 0 ? 'DNAT: option "--to-destination" must be specified' : undefined),
  list: (target) => `to:${formatTo(target)}`,
};

const snat: ExtensionDescription<Named<'SNAT'>> = {
  name: 'SNAT',
  options: [
    {
      flags: ['--to-source'],
      read({ words: [text = ''] }, into) {
        const to = parseTo(text, '--to-source');
        if (to.address === undefined) throw notModelled('--to-source without an address');
        Object.assign(into, to);
      },
      write: (from) => ({ words: [formatTo(from)], not: false }),
    },
  ],
  unmodelled: NAT_UNMODELLED,
  start: () => ({ name: 'SNAT', address: 0 }),
  missing: (_, given) => (given === 0 ? 'SNAT: option "--to-source" must be specified' : undefined),
  list: (target) => `to:${formatTo(target)}`,
};

const toPorts: OptionDescription<Ports> = {
  flags: ['--to-ports', '--to-port'],
  read({ words: [text = ''] }, into) {
    into.port = parsePortSpan(text);
  },
  write: (from) => (from.port === undefined ? undefined : { words: [formatPortSpan(from.port)], not: false }),
};

function withPorts(name: Ports['name'], label: string): ExtensionDescription<Ports> {
  return {
    name,
    options: [toPorts],
    unmodelled: ['--random', '--random-fully'],
    start: () => ({ name }),
    list: (target) => (target.port === undefined ? '' : `${label} ${formatPortSpan(target.port)}`),
  };
}

const mark: ExtensionDescription<Named<'MARK'>> = {
  name: 'MARK',
  options: [
    {
      flags: ['--set-xmark'],
      read: ({ words: [text = ''] }, into) => void Object.assign(into, parseMark(text, '--set-xmark')),
      write: (from) => ({ words: [`${hex(from.value)}/${hex(from.mask)}`], not: false }),
    },
    {
      flags: ['--set-mark'],
      read({ words: [text = ''] }, into) {
        const { value, mask } = parseMark(text, '--set-mark');
        Object.assign(into, { value, mask: (value | mask) >>> 0 });
      },
      write: () => undefined,
    },
    {
      flags: ['--or-mark'],
      read({ words: [text = ''] }, into) {
        const { value } = parseMark(text, '--or-mark');
        Object.assign(into, { value, mask: value });
      },
      write: () => undefined,
    },
    {
      flags: ['--and-mark'],
      read: ({ words: [text = ''] }, into) =>
        void Object.assign(into, { value: 0, mask: ~parseMark(text, '--and-mark').value >>> 0 }),
      write: () => undefined,
    },
    {
      flags: ['--xor-mark'],
      read: ({ words: [text = ''] }, into) => void Object.assign(into, { value: parseMark(text, '--xor-mark').value, mask: 0 }),
      write: () => undefined,
    },
  ],
  start: () => ({ name: 'MARK', value: 0, mask: 0 }),
  missing: (_, given) => (given === 1 ? undefined : 'MARK: One of the --set-xmark, --{and,or,xor,set}-mark options is required'),
  list({ value, mask }) {
    if (value === 0) return `MARK and ${hex(~mask >>> 0)}`;
    if (value === mask) return `MARK or ${hex(value)}`;
    if (mask === 0) return `MARK xor ${hex(value)}`;
    return mask === 0xffffffff ? `MARK set ${hex(value)}` : `MARK xset ${hex(value)}/${hex(mask)}`;
  },
};

const reject: ExtensionDescription<Named<'REJECT'>> = {
  name: 'REJECT',
  options: [
    {
      flags: ['--reject-with'],
      read({ words: [text = ''] }, into) {
        const kind = REJECTIONS.find((known) => known === text) ?? REJECT_ALIASES.find(([alias]) => alias === text)?.[1];
        if (kind === undefined && /^icmp-(proto|net|host)-(unreachable|prohibited)$/.test(text))
          throw notModelled(`REJECT --reject-with ${text}`);
        if (kind === undefined) throw parameterProblem(`unknown reject type "${shorten(text)}"`, '--reject-with');
        into.with = kind;
      },
      write: (from) => ({ words: [from.with], not: false }),
    },
  ],
  start: () => ({ name: 'REJECT', with: 'icmp-port-unreachable' }),
  list: (target) => `reject-with ${target.with}`,
};

/** Every target with its options, by name; any other word after `-j` is a chain. */
export const TARGETS: ReadonlyMap<string, Extension<Target>> = new Map(
  [
    extension<Target, Verdict>(verdict('ACCEPT')),
    extension<Target, Verdict>(verdict('DROP')),
    extension<Target, Verdict>(verdict('RETURN')),
    extension<Target, Named<'DNAT'>>(dnat),
    extension<Target, Named<'SNAT'>>(snat),
    extension<Target, Ports>(withPorts('MASQUERADE', 'masq ports:')),
    extension<Target, Ports>(withPorts('REDIRECT', 'redir ports')),
    extension<Target, Named<'MARK'>>(mark),
    extension<Target, Named<'REJECT'>>(reject),
  ].map((kind) => [kind.name, kind] as const),
);

/** Targets that iptables has and the model does not. */
export const UNMODELLED_TARGETS: ReadonlySet<string> = new Set(
  (
    'AUDIT CHECKSUM CLASSIFY CLUSTERIP CONNMARK CONNSECMARK CT DSCP ECN HMARK IDLETIMER LED LOG NETMAP NFLOG NFQUEUE NOTRACK QUEUE RATEEST ' +
    'SECMARK SET SYNPROXY TCPMSS TCPOPTSTRIP TEE TOS TPROXY TRACE TTL ULOG'
  ).split(' '),
);
