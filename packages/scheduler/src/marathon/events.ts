/**
 * What Marathon tells, as its event bus does. Follows mesosphere/marathon v1.8 core/event/Events.scala, in fewer kinds.
 */
import type { App } from '../app/app.ts';
import type { Condition } from '../task/state.ts';

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
  /** Whether the instance is forgotten. */
  readonly expunged: boolean;
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
  'health-changed': [change: { readonly taskId: string; readonly appId: string; readonly healthy: boolean }];
}
