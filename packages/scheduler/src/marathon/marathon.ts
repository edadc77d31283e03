/**
 * Marathon, the framework that runs apps: takes definitions, keeps the wanted number of instances, answers offers.
 * Follows mesosphere/marathon v1.8 as DC/OS 1.13 configures it (role slave_public, unreserved resources by default, 100 instances an
 * offer). A decline's filter is kept per app: an app is not asked again by an agent it refused until that agent has more to give.

 */
import type { Clock, Random } from '@portolan/core';
import { EventEmitter } from 'eventemitter3';
import type { App } from '../app/app.ts';
import { absoluteId } from '../app/id.ts';
import { DEFAULT_MARATHON_VERSION, type MarathonVersion } from '../app/marathon-version.ts';
import { type DefinitionOptions, prepareApp, prepareUpdate } from '../app/prepare.ts';
import { MarathonRefusal } from '../app/refusal.ts';
import { HealthMonitor, type HealthProbe } from '../health/monitor.ts';
import { instanceIdOf, TimeUuids } from '../launch/ids.ts';
import type { MatchSite } from '../match/offer-match.ts';
import type { MesosMaster } from '../mesos/master.ts';
import type { Framework, OfferRound } from '../mesos/parties.ts';
import { isPod, type PodApp, preparePod } from '../pod/pod.ts';
import type { TaskStatus } from '../task/state.ts';
import { AppStore } from './app-store.ts';
import { Deployments } from './deployments.ts';
import type { DeploymentInfo, MarathonEvents } from './events.ts';
import { type Explanation, explain } from './explain.ts';
import { readGroup } from './group.ts';
import { InstanceTracker } from './instance-tracker.ts';
import { type QueueItem, queueItem } from './launch-queue.ts';
import { Launcher } from './launcher.ts';
import type { PortChooser } from './matcher.ts';
import { type MarathonTask, type PlainJson, showApp, tasksOf } from './show.ts';
import { DEFAULT_EPOCH } from './timestamps.ts';

/** What Marathon is made of. */
export interface MarathonOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly master: MesosMaster;
  /** Replaces the random choice of ports. */
  readonly portChooser?: PortChooser;
  /** `--default_network_name`: the network of a container-mode app that names none. */
  readonly defaultNetworkName?: string;
  /** Unix time, in milliseconds, at which virtual time is 0. */
  readonly epoch?: number;
  /** Whose decisions to follow; 1.8 unless said. */
  readonly version?: MarathonVersion;
  /** Runs health and readiness checks; without it, tasks are taken as healthy. */
  readonly probe?: (probe: HealthProbe) => boolean;
  /** The leading master's region, and settings that bear on which agents an app may use. */
  readonly site?: Omit<MatchSite, 'now'>;
}

