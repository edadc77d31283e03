/**
 * Marathon, the framework that runs apps: takes definitions, keeps the wanted number of instances, answers offers.
 * Follows mesosphere/marathon v1.8 as DC/OS 1.13 configures it (role slave_public, unreserved resources by default, 100 instances an
 * offer). A decline's filter is kept per app: an app is not asked again by an agent it refused until that agent has more to give.
 */
import type { Clock } from '@portolan/core';
import { EventEmitter } from 'eventemitter3';
import type { App } from '../app/app.ts';
import { absoluteId } from '../app/id.ts';
import { DEFAULT_MARATHON_VERSION, type MarathonVersion } from '../app/marathon-version.ts';
import { type DefinitionOptions, prepareApp, prepareUpdate } from '../app/prepare.ts';
import { HealthMonitor } from '../health/monitor.ts';
import { instanceIdMaker } from '../launch/ids.ts';
import type { MatchSite } from '../match/offer-match.ts';
import type { MesosMaster } from '../mesos/master.ts';
import type { Framework, OfferRound } from '../mesos/parties.ts';
import { isPod, type PodApp, preparePod } from '../pod/pod.ts';
import { badId, badInstances, noSuchPod, sharedId } from '../pod/refusals.ts';
import type { TaskStatus } from '../task/state.ts';
import type { AppRecord } from './app-record.ts';
import { AppStore, type Change } from './app-store.ts';
import { Backoff } from './backoff.ts';
import { type DeploymentPlan, Deployments } from './deployments.ts';
import type { DeploymentInfo, MarathonEvents } from './events.ts';
import { type Explanation, explain } from './explain.ts';
import { NO_CHANGE } from './group-change.ts';
import { Groups } from './groups.ts';
import { InstanceTracker } from './instance-tracker.ts';
import { type QueueItem, queueItem } from './launch-queue.ts';
import { Launcher } from './launcher.ts';
import type { ChangeOptions, MarathonOptions, UpdateOptions } from './options.ts';
import { alreadyThere, noSuchApp, noSuchTask, noSuchVersion, notQueued } from './refusals.ts';
import { type AppPart, type MarathonTask, type PlainJson, SHOWN_PARTS, showApp, tasksOf } from './show.ts';
import { DEFAULT_EPOCH } from './timestamps.ts';

/** The framework `marathon`. */
export class Marathon implements Framework {
  readonly name = 'marathon';
  readonly role = 'slave_public';
  readonly events = new EventEmitter<MarathonEvents>();
  private readonly clock: Clock;
  private readonly master: MesosMaster;
  private readonly site: Omit<MatchSite, 'now'>;
  private readonly definitionOptions: DefinitionOptions;
  /** Unix time, in milliseconds, at which virtual time is 0. */
  readonly epoch: number;
  readonly version: MarathonVersion;
  private readonly store: AppStore;
  private readonly launcher: Launcher;
  private readonly instances: InstanceTracker;
  private readonly deploying: Deployments;
  /** `/v2/groups`. */
  readonly groups: Groups;

  constructor(options: MarathonOptions) {
    const { clock, master, random, portChooser, defaultNetworkName } = options;
    this.clock = clock;
    this.master = master;
    this.site = options.site ?? {};
    this.epoch = options.epoch ?? DEFAULT_EPOCH;
    this.version = options.version ?? DEFAULT_MARATHON_VERSION;
    this.definitionOptions = { frameworkRole: this.role, ...(defaultNetworkName === undefined ? {} : { defaultNetworkName }) };
    const deployments = random.fork('deployments');
    this.launcher = new Launcher({
      clock,
      master,
      portChooser,
      portRandom: random.fork('ports'),
      matcherRandom: random.fork('matchers'),
      site: this.site,
      during: (matching) => this.instances.holdStatuses(matching),
      launched: (instance) => this.instances.launched(instance),
    });
    this.instances = new InstanceTracker({
      clock,
      master,
      events: this.events,
      launcher: this.launcher,
      newInstanceId: instanceIdMaker(random.fork('instances'), () => this.epoch + clock.now),
      record: (appId) => this.store.find(appId),
      advance: (record) => this.deploying.advance(record),
      get: options.get,
    });
    this.deploying = new Deployments({
      events: this.events,
      tools: this.instances,
      forget: (record) => this.store.forget(record),
    });
    this.store = new AppStore({
      clock,
      random: deployments,
      epoch: this.epoch,
      version: this.version,
      events: this.events,
      launcher: this.launcher,
      instances: this.instances,
      deploying: this.deploying,
      monitor:
        options.probe === undefined
          ? undefined
          : new HealthMonitor({ clock, probe: options.probe, ...this.instances.healthActions() }),
    });
    this.groups = new Groups({ store: this.store, deploying: this.deploying, definitionOptions: this.definitionOptions });
    master.register(this);
  }

