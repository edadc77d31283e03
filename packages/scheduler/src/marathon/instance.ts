/**
 * An instance of an app: it keeps its id through relaunches; each launch is a task of its own.
 * Follows mesosphere/marathon v1.8 core/instance/Instance.scala.
 */
import type { Ipv4 } from '@portolan/core';
import type { ReadinessResult } from '../health/readiness.ts';
import type { Health } from '../health/verdict.ts';
import type { TaskInfo } from '../launch/task-info.ts';
import type { Place } from '../match/constraints.ts';
import type { Condition } from '../task/state.ts';
import type { PodTasks } from './pod-tasks.ts';

/** An instance's state; changed only through its app's record, which counts. */
export class Instance {
  goal: 'Running' | 'Decommissioned' = 'Running';
  condition: Condition = 'Scheduled';
  /** How often it was launched. */
  launches = 0;
  /** The task of the present launch. */
  task: TaskInfo | undefined;
  /** Of a pod: all tasks of the present launch, `task` being the first of them. */
  pod: PodTasks | undefined;
  place: Place | undefined;
  /** The agent that has its persistent volumes: it is launched there again, and nowhere else. */
  reservedOn: string | undefined;
  /** Virtual milliseconds; undefined until then. */
  stagedAt: number | undefined;
  startedAt: number | undefined;
  /** When it entered its condition. */
  since: number;
  /** When its agent was lost last. */
  unreachableSince = 0;
  addresses: readonly Ipv4[] = [];
  healthy: boolean | undefined;
  /** What is known of the present task, check by check; kept by the health monitor. */
  health: { readonly taskId: string; readonly checks: Health[] } | undefined;
  /** What its readiness check said last, if the app has one and a deployment had it made. */
  readiness: ReadinessResult | undefined;
  /** Which mention in the queue of scheduled instances is the valid one. */
  ticket = 0;

  /** Whether its readiness check has said so. */
  get isReady(): boolean {
    return this.readiness?.ready === true;
  }

  /** The tasks of the present launch: of an app one, if it has any. */
  get tasks(): readonly TaskInfo[] {
    return this.pod?.all ?? (this.task === undefined ? [] : [this.task]);
  }

  constructor(
    readonly id: string,
    readonly appId: string,
    /** The configuration it belongs to. */
    readonly generation: number,
    now: number,
  ) {
    this.since = now;
  }
}
