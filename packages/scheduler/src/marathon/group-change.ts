/**
 * What a change of a group makes of the apps there are: which shall be what, and which shall go.
 * Follows mesosphere/marathon v1.8 api/GroupApiService.scala.
 */
import type { App } from '../app/app.ts';
import { type DefinitionOptions, prepareApp } from '../app/prepare.ts';
import { MarathonRefusal, refuseIfAny } from '../app/refusal.ts';
import { instanceCount } from '../app/validate.ts';
import { isPod } from '../pod/pod.ts';
import { type GroupChange, isInGroup, keepsApp, keepsGroup } from './group.ts';
import type { GroupEntry, GroupsChange } from './group-tree.ts';

/** The apps and groups there are, and what they were. */
export interface AppTrees {
  readonly tree: ReadonlyMap<string, App>;
  readonly treeAt: (version: string) => ReadonlyMap<string, App> | undefined;
  readonly groups: ReadonlyMap<string, GroupEntry>;
  readonly groupsAt: (version: string) => ReadonlyMap<string, GroupEntry> | undefined;
}

/** No group comes, goes or depends on anything else. */
export const NO_CHANGE: GroupsChange = { wanted: new Map(), gone: [] };

/** The outcome. */
export interface GroupOutcome {
  readonly wanted: ReadonlyMap<string, App>;
  /** Ids of the apps that end. */
  readonly gone: readonly string[];
  readonly groups: GroupsChange;
}

/**
 * Works a change out.
 * @throws MarathonRefusal of any of its apps, `version-missing`, `not-modelled`
 */
export function groupOutcome(change: GroupChange, trees: AppTrees, options: DefinitionOptions): GroupOutcome {
  const { tree, treeAt, groups, groupsAt } = trees;
  switch (change.kind) {
    case 'update': {
      const wanted = new Map(change.apps.map(({ id, definition }) => [id, prepareApp(definition, options, id)]));
      const gone = [...tree].filter(([id, app]) => !wanted.has(id) && !keepsApp(id, change, isPod(app)));
      return {
        wanted,
        gone: gone.map(([id]) => id),
        groups: {
          wanted: new Map([...change.groups].map(([id, { dependencies }]) => [id, dependencies])),
          gone: [...groups.keys()].filter((id) => !keepsGroup(id, change)),
        },
      };
    }
    case 'scale': {
      const own = [...tree].filter(([id, app]) => !isPod(app) && isInGroup(id, change.id));
      const scaled = own.map(([id, app]) => [id, { ...app, instances: scaledInstances(app, change.factor) }] as const);
      return { wanted: new Map(scaled), gone: [], groups: NO_CHANGE };
    }
    case 'version': {
      const then = treeAt(change.version) ?? new Map<string, App>();
      const thenGroups = groupsAt(change.version);
      if (thenGroups?.has(change.id) !== true) {
        const message = `Group ${change.id} not available in version ${change.version.slice(0, 40)}`;
        throw new MarathonRefusal('version-missing', 422, [{ path: '', message }]);
      }
      const wanted = new Map([...then].filter(([id]) => isInGroup(id, change.id)));
      const within = (id: string) => id === change.id || isInGroup(id, change.id);
      const restored = [...thenGroups].filter(([id]) => within(id));
      return {
        wanted,
        gone: [...tree.keys()].filter((id) => isInGroup(id, change.id) && !wanted.has(id)),
        groups: {
          wanted: new Map(restored.map(([id, { dependencies }]) => [id, dependencies])),
          gone: [...groups.keys()].filter((id) => within(id) && !thenGroups.has(id)),
        },
      };
    }
  }
}

function scaledInstances({ instances }: App, factor: number): number {
  const scaled = Math.ceil(instances * factor);
  refuseIfAny(instanceCount(scaled), 'invalid-app');
  return scaled;
}
