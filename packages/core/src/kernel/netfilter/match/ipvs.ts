/**
 * `-m ipvs`: whether IPVS has a hand in a packet's connection.
 * Follows linux net/netfilter/xt_ipvs.c and iptables 1.8.9, extensions/libxt_ipvs.c.
 */
import type { MatchDescription } from '../matches.ts';
import { notModelled, parameterProblem, shorten } from '../notation.ts';

/** Without a direction and a method: any packet of IPVS's. */
export interface IpvsMatch {
  readonly name: 'ipvs';
  readonly direction?: 'ORIGINAL' | 'REPLY';
  readonly method?: 'MASQ' | 'GATE' | 'IPIP';
  readonly not?: boolean;
}

/** How IPVS's ways of forwarding are called here. */
const METHODS = { masquerade: 'MASQ', route: 'GATE', tunnel: 'IPIP' } as const;

/** `-m ipvs` */
export const ipvs: MatchDescription<IpvsMatch> = {
  name: 'ipvs',
  options: [
    {
      flags: ['--ipvs'],
      arity: 0,
      negatable: true,
      read({ not }, into) {
        if (not) into.not = true;
      },
      write: (from) => ((from.direction ?? from.method) === undefined ? { words: [], not: from.not === true } : undefined),
    },
    {
      flags: ['--vdir'],
      read({ words: [text = ''] }, into) {
        if (text !== 'ORIGINAL' && text !== 'REPLY') throw parameterProblem(`ipvs: bad --vdir \`${shorten(text)}'`, '--vdir');
        into.direction = text;
      },
      write: (from) => (from.direction === undefined ? undefined : { words: [from.direction], not: false }),
    },
    {
      flags: ['--vmethod'],
      read({ words: [text = ''] }, into) {
        if (text !== 'MASQ' && text !== 'GATE' && text !== 'IPIP')
          throw parameterProblem(`ipvs: bad --vmethod \`${shorten(text)}'`, '--vmethod');
        into.method = text;
      },
      write: (from) => (from.method === undefined ? undefined : { words: [from.method], not: false }),
    },
  ],
  unmodelled: [
    ['--vproto', 1],
    ['--vaddr', 1],
    ['--vport', 1],
    ['--vportctl', 1],
  ],
  start: () => ({ name: 'ipvs' }),
  missing: (value, given) => {
    if (given === 0) return 'ipvs: At least one option is required';
    if (value.not === true && (value.direction ?? value.method) !== undefined)
      throw notModelled('! --ipvs with further ipvs options');
    return undefined;
  },
  list: (match) => {
    const words = [match.direction && `vdir ${match.direction}`, match.method && `vmethod ${match.method}`].filter(
      (word) => word !== undefined,
    );
    return words.length === 0 ? `${match.not === true ? '! ' : ''}ipvs` : words.join(' ');
  },
  tests: ({ direction, method, not = false }) => [
    (_, skb) =>
      (skb.ipvs !== undefined &&
        (direction === undefined || (direction === 'REPLY') === skb.reply) &&
        (method === undefined || method === METHODS[skb.ipvs.forward])) !== not,
  ],
};
