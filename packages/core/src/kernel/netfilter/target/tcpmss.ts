/**
 * TCPMSS: a smaller maximum segment size for a connection that is being made.
 * Follows linux net/netfilter/xt_TCPMSS.c (6.1) and iptables 1.8.9, extensions/libxt_TCPMSS.c. The size is never raised.
 */
import { IPV4_HEADER } from '../../../wire/ipv4.ts';
import { parseNumber } from '../option.ts';
import type { TargetDescription } from '../targets.ts';

/** Without a size it is what fits the MTU of both ways. */
export interface TcpmssTarget {
  readonly name: 'TCPMSS';
  readonly size?: number;
}

/** Bytes of an IP and a TCP header without options. */
const HEADERS = IPV4_HEADER + 20;

/** `-j TCPMSS` */
export const tcpmss: TargetDescription<TcpmssTarget> = {
  name: 'TCPMSS',
  options: [
    {
      flags: ['--set-mss'],
      read: ({ words: [text = ''] }, into) => {
        into.size = parseNumber('TCPMSS', '--set-mss', text, 0, 65515);
      },
      write: ({ size }) => (size === undefined ? undefined : { words: [String(size)], not: false }),
    },
    {
      flags: ['--clamp-mss-to-pmtu'],
      arity: 0,
      read: () => {},
      write: ({ size }) => (size === undefined ? { words: [], not: false } : undefined),
    },
  ],
  start: () => ({ name: 'TCPMSS' }),
  missing(_, given) {
    if (given === 0) return 'TCPMSS target: At least one parameter is required';
    return given > 1 ? 'TCPMSS: option "--clamp-mss-to-pmtu" cannot be used together with "--set-mss".' : undefined;
  },
  place: ({ size }) => (size === undefined ? { chains: ['FORWARD', 'OUTPUT', 'POSTROUTING'] } : undefined),
  list: ({ size }) => (size === undefined ? 'TCPMSS clamp to PMTU' : `TCPMSS set ${size}`),
  act:
    ({ size }) =>
    (host, skb) => {
      if (skb.mss === 0) return;
      const way = Math.min(skb.output?.mtu ?? 65535, host.mtuTowards(skb.source) ?? 65535);
      skb.mss = Math.min(skb.mss, size ?? way - HEADERS);
    },
};
