/**
 * The plan of a deployment: what must happen to which app, in steps by dependency.
 * Follows mesosphere/marathon v1.8 core/deployment/DeploymentPlan.scala.
 */
import type { App } from '../app/app.ts';
import { ancestorsOf, comparePaths, pathParts } from '../app/id.ts';
import { plainJson } from '../app/json.ts';
import { MarathonRefusal } from '../app/refusal.ts';
import { isPod } from '../pod/pod.ts';

/** What happens to one app. */
export interface PlannedAction {
  readonly action: 'StartApplication' | 'ScaleApplication' | 'RestartApplication' | 'StopApplication';
  readonly appId: string;
  /** Whether it is a pod. */
  readonly pod?: true;
}

/** An app's action. */
export function planned(action: PlannedAction['action'], app: App): PlannedAction {
  return { action, appId: app.id, ...(isPod(app) ? { pod: true } : {}) };
}

/** Apps by id. */
export type AppTree = ReadonlyMap<string, App>;

/** What groups depend on, by group. */
export type GroupDependencies = ReadonlyMap<string, readonly string[]>;

/** All that makes a difference to a running instance, as text. */
export function fingerprint(app: App): string {
  const { instances: _instances, version: _version, lastScalingAt: _scaling, lastConfigChangeAt: _change, fetch, ...rest } = app;
  return JSON.stringify({ ...rest, fetch: fetch.map(plainJson) });
}

/**
 * The steps from one tree of apps to another; the actions of a step run side by side.
 * @throws MarathonRefusal `invalid-app` for cyclic dependencies
 */
export function deploymentSteps(
  from: AppTree,
  to: AppTree,
  groups: GroupDependencies = new Map(),
): readonly (readonly PlannedAction[])[] {
  const stopped = [...from.values()].filter(({ id }) => !to.has(id));
  const started = [...to.values()].filter(({ id }) => !from.has(id));
  const first = [stopped.map((app) => planned('StopApplication', app)), started.map((app) => planned('StartApplication', app))];
  const byDepth = dependencyClasses(to, groups).map((ids) =>
    ids.flatMap((appId): readonly PlannedAction[] => {
      const app = to.get(appId) as App;
      const action = changeOf(from.get(appId), app);
      return action === undefined ? [] : [planned(action, app)];
    }),
  );
  return [...first, ...byDepth].filter((step) => step.length > 0);
}

/** What an app's change amounts to; undefined if there is none. */
export function changeOf(old: App | undefined, app: App): 'ScaleApplication' | 'RestartApplication' | undefined {
  if (old === undefined) return 'ScaleApplication';
  const configured = fingerprint(old) !== fingerprint(app) || old.lastConfigChangeAt !== app.lastConfigChangeAt;
  if (configured) return app.instances === 0 ? 'ScaleApplication' : 'RestartApplication';
  return old.instances === app.instances ? undefined : 'ScaleApplication';
}

/** The ids of the apps that a change touches. */
export function affectedApps(from: AppTree, to: AppTree): readonly string[] {
  const ids = new Set(deploymentSteps(from, to).flatMap((step) => step.map(({ appId }) => appId)));
  return [...ids].sort(comparePaths);
}

/**
 * Apps by the length of the longest chain of dependencies below them: those without any first.
 * @throws MarathonRefusal `invalid-app` for cyclic dependencies
 */
export function dependencyClasses(apps: AppTree, groups: GroupDependencies = new Map()): readonly (readonly string[])[] {
  const depths = new Map<string, number>();
  const ids = [...apps.keys()].sort(comparePaths);
  const below = new Map(ids.map((id) => [id, dependenciesOf(id, apps, ids, groups)]));
  for (const id of ids) depthOf(id, below, depths);
  const classes: string[][] = [];
  for (const id of ids) {
    const depth = depths.get(id) ?? 1;
    while (classes.length < depth) classes.push([]);
    classes[depth - 1]?.push(id);
  }
  return classes;
}

/** The apps an app depends on: a group stands for all apps in it, and what its groups depend on it depends on too. */
function dependenciesOf(id: string, apps: AppTree, ids: readonly string[], groups: GroupDependencies): readonly string[] {
  const own = apps.get(id)?.dependencies ?? [];
  const named = groups.size === 0 ? own : [...own, ...ancestorsOf(id).flatMap((group) => groups.get(group) ?? [])];
  if (named.length === 0) return [];
  return ids.filter((other) => other !== id && named.some((name) => other === name || isUnder(other, name)));
}

function isUnder(id: string, group: string): boolean {
  const [parts, above] = [pathParts(id), pathParts(group)];
  return above.length < parts.length && above.every((part, i) => parts[i] === part);
}

/** Depth-first with its own stack: chains may be as long as there are apps. */
function depthOf(root: string, below: ReadonlyMap<string, readonly string[]>, depths: Map<string, number>): void {
  const open = new Set<string>();
  const stack = [root];
  while (stack.length > 0) {
    const id = stack.at(-1) as string;
    if (depths.has(id)) {
      stack.pop();
      continue;
    }
    const children = below.get(id) ?? [];
    const unknown = children.filter((child) => !depths.has(child));
    if (unknown.length === 0) {
      depths.set(id, 1 + children.reduce((deepest, child) => Math.max(deepest, depths.get(child) ?? 0), 0));
      open.delete(id);
      stack.pop();
      continue;
    }
    open.add(id);
    if (unknown.some((child) => open.has(child))) {
      throw new MarathonRefusal('invalid-app', 422, [{ path: '', message: 'Dependency graph has cyclic dependencies.' }]);
    }
    stack.push(...unknown);
  }
}
