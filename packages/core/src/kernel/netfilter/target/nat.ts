/**
 * DNAT, SNAT, MASQUERADE, REDIRECT: their options. What they do is kernel/netfilter/nat.ts.
 * Follows iptables 1.8.9, extensions/libxt_NAT.c. Ranges of addresses are not modelled.
 */
import { formatIpv4, type Ipv4, isIpv4, parseIpv4 } from '../../../base/address.ts';
import type { OptionDescription } from '../extension.ts';
import { formatPortSpan, notModelled, parameterProblem, parsePortSpan, shorten } from '../notation.ts';
import { flagOption } from '../option.ts';
import type { PortSpan } from '../rule.ts';
import type { TargetDescription } from '../targets.ts';

/** How a port is chosen; both random ways are one since Linux 5.0. */
interface Choice {
  readonly random?: true;
  readonly fully?: true;
  /** Bears on ranges of addresses alone. */
  readonly persistent?: true;
}
/** Another destination. */
export interface DnatTarget extends Choice {
  readonly name: 'DNAT';
  readonly address?: Ipv4;
  readonly port?: PortSpan;
}
/** Another source; without an address only another port. */
export interface SnatTarget extends Choice {
  readonly name: 'SNAT';
  readonly address?: Ipv4;
  readonly port?: PortSpan;
}
/** An address of the outgoing or incoming device. */
export interface PortsTarget extends Choice {
  readonly name: 'MASQUERADE' | 'REDIRECT';
  readonly port?: PortSpan;
}

/** Whether a port is drawn in any case. */
export function drawsPort({ random, fully }: Choice): boolean {
  return random === true || fully === true;
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

/** `172.17.0.2:8080`, `172.17.0.2`, `:8080`. */
function parseTo(text: string, option: string): { address?: number; port?: PortSpan } {
  const colon = text.indexOf(':');
  const host = colon < 0 ? text : text.slice(0, colon);
  const ports = colon < 0 ? '' : text.slice(colon + 1);
  if (host.includes('-')) throw notModelled(`a range of addresses in ${option}`);
  if (ports.includes('/')) throw notModelled(`a base port in ${option}`);
  if (host !== '' && !isIpv4(host)) throw parameterProblem(`Bad IP address "${shorten(host)}"`, option);
  const port = colon < 0 ? undefined : parsePortSpan(ports);
  return { ...(host === '' ? {} : { address: parseIpv4(host) }), ...(port === undefined ? {} : { port }) };
}

function formatTo({ address, port }: DnatTarget | SnatTarget): string {
  const text = address === undefined ? '' : formatIpv4(address);
  return port === undefined ? text : `${text}:${formatPortSpan(port)}`;
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
