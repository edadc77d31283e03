/**
 * `-m addrtype`: whose an address is, by the local routing table.
 * Follows linux net/netfilter/xt_addrtype.c and iptables 1.8.9, extensions/libxt_addrtype.c. Of the types that it
 * knows by name the kernel finds four; the others match nothing.
 */
import type { Ipv4 } from '../../../base/address.ts';
import type { SkBuff } from '../../skb.ts';
import type { MatchDescription } from '../matches.ts';
import { parameterProblem, shorten } from '../notation.ts';
import { fieldOption, flagOption, type Negatable } from '../option.ts';
import type { RuleHost, Test } from '../rule-host.ts';

/** Every type that has a name, in the kernel's order. */
const TYPES = [
  'UNSPEC',
  'UNICAST',
  'LOCAL',
  'BROADCAST',
  'ANYCAST',
  'MULTICAST',
  'BLACKHOLE',
  'UNREACHABLE',
  'PROHIBIT',
  'THROW',
  'NAT',
  'XRESOLVE',
] as const;

/** Any of some types. */
export interface TypesMatch extends Negatable {
  readonly types: readonly (typeof TYPES)[number][];
}

/** Types of the two addresses; of the incoming or outgoing device alone, if so limited. */
export interface AddrtypeMatch {
  readonly name: 'addrtype';
  readonly source?: TypesMatch;
  readonly destination?: TypesMatch;
  readonly limitIn?: true;
  readonly limitOut?: true;
}

function parseTypes(text: string): TypesMatch {
  const given = text.split(',').map((word) => word.toUpperCase());
  const bad = given.find((word) => !TYPES.some((type) => type === word));
  if (bad !== undefined) throw parameterProblem(`addrtype: bad type "${shorten(bad)}"`, '--dst-type');
  return { types: TYPES.filter((type) => given.includes(type)) };
}

const formatTypes = ({ types }: TypesMatch) => types.join(',');

/** `-m addrtype` */
export const addrtype: MatchDescription<AddrtypeMatch> = {
  name: 'addrtype',
  options: [
    fieldOption<AddrtypeMatch, TypesMatch>(['--src-type'], 'source', parseTypes, formatTypes),
    fieldOption<AddrtypeMatch, TypesMatch>(['--dst-type'], 'destination', parseTypes, formatTypes),
    flagOption<AddrtypeMatch>('--limit-iface-in', 'limitIn'),
    flagOption<AddrtypeMatch>('--limit-iface-out', 'limitOut'),
  ],
  start: () => ({ name: 'addrtype' }),
  missing({ source, destination, limitIn, limitOut }) {
    if (source === undefined && destination === undefined) return 'addrtype: you must specify --src-type or --dst-type';
    if (limitIn && limitOut) return 'addrtype: option "--limit-iface-in" cannot be used together with "--limit-iface-out".';
    return undefined;
  },
  place({ limitIn, limitOut }) {
    if (limitIn) return { chains: ['PREROUTING', 'INPUT', 'FORWARD'] };
    return limitOut ? { chains: ['POSTROUTING', 'OUTPUT', 'FORWARD'] } : undefined;
  },
  list({ source, destination, limitIn, limitOut }) {
    const text = (label: string, match: TypesMatch | undefined) =>
      match === undefined ? '' : ` ${label} ${match.not === true ? '!' : ''}${formatTypes(match)}`;
    return `ADDRTYPE match${text('src-type', source)}${text('dst-type', destination)}${limitIn ? ' limit-in' : ''}${limitOut ? ' limit-out' : ''}`;
  },
  tests({ source, destination, limitIn, limitOut }) {
    const device = limitIn ? (skb: SkBuff) => skb.input?.name : limitOut ? (skb: SkBuff) => skb.output?.name : () => undefined;
    const tests: Test[] = [];
    const add = (match: TypesMatch | undefined, of: (skb: SkBuff) => Ipv4) => {
      if (match === undefined) return;
      const { types, not = false } = match;
      tests.push((host: RuleHost, skb) => types.includes(host.addressType(of(skb), device(skb))) !== not);
    };
    add(source, (skb) => skb.source);
    add(destination, (skb) => skb.destination);
    return tests;
  },
};
