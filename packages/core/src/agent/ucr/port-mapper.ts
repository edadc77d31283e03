/**
 * mesos-cni-port-mapper: a DNAT rule for each port of the agent that is passed into a container. Its chain is made for the
 * first of them, and stays. Follows apache/mesos 1.8 isolators/network/cni/plugins/port_mapper/port_mapper.cpp.
 */
import type { Ipv4 } from '../../base/address.ts';
import { Refusal } from '../../base/refusal.ts';
import { type Match, type Netfilter, PROTOCOL, type Rule } from '../../kernel/netfilter/rule.ts';
import { change } from '../docker/rules.ts';
import type { CniNetwork, MappedPort } from './state.ts';

const CAUSE = 'mesos-cni-port-mapper';
const TO_LOCAL: Match = { name: 'addrtype', destination: { types: ['LOCAL'] } };
const LOOPBACK = { network: { address: 0x7f000000, prefix: 8 }, not: true };

/** By what a container's rules are found again. */
export function portMapperTag(containerId: string): string {
  return `container_id: ${containerId}`;
}

/**
 * The rules with those of a container's ports.
 * @throws Refusal `bad-protocol` if iptables does not know a port's protocol: `udp,tcp` is none
 */
export function withMappedPorts(
  rules: Netfilter,
  network: CniNetwork,
  container: { readonly id: string; readonly address: Ipv4; readonly ports: readonly MappedPort[] },
): Netfilter {
  const { id, address, ports } = container;
  if (ports.length === 0) return rules;
  const translations = ports.map((port) => translation(network, address, port, portMapperTag(id)));
  return change(withChain(rules, network.chain), 'nat', network.chain, (old) => [...old, ...translations]);
}

function translation(network: CniNetwork, address: Ipv4, port: MappedPort, tag: string): Rule {
  const name = port.protocol.toLowerCase();
  if (name !== 'tcp' && name !== 'udp')
    throw new Refusal({
      component: 'cni',
      code: 'bad-protocol',
      path: network.name,
      message: 'Failed to add DNAT rule with tag',
    });
  return Object.freeze<Rule>({
    in: { name: network.bridge, not: true },
    protocol: { number: PROTOCOL[name] },
    matches: [
      { name, destinationPort: { first: port.hostPort, last: port.hostPort } },
      { name: 'comment', text: tag },
    ],
    target: { name: 'DNAT', address, port: { first: port.containerPort, last: port.containerPort } },
    ...(port.cause === undefined ? {} : { cause: port.cause }),
  });
}

function withChain(rules: Netfilter, name: string): Netfilter {
  if (rules.nat.some((chain) => chain.name === name)) return rules;
  const jump: Rule = { matches: [TO_LOCAL], target: { name: 'JUMP', chain: name }, cause: CAUSE };
  const made: Netfilter = { ...rules, nat: [...rules.nat, { name, rules: [] }] };
  const arriving = change(made, 'nat', 'PREROUTING', (old) => [...old, jump]);
  return change(arriving, 'nat', 'OUTPUT', (old) => [...old, { ...jump, destination: LOOPBACK }]);
}
