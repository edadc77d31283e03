/**
 * The overlay module of one Mesos master process, from its start to its end: gives each node its part of every overlay,
 * and takes it back only if an operator asks it to. What it has given is in the log that all masters replicate; a module that starts knows nothing
 * before it has read that. Follows ManagerProcess of dcos-mesos-modules overlay/master.cpp, edc45dc.
 */
import {
  type AddressPlan,
  type AgentPlace,
  addressPlan,
  formatIpv4,
  type Ipv4,
  type OverlayConfig,
  type OverlayRelease,
  Refusal,
  type Registration,
  recoverPlan,
  refreshAgent,
  registerAgent,
  releaseAgent,
} from '@portolan/core';

/** The replicated log, key `network-state`: who has what, in the order of registration. */
export type OverlayLog = Map<Ipv4, AgentPlace>;

/** What becomes of a registration. */
export type RegisterOutcome =
  /** The first one since the start: it is dropped, and the log is to be read. */
  | { readonly kind: 'recover' }
  | { readonly kind: 'dropped'; readonly why: string }
  /** Nothing is left for the node; this master will say so again, unless an operator gives something back. */
  | { readonly kind: 'exhausted'; readonly why: string }
  /** The node is told of this place, once the log has it. */
  | { readonly kind: 'update'; readonly place: AgentPlace; readonly store: boolean };

/** A master's module. */
export class OverlayMaster {
  private phase: 'started' | 'recovering' | 'recovered' = 'started';
  private plan: AddressPlan;
  private readonly places = new Map<Ipv4, AgentPlace>();

  /** @throws Refusal `bad-config` for what the master refuses to start with */
  constructor(
    private readonly config: OverlayConfig,
    private readonly log: OverlayLog,
    private readonly release: OverlayRelease,
  ) {
    this.plan = addressPlan(config);
  }

  /** Whether it has read the log. */
  get recovered(): boolean {
    return this.phase === 'recovered';
  }

  /** A node asks for its part. */
  register(registration: Registration): RegisterOutcome {
    if (this.phase === 'started') {
      this.phase = 'recovering';
      return { kind: 'recover' };
    }
    if (this.phase === 'recovering') return { kind: 'dropped', why: 'overlay-master in `RECOVERING` state' };
    const { agent } = registration;
    const known = this.places.get(agent);
    try {
      const { plan, place } =
        known === undefined ? registerAgent(this.plan, registration) : refreshAgent(this.plan, known, registration);
      this.plan = plan;
      this.places.set(agent, place);
      if (known === undefined || place.overlays.length > known.overlays.length) return { kind: 'update', place, store: true };
      if (this.log.has(agent)) return { kind: 'update', place, store: false };
      return { kind: 'dropped', why: `Agent ${pidOf(agent)} info has not been updated in the replicated log.` };
    } catch (refusal) {
      if (!(refusal instanceof Refusal)) throw refusal;
      const again = known === undefined ? '' : 're-';
      const family = refusal.message.includes('IPv6') ? 'IPv6' : 'IP';
      const what = `Unable to get VTEP ${family} for Agent: ${refusal.message}`;
      return { kind: 'exhausted', why: `${what}Cannot fulfill ${again}registration for Agent: ${pidOf(agent)}` };
    }
  }

  /**
   * The log has been read.
   * @throws Refusal `unavailable` if it contradicts itself: the module ends, to be started again
   */
  recover(): void {
    const { plan, places } = recoverPlan(this.config, this.log.values(), this.release);
    this.plan = plan;
    for (const place of places) this.places.set(place.agent, place);
    this.phase = 'recovered';
  }

  /** The log has this place now. */
  stored(place: AgentPlace): void {
    this.log.set(place.agent, place);
  }

  /** An operator gives back what nodes had, as if they had never been; unknown ones are passed over. */
  delete(agents: Iterable<Ipv4>): void {
    for (const agent of agents) {
      this.log.delete(agent);
      const place = this.places.get(agent);
      if (place === undefined) continue;
      this.plan = releaseAgent(this.plan, place);
      this.places.delete(agent);
    }
  }

  /** Whether a node that reports its overlays gets an acknowledgement. */
  knows(agent: Ipv4): boolean {
    return this.places.has(agent) && this.log.has(agent);
  }
}

function pidOf(agent: Ipv4): string {
  return `overlay-agent@${formatIpv4(agent)}:5051`;
}
