/**
 * The overlay master's address plan: which tunnel end and which subnets every agent gets, in the order of registration.
 * Follows ManagerProcess and Agent of dcos-mesos-modules overlay/master.cpp, edc45dc, with the defaults of
 * dcos/dcos gen/calc.py. An immutable value that holds what is free; who has what is the caller's to keep.
 */
import { broadcastOf, type Cidr, formatIpv4, type Ipv4, type Mac, networkOf, parseCidr } from '../base/address.ts';
import { Refusal } from '../base/refusal.ts';
import { masterRefusal } from './refusals.ts';
import {
  allocateSubnet,
  bridgesOf,
  type OverlayInfo,
  releaseSubnet,
  reserveSubnet,
  type SubnetPool,
  subnetPool,
} from './subnets.ts';
import { allocateVtep, releaseVtep, reserveVtep, type VtepPool, vtepMac, vtepPool } from './vtep.ts';

/** What is free. */
export interface AddressPlan {
  readonly vteps: VtepPool;
  readonly overlays: readonly SubnetPool[];
}

/** An agent's part of one overlay. */
export interface AgentOverlay {
  readonly name: string;
  readonly overlay: Cidr;
  readonly subnet: Cidr;
  /** `m-dcos`: the lower half, if the agent asked for it. */
  readonly mesosBridge: Cidr | undefined;
  /** `d-dcos`: the upper half, if the agent asked for it. */
  readonly dockerBridge: Cidr | undefined;
}

/** All that one agent has of the plan. */
export interface AgentPlace {
  readonly vtep: Cidr;
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

/** The installer's defaults: tunnel ends in 44.128.0.0/20, overlay `dcos` of /24s in 9.0.0.0/8. */
export const DEFAULT_OVERLAY = {
  vtepNetwork: parseCidr('44.128.0.0/20'),
  overlays: [{ name: 'dcos', network: parseCidr('9.0.0.0/8'), prefix: 24 }],
} as const satisfies { vtepNetwork: Cidr; overlays: readonly OverlayInfo[] };

const RESERVED_NAMES: readonly string[] = ['host', 'bridge', 'default', 'none'];
const LONGEST_NAME = 13;

/**
 * The plan with everything free.
 * @throws Refusal `bad-config` for what the master refuses to start with
 */
export function addressPlan(
  config: { readonly vtepNetwork: Cidr; readonly overlays: readonly OverlayInfo[] } = DEFAULT_OVERLAY,
): AddressPlan {
  const vteps = vtepPool(config.vtepNetwork);
  config.overlays.forEach((overlay, index) => {
    refuseOverlay(overlay, config.overlays.slice(0, index));
  });
  if (config.overlays.length === 0)
    throw masterRefusal('bad-config', 'Could not find any overlay configuration. Specify at least one overlay');
  return { vteps, overlays: config.overlays.map(subnetPool) };
}

/**
 * A new agent's place. An overlay without a free subnet is left out and its failure told; an agent without a tunnel
 * address is not registered.
 * @throws Refusal `exhausted`
 */
export function registerAgent(
  plan: AddressPlan,
  { agent, mesosBridge, dockerBridge }: Registration,
): { readonly plan: AddressPlan; readonly place: AgentPlace } {
  const { pool: vteps, vtep } = allocateVtep(plan.vteps);
  const overlays: AgentOverlay[] = [];
  const failures: string[] = [];
  const pools = plan.overlays.map((pool) => {
    const { name, network, enabled } = pool.info;
    if (enabled === false || network === undefined) return pool;
    try {
      const { pool: rest, subnet } = allocateSubnet(pool);
      const halves = bridgesOf(subnet);
      overlays.push({
        name,
        overlay: network,
        subnet,
        mesosBridge: mesosBridge ? halves.mesosBridge : undefined,
        dockerBridge: dockerBridge ? halves.dockerBridge : undefined,
      });
      return rest;
    } catch (refusal) {
      if (!(refusal instanceof Refusal)) throw refusal;
      failures.push(`Cannot allocate subnet from overlay ${name} to Agent ${formatIpv4(agent)}:${refusal.message}`);
      return pool;
    }
  });
  return { plan: { vteps, overlays: pools }, place: { vtep, vtepMac: vtepMac(vteps, vtep), overlays, failures } };
}

/**
 * The plan after an operator deleted an agent; nothing else ever frees a place.
 * @throws Refusal `wrong-prefix` or `not-allocated`
 */
export function releaseAgent(plan: AddressPlan, place: AgentPlace): AddressPlan {
  return changePlan(plan, place, releaseSubnet, releaseVtep);
}

/**
 * The plan of a restarted master that finds an agent's place in its log.
 * @throws Refusal `unavailable` if something of it is taken
 */
export function reserveAgent(plan: AddressPlan, place: AgentPlace): AddressPlan {
  return changePlan(plan, place, reserveSubnet, reserveVtep);
}

function changePlan(
  plan: AddressPlan,
  place: AgentPlace,
  subnet: (pool: SubnetPool, subnet: Cidr) => SubnetPool,
  vtep: (pool: VtepPool, vtep: Cidr) => VtepPool,
): AddressPlan {
  const overlays = plan.overlays.map((pool) => {
    const part = place.overlays.find(({ name }) => name === pool.info.name);
    return part === undefined ? pool : subnet(pool, part.subnet);
  });
  return { vteps: vtep(plan.vteps, place.vtep), overlays };
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
