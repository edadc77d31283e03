/**
 * The apps Marathon knows, and how each becomes what it shall be: versions, service ports, the deployment that follows.
 * Follows mesosphere/marathon v1.8 core/group/impl/GroupManagerImpl.scala.
 */
import type { Clock, Random } from '@portolan/core';
import type { EventEmitter } from 'eventemitter3';
import { type App, servicePorts, withServicePorts } from '../app/app.ts';
import { absoluteId, parentOf } from '../app/id.ts';
import type { MarathonVersion } from '../app/marathon-version.ts';
import { ServicePorts } from '../app/service-ports.ts';
import type { HealthMonitor } from '../health/monitor.ts';
import { isPod } from '../pod/pod.ts';
import { AppRecord, type Deployment } from './app-record.ts';
import { RestartDeployment, ScaleDeployment, StopDeployment } from './deployment.ts';
import type { DeploymentPlan, Deployments, Gate } from './deployments.ts';
import type { MarathonEvents } from './events.ts';
import { type GroupsChange, GroupTree } from './group-tree.ts';
import type { Instance } from './instance.ts';
import type { InstanceTracker } from './instance-tracker.ts';
import type { Launcher } from './launcher.ts';
import { dependencyClasses, deploymentSteps, fingerprint, planned } from './plan.ts';
import { noSuchApp } from './refusals.ts';
import { RootVersions } from './root-versions.ts';
import { formatTimestamp } from './timestamps.ts';

/** What the store works with. */
export interface AppStoreOptions {
  readonly clock: Clock;
  /** Ids of deployments. */
  readonly random: Random;
  readonly epoch: number;
  readonly version: MarathonVersion;
  readonly events: EventEmitter<MarathonEvents>;
  readonly launcher: Launcher;
  readonly instances: InstanceTracker;
  readonly deploying: Deployments;
  /** Absent: nothing runs checks. */
  readonly monitor?: HealthMonitor | undefined;
}

/** A change of the root group: the deployment it goes by, and the version of all that it changes. */
export interface Change {
  readonly id: string;
  readonly version: string;
  /** The group whose change was asked for. */
  readonly group: string;
}

/** One app's part of a change, and what it waits for. */
interface Part extends Change {
  readonly gate?: Gate;
}

/** How a change of several apps is made. */
export interface TreeChange {
  /** The group whose change was asked for. */
  readonly group: string;
  readonly force: boolean;
  readonly groups: GroupsChange;
}

/** Keeps the apps. */
export class AppStore {
  private readonly records = new Map<string, AppRecord>();
  private readonly servicePorts = new ServicePorts();
  private readonly rootVersions = new RootVersions<App>();
  readonly groups = new GroupTree();
  private lastVersion = -1;
  private latest: Change | undefined;

  constructor(private readonly options: AppStoreOptions) {}

  /** An app by its absolute id, deleted ones included as long as they have instances. */
  find(id: string): AppRecord | undefined {
    return this.records.get(id);
  }

  /** All apps in the order of their creation, deleted ones included as long as they have instances. */
  all(): Iterable<AppRecord> {
    return this.records.values();
  }

  /**
   * An app that is not deleted.
   * @throws MarathonRefusal `app-missing`
   */
  record(id: string): AppRecord {
    const record = this.records.get(absoluteId(id));
    if (record !== undefined && !record.removed) return record;
    throw noSuchApp(absoluteId(id));
  }

  /** The change made last, though nothing may have come of it. */
  get latestChange(): Change | undefined {
    return this.latest;
  }

  /** A new app. */
  create(prepared: App): App {
    this.groups.refuseClash(prepared.id, kindOf(prepared), (id) => {
      const record = this.records.get(id);
      return record === undefined || record.removed ? undefined : kindOf(record.app);
    });
    const change = this.change(parentOf(prepared.id));
    const steps: DeploymentPlan['steps'] = [[planned('StartApplication', prepared)], [planned('ScaleApplication', prepared)]];
    const record = this.options.deploying.plan({ ...change, steps }, () => this.admit(prepared, change));
    this.options.deploying.advance(record);
    return record.app;
  }

  /** Makes an app what a definition says, as far as that is a change. */
  become(record: AppRecord, wanted: App): App {
    if (this.alter(record, wanted, this.change(parentOf(record.app.id)))) this.options.deploying.advance(record);
    return record.app;
  }

