/**
 * DNAT, SNAT, MASQUERADE, REDIRECT, NETMAP: their options. What they do is kernel/netfilter/nat.ts.
 * Follows iptables 1.8.9, extensions/libxt_NAT.c and libipt_NETMAP.c.
 */
import { type Cidr, formatCidr, formatIpv4, type Ipv4, isIpv4, networkOf, parseIpv4 } from '../../../base/address.ts';
import type { OptionDescription } from '../extension.ts';
import { formatPortSpan, parameterProblem, parseHost, parsePort, parsePortSpan, shorten } from '../notation.ts';
import { flagOption } from '../option.ts';
import type { PortSpan } from '../rule.ts';
import type { TargetDescription } from '../targets.ts';

/** How a port is chosen. */
interface Choice {
  readonly random?: true;
  readonly fully?: true;
  /** Of several addresses a source keeps the one it got, wherever it goes. */
  readonly persistent?: true;
}
/** Another destination. */
export interface DnatTarget extends Choice {
  readonly name: 'DNAT';
  readonly address?: Ipv4;
  /** The last of several addresses. */
  readonly lastAddress?: Ipv4;
  readonly port?: PortSpan;
  /** The port that becomes the first of the span. */
  readonly basePort?: number;
}
/** Another source; without an address only another port. */
export interface SnatTarget extends Choice {
  readonly name: 'SNAT';
  readonly address?: Ipv4;
  /** The last of several addresses. */
  readonly lastAddress?: Ipv4;
  readonly port?: PortSpan;
}
/** An address of another network with the same host bits: as destination before routing, else as source. */
export interface NetmapTarget {
  readonly name: 'NETMAP';
  readonly network: Cidr;
}
/** An address of the outgoing or incoming device. */
export interface PortsTarget extends Choice {
  readonly name: 'MASQUERADE' | 'REDIRECT';
  readonly port?: PortSpan;
}

function choices<T extends Choice>(): readonly [OptionDescription<T>, OptionDescription<T>, OptionDescription<T>] {
  return [
    flagOption<T>('--random', 'random'),
    flagOption<T>('--random-fully', 'fully'),
    flagOption<T>('--persistent', 'persistent'),
  ];
}

function listChoice({ random, fully, persistent }: Choice): string {
  return `${random ? ' random' : ''}${fully ? ' random-fully' : ''}${persistent ? ' persistent' : ''}`;
}

type To = Pick<DnatTarget, 'address' | 'lastAddress' | 'port' | 'basePort'>;

/** `172.17.0.2:8080`, `172.17.0.2-172.17.0.9`, `:8080-8090`; of DNAT also `:8080-8090/80`. */
function parseTo(text: string, option: string): To {
  const colon = text.indexOf(':');
  const hosts = colon < 0 ? text : text.slice(0, colon);
  const [ports = '', base] = colon < 0 ? [] : text.slice(colon + 1).split('/', 2);
  const [first, last] = hosts === '' ? [] : hosts.split('-', 2).map((host) => parseAddress(host, option));
  return {
    ...(first === undefined ? {} : { address: first }),
    ...(last === undefined || last === first ? {} : { lastAddress: last }),
    ...(colon < 0 ? {} : { port: parsePortSpan(ports) }),
    ...(base === undefined ? {} : { basePort: parsePort(base) }),
  };
}

function parseAddress(text: string, option: string): Ipv4 {
  if (!isIpv4(text)) throw parameterProblem(`Bad IP address "${shorten(text)}"`, option);
  return parseIpv4(text);
}

/** `172.17.0.2-172.17.0.9:8080-8090/80`, as iptables prints it. */
export function formatTo({ address, lastAddress, port, basePort }: To): string {
  const first = address === undefined ? '' : formatIpv4(address);
  const addresses = lastAddress === undefined ? first : `${first}-${formatIpv4(lastAddress)}`;
  if (port === undefined) return addresses;
  return `${addresses}:${formatPortSpan(port)}${basePort === undefined ? '' : `/${basePort}`}`;
}

function to<T extends DnatTarget | SnatTarget>(name: T['name'], flag: string): Omit<TargetDescription<T>, 'place' | 'start'> {
  return {
    name,
    tracks: true,
    options: [
      {
        flags: [flag],
        read: ({ words: [text = ''] }, into) => void Object.assign(into, parseTo(text, flag)),
        write: (from) => ({ words: [formatTo(from)], not: false }),
      },
      ...choices<T>(),
    ],
    missing: ({ address, port }) => ((address ?? port) === undefined ? `${name}: option "${flag}" must be specified` : undefined),
    list: (target) => `to:${formatTo(target)}${listChoice(target)}`,
  };
}

/** `-j DNAT` */
export const dnat: TargetDescription<DnatTarget> = {
  ...to<DnatTarget>('DNAT', '--to-destination'),
  start: () => ({ name: 'DNAT' }),
  place: () => ({ table: 'nat', chains: ['PREROUTING', 'OUTPUT'] }),
};

/** `-j SNAT` */
export const snat: TargetDescription<SnatTarget> = {
  ...to<SnatTarget>('SNAT', '--to-source'),
  start: () => ({ name: 'SNAT' }),
  place: () => ({ table: 'nat', chains: ['INPUT', 'POSTROUTING'] }),
};

const toPorts: OptionDescription<PortsTarget> = {
  flags: ['--to-ports', '--to-port'],
  read({ words: [text = ''] }, into) {
    into.port = parsePortSpan(text);
  },
  write: (from) => (from.port === undefined ? undefined : { words: [formatPortSpan(from.port)], not: false }),
};

function listPorts(label: string, target: PortsTarget): string {
  return `${target.port === undefined ? '' : `${label} ${formatPortSpan(target.port)}`}${listChoice(target)}`.trimStart();
}

/** `-j MASQUERADE` */
export const masquerade: TargetDescription<PortsTarget> = {
  name: 'MASQUERADE',
  tracks: true,
  options: [toPorts, ...choices<PortsTarget>().slice(0, 2)],
  start: () => ({ name: 'MASQUERADE' }),
  place: () => ({ table: 'nat', chains: ['POSTROUTING'] }),
  list: (target) => listPorts('masq ports:', target),
};

/** `-j REDIRECT` */
export const redirect: TargetDescription<PortsTarget> = {
  name: 'REDIRECT',
  tracks: true,
  options: [toPorts, ...choices<PortsTarget>().slice(0, 1)],
  start: () => ({ name: 'REDIRECT' }),
  place: () => ({ table: 'nat', chains: ['PREROUTING', 'OUTPUT'] }),
  list: (target) => listPorts('redir ports', target),
};

/** `-j NETMAP` */
export const netmap: TargetDescription<NetmapTarget> = {
  name: 'NETMAP',
  tracks: true,
  options: [
    {
      flags: ['--to'],
      read({ words: [text = ''] }, into) {
        into.network = networkOf(parseHost(text).network);
      },
      write: ({ network }) => ({ words: [formatCidr(network)], not: false }),
    },
  ],
  start: () => ({ name: 'NETMAP', network: { address: 0, prefix: 0 } }),
  missing: (_, given) => (given === 0 ? 'NETMAP: option "--to" must be specified\n' : undefined),
  place: () => ({ table: 'nat' }),
  list: ({ network }) => `to:${formatCidr(network)}`,
};
