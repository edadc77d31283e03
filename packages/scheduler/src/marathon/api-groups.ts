/**
 * `/v2/groups` of Marathon's HTTP API. Follows mesosphere/marathon v1.8 api/v2/GroupsResource.scala. A group is known by its apps: an
 * empty one is not kept, and what groups depend on is shown with their apps.
 */
import { absoluteId, ancestorsOf, parentOf } from '../app/id.ts';
import { plainJson, readJson } from '../app/json.ts';
import { MarathonRefusal } from '../app/refusal.ts';
import { type Answer, changed, type Handler, idAndRest, parameter, type Question } from './api-question.ts';
import { isInGroup } from './group.ts';
import type { Marathon } from './marathon.ts';
import { noSuchGroup } from './refusals.ts';
import { type PlainJson, stepJson } from './show.ts';

/** The handlers, by method. */
export const GROUPS: readonly (readonly [string, Handler])[] = [
  ['GET groups', getGroup],
  ['POST groups', postGroup],
  ['PUT groups', putGroup],
  ['DELETE groups', deleteGroup],
];

function getGroup(marathon: Marathon, { parts }: Question): Answer {
  const { id, rest } = idAndRest(['', ...parts], ['versions', 'apps']);
  if (rest[0] === 'versions') return { status: 200, body: [...marathon.groups.versions()].reverse() };
  if (rest[0] === 'apps') {
    const apps = marathon.apps().filter((app) => isInGroup(app.id, id));
    return { status: 200, body: { apps: apps.map((app) => marathon.show(app.id, ['counts', 'deployments'])) } };
  }
  if (id !== '/' && !marathon.apps().some((app) => isInGroup(app.id, id))) throw noSuchGroup(id);
  return { status: 200, body: groupJson(marathon, id) };
}

function groupJson(marathon: Marathon, id: string): PlainJson {
  const apps = marathon.apps();
  const groups = new Set<string>();
  for (const app of apps) {
    for (const group of ancestorsOf(app.id)) if (group !== '/' && parentOf(group) === id) groups.add(group);
  }
  return {
    id,
    dependencies: [],
    version: marathon.groups.versions().at(-1) ?? '1970-01-01T00:00:00.000Z',
    apps: apps.filter((app) => parentOf(app.id) === id).map((app) => marathon.show(app.id, [])),
    groups: [...groups].sort().map((group) => groupJson(marathon, group)),
    pods: [],
  };
}

function postGroup(marathon: Marathon, question: Question): Answer {
  const base = absoluteId(question.parts.join('/'));
  const body = plainJson(readJson(question.body));
  const named = typeof body === 'object' && body !== null && 'id' in body ? String(body.id) : '';
  const id = named.startsWith('/') ? absoluteId(named) : absoluteId(`${base}/${named}`);
  if (id !== '/' && marathon.apps().some((app) => isInGroup(app.id, id))) {
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
