/**
 * How nodes get their parts of the overlays: each node's module registers with the leading master's, again and again until
 * it is answered, configures what it is told, and reports it; dcos-net finds the result at its next poll, brings the tunnel
 * up and gossips the node's records. Follows dcos-mesos-modules overlay/agent.cpp and overlay/supervisor.hpp (edc45dc) and
 * dcos-net apps/dcos_overlay/src/dcos_overlay_poller.erl (7bd01ac). Messages take no time; the log and docker a fixed one.
 * A node that was told that nothing is left for it asks again only when another master leads, or something was given back.
 */
import {
  type AgentOverlay,
  type AgentPlace,
  type Cidr,
  type Clock,
  DEFAULT_OVERLAY,
  DEFAULT_OVERLAY6,
  type Ipv4,
  type OverlayConfig,
  type OverlayInfo,
  type OverlayRelease,
  type Random,
  Refusal,
} from '@portolan/core';
import type { DcosNetVersion } from '../vips/backends.ts';
import {
  acknowledged,
  configured,
  FIRST_BACKOFF,
  LONGEST_BACKOFF,
  MODULE_AT_START,
  type ModuleState,
  masterDetected,
  masterExited,
  nextBackoff,
  takeUpdate,
} from './agent-module.ts';
import { OverlayDirectory, type OverlayShape } from './directory.ts';
import { type OverlayLog, OverlayMaster } from './master.ts';
import { overlayAgentState, overlayMasterState } from './state-json.ts';

/** Milliseconds for reading the replicated log, for writing it, and for `docker network create` with its rules. */
const FETCH_DELAY = 50;
const STORE_DELAY = 10;
const CONFIGURE_DELAY = 500;
/** Milliseconds after which a module that ended for a contradiction in its log is started again. */
const SUPERVISOR_DELAY = 3000;
/** A node that has asked in vain for longer waits than this keeps nobody else waiting. */
const PATIENCE = 8 * FIRST_BACKOFF;
const NO_MASTER = 'no master leads';
/** Milliseconds from one poll of dcos-net to the next: at first, and at most; each is twice the last. */
const FIRST_POLL = 30_000;
const LONGEST_POLL = 120_000;

/** A message of the protocol, or what became of it. */
export interface OverlayEvent {
  /** The node whose part of the overlays this is about. */
  readonly node: Ipv4;
  readonly message: 'RegisterAgent' | 'UpdateAgentOverlays' | 'AgentRegistered' | 'AgentRegisteredAcknowledgement' | 'records';
  /** Why it was dropped, if it was. */
  readonly dropped?: string;
}

/** A node as its overlay module and dcos-net see it. */
export interface OverlayHost {
  readonly address: Ipv4;
  /** Whether its module sets bridges up: an agent's does, a master's does not. */
  readonly bridges: boolean;
  /** Sets Docker's network and the rules of an overlay up; says what failed. */
  configure(part: AgentOverlay): string | undefined;
  /** Brings the tunnel up for these overlays. */
  openTunnel(place: AgentPlace, parts: readonly AgentOverlay[]): void;
}

interface Member {
  readonly host: OverlayHost;
  /** When its dcos-net started. */
  readonly since: number;
  module: ModuleState;
  /** Whether the process it lives in runs. */
  up: boolean;
  place: AgentPlace | undefined;
  /** The module of a master that has nothing left for it. */
  refusedBy: OverlayMaster | undefined;
  /** Overlays that dcos-net has taken over. */
  known: readonly string[];
  /** Whether dcos-net's next poll will find something. */
  polling: boolean;
}

/** What registration needs of the cluster. */
export interface OverlaySurroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly config: OverlayConfig;
  readonly release: OverlayRelease;
  /** Milliseconds until the last node has heard of a record. */
  readonly gossipDelay: number;
  readonly happened: (event: OverlayEvent) => void;
}

