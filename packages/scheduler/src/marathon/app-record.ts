/**
 * All that Marathon keeps about one app: its definition, its instances, the counts deployments go by, and its wait for offers.
 * Stands for the instance tracker and the launch queue's entry in mesosphere/marathon v1.8; everything a status update needs is a count.
 */
import type { Timer } from '@portolan/core';
import type { App } from '../app/app.ts';
import { DEFAULT_MARATHON_VERSION, type MarathonVersion } from '../app/marathon-version.ts';
import { ConstraintIndex } from '../match/constraints.ts';
import { type Condition, isTerminal, type TaskState } from '../task/state.ts';
import { Backoff } from './backoff.ts';
import type { DeploymentInfo } from './events.ts';
import type { Instance } from './instance.ts';
import { OfferStatistics } from './offer-statistics.ts';

/** Conditions whose instances constraints do not reckon with. */
const UNPLACED: ReadonlySet<Condition> = new Set<Condition>(['Scheduled', 'Unreachable', 'Unknown', 'Gone', 'Dropped']);

/** `--zk_max_versions` of DC/OS: versions kept of an app. */
const MAXIMUM_VERSIONS = 50;

/** What a deployment may do. */
export interface DeploymentTools {
  start(record: AppRecord, count: number): void;
  decommission(record: AppRecord, instance: Instance): void;
  /** Has an app's instances counted when Marathon does so next. */
  recount(record: AppRecord): void;
}

/** A deployment on its way. */
export interface Deployment extends DeploymentInfo {
  /** Does what can be done now; true when all is done. */
  step(record: AppRecord, tools: DeploymentTools): boolean;
}

/** How an app's task ended that failed last. */
export interface TaskFailure {
  readonly appId: string;
  readonly taskId: string;
  readonly state: TaskState;
  readonly message: string;
  readonly host: string;
  readonly slaveId: string;
  /** Of the app, when the task was launched. */
  readonly version: string;
  /** Virtual milliseconds. */
  readonly at: number;
}

/** One app's state. */
export class AppRecord {
  app: App;
  /** Deleted, and kept only until its last instance is gone. */
  removed = false;
  /** Grows with every change of configuration. */
  generation = 0;
  /** The first generation whose instances constraints reckon with. */
  private constrained = 0;
  readonly instances = new Map<string, Instance>();
  deployment: Deployment | undefined;
  lastFailure: TaskFailure | undefined;
  backoff: Backoff;
  constraints: ConstraintIndex;
  statistics = new OfferStatistics();
  /** Of goal Running and not given up: all, and those of the present configuration. */
  live = 0;
  liveCurrent = 0;
  /** Of these, running and not unhealthy: those of the present configuration, and those launched in the present version. */
  readyCurrent = 0;
  readyLaunched = 0;
  /** Instances of earlier configurations, whatever their goal. */
  old = 0;
  /** Instances of goal Decommissioned that still exist. */
  doomed = 0;
  /** Instances waiting for an offer. */
  scheduled = 0;
  /** Virtual milliseconds; when it began to wait. */
  waitingSince = 0;
  /** Whether it has yet to see agents that have nothing new to offer. */
  scansAll = false;
  delay: Timer | undefined;
  /** Deployment steps do not nest: one that is due during another is run after it. */
  advancing = false;
  advanceAgain = false;
  private queue: { readonly instance: Instance; readonly ticket: number }[] = [];
  private queueHead = 0;
  private readonly history: App[];

  constructor(
    app: App,
    readonly version: MarathonVersion = DEFAULT_MARATHON_VERSION,
    /** Whether checks are run: then only what passed them is ready. */
    private readonly checked = false,
  ) {
    this.app = app;
    this.history = [app];
    this.backoff = new Backoff(app);
    this.constraints = new ConstraintIndex(app.constraints, version);
  }

  /** The versions the app has had, the present one last. */
  get versions(): readonly App[] {
    return this.history;
  }

  /** Takes a new version. */
  setApp(app: App): void {
    this.app = app;
    this.readyLaunched = 0;
    this.history.push(app);
    if (this.history.length > MAXIMUM_VERSIONS) this.history.shift();
  }

