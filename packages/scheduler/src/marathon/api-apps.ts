/**
 * `/v2/apps` of Marathon's HTTP API: apps, their versions and their tasks.
 * Follows mesosphere/marathon v1.8 api/v2/{AppsResource,AppTasksResource,AppVersionsResource,InfoEmbedResolver}.scala.
 */
import type { App } from '../app/app.ts';
import { absoluteId } from '../app/id.ts';
import { plainJson, readJson } from '../app/json.ts';
import { MarathonRefusal } from '../app/refusal.ts';
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
import { endpoints, killAll, killOptions } from './api-tasks.ts';
import { isInGroup } from './group.ts';
import { labelSelector } from './label-selector.ts';
import type { Marathon } from './marathon.ts';
import { noSuchApp, noSuchGroup, noSuchTask, noSuchVersion } from './refusals.ts';
import { APP_PARTS, type AppPart, appJson, type PlainJson, plainFields, SHOWN_PARTS, taskJson } from './show.ts';

/** The handlers, by method. */
export const APPS: readonly (readonly [string, Handler])[] = [
  ['GET apps', getApps],
  ['POST apps', postApps],
  ['PUT apps', (marathon, question) => putApp(marathon, question, true)],
  ['PATCH apps', (marathon, question) => putApp(marathon, question, false)],
  ['DELETE apps', deleteApp],
];

const IN_APP = ['restart', 'tasks', 'versions'];

function getApps(marathon: Marathon, question: Question): Answer {
  const { id, rest } = idAndRest(question.parts, IN_APP);
  const parts = embedded(question.query.get('embed'));
  if (id === '/') return { status: 200, body: { apps: listed(marathon, question) } };
  const group = /^\/(?:.*\/)?\*$/.test(id) ? absoluteId(id.slice(0, -1)) : undefined;
  if (rest[0] === 'tasks') return tasksOf(marathon, question, id, group);
  if (rest[0] === 'versions') return versions(marathon, id, rest[1]);
  const all = APP_PARTS.filter((part) => parts.includes(part) || SHOWN_PARTS.includes(part));
  if (group === undefined) return { status: 200, body: { app: marathon.show(id, all) } };
  return { status: 200, body: { '*': inGroup(marathon, group).map((app) => marathon.show(app, all)) } };
}

function listed(marathon: Marathon, question: Question): readonly unknown[] {
  const [cmd, id, label] = ['cmd', 'id', 'label'].map((name) => parameter(question, name));
  const selects = label === undefined ? () => true : labelSelector(label);
  const holds = (text: string | undefined, wanted: string | undefined) =>
    wanted === undefined || text?.toLowerCase().includes(wanted.toLowerCase()) === true;
  const apps = marathon.apps().filter((app) => holds(app.id, id) && holds(app.cmd, cmd) && selects(app.labels));
  const parts = embedded(question.query.get('embed'));
  const shown = APP_PARTS.filter((part) => part === 'counts' || part === 'deployments' || parts.includes(part));
  return apps.map((app) => marathon.show(app.id, shown));
}

/** What of apps these values of `embed` ask for, by any of its names. */
export function embedded(embeds: readonly string[] = []): readonly AppPart[] {
  const asked = new Set(embeds.map((embed) => embed.replace(/^(?:group\.apps|apps|app)\./, '')));
  if (asked.has('failures')) for (const part of ['tasks', 'lastTaskFailure']) asked.add(part);
  if (asked.has('tasks')) asked.add('deployments');
  return APP_PARTS.filter((part) => asked.has(part));
}

/** The ids of the apps in a group. */
function inGroup(marathon: Marathon, group: string): readonly string[] {
  const ids = marathon.apps().flatMap(({ id }) => (isInGroup(id, group) ? [id] : []));
  if (ids.length === 0 && group !== '/') throw noSuchGroup(group);
  return ids;
}