/** The registrations of a cluster's nodes, and the module of the master that leads. */
export class OverlayRegistration {
  /** What all masters know together. */
  readonly log: OverlayLog = new Map();
  /** What modules of masters logged about nodes that got nothing, or less than all. */
  readonly failures: string[] = [];
  /** What dcos-nets gossip of it. */
  readonly directory: OverlayDirectory;
  private readonly around: OverlaySurroundings;
  private readonly members = new Map<Ipv4, Member>();
  private master: OverlayMaster | undefined;

  /** @throws Refusal `bad-config` for what the master refuses to start with */
  constructor(around: OverlaySurroundings, directory: OverlayDirectory) {
    this.around = around;
    this.directory = directory;
    this.master = this.newMaster();
  }

  /** What a node's module knows; undefined while the node is down. */
  module(node: Ipv4): ModuleState | undefined {
    return this.members.get(node)?.module;
  }

  /** What the leading master's module answers over HTTP: it knows a node's status from when that reports it. */
  masterState(): ReturnType<typeof overlayMasterState> {
    const places = this.master?.recovered === true ? [...this.log.values()] : [];
    const nodes = places.map((place) => {
      const module = this.members.get(place.agent)?.module;
      return { place, reported: module !== undefined && module.attempts > 0 ? module : undefined };
    });
    return overlayMasterState(this.around.config, nodes);
  }

  /** What a node's module answers; undefined before it has been told anything, and while it is down. */
  nodeState(node: Ipv4): ReturnType<typeof overlayAgentState> | undefined {
    const member = this.members.get(node);
    if (member?.place === undefined || !member.up) return undefined;
    return overlayAgentState(this.around.config, member.place, member.module);
  }

  /**
   * An operator has the leading master forget nodes: what they had is free. A node that runs keeps what it has set up, and learns of it when
   * it registers next. False before the master has read its log.
   */
  deleteAgents(agents: Iterable<Ipv4>): boolean {
    if (this.master?.recovered !== true) return false;
    this.master.delete(agents);
    const { clock, random } = this.around;
    for (const member of this.members.values()) {
      if (member.refusedBy === undefined) continue;
      member.refusedBy = undefined;
      // It has been asking all the time, and less and less often.
      clock.after(random.nextInt(LONGEST_BACKOFF), () => this.ask(member, LONGEST_BACKOFF));
    }
    return true;
  }

  /** Whether operators can have nodes forgotten: the endpoint came in September 2019. */
  get forgets(): boolean {
    return this.around.release === 'edc45dc';
  }

  /** A node that has been up for long: everything has been said and done, if there is anything left for it. */
  settled(host: OverlayHost): void {
    const member = this.join(host);
    const master = this.master;
    if (master === undefined) return this.ask(member, FIRST_BACKOFF);
    let outcome = master.register(requestOf(host));
    if (outcome.kind === 'recover') {
      master.recover();
      outcome = master.register(requestOf(host));
    }
    if (outcome.kind === 'exhausted') return this.refuse(member, outcome.why);
    if (outcome.kind !== 'update') return this.ask(member, FIRST_BACKOFF);
    const { place } = outcome;
    master.stored(place);
    this.failures.push(...place.failures);
    member.place = place;
    while (member.module.phase === 'registering') {
      const update = takeUpdate(member.module, place.overlays);
      const state = update?.state ?? member.module;
      const tried = (update?.configure ?? []).reduce((next, part) => configured(next, part.name, host.configure(part)), state);
      member.module = acknowledged(tried);
    }
    this.poll(member, Number.NEGATIVE_INFINITY);
  }

  /** A node comes up. */
  start(host: OverlayHost): void {
    this.ask(this.join(host), FIRST_BACKOFF);
  }

  /** A node's Mesos process ends, and with it the module; it starts anew after so many milliseconds. */
  restart(node: Ipv4, delay: number): void {
    const before = this.members.get(node);
    if (before === undefined) return;
    const member = { ...before, module: MODULE_AT_START, up: false, refusedBy: undefined };
    this.members.set(node, member);
    this.around.clock.after(delay, () => {
      member.up = true;
      this.ask(member, FIRST_BACKOFF);
    });
  }

