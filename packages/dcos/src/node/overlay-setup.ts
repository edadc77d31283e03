/**
 * What the overlay module and dcos-net's overlay part set up on a node: the tunnel device, and of each overlay a bridge with
 * Docker's network, an entry of the set `overlay`, rules, a routing rule (dcos-mesos-modules overlay/agent.cpp, dcos-net
 * apps/dcos_overlay; 1.13).
 */
import {
  type Cidr,
  change,
  createNetwork,
  type DockerNetwork,
  formatCidr,
  type IpSet,
  type Mac,
  type MachineConfig,
  type Match,
  type Netfilter,
  parseCidr,
  type Random,
  remember,
  withLink,
} from '@portolan/core';
import { OVERLAY_TABLE, VTEP_DEVICE } from '../overlay/directory.ts';

/** A node's part of the overlays: one tunnel end for all. */
export interface OverlayPlace {
  readonly vtep: Cidr;
  readonly vtepMac: Mac;
  readonly overlays: readonly OverlayPart[];
}

/** A node's part of one overlay. */
export interface OverlayPart {
  /** Name of the overlay: `dcos`. */
  readonly name: string;
  readonly overlay: Cidr;
  /** The half of the node's subnet that Docker gets; a master has none. */
  readonly docker: Cidr | undefined;
}

const OVERLAY_MTU = 1420;
/** Priority of the first overlay's rule: the kernel puts each new one before the others. */
const RULE_PRIORITY = 32765;

/** The machine with its part of the overlays. */
export function withOverlays(config: MachineConfig, place: OverlayPlace, random: Random): MachineConfig {
  if (place.overlays.length === 0) return config;
  const bridged = place.overlays.reduce((next, part) => withOverlayBridge(next, part, random), config);
  const tunnel = withLink(bridged, {
    name: VTEP_DEVICE,
    mac: place.vtepMac,
    mtu: 1500,
    up: true,
    kind: { type: 'vxlan', vni: 1024, port: 64000, learning: true },
    addresses: [place.vtep],
  });
  const rules = place.overlays.map(({ overlay }, i) => ({ priority: RULE_PRIORITY - i, from: overlay, table: OVERLAY_TABLE }));
  const [local, ...others] = tunnel.host.rules;
  const first = local === undefined ? [] : [local];
  return { ...tunnel, host: { ...tunnel.host, rules: [...first, ...rules.reverse(), ...others] } };
}

function withOverlayBridge(config: MachineConfig, { name, overlay, docker }: OverlayPart, random: Random): MachineConfig {
  if (docker === undefined) return config;
  const bridge = `d-${name}`;
  const network: DockerNetwork = {
    id: random.hex(64),
    name,
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
      sets: withMember(next.host.sets, overlay),
      netfilter: overlayRules(next.host.netfilter, overlay),
    },
  };
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
