/**
 * Marathon's HTTP API: a request in, status, headers and body out. Follows mesosphere/marathon v1.8 api/v2/{AppsResource,
 * DeploymentsResource,QueueResource}.scala and api/MarathonExceptionMapper.scala. No authentication, embeds or events.
 */
import { absoluteId } from '../app/id.ts';
import { plainJson, readJson } from '../app/json.ts';
import { MarathonRefusal } from '../app/refusal.ts';
import type { QueueItem } from './launch-queue.ts';
import type { Marathon } from './marathon.ts';
import { formatTimestamp } from './timestamps.ts';

/** What is asked. */
export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With its query: `/v2/apps//httpi?force=true`. */
  readonly path: string;
  /** A JSON text or a parsed JSON value. */
  readonly body?: unknown;
}

/** What is answered. */
export interface ApiResponse {
  readonly status: number;
  /** By name, as Marathon writes it. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: unknown;
}

interface Question {
  readonly parts: readonly string[];
  readonly force: boolean;
  readonly query: ReadonlyMap<string, string>;
  readonly body: unknown;
}

type Answer = Omit<ApiResponse, 'headers'> & { readonly deployment?: string | undefined };
type Handler = (marathon: Marathon, question: Question) => Answer;

/** Answers a request; what Marathon refuses is an answer like others. */
export function answerApi(marathon: Marathon, request: ApiRequest): ApiResponse {
  const [path = '', queryText = ''] = request.path.split('?', 2);
  const query = new Map(
    queryText.split('&').map((pair) => [pair.split('=')[0] ?? '', pair.split('=').slice(1).join('=')] as const),
  );
  const [, , resource = '', ...parts] = path.split('/');
  const question = {
    parts: parts.filter((part) => part !== ''),
    force: query.get('force') === 'true',
    query,
    body: request.body,
  };
  const handler = RESOURCES.get(`${request.method} ${resource}`);
  try {
    const answer = handler?.(marathon, question) ?? { status: 404, body: { message: 'HTTP 404 Not Found' } };
    const deployment = answer.deployment === undefined ? [] : [['Marathon-Deployment-Id', answer.deployment] as const];
    return { status: answer.status, headers: new Map(deployment), body: answer.body };
  } catch (refusal) {
    if (!(refusal instanceof MarathonRefusal)) throw refusal;
    return { status: refusal.status, headers: new Map(), body: refusal.body() };
  }
}

const RESOURCES: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ['GET apps', getApps],
  ['POST apps', postApps],
  ['PUT apps', putApp],
  ['PATCH apps', putApp],
  ['DELETE apps', deleteApp],
  [
    'GET queue',
    (marathon) => ({ status: 200, body: { queue: marathon.queue().map((item) => queueJson(item, marathon.epoch)) } }),
  ],
  ['GET deployments', (marathon) => ({ status: 200, body: marathon.deployments() })],
  ['DELETE deployments', deleteDeployment],
  ['PUT groups', putGroup],
  ['POST groups', putGroup],
  ['GET info', (marathon) => ({ status: 200, body: { name: marathon.name, version: marathon.version } })],
]);

const IN_APP = ['restart', 'tasks', 'versions'];

function getApps(marathon: Marathon, { parts }: Question): Answer {
  const { id, rest } = split(parts);
  if (id === '/') return { status: 200, body: { apps: marathon.apps().map((app) => marathon.show(app.id)) } };
  if (rest[0] === 'tasks') return { status: 200, body: { tasks: (marathon.show(id) as { readonly tasks: unknown }).tasks } };
  if (rest[0] === 'versions') return { status: 200, body: { versions: marathon.versions(id).map(({ version }) => version) } };
  return { status: 200, body: { app: marathon.show(id) } };
}

function postApps(marathon: Marathon, { parts, force, body }: Question): Answer {
  const { id, rest } = split(parts);
  if (rest[0] === 'restart') {
    const deployment = marathon.restart(id, { force });
    return { status: 200, body: { version: marathon.app(id).version, deploymentId: deployment }, deployment };
  }
  const app = marathon.add(body);
  return { status: 201, body: marathon.show(app.id), deployment: marathon.deploymentOf(app.id) };
}

function putApp(marathon: Marathon, { parts, force, body }: Question): Answer {
  const { id } = split(parts);
  const json = readJson(body);
  const version = json instanceof Map ? json.get('version') : undefined;
  const existed = marathon.apps().some((app) => app.id === id);
  const bare = json instanceof Map && [...json.keys()].every((key) => key === 'version' || key === 'id');
  const app =
    typeof version === 'string' && bare
      ? marathon.rollback(id, version, { force })
      : marathon.update(id, plainJson(json), { force });
  const deployment = marathon.deploymentOf(app.id);
  return { status: existed ? 200 : 201, body: { version: app.version, deploymentId: deployment }, deployment };
}

function deleteApp(marathon: Marathon, { parts, force, query }: Question): Answer {
  const { id, rest } = split(parts);
  if (rest[0] === 'tasks') {
    const scale = query.get('scale') === 'true';
    if (scale && query.get('wipe') === 'true') {
      return { status: 400, body: { message: 'You cannot use scale and wipe at the same time.' } };
    }
    const ids = rest[1] === undefined ? marathon.tasks(id).map((task) => task.id) : [rest[1]];
    for (const taskId of ids) marathon.killTask(taskId, { force: force || scale, scale });
    return { status: 200, body: { version: marathon.app(id).version }, deployment: marathon.deploymentOf(id) };
  }
  const { version } = marathon.app(id);
  const deployment = marathon.remove(id, { force });
  return { status: 200, body: { version, deploymentId: deployment }, deployment };
}

function putGroup(marathon: Marathon, { force, body }: Question): Answer {
  const deployment = marathon.updateGroup(body, { force });
  return { status: 200, body: { deploymentId: deployment }, deployment };
}

function deleteDeployment(marathon: Marathon, { parts: [id = ''], force }: Question): Answer {
  marathon.cancelDeployment(id, { force });
  return force ? { status: 202, body: undefined } : { status: 200, body: { deploymentId: id } };
}

/** The app's id, and what stands after it. */
function split(parts: readonly string[]): { readonly id: string; readonly rest: readonly string[] } {
  const at = parts.findIndex((part, i) => i > 0 && IN_APP.includes(part));
  const end = at < 0 ? parts.length : at;
  return { id: absoluteId(parts.slice(0, end).join('/')), rest: parts.slice(end) };
}

function queueJson(item: QueueItem, epoch: number): unknown {
  const { app, count, delay, since, processedOffersSummary: summary } = item;
  const { lastUnusedOfferAt, lastUsedOfferAt, ...counts } = summary;
  const at = (time: number | undefined) => (time === undefined ? undefined : formatTimestamp(epoch + time));
  return {
    app: { id: app.id, version: app.version },
    count,
    delay,
    since: at(since),
    processedOffersSummary: { ...counts, lastUnusedOfferAt: at(lastUnusedOfferAt), lastUsedOfferAt: at(lastUsedOfferAt) },
    lastUnusedOffers: item.lastUnusedOffers,
  };
}