  /** Replaces all instances; the deployment's id. To 1.8 that is like scaling, to 1.11 like a change of configuration. */
  restart(record: AppRecord): string {
    const part = this.change(parentOf(record.app.id));
    const { version } = part;
    const previous = record.app;
    const changed = this.options.version === '1.8' ? { lastScalingAt: version } : { lastConfigChangeAt: version };
    const app: App = { ...previous, version, ...changed };
    this.turn(record, app, true, part);
    this.options.events.emit('app-updated', app, previous);
    this.options.deploying.advance(record);
    return part.id;
  }

  /** Ends one instance and takes it off the number wanted. */
  scaleDown(record: AppRecord, instance: Instance): void {
    const change = this.change('/');
    const { id, version } = change;
    const previous = record.app;
    record.setApp({ ...previous, instances: Math.max(0, previous.instances - 1), version, lastScalingAt: version });
    this.note(version, record.app.id, record.app);
    this.deploy(record, new ScaleDeployment(id, record.app.id, [instance.id]), change);
    this.options.events.emit('app-updated', record.app, previous);
  }

  /** Deletes an app; the deployment's id. */
  remove(record: AppRecord, part: Part = this.change(parentOf(record.app.id))): string {
    this.note(part.version, record.app.id, undefined);
    record.removed = true;
    this.servicePorts.release(servicePorts(record.app));
    this.options.events.emit('app-removed', record.app);
    this.deploy(record, new StopDeployment(part.id, record.app.id), part);
    this.options.deploying.advance(record);
    return part.id;
  }

  /** Takes a deletion back: what is left of the app is kept, the rest comes again. */
  private revive(record: AppRecord, part: Part): void {
    this.note(part.version, record.app.id, record.app);
    record.removed = false;
    this.servicePorts.use(servicePorts(record.app));
    this.options.events.emit('app-added', record.app);
    this.deploy(record, new ScaleDeployment(part.id, record.app.id), part);
    this.options.deploying.advance(record);
  }

  /** Ends a change where it is. */
  halt({ id }: DeploymentPlan): void {
    this.options.deploying.cancel(id);
  }

  /** Undoes a change by another: the apps it touched are again what they were before it. */
  revert(plan: DeploymentPlan): void {
    const records = [...this.records.values()].filter((record) => record.deployment?.id === plan.id);
    const change = this.change('/');
    this.options.deploying.plan({ ...change, steps: plan.steps }, () => {
      for (const record of records) {
        const before = record.versions.at(-2);
        if (record.removed) this.revive(record, change);
        else if (before === undefined) this.remove(record, change);
        else this.alter(record, before, change);
      }
    });
    for (const record of records) this.options.deploying.advance(record);
  }

  /** A deleted app that has no instance left. */
  forget(record: AppRecord): void {
    this.options.launcher.forget(record);
    if (this.records.get(record.app.id) === record) this.records.delete(record.app.id);
  }

  /** The apps that are not deleted, by id. */
  tree(): ReadonlyMap<string, App> {
    return new Map([...this.records.values()].filter(({ removed }) => !removed).map(({ app }) => [app.id, app]));
  }

  /** The apps as they were at a version of the root group; undefined if nothing is known of it. */
  treeAt(version: string): ReadonlyMap<string, App> | undefined {
    return this.rootVersions.at(version);
  }

  /**
   * Makes some apps what they shall be, and others end: one deployment, in the order of dependencies.
   * @throws MarathonRefusal `app-locked`, `invalid-app`; nothing is changed then
   */
  applyTree(wanted: ReadonlyMap<string, App>, gone: readonly string[], how: TreeChange): void {
    const { deploying } = this.options;
    const { group, force, groups } = how;
    const before = this.tree();
    const after = new Map(before);
    for (const id of gone) after.delete(id);
    for (const [id, app] of wanted) after.set(id, app);
    const taken = (id: string) => (after.has(id) ? kindOf(after.get(id) as App) : undefined);
    for (const [id, app] of wanted) if (!before.has(id)) this.groups.refuseClash(id, kindOf(app), taken);
    for (const id of groups.wanted.keys()) this.groups.refuseGroup(id, taken);
    const dependencies = this.groups.dependenciesAfter(groups);
    const classes = dependencyClasses(after, dependencies);
    const steps = deploymentSteps(before, after, dependencies);
    for (const id of [...gone, ...wanted.keys()]) {
      const record = this.records.get(id);
      if (record !== undefined) deploying.refuseIfLocked(record, force);
    }
    const change = this.change(group);
    deploying.plan({ ...change, steps }, () => this.carryOut(change, classes, wanted, gone));
    this.groups.apply(groups, change.version);
  }

