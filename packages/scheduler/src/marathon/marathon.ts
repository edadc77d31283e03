/**
 * Marathon, the framework that runs apps: takes definitions, keeps the wanted number of instances, answers offers.
 * Follows mesosphere/marathon v1.8 as DC/OS 1.13 configures it (role slave_public, unreserved resources by default, 100 instances an
 * offer). A decline's filter is kept per app: an app is not asked again by an agent it refused until that agent has more to give.
 * No launch tokens, groups, pods, Marathon-run health checks; kill requests are neither limited nor repeated.
 */
import type { Clock, Random } from '@portolan/core';
import { EventEmitter } from 'eventemitter3';
import { type App, servicePorts, withServicePorts } from '../app/app.ts';
import { absoluteId } from '../app/id.ts';
import { plainJson } from '../app/json.ts';
import { type DefinitionOptions, prepareApp, prepareUpdate } from '../app/prepare.ts';
import { MarathonRefusal } from '../app/refusal.ts';
import { ServicePorts } from '../app/service-ports.ts';
import { instanceIdOf, TimeUuids } from '../launch/ids.ts';
import type { Framework, MesosMaster, OfferRound } from '../mesos/master.ts';
import type { TaskStatus } from '../task/state.ts';
import { AppRecord, type Deployment } from './app-record.ts';
import { RestartDeployment, ScaleDeployment, StopDeployment } from './deployment.ts';
import type { DeploymentInfo, MarathonEvents } from './events.ts';
import { InstanceTracker } from './instance-tracker.ts';
import { type QueueItem, queueItem } from './launch-queue.ts';
import { Launcher } from './launcher.ts';
import type { PortChooser } from './matcher.ts';
import { type MarathonTask, type PlainJson, showApp, taskOf } from './show.ts';
import { DEFAULT_EPOCH, formatTimestamp } from './timestamps.ts';

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
  readonly version?: '1.8';
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
  private readonly definitionOptions: DefinitionOptions;
  private readonly epoch: number;
  private readonly deploymentRandom: Random;
  private readonly records = new Map<string, AppRecord>();
  private readonly servicePorts = new ServicePorts();
  private readonly launcher: Launcher;
  private readonly instances: InstanceTracker;
  private lastVersion = -1;

  constructor(options: MarathonOptions) {
    const { clock, master, random, portChooser, defaultNetworkName } = options;
    this.clock = clock;
    this.epoch = options.epoch ?? DEFAULT_EPOCH;
    this.definitionOptions = { frameworkRole: this.role, ...(defaultNetworkName === undefined ? {} : { defaultNetworkName }) };
    this.deploymentRandom = random.fork('deployments');
    this.launcher = new Launcher({
      clock,
      master,
      portChooser,
      portRandom: random.fork('ports'),
      matcherRandom: random.fork('matchers'),
      during: (matching) => this.instances.holdStatuses(matching),
      launched: (instance, task) => this.instances.launched(instance, task),
    });
    this.instances = new InstanceTracker({
      clock,
      master,
      events: this.events,
      launcher: this.launcher,
      newInstanceId: instanceIds(random.fork('instances'), clock, this.epoch),
      record: (appId) => this.records.get(appId),
      advance: (record) => this.advance(record),
    });
    master.register(this);
  }

  /**
   * POST /v2/apps: takes a new app; its launches follow on the clock.
   * @throws MarathonRefusal `invalid-json`, `invalid-app`, `not-modelled`, `app-exists`, `app-locked`, `ports-exhausted`
   */
  add(definition: unknown): App {
    const prepared = prepareApp(definition, this.definitionOptions);
    const existing = this.records.get(prepared.id);
    if (existing !== undefined && !existing.removed) {
      throw new MarathonRefusal('app-exists', 409, [{ path: '', message: `An app with id [${prepared.id}] already exists.` }]);
    }
    if (existing !== undefined) refuseIfLocked(existing, {});
    return this.create(prepared);
  }

  /**
   * PUT /v2/apps/<id>: changes the fields that are present; creates the app if there is none.
   * @throws MarathonRefusal as {@link add}
   */
  update(id: string, definition: unknown, options: ChangeOptions = {}): App {
    const record = this.records.get(absoluteId(id));
    if (record === undefined || record.removed) {
      const prepared = prepareApp(definition, this.definitionOptions, absoluteId(id));
      if (record !== undefined) refuseIfLocked(record, options);
      return this.create(prepared);
    }
    const previous = record.app;
    const prepared = prepareUpdate(previous, definition, this.definitionOptions);
    refuseIfLocked(record, options);
    const before = servicePorts(previous);
    const after = this.servicePorts.assign(servicePorts(prepared), before);
    const wanted = withServicePorts(prepared, after);
    const configChange = fingerprint(wanted) !== fingerprint(previous);
    if (!configChange && wanted.instances === previous.instances) return previous;
    this.servicePorts.release(before);
    this.servicePorts.use(after);
    const version = this.nextVersion();
    const lastConfigChangeAt = configChange ? version : previous.lastConfigChangeAt;
    const app: App = { ...wanted, version, lastScalingAt: version, lastConfigChangeAt };
    this.change(record, app, configChange);
    this.events.emit('app-updated', app, previous);
    this.advance(record);
    return app;
  }

  /**
   * Changes only the number of instances.
   * @throws MarathonRefusal `app-missing`, `app-locked`, `invalid-json`
   */
  scale(id: string, instances: number, options: ChangeOptions = {}): void {
    this.update(this.record(id).app.id, { instances }, options);
  }

  /**
   * DELETE /v2/apps/<id>: the app is gone at once, its tasks as they are killed.
   * @throws MarathonRefusal `app-missing`, `app-locked`
   */
  remove(id: string, options: ChangeOptions = {}): void {
    const record = this.record(id);
    refuseIfLocked(record, options);
    record.removed = true;
    this.servicePorts.release(servicePorts(record.app));
    this.events.emit('app-removed', record.app);
    this.deploy(record, new StopDeployment(this.deploymentRandom.uuid(), record.app.id));
    this.advance(record);
  }

  /**
   * Kills a task. Its instance is launched again, unless `scale` takes one off the app's number.
   * @throws MarathonRefusal `task-missing`, `app-locked`
   */
  killTask(taskId: string, options: ChangeOptions & { readonly scale?: boolean } = {}): void {
    const instance = this.instances.byTask(taskId);
    const record = instance === undefined ? undefined : this.records.get(instance.appId);
    if (instance === undefined || record === undefined) {
      throw new MarathonRefusal('task-missing', 404, [{ path: '', message: `Task '${taskId.slice(0, 200)}' does not exist` }]);
    }
    if (options.scale === true && !record.removed) {
      refuseIfLocked(record, options);
      const version = this.nextVersion();
      const previous = record.app;
      record.app = { ...previous, instances: Math.max(0, previous.instances - 1), version, lastScalingAt: version };
      this.deploy(record, new ScaleDeployment(this.deploymentRandom.uuid(), record.app.id, [instance.id]));
      this.events.emit('app-updated', record.app, previous);
    } else this.instances.kill(record, instance);
    this.advance(record);
  }

  /**
   * An app by its id.
   * @throws MarathonRefusal `app-missing`
   */
  app(id: string): App {
    return this.record(id).app;
  }

  /** All apps, in the order of their creation. */
  apps(): readonly App[] {
    return [...this.records.values()].filter((record) => !record.removed).map((record) => record.app);
  }

  /**
   * The tasks that are not over, of one app or of all; those of a deleted app as long as they last.
   * @throws MarathonRefusal `app-missing`
   */
  tasks(id?: string): readonly MarathonTask[] {
    const records = id === undefined ? [...this.records.values()] : [this.record(id)];
    return records.flatMap((record) => [...record.instances.values()].flatMap((instance) => taskOf(record.app, instance) ?? []));
  }

  /** GET /v2/queue: the apps that wait, and why. */
  queue(): readonly QueueItem[] {
    return [...this.records.values()].flatMap((record) => queueItem(record, this.clock.now) ?? []);
  }

  /** The running deployments, in the order of their apps' creation. */
  deployments(): readonly DeploymentInfo[] {
    return [...this.records.values()].flatMap((record) => record.deployment ?? []);
  }

  /**
   * What `dcos marathon app show` prints.
   * @throws MarathonRefusal `app-missing`
   */
  show(id: string): PlainJson {
    return showApp(this.record(id), this.epoch);
  }

  /** @internal Answers a round of offers. */
  resourceOffers(round: OfferRound): void {
    this.launcher.resourceOffers(round);
  }

  /** @internal Takes a task's status. */
  statusUpdate(status: TaskStatus): void {
    this.instances.statusUpdate(status);
  }

  private create(prepared: App): App {
    const ports = this.servicePorts.assign(servicePorts(prepared), []);
    this.servicePorts.use(ports);
    const version = this.nextVersion();
    const app = { ...withServicePorts(prepared, ports), version, lastScalingAt: version, lastConfigChangeAt: version };
    const record = new AppRecord(app);
    this.records.set(app.id, record);
    this.events.emit('app-added', app);
    this.deploy(record, new ScaleDeployment(this.deploymentRandom.uuid(), app.id));
    this.advance(record);
    return app;
  }

  private change(record: AppRecord, app: App, configChange: boolean): void {
    const id = this.deploymentRandom.uuid();
    if (configChange) {
      for (const instance of [...record.instances.values()]) {
        if (instance.condition === 'Scheduled') this.instances.expunge(record, instance);
      }
      record.reconfigure(app);
    }
    record.app = app;
    const restart = configChange && app.instances > 0;
    this.deploy(record, restart ? new RestartDeployment(id, app.id, record) : new ScaleDeployment(id, app.id));
  }

  private deploy(record: AppRecord, deployment: Deployment): void {
    const running = record.deployment;
    if (running !== undefined) this.events.emit('deployment-cancelled', running);
    record.deployment = deployment;
    this.events.emit('deployment-started', deployment);
  }

  /** Runs the app's deployment as far as it goes; without one, restores the number of instances. */
  private advance(record: AppRecord): void {
    record.advanceAgain = true;
    if (record.advancing) return;
    record.advancing = true;
    while (record.advanceAgain) {
      record.advanceAgain = false;
      const deployment = record.deployment;
      if (deployment === undefined) {
        if (!record.removed && record.live < record.app.instances)
          this.instances.start(record, record.app.instances - record.live);
      } else if (deployment.step(record, this.instances) && record.deployment === deployment) {
        record.deployment = undefined;
        if (record.removed) this.forget(record);
        this.events.emit('deployment-finished', deployment);
      }
    }
    record.advancing = false;
  }

  private forget(record: AppRecord): void {
    this.launcher.forget(record);
    this.records.delete(record.app.id);
  }

  private record(id: string): AppRecord {
    const record = this.records.get(absoluteId(id));
    if (record !== undefined && !record.removed) return record;
    throw new MarathonRefusal('app-missing', 404, [
      { path: '', message: `App '${absoluteId(id).slice(0, 200)}' does not exist` },
    ]);
  }

  private nextVersion(): string {
    this.lastVersion = Math.max(this.epoch + this.clock.now, this.lastVersion + 1);
    return formatTimestamp(this.lastVersion);
  }
}

function refuseIfLocked(record: AppRecord, options: ChangeOptions): void {
  if (record.deployment === undefined || options.force === true) return;
  const message =
    "App is locked by one or more deployments. Override with the option '?force=true'. View details at '/v2/deployments/<DEPLOYMENT_ID>'.";
  throw new MarathonRefusal('app-locked', 409, [{ path: '', message }]);
}

function instanceIds(random: Random, clock: Clock, epoch: number): (appId: string) => string {
  const uuids = new TimeUuids(random);
  return (appId) => instanceIdOf(appId, uuids.next(epoch + clock.now));
}

/** All that makes a difference to a running instance, as text. */
function fingerprint(app: App): string {
  const { instances: _instances, version: _version, lastScalingAt: _scaling, lastConfigChangeAt: _change, fetch, ...rest } = app;
  return JSON.stringify({ ...rest, fetch: fetch.map(plainJson) });
}
