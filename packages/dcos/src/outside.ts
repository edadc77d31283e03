/**
 * What lies around a cluster: the router that joins its network to the outside, and one client there. Public addresses
 * are the router's: it passes them on to the nodes they stand for, as a cloud provider does.
 */
import { type Cidr, hostConfig, type Ipv4, type MachineConfig, parseCidr, parseIpv4, type Rule } from '@portolan/core';

/** The cluster's network, and the router's address in it. */
export const UNDERLAY: Cidr = parseCidr('172.16.0.0/16');
/** The default gateway of every node. */
export const GATEWAY: Ipv4 = parseIpv4('172.16.0.1');
/** Name of the outside network. */
const OUTSIDE = 'outside';
const OUTSIDE_GATEWAY = parseIpv4('203.0.113.1');

/** A public address and the node it stands for. */
export interface PublicAddress {
  readonly outside: Ipv4;
  readonly inside: Ipv4;
}

/** The router: forwards, hides what leaves the cluster behind its own address, and translates public addresses. */
export function routerConfig(addresses: readonly PublicAddress[]): MachineConfig {
  const bare = hostConfig('router', [
    { name: 'eth0', address: { address: GATEWAY, prefix: UNDERLAY.prefix } },
    { name: 'eth1', address: { address: OUTSIDE_GATEWAY, prefix: 24 }, network: OUTSIDE },
  ]);
  const inbound = addresses.map(
    ({ outside, inside }): Rule => ({
      destination: { network: { address: outside, prefix: 32 } },
      matches: [],
      target: { name: 'DNAT', address: inside },
      cause: 'public address of a node',
    }),
  );
  const outbound: Rule = {
    source: { network: UNDERLAY },
    out: { name: 'eth1' },
    matches: [],
    target: { name: 'MASQUERADE' },
    cause: 'the way out of the cluster',
  };
  const { host } = bare;
  const nat = host.netfilter.nat.map((chain) =>
    chain.name === 'PREROUTING'
      ? { ...chain, rules: inbound }
      : chain.name === 'POSTROUTING'
        ? { ...chain, rules: [outbound] }
        : chain,
  );
  return { ...bare, host: { ...host, netfilter: { ...host.netfilter, nat }, sysctl: { ...host.sysctl, ipForward: true } } };
}

/** A machine outside the cluster. */
export const CLIENT_ADDRESS: Ipv4 = parseIpv4('203.0.113.10');

/** The client's configuration. */
export function clientConfig(): MachineConfig {
  return hostConfig(
    'client',
    [{ name: 'eth0', address: { address: CLIENT_ADDRESS, prefix: 24 }, network: OUTSIDE }],
    OUTSIDE_GATEWAY,
  );
}
