/**
 * What a rule needs besides well-formed options: a protocol for matches and targets that look into its header.
 * Follows the checks of iptables 1.8.9's extensions and of linux net/netfilter/x_tables.c (xt_check_match, xt_check_target).
 */
import { wantsSyn } from './match/ports.ts';
import { parameterProblem } from './notation.ts';
import { type Chain, PROTOCOL, type Rule } from './rule.ts';

const INVALID = "Invalid argument. Run `dmesg' for more information.";
const SCTP = 132;
const DCCP = 33;
const UDPLITE = 136;
/** Matches that the kernel refuses without their protocol. */
const OF_PROTOCOL: ReadonlyMap<string, number> = new Map([
  ['tcp', PROTOCOL.tcp],
  ['udp', PROTOCOL.udp],
  ['icmp', PROTOCOL.icmp],
]);

/**
 * Checks a whole rule.
 * @throws Refusal in the words of iptables, or of the kernel with code `invalid-argument`
 */
export function checkRule({ protocol: given, matches, target }: Rule): void {
  const protocol = given?.not === true ? undefined : given?.number;
  const among = (...protocols: readonly number[]) => protocol !== undefined && protocols.includes(protocol);
  const ported = 'port' in target && target.port !== undefined;
  if (ported && !among(PROTOCOL.tcp, PROTOCOL.udp, SCTP, DCCP))
    throw parameterProblem('Need TCP, UDP, SCTP or DCCP with port specification');
  for (const { name } of matches) {
    if (name === 'multiport' && !among(PROTOCOL.tcp, PROTOCOL.udp, UDPLITE, SCTP, DCCP))
      throw parameterProblem("multiport needs `-p tcp', `-p udp', `-p udplite', `-p sctp' or `-p dccp'");
    const wanted = OF_PROTOCOL.get(name);
    if (wanted !== undefined && wanted !== protocol) throw parameterProblem(INVALID, '-m', 'invalid-argument');
  }
  if (target.name === 'REJECT' && target.with === 'tcp-reset' && protocol !== PROTOCOL.tcp)
    throw parameterProblem(INVALID, '--reject-with', 'invalid-argument');
  if (target.name === 'TCPMSS' && (protocol !== PROTOCOL.tcp || !matches.some(wantsSyn)))
    throw parameterProblem(INVALID, '-j', 'invalid-argument');
}

/** Whether a chain can be reached from itself, which the kernel refuses (mark_source_chains). */
export function loops(chains: readonly Chain[], name: string): boolean {
  const seen = new Set<string>();
  const open = [name];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const { target } of chains.find((chain) => chain.name === next)?.rules ?? []) {
      if (target.name !== 'JUMP' && target.name !== 'GOTO') continue;
      if (target.chain === name) return true;
      if (!seen.has(target.chain)) open.push(target.chain);
      seen.add(target.chain);
    }
  }
  return false;
}
