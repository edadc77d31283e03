/**
 * The apps Marathon knows, and how each becomes what it shall be: versions, service ports, the deployment that follows.
 * Follows mesosphere/marathon v1.8 core/group/impl/GroupManagerImpl.scala.
 */
import type { Clock, Random } from '@portolan/core';
import type { EventEmitter } from 'eventemitter3';
import { type App, servicePorts, withServicePorts } from '../app/app.ts';
import { absoluteId } from '../app/id.ts';
import type { MarathonVersion } from '../app/marathon-version.ts';
import { type DefinitionOptions, prepareApp } from '../app/prepare.ts';
import { MarathonRefusal } from '../app/refusal.ts';
import { ServicePorts } from '../app/service-ports.ts';
import type { HealthMonitor } from '../health/monitor.ts';
import { isPod } from '../pod/pod.ts';
import { AppRecord } from './app-record.ts';
import { RestartDeployment, ScaleDeployment, StopDeployment } from './deployment.ts';
import type { Deployments, Gate } from './deployments.ts';
import type { MarathonEvents } from './events.ts';
import type { GroupUpdate } from './group.ts';
import type { Instance } from './instance.ts';
import type { InstanceTracker } from './instance-tracker.ts';
import type { Launcher } from './launcher.ts';
import { dependencyClasses, fingerprint } from './plan.ts';
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

/** Under which deployment a change goes, and what it waits for. */
interface Part {
  readonly id: string;
  readonly gate?: Gate;
}

