/**
 * The groups there are: each is kept until it is deleted, whether or not anything is in it, with what it depends on.
 * Follows mesosphere/marathon v1.8 state/{Group,RootGroup}.scala.
 */
import { ancestorsOf, parentOf } from '../app/id.ts';
import { MarathonRefusal } from '../app/refusal.ts';
import { RootVersions } from './root-versions.ts';
import { formatTimestamp } from './timestamps.ts';

/** A group, beside the apps and groups in it. */
export interface GroupEntry {
  /** Absolute ids of groups and apps that all in it depend on. */
  readonly dependencies: readonly string[];
  /** Of the last change of anything in it. */
  readonly version: string;
}

/** A change of groups: those that shall be there, with what they depend on if that is said, and those that shall not. */
export interface GroupsChange {
  readonly wanted: ReadonlyMap<string, readonly string[] | undefined>;
  readonly gone: readonly string[];
}

type Kind = 'Applications' | 'Pods';

const ROOT: GroupEntry = { dependencies: [], version: formatTimestamp(0) };

/** Keeps the groups, and what they were at earlier versions. */
export class GroupTree {
  private readonly groups = new Map<string, GroupEntry>([['/', ROOT]]);
  private readonly history = new RootVersions<GroupEntry>();

  /** All groups by id, the root among them. */
  get all(): ReadonlyMap<string, GroupEntry> {
    return this.groups;
  }

  /** The versions of the root group, the oldest first. */
  get versions(): readonly string[] {
    return this.history.list();
  }

  /** The groups at a version; undefined if there is none such. */
  at(version: string): ReadonlyMap<string, GroupEntry> | undefined {
    const then = this.versions.includes(version) ? this.history.at(version) : undefined;
    return then === undefined ? undefined : new Map([['/', ROOT], ...then]);
  }

  /** Something in a group has changed: it and all above are there, in a new version. */
  touch(id: string, version: string): void {
    for (const group of [id, ...ancestorsOf(id)]) this.set(group, { ...(this.groups.get(group) ?? ROOT), version });
  }

  /** Makes a change. */
  apply({ wanted, gone }: GroupsChange, version: string): void {
    for (const id of gone) {
      if (id === '/') this.set('/', { ...ROOT, version });
      else {
        this.groups.delete(id);
        this.history.record(version, id, undefined);
        this.touch(parentOf(id), version);
      }
    }
    for (const [id, dependencies] of wanted) {
      this.touch(id, version);
      if (dependencies !== undefined) this.set(id, { dependencies, version });
    }
  }

  /** What groups depend on once a change is made, by group. */
  dependenciesAfter({ wanted, gone }: GroupsChange): ReadonlyMap<string, readonly string[]> {
    const after = new Map<string, readonly string[]>();
    for (const [id, { dependencies }] of this.groups) if (!gone.includes(id)) after.set(id, dependencies);
    for (const [id, dependencies] of wanted) if (dependencies !== undefined) after.set(id, dependencies);
    return after;
  }

  /**
   * Refuses an app or a pod of a group's name, or in a group that has another's.
   * @throws MarathonRefusal `invalid-app`
   */
  refuseClash(id: string, kind: Kind, taken: (id: string) => Kind | undefined): void {
    if (this.groups.has(id)) throw clash(kind);
    this.refuseGroup(parentOf(id), taken);
  }

  /**
   * Refuses a group that has the name of an app or a pod, or is in such a one.
   * @throws MarathonRefusal `invalid-app`
   */
  refuseGroup(id: string, taken: (id: string) => Kind | undefined): void {
    for (const group of [id, ...ancestorsOf(id)]) {
      const kind = taken(group);
      if (kind !== undefined) throw clash(kind);
    }
  }

  private set(id: string, entry: GroupEntry): void {
    this.groups.set(id, entry);
    this.history.record(entry.version, id, entry);
  }
}

function clash(kind: Kind): MarathonRefusal {
  const message = `Groups and ${kind} may not have the same identifier.`;
  return new MarathonRefusal('invalid-app', 422, [{ path: '/', message }]);
}