  /** What a definition comes to before it is taken, with service ports as they are asked for; refused as by {@link add}. */
  prepare(definition: unknown): App {
    return prepareApp(definition, this.definitionOptions);
  }

  /**
   * POST /v2/apps: takes a new app; its launches follow on the clock.
   * @throws MarathonRefusal `invalid-json`, `invalid-app`, `not-modelled`, `app-exists`, `app-locked`, `ports-exhausted`
   */
  add(definition: unknown): App {
    return this.create(this.prepare(definition));
  }

  /**
   * PUT /v2/apps/<id>: changes the fields that are present; creates the app if there is none.
   * @throws MarathonRefusal as {@link add}
   */
  update(id: string, definition: unknown, options: UpdateOptions = {}): App {
    const record = this.store.find(absoluteId(id));
    if (record === undefined || record.removed) {
      return this.create(prepareApp(definition, this.definitionOptions, absoluteId(id)), options);
    }
    const previous = record.app;
    if (isPod(previous)) throw sharedId();
    const prepared = this.prepareChange(previous, definition, options);
    this.deploying.refuseIfTooMany();
    this.deploying.refuseIfLocked(record, options.force);
    return this.store.become(record, prepared);
  }

  /**
   * PUT /v2/apps: changes several apps by one deployment, and creates those there are not.
   * @throws MarathonRefusal as {@link add}; nothing is changed then
   */
  updateApps(definitions: readonly { readonly id: string; readonly definition: unknown }[], options: UpdateOptions = {}): void {
    const tree = this.store.tree();
    const wanted = definitions.map(({ id, definition }) => {
      const previous = tree.get(absoluteId(id));
      const app =
        previous === undefined
          ? prepareApp(definition, this.definitionOptions, absoluteId(id))
          : this.prepareChange(previous, definition, options);
      return [app.id, app] as const;
    });
    this.deploying.refuseIfTooMany();
    this.store.applyTree(new Map(wanted), [], { group: '/', force: options.force === true, groups: NO_CHANGE });
  }

  /**
   * Changes only the number of instances.
   * @throws MarathonRefusal `app-missing`, `app-locked`, `invalid-json`
   */
  scale(id: string, instances: number, options: ChangeOptions = {}): void {
    const record = this.store.record(id);
    if (!isPod(record.app)) return void this.update(record.app.id, { instances }, options);
    if (!Number.isSafeInteger(instances) || instances < 0) throw badInstances(instances);
    this.deploying.refuseIfLocked(record, options.force);
    this.store.become(record, { ...record.app, instances });
  }

  /**
   * POST /v2/pods: takes a new pod. It is scaled, restarted, explained and removed as an app is.
   * @throws MarathonRefusal `invalid-json`, `invalid-app`, `app-exists`, `app-locked`
   */
  addPod(definition: unknown): PodApp {
    return this.create(preparePod(definition, this.definitionOptions));
  }

  /**
   * PUT /v2/pods/<id>: the pod is what the definition says, and nothing of what it was; it is created if there is none.
   * @throws MarathonRefusal as {@link addPod}, and `bad-request` for a definition of another id
   */
  updatePod(id: string, definition: unknown, options: ChangeOptions = {}): PodApp {
    const prepared = preparePod(definition, this.definitionOptions);
    if (prepared.id !== absoluteId(id)) throw badId(prepared.id, absoluteId(id));
    const record = this.store.find(prepared.id);
    if (record === undefined || record.removed) return this.create(prepared, options);
    if (!isPod(record.app)) throw sharedId();
    this.deploying.refuseIfTooMany();
    this.deploying.refuseIfLocked(record, options.force);
    return this.store.become(record, prepared) as PodApp;
  }

