/**
 * REJECT: what the sender is told. Follows iptables 1.8.9, extensions/libipt_REJECT.c; the answers are made in
 * kernel/path.ts.
 */
import { parameterProblem, shorten } from '../notation.ts';
import type { TargetDescription } from '../targets.ts';

/** Each answer with its other name. */
const ANSWERS = [
  ['icmp-net-unreachable', 'net-unreach'],
  ['icmp-host-unreachable', 'host-unreach'],
  ['icmp-proto-unreachable', 'proto-unreach'],
  ['icmp-port-unreachable', 'port-unreach'],
  ['icmp-net-prohibited', 'net-prohib'],
  ['icmp-host-prohibited', 'host-prohib'],
  ['tcp-reset', 'tcp-rst'],
  ['icmp-admin-prohibited', 'admin-prohib'],
] as const;

/** What is answered. */
export interface RejectTarget {
  readonly name: 'REJECT';
  readonly with: (typeof ANSWERS)[number][0];
}

/** `-j REJECT` */
export const reject: TargetDescription<RejectTarget> = {
  name: 'REJECT',
  options: [
    {
      flags: ['--reject-with'],
      read({ words: [text = ''] }, into) {
        const known = ANSWERS.find((names) => names.some((name) => name === text));
        if (known === undefined) throw parameterProblem(`unknown reject type "${shorten(text)}"`, '--reject-with');
        into.with = known[0];
      },
      write: (from) => ({ words: [from.with], not: false }),
    },
  ],
  start: () => ({ name: 'REJECT', with: 'icmp-port-unreachable' }),
  place: () => ({ table: 'filter', chains: ['INPUT', 'FORWARD', 'OUTPUT'] }),
  list: (target) => `reject-with ${target.with}`,
};
