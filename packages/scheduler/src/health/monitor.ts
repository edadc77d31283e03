/**
 * Runs health checks against the simulated network, and has tasks killed that fail them too often.
 * Follows mesosphere/marathon v1.8 core/health/impl/{HealthCheckActor,HealthCheckWorker}.scala; checks of Mesos' kinds are
 * made here at the same times an agent would, and their results are reported as task statuses. A check takes no time.
 */
import type { Clock } from '@portolan/core';
import type { HealthCheck } from '../app/definition.ts';
import { effectiveAddress, portAssignments } from '../launch/port-assignments.ts';
import type { AppRecord } from '../marathon/app-record.ts';
import type { Instance } from '../marathon/instance.ts';
import type { PodTasks } from '../marathon/pod-tasks.ts';
import {
  checkSettings,
  failed,
  failureKills,
  type Health,
  isHealthy,
  runsOnAgent,
  succeeded,
  UNKNOWN_HEALTH,
} from './verdict.ts';

/** One question to a task. */
export interface HealthProbe {
  readonly taskId: string;
  readonly agentId: string;
  readonly protocol: NonNullable<HealthCheck['protocol']>;
  /** As text; a hostname or the task's own address. */
  readonly address: string;
  readonly port: number;
  readonly path: string;
  /** Of COMMAND. */
  readonly command?: string;
  /** Whether it is asked on the agent, inside the task's network, or from Marathon. */
  readonly from: 'agent' | 'marathon';
}

/** What the monitor needs of its surroundings. */
export interface HealthMonitorOptions {
  readonly clock: Clock;
  /** Whether the task answers as it shall: for HTTP with a status of 200 to 399. */
  readonly probe: (probe: HealthProbe) => boolean;
  /** A task's health has changed. */
  readonly changed: (record: AppRecord, instance: Instance, healthy: boolean, onAgent: boolean, taskId: string) => void;
  /** A check failed, and that counts; it may be that the task is killed for it. */
  readonly failed: (instance: Instance, check: HealthCheck, kills: boolean) => void;
  readonly kill: (record: AppRecord, instance: Instance) => void;
}

/** Marathon's first round comes no later than this. */
const FIRST_ROUND = 5;

/** Watches the apps that have checks. */
export class HealthMonitor {
  constructor(private readonly options: HealthMonitorOptions) {}

  /** Begins with an app's present configuration. */
  watch(record: AppRecord): void {
    const { generation } = record;
    record.app.healthChecks.forEach((check, i) => {
      const { intervalSeconds, delaySeconds } = checkSettings(check);
      const first = runsOnAgent(check) ? delaySeconds : Math.min(intervalSeconds, FIRST_ROUND);
      this.repeat(record, generation, first, intervalSeconds, () => this.round(record, check, i));
    });
  }

  /** A deployment begins that waits for an app's checks: the clock does not come to rest before their next rounds. */
  attend({ app }: AppRecord): void {
    const intervals = [
      ...app.healthChecks.map((check) => checkSettings(check).intervalSeconds),
      ...app.readinessChecks.map(({ intervalSeconds = 30 }) => intervalSeconds),
    ];
    if (intervals.length > 0) this.options.clock.after(Math.max(...intervals) * 1000, () => {});
  }

  private repeat(record: AppRecord, generation: number, seconds: number, interval: number, round: () => void): void {
    // While a deployment waits for health the rounds are what it waits for; else they are mere routine.
    const routine = record.deployment === undefined;
    this.options.clock.after(
      Math.max(1, seconds * 1000),
      () => {
        if (record.generation !== generation || record.removed) return;
        round();
        this.repeat(record, generation, interval, interval, round);
      },
      routine,
    );
  }

  private round(record: AppRecord, check: HealthCheck, index: number): void {
    const { clock, probe, kill, failed: tellFailed } = this.options;
    for (const instance of [...record.instances.values()]) {
      const { task } = instance;
      if (task === undefined || instance.condition !== 'Running' || instance.generation !== record.generation) continue;
      const all = this.of(instance, task.taskId, record.app.healthChecks.length);
      const before = all[index] ?? UNKNOWN_HEALTH;
      const question = this.question(record, instance, check);
      const fine = question !== undefined && probe(question);
      const since = instance.startedAt ?? instance.since;
      const after = fine ? succeeded(before, clock.now) : failed(before, check, since, clock.now);
      const kills = !fine && after !== before && failureKills(check, before.consecutiveFailures, instance.condition);
      if (!fine && after !== before) tellFailed(instance, check, kills);
      if (kills) {
        all.fill(UNKNOWN_HEALTH);
        kill(record, instance);
        continue;
      }
      all[index] = after;
      if (instance.pod === undefined) this.tell(record, instance, all, runsOnAgent(check));
      else this.tellOfPod(record, instance, instance.pod, check, isHealthy(after));
    }
  }

  private tell(record: AppRecord, instance: Instance, all: readonly Health[], onAgent: boolean): void {
    const results = all.map(isHealthy);
    const healthy = results.includes(false) ? false : results.includes(undefined) ? undefined : true;
    if (healthy === undefined || healthy === instance.healthy) return;
    this.options.changed(record, instance, healthy, onAgent, instance.task?.taskId ?? '');
  }

  /** A check of a pod's container is one of its task. */
  private tellOfPod(
    record: AppRecord,
    instance: Instance,
    pod: PodTasks,
    check: HealthCheck,
    healthy: boolean | undefined,
  ): void {
    const task = pod.all.find(({ healthChecks }) => healthChecks.includes(check));
    if (task === undefined || healthy === undefined || healthy === pod.healthOf(task.taskId)) return;
    this.options.changed(record, instance, healthy, true, task.taskId);
  }

  /** Undefined while the address or the port is not known: that round is a failure. */
  private question(record: AppRecord, instance: Instance, check: HealthCheck): HealthProbe | undefined {
    const { task } = instance;
    if (task === undefined) return undefined;
    const { protocol, path } = checkSettings(check);
    const { taskId, agentId } = task;
    const onAgent = runsOnAgent(check);
    const common = { taskId, agentId, protocol, path, from: onAgent ? ('agent' as const) : ('marathon' as const) };
    if (protocol === 'COMMAND') return { ...common, address: task.hostname, port: 0, command: check.command?.value ?? '' };
    const assignment = portAssignments(record.app, this.network(instance))[check.portIndex ?? 0];
    const inside = assignment?.containerPort ?? assignment?.hostPort;
    const port = check.port ?? (onAgent ? inside : assignment?.port);
    const address = effectiveAddress(record.app, { hostname: task.hostname, addresses: instance.addresses });
    return port === undefined || port < 0 || address === undefined ? undefined : { ...common, address, port };
  }

  private network(instance: Instance) {
    const { task, addresses } = instance;
    return {
      hostname: task?.hostname ?? '',
      hostPorts: instance.tasks.flatMap(({ userPortMappings }) => userPortMappings.map(({ hostPort }) => hostPort)),
      addresses,
    };
  }

  private of(instance: Instance, taskId: string, checks: number): Health[] {
    const known = instance.health;
    if (known?.taskId === taskId && known.checks.length === checks) return known.checks;
    const fresh = { taskId, checks: Array.from({ length: checks }, () => UNKNOWN_HEALTH) };
    instance.health = fresh;
    return fresh.checks;
  }
}
