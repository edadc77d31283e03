/**
 * An app and its tasks as the API and `dcos marathon app show` print them: keys sorted, absent fields left out.
 * Follows mesosphere/marathon v1.8 raml/{AppConversion,TaskConversion}.scala.
 */
import { formatIpv4, type Ipv4 } from '@portolan/core';
import { type App, servicePorts } from '../app/app.ts';
import { protocolInApi } from '../app/definition.ts';
import { plainJson } from '../app/json.ts';
import type { Pairs } from '../app/read.ts';
import type { ReadinessResult } from '../health/readiness.ts';
import { type Health, isHealthy } from '../health/verdict.ts';
import type { TaskInfo } from '../launch/task-info.ts';
import { type Condition, isActive, type TaskState } from '../task/state.ts';
import type { AppRecord, TaskFailure } from './app-record.ts';
import type { Instance } from './instance.ts';
import type { PlannedAction } from './plan.ts';
import { taskCounts, taskStats } from './task-stats.ts';
import { formatTimestamp } from './timestamps.ts';

/** A JSON value of plain objects and arrays. */
export type PlainJson = null | boolean | number | string | readonly PlainJson[] | { readonly [key: string]: PlainJson };

/** A task as Marathon tells of it. */
export interface MarathonTask {
  readonly id: string;
  readonly instanceId: string;
  readonly appId: string;
  readonly slaveId: string;
  /** The agent's hostname. */
  readonly host: string;
  readonly state: TaskState;
  readonly condition: Condition;
  readonly ipAddresses: readonly Ipv4[];
  /** Allocated host ports; none once the task is over. */
  readonly ports: readonly number[];
  /** What its readiness check said last, if a deployment had it made. */
  readonly readiness?: ReadinessResult;
  readonly servicePorts: readonly number[];
  /** Virtual milliseconds. */
  readonly stagedAt: number;
  readonly startedAt: number | undefined;
  /** Of the app, when the task was launched. */
  readonly version: string;
  readonly healthy: boolean | undefined;
  /** Of each check, once one was made; times in virtual milliseconds. */
  readonly healthCheckResults: readonly Health[];
  readonly info: TaskInfo;
}

/** The tasks of an instance: of an app one, if it has any, of a pod one for each container. */
export function tasksOf(app: App, instance: Instance): readonly MarathonTask[] {
  return instance.tasks.map((info) => {
    const condition = instance.condition === 'UnreachableInactive' ? instance.condition : instance.pod?.conditionOf(info.taskId);
    return taskOf(app, instance, info, condition ?? instance.condition);
  });
}

function taskOf(app: App, instance: Instance, info: TaskInfo, condition: Condition): MarathonTask {
  const ports = hostPortsOf(info);
  return {
    id: info.taskId,
    instanceId: instance.id,
    appId: instance.appId,
    slaveId: info.agentId,
    host: info.hostname,
    state: STATES[condition] ?? 'TASK_STAGING',
    condition,
    ipAddresses: instance.addresses,
    ports: isActive(condition) ? ports : [],
    servicePorts: servicePorts(app),
    stagedAt: instance.stagedAt ?? instance.since,
    startedAt: instance.startedAt,
    version: info.appVersion,
    healthy: instance.pod === undefined ? instance.healthy : instance.pod.healthOf(info.taskId),
    healthCheckResults: instance.pod === undefined && instance.health?.taskId === info.taskId ? [...instance.health.checks] : [],
    info,
    ...(instance.readiness === undefined ? {} : { readiness: instance.readiness }),
  };
}

/** A task's host ports: of a pod's, those of its own endpoints. */
export function hostPortsOf(info: TaskInfo): readonly number[] {
  return info.group === undefined ? info.ports : info.userPortMappings.flatMap(({ hostPort }) => hostPort ?? []);
}

/** A deployment's step as the API shows it. */
export function stepJson(actions: readonly PlannedAction[]): PlainJson {
  return { actions: actions.map(actionJson) };
}

