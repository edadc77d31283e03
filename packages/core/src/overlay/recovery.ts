/**
 * What a restarted or newly elected overlay master makes of the replicated log: every recorded subnet and tunnel end
 * is taken again before anybody registers. Follows ManagerProcess::_recover of dcos-mesos-modules overlay/master.cpp:
 * edc45dc, and 1869381 of DC/OS 1.13.3, which looked at an agent's first overlay only for its tunnel ends. With that an
 * IPv6 tunnel end that came with a later overlay is free again, and is given to a second agent (pull request 123).
 */
import { type AddressPlan, type AgentPlace, addressPlan, type OverlayConfig } from './plan.ts';
import { reserveSubnet, reserveSubnet6 } from './subnets.ts';
import { reserveVtep, reserveVtep6, type VtepPool } from './vtep.ts';

/** Releases of the module that recover differently: DC/OS 1.13.3's and the last. */
export type OverlayRelease = '1869381' | 'edc45dc';

/** A master that has recovered: what is free, and who has what. */
export interface RecoveredPlan {
  readonly plan: AddressPlan;
  readonly places: readonly AgentPlace[];
}

/**
 * The plan and the agents of a master that starts with this log.
 * @throws Refusal `unavailable` if two records claim the same: the master steps down
 */
export function recoverPlan(
  config: OverlayConfig,
  log: Iterable<AgentPlace>,
  release: OverlayRelease = 'edc45dc',
): RecoveredPlan {
  let plan = addressPlan(config);
  const places: AgentPlace[] = [];
  for (const record of log) {
    plan = reserveAgent(plan, record, release);
    const [first] = record.overlays;
    // All that is kept of the tunnel end is the first overlay's copy.
    places.push({ ...record, vtep6: first?.vtep6, failures: [] });
  }
  return { plan, places };
}

/**
 * The plan with an agent's recorded place taken.
 * @throws Refusal `unavailable` if something of it is taken already
 */
export function reserveAgent(plan: AddressPlan, place: AgentPlace, release: OverlayRelease = 'edc45dc'): AddressPlan {
  const overlays = plan.overlays.map((pool) => {
    const part = place.overlays.find(({ name }) => name === pool.info.name);
    const four = part?.subnet === undefined ? pool : reserveSubnet(pool, part.subnet);
    return part?.subnet6 === undefined ? four : reserveSubnet6(four, part.subnet6);
  });
  return { vteps: reserveEnds(plan.vteps, place, release), overlays };
}

/** An agent without any overlay has no record of its tunnel end: the address is free again. */
function reserveEnds(pool: VtepPool, { vtep, overlays }: AgentPlace, release: OverlayRelease): VtepPool {
  if (overlays.length === 0) return pool;
  const looked = release === '1869381' ? overlays.slice(0, 1) : overlays;
  const ends6 = new Map(looked.flatMap(({ vtep6 }) => (vtep6 === undefined ? [] : [[vtep6.address, vtep6]])));
  return [...ends6.values()].reduce(reserveVtep6, reserveVtep(pool, vtep));
}