  /**
   * A pod by its id.
   * @throws MarathonRefusal `app-missing`
   */
  pod(id: string): PodApp {
    const pod = this.pods().find((one) => one.id === absoluteId(id));
    if (pod !== undefined) return pod;
    throw noSuchPod(absoluteId(id));
  }

  /** All pods, in the order of their creation. */
  pods(): readonly PodApp[] {
    return [...this.store.all()].flatMap(({ removed, app }) => (!removed && isPod(app) ? [app] : []));
  }

  /**
   * DELETE /v2/apps/<id>: the app is gone at once, its tasks as they are killed; the deployment's id.
   * @throws MarathonRefusal `app-missing`, `app-locked`
   */
  remove(id: string, options: ChangeOptions = {}): string {
    const record = this.store.record(id);
    this.deploying.refuseIfTooMany();
    this.deploying.refuseIfLocked(record, options.force);
    return this.store.remove(record);
  }

  /**
   * POST /v2/apps/<id>/restart: replaces all instances by new ones of the same configuration; the deployment's id.
   * @throws MarathonRefusal `app-missing`, `app-locked`
   */
  restart(id: string, options: ChangeOptions = {}): string {
    const record = this.store.record(id);
    this.deploying.refuseIfTooMany();
    this.deploying.refuseIfLocked(record, options.force);
    return this.store.restart(record);
  }

  /**
   * Makes a group and all in it what a definition says, apps with dependencies after those; the deployment's id. See {@link Groups}.
   * @throws MarathonRefusal as {@link add}, `version-missing`; nothing is changed then
   */
  updateGroup(definition: unknown, options: ChangeOptions & { readonly id?: string } = {}): string {
    return this.groups.update(definition, options);
  }

  /**
   * PUT with nothing but `version`: makes the app again what it was at that version.
   * @throws MarathonRefusal `app-missing`, `version-missing`, `app-locked`
   */
  rollback(id: string, version: string, options: ChangeOptions = {}): App {
    const record = this.store.record(id);
    const old = record.versions.find((app) => app.version === version);
    if (old === undefined) throw noSuchVersion(record.app.id);
    this.deploying.refuseIfTooMany();
    this.deploying.refuseIfLocked(record, options.force);
    return this.store.become(record, old);
  }

  /**
   * The versions an app has had, the latest first.
   * @throws MarathonRefusal `app-missing`
   */
  versions(id: string): readonly App[] {
    return [...this.store.record(id).versions].reverse();
  }

  /**
   * DELETE /v2/deployments/<id>: undoes the change by another; with force it only ends where it is.
   * @throws MarathonRefusal `deployment-missing`, `too-many-deployments`
   */
  cancelDeployment(id: string, options: ChangeOptions = {}): void {
    const plan = this.deploying.find(id);
    if (options.force === true) return this.store.halt(plan);
    this.deploying.refuseIfTooMany();
    this.store.revert(plan);
  }

  /**
   * Kills a task. Its instance is launched again, unless `scale` takes one off the app's number; by `wipe` another comes in its place.
   * @throws MarathonRefusal `task-missing`, `app-locked`
   */
  killTask(taskId: string, options: ChangeOptions & { readonly scale?: boolean; readonly wipe?: boolean } = {}): void {
    const instance = this.instances.byTask(taskId);
    const record = instance === undefined ? undefined : this.store.find(instance.appId);
    if (instance === undefined || record === undefined) throw noSuchTask(taskId);
    if (options.scale === true && !record.removed) {
      this.deploying.refuseIfTooMany();
      this.deploying.refuseIfLocked(record, options.force);
      this.store.scaleDown(record, instance);
    } else if (options.wipe === true) this.instances.decommission(record, instance);
    else this.instances.kill(record, instance);
    this.deploying.advance(record);
  }

