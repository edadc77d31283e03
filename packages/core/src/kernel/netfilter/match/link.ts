/**
 * `-m mac`, `-m pkttype`, `-m physdev`: how a packet came by the link, and by which bridge ports it goes.
 * Follows linux net/netfilter/xt_{mac,pkttype,physdev}.c and iptables 1.8.9, extensions/libxt_{mac,pkttype,physdev}.c.
 */
import { BROADCAST_MAC, formatMac, type Mac, parseMac } from '../../../base/address.ts';
import type { SkBuff } from '../../skb.ts';
import type { OptionDescription } from '../extension.ts';
import type { MatchDescription } from '../matches.ts';
import { parameterProblem, shorten } from '../notation.ts';
import { fieldOption, type Negatable } from '../option.ts';
import type { InterfaceMatch } from '../rule.ts';

/** The sender's link address. */
export interface MacMatch {
  readonly name: 'mac';
  readonly source: { readonly mac: Mac } & Negatable;
}
/** To whom the frame was addressed. */
export interface PkttypeMatch {
  readonly name: 'pkttype';
  readonly type: { readonly type: PacketType } & Negatable;
}
/** Ports of a bridge that the packet came in by and goes out by, as far as it is bridged. */
export interface PhysdevMatch {
  readonly name: 'physdev';
  readonly in?: InterfaceMatch;
  readonly isIn?: Negatable;
  readonly out?: InterfaceMatch;
  readonly isOut?: Negatable;
  readonly isBridged?: Negatable;
}

const PACKET_TYPES = ['unicast', 'broadcast', 'multicast'] as const;
type PacketType = (typeof PACKET_TYPES)[number];
const MAC = /^[0-9a-fA-F]{1,2}(:[0-9a-fA-F]{1,2}){5}$/;

/** `-m mac` */
export const mac: MatchDescription<MacMatch> = {
  name: 'mac',
  options: [
    fieldOption<MacMatch, MacMatch['source']>(
      ['--mac-source'],
      'source',
      (text) => {
        if (!MAC.test(text)) throw parameterProblem('Invalid MAC address specified.', '--mac-source');
        return { mac: parseMac(text.replace(/\b([0-9a-fA-F])\b/g, '0$1')) };
      },
      ({ mac }) => formatMac(mac),
    ),
  ],
  start: () => ({ name: 'mac', source: { mac: 0 } }),
  missing: (_, given) => (given === 0 ? 'mac: option "--mac-source" must be specified' : undefined),
  place: () => ({ chains: ['PREROUTING', 'INPUT', 'FORWARD'] }),
  list: ({ source }) => `MAC ${source.not === true ? '! ' : ''}${formatMac(source.mac)}`,
  tests: ({ source: { mac, not = false } }) => [
    // What never was on a wire has no address to compare, not even with another one.
    (_, { input, sourceMac }) => input !== undefined && sourceMac !== 0 && (sourceMac === mac) !== not,
  ],
};

/** `-m pkttype` */
export const pkttype: MatchDescription<PkttypeMatch> = {
  name: 'pkttype',
  options: [
    fieldOption<PkttypeMatch, PkttypeMatch['type']>(
      ['--pkt-type'],
      'type',
      (text) => {
        const type = PACKET_TYPES.find((known) => known === text.toLowerCase());
        if (type === undefined) throw parameterProblem(`Bad packet type '${shorten(text)}'`, '--pkt-type');
        return { type };
      },
      ({ type }) => type,
    ),
  ],
  start: () => ({ name: 'pkttype', type: { type: 'unicast' } }),
  missing: (_, given) => (given === 0 ? 'pkttype: option "--pkt-type" must be specified' : undefined),
  list: ({ type: { type, not } }) => `PKTTYPE ${not === true ? '!' : ''}= ${type}`,
  tests: ({ type: { type, not = false } }) => [(_, skb) => (packetType(skb) === type) !== not],
};

/** A packet made here is for one host, whoever it is addressed to: only what came by a device has a type. */
function packetType({ input, physicalInput, destinationMac }: SkBuff): PacketType {
  if ((input ?? physicalInput) === undefined) return 'unicast';
  if (destinationMac === BROADCAST_MAC) return 'broadcast';
  // The lowest bit of a MAC address's first byte.
  return Math.floor(destinationMac / 2 ** 40) % 2 === 1 ? 'multicast' : 'unicast';
}

function portOption(flag: string, field: 'in' | 'out'): OptionDescription<PhysdevMatch> {
  return fieldOption<PhysdevMatch, InterfaceMatch>(
    [flag],
    field,
    (name) => {
      if (name.length > 15) throw parameterProblem(`interface name \`${shorten(name)}' must be shorter than IFNAMSIZ (15)`);
      return { name };
    },
    ({ name }) => name,
  );
}

function isOption(flag: string, field: 'isIn' | 'isOut' | 'isBridged'): OptionDescription<PhysdevMatch> {
  return {
    flags: [flag],
    arity: 0,
    negatable: true,
    read: ({ not }, into) => {
      into[field] = not ? { not } : {};
    },
    write: (from) => {
      const value = from[field];
      return value === undefined ? undefined : { words: [], not: value.not === true };
    },
  };
}

/** `-m physdev` */
export const physdev: MatchDescription<PhysdevMatch> = {
  name: 'physdev',
  options: [
    isOption('--physdev-is-in', 'isIn'),
    portOption('--physdev-in', 'in'),
    isOption('--physdev-is-out', 'isOut'),
    portOption('--physdev-out', 'out'),
    isOption('--physdev-is-bridged', 'isBridged'),
  ],
  start: () => ({ name: 'physdev' }),
  missing: (_, given) => (given === 0 ? 'PHYSDEV: no physdev option specified' : undefined),
  place: ({ out, isOut, isBridged }) =>
    (out !== undefined || (isOut !== undefined && isOut.not !== true)) && (isBridged === undefined || isBridged.not === true)
      ? { chains: ['PREROUTING', 'INPUT', 'FORWARD', 'POSTROUTING'] }
      : undefined,
  list(match) {
    const words = physdev.options.flatMap((option) => {
      const argument = option.write(match);
      return argument === undefined ? [] : [`${argument.not ? '! ' : ''}${[option.flags[0], ...argument.words].join(' ')}`];
    });
    return `PHYSDEV match ${words.join(' ')}`;
  },
  tests: (match) => [(_, skb) => (skb.physicalInput === undefined ? matchesUnbridged(match) : matchesPorts(match, skb))],
};

/** A packet that no bridge has in its hands matches what is negated. */
function matchesUnbridged({ in: input, isIn, out, isOut, isBridged }: PhysdevMatch): boolean {
  return [input, isIn, out, isOut, isBridged].every((part) => part === undefined || part.not === true);
}

function matchesPorts({ in: input, isIn, out, isOut, isBridged }: PhysdevMatch, skb: SkBuff): boolean {
  const inPort = skb.physicalInput?.name;
  const outPort = skb.physicalOutput?.name;
  if (isBridged !== undefined && (outPort !== undefined) === (isBridged.not === true)) return false;
  if (isIn !== undefined && (inPort !== undefined) === (isIn.not === true)) return false;
  if (isOut !== undefined && (outPort !== undefined) === (isOut.not === true)) return false;
  if (input !== undefined && inPort !== undefined && isNamed(input, inPort) === (input.not === true)) return false;
  if (out === undefined) return true;
  return outPort !== undefined && isNamed(out, outPort) !== (out.not === true);
}

function isNamed({ name }: InterfaceMatch, device: string): boolean {
  return name.endsWith('+') ? device.startsWith(name.slice(0, -1)) : device === name;
}
