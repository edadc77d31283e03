/**
 * `-m icmp`: type and code.
 * Follows linux net/ipv4/netfilter/ip_tables.c (icmp_match) and iptables 1.8.9, libxtables/xtables.c (icmp codes).
 */
import type { MatchDescription } from '../matches.ts';
import { parameterProblem, shorten } from '../notation.ts';

/** An ICMP type, and a code of it; 255 is any. */
export interface IcmpMatch {
  readonly name: 'icmp';
  readonly type: number;
  readonly code?: number;
  readonly not?: boolean;
}

const ANY = 255;
/** Name, type, code; without a code all codes. A type's first name is the one printed. */
const TYPES: readonly (readonly [string, number, number?])[] = [
  ['any', ANY],
  ['echo-reply', 0],
  ['pong', 0],
  ['destination-unreachable', 3],
  ['network-unreachable', 3, 0],
  ['host-unreachable', 3, 1],
  ['protocol-unreachable', 3, 2],
  ['port-unreachable', 3, 3],
  ['fragmentation-needed', 3, 4],
  ['source-route-failed', 3, 5],
  ['network-unknown', 3, 6],
  ['host-unknown', 3, 7],
  ['network-prohibited', 3, 9],
  ['host-prohibited', 3, 10],
  ['TOS-network-unreachable', 3, 11],
  ['TOS-host-unreachable', 3, 12],
  ['communication-prohibited', 3, 13],
  ['host-precedence-violation', 3, 14],
  ['precedence-cutoff', 3, 15],
  ['source-quench', 4],
  ['redirect', 5],
  ['network-redirect', 5, 0],
  ['host-redirect', 5, 1],
  ['TOS-network-redirect', 5, 2],
  ['TOS-host-redirect', 5, 3],
  ['echo-request', 8],
  ['ping', 8],
  ['router-advertisement', 9],
  ['router-solicitation', 10],
  ['time-exceeded', 11],
  ['ttl-exceeded', 11],
  ['ttl-zero-during-transit', 11, 0],
  ['ttl-zero-during-reassembly', 11, 1],
  ['parameter-problem', 12],
  ['ip-header-bad', 12, 0],
  ['required-option-missing', 12, 1],
  ['timestamp-request', 13],
  ['timestamp-reply', 14],
  ['address-mask-request', 17],
  ['address-mask-reply', 18],
];

/** `echo-request`, or `8/1` if a type has no name with that code. */
export function icmpName(type: number, code: number): string {
  const named = (wanted: number | undefined) => TYPES.find(([, t, c]) => t === type && c === wanted)?.[0];
  return named(code) ?? (code === 0 ? named(undefined) : undefined) ?? `${type}/${code}`;
}

/** `-m icmp` */
export const icmp: MatchDescription<IcmpMatch> = {
  name: 'icmp',
  options: [
    {
      flags: ['--icmp-type'],
      negatable: true,
      read({ words: [text = ''], not }, into) {
        const [type, code] = parseType(text);
        into.type = type;
        if (code !== undefined) into.code = code;
        if (not) into.not = true;
      },
      write: ({ type, code, not }) => {
        const text = type === ANY ? 'any' : code === undefined ? String(type) : `${type}/${code}`;
        return { words: [text], not: not === true };
      },
    },
  ],
  start: () => ({ name: 'icmp', type: ANY }),
  missing: (_, given) => (given === 0 ? 'icmp: option "--icmp-type" must be specified' : undefined),
  list({ type, code, not }, numeric) {
    const mark = not === true ? '!' : '';
    const known = numeric ? undefined : TYPES.find(([, t, c]) => t === type && c === code);
    if (known !== undefined) return `icmp ${mark}${known[0]}`;
    return `icmp${not === true ? ' !' : ''}type ${type}${code === undefined ? '' : ` code ${code}`}`;
  },
  tests: ({ type, code, not = false }) => [
    (_, skb) => (type === ANY || (skb.icmpType === type && (code === undefined || skb.icmpCode === code))) !== not,
  ],
};

function parseType(text: string): readonly [number, number?] {
  const name = text.toLowerCase();
  const known = TYPES.find(([one]) => one.toLowerCase() === name);
  if (known !== undefined) return known[2] === undefined ? [known[1]] : [known[1], known[2]];
  const match = /^(\d{1,3})(?:\/(\d{1,3}))?$/.exec(text);
  if (match === null || Number(match[1]) > 255) throw parameterProblem(`Unknown ICMP type \`${shorten(text)}'`, '--icmp-type');
  if (Number(match[2] ?? 0) > 255) throw parameterProblem(`Unknown ICMP code \`${shorten(text)}'`, '--icmp-type');
  return match[2] === undefined ? [Number(match[1])] : [Number(match[1]), Number(match[2])];
}
