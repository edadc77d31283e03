/**
 * Changes of whole groups: made, tried dry, scaled, brought back to a version, deleted.
 * Follows mesosphere/marathon v1.8 api/v2/GroupsResource.scala and core/group/impl/GroupManagerImpl.scala.
 */
import { absoluteId, parentOf } from '../app/id.ts';
import type { DefinitionOptions } from '../app/prepare.ts';
import type { AppStore } from './app-store.ts';
import type { DeploymentPlan, Deployments } from './deployments.ts';
import { isInGroup, readGroup } from './group.ts';
import { type GroupOutcome, groupOutcome } from './group-change.ts';
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
  update(definition: unknown, { id, force = false }: ChangeOptions & { readonly id?: string } = {}): string {
    const { wanted, gone } = this.outcome(definition, id);
    return this.apply(wanted, gone, { group: parentOf(absoluteId(id ?? '/')), force });
  }

  /**
   * PUT /v2/groups/<id>?dryRun=true: the steps that {@link update} would take.
   * @throws MarathonRefusal as {@link update}
   */
  plan(definition: unknown, { id }: { readonly id?: string } = {}): DeploymentPlan['steps'] {
    const { wanted, gone } = this.outcome(definition, id);
    const tree = this.options.store.tree();
    const after = new Map([...tree].filter(([appId]) => !gone.includes(appId)));
    for (const [appId, app] of wanted) after.set(appId, app);
    return deploymentSteps(tree, after);
  }

  /**
   * DELETE /v2/groups/<id>: ends all apps in a group; the deployment's id.
   * @throws MarathonRefusal `group-missing`, `app-locked`, `too-many-deployments`
   */
  remove(id: string, { force = false }: ChangeOptions = {}): string {
    const group = absoluteId(id);
    const gone = [...this.options.store.tree().keys()].filter((appId) => isInGroup(appId, group));
    if (gone.length > 0 || group === '/') return this.apply(new Map(), gone, { group: parentOf(group), force });
    throw noSuchGroup(group);
  }

  /** The versions of the root group, the oldest first. */
  versions(): readonly string[] {
    return this.options.store.rootVersionList();
  }

  private apply(wanted: GroupOutcome['wanted'], gone: readonly string[], how: { group: string; force: boolean }): string {
    const { store, deploying } = this.options;
    deploying.refuseIfTooMany();
    store.applyTree(wanted, gone, how);
    return store.latestChange?.id ?? '';
  }

  private outcome(definition: unknown, id = '/'): GroupOutcome {
    const { store, definitionOptions } = this.options;
    const trees = { tree: store.tree(), treeAt: (version: string) => store.treeAt(version) };
    return groupOutcome(readGroup(definition, id), trees, definitionOptions);
  }
}
