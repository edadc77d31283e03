/**
 * Marathon's HTTP API: a request in, status, headers and body out. Follows mesosphere/marathon v1.8 api/v2/{AppsResource,
 * AppTasksResource,AppVersionsResource,InfoResource}.scala and api/MarathonExceptionMapper.scala. No authentication, selection by label
 * or stream of events; of what may be embedded not taskStats and readiness.
 */
import { plainJson, readJson } from '../app/json.ts';
import { MarathonRefusal } from '../app/refusal.ts';
import { GROUPS } from './api-groups.ts';
import { type Answer, changed, type Handler, idAndRest, parameter, type Question, questionOf } from './api-question.ts';
import { killAll, scaleOf, TASKS } from './api-tasks.ts';
import type { Marathon } from './marathon.ts';
import { POD_RESOURCES } from './pods-api.ts';
import { APP_PARTS, type AppPart, appJson, taskJson } from './show.ts';

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

/** Answers a request; what Marathon refuses is an answer like others. */
export function answerApi(marathon: Marathon, request: ApiRequest): ApiResponse {
  const { resource, question } = questionOf(request.path, request.body);
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
  ['PUT apps', (marathon, question) => putApp(marathon, question, true)],
  ['PATCH apps', (marathon, question) => putApp(marathon, question, false)],
  ['DELETE apps', deleteApp],
  ['GET info', (marathon) => ({ status: 200, body: { name: marathon.name, version: marathon.version } })],
  ...POD_RESOURCES,
  ...GROUPS,
  ...TASKS,
]);

const IN_APP = ['restart', 'tasks', 'versions'];

function getApps(marathon: Marathon, question: Question): Answer {
  const { id, rest } = idAndRest(question.parts, IN_APP);
  if (id === '/') return { status: 200, body: { apps: listed(marathon, question) } };
  if (rest[0] === 'tasks') {
    return { status: 200, body: { tasks: marathon.tasks(id).map((task) => taskJson(task, marathon.epoch)) } };
  }
  if (rest[0] === 'versions') return versions(marathon, id, rest[1]);
  return { status: 200, body: { app: marathon.show(id) } };
}

function listed(marathon: Marathon, question: Question): readonly unknown[] {
  if (question.query.has('label')) {
    throw new MarathonRefusal('not-modelled', 501, [{ path: '/label', message: 'selection by label is not modelled' }]);
  }
  const holds = (name: string, text: string) => text.toLowerCase().includes((parameter(question, name) ?? '').toLowerCase());
  const apps = marathon.apps().filter((app) => holds('id', app.id) && holds('cmd', app.cmd ?? ''));
  return apps.map((app) => marathon.show(app.id, embedded(question)));
}

/** The parts that a list of apps shows: counts and deployments, and what is asked for. */
function embedded({ query }: Question): readonly AppPart[] {
  const asked = (query.get('embed') ?? []).map((embed) => embed.replace(/^(group\.)?apps?\./, ''));
  const all = [...asked, ...(asked.includes('failures') ? ['tasks', 'lastTaskFailure'] : []), 'counts', 'deployments'];
  return APP_PARTS.filter((part) => all.includes(part));
}

function versions(marathon: Marathon, id: string, version: string | undefined): Answer {
  const all = marathon.versions(id);
  if (version === undefined) return { status: 200, body: { versions: all.map((app) => app.version) } };
  const app = all.find((one) => one.version === version);
  if (app !== undefined) return { status: 200, body: appJson(app) };
  const message = `App '${id}' does not exist in version ${version.slice(0, 40)}`;
  throw new MarathonRefusal('version-missing', 404, [{ path: '', message }]);
}

function postApps(marathon: Marathon, { parts, force, body }: Question): Answer {
  const { id, rest } = idAndRest(parts, IN_APP);
  if (rest[0] === 'restart') {
    marathon.restart(id, { force });
    return changed(marathon);
  }
  const app = marathon.add(body);
  return { status: 201, body: marathon.show(app.id), deployment: marathon.latestChange?.id };
}

function putApp(marathon: Marathon, question: Question, mayCreate: boolean): Answer {
  const { force, body } = question;
  const partialUpdate = !mayCreate || parameter(question, 'partialUpdate') !== 'false';
  const { id } = idAndRest(question.parts, IN_APP);
  const json = readJson(body);
  if (id === '/') return putApps(marathon, plainJson(json), { force, partialUpdate }, mayCreate);
  const existed = marathon.apps().some((app) => app.id === id);
  if (!existed && !mayCreate) marathon.app(id);
  const version = json instanceof Map ? json.get('version') : undefined;
  const bare = json instanceof Map && [...json.keys()].every((key) => key === 'version' || key === 'id');
  if (typeof version === 'string' && bare) marathon.rollback(id, version, { force });
  else marathon.update(id, plainJson(json), { force, partialUpdate });
  return changed(marathon, existed ? 200 : 201);
}

/** Several apps at once: a list of definitions that name their ids. */
function putApps(
  marathon: Marathon,
  list: unknown,
  options: { readonly force: boolean; readonly partialUpdate: boolean },
  mayCreate: boolean,
): Answer {
  if (!Array.isArray(list)) {
    throw new MarathonRefusal('invalid-json', 422, [{ path: '/', message: 'error.expected.jsarray' }]);
  }
  const definitions = list.flatMap((definition: unknown) => {
    const id = typeof definition === 'object' && definition !== null && 'id' in definition ? String(definition.id) : '';
    if (id !== '' && !mayCreate) marathon.app(id);
    return id === '' ? [] : [{ id, definition }];
  });
  marathon.updateApps(definitions, options);
  return changed(marathon);
}

function deleteApp(marathon: Marathon, question: Question): Answer {
  const { id, rest } = idAndRest(question.parts, IN_APP);
  if (rest[0] === 'tasks') return deleteTasks(marathon, question, id, rest[1]);
  // Unlike other changes a deletion is forced unless told otherwise.
  marathon.remove(id, { force: parameter(question, 'force') !== 'false' });
  return changed(marathon);
}

function deleteTasks(marathon: Marathon, question: Question, id: string, taskId: string | undefined): Answer {
  const scale = scaleOf(question);
  const host = parameter(question, 'host') ?? '*';
  const all = marathon.tasks(id);
  const tasks = all.filter((task) => (taskId === undefined ? host === '*' || task.host === host : task.id === taskId));
  if (taskId !== undefined && tasks.length === 0) {
    throw new MarathonRefusal('task-missing', 404, [{ path: '', message: `Task '${taskId.slice(0, 200)}' does not exist` }]);
  }
  killAll(marathon, tasks, { force: question.force, scale });
  if (scale) return changed(marathon);
  const shown = tasks.map((task) => taskJson(task, marathon.epoch));
  return { status: 200, body: taskId === undefined ? { tasks: shown } : { task: shown[0] } };
}
