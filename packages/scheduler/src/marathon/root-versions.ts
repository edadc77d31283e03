/**
 * What all apps were at each version of the root group, for going back to one: the last fifty of them.
 * Follows mesosphere/marathon v1.8 core/storage/repository (GroupRepository.rootVersion); `--zk_max_versions` is 50.
 */
import type { App } from '../app/app.ts';

const MOST_VERSIONS = 50;

/** The versions of the root group, kept as what changed at each. */
export class RootVersions {
  private readonly oldest = new Map<string, App>();
  private readonly changes: { readonly version: string; readonly apps: Map<string, App | undefined> }[] = [];

  /** An app is so from that version on; undefined if it is gone. */
  record(version: string, id: string, app: App | undefined): void {
    const last = this.changes.at(-1);
    if (last?.version === version) {
      last.apps.set(id, app);
      return;
    }
    this.changes.push({ version, apps: new Map([[id, app]]) });
    if (this.changes.length > MOST_VERSIONS) apply(this.oldest, this.changes.shift()?.apps ?? new Map());
  }

  /** The versions that are known, the oldest first. */
  list(): readonly string[] {
    return this.changes.map(({ version }) => version);
  }

  /** The apps of that moment; undefined if it is before anything that is known. */
  at(version: string): ReadonlyMap<string, App> | undefined {
    const [first] = this.changes;
    if (first === undefined || version < first.version) return undefined;
    const apps = new Map(this.oldest);
    for (const change of this.changes) if (change.version <= version) apply(apps, change.apps);
    return apps;
  }
}

function apply(apps: Map<string, App>, changed: ReadonlyMap<string, App | undefined>): void {
  for (const [id, app] of changed) {
    if (app === undefined) apps.delete(id);
    else apps.set(id, app);
  }
}
