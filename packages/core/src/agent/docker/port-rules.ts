/**
 * The three rules of a published port: translated, let through, and masqueraded when a container reaches itself.
 * Follows moby libnetwork iptables/iptables.go (18.09 to 20.10). They are read off the port and its container when a packet or a
 * reader meets them: most rules of most machines never are.
 */
import type { Ipv4 } from '../../base/address.ts';
import { memo } from '../../base/immutable.ts';
import {
  type AddressMatch,
  type InterfaceMatch,
  type Match,
  PROTOCOL,
  type ProtocolMatch,
  type Rule,
  type Target,
} from '../../kernel/netfilter/rule.ts';
import type { Container, DockerNetwork, PublishedPort } from './state.ts';

/** What rules of one port have in common. */
export interface Publication {
  readonly container: Pick<Container, 'name'>;
  readonly network: DockerNetwork;
  /** The container's. */
  readonly address: Ipv4;
  readonly port: PublishedPort;
}

const ACCEPT: Target = { name: 'ACCEPT' };
const MASQUERADE: Target = { name: 'MASQUERADE' };
const PROTOCOL_MATCH = { tcp: { number: PROTOCOL.tcp }, udp: { number: PROTOCOL.udp } } as const;

/** What all rules of one network have in common. */
const interfacesOf = memo((network: DockerNetwork) => ({
  notFrom: { name: network.bridge, not: true },
  to: { name: network.bridge },
}));

abstract class PortRule implements Rule {
  constructor(protected readonly of: Publication) {}

  get protocol(): ProtocolMatch {
    return PROTOCOL_MATCH[this.of.port.protocol];
  }

  get matches(): readonly Match[] {
    return portMatch(this.of.port.protocol, this.of.port.containerPort);
  }

  abstract readonly target: Target;

  get cause(): string {
    const { port, container } = this.of;
    return port.cause ?? `docker -p ${port.hostPort}:${port.containerPort}/${port.protocol} of ${container.name}`;
  }

  protected get self(): AddressMatch {
    return { network: { address: this.of.address, prefix: 32 } };
  }
}

/** In nat DOCKER: what comes for the host's port goes to the container. */
class TranslateRule extends PortRule {
  /** There for a port that is published on one address only. */
  declare readonly destination?: AddressMatch;

  constructor(of: Publication) {
    super(of);
    const { hostAddress } = of.port;
    if (hostAddress !== undefined) this.destination = { network: { address: hostAddress, prefix: 32 } };
  }

  override get matches(): readonly Match[] {
    return portMatch(this.of.port.protocol, this.of.port.hostPort);
  }

  get target(): Target {
    const { address, port } = this.of;
    return { name: 'DNAT', address, port: { first: port.containerPort, last: port.containerPort } };
  }

  toJSON(): Rule {
    const { protocol, matches, target, cause, destination } = this;
    return { ...(destination === undefined ? {} : { destination }), protocol, matches, target, cause };
  }
}

/** The same with docker-proxy, which serves those on the bridge itself. */
class TranslateFromOutsideRule extends TranslateRule {
  get in(): InterfaceMatch {
    return interfacesOf(this.of.network).notFrom;
  }

  override toJSON(): Rule {
    return { in: this.in, ...super.toJSON() };
  }
}

/** In filter DOCKER: what was translated may pass. */
class AcceptRule extends PortRule {
  get target(): Target {
    return ACCEPT;
  }

  get destination(): AddressMatch {
    return this.self;
  }

  get in(): InterfaceMatch {
    return interfacesOf(this.of.network).notFrom;
  }

  get out(): InterfaceMatch {
    return interfacesOf(this.of.network).to;
  }

  toJSON(): Rule {
    const { destination, out, protocol, matches, target, cause } = this;
    return { destination, in: this.in, out, protocol, matches, target, cause };
  }
}

/** In nat POSTROUTING: a container that reaches itself by its host's port is answered by way of the host. */
class HairpinRule extends PortRule {
  get target(): Target {
    return MASQUERADE;
  }

  get source(): AddressMatch {
    return this.self;
  }

  get destination(): AddressMatch {
    return this.self;
  }

  toJSON(): Rule {
    const { source, destination, protocol, matches, target, cause } = this;
    return { source, destination, protocol, matches, target, cause };
  }
}

function portMatch(name: 'tcp' | 'udp', port: number): readonly Match[] {
  return [{ name, destinationPort: { first: port, last: port } }];
}

/** The rules of one published port. */
export function portRules(
  of: Publication,
  userlandProxy: boolean,
): { readonly translate: Rule; readonly accept: Rule; readonly hairpin: Rule } {
  return {
    translate: userlandProxy ? new TranslateFromOutsideRule(of) : new TranslateRule(of),
    accept: new AcceptRule(of),
    hairpin: new HairpinRule(of),
  };
}
