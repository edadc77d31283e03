/**
 * Changes of whole groups: made, tried dry, scaled, brought back to a version, deleted.
 * Follows mesosphere/marathon v1.8 api/v2/GroupsResource.scala and core/group/impl/GroupManagerImpl.scala.
 */
import type { App } from '../app/app.ts';
import { absoluteId, parentOf } from '../app/id.ts';
import type { DefinitionOptions } from '../app/prepare.ts';
import type { AppStore } from './app-store.ts';
import type { DeploymentPlan, Deployments } from './deployments.ts';
import { isInGroup, readGroup } from './group.ts';
import { type GroupOutcome, groupOutcome } from './group-change.ts';
import type { GroupEntry } from './group-tree.ts';
import type { ChangeOptions } from './options.ts';
import { deploymentSteps } from './plan.ts';
import { noSuchGroup } from './refusals.ts';

/** The groups of a Marathon. */
export class Groups {
  constructor(
    private readonly options: {
      readonly store: AppStore;
      readonly deploying: Deployments;
      readonly definitionOptions: DefinitionOptions;
    },
  ) {}

  /**
   * PUT /v2/groups/<id>: with `scaleBy` or `version` alone scales all the group's apps, or makes them again what they were.
   * @throws MarathonRefusal of any of its apps, `version-missing`, `app-locked`, `too-many-deployments`; nothing is changed then
   */
  update(definition: unknown, { id = '/', force = false }: ChangeOptions & { readonly id?: string } = {}): string {
    return this.apply(this.outcome(definition, id), { group: parentOf(absoluteId(id)), force });
  }

  /**
   * PUT /v2/groups/<id>?dryRun=true: the steps that {@link update} would take.
   * @throws MarathonRefusal as {@link update}
   */
  plan(definition: unknown, { id }: { readonly id?: string } = {}): DeploymentPlan['steps'] {
    const { wanted, gone, groups } = this.outcome(definition, id);
    const { store } = this.options;
    const tree = store.tree();
    const after = new Map([...tree].filter(([appId]) => !gone.includes(appId)));
    for (const [appId, app] of wanted) after.set(appId, app);
    return deploymentSteps(tree, after, store.groups.dependenciesAfter(groups));
  }

  /**
   * DELETE /v2/groups/<id>: ends all apps in a group; the deployment's id.
   * @throws MarathonRefusal `group-missing`, `app-locked`, `too-many-deployments`
   */
  remove(id: string, { force = false }: ChangeOptions = {}): string {
    const { store } = this.options;
    const group = absoluteId(id);
    if (!this.all.has(group)) throw noSuchGroup(group);
    const gone = [...store.tree().keys()].filter((appId) => isInGroup(appId, group));
    const groups = [...this.all.keys()].filter((one) => one === group || isInGroup(one, group));
    return this.apply(
      { wanted: new Map(), gone, groups: { wanted: new Map(), gone: groups } },
      { group: parentOf(group), force },
    );
  }

  /** All groups by id, the root among them; those without apps too. */
  get all(): ReadonlyMap<string, GroupEntry> {
    return this.options.store.groups.all;
  }

  /** The groups, and the apps and pods, at a version of the root group; undefined if nothing is known of it. */
  at(version: string): { readonly groups: ReadonlyMap<string, GroupEntry>; readonly tree: ReadonlyMap<string, App> } | undefined {
    const { store } = this.options;
    const groups = store.groups.at(version);
    return groups === undefined ? undefined : { groups, tree: store.treeAt(version) ?? new Map() };
  }

  /** The versions of the root group, or those of them that have a group, the oldest first. */
  versions(id = '/'): readonly string[] {
    const { versions } = this.options.store.groups;
    return id === '/' ? versions : versions.filter((version) => this.at(version)?.groups.has(id));
  }

  private apply({ wanted, gone, groups }: GroupOutcome, how: { readonly group: string; readonly force: boolean }): string {
    const { store, deploying } = this.options;
    deploying.refuseIfTooMany();
    store.applyTree(wanted, gone, { ...how, groups });
    return store.latestChange?.id ?? '';
  }

  private outcome(definition: unknown, id = '/'): GroupOutcome {
    const { store, definitionOptions } = this.options;
    const trees = {
      tree: store.tree(),
      treeAt: (version: string) => store.treeAt(version),
      groups: store.groups.all,
      groupsAt: (version: string) => store.groups.at(version),
    };
    return groupOutcome(readGroup(definition, id), trees, definitionOptions);
  }
}
