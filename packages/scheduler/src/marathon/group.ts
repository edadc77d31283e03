/**
 * A group definition taken apart: the apps in it with their absolute ids, each with what its groups depend on.
 * Follows mesosphere/marathon v1.8 raml/GroupConversion.scala. A group that lists `apps` or `groups` has those and no others.
 */
import { canonicalPath, parentOf, pathParts } from '../app/id.ts';
import { type Json, plainJson, readJson } from '../app/json.ts';
import { MarathonRefusal } from '../app/refusal.ts';

/** What a group's definition asks for: other apps, more or fewer instances of those it has, or what it was before. */
export type GroupChange =
  | GroupUpdate
  | { readonly kind: 'scale'; readonly id: string; readonly factor: number }
  | { readonly kind: 'version'; readonly id: string; readonly version: string };

/** A definition that names apps. */
export interface GroupUpdate {
  readonly kind: 'update';
  readonly apps: readonly { readonly id: string; readonly definition: unknown }[];
  /** Whether an app, by its id, has to go if it is not listed. */
  readonly replaces: (id: string) => boolean;
}

const FIELDS = ['id', 'apps', 'groups', 'dependencies', 'pods', 'version', 'scaleBy', 'enforceRole'];

/**
 * Reads a group's definition, a JSON text or a parsed JSON value; its ids are relative to `base`.
 * @throws MarathonRefusal `invalid-json`, `invalid-app`
 */
export function readGroup(posted: unknown, base = '/'): GroupChange {
  const json = readJson(posted);
  const group = json instanceof Map ? json : new Map<string, Json>();
  const id = canonicalPath(base, '/');
  const lone = (field: string) => {
    const others = [...group].some(([key, value]) => key !== field && value !== null);
    if (others) throw refuse(`/${field}`, 'not allowed in conjunction with other properties', 'invalid-app');
  };
  const version = group.get('version') ?? null;
  if (version !== null) {
    lone('version');
    return { kind: 'version', id, version: textOf(version, '', '/version') };
  }
  const factor = group.get('scaleBy') ?? null;
  if (factor === null) return readUpdate(json, id);
  lone('scaleBy');
  if (typeof factor !== 'number') throw refuse('/scaleBy', 'error.expected.jsnumber');
  if (factor < 0) throw refuse('/scaleBy', 'error.min');
  return { kind: 'scale', id, factor };
}

function readUpdate(posted: Json, root: string): GroupUpdate {
  const apps: { id: string; definition: unknown }[] = [];
  const ownApps = new Set<string>();
  const ownGroups = new Set<string>();
  visit(posted, root, [], '');
  const replaces = (id: string): boolean => {
    const parent = parentOf(id);
    return ownApps.has(parent) || isUnderAny(parent, ownGroups);
  };
  return { kind: 'update', apps, replaces };

  function visit(json: Json, base: string, inherited: readonly string[], path: string): void {
    if (!(json instanceof Map)) throw refuse(path, 'error.expected.jsobject');
    const group = json as ReadonlyMap<string, Json>;
    for (const field of group.keys())
      if (!FIELDS.includes(field)) throw refuse(`${path}/${field.slice(0, 80)}`, 'is not a field Marathon knows');
    const id = canonicalPath(textOf(group.get('id'), base, `${path}/id`), base);
    const dependencies = [
      ...inherited,
      ...listOf(group, 'dependencies', path).map((one, i) => canonicalPath(textOf(one, '', `${path}/dependencies(${i})`), id)),
    ];
    if (group.has('apps')) ownApps.add(id);
    if (group.has('groups')) ownGroups.add(id);
    listOf(group, 'apps', path).forEach((app, i) => {
      if (!(app instanceof Map)) throw refuse(`${path}/apps(${i})`, 'error.expected.jsobject');
      const appId = canonicalPath(textOf(app.get('id'), '', `${path}/apps(${i})/id`), id);
      if (parentOf(appId) !== id)
        throw refuse(`${path}/apps(${i})/id`, `App has to be child of group with parent id ${id}`, 'invalid-app');
      const own = listOf(app, 'dependencies', `${path}/apps(${i})`).map(String);
      const all = [...own, ...dependencies];
      const definition = { ...(plainJson(app) as object), id: appId, ...(all.length === 0 ? {} : { dependencies: all }) };
      apps.push({ id: appId, definition });
    });
    listOf(group, 'groups', path).forEach((child, i) => {
      visit(child, id, dependencies, `${path}/groups(${i})`);
    });
  }
}

/** Whether an app's id is somewhere under a group's. */
export function isInGroup(appId: string, group: string): boolean {
  return isUnderAny(appId, new Set([group]));
}

function isUnderAny(id: string, groups: ReadonlySet<string>): boolean {
  const parts = pathParts(id);
  return parts.some((_, i) => groups.has(`/${parts.slice(0, i).join('/')}`));
}

function textOf(json: Json | undefined, otherwise: string, path: string): string {
  if (json === undefined || json === null) return otherwise;
  if (typeof json !== 'string') throw refuse(path, 'error.expected.jsstring');
  return json;
}

function listOf(map: ReadonlyMap<string, Json>, field: string, path: string): readonly Json[] {
  const json = map.get(field) ?? [];
  if (!Array.isArray(json)) throw refuse(`${path}/${field}`, 'error.expected.jsarray');
  return json;
}

function refuse(path: string, message: string, code: 'invalid-json' | 'invalid-app' = 'invalid-json'): MarathonRefusal {
  return new MarathonRefusal(code, 422, [{ path: path === '' ? '/' : path, message }]);
}
