/**
 * What the daemons of a DC/OS node set up on its machine before any task runs, in the order in which they do it:
 * dockerd, dcos-net's unit, dcos-net, the overlay module.
 * Follows dcos/dcos packages/dcos-net/extra/dcos-net.service, dcos-mesos-modules overlay/agent.cpp and dcos-net
 * apps/dcos_l4lb/src/dcos_l4lb_ipset_mgr.erl (1.13).
 */
import {
  type Cidr,
  change,
  createNetwork,
  type DockerNetwork,
  daemonRules,
  formatCidr,
  hostConfig,
  type IpSet,
  type Ipv4,
  type Mac,
  type MachineConfig,
  type Match,
  type Netfilter,
  parseCidr,
  parseIpv4,
  type Random,
  type Rule,
  remember,
  withLink,
} from '@portolan/core';
import { OVERLAY_TABLE, VTEP_DEVICE } from '../overlay/directory.ts';

/** A node's place in the overlay. */
export interface OverlayPlace {
  /** Name of the overlay: `dcos`. */
  readonly name: string;
  readonly overlay: Cidr;
  readonly vtep: Cidr;
  readonly vtepMac: Mac;
  /** The half of the node's subnet that Docker gets; a master has none. */
  readonly docker: Cidr | undefined;
}

/** dcos-net's DNS addresses on every node. */
export const SPARTAN_ADDRESSES: readonly Ipv4[] = ['198.51.100.1', '198.51.100.2', '198.51.100.3'].map(parseIpv4);

const DOCKER0 = { subnet: parseCidr('172.17.0.0/16'), gateway: parseIpv4('172.17.0.1') };
const OVERLAY_MTU = 1420;

const COMMENT = {
  masquerade: 'Minuteman-IPVS-IPTables-masquerade-rule',
  skip: 'Skip DC/OS L4LB traffic',
};

/** A master, private or public agent, ready. */
export function dcosNode(
  name: string,
  options: { address: Cidr; gateway: Ipv4; place: OverlayPlace; docker: boolean; userlandProxy: boolean; random: Random },
): MachineConfig {
  let config = hostConfig(name, [{ name: 'eth0', address: options.address }], options.gateway);
  // Mesos' units write 2 into every rp_filter; dockerd switches forwarding on.
  config = {
    ...config,
    host: { ...config.host, sysctl: { ...config.host.sysctl, ipForward: true, rpFilter: 2, ipvsConntrack: true } },
  };
  if (options.docker) config = withDocker(config, options.userlandProxy, options.random);
  config = withDcosNet(config, options.random);
  return withOverlay(config, options.place, options.random);
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

function withOverlay(config: MachineConfig, place: OverlayPlace, random: Random): MachineConfig {
  const withBridge = place.docker === undefined ? config : withOverlayBridge(config, place, place.docker, random);
  const tunnel = withLink(withBridge, {
    name: VTEP_DEVICE,
    mac: place.vtepMac,
    mtu: 1500,
    up: true,
    kind: { type: 'vxlan', vni: 1024, port: 64000, learning: true },
    addresses: [place.vtep],
  });
  const rule = { priority: 32765, from: place.overlay, table: OVERLAY_TABLE };
  const [local, ...others] = tunnel.host.rules;
  return { ...tunnel, host: { ...tunnel.host, rules: local === undefined ? [rule] : [local, rule, ...others] } };
}

function withOverlayBridge(config: MachineConfig, place: OverlayPlace, docker: Cidr, random: Random): MachineConfig {
  const bridge = `d-${place.name}`;
  const network: DockerNetwork = {
    id: random.hex(64),
    name: place.name,
    bridge,
    subnet: docker,
    gateway: docker.address + 1,
    mtu: OVERLAY_MTU,
    masquerade: false,
    icc: true,
    options: [
      ['com.docker.network.bridge.enable_ip_masquerade', 'false'],
      ['com.docker.network.bridge.name', bridge],
      ['com.docker.network.driver.mtu', String(OVERLAY_MTU)],
    ],
  };
  const next = createNetwork(config, network, random);
  return {
    ...next,
    host: {
      ...next.host,
      sets: [...next.host.sets, overlaySet(place.overlay)],
      netfilter: overlayRules(next.host.netfilter, place.overlay),
    },
  };
}

/** The rules with those of the overlay module. */
export function overlayRules(before: Netfilter, overlay: Cidr): Netfilter {
  return remember(before, `overlay ${formatCidr(overlay)}`, () => addOverlayRules(before, overlay));
}

function addOverlayRules(before: Netfilter, overlay: Cidr): Netfilter {
  const stage2 = change(before, 'filter', 'DOCKER-ISOLATION-STAGE-2', (old) => [
    { matches: [], target: { name: 'RETURN' }, cause: 'overlay module: containers of different networks may talk' },
    ...old,
  ]);
  const leaves: Match = { name: 'set', set: 'overlay', directions: ['dst'] };
  return change(stage2, 'nat', 'POSTROUTING', (old) => [
    ...old,
    {
      source: { network: overlay },
      matches: [leaves],
      target: { name: 'MASQUERADE' },
      cause: 'overlay module: what leaves the overlay',
    },
  ]);
}

/** The set `overlay`: two halves of the Internet, the overlay taken out. */
export function overlaySet(overlay: Cidr): IpSet {
  return {
    name: 'overlay',
    type: 'hash:net',
    counters: true,
    members: [{ network: parseCidr('0.0.0.0/1') }, { network: parseCidr('128.0.0.0/1') }, { network: overlay, nomatch: true }],
  };
}