  /**
   * An app by its id; a pod is none.
   * @throws MarathonRefusal `app-missing`
   */
  app(id: string): App {
    const { app } = this.store.record(id);
    if (isPod(app)) throw noSuchApp(app.id);
    return app;
  }

  /** All apps, in the order of their creation; pods are none. */
  apps(): readonly App[] {
    return [...this.store.all()].filter(({ removed, app }) => !removed && !isPod(app)).map(({ app }) => app);
  }

  /**
   * The tasks that are not over, of one app or of all; those of a deleted app as long as they last.
   * @throws MarathonRefusal `app-missing`
   */
  tasks(id?: string): readonly MarathonTask[] {
    const records = id === undefined ? [...this.store.all()] : [this.store.record(id)];
    return records.flatMap((record) => [...record.instances.values()].flatMap((instance) => tasksOf(record.app, instance)));
  }

  /** GET /v2/queue: the apps that wait, and why. */
  queue(): readonly QueueItem[] {
    return [...this.store.all()].flatMap((record) => queueItem(record, this.clock.now) ?? []);
  }

  /**
   * DELETE /v2/queue/<id>/delay: an app that waits after failures may launch at once.
   * @throws MarathonRefusal `app-missing`
   */
  resetDelay(id: string): void {
    const record = this.store.find(absoluteId(id));
    if (record === undefined || record.scheduled === 0) throw notQueued(absoluteId(id));
    record.backoff = new Backoff(record.app);
    this.launcher.want(record);
  }

  /**
   * Where each of an app's instances runs, or why it does not, in words with numbers; and what will hang, before it does.
   * @throws MarathonRefusal `app-missing`
   */
  explain(id: string): Explanation {
    const record = this.store.record(id);
    const site = { ...this.site, now: this.clock.now };
    return explain(record, { master: this.master, site, held: this.deploying.isHeld(record) });
  }

  /** The id of the deployment that changes an app, if one does. */
  deploymentOf(id: string): string | undefined {
    return this.store.find(absoluteId(id))?.deployment?.id;
  }

  /** The change made last, though nothing may have come of it: its deployment's id, and the version of what it changed. */
  get latestChange(): Change | undefined {
    return this.store.latestChange;
  }

  /** The running deployments as they were planned, in the order of their beginning. */
  plans(): readonly DeploymentPlan[] {
    return this.deploying.plans();
  }

  /** What of each running deployment is done app by app, in the order of the apps' creation. */
  deployments(): readonly DeploymentInfo[] {
    return [...this.store.all()].flatMap((record) => record.deployment ?? []);
  }

  /**
   * What `dcos marathon app show` prints.
   * @throws MarathonRefusal `app-missing`
   */
  show(id: string, parts: readonly AppPart[] = SHOWN_PARTS): PlainJson {
    return showApp(this.store.record(this.app(id).id), this, parts);
  }

  /** Virtual milliseconds. */
  get now(): number {
    return this.clock.now;
  }

  private create<T extends App>(prepared: T, { force = false }: ChangeOptions = {}): T {
    const existing = this.store.find(prepared.id);
    this.deploying.refuseIfTooMany();
    if (existing !== undefined && !existing.removed) {
      if (isPod(existing.app) !== isPod(prepared)) throw sharedId();
      throw alreadyThere(isPod(prepared) ? 'A pod' : 'An app', prepared.id);
    }
    if (existing !== undefined) this.deploying.refuseIfLocked(existing, force);
    return this.store.create(prepared) as T;
  }

  private prepareChange(previous: App, definition: unknown, { partialUpdate = true }: UpdateOptions): App {
    return partialUpdate
      ? prepareUpdate(previous, definition, this.definitionOptions)
      : prepareApp(definition, this.definitionOptions, previous.id);
  }

  /** @internal What is kept of an app or a pod. */
  record(id: string): AppRecord {
    return this.store.record(id);
  }

  /** @internal Answers a round of offers. */
  resourceOffers(round: OfferRound): void {
    this.launcher.resourceOffers(round);
  }

  /** @internal Takes a task's status. */
  statusUpdate(status: TaskStatus): void {
    this.instances.statusUpdate(status);
  }
}
