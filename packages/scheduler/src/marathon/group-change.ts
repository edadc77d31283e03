/**
 * What a change of a group makes of the apps there are: which shall be what, and which shall go.
 * Follows mesosphere/marathon v1.8 api/GroupApiService.scala.
 */
import type { App } from '../app/app.ts';
import { type DefinitionOptions, prepareApp } from '../app/prepare.ts';
import { MarathonRefusal, refuseIfAny } from '../app/refusal.ts';
import { instanceCount } from '../app/validate.ts';
import { isPod } from '../pod/pod.ts';
import { type GroupChange, isInGroup } from './group.ts';

/** The apps there are, and what they were. */
export interface AppTrees {
  readonly tree: ReadonlyMap<string, App>;
  readonly treeAt: (version: string) => ReadonlyMap<string, App> | undefined;
}

/** The outcome. */
export interface GroupOutcome {
  readonly wanted: ReadonlyMap<string, App>;
  /** Ids of the apps that end. */
  readonly gone: readonly string[];
}

/**
 * Works a change out.
 * @throws MarathonRefusal of any of its apps, `version-missing`, `not-modelled`
 */
export function groupOutcome(change: GroupChange, { tree, treeAt }: AppTrees, options: DefinitionOptions): GroupOutcome {
  switch (change.kind) {
    case 'update': {
      const wanted = new Map(change.apps.map(({ id, definition }) => [id, prepareApp(definition, options, id)]));
      // Pods are no part of what a group's apps replace.
      const gone = [...tree].filter(([id, app]) => !isPod(app) && change.replaces(id) && !wanted.has(id));
      return { wanted, gone: gone.map(([id]) => id) };
    }
    case 'scale': {
      const own = [...tree].filter(([id]) => isInGroup(id, change.id));
      const scaled = own.map(([id, app]) => [id, { ...app, instances: scaledInstances(app, change.factor) }] as const);
      return { wanted: new Map(scaled), gone: [] };
    }
    case 'version': {
      const then = treeAt(change.version);
      if (then === undefined) {
        const message = `Group ${change.id} not available in version ${change.version.slice(0, 40)}`;
        throw new MarathonRefusal('version-missing', 422, [{ path: '', message }]);
      }
      const wanted = new Map([...then].filter(([id]) => isInGroup(id, change.id)));
      return { wanted, gone: [...tree.keys()].filter((id) => isInGroup(id, change.id) && !wanted.has(id)) };
    }
  }
}

function scaledInstances({ instances }: App, factor: number): number {
  const scaled = Math.ceil(instances * factor);
  refuseIfAny(instanceCount(scaled), 'invalid-app');
  return scaled;
}
