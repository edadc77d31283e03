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
  /** How many apps each deployment has yet to change. */
  private readonly parts = new Map<string, number>();
  /** Apps whose change waits for those of others. */
  private readonly held = new Map<AppRecord, Gate>();
  /** Those of which a part was cancelled. */
  private readonly cancelled = new Set<string>();

  constructor(private readonly options: DeploymentsOptions) {}

  /**
   * Refuses a change of an app that another deployment is changing.
   * @throws MarathonRefusal `app-locked`
   */
  refuseIfLocked(record: AppRecord, force: boolean | undefined): void {
    if (record.deployment === undefined || force === true) return;
    const message =
      "App is locked by one or more deployments. Override with the option '?force=true'. View details at '/v2/deployments/<DEPLOYMENT_ID>'.";
    throw new MarathonRefusal('app-locked', 409, [{ path: '', message }], [record.deployment.id]);
  }

  /**
   * Refuses one deployment more than may run at once.
   * @throws MarathonRefusal `too-many-deployments`
   */
  refuseIfTooMany(limit = MAXIMUM_DEPLOYMENTS): void {
    if (this.parts.size < limit) return;
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

  /** Plans a deployment, and has its apps' changes made: it ends no sooner than all of them are under way. */
  plan<T>(plan: DeploymentPlan, begin: () => T): T {
    const outer = this.planned.has(plan.id);
    if (!outer) {
      this.planned.set(plan.id, plan);
      this.parts.set(plan.id, 1);
      this.beginning.add(plan.id);
      this.options.events.emit('plan-started', plan);
    }
    const begun = begin();
    if (outer) return begun;
    this.beginning.delete(plan.id);
    this.leave(plan.id);
    const last = this.endedEarly.get(plan.id);
    this.endedEarly.delete(plan.id);
    if (last !== undefined) this.tellIfFinished(last);
    return begun;
  }

  /** A change of an app begins; one that is under way is cancelled. */
  deploy(record: AppRecord, deployment: Deployment, gate: Gate = new Set()): void {
    this.cancel(record);
    record.deployment = deployment;
    this.parts.set(deployment.id, (this.parts.get(deployment.id) ?? 0) + 1);
    if (gate.size > 0) this.held.set(record, gate);
    this.options.events.emit('deployment-started', deployment);
  }

  /** Ends a change where it is. */
  cancel(record: AppRecord): void {
    const { deployment } = record;
    if (deployment === undefined) return;
    this.cancelled.add(deployment.id);
    this.end(record, deployment);
    this.options.events.emit('deployment-cancelled', deployment);
    this.open(record);
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
    if (deployment === undefined) {
      if (!record.removed && record.live < record.app.instances) tools.start(record, record.app.instances - record.live);
      return;
    }
    if (this.isHeld(record) || !deployment.step(record, tools) || record.deployment !== deployment) return;
    this.options.events.emit('action-finished', deployment);
    this.end(record, deployment);
    if (record.removed) forget(record);
    this.tellIfFinished(deployment);
    this.open(record);
  }

  private end(record: AppRecord, deployment: Deployment): void {
    record.deployment = undefined;
    this.held.delete(record);
    this.leave(deployment.id);
  }

  private tellIfFinished(last: Deployment): void {
    if (!this.parts.has(last.id)) this.options.events.emit('deployment-finished', last);
    else if (this.beginning.has(last.id)) this.endedEarly.set(last.id, last);
  }

  private leave(id: string): void {
    const left = (this.parts.get(id) ?? 0) - 1;
    if (left > 0) this.parts.set(id, left);
    else {
      const plan = this.planned.get(id);
      const cancelled = this.cancelled.delete(id);
      this.parts.delete(id);
      this.planned.delete(id);
      if (plan !== undefined) this.options.events.emit('plan-finished', plan, cancelled);
    }
  }

  /** Lets those go on that waited for an app. */
  private open(done: AppRecord): void {
    if (this.held.size === 0) return;
    const waiting = [...this.held].filter(([, gate]) => gate.has(done)).map(([record]) => record);
    for (const record of waiting) this.advance(record);
  }
}
