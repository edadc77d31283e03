/**
 * The Mesos containerizer's work on an agent's network: containers are attached to their CNI networks when they are launched
 * and detached when they are destroyed. Follows apache/mesos 1.8 isolators/network/cni/cni.cpp.
 */
import type { Random } from '../../base/random.ts';
import { Refusal } from '../../base/refusal.ts';
import type { Rule } from '../../kernel/netfilter/rule.ts';
import type { MachineConfig } from '../config.ts';
import { attach } from './bridge.ts';
import { masqueradeChain, withMasquerade } from './masquerade.ts';
import { portMapperTag, withMappedPorts } from './port-mapper.ts';
import type { CniNetwork, MappedPort, UcrContainer, UcrProgram } from './state.ts';

/** A container to be launched. */
export interface UcrRequest {
  /** A UUID. */
  readonly id: string;
  readonly programs: readonly UcrProgram[];
  /** CNI networks by name; none: the agent's own network. */
  readonly networks: readonly { readonly name: string; readonly ports: readonly MappedPort[] }[];
}

/** A launched container, or why it could not be launched. */
export type UcrResult = { readonly container: UcrContainer } | { readonly refusal: Refusal };

/** Launches containers in turn, as one change. What could not be launched is detached again. */
export function launchContainers(
  config: MachineConfig,
  requests: readonly UcrRequest[],
  random: Random,
): { readonly config: MachineConfig; readonly results: readonly UcrResult[] } {
  const results: UcrResult[] = [];
  let next = config;
  for (const request of requests) {
    const { config: after, result } = launch(next, request, random);
    next = after;
    results.push(result);
  }
  return { config: next, results };
}

/** Detaches containers and forgets them. */
export function destroyContainers(config: MachineConfig, ids: ReadonlySet<string>): MachineConfig {
  const gone = config.ucr.containers.filter(({ id }) => ids.has(id));
  if (gone.length === 0) return config;
  const containers = config.ucr.containers.filter(({ id }) => !ids.has(id));
  return { ...detach(config, gone), ucr: { ...config.ucr, containers } };
}

function launch(
  config: MachineConfig,
  request: UcrRequest,
  random: Random,
): { readonly config: MachineConfig; readonly result: UcrResult } {
  const { id, programs } = request;
  let container: UcrContainer = { id, programs, attachments: [] };
  let next = config;
  try {
    const networks = networksOf(config, request);
    networks.forEach(({ network, ports }, place) => {
      const attached = attach(next, network, { id, place, ports }, random);
      container = { ...container, attachments: [...container.attachments, attached.attachment] };
      next = attached.config;
      const { netfilter } = next.host;
      const masked = network.masquerade ? withMasquerade(netfilter, network, id) : netfilter;
      next = { ...next, host: { ...next.host, netfilter: masked } };
      const mapped = withMappedPorts(masked, network, { id, address: attached.attachment.address, ports });
      next = { ...next, host: { ...next.host, netfilter: mapped } };
    });
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    return { config: detach(next, [container]), result: { refusal } };
  }
  const { ucr } = next;
  return { config: { ...next, ucr: { ...ucr, containers: [...ucr.containers, container] } }, result: { container } };
}

function networksOf(
  config: MachineConfig,
  request: UcrRequest,
): readonly { readonly network: CniNetwork; readonly ports: readonly MappedPort[] }[] {
  return request.networks.map(({ name, ports }, i) => {
    const network = config.ucr.networks.find((known) => known.name === name);
    if (network === undefined) throw refuse('no-such-network', name, `Unknown CNI network '${name}'`);
    if (request.networks.findIndex((other) => other.name === name) < i)
      throw refuse('network-twice', name, `Attempted to join CNI network '${name}' multiple times`);
    return { network, ports };
  });
}

/** The machine without what those containers had on it; bridges and chains of networks stay. */
function detach(config: MachineConfig, containers: readonly UcrContainer[]): MachineConfig {
  const attached = containers.flatMap(({ id, attachments }) => attachments.map(({ veth, network }) => ({ id, veth, network })));
  if (attached.length === 0) return config;
  const veths = new Set(attached.map(({ veth }) => veth));
  const tags = new Set(attached.map(({ id }) => portMapperTag(id)));
  const networks = new Map(config.ucr.networks.map((network) => [network.name, network]));
  const chains = new Set(
    attached.flatMap(({ id, network }) => (networks.get(network)?.masquerade === true ? [masqueradeChain(network, id)] : [])),
  );
  const stays = (rule: Rule): boolean =>
    !(rule.target.name === 'JUMP' && chains.has(rule.target.chain)) &&
    !rule.matches.some((match) => match.name === 'comment' && tags.has(match.text));
  const { host } = config;
  const nat = host.netfilter.nat
    .filter(({ name }) => !chains.has(name))
    .map((chain) => (chain.rules.every(stays) ? chain : { ...chain, rules: chain.rules.filter(stays) }));
  return {
    ...config,
    host: {
      ...host,
      links: host.links.filter(({ name }) => !veths.has(name)),
      netfilter: { ...host.netfilter, nat },
    },
  };
}

function refuse(code: string, path: string, message: string): Refusal {
  return new Refusal({ component: 'cni', code, path: path.slice(0, 60), message });
}
