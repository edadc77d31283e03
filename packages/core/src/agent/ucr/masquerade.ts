/**
 * `ipMasq` of the CNI bridge plugin: a chain and a jump for each container, though all containers of a network say the same.
 * Follows containernetworking/plugins 0.7.2, pkg/ip/ipmasq_linux.go and pkg/utils/utils.go.
 */
import { networkOf, parseCidr } from '../../base/address.ts';
import { sha512Hex } from '../../base/sha512.ts';
import type { Netfilter, Rule } from '../../kernel/netfilter/rule.ts';
import { change } from '../docker/rules.ts';
import type { CniNetwork } from './state.ts';

const MULTICAST = { network: parseCidr('224.0.0.0/4'), not: true };

/** The chain of a container on a network: `CNI-` and 24 hex digits. */
export function masqueradeChain(network: string, containerId: string): string {
  return `CNI-${sha512Hex(new TextEncoder().encode(network + containerId)).slice(0, 24)}`;
}

/** The rules with a container's masquerade. */
export function withMasquerade(rules: Netfilter, network: CniNetwork, containerId: string): Netfilter {
  const name = masqueradeChain(network.name, containerId);
  const cause = `CNI network ${network.name}`;
  const matches = [{ name: 'comment', text: `name: "${network.name}" id: "${containerId}"` } as const];
  const subnet = { network: networkOf(network.subnet) };
  const inside: Rule = { destination: subnet, matches, target: { name: 'ACCEPT' }, cause };
  const leaving: Rule = { destination: MULTICAST, matches, target: { name: 'MASQUERADE' }, cause };
  const made: Netfilter = { ...rules, nat: [...rules.nat, { name, rules: [inside, leaving] }] };
  const jump: Rule = { source: subnet, matches, target: { name: 'JUMP', chain: name }, cause };
  return change(made, 'nat', 'POSTROUTING', (old) => [...old, jump]);
}
