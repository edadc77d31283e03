/**
 * Readiness checks: whether a task that runs is ready for what a deployment does next. Follows mesosphere/marathon v1.8
 * core/readiness and core/deployment/impl/ReadinessBehavior.scala: asked as soon as the task runs, then an interval after each answer,
 * until it is ready; only deployments have it asked. A check takes no time, so no timeout passes: no answer at all is 504 at once.
 */
import type { Clock } from '@portolan/core';
import type { ReadinessCheck } from '../app/definition.ts';
import { portAssignments } from '../launch/port-assignments.ts';
import type { AppRecord } from '../marathon/app-record.ts';
import type { Instance } from '../marathon/instance.ts';

/** A question to a task, by HTTP from Marathon. */
export interface ReadinessProbe {
  readonly taskId: string;
  readonly agentId: string;
  /** As text. */
  readonly address: string;
  readonly port: number;
  readonly path: string;
}

/** What a task answered. */
export interface ReadinessResponse {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** What a task's latest check came to. */
export interface ReadinessResult {
  readonly name: string;
  readonly taskId: string;
  readonly ready: boolean;
  /** If the check preserves it. */
  readonly lastResponse?: ReadinessResponse;
}

/** What the checks need of their surroundings. */
export interface ReadinessOptions {
  readonly clock: Clock;
  /** Undefined if nothing answers. */
  readonly get: (probe: ReadinessProbe) => ReadinessResponse | undefined;
  readonly checked: (record: AppRecord, instance: Instance, result: ReadinessResult) => void;
}

/** A check's settings with Marathon's defaults. */
function settings(check: ReadinessCheck) {
  return {
    name: check.name ?? 'readinessCheck',
    protocol: check.protocol ?? 'HTTP',
    path: check.path ?? '/',
    intervalSeconds: check.intervalSeconds ?? 30,
    statuses: check.httpStatusCodesForReady ?? [200],
  };
}

/** What an answer means; undefined if there was none. */
export function readinessResult(
  check: ReadinessCheck,
  taskId: string,
  response: ReadinessResponse | undefined,
  url: string,
): ReadinessResult {
  const { name, statuses } = settings(check);
  const none = { status: 504, contentType: 'text/plain', body: `Marathon could not query ${url}: Connection refused` };
  const lastResponse = response ?? none;
  const ready = response !== undefined && statuses.includes(response.status);
  return { name, taskId, ready, ...(check.preserveLastResponse === true ? { lastResponse } : {}) };
}

/** Asks tasks whether they are ready. */
export class ReadinessChecks {
  constructor(private readonly options: ReadinessOptions) {}

  /** An instance's task begins to run. */
  runs(record: AppRecord, instance: Instance): void {
    // Marathon's own validation lets an app have one at most.
    const [check] = record.app.readinessChecks;
    if (check === undefined || instance.generation !== record.generation) return;
    // After what is going on now: the status that says it runs has to be dealt with first.
    this.askIn(0, record, instance, check);
  }

  private askIn(seconds: number, record: AppRecord, instance: Instance, check: ReadinessCheck): void {
    const { task } = instance;
    this.options.clock.after(
      seconds * 1000,
      () => {
        const over = instance.task !== task || !record.instances.has(instance.id) || instance.generation !== record.generation;
        if (over || record.removed || instance.condition !== 'Running') return;
        if (record.deployment !== undefined) this.ask(record, instance, check);
        if (!instance.isReady) this.askIn(Math.max(1, settings(check).intervalSeconds), record, instance, check);
      },
      // Without a deployment nobody waits for it.
      record.deployment === undefined,
    );
  }

  private ask(record: AppRecord, instance: Instance, check: ReadinessCheck): void {
    const { task, addresses } = instance;
    if (task === undefined) return;
    const { taskId, agentId, hostname } = task;
    const hostPorts = task.userPortMappings.map(({ hostPort }) => hostPort);
    const named = portAssignments(record.app, { hostname, hostPorts, addresses }).find(({ name }) => name === check.portName);
    if (named?.address === undefined) return;
    const { address, port } = named;
    const { path, protocol } = settings(check);
    const response = this.options.get({ taskId, agentId, address, port, path });
    const url = `${protocol.toLowerCase()}://${address}:${port}${path}`;
    this.options.checked(record, instance, readinessResult(check, taskId, response, url));
  }
}