/** One of its actions. */
export function actionJson({ action, appId, pod }: PlannedAction): { readonly [field: string]: string } {
  return pod === undefined ? { action, app: appId } : { action: action.replace('Application', 'Pod'), pod: appId };
}

/** What may be shown of an app beside its definition. */
export const APP_PARTS = ['counts', 'deployments', 'readiness', 'lastTaskFailure', 'tasks', 'taskStats'] as const;

/** One of them, as `embed=apps.<part>` names it. */
export type AppPart = (typeof APP_PARTS)[number];

/** What a single app shows without being asked. */
export const SHOWN_PARTS: readonly AppPart[] = ['counts', 'deployments', 'lastTaskFailure', 'tasks'];

/** An app as the API shows it, and `dcos marathon app show`. `epoch` is Unix time at virtual time 0, `now` virtual milliseconds. */
export function showApp(
  record: AppRecord,
  { epoch, now }: { readonly epoch: number; readonly now: number },
  parts: readonly AppPart[] = SHOWN_PARTS,
): PlainJson {
  const { app, deployment, lastFailure } = record;
  const tasks = [...record.instances.values()].flatMap((instance) => tasksOf(app, instance));
  const shown = <T>(part: AppPart, json: () => T): T | undefined => (parts.includes(part) ? json() : undefined);
  return sorted({
    ...appJson(app),
    ...shown('counts', () => {
      const { staged, running, healthy, unhealthy } = taskCounts(tasks);
      return { tasksStaged: staged, tasksRunning: running, tasksHealthy: healthy, tasksUnhealthy: unhealthy };
    }),
    deployments: shown('deployments', () => (deployment === undefined ? [] : [{ id: deployment.id }])),
    readinessCheckResults: shown('readiness', () =>
      deployment === undefined ? [] : tasks.flatMap(({ readiness }) => (readiness === undefined ? [] : [plain(readiness)])),
    ),
    lastTaskFailure: shown('lastTaskFailure', () => (lastFailure === undefined ? undefined : failureJson(lastFailure, epoch))),
    tasks: shown('tasks', () => tasks.map((task) => taskJson(task, epoch))),
    taskStats: shown('taskStats', () => taskStats(app, tasks, now)),
  });
}

function failureJson({ at, ...failure }: TaskFailure, epoch: number): PlainJson {
  return sorted({ ...failure, timestamp: formatTimestamp(epoch + at) });
}

/** The app's definition as the API gives it back. */
export function appJson(app: App): { readonly [key: string]: PlainJson | undefined } {
  const { container, cmd, user, taskKillGracePeriodSeconds, acceptedResourceRoles, tty } = app;
  const host = app.networks.some((network) => network.mode === 'host');
  return {
    id: app.id,
    cmd,
    user,
    tty,
    taskKillGracePeriodSeconds,
    acceptedResourceRoles,
    args: app.args.length > 0 ? app.args : undefined,
    backoffFactor: app.backoffFactor,
    backoffSeconds: app.backoffSeconds,
    constraints: app.constraints.map(({ field, operator, value }) => [field, operator, ...(value === undefined ? [] : [value])]),
    container:
      container === undefined
        ? undefined
        : sorted({
            type: container.type,
            docker: container.docker === undefined ? undefined : plain(container.docker),
            portMappings: host
              ? undefined
              : container.portMappings.map(({ labels, networkNames, ...mapping }) =>
                  sorted({
                    ...mapping,
                    protocol: protocolInApi(mapping.protocol),
                    labels: object(labels),
                    networkNames: networkNames.length > 0 ? networkNames : undefined,
                  }),
                ),
            volumes: plain(container.volumes),
          }),
    cpus: app.cpus,
    disk: app.disk,
    env: object(app.env),
    executor: app.executor,
    dependencies: app.dependencies.length > 0 ? app.dependencies : undefined,
    readinessChecks: app.readinessChecks.length > 0 ? plain(app.readinessChecks) : undefined,
    role: app.role,
    resourceLimits: plain(app.resourceLimits),
    fetch: app.fetch.length > 0 ? plain(app.fetch.map(plainJson)) : undefined,
    gpus: app.gpus,
    healthChecks: plain(app.healthChecks),
    instances: app.instances,
    killSelection: app.killSelection,
    labels: object(app.labels),
    maxLaunchDelaySeconds: app.maxLaunchDelaySeconds,
    mem: app.mem,
    networks: app.networks.map(({ mode, name, labels }) =>
      sorted({ mode, name, labels: labels.length > 0 ? object(labels) : undefined }),
    ),
    portDefinitions: host
      ? app.portDefinitions.map(({ labels, ...definition }) =>
          sorted({ ...definition, protocol: protocolInApi(definition.protocol), labels: object(labels) }),
        )
      : undefined,
    requirePorts: app.requirePorts,
    unreachableStrategy: plain(app.unreachableStrategy),
    upgradeStrategy: plain(app.upgradeStrategy),
    version: app.version,
    versionInfo: { lastConfigChangeAt: app.lastConfigChangeAt, lastScalingAt: app.lastScalingAt },
  };
}

