/**
 * A group definition taken apart: the apps and groups in it with their absolute ids.
 * Follows mesosphere/marathon v1.8 raml/GroupConversion.scala. A group that lists `apps` or `groups` has those and no others.
 */
import { ancestorsOf, canonicalPath, isPathPattern, parentOf, pathParts } from '../app/id.ts';
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
  /** The groups it names, and what each says of itself. */
  readonly groups: ReadonlyMap<string, NamedGroup>;
}

/** What a definition says of a group. */
export interface NamedGroup {
  /** Absolute ids; undefined: as before. */
  readonly dependencies: readonly string[] | undefined;
  /** Whether it lists apps, and groups: then it has those and no others. */
  readonly listsApps: boolean;
  readonly listsGroups: boolean;
}

/** Whether a group is still there after an update. */
export function keepsGroup(id: string, { groups }: GroupUpdate): boolean {
  if (groups.has(id)) return true;
  const nearest = ancestorsOf(id).find((group) => groups.has(group));
  return nearest === undefined || groups.get(nearest)?.listsGroups !== true;
}

/** Whether an app that an update does not list is still there after it; of a pod only its group decides. */
export function keepsApp(id: string, update: GroupUpdate, isPod: boolean): boolean {
  const named = update.groups.get(parentOf(id));
  return named === undefined ? keepsGroup(parentOf(id), update) : isPod || !named.listsApps;
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
  const groups = new Map<string, NamedGroup>();
  visit(posted, root, '');
  return { kind: 'update', apps, groups };

  function visit(json: Json, base: string, path: string): void {
    if (!(json instanceof Map)) throw refuse(path, 'error.expected.jsobject');
    const group = json as ReadonlyMap<string, Json>;
    for (const field of group.keys())
      if (!FIELDS.includes(field)) throw refuse(`${path}/${field.slice(0, 80)}`, 'is not a field Marathon knows');
    const named = textOf(group.get('id'), '', `${path}/id`);
    if (named === '' && path !== '')
      throw new MarathonRefusal('invalid-json', 500, [{ path: '', message: 'No group id was given!' }]);
    if (named !== '' && !isPathPattern(named)) throw refuse(`${path}/id`, 'error.pattern');
    const id = canonicalPath(named === '' ? base : named, base);
    if (path !== '' && parentOf(id) !== base) {
      throw refuse(path, 'Group has to be child of groups with parent id', 'invalid-app');
    }
    const said = listOf(group, 'dependencies', path).map((one, i) =>
      canonicalPath(textOf(one, '', `${path}/dependencies(${i})`), id),
    );
    groups.set(id, {
      dependencies: isThere(group, 'dependencies') ? said : undefined,
      listsApps: isThere(group, 'apps'),
      listsGroups: isThere(group, 'groups'),
    });
    listOf(group, 'apps', path).forEach((app, i) => {
      if (!(app instanceof Map)) throw refuse(`${path}/apps(${i})`, 'error.expected.jsobject');
      const own = textOf(app.get('id'), '', `${path}/apps(${i})/id`);
      if (own === '') throw refuse(`${path}/apps(${i})/id`, 'error.path.missing');
      const appId = canonicalPath(own, id);
      if (parentOf(appId) !== id) throw refuse(`${path}/apps(${i})/id`, `Identifier is not child of '${id}'`, 'invalid-app');
      apps.push({ id: appId, definition: { ...(plainJson(app) as object), id: appId } });
    });
    listOf(group, 'groups', path).forEach((child, i) => {
      visit(child, id, `${path}/groups(${i})`);
    });
  }
}

function isThere(map: ReadonlyMap<string, Json>, field: string): boolean {
  return (map.get(field) ?? null) !== null;
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
