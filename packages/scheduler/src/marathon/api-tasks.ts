/**
 * `/v2/tasks`, `/v2/queue` and `/v2/deployments` of Marathon's HTTP API.
 * Follows mesosphere/marathon v1.8 api/v2/{TasksResource,QueueResource,DeploymentsResource}.scala and raml/QueueInfoConversion.scala.
 */
import { type App, servicePorts } from '../app/app.ts';
import { safePath } from '../app/id.ts';
import { plainJson, readJson } from '../app/json.ts';
import { MarathonRefusal } from '../app/refusal.ts';
import type { ReadinessResult } from '../health/readiness.ts';
import {
  type Answer,
  asksForText,
  changed,
  type Handler,
  idAndRest,
  NOT_ALLOWED,
  parameter,
  type Question,
} from './api-question.ts';
import type { QueueItem } from './launch-queue.ts';
import type { Marathon } from './marathon.ts';
import type { PlannedAction } from './plan.ts';
import { actionJson, type MarathonTask, stepJson, taskJson } from './show.ts';
import { formatTimestamp } from './timestamps.ts';

/** The handlers, by method. */
export const TASKS: readonly (readonly [string, Handler])[] = [
  ['GET tasks', getTasks],
  ['POST tasks', postTasks],
  ['GET queue', getQueue],
  ['DELETE queue', deleteDelay],
  ['GET deployments', getDeployments],
  ['DELETE deployments', deleteDeployment],
];

function getTasks(marathon: Marathon, question: Question): Answer {
  const { query } = question;
  if (asksForText(question)) return { status: 200, body: endpoints(marathon, marathon.apps()), type: 'text/plain' };
  const wanted = [...(query.get('status') ?? []), ...(query.get('status[]') ?? [])].map((status) => status.toLowerCase());
  const states = ['running', 'staging'].filter((state) => wanted.includes(state));
  const tasks = marathon.tasks().filter(({ condition }) => states.length === 0 || states.includes(condition.toLowerCase()));
  return { status: 200, body: { tasks: tasks.map((task) => taskJson(task, marathon.epoch)) } };
}

/** Tasks for scripts: a line for each of an app's service ports, with the addresses that serve it, between tabs. */
export function endpoints(marathon: Marathon, apps: readonly App[]): string {
  const line = (fields: readonly string[]) => `${fields.map((field) => `${field}\t`).join('')}\n`;
  return apps
    .flatMap((app) => {
      const running = marathon.tasks(app.id).filter(({ condition }) => condition === 'Running');
      const ports = servicePorts(app);
      if (ports.length === 0) return [line([safePath(app.id), ' ', ...running.map(({ host }) => host).sort()])];
      return ports.map((port, i) => {
        const addresses = running.map((task) => `${task.host}:${task.ports[i] ?? 0}`).sort();
        return line([safePath(app.id), String(port), ...addresses]);
      });
    })
    .join('');
}

/** `POST /v2/tasks/delete`: kills the tasks it names. */
function postTasks(marathon: Marathon, question: Question): Answer {
  if (question.parts[0] !== 'delete') return NOT_ALLOWED;
  const options = killOptions(question);
  const body = plainJson(readJson(question.body));
  const ids = typeof body === 'object' && body !== null && 'ids' in body ? body.ids : undefined;
  if (!Array.isArray(ids)) {
    throw new MarathonRefusal('invalid-json', 422, [{ path: '/ids', message: 'error.path.missing' }]);
  }
  const known = new Map(marathon.tasks().map((task) => [task.id, task]));
  const tasks = [...new Set(ids.map(String))].flatMap((id) => {
    if (/[._]/.test(id)) return known.get(id) ?? [];
    const shown = id.slice(0, 200);
    const message = `Invalid task id '${shown}'. [taskId ${shown} no valid identifier (of class java.lang.String)]`;
    throw new MarathonRefusal('bad-request', 400, [{ path: '', message }]);
  });
  killAll(marathon, tasks, options);
  if (options.scale) return changed(marathon);
  return { status: 200, body: { tasks: tasks.map((task) => taskJson(task, marathon.epoch)) } };
}