  /** A node is gone. Its part stays its own. */
  stop(node: Ipv4): void {
    this.members.delete(node);
  }

  /** The leading master's process ended: every module's connection breaks at once. */
  masterLost(): void {
    this.master = undefined;
    for (const member of this.members.values()) {
      member.module = masterExited(member.module);
      this.ask(member, FIRST_BACKOFF);
    }
  }

  /** Some master leads, with a module that knows nothing yet; every node's module has detected it. */
  masterElected(): void {
    this.master = this.newMaster();
    for (const member of this.members.values()) {
      member.module = masterDetected(member.module);
      this.ask(member, FIRST_BACKOFF);
    }
  }

  private newMaster(): OverlayMaster {
    return new OverlayMaster(this.around.config, this.log, this.around.release);
  }

  private join(host: OverlayHost): Member {
    const since = this.around.clock.now;
    const member: Member = {
      host,
      since,
      module: MODULE_AT_START,
      up: true,
      place: undefined,
      refusedBy: undefined,
      known: [],
      polling: false,
    };
    this.members.set(host.address, member);
    return member;
  }

  /** Registers, and does so again after a while unless the node is registered by then. */
  private ask(member: Member, longest: number): void {
    if (member.module.phase === 'registered' || !member.up || !this.isCurrent(member)) return;
    if (member.refusedBy !== undefined && member.refusedBy === this.master) return;
    const { clock, random } = this.around;
    clock.after(random.nextInt(longest), () => this.ask(member, nextBackoff(longest)), longest > PATIENCE);
    const { master } = this;
    if (master === undefined) return this.tell(member, 'RegisterAgent', NO_MASTER);
    const outcome = master.register(requestOf(member.host));
    if (outcome.kind === 'recover') {
      clock.after(FETCH_DELAY, () => this.recover(master));
      return this.tell(member, 'RegisterAgent', 'overlay-master moving to `RECOVERING` state');
    }
    if (outcome.kind === 'exhausted') return this.refuse(member, outcome.why);
    if (outcome.kind === 'dropped') return this.tell(member, 'RegisterAgent', outcome.why);
    this.tell(member, 'RegisterAgent');
    const { place } = outcome;
    this.failures.push(...place.failures);
    if (!outcome.store) return this.update(member, place);
    clock.after(STORE_DELAY, () => {
      if (this.master !== master) return;
      master.stored(place);
      this.update(member, place);
    });
  }

  private refuse(member: Member, why: string): void {
    member.refusedBy = this.master;
    this.failures.push(why);
    this.tell(member, 'RegisterAgent', why);
  }

  private recover(master: OverlayMaster): void {
    if (this.master !== master) return;
    try {
      master.recover();
    } catch (refusal) {
      if (!(refusal instanceof Refusal)) throw refusal;
      this.failures.push(refusal.message);
      this.masterLost();
      this.around.clock.after(SUPERVISOR_DELAY, () => this.masterElected());
    }
  }

  private update(member: Member, place: AgentPlace): void {
    if (!this.isCurrent(member)) return;
    const update = takeUpdate(member.module, place.overlays);
    if (update === undefined) return this.tell(member, 'UpdateAgentOverlays', 'not registering, or configuring');
    this.tell(member, 'UpdateAgentOverlays');
    member.module = update.state;
    member.place = place;
    if (update.configure.length === 0) return this.report(member);
    this.around.clock.after(CONFIGURE_DELAY, () => {
      if (!this.isCurrent(member)) return;
      for (const part of update.configure) member.module = configured(member.module, part.name, member.host.configure(part));
      this.pollLater(member);
      this.report(member);
    });
  }

