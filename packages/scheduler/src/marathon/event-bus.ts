/**
 * What Marathon publishes on its event bus, as JSON, made of the events of this model: deployments step by step, instances, statuses,
 * health, apps that end. Follows mesosphere/marathon v1.8 core/event/Events.scala and the EventFormats of api/v2/json/Formats.scala.
 * Instances are told of from their launch on; a killed task's `reason` is always `unknown`.
 */
import { formatIpv4 } from '@portolan/core';
import type { App } from '../app/app.ts';
import { plainJson, readJson } from '../app/json.ts';
import type { DeploymentPlan } from './deployments.ts';
import type { DeploymentInfo, MarathonEvents } from './events.ts';
import type { Marathon } from './marathon.ts';
import { appJson, hostPortsOf, type PlainJson, stepJson } from './show.ts';
import { formatTimestamp } from './timestamps.ts';

/** An event of Marathon's bus; the fields beside these are those of its type. */
export interface BusEvent {
  /** `deployment_info`, `status_update_event` and so on. */
  readonly eventType: string;
  readonly timestamp: string;
  readonly [field: string]: PlainJson;
}

type Fields = { readonly eventType: string; readonly [field: string]: PlainJson };
type Handlers = { readonly [name in keyof MarathonEvents]?: (...args: MarathonEvents[name]) => void };

/** Tells of all that Marathon publishes from now on; what is returned ends that. */
export function followBus(marathon: Marathon, told: (event: BusEvent) => void): () => void {
  const publish = (event: Fields): void => told({ ...event, timestamp: formatTimestamp(marathon.epoch + marathon.now) });
  const { events } = marathon;
  const all = Object.entries({ ...appHandlers(publish), ...taskHandlers(publish), ...deploymentHandlers(publish) });
  for (const [name, handler] of all) events.on(name as keyof MarathonEvents, handler as () => void);
  return () => {
    for (const [name, handler] of all) events.off(name as keyof MarathonEvents, handler as () => void);
  };
}

function appHandlers(publish: (event: Fields) => void): Handlers {
  const added: Handlers['app-added'] = (app) => {
    for (const healthCheck of list(appJson(app).healthChecks)) {
      publish({ eventType: 'add_health_check_event', appId: app.id, healthCheck, version: app.version });
    }
  };
  return {
    posted: ({ kind, clientIp, uri, app }) =>
      publish({ eventType: kind, clientIp, uri, ...(app === undefined ? {} : { appDefinition: definitionJson(app) }) }),
    'app-added': added,
    'app-updated': (app) => added(app),
    'app-removed': (app) => {
      for (const _ of app.healthChecks) publish({ eventType: 'remove_health_check_event', appId: app.id });
    },
  };
}

function taskHandlers(publish: (event: Fields) => void): Handlers {
  return {
    'status-updated': ({ taskId, state, message = '', addresses = [] }, task) =>
      publish({
        eventType: 'status_update_event',
        slaveId: task.agentId,
        taskId,
        taskStatus: state,
        message,
        appId: task.appId,
        host: task.hostname,
        ipAddresses: addresses.map((address) => ({ ipAddress: formatIpv4(address), protocol: 'IPv4' })),
        ports: hostPortsOf(task),
        version: task.appVersion,
      }),
    'instance-changed': ({ instanceId, appId, condition, agentId = null, host = null, version = '' }) =>
      publish({
        eventType: 'instance_changed_event',
        instanceId,
        condition,
        runSpecId: appId,
        agentId,
        host,
        runSpecVersion: version,
      }),
    'health-changed': ({ instanceId, appId, version, healthy }) => {
      publish({ eventType: 'health_status_changed_event', appId, instanceId, version, alive: healthy });
      publish({ eventType: 'instance_health_changed_event', instanceId, runSpecId: appId, healthy, runSpecVersion: version });
    },
    'check-failed': ({ task, instanceId, check, kills }) => {
      const healthCheck = plainJson(readJson(check)) as PlainJson;
      publish({ eventType: 'failed_health_check_event', appId: task.appId, healthCheck, taskId: instanceId });
      if (!kills) return;
      const { taskId, appId, appVersion: version, hostname: host, agentId: slaveId } = task;
      publish({
        eventType: 'unhealthy_instance_kill_event',
        appId,
        taskId,
        instanceId,
        version,
        reason: 'unknown',
        host,
        slaveId,
      });
    },
  };
}

/** A deployment's steps as they come and go: one begins when all of those before are done; to start an app is done at once. */
function deploymentHandlers(publish: (event: Fields) => void): Handlers {
  const running = new Map<string, { readonly plan: DeploymentPlan; at: number; readonly finished: Set<string> }>();

  function goOn(id: string, all = false): void {
    const state = running.get(id);
    if (state === undefined) return;
    const { plan, finished } = state;
    for (let step = plan.steps[state.at]; step !== undefined; step = plan.steps[state.at]) {
      const open = step.some(({ action, appId }) => action !== 'StartApplication' && !finished.has(appId));
      if (open && !all) return;
      publish({ eventType: 'deployment_step_success', plan: planJson(plan), currentStep: stepJson(step) });
      state.at++;
      tellStep(plan, state.at);
    }
  }

  function tellStep(plan: DeploymentPlan, at: number): void {
    const step = plan.steps[at];
    if (step !== undefined) publish({ eventType: 'deployment_info', plan: planJson(plan), currentStep: stepJson(step) });
  }

  return {
    'plan-started': (plan) => {
      running.set(plan.id, { plan, at: 0, finished: new Set() });
      tellStep(plan, 0);
      goOn(plan.id);
      publish({ eventType: 'group_change_success', groupId: plan.group, version: plan.version });
    },
    'action-finished': ({ id, appId, action }: DeploymentInfo) => {
      if (action === 'StopApplication') publish({ eventType: 'app_terminated_event', appId });
      running.get(id)?.finished.add(appId);
      goOn(id);
    },
    'plan-finished': (plan, cancelled) => {
      if (!cancelled) goOn(plan.id, true);
      if (!running.delete(plan.id)) return;
      if (!cancelled) publish({ eventType: 'deployment_success', id: plan.id, plan: planJson(plan) });
      else {
        const reason = 'The upgrade has been cancelled';
        publish({ eventType: 'deployment_failed', id: plan.id, plan: planJson(plan), reason });
      }
    },
  };
}

function planJson({ id, steps, version }: DeploymentPlan): PlainJson {
  return { id, steps: steps.map(stepJson), version };
}

function definitionJson(app: App): PlainJson {
  return Object.fromEntries(Object.entries(appJson(app)).flatMap(([name, json]) => (json === undefined ? [] : [[name, json]])));
}

function list(json: PlainJson | undefined): readonly PlainJson[] {
  return Array.isArray(json) ? json : [];
}
