/**
 * `/v2/tasks`, `/v2/queue` and `/v2/deployments` of Marathon's HTTP API.
 * Follows mesosphere/marathon v1.8 api/v2/{TasksResource,QueueResource,DeploymentsResource}.scala and raml/QueueInfoConversion.scala.
 */
import { plainJson, readJson } from '../app/json.ts';
import { MarathonRefusal } from '../app/refusal.ts';
import type { ReadinessResult } from '../health/readiness.ts';
import { stepsJson } from './api-groups.ts';
import { type Answer, changed, type Handler, idAndRest, parameter, type Question } from './api-question.ts';
import type { QueueItem } from './launch-queue.ts';
import type { Marathon } from './marathon.ts';
import { type MarathonTask, taskJson } from './show.ts';
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

function getTasks(marathon: Marathon, { query }: Question): Answer {
  const wanted = [...(query.get('status') ?? []), ...(query.get('status[]') ?? [])].map((status) => status.toLowerCase());
  const states = ['running', 'staging'].filter((state) => wanted.includes(state));
  const tasks = marathon.tasks().filter(({ condition }) => states.length === 0 || states.includes(condition.toLowerCase()));
  return { status: 200, body: { tasks: tasks.map((task) => taskJson(task, marathon.epoch)) } };
}

/** `POST /v2/tasks/delete`: kills the tasks it names. */
function postTasks(marathon: Marathon, question: Question): Answer {
  const { parts, force } = question;
  if (parts[0] !== 'delete') return { status: 404, body: { message: 'HTTP 404 Not Found' } };
  const scale = scaleOf(question);
  const body = plainJson(readJson(question.body));
  const ids = typeof body === 'object' && body !== null && 'ids' in body ? body.ids : undefined;
  if (!Array.isArray(ids)) {
    throw new MarathonRefusal('invalid-json', 422, [{ path: '/ids', message: 'error.path.missing' }]);
  }
  const known = new Map(marathon.tasks().map((task) => [task.id, task]));
  const tasks = ids.flatMap((id) => known.get(String(id)) ?? []);
  killAll(marathon, tasks, { force, scale });
  if (scale) return changed(marathon);
  return { status: 200, body: { tasks: tasks.map((task) => taskJson(task, marathon.epoch)) } };
}

/**
 * Whether a kill shall take instances off the app's number.
 * @throws MarathonRefusal `bad-request`
 */
export function scaleOf(question: Question): boolean {
  const scale = parameter(question, 'scale') === 'true';
  if (scale && parameter(question, 'wipe') === 'true') {
    throw new MarathonRefusal('bad-request', 400, [{ path: '', message: 'You cannot use scale and wipe at the same time.' }]);
  }
  return scale;
}

/** Kills tasks; what scaling by the first of an app's has begun does not stand in the way of its others. */
export function killAll(
  marathon: Marathon,
  tasks: readonly MarathonTask[],
  { force, scale }: { readonly force: boolean; readonly scale: boolean },
): void {
  const begun = new Set<string>();
  for (const { id, appId } of tasks) {
    marathon.killTask(id, { force: force || begun.has(appId), scale });
    begun.add(appId);
  }
}

function getQueue(marathon: Marathon, { query }: Question): Answer {
  const unused = (query.get('embed') ?? []).includes('lastUnusedOffers');
  return { status: 200, body: { queue: marathon.queue().map((item) => queueJson(item, marathon.epoch, unused)) } };
}

function deleteDelay(marathon: Marathon, { parts }: Question): Answer {
  const { id, rest } = idAndRest(parts, ['delay']);
  if (rest[0] !== 'delay') return { status: 405, body: { message: 'HTTP 405 Method Not Allowed' } };
  marathon.resetDelay(id);
  return { status: 204, body: undefined };
}

function getDeployments(marathon: Marathon): Answer {
  const parts = marathon.deployments();
  const body = marathon.plans().map(({ id, version, steps }) => {
    const open = new Set(parts.filter((part) => part.id === id).map(({ appId }) => appId));
    const at = steps.findIndex((actions) => actions.some(({ appId }) => open.has(appId)));
    const present = steps[Math.max(0, at)] ?? [];
    return {
      id,
      version,
      affectedApps: [...new Set(steps.flat().map(({ appId }) => appId))],
      affectedPods: [],
      steps: stepsJson(steps),
      currentActions: present.map(({ action, appId }) => ({
        action,
        app: appId,
        readinessCheckResults: readinessOf(marathon, appId),
      })),
      currentStep: Math.max(0, at) + 1,
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