  /** Takes a new configuration: present instances become old ones, delays start anew; so do constraints, if it is not just a restart. */
  reconfigure(app: App): void {
    for (const instance of this.instances.values()) this.count(instance, -1);
    this.generation++;
    if (app.lastConfigChangeAt !== this.app.lastConfigChangeAt) this.constrained = this.generation;
    this.app = app;
    this.backoff = new Backoff(app);
    this.constraints = new ConstraintIndex(app.constraints, this.version);
    for (const instance of this.instances.values()) this.count(instance, 1);
  }

  /** A new instance, to be launched. */
  add(instance: Instance): void {
    this.instances.set(instance.id, instance);
    this.count(instance, 1);
    this.enqueue(instance);
  }

  /** Forgets an instance. */
  delete(instance: Instance): void {
    if (!this.instances.delete(instance.id)) return;
    this.count(instance, -1);
  }

  /** Changes an instance, and the counts with it. */
  change(instance: Instance, mutate: (instance: Instance) => void): void {
    const known = this.instances.has(instance.id);
    if (known) this.count(instance, -1);
    mutate(instance);
    if (known) this.count(instance, 1);
  }

  /** Puts an instance back among those waiting. */
  reschedule(instance: Instance, now: number): void {
    this.change(instance, (changed) => {
      changed.condition = 'Scheduled';
      changed.since = now;
      changed.task = undefined;
      changed.pod = undefined;
      changed.place = undefined;
      changed.stagedAt = undefined;
      changed.startedAt = undefined;
      changed.addresses = [];
      changed.healthy = undefined;
      changed.readiness = undefined;
    });
    this.enqueue(instance);
  }

  /** Ends a launch attempt: what offers became of is forgotten. */
  resetStatistics(): void {
    if (this.statistics.processed > 0) this.statistics = new OfferStatistics();
  }

  /** The instance that waits longest. */
  private nextScheduled(): Instance | undefined {
    for (; this.queueHead < this.queue.length; this.queueHead++) {
      const entry = this.queue[this.queueHead];
      if (entry === undefined) break;
      const { instance, ticket } = entry;
      const waits = instance.condition === 'Scheduled' && instance.goal === 'Running' && instance.ticket === ticket;
      if (waits && this.instances.has(instance.id)) return instance;
    }
    this.queue = [];
    this.queueHead = 0;
    return undefined;
  }

  /** The instance an agent's offer is for: with persistent volumes one that has them there, else one that has none yet. */
  nextFor(agentId: string): Instance | undefined {
    if (this.app.persistentDisk === 0) return this.nextScheduled();
    const waiting = [...this.instances.values()].filter(({ condition, goal }) => condition === 'Scheduled' && goal === 'Running');
    return waiting.find(({ reservedOn }) => reservedOn === agentId) ?? waiting.find(({ reservedOn }) => reservedOn === undefined);
  }

  /** Whether a restart takes it for healthy, running or not: nothing checks it, or its checks pass. */
  isConsideredHealthy(instance: Instance): boolean {
    const app = instance.generation === this.generation ? this.app : this.history.at(-2);
    return instance.healthy ?? (!this.checked || (app ?? this.app).healthChecks.length === 0);
  }

  /** Whether deployments may count on an instance of the present configuration. */
  private isReady(instance: Instance): boolean {
    if (instance.condition !== 'Running') return false;
    if (!this.checked) return instance.healthy !== false;
    const { healthChecks, readinessChecks } = this.app;
    const healthy = healthChecks.length > 0 ? instance.healthy === true : instance.healthy !== false;
    return healthy && (readinessChecks.length === 0 || instance.isReady);
  }

  private enqueue(instance: Instance): void {
    this.queue.push({ instance, ticket: ++instance.ticket });
  }

  private count(instance: Instance, by: 1 | -1): void {
    const { condition, generation, place } = instance;
    const current = generation === this.generation;
    if (!current) this.old += by;
    if (instance.goal === 'Decommissioned') this.doomed += by;
    else if (condition !== 'UnreachableInactive') {
      this.live += by;
      if (current) this.liveCurrent += by;
      if (condition === 'Scheduled') this.scheduled += by;
      if (current && this.isReady(instance)) {
        this.readyCurrent += by;
        if (instance.task?.appVersion === this.app.version) this.readyLaunched += by;
      }
    }
    if (generation < this.constrained || place === undefined || this.app.constraints.length === 0) return;
    if (UNPLACED.has(condition) || isTerminal(condition)) return;
    if (by > 0) this.constraints.add(place);
    else {
      this.constraints.remove(place);
      this.scansAll = true;
    }
  }
}
