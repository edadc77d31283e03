/**
 * What all apps, or all groups, were at each version of the root group, for going back to one: the last fifty of them.
 * Follows mesosphere/marathon v1.8 core/storage/repository (GroupRepository.rootVersion); `--zk_max_versions` is 50.
 */
const MOST_VERSIONS = 50;

/** The versions of the root group, kept as what changed at each. */
export class RootVersions<T> {
  private readonly oldest = new Map<string, T>();
  private readonly changes: { readonly version: string; readonly changed: Map<string, T | undefined> }[] = [];

  /** What is called so is that from that version on; undefined if it is gone. */
  record(version: string, id: string, value: T | undefined): void {
    const last = this.changes.at(-1);
    if (last?.version === version) {
      last.changed.set(id, value);
      return;
    }
    this.changes.push({ version, changed: new Map([[id, value]]) });
    if (this.changes.length > MOST_VERSIONS) apply(this.oldest, this.changes.shift()?.changed ?? new Map());
  }

  /** The versions that are known, the oldest first. */
  list(): readonly string[] {
    return this.changes.map(({ version }) => version);
  }

  /** All at that moment; undefined if it is before anything that is known. */
  at(version: string): ReadonlyMap<string, T> | undefined {
    const [first] = this.changes;
    if (first === undefined || version < first.version) return undefined;
    const all = new Map(this.oldest);
    for (const change of this.changes) if (change.version <= version) apply(all, change.changed);
    return all;
  }
}

function apply<T>(all: Map<string, T>, changed: ReadonlyMap<string, T | undefined>): void {
  for (const [id, value] of changed) {
    if (value === undefined) all.delete(id);
    else all.set(id, value);
  }
}
