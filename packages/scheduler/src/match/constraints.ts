/**
 * Whether an offer obeys an app's constraints, given where its instances are: counts per value, not a scan of instances.
 * Follows mesosphere/marathon v1.8 and v1.11 mesos/Constraints.scala; the two differ in GROUP_BY. Without a value 1.11 divides by
 * zero and places nothing.
 */
import type { Constraint } from '../app/constraint.ts';
import { DEFAULT_MARATHON_VERSION, type MarathonVersion } from '../app/marathon-version.ts';
import { compilePattern } from '../app/pattern.ts';
import { attributeText, formatScalar } from './attribute-text.ts';
import { GroupCounts } from './group-counts.ts';

/** What constraints look at. */
export interface Place {
  readonly hostname: string;
  readonly attributes: readonly (readonly [string, string])[];
  /** The fault domain; absent if the agent has none. */
  readonly region?: string;
  readonly zone?: string;
}

/** An app's constraints and how many of its instances each value has. */
export class ConstraintIndex {
  private readonly counts: readonly GroupCounts[];

  constructor(
    private readonly constraints: readonly Constraint[],
    private readonly version: MarathonVersion = DEFAULT_MARATHON_VERSION,
  ) {
    this.counts = constraints.map(() => new GroupCounts());
  }

  /** Whether another instance may run there; `instances` is the number wanted of the app. */
  admits(place: Place, instances = 1): boolean {
    return this.firstBroken(place, instances) === undefined;
  }

  /** The first constraint that forbids another instance there. */
  firstBroken(place: Place, instances = 1): Constraint | undefined {
    for (let i = 0; i < this.constraints.length; i++) {
      const constraint = this.constraints[i];
      const counts = this.counts[i];
      if (constraint === undefined || counts === undefined) continue;
      const value = fieldValue(constraint.field, place);
      const fine =
        value === undefined
          ? constraint.operator === 'UNLIKE'
          : admits(constraint, value, counts, this.version === '1.8' ? undefined : instances);
      if (!fine) return constraint;
    }
    return undefined;
  }

  /** How many instances have the same value of a constraint's field as this place. */
  countAt(constraint: Constraint, place: Place): number {
    return this.counts[this.constraints.indexOf(constraint)]?.of(fieldValue(constraint.field, place)) ?? 0;
  }

  /** Counts an instance in. */
  add(place: Place): void {
    this.change(place, 1);
  }

  /** Counts an instance out. */
  remove(place: Place): void {
    this.change(place, -1);
  }

  private change(place: Place, by: 1 | -1): void {
    for (let i = 0; i < this.constraints.length; i++) {
      const constraint = this.constraints[i];
      if (constraint !== undefined) this.counts[i]?.change(fieldValue(constraint.field, place), by);
    }
  }
}

/** `quota`: instances wanted, under the rule of 1.11; undefined under that of 1.8. */
function admits({ operator, value = '' }: Constraint, offered: string, placed: GroupCounts, quota: number | undefined): boolean {
  switch (operator) {
    case 'UNIQUE':
      return placed.of(offered) === 0;
    case 'CLUSTER':
      return value === '' ? placed.groups === 0 || placed.first === offered : offered === value;
    case 'MAX_PER':
      return placed.of(offered) < Number(value);
    case 'IS':
      return offered === (/^\d{1,15}(?:\.\d{1,15})?$/.test(value) ? formatScalar(Number(value)) : value);
    case 'LIKE':
      return value !== '' && likes(value, offered);
    case 'UNLIKE':
      return value !== '' && !likes(value, offered);
    case 'GROUP_BY':
      return quota === undefined
        ? evenlyGrouped(groupsOf(value), offered, placed)
        : withinQuota(groupsOf(value), quota, offered, placed);
  }
}

/** 1.8: any new value, or the smallest group once there are enough groups. */
function evenlyGrouped(minimum: number, offered: string, placed: GroupCounts): boolean {
  const count = placed.of(offered);
  return count === 0 || (placed.groups >= minimum && count === placed.smallest);
}

/** 1.11: each of so many groups gets its share of the instances, and some of them one more. */
function withinQuota(groups: number, wanted: number, offered: string, placed: GroupCounts): boolean {
  if (groups === 0) return false;
  // Before anything is placed there is no instance whose app could be asked: it counts as one.
  const instances = placed.groups === 0 ? 1 : wanted;
  const share = Math.floor(instances / groups);
  const count = placed.of(offered);
  if (count === 0) return placed.groups < groups;
  return count < share || (count === share && (instances % groups) - placed.surplus(share) > 0);
}

function groupsOf(value: string): number {
  const number = Number(value);
  return Number.isInteger(number) ? Math.max(0, number) : 0;
}

function likes(value: string, offered: string): boolean {
  const pattern = compilePattern(value);
  return 'matches' in pattern && pattern.matches(offered);
}

/** A field's value as constraints compare it; undefined where the agent lacks it. */
export function fieldValue(field: string, place: Place): string | undefined {
  switch (field) {
    case 'hostname':
    case '@hostname':
      return place.hostname;
    case '@region':
      return place.region;
    case '@zone':
      return place.zone;
    default: {
      const text = place.attributes.find(([name]) => name === field)?.[1];
      return text === undefined ? undefined : attributeText(text);
    }
  }
}
