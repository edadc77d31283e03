/**
 * What Marathon tells, as its event bus does. Follows mesosphere/marathon v1.8 core/event/Events.scala, in fewer kinds.
 */
import type { App } from '../app/app.ts';
import type { HealthCheck } from '../app/definition.ts';
import type { TaskInfo } from '../launch/task-info.ts';
import type { Condition, TaskStatus } from '../task/state.ts';
import type { DeploymentPlan } from './deployments.ts';

/** A running change of one app. */
export interface DeploymentInfo {
  readonly id: string;
  readonly appId: string;
  readonly action: 'ScaleApplication' | 'RestartApplication' | 'StopApplication';
}

/** An instance entered a condition. */
export interface InstanceChange {
  readonly instanceId: string;
  readonly appId: string;
  readonly condition: Condition;
  readonly goal: 'Running' | 'Decommissioned';
  readonly taskId?: string;
  readonly agentId?: string;
  /** The agent's hostname. */
  readonly host?: string;
  /** Of the app, when the task was launched. */
  readonly version?: string;
  /** Whether the instance is forgotten. */
  readonly expunged: boolean;
}

/** An instance's task is healthy or not. */
export interface HealthChange {
  readonly taskId: string;
  readonly instanceId: string;
  readonly appId: string;
  /** Of the app, when the task was launched. */
  readonly version: string;
  readonly healthy: boolean;
}

/** A check of a task failed. */
export interface FailedCheck {
  readonly task: TaskInfo;
  readonly instanceId: string;
  readonly check: HealthCheck;
  /** Whether Marathon has the task killed for it. */
  readonly kills: boolean;
}

/** Somebody changed something over the HTTP API. */
export interface ApiPost {
  readonly kind: 'api_post_event' | 'pod_created_event' | 'pod_updated_event' | 'pod_deleted_event';
  readonly clientIp: string;
  /** Without its query. */
  readonly uri: string;
  /** Of `api_post_event`. */
  readonly app?: App;
}

/** The events and what they carry. */
export interface MarathonEvents {
  'app-added': [app: App];
  'app-updated': [app: App, previous: App];
  'app-removed': [app: App];
  'deployment-started': [deployment: DeploymentInfo];
  'deployment-finished': [deployment: DeploymentInfo];
  /** Another deployment took its place. */
  'deployment-cancelled': [deployment: DeploymentInfo];
  'instance-changed': [change: InstanceChange];
  'health-changed': [change: HealthChange];
  posted: [post: ApiPost];
  'check-failed': [failure: FailedCheck];
  /** A task of an instance reports. */
  'status-updated': [status: TaskStatus, task: TaskInfo];
  /** A deployment begins, of one app or of several; then each part of it is done, and all, or it is cancelled. */
  'plan-started': [plan: DeploymentPlan];
  'action-finished': [deployment: DeploymentInfo];
  'plan-finished': [plan: DeploymentPlan, cancelled: boolean];
}