/** Whether a change may take the place of a running deployment. */
export interface ChangeOptions {
  readonly force?: boolean;
}

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
      newInstanceId: instanceIds(random.fork('instances'), clock, this.epoch),
      record: (appId) => this.store.find(appId),
      advance: (record) => this.deploying.advance(record),
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
    master.register(this);
  }

  /**
   * POST /v2/apps: takes a new app; its launches follow on the clock.
   * @throws MarathonRefusal `invalid-json`, `invalid-app`, `not-modelled`, `app-exists`, `app-locked`, `ports-exhausted`
   */
  add(definition: unknown): App {
    const prepared = prepareApp(definition, this.definitionOptions);
    const existing = this.store.find(prepared.id);
    if (existing !== undefined && !existing.removed) {
      if (isPod(existing.app)) throw sharedId(prepared.id);
      throw new MarathonRefusal('app-exists', 409, [{ path: '', message: `An app with id [${prepared.id}] already exists.` }]);
    }
    if (existing !== undefined) this.deploying.refuseIfLocked(existing, false);
    return this.store.create(prepared);
  }

  /**
   * PUT /v2/apps/<id>: changes the fields that are present; creates the app if there is none.
   * @throws MarathonRefusal as {@link add}
   */
  update(id: string, definition: unknown, options: ChangeOptions = {}): App {
    const record = this.store.find(absoluteId(id));
    if (record === undefined || record.removed) {
      const prepared = prepareApp(definition, this.definitionOptions, absoluteId(id));
      if (record !== undefined) this.deploying.refuseIfLocked(record, options.force);
      return this.store.create(prepared);
    }
    const previous = record.app;
    if (isPod(previous)) throw sharedId(previous.id);
    const prepared = prepareUpdate(previous, definition, this.definitionOptions);
    this.deploying.refuseIfLocked(record, options.force);
    return this.store.become(record, prepared);
  }

  /**
   * Changes only the number of instances.
   * @throws MarathonRefusal `app-missing`, `app-locked`, `invalid-json`
   */
  scale(id: string, instances: number, options: ChangeOptions = {}): void {
    const record = this.store.record(id);
    if (!isPod(record.app)) this.update(record.app.id, { instances }, options);
    else {
      if (!Number.isSafeInteger(instances) || instances < 0) throw badInstances(instances);
      this.deploying.refuseIfLocked(record, options.force);
      this.store.become(record, { ...record.app, instances });
    }
  }

  /**
   * POST /v2/pods: takes a new pod. It is scaled, restarted, explained and removed as an app is.
   * @throws MarathonRefusal `invalid-json`, `invalid-app`, `app-exists`, `app-locked`
   */
  addPod(definition: unknown): PodApp {
    const prepared = preparePod(definition, this.definitionOptions);
    const existing = this.store.find(prepared.id);
    if (existing !== undefined && !existing.removed) {
      if (!isPod(existing.app)) throw sharedId(prepared.id);
      throw new MarathonRefusal('app-exists', 409, [{ path: '', message: `A pod with id [${prepared.id}] already exists.` }]);
    }
    if (existing !== undefined) this.deploying.refuseIfLocked(existing, false);
    return this.store.create(prepared) as PodApp;
  }

  /**
   * PUT /v2/pods/<id>: the pod is what the definition says, and nothing of what it was.
   * @throws MarathonRefusal as {@link addPod}, and `app-missing`
   */
  updatePod(id: string, definition: unknown, options: ChangeOptions = {}): PodApp {
    const previous = this.pod(id);
    const prepared = preparePod(definition, this.definitionOptions);
    if (prepared.id !== previous.id) throw badId(prepared.id, previous.id);
    const record = this.store.record(id);
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
    const message = `pod with ${absoluteId(id).slice(0, 200)} does not exist`;
    throw new MarathonRefusal('app-missing', 404, [{ path: '', message }]);
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
    this.deploying.refuseIfLocked(record, options.force);
    return this.store.remove(record);
  }

  /**
   * POST /v2/apps/<id>/restart: replaces all instances by new ones of the same configuration; the deployment's id.
   * @throws MarathonRefusal `app-missing`, `app-locked`
   */
  restart(id: string, options: ChangeOptions = {}): string {
    const record = this.store.record(id);
    this.deploying.refuseIfLocked(record, options.force);
    return this.store.restart(record);
  }

  /**
   * PUT /v2/groups: makes a group and all in it what the definition says, apps with dependencies after those; the deployment's id.
   * @throws MarathonRefusal as {@link add}; nothing is changed then
   */
  updateGroup(definition: unknown, options: ChangeOptions = {}): string {
    return this.store.applyGroup(readGroup(definition), this.definitionOptions, options.force === true);
  }

  /**
   * PUT with nothing but `version`: makes the app again what it was at that version.
   * @throws MarathonRefusal `app-missing`, `version-missing`, `app-locked`
   */
  rollback(id: string, version: string, options: ChangeOptions = {}): App {
    const record = this.store.record(id);
    const old = record.versions.find((app) => app.version === version);
    if (old === undefined) {
      const message = `App '${record.app.id}' does not exist in version '${version.slice(0, 40)}'`;
      throw new MarathonRefusal('version-missing', 404, [{ path: '', message }]);
    }
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
   * DELETE /v2/deployments/<id>: undoes the change; with force it only ends where it is.
   * @throws MarathonRefusal `deployment-missing`
   */
  cancelDeployment(id: string, options: ChangeOptions = {}): void {
    const records = [...this.store.all()].filter((record) => record.deployment?.id === id);
    if (records.length === 0) {
      const message = `Deployment ${id.slice(0, 100)} does not exist`;
      throw new MarathonRefusal('deployment-missing', 404, [{ path: '', message }]);
    }
    for (const record of records) {
      const before = record.versions.at(-2);
      if (options.force === true) this.deploying.cancel(record);
      else if (record.removed) this.store.revive(record);
      else if (before === undefined) this.remove(record.app.id, { force: true });
      else this.store.become(record, before);
    }
  }

  /**
   * Kills a task. Its instance is launched again, unless `scale` takes one off the app's number.
   * @throws MarathonRefusal `task-missing`, `app-locked`
   */
  killTask(taskId: string, options: ChangeOptions & { readonly scale?: boolean } = {}): void {
    const instance = this.instances.byTask(taskId);
    const record = instance === undefined ? undefined : this.store.find(instance.appId);
    if (instance === undefined || record === undefined) {
      throw new MarathonRefusal('task-missing', 404, [{ path: '', message: `Task '${taskId.slice(0, 200)}' does not exist` }]);
    }
    if (options.scale === true && !record.removed) {
      this.deploying.refuseIfLocked(record, options.force);
      this.store.scaleDown(record, instance);
    } else this.instances.kill(record, instance);
    this.deploying.advance(record);
  }

  /**
   * An app by its id.
   * @throws MarathonRefusal `app-missing`
   */
  app(id: string): App {
    return this.store.record(id).app;
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
   * Where each of an app's instances runs, or why it does not, in words with numbers; and what will hang, before it does.
   * @throws MarathonRefusal `app-missing`
   */
  explain(id: string): Explanation {
    const record = this.store.record(id);
    const site = { ...this.site, now: this.clock.now };
    return explain(record, {
      offers: this.master.peekOffers(),
      agents: this.master.agents(),
      site,
      held: this.deploying.isHeld(record),
    });
  }

  /** The id of the deployment that changes an app, if one does. */
  deploymentOf(id: string): string | undefined {
    return this.store.find(absoluteId(id))?.deployment?.id;
  }

  /** The running deployments, in the order of their apps' creation. */
  deployments(): readonly DeploymentInfo[] {
    return [...this.store.all()].flatMap((record) => record.deployment ?? []);
  }

  /**
   * What `dcos marathon app show` prints.
   * @throws MarathonRefusal `app-missing`
   */
  show(id: string): PlainJson {
    return showApp(this.store.record(id), this.epoch);
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

function sharedId(id: string): MarathonRefusal {
  return new MarathonRefusal('invalid-app', 422, [
    { path: '/id', message: `Applications and Pods may not share the same id: ${id}` },
  ]);
}

function badId(id: string, wanted: string): MarathonRefusal {
  return new MarathonRefusal('invalid-app', 422, [{ path: '/id', message: `got ${id}, expected ${wanted}` }]);
}

function badInstances(instances: number): MarathonRefusal {
  return new MarathonRefusal('invalid-app', 422, [
    { path: '/scaling/instances', message: `got ${instances}, expected 0 or more` },
  ]);
}

function instanceIds(random: Random, clock: Clock, epoch: number): (appId: string) => string {
  const uuids = new TimeUuids(random);
  // Instances are made app by app: the path is written out once.
  let last = { appId: '', prefix: '' };
  return (appId) => {
    if (last.appId !== appId) last = { appId, prefix: instanceIdOf(appId, '') };
    return last.prefix + uuids.next(epoch + clock.now);
  };
}
