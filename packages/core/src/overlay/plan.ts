/**
 * The overlay master's address plan: which tunnel end and which subnets every agent gets, in the order of registration.
 * Follows ManagerProcess and Agent of dcos-mesos-modules overlay/master.cpp, edc45dc, with the defaults of
 * dcos/dcos gen/calc.py. An immutable value that holds what is free; who has what is the caller's to keep. Overlays are
 * gone through as configured; there it is the order of a hash map.
 */
import { broadcastOf, type Cidr, formatIpv4, type Ipv4, type Mac, networkOf, parseCidr } from '../base/address.ts';
import { Refusal } from '../base/refusal.ts';
import { type Cidr6, parseCidr6 } from './ipv6.ts';
import { masterRefusal } from './refusals.ts';
import {
  allocateSubnet,
  allocateSubnet6,
  bridgesOf,
  type OverlayInfo,
  releaseSubnet,
  releaseSubnet6,
  type SubnetPool,
  subnetPool,
} from './subnets.ts';
import { allocateVtep, allocateVtep6, releaseVtep, releaseVtep6, type VtepPool, vtepMac, vtepPool } from './vtep.ts';

/** What is free. */
export interface AddressPlan {
  readonly vteps: VtepPool;
  readonly overlays: readonly SubnetPool[];
}

/** An agent's part of one overlay: a subnet of each family that the overlay has. */
export interface AgentOverlay {
  readonly name: string;
  readonly overlay: Cidr | undefined;
  readonly subnet: Cidr | undefined;
  readonly subnet6: Cidr6 | undefined;
  /** `m-dcos`: the lower half, if the agent asked for it. */
  readonly mesosBridge: Cidr | undefined;
  /** `d-dcos`: the upper half, if the agent asked for it. */
  readonly dockerBridge: Cidr | undefined;
  /** The agent's tunnel end when it got this overlay: each overlay has a copy of its own. */
  readonly vtep6: Cidr6 | undefined;
}

/** All that one agent has of the plan. */
export interface AgentPlace {
  readonly agent: Ipv4;
  readonly vtep: Cidr;
  readonly vtep6: Cidr6 | undefined;
  readonly vtepMac: Mac;
  readonly overlays: readonly AgentOverlay[];
  /** The master's log lines about overlays that had no subnet left. */
  readonly failures: readonly string[];
}

/** What an agent asks for when it registers; a master wants no bridges. */
export interface Registration {
  readonly agent: Ipv4;
  readonly mesosBridge: boolean;
  readonly dockerBridge: boolean;
}

/** The networks that the master's configuration names. */
export interface OverlayConfig {
  readonly vtepNetwork: Cidr;
  readonly vtepNetwork6?: Cidr6 | undefined;
  readonly overlays: readonly OverlayInfo[];
}

/** The installer's defaults: tunnel ends in 44.128.0.0/20, overlay `dcos` of /24s in 9.0.0.0/8. */
export const DEFAULT_OVERLAY = {
  vtepNetwork: parseCidr('44.128.0.0/20'),
  overlays: [{ name: 'dcos', network: parseCidr('9.0.0.0/8'), prefix: 24 }],
} as const satisfies OverlayConfig;

/** The installer's IPv6 half: tunnel ends in fd01:a::/64, overlay `dcos6` of /80s in fd01:b::/64. */
export const DEFAULT_OVERLAY6 = {
  vtepNetwork6: parseCidr6('fd01:a::/64'),
  overlay: { name: 'dcos6', network: undefined, prefix: 24, network6: parseCidr6('fd01:b::/64'), prefix6: 80 },
} as const satisfies { vtepNetwork6: Cidr6; overlay: OverlayInfo };

const RESERVED_NAMES: readonly string[] = ['host', 'bridge', 'default', 'none'];
const LONGEST_NAME = 13;

/**
 * The plan with everything free.
 * @throws Refusal `bad-config` for what the master refuses to start with
 */
export function addressPlan(config: OverlayConfig = DEFAULT_OVERLAY): AddressPlan {
  const vteps = vtepPool(config.vtepNetwork, config.vtepNetwork6);
  config.overlays.forEach((overlay, index) => {
    refuseOverlay(overlay, config.overlays.slice(0, index));
  });
  if (config.overlays.length === 0)
    throw masterRefusal('bad-config', 'Could not find any overlay configuration. Specify at least one overlay');
  return { vteps, overlays: config.overlays.map(subnetPool) };
}

/** A plan after somebody took something of it, and what that agent has now. */
export interface Registered {
  readonly plan: AddressPlan;
  readonly place: AgentPlace;
}

/**
 * A new agent's place. An overlay without a free subnet is left out and its failure told; an agent without a tunnel
 * address is not registered. If there is none of one family, the other's stays free; the original forgets it.
 * @throws Refusal `exhausted`
 */
