/** `/v2/groups` of Marathon's HTTP API. Follows mesosphere/marathon v1.8 api/v2/GroupsResource.scala and core/appinfo. */
import type { App } from '../app/app.ts';
import { absoluteId, comparePaths, parentOf } from '../app/id.ts';
import { plainJson, readJson } from '../app/json.ts';
import { MarathonRefusal } from '../app/refusal.ts';
import { isPod, type PodApp } from '../pod/pod.ts';
import { embedded } from './api-apps.ts';
import { type Answer, changed, type Handler, idAndRest, parameter, type Question } from './api-question.ts';
import { isInGroup } from './group.ts';
import type { GroupEntry } from './group-tree.ts';
import type { Marathon } from './marathon.ts';
import { statusOf } from './pods-api.ts';
import { noSuchGroup } from './refusals.ts';
import { appJson, type PlainJson, plainFields, stepJson } from './show.ts';

/** The handlers, by method. */
export const GROUPS: readonly (readonly [string, Handler])[] = [
  ['GET groups', getGroup],
  ['POST groups', postGroup],
  ['PUT groups', putGroup],
  ['DELETE groups', deleteGroup],
];

function getGroup(marathon: Marathon, question: Question): Answer {
  const { groups } = marathon;
  const { id, rest } = idAndRest(['', ...question.parts], ['versions', 'apps']);
  const [aspect, version] = rest;
  const shown = shownParts(question);
  if (aspect === 'apps') {
    const apps = marathon.apps().filter((app) => isInGroup(app.id, id));
    return { status: 200, body: apps.map((app) => marathon.show(app.id, shown.ofApps)) };
  }
  const then = aspect === 'versions' && version !== undefined ? groups.at(version) : undefined;
  if (version !== undefined && then === undefined) throw noSuchGroup(id);
  const all = then?.groups ?? groups.all;
  if (!all.has(id)) throw noSuchGroup(id);
  if (aspect === 'versions' && then === undefined) return { status: 200, body: [...groups.versions(id)].reverse() };
  const now = new Map<string, App>([...marathon.apps(), ...marathon.pods()].map((app) => [app.id, app]));
  const tree = [...(then?.tree ?? now).values()].sort((a, b) => comparePaths(a.id, b.id));
  const appOf = (app: App): PlainJson => (then === undefined ? marathon.show(app.id, shown.ofApps) : plainFields(appJson(app)));
  return { status: 200, body: groupJson(id, { all, tree, shown, appOf, podOf: (pod) => statusOf(marathon, pod) }) };
}

/** What of a group is shown: apps, groups and pods unless some are asked for; what of apps has to be asked for. */
function shownParts(question: Question) {
  const asked = question.query.get('embed') ?? [];
  const shows = (part: string): boolean => asked.length === 0 || asked.includes(`group.${part}`);
  const ofApps = embedded(asked.filter((embed) => embed.startsWith('group.apps.')));
  return { apps: shows('apps'), groups: shows('groups'), pods: shows('pods'), ofApps };
}

interface Shown {
  readonly all: ReadonlyMap<string, GroupEntry>;
  /** Apps and pods, sorted. */
  readonly tree: readonly App[];
  readonly shown: ReturnType<typeof shownParts>;
  readonly appOf: (app: App) => PlainJson;
  readonly podOf: (pod: PodApp) => PlainJson;
}

function groupJson(id: string, from: Shown): PlainJson {
  const { all, tree, shown, appOf, podOf } = from;
  const { dependencies = [], version = '' } = all.get(id) ?? {};
  const own = tree.filter((app) => parentOf(app.id) === id);
  const below = [...all.keys()].filter((group) => group !== '/' && parentOf(group) === id).sort(comparePaths);
  return {
    id,
    dependencies,
    version,
    ...(shown.apps ? { apps: own.filter((app) => !isPod(app)).map(appOf) } : {}),
    ...(shown.groups ? { groups: below.map((group) => groupJson(group, from)) } : {}),
    ...(shown.pods ? { pods: own.filter(isPod).map(podOf) } : {}),
  };
}

function postGroup(marathon: Marathon, question: Question): Answer {
  const base = absoluteId(question.parts.join('/'));
  const body = plainJson(readJson(question.body));
  const named = typeof body === 'object' && body !== null && 'id' in body ? String(body.id) : '';
  const id = named.startsWith('/') ? absoluteId(named) : absoluteId(`${base}/${named}`);
  if (marathon.groups.all.has(id)) {
    throw conflict(`Group ${id} is already created. Use PUT to change this group.`);
  }
  if (marathon.apps().some((app) => app.id === id)) throw conflict(`An app with the path ${id} already exists.`);
  marathon.updateGroup(body, { force: question.force, id: base });
  return changed(marathon, 201);
}

function putGroup(marathon: Marathon, question: Question): Answer {
  const { parts, body, force } = question;
  const id = absoluteId(parts.join('/'));
  if (parameter(question, 'dryRun') === 'true') {
    const steps = marathon.groups.plan(body, { id });
    return { status: 200, body: { steps: steps.map(stepJson) } };
  }
  marathon.updateGroup(body, { force, id });
  return changed(marathon);
}

function deleteGroup(marathon: Marathon, { parts, force }: Question): Answer {
  marathon.groups.remove(parts.join('/'), { force });
  return changed(marathon);
}

function conflict(message: string): MarathonRefusal {
  return new MarathonRefusal('app-exists', 409, [{ path: '', message }]);
}