/** How tasks shall be killed. */
export interface KillOptions {
  readonly force: boolean;
  /** Takes them off the app's number of instances. */
  readonly scale: boolean;
  /** Their instances are given up, and others come in their place. */
  readonly wipe: boolean;
}

/**
 * How a request wants tasks killed.
 * @throws MarathonRefusal `bad-request`
 */
export function killOptions(question: Question): KillOptions {
  const [scale = false, wipe = false] = ['scale', 'wipe'].map((name) => parameter(question, name) === 'true');
  if (scale && wipe) {
    throw new MarathonRefusal('bad-request', 400, [{ path: '', message: 'You cannot use scale and wipe at the same time.' }]);
  }
  return { force: question.force, scale, wipe };
}

/** Kills tasks; what scaling by the first of an app's has begun does not stand in the way of its others. */
export function killAll(marathon: Marathon, tasks: readonly MarathonTask[], { force, ...how }: KillOptions): void {
  // Nothing to scale down is a change of nothing, under an id of its own.
  if (tasks.length === 0 && how.scale) marathon.updateGroup({});
  const begun = new Set<string>();
  for (const { id, appId } of tasks) {
    marathon.killTask(id, { force: force || begun.has(appId), ...how });
    begun.add(appId);
  }
}

function getQueue(marathon: Marathon, { query }: Question): Answer {
  const unused = (query.get('embed') ?? []).includes('lastUnusedOffers');
  return { status: 200, body: { queue: marathon.queue().map((item) => queueJson(item, marathon.epoch, unused)) } };
}

function deleteDelay(marathon: Marathon, { parts }: Question): Answer {
  const { id, rest } = idAndRest(parts, ['delay']);
  if (rest[0] !== 'delay') return NOT_ALLOWED;
  marathon.resetDelay(id);
  return { status: 204, body: undefined };
}

function getDeployments(marathon: Marathon): Answer {
  const parts = marathon.deployments();
  const body = marathon.plans().map(({ id, version, steps }) => {
    const open = new Set(parts.filter((part) => part.id === id).map(({ appId }) => appId));
    // To start an app is done at once.
    const isOpen = ({ action, appId }: PlannedAction) => action !== 'StartApplication' && open.has(appId);
    const at = Math.max(
      0,
      steps.findIndex((actions) => actions.some(isOpen)),
    );
    const affected = (pod: boolean) => {
      const actions = steps.flat().filter((action) => (action.pod === true) === pod);
      return [...new Set(actions.map(({ appId }) => appId))];
    };
    return {
      id,
      version,
      affectedApps: affected(false),
      affectedPods: affected(true),
      steps: steps.map(stepJson),
      currentActions: (steps[at] ?? []).map((action) => ({
        ...actionJson(action),
        readinessCheckResults: readinessOf(marathon, action.appId),
      })),
      currentStep: at + 1,
      totalSteps: steps.length,
    };
  });
  return { status: 200, body };
}

function readinessOf(marathon: Marathon, appId: string): readonly ReadinessResult[] {
  return marathon.tasks().flatMap(({ info, readiness }) => (info.appId === appId ? (readiness ?? []) : []));
}

function deleteDeployment(marathon: Marathon, { parts: [id = ''], force }: Question): Answer {
  marathon.cancelDeployment(id, { force });
  return force ? { status: 202, body: undefined } : changed(marathon);
}

function queueJson(item: QueueItem, epoch: number, unused: boolean): unknown {
  const { app, count, delay, since, processedOffersSummary: summary, lastUnusedOffers } = item;
  const { lastUnusedOfferAt, lastUsedOfferAt, ...counts } = summary;
  const at = (time: number | undefined) => (time === undefined ? undefined : formatTimestamp(epoch + time));
  return {
    app: { id: app.id, version: app.version },
    count,
    delay,
    since: at(since),
    processedOffersSummary: { ...counts, lastUnusedOfferAt: at(lastUnusedOfferAt), lastUsedOfferAt: at(lastUsedOfferAt) },
    ...(unused
      ? {
          lastUnusedOffers: lastUnusedOffers.map(({ agentId, timestamp, reason }) => ({
            offer: { agentId },
            reason,
            timestamp: at(timestamp),
          })),
        }
      : {}),
  };
}