export function registerAgent(plan: AddressPlan, registration: Registration): Registered {
  const { pool, vtep } = allocateVtep(plan.vteps);
  const { vteps, vtep6 } = withVtep6(pool);
  const { agent } = registration;
  const bare = { agent, vtep, vtep6, vtepMac: vtepMac(vteps, vtep), overlays: [], failures: [] };
  return withNewOverlays({ ...plan, vteps }, bare, registration);
}

/**
 * The place of an agent that registers again: a tunnel address of a family that was configured since, and parts of
 * overlays that are new. The same place if there is nothing to add.
 * @throws Refusal `exhausted`
 */
export function refreshAgent(plan: AddressPlan, place: AgentPlace, registration: Registration): Registered {
  if (place.vtep6 !== undefined || plan.vteps.network6 === undefined) return withNewOverlays(plan, place, registration);
  const { vteps, vtep6 } = withVtep6(plan.vteps);
  return withNewOverlays({ ...plan, vteps }, { ...place, vtep6 }, registration);
}

function withVtep6(pool: VtepPool): { readonly vteps: VtepPool; readonly vtep6: Cidr6 | undefined } {
  if (pool.network6 === undefined) return { vteps: pool, vtep6: undefined };
  const { pool: vteps, vtep } = allocateVtep6(pool);
  return { vteps, vtep6: vtep };
}

function withNewOverlays(plan: AddressPlan, place: AgentPlace, registration: Registration): Registered {
  const added: AgentOverlay[] = [];
  const failures: string[] = [];
  const overlays = plan.overlays.map((pool) => {
    if (pool.info.enabled === false || place.overlays.some(({ name }) => name === pool.info.name)) return pool;
    try {
      const { pool: rest, part } = partOf(pool, place, registration);
      added.push(part);
      return rest;
    } catch (refusal) {
      if (!(refusal instanceof Refusal)) throw refusal;
      const family = pool.info.network === undefined ? 'IPv6 ' : '';
      const agent = formatIpv4(place.agent);
      failures.push(`Cannot allocate ${family}subnet from overlay ${pool.info.name} to Agent ${agent}:${refusal.message}`);
      return pool;
    }
  });
  if (added.length === 0 && failures.length === 0) return { plan, place };
  return { plan: { ...plan, overlays }, place: { ...place, overlays: [...place.overlays, ...added], failures } };
}

function partOf(
  pool: SubnetPool,
  { vtep6 }: AgentPlace,
  { mesosBridge, dockerBridge }: Registration,
): { readonly pool: SubnetPool; readonly part: AgentOverlay } {
  const { name, network, network6 } = pool.info;
  const four = network === undefined ? { pool, subnet: undefined } : allocateSubnet(pool);
  const six = network6 === undefined ? { pool: four.pool, subnet: undefined } : allocateSubnet6(four.pool);
  const halves = four.subnet && bridgesOf(four.subnet);
  const part = {
    name,
    overlay: network,
    subnet: four.subnet,
    subnet6: six.subnet,
    mesosBridge: mesosBridge ? halves?.mesosBridge : undefined,
    dockerBridge: dockerBridge ? halves?.dockerBridge : undefined,
    vtep6,
  };
  return { pool: six.pool, part };
}

/**
 * The plan after an operator deleted an agent; nothing else ever frees a place.
 * @throws Refusal `wrong-prefix` or `not-allocated`
 */
export function releaseAgent(plan: AddressPlan, place: AgentPlace): AddressPlan {
  const overlays = plan.overlays.map((pool) => {
    const part = place.overlays.find(({ name }) => name === pool.info.name);
    const four = part?.subnet === undefined ? pool : releaseSubnet(pool, part.subnet);
    return part?.subnet6 === undefined ? four : releaseSubnet6(four, part.subnet6);
  });
  const four = releaseVtep(plan.vteps, place.vtep);
  const ends6 = new Map(place.overlays.flatMap(({ vtep6 }) => (vtep6 === undefined ? [] : [[vtep6.address, vtep6]])));
  return { vteps: [...ends6.values()].reduce(releaseVtep6, four), overlays };
}

function refuseOverlay({ name, network }: OverlayInfo, before: readonly OverlayInfo[]): void {
  if (before.some((other) => other.name === name))
    throw masterRefusal('bad-config', `Duplicate overlay configuration detected for overlay: ${name}`);
  if (RESERVED_NAMES.includes(name))
    throw masterRefusal('bad-config', `Overlay network name: ${name} is a reserved network name`);
  if (name.length > LONGEST_NAME)
    throw masterRefusal(
      'bad-config',
      `Overlay name: ${name} too long cannot, exceed ${LONGEST_NAME}  characters    IntervalSet<uint8_t> `,
    );
  if (network !== undefined && before.some((other) => other.network !== undefined && overlap(network, other.network)))
    throw masterRefusal(
      'bad-config',
      `Incorrect address space for the overlay network '${name}': Found overlapping address spaces`,
    );
}

function overlap(a: Cidr, b: Cidr): boolean {
  return networkOf(a).address <= broadcastOf(b) && networkOf(b).address <= broadcastOf(a);
}