/** A task as the API shows it. */
export function taskJson(task: MarathonTask, epoch: number): PlainJson {
  const results = task.healthCheckResults.map((health) => healthJson(health, task.instanceId, epoch));
  return sorted({
    appId: task.appId,
    healthCheckResults: results.length > 0 ? results : undefined,
    host: task.host,
    id: task.id,
    ipAddresses: task.ipAddresses.map((address) => ({ ipAddress: formatIpv4(address), protocol: 'IPv4' })),
    ports: task.ports,
    servicePorts: task.servicePorts,
    slaveId: task.slaveId,
    stagedAt: formatTimestamp(epoch + task.stagedAt),
    startedAt: task.startedAt === undefined ? undefined : formatTimestamp(epoch + task.startedAt),
    state: task.state,
    version: task.version,
  });
}

function healthJson(health: Health, instanceId: string, epoch: number): PlainJson {
  const { firstSuccess, lastSuccess, lastFailure, consecutiveFailures } = health;
  const time = (at: number | undefined) => (at === undefined ? undefined : formatTimestamp(epoch + at));
  return sorted({
    alive: isHealthy(health) === true,
    consecutiveFailures,
    firstSuccess: time(firstSuccess),
    instanceId,
    lastFailure: time(lastFailure),
    lastSuccess: time(lastSuccess),
  });
}

function object(pairs: Pairs): PlainJson {
  return Object.fromEntries(pairs);
}

/** The fields that are there, as JSON. */
export function plainFields(fields: object): PlainJson {
  return plain(fields);
}

/** Data of this package's own types, which hold nothing but JSON values. */
function plain(data: undefined): undefined;
function plain(data: unknown): PlainJson;
function plain(data: unknown): PlainJson | undefined {
  if (data === undefined) return undefined;
  if (Array.isArray(data)) return data.map(plain);
  if (typeof data === 'object' && data !== null)
    return sorted(Object.fromEntries(Object.entries(data).map(([k, v]) => [k, plain(v)])));
  return data as PlainJson;
}

function sorted(fields: { readonly [key: string]: PlainJson | undefined }): PlainJson {
  const entries = Object.entries(fields).filter((entry): entry is [string, PlainJson] => entry[1] !== undefined);
  return Object.fromEntries(entries.sort((a, b) => (a[0] < b[0] ? -1 : 1)));
}

const STATES: { readonly [condition in Condition]?: TaskState } = {
  Starting: 'TASK_STARTING',
  Running: 'TASK_RUNNING',
  Killing: 'TASK_KILLING',
  Unreachable: 'TASK_UNREACHABLE',
  UnreachableInactive: 'TASK_UNREACHABLE',
  Unknown: 'TASK_UNKNOWN',
};
