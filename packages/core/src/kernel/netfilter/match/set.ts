/**
 * `-m set`: whether a packet's addresses are in an ipset.
 * Follows linux net/netfilter/xt_set.c and iptables 1.8.9, extensions/libxt_set.c.
 */
import { isLaterFragment } from '../../../wire/ipv4.ts';
import type { SkBuff } from '../../skb.ts';
import type { MatchDescription } from '../matches.ts';
import { parameterProblem, shorten } from '../notation.ts';
import { PROTOCOL } from '../rule.ts';

/** `directions`: one of src, dst for each part of the set's type. */
export interface SetMatch {
  readonly name: 'set';
  readonly set: string;
  readonly directions: readonly ('src' | 'dst')[];
  readonly not?: boolean;
}

/** What a packet has for a port: type and code, if it is ICMP. */
function portOf({ protocol, icmpType, icmpCode, sourcePort, destinationPort }: SkBuff, side: 'src' | 'dst' | undefined): number {
  if (protocol === PROTOCOL.icmp) return icmpType * 256 + icmpCode;
  return side === 'src' ? sourcePort : destinationPort;
}

/** `-m set` */
export const set: MatchDescription<SetMatch> = {
  name: 'set',
  options: [
    {
      flags: ['--match-set'],
      arity: 2,
      negatable: true,
      read({ words: [name = '', directions = ''], not }, into) {
        if (name.length > 31) throw parameterProblem(`setname \`${shorten(name)}' too long, max 31 characters.`, '--match-set');
        const given = directions.split(',');
        const bad = given.find((direction) => direction !== 'src' && direction !== 'dst');
        if (bad !== undefined || given.length > 6) {
          throw parameterProblem("You must spefify (the comma separated list of) 'src' or 'dst' direction", '--match-set');
        }
        into.set = name;
        into.directions = given.map((direction) => (direction === 'src' ? 'src' : 'dst'));
        if (not) into.not = true;
      },
      write: (from) => ({ words: [from.set, from.directions.join(',')], not: from.not === true }),
    },
  ],
  unmodelled: [
    ['--return-nomatch', 0],
    ['--update-counters', 0],
    ['--update-subcounters', 0],
    ['--packets-eq', 1],
    ['--packets-lt', 1],
    ['--packets-gt', 1],
    ['--bytes-eq', 1],
    ['--bytes-lt', 1],
    ['--bytes-gt', 1],
  ],
  start: () => ({ name: 'set', set: '', directions: [] }),
  missing: (_, given) => (given === 0 ? "You must specify `--match-set' with proper arguments" : undefined),
  list: (match) => `${match.not === true ? '! ' : ''}match-set ${match.set} ${match.directions.join(',')}`,
  tests({ set: name, directions, not = false }) {
    const [first, second] = directions;
    return [
      (host, skb) => {
        const index = host.setIndex(name);
        if (index === undefined || directions.length < index.parts) return not;
        const address = first === 'src' ? skb.source : skb.destination;
        // Of a fragment without ports nobody can tell.
        if (index.parts > 1 && isLaterFragment(skb)) return not;
        return index.has(address, skb.protocol, portOf(skb, second)) !== not;
      },
    ];
  },
};
