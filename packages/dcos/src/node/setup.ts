/**
 * What the daemons of a DC/OS node set up on its machine before it registers, in the order in which they do it:
 * dockerd, dcos-net's unit, dcos-net. The overlay module comes after (overlay-setup.ts).
 * Follows dcos/dcos packages/dcos-net/extra/dcos-net.service, dcos-mesos-modules overlay/agent.cpp and dcos-net
 * apps/dcos_l4lb/src/dcos_l4lb_ipset_mgr.erl (1.13).
 */
import {
  type Cidr,
  change,
  createNetwork,
  type DockerNetwork,
  daemonRules,
  hostConfig,
  type Ipv4,
  type MachineConfig,
  type Netfilter,
  parseCidr,
  parseIpv4,
  type Random,
  type Rule,
  remember,
  type UcrState,
  withLink,
} from '@portolan/core';

/** dcos-net's DNS addresses on every node. */
export const SPARTAN_ADDRESSES: readonly Ipv4[] = ['198.51.100.1', '198.51.100.2', '198.51.100.3'].map(parseIpv4);

const DOCKER0 = { subnet: parseCidr('172.17.0.0/16'), gateway: parseIpv4('172.17.0.1') };

const COMMENT = {
  masquerade: 'Minuteman-IPVS-IPTables-masquerade-rule',
  skip: 'Skip DC/OS L4LB traffic',
};

/** A master, private or public agent, before it has its part of the overlays. */
export function dcosNode(
  name: string,
  options: {
    address: Cidr;
    gateway: Ipv4;
    docker: boolean;
    userlandProxy: boolean;
    random: Random;
  },
): MachineConfig {
  let config = hostConfig(name, [{ name: 'eth0', address: options.address }], options.gateway);
  // Mesos' units write 2 into every rp_filter; dockerd switches forwarding on.
  config = {
    ...config,
    host: { ...config.host, sysctl: { ...config.host.sysctl, ipForward: true, rpFilter: 2, ipvsConntrack: true } },
  };
  if (options.docker) config = withDocker(withMesosBridge(config), options.userlandProxy, options.random);
  return withDcosNet(config, options.random);
}

function withDocker(config: MachineConfig, userlandProxy: boolean, random: Random): MachineConfig {
  const netfilter = daemonRules(userlandProxy);
  const bare: MachineConfig = { ...config, host: { ...config.host, netfilter }, docker: { ...config.docker, userlandProxy } };
  const bridge: DockerNetwork = {
    id: random.hex(64),
    name: 'bridge',
    bridge: 'docker0',
    ...DOCKER0,
    mtu: 1500,
    masquerade: true,
    icc: true,
    options: [
      ['com.docker.network.bridge.default_bridge', 'true'],
      ['com.docker.network.bridge.enable_icc', 'true'],
      ['com.docker.network.bridge.enable_ip_masquerade', 'true'],
      ['com.docker.network.bridge.host_binding_ipv4', '0.0.0.0'],
      ['com.docker.network.bridge.name', 'docker0'],
      ['com.docker.network.driver.mtu', '1500'],
    ],
  };
  return createNetwork(bare, bridge, random);
}

/** The containerizer of every agent knows the network of bridge mode: gen/dcos-config.yaml, ucr-default-bridge.conf. */
function withMesosBridge(config: MachineConfig): MachineConfig {
  return { ...config, ucr: WITH_MESOS_BRIDGE };
}

const WITH_MESOS_BRIDGE: UcrState = {
  networks: [
    {
      name: 'mesos-bridge',
      chain: 'UCR-DEFAULT-BRIDGE',
      bridge: 'ucr-br0',
      subnet: parseCidr('172.31.254.0/24'),
      mtu: 1500,
      masquerade: true,
    },
  ],
  containers: [],
};

function withDcosNet(config: MachineConfig, random: Random): MachineConfig {
  const dummy = (name: string, addresses: readonly Cidr[]) =>
    ({ name, mac: 0x020000000000 + (random.next(32) >>> 0), mtu: 1500, up: true, kind: { type: 'dummy' }, addresses }) as const;
  let next = withLink(config, dummy('minuteman', []));
  next = withLink(
    next,
    dummy(
      'spartan',
      SPARTAN_ADDRESSES.map((address) => ({ address, prefix: 32 })),
    ),
  );
  return { ...next, host: { ...next.host, netfilter: dcosNetRules(next.host.netfilter) } };
}

/** The rules with those of dcos-net's unit and of dcos-net itself. */
export function dcosNetRules(before: Netfilter): Netfilter {
  return remember(before, 'dcos-net', () => {
    let next = change(before, 'filter', 'FORWARD', (old) => [
      ...old,
      { matches: [], target: { name: 'ACCEPT' }, cause: 'dcos-net.service' },
    ]);
    next = change(next, 'nat', 'POSTROUTING', (old) => [MASQUERADE_IPVS, ...old]);
    next = change(next, 'nat', 'OUTPUT', (old) => [SKIP_VIPS, ...old]);
    return change(next, 'nat', 'PREROUTING', (old) => [SKIP_VIPS, ...old]);
  });
}

const MASQUERADE_IPVS: Rule = {
  matches: [
    { name: 'ipvs', direction: 'ORIGINAL', method: 'MASQ' },
    { name: 'comment', text: COMMENT.masquerade },
  ],
  target: { name: 'MASQUERADE' },
  cause: 'dcos-net.service',
};

const SKIP_VIPS: Rule = {
  matches: [
    { name: 'set', set: 'dcos-l4lb', directions: ['dst', 'dst'] },
    { name: 'comment', text: COMMENT.skip },
  ],
  target: { name: 'RETURN' },
  cause: 'dcos-net',
};
