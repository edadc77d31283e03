/**
 * The running deployments: which app each one changes, what it waits for, and which change takes another's place.
 * Follows mesosphere/marathon v1.8 core/deployment/impl/DeploymentManagerActor.scala. A deployment of a group is one of each of its
 * apps under one id; an app's begins when those of the steps before are done.
 */
import type { EventEmitter } from 'eventemitter3';
import { MarathonRefusal } from '../app/refusal.ts';
import type { AppRecord, Deployment, DeploymentTools } from './app-record.ts';
import type { MarathonEvents } from './events.ts';
import type { PlannedAction } from './plan.ts';

/** What the deployments work with. */
export interface DeploymentsOptions {
  readonly events: EventEmitter<MarathonEvents>;
  readonly tools: DeploymentTools;
  /** An app that was deleted has no instance left. */
  readonly forget: (record: AppRecord) => void;
}

/** What a deployment waits for before it begins: other apps' parts of the same deployment. */
export type Gate = ReadonlySet<AppRecord>;

/** `--max_running_deployments`. */
const MAXIMUM_DEPLOYMENTS = 100;

/** A deployment as it was planned: its steps, one after the other, each of actions side by side. */
export interface DeploymentPlan {
  readonly id: string;
  /** Of the apps it changes. */
  readonly version: string;
  /** The group whose change was asked for: of a single app, the one it is in. */
  readonly group: string;
  readonly steps: readonly (readonly PlannedAction[])[];
}

/** Keeps and drives the deployments. */
export class Deployments {
  /** The deployments that run, as they were planned. */
  private readonly planned = new Map<string, DeploymentPlan>();
  /** Deployments whose changes are just being made, and the last of these that is done already. */
  private readonly beginning = new Set<string>();
  private readonly endedEarly = new Map<string, Deployment>();
  /** The apps each deployment has yet to change. */
  private readonly parts = new Map<string, Set<AppRecord>>();
  /** Apps whose change waits for those of others. */
  private readonly held = new Map<AppRecord, Gate>();
  /** Those that are being cancelled. */
  private readonly cancelled = new Set<string>();

  constructor(private readonly options: DeploymentsOptions) {}

  /**
   * Refuses a change of an app that a running deployment changes, or has changed while it goes on with others.
   * @throws MarathonRefusal `app-locked`
   */
  refuseIfLocked(record: AppRecord, force: boolean | undefined): void {
    if (force === true) return;
    const locks = this.touching(new Set([record.app.id]));
    if (locks.length === 0) return;
    const message =
      "App is locked by one or more deployments. Override with the option '?force=true'. View details at '/v2/deployments/<DEPLOYMENT_ID>'.";
    throw new MarathonRefusal('app-locked', 409, [{ path: '', message }], locks);
  }

  /**
   * Refuses one deployment more than may run at once.
   * @throws MarathonRefusal `too-many-deployments`
   */
  refuseIfTooMany(limit = MAXIMUM_DEPLOYMENTS): void {
    if (this.planned.size < limit) return;
    const message = `Max number (${limit}) of running deployments is achieved. Wait for existing deployments to complete or cancel oneusing force=true parameter. You can increase max deployment number by using --max_running_deployments parameter but be advised that this can have negative effects on the performance.`;
    throw new MarathonRefusal('too-many-deployments', 403, [{ path: '', message }]);
  }

  /** The running deployments, in the order of their beginning. */
  plans(): readonly DeploymentPlan[] {
    return [...this.planned.values()];
  }

  /**
   * A running deployment.
   * @throws MarathonRefusal `deployment-missing`
   */
  find(id: string): DeploymentPlan {
    const plan = this.planned.get(id);
    if (plan !== undefined) return plan;
    const message = `DeploymentPlan ${id.slice(0, 100)} does not exist`;
    throw new MarathonRefusal('deployment-missing', 404, [{ path: '', message }]);
  }

  /**
   * Plans a deployment, and has its apps' changes made: it ends no sooner than all of them are under way. Others that touch one of its
   * apps are cancelled as a whole.
   */
  plan<T>(plan: DeploymentPlan, begin: () => T): T {
    if (this.planned.has(plan.id)) return begin();
    const cancelled = this.touching(appsOf(plan)).flatMap((id) => this.end(id));
    this.planned.set(plan.id, plan);
    this.parts.set(plan.id, new Set());
    this.beginning.add(plan.id);
    this.options.events.emit('plan-started', plan);
    const begun = begin();
    this.beginning.delete(plan.id);
    this.forgetIfDone(plan.id);
    const last = this.endedEarly.get(plan.id);
    this.endedEarly.delete(plan.id);
    if (last !== undefined) this.tellIfFinished(last);
    for (const record of cancelled) if (record.deployment === undefined) this.options.tools.recount(record);
    return begun;
  }