  /** The module tells the master how its overlays are, and is acknowledged. */
  private report(member: Member): void {
    if (this.master === undefined) return this.tell(member, 'AgentRegistered', NO_MASTER);
    if (!this.master.knows(member.host.address)) return this.tell(member, 'AgentRegistered', 'non-existent PID');
    this.tell(member, 'AgentRegistered');
    member.module = acknowledged(member.module);
    this.tell(member, 'AgentRegisteredAcknowledgement');
  }

  private pollLater(member: Member): void {
    if (member.polling) return;
    member.polling = true;
    const { clock } = this.around;
    clock.after(untilPoll(clock.now - member.since), () => {
      // The module may have been started anew since; dcos-net has not.
      const current = this.members.get(member.host.address);
      if (current?.host !== member.host) return;
      current.polling = false;
      this.poll(current, clock.now);
    });
  }

  /** dcos-net reads what the module has configured: a tunnel for what is new, and records for the others. */
  private poll(member: Member, now: number): void {
    const { host, place } = member;
    const fresh = member.module.overlays.filter(
      ({ part, status }) => status === 'STATUS_OK' && !member.known.includes(part.name),
    );
    if (place === undefined || fresh.length === 0) return;
    const parts = fresh.map(({ part }) => part);
    member.known = [...member.known, ...parts.map(({ name }) => name)];
    host.openTunnel(place, parts);
    for (const { subnet } of parts) {
      if (subnet === undefined) continue;
      this.directory.put({ agent: host.address, vtep: place.vtep.address, vtepMac: place.vtepMac, subnet }, now);
    }
    this.tell(member, 'records');
    // Nodes hear of it when they look; the clock must not be at rest before the last of them can.
    if (now > Number.NEGATIVE_INFINITY) this.around.clock.after(this.around.gossipDelay, () => {});
  }

  private isCurrent(member: Member): boolean {
    return this.members.get(member.host.address) === member;
  }

  private tell({ host }: Member, message: OverlayEvent['message'], dropped?: string): void {
    this.around.happened({ node: host.address, message, ...(dropped === undefined ? {} : { dropped }) });
  }
}

/**
 * The registrations of a cluster: the installer's overlays and those that its options name.
 * @throws Refusal `bad-config` for what the master refuses to start with
 */
export function registrationOf(
  plan: {
    readonly version: DcosNetVersion;
    readonly vtepNetwork?: Cidr | undefined;
    readonly networks: readonly (OverlayInfo & OverlayShape)[];
    readonly ipv6?: boolean | undefined;
  },
  around: Omit<OverlaySurroundings, 'config' | 'release'>,
): OverlayRegistration {
  const overlays = [...DEFAULT_OVERLAY.overlays, ...plan.networks] as const;
  const ipv6 = plan.ipv6 ?? true;
  const config = {
    vtepNetwork: plan.vtepNetwork ?? DEFAULT_OVERLAY.vtepNetwork,
    vtepNetwork6: ipv6 ? DEFAULT_OVERLAY6.vtepNetwork6 : undefined,
    overlays: ipv6 ? [...overlays, DEFAULT_OVERLAY6.overlay] : overlays,
  };
  const release = plan.version === '1.13' ? '1869381' : 'edc45dc';
  return new OverlayRegistration({ ...around, config, release }, new OverlayDirectory(overlays, () => around.clock.now));
}

/** Milliseconds until dcos-net polls next, so long after its start. */
export function untilPoll(elapsed: number): number {
  let [at, period] = [0, FIRST_POLL];
  while (at <= elapsed) {
    if (period === LONGEST_POLL) at += LONGEST_POLL * Math.max(1, Math.floor((elapsed - at) / LONGEST_POLL));
    else at += period;
    period = Math.min(2 * period, LONGEST_POLL);
  }
  return at - elapsed;
}

function requestOf({ address, bridges }: OverlayHost) {
  return { agent: address, mesosBridge: bridges, dockerBridge: bridges };
}
