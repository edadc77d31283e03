/**
 * What the overlay module and dcos-net's overlay part set up on a node: of each overlay a bridge with Docker's network, an
 * entry of the set `overlay` and rules; then the tunnel device and a routing rule each (dcos-mesos-modules
 * overlay/agent.cpp, dcos-net apps/dcos_overlay; 1.13).
 */
import {
  type AgentOverlay,
  type AgentPlace,
  type Cidr,
  change,
  createNetwork,
  type DockerNetwork,
  formatCidr,
  type IpSet,
  type MachineConfig,
  type Match,
  type Netfilter,
  parseCidr,
  type Random,
  remember,
  withLink,
} from '@portolan/core';
import { OVERLAY_TABLE, VTEP_DEVICE } from '../overlay/directory.ts';

const OVERLAY_MTU = 1420;
/** Priority of the first overlay's rule: the kernel puts each new one before the others. */
const RULE_PRIORITY = 32765;

/**
 * The machine with the tunnel, and with a rule for each of these overlays: what dcos-net sets up for overlays it did not
 * know before.
 */
export function withTunnel(config: MachineConfig, place: AgentPlace, parts: readonly AgentOverlay[]): MachineConfig {
  const linked = withTunnelLink(config, place);
  const { host } = linked;
  const before = host.rules.filter(({ table }) => table === OVERLAY_TABLE).length;
  const overlays = parts.flatMap(({ overlay }) => overlay ?? []);
  const fresh = overlays.map((from, i) => ({ priority: RULE_PRIORITY - before - i, from, table: OVERLAY_TABLE }));
  const [local, ...others] = host.rules;
  const first = local === undefined ? [] : [local];
  return { ...linked, host: { ...host, rules: [...first, ...fresh.reverse(), ...others] } };
}

function withTunnelLink(config: MachineConfig, { vtep, vtepMac }: AgentPlace): MachineConfig {
  if (config.host.links.some(({ name }) => name === VTEP_DEVICE)) return config;
  return withLink(config, {
    name: VTEP_DEVICE,
    mac: vtepMac,
    mtu: 1500,
    up: true,
    kind: { type: 'vxlan', vni: 1024, port: 64000, learning: true },
    addresses: [vtep],
  });
}

/**
 * The machine with Docker's network of an overlay, its member of the set `overlay` and its rules: what the overlay module
 * sets up. Nothing on a master, nor for an overlay without IPv4, whose network would carry nothing here.
 * @throws Refusal `pool-overlaps` of Docker
 */
export function withOverlay(config: MachineConfig, part: AgentOverlay, random: Random): MachineConfig {
  const { name, overlay, dockerBridge } = part;
  if (dockerBridge === undefined || overlay === undefined) return config;
  // A module that was started again finds the network as it left it.
  if (config.docker.networks.some((network) => network.name === name)) return config;
  const bridge = `d-${name}`;
  const network: DockerNetwork = {
    id: random.hex(64),
    name,
    bridge,
    subnet: dockerBridge,
    gateway: dockerBridge.address + 1,
    mtu: OVERLAY_MTU,
    masquerade: false,
    icc: true,
    options: [
      ['com.docker.network.bridge.enable_ip_masquerade', 'false'],
      ['com.docker.network.bridge.name', bridge],
      ['com.docker.network.driver.mtu', String(OVERLAY_MTU)],
    ],
  };
  const next = createNetwork(withCniNetwork(config, part), network, random);
  return {
    ...next,
    host: {
      ...next.host,
      sets: withMember(next.host.sets, overlay),
      netfilter: overlayRules(next.host.netfilter, overlay),
    },
  };
}

/** The overlay as a CNI network; its bridge comes with the first container. */
function withCniNetwork(config: MachineConfig, { name, mesosBridge }: AgentOverlay): MachineConfig {
  if (mesosBridge === undefined) return config;
  const bridge = `m-${name}`;
  const conf = { name, chain: bridge.toUpperCase(), bridge, subnet: mesosBridge, mtu: OVERLAY_MTU, masquerade: false };
  return { ...config, ucr: { ...config.ucr, networks: [...config.ucr.networks, conf] } };
}

/** The rules with those of the overlay module. */
export function overlayRules(before: Netfilter, overlay: Cidr): Netfilter {
  return remember(before, `overlay ${formatCidr(overlay)}`, () => addOverlayRules(before, overlay));
}

const RETURN_CAUSE = 'overlay module: containers of different networks may talk';

function addOverlayRules(before: Netfilter, overlay: Cidr): Netfilter {
  const stage2 = change(before, 'filter', 'DOCKER-ISOLATION-STAGE-2', (old) =>
    old[0]?.cause === RETURN_CAUSE ? old : [{ matches: [], target: { name: 'RETURN' }, cause: RETURN_CAUSE }, ...old],
  );
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

function withMember(sets: readonly IpSet[], overlay: Cidr): readonly IpSet[] {
  const [fresh] = overlaySet(overlay).members.slice(-1);
  if (!sets.some(({ name }) => name === SET)) return [...sets, overlaySet(overlay)];
  return sets.map((set) => (set.name === SET && fresh !== undefined ? { ...set, members: [...set.members, fresh] } : set));
}

const SET = 'overlay';

/** The set `overlay`: two halves of the Internet, the overlay taken out. */
export function overlaySet(overlay: Cidr): IpSet {
  return {
    name: SET,
    type: 'hash:net',
    counters: true,
    members: [{ network: parseCidr('0.0.0.0/1') }, { network: parseCidr('128.0.0.0/1') }, { network: overlay, nomatch: true }],
  };
}