  /** A change of an app begins. */
  deploy(record: AppRecord, deployment: Deployment, gate: Gate = new Set()): void {
    record.deployment = deployment;
    this.parts.get(deployment.id)?.add(record);
    if (gate.size > 0) this.held.set(record, gate);
    this.options.events.emit('deployment-started', deployment);
  }

  /** Ends a deployment where it is. */
  cancel(id: string): void {
    for (const record of this.end(id)) this.options.tools.recount(record);
  }

  /** The running deployments that have to do with any of these apps. */
  private touching(appIds: ReadonlySet<string>): readonly string[] {
    const plans = [...this.planned.values()].filter(({ steps }) =>
      steps.some((step) => step.some(({ appId }) => appIds.has(appId))),
    );
    return plans.map(({ id }) => id);
  }

  private end(id: string): readonly AppRecord[] {
    this.cancelled.add(id);
    const records = [...(this.parts.get(id) ?? [])];
    for (const record of records) {
      const { deployment } = record;
      this.leave(record, id);
      if (deployment !== undefined) this.options.events.emit('deployment-cancelled', deployment);
    }
    return records;
  }

  /** Whether an app's change waits for those of other apps. */
  isHeld(record: AppRecord): boolean {
    const gate = this.held.get(record);
    if (gate === undefined) return false;
    for (const other of gate) if (other.deployment?.id === record.deployment?.id) return true;
    this.held.delete(record);
    return false;
  }

  /** Runs the app's deployment as far as it goes; without one, restores the number of instances. */
  advance(record: AppRecord): void {
    record.advanceAgain = true;
    if (record.advancing) return;
    record.advancing = true;
    while (record.advanceAgain) {
      record.advanceAgain = false;
      this.step(record);
    }
    record.advancing = false;
  }

  private step(record: AppRecord): void {
    const { tools, forget } = this.options;
    const { deployment } = record;
    if (deployment === undefined) return this.restore(record);
    if (this.isHeld(record) || !deployment.step(record, tools) || record.deployment !== deployment) return;
    this.options.events.emit('action-finished', deployment);
    this.leave(record, deployment.id);
    if (record.removed) forget(record);
    // Somebody may have returned meanwhile.
    else if (record.live > record.app.instances) tools.recount(record);
    this.tellIfFinished(deployment);
    this.open(record);
  }

  /** Without a deployment, an app has as many instances as it shall have, and one that was deleted goes with its last. */
  private restore(record: AppRecord): void {
    const { tools, forget } = this.options;
    if (record.removed) {
      if (record.instances.size === 0) forget(record);
    } else if (record.live < record.app.instances) tools.start(record, record.app.instances - record.live);
  }

  private leave(record: AppRecord, id: string): void {
    record.deployment = undefined;
    this.held.delete(record);
    this.parts.get(id)?.delete(record);
    this.forgetIfDone(id);
  }

  private tellIfFinished(last: Deployment): void {
    if (!this.planned.has(last.id)) this.options.events.emit('deployment-finished', last);
    else if (this.beginning.has(last.id)) this.endedEarly.set(last.id, last);
  }

  private forgetIfDone(id: string): void {
    const plan = this.planned.get(id);
    if (plan === undefined || this.beginning.has(id) || (this.parts.get(id)?.size ?? 0) > 0) return;
    const cancelled = this.cancelled.delete(id);
    this.parts.delete(id);
    this.planned.delete(id);
    this.options.events.emit('plan-finished', plan, cancelled);
  }

  /** Lets those go on that waited for an app. */
  private open(done: AppRecord): void {
    if (this.held.size === 0) return;
    const waiting = [...this.held].filter(([, gate]) => gate.has(done)).map(([record]) => record);
    for (const record of waiting) this.advance(record);
  }
}

function appsOf({ steps }: DeploymentPlan): ReadonlySet<string> {
  return new Set(steps.flatMap((step) => step.map(({ appId }) => appId)));
}