  private carryOut(
    change: Change,
    classes: readonly (readonly string[])[],
    wanted: ReadonlyMap<string, App>,
    gone: readonly string[],
  ): void {
    for (const id of gone) this.remove(this.record(id), change);
    const before = new Set<AppRecord>();
    const changed: AppRecord[] = [];
    for (const ids of classes) {
      const gate = new Set(before);
      for (const appId of ids) {
        const app = wanted.get(appId);
        if (app === undefined) continue;
        const existing = this.records.get(appId);
        const present = existing !== undefined && !existing.removed;
        const record = present ? existing : this.admit(app, { ...change, gate });
        if (present && !this.alter(record, app, { ...change, gate })) continue;
        before.add(record);
        changed.push(record);
      }
    }
    for (const record of changed) this.options.deploying.advance(record);
  }

  private note(version: string, id: string, app: App | undefined): void {
    this.rootVersions.record(version, id, app);
    this.groups.touch(parentOf(id), version);
  }

  private admit(prepared: App, part: Part): AppRecord {
    const ports = this.servicePorts.assign(servicePorts(prepared), []);
    this.servicePorts.use(ports);
    const { version } = part;
    const app = { ...withServicePorts(prepared, ports), version, lastScalingAt: version, lastConfigChangeAt: version };
    this.note(version, app.id, app);
    const { version: marathon, monitor, events } = this.options;
    const leaving = this.records.get(app.id);
    if (leaving !== undefined) return this.replace(leaving, app, part);
    const record = new AppRecord(app, marathon, monitor !== undefined);
    this.records.set(app.id, record);
    events.emit('app-added', app);
    this.deploy(record, new ScaleDeployment(part.id, app.id), part);
    monitor?.watch(record);
    return record;
  }

  /** A new app under the id of one that is not gone yet: what is left of that is old. */
  private replace(leaving: AppRecord, app: App, part: Part): AppRecord {
    leaving.removed = false;
    this.options.events.emit('app-added', app);
    this.turn(leaving, app, true, part);
    return leaving;
  }

  private alter(record: AppRecord, wanted: App, part: Part): boolean {
    const previous = record.app;
    const before = servicePorts(previous);
    const after = this.servicePorts.assign(servicePorts(wanted), before);
    const next = withServicePorts(wanted, after);
    const configChange = fingerprint(next) !== fingerprint(previous);
    if (!configChange && next.instances === previous.instances) return false;
    this.servicePorts.release(before);
    this.servicePorts.use(after);
    const { version } = part;
    const lastConfigChangeAt = configChange ? version : previous.lastConfigChangeAt;
    const app: App = { ...next, version, lastScalingAt: version, lastConfigChangeAt };
    this.turn(record, app, configChange, part);
    this.options.events.emit('app-updated', app, previous);
    return true;
  }

  private turn(record: AppRecord, app: App, configChange: boolean, part: Part): void {
    const { instances } = this.options;
    this.note(part.version, app.id, app);
    if (configChange) {
      for (const instance of [...record.instances.values()]) {
        if (instance.condition === 'Scheduled') instances.expunge(record, instance);
      }
      record.reconfigure(app);
    }
    record.setApp(app);
    const restart = configChange && app.instances > 0;
    const deployment = restart ? new RestartDeployment(part.id, app.id) : new ScaleDeployment(part.id, app.id);
    this.deploy(record, deployment, part);
    if (configChange) this.options.monitor?.watch(record);
  }

  private change(group: string): Change {
    this.latest = { id: this.options.random.uuid(), version: this.nextVersion(), group };
    return this.latest;
  }

  /** An app's part of a change; a change of this app only is a deployment of one step. */
  private deploy(record: AppRecord, deployment: Deployment, { gate, ...change }: Part): void {
    const { deploying } = this.options;
    const steps = [[planned(deployment.action, record.app)]];
    deploying.plan({ ...change, steps }, () => deploying.deploy(record, deployment, gate));
    this.options.monitor?.attend(record);
  }

  private nextVersion(): string {
    this.lastVersion = Math.max(this.options.epoch + this.options.clock.now, this.lastVersion + 1);
    return formatTimestamp(this.lastVersion);
  }
}

function kindOf(app: App): 'Applications' | 'Pods' {
  return isPod(app) ? 'Pods' : 'Applications';
}