/** Keeps the apps. */
export class AppStore {
  private readonly records = new Map<string, AppRecord>();
  private readonly servicePorts = new ServicePorts();
  private lastVersion = -1;

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
    const message = `App '${absoluteId(id).slice(0, 200)}' does not exist`;
    throw new MarathonRefusal('app-missing', 404, [{ path: '', message }]);
  }

  /** A new app. */
  create(prepared: App, part: Part = this.part()): App {
    const record = this.admit(prepared, part);
    this.options.deploying.advance(record);
    return record.app;
  }

  /** Makes an app what a definition says, as far as that is a change. */
  become(record: AppRecord, wanted: App): App {
    if (this.alter(record, wanted, this.part())) this.options.deploying.advance(record);
    return record.app;
  }

  /** Replaces all instances; the deployment's id. */
  restart(record: AppRecord): string {
    const version = this.nextVersion();
    const previous = record.app;
    const part = this.part();
    const app: App = { ...previous, version, lastScalingAt: version, lastConfigChangeAt: version };
    this.change(record, app, true, part);
    this.options.events.emit('app-updated', app, previous);
    this.options.deploying.advance(record);
    return part.id;
  }

  /** Ends one instance and takes it off the number wanted. */
  scaleDown(record: AppRecord, instance: Instance): void {
    const version = this.nextVersion();
    const previous = record.app;
    record.setApp({ ...previous, instances: Math.max(0, previous.instances - 1), version, lastScalingAt: version });
    this.options.deploying.deploy(record, new ScaleDeployment(this.part().id, record.app.id, [instance.id]));
    this.options.events.emit('app-updated', record.app, previous);
  }

  /** Deletes an app; the deployment's id. */
  remove(record: AppRecord, part: Part = this.part()): string {
    record.removed = true;
    this.servicePorts.release(servicePorts(record.app));
    this.options.events.emit('app-removed', record.app);
    this.options.deploying.deploy(record, new StopDeployment(part.id, record.app.id));
    this.options.deploying.advance(record);
    return part.id;
  }

  /** Takes a deletion back: what is left of the app is kept, the rest comes again. */
  revive(record: AppRecord): void {
    record.removed = false;
    this.servicePorts.use(servicePorts(record.app));
    this.options.events.emit('app-added', record.app);
    this.options.deploying.deploy(record, new ScaleDeployment(this.part().id, record.app.id));
    this.options.deploying.advance(record);
  }

  /** A deleted app that has no instance left. */
  forget(record: AppRecord): void {
    this.options.launcher.forget(record);
    if (this.records.get(record.app.id) === record) this.records.delete(record.app.id);
  }

  /**
   * Makes a group what it shall be: one deployment, its apps in the order of their dependencies; the deployment's id.
   * @throws MarathonRefusal of any of its apps, before anything is changed
   */
  applyGroup(update: GroupUpdate, options: DefinitionOptions, force: boolean): string {
    const { deploying } = this.options;
    const wanted = new Map(update.apps.map(({ id, definition }) => [id, prepareApp(definition, options, id)]));
    const live = [...this.records.values()].filter((record) => !record.removed);
    // Pods are no part of what a group's apps replace.
    const gone = live.filter(({ app }) => !isPod(app) && update.replaces(app.id) && !wanted.has(app.id));
    const after = new Map(live.filter((record) => !gone.includes(record)).map(({ app }) => [app.id, app]));
    for (const [id, app] of wanted) after.set(id, app);
    const classes = dependencyClasses(after);
    const touched = [...gone, ...[...wanted.keys()].flatMap((id) => this.records.get(id) ?? [])];
    for (const record of touched) deploying.refuseIfLocked(record, force);
    const { id } = this.part();
    for (const record of gone) this.remove(record, { id });
    const before = new Set<AppRecord>();
    const changed: AppRecord[] = [];
    for (const ids of classes) {
      const gate = new Set(before);
      for (const appId of ids) {
        const app = wanted.get(appId);
        if (app === undefined) continue;
        const existing = this.records.get(appId);
        const present = existing !== undefined && !existing.removed;
        const record = present ? existing : this.admit(app, { id, gate });
        if (present && !this.alter(record, app, { id, gate })) continue;
        before.add(record);
        changed.push(record);
      }
    }
    for (const record of changed) deploying.advance(record);
    return id;
  }

  private admit(prepared: App, part: Part): AppRecord {
    const ports = this.servicePorts.assign(servicePorts(prepared), []);
    this.servicePorts.use(ports);
    const version = this.nextVersion();
    const app = { ...withServicePorts(prepared, ports), version, lastScalingAt: version, lastConfigChangeAt: version };
    const { version: marathon, monitor, events, deploying } = this.options;
    const leaving = this.records.get(app.id);
    if (leaving !== undefined) return this.replace(leaving, app, part);
    const record = new AppRecord(app, marathon, monitor !== undefined);
    this.records.set(app.id, record);
    events.emit('app-added', app);
    deploying.deploy(record, new ScaleDeployment(part.id, app.id), part.gate);
    monitor?.watch(record);
    return record;
  }

  /** A new app under the id of one that is not gone yet: what is left of that is old. */
  private replace(leaving: AppRecord, app: App, part: Part): AppRecord {
    leaving.removed = false;
    this.options.events.emit('app-added', app);
    this.change(leaving, app, true, part);
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
    const version = this.nextVersion();
    const lastConfigChangeAt = configChange ? version : previous.lastConfigChangeAt;
    const app: App = { ...next, version, lastScalingAt: version, lastConfigChangeAt };
    this.change(record, app, configChange, part);
    this.options.events.emit('app-updated', app, previous);
    return true;
  }

  private change(record: AppRecord, app: App, configChange: boolean, part: Part): void {
    const { instances, deploying } = this.options;
    if (configChange) {
      for (const instance of [...record.instances.values()]) {
        if (instance.condition === 'Scheduled') instances.expunge(record, instance);
      }
      record.reconfigure(app);
    }
    record.setApp(app);
    const restart = configChange && app.instances > 0;
    const deployment = restart ? new RestartDeployment(part.id, app.id, record) : new ScaleDeployment(part.id, app.id);
    deploying.deploy(record, deployment, part.gate);
    if (configChange) this.options.monitor?.watch(record);
  }

  private part(): Part {
    return { id: this.options.random.uuid() };
  }

  private nextVersion(): string {
    this.lastVersion = Math.max(this.options.epoch + this.options.clock.now, this.lastVersion + 1);
    return formatTimestamp(this.lastVersion);
  }
}