function tasksOf(marathon: Marathon, question: Question, id: string, group: string | undefined): Answer {
  if (asksForText(question)) return { status: 200, body: endpoints(marathon, [marathon.app(id)]), type: 'text/plain' };
  const ids = group === undefined ? [marathon.app(id).id] : inGroup(marathon, group);
  const tasks = ids.flatMap((app) => marathon.tasks(app));
  return { status: 200, body: { tasks: tasks.map((task) => taskJson(task, marathon.epoch)) } };
}

function versions(marathon: Marathon, id: string, version: string | undefined): Answer {
  const all = marathon.versions(marathon.app(id).id);
  if (version === undefined) return { status: 200, body: { versions: all.map((app) => app.version) } };
  const app = all.find((one) => one.version === version);
  if (app === undefined) throw noSuchVersion(id, version);
  return { status: 200, body: appJson(app) };
}

function postApps(marathon: Marathon, question: Question): Answer {
  const { parts, force, body } = question;
  const { id, rest } = idAndRest(parts, IN_APP);
  if (rest[0] === 'restart') {
    marathon.restart(marathon.app(id).id, { force });
    return changed(marathon);
  }
  if (id !== '/') return NOT_ALLOWED;
  const prepared = marathon.prepare(body);
  const { id: added, version } = marathon.add(body);
  tellPosted(marathon, question, added);
  const { id: deployment = '' } = marathon.latestChange ?? {};
  return { status: 201, body: created({ ...prepared, version }, deployment), deployment };
}

/** The app as it was asked for: what has been assigned since is not told yet. */
function created(app: App, deployment: string): PlainJson {
  const { versionInfo: _later, ...definition } = appJson(app);
  const counts = { tasksStaged: 0, tasksRunning: 0, tasksHealthy: 0, tasksUnhealthy: 0 };
  return plainFields({ ...definition, ...counts, tasks: [], deployments: [{ id: deployment }] });
}

function putApp(marathon: Marathon, question: Question, mayCreate: boolean): Answer {
  const { force, body } = question;
  const partialUpdate = !mayCreate || parameter(question, 'partialUpdate') !== 'false';
  const { id, rest } = idAndRest(question.parts, IN_APP);
  if (rest.length > 0) return NOT_ALLOWED;
  const json = readJson(body);
  if (id === '/') return putApps(marathon, plainJson(json), { force, partialUpdate }, mayCreate);
  const existed = marathon.apps().some((app) => app.id === id);
  if (!existed && !mayCreate) throw noSuchApp(id);
  const version = json instanceof Map ? json.get('version') : undefined;
  const bare = json instanceof Map && [...json.keys()].every((key) => key === 'version' || key === 'id');
  if (typeof version === 'string' && bare && existed) marathon.rollback(id, version, { force });
  else marathon.update(id, plainJson(json), { force, partialUpdate });
  tellPosted(marathon, question, id);
  return changed(marathon, existed ? 200 : 201);
}

function tellPosted(marathon: Marathon, { client: clientIp, uri }: Question, id: string): void {
  marathon.events.emit('posted', { kind: 'api_post_event', clientIp, uri, app: marathon.app(id) });
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
  if (rest[0] === 'versions' || id === '/') return NOT_ALLOWED;
  const { id: there } = marathon.app([id, ...rest].join('/'));
  // Unlike other changes a deletion is forced unless told otherwise.
  marathon.remove(there, { force: parameter(question, 'force') !== 'false' });
  return changed(marathon);
}

function deleteTasks(marathon: Marathon, question: Question, id: string, taskId: string | undefined): Answer {
  const options = killOptions(question);
  const host = parameter(question, 'host') ?? '*';
  const all = marathon.tasks(id);
  const tasks = all.filter((task) => (taskId === undefined ? host === '*' || task.host === host : task.id === taskId));
  if (taskId !== undefined && tasks.length === 0 && !options.scale) throw noSuchTask(taskId);
  killAll(marathon, tasks, options);
  if (options.scale) return changed(marathon);
  const shown = tasks.map((task) => taskJson(task, marathon.epoch));
  return { status: 200, body: taskId === undefined ? { tasks: shown } : { task: shown[0] } };
}
