/**
 * `-m owner`: whose socket a packet comes from.
 * Follows linux net/netfilter/xt_owner.c and iptables 1.8.9, extensions/libxt_owner.c. Programs here run as root;
 * a socket of the kernel's own (ICMP, resets, tunnels) has no owner.
 */
import type { MatchDescription } from '../matches.ts';
import { parameterProblem, shorten } from '../notation.ts';
import { fieldOption, flagOption, type Negatable, type Span, within } from '../option.ts';

/** All that is given must hold. */
export interface OwnerMatch {
  readonly name: 'owner';
  readonly user?: Span & Negatable;
  readonly group?: Span & Negatable;
  readonly exists?: Negatable;
  readonly supplementary?: true;
}

const ROOT = 0;
const NAMES: readonly (readonly [string, number])[] = [['root', ROOT]];

function parseOwners(option: string, text: string): Span {
  const known = NAMES.find(([name]) => name === text)?.[1];
  if (known !== undefined) return { first: known, last: known };
  const match = /^(\d{1,10})(?:-(\d{1,10}))?$/.exec(text);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? first);
  if (match === null || first > 0xffffffff || last > 0xffffffff)
    throw parameterProblem(`owner: Bad value for "${option}" option: "${shorten(text)}"`, option);
  if (last < first) throw parameterProblem("Invalid argument. Run `dmesg' for more information.", option, 'invalid-argument');
  return { first, last };
}

function format({ first, last }: Span): string {
  return first === last ? String(first) : `${first}-${last}`;
}

/** `-m owner` */
export const owner: MatchDescription<OwnerMatch> = {
  name: 'owner',
  options: [
    {
      flags: ['--socket-exists'],
      arity: 0,
      negatable: true,
      read: ({ not }, into) => {
        into.exists = not ? { not } : {};
      },
      write: ({ exists }) => (exists === undefined ? undefined : { words: [], not: exists.not === true }),
    },
    fieldOption<OwnerMatch, Span & Negatable>(['--uid-owner'], 'user', (text) => parseOwners('--uid-owner', text), format),
    fieldOption<OwnerMatch, Span & Negatable>(['--gid-owner'], 'group', (text) => parseOwners('--gid-owner', text), format),
    flagOption<OwnerMatch>('--suppl-groups', 'supplementary'),
  ],
  start: () => ({ name: 'owner' }),
  missing: (_, given) =>
    given === 0 ? 'owner: At least one of --uid-owner, --gid-owner or --socket-exists is required' : undefined,
  place: () => ({ chains: ['OUTPUT', 'POSTROUTING'] }),
  list({ user, group, exists, supplementary }, numeric) {
    const head = (label: string, part: Negatable) => `${part.not === true ? '! ' : ''}owner ${label}`;
    const who = (span: Span) =>
      numeric || span.first !== span.last ? format(span) : (NAMES.find(([, id]) => id === span.first)?.[0] ?? format(span));
    const words: string[] = [];
    if (exists !== undefined) words.push(head('socket exists', exists));
    if (user !== undefined) words.push(`${head('UID match', user)} ${who(user)}`);
    if (group !== undefined) words.push(`${head('GID match', group)} ${who(group)}`);
    if (supplementary) words.push('incl. suppl. groups');
    return words.join(' ');
  },
  tests({ user, group, exists }) {
    const negated = (...parts: readonly (Negatable | undefined)[]) =>
      parts.every((part) => part === undefined || part.not === true);
    return [
      (_, skb) => {
        if (skb.owner === undefined) return negated(user, group, exists);
        if (exists?.not === true) return false;
        if (skb.owner === 'kernel') return negated(user, group);
        return (user === undefined || within(user, ROOT)) && (group === undefined || within(group, ROOT));
      },
    ];
  },
};
