/**
 * Whether an offer obeys an app's constraints, given where its instances are: counts per value, not a scan of instances.
 * Follows mesosphere/marathon v1.8 mesos/Constraints.scala for UNIQUE, CLUSTER, MAX_PER and IS.
 */
import type { Constraint } from '../app/constraint.ts';

/** What constraints look at. */
export interface Place {
  readonly hostname: string;
  readonly attributes: readonly (readonly [string, string])[];
}

/** An app's constraints and how many of its instances each value has. */
export class ConstraintIndex {
  private readonly counts: readonly Map<string, number>[];

  constructor(private readonly constraints: readonly Constraint[]) {
    this.counts = constraints.map(() => new Map());
  }

  /** Whether another instance may run there. */
  admits(place: Place): boolean {
    return this.constraints.every((constraint, i) => {
      const value = fieldValue(constraint.field, place);
      const counts = this.counts[i];
      return value !== undefined && counts !== undefined && admits(constraint, value, counts);
    });
  }

  /** Counts an instance in. */
  add(place: Place): void {
    this.change(place, 1);
  }

  /** Counts an instance out. */
  remove(place: Place): void {
    this.change(place, -1);
  }

  private change(place: Place, by: number): void {
    this.constraints.forEach((constraint, i) => {
      const value = fieldValue(constraint.field, place);
      const counts = this.counts[i];
      if (value === undefined || counts === undefined) return;
      const count = (counts.get(value) ?? 0) + by;
      if (count > 0) counts.set(value, count);
      else counts.delete(value);
    });
  }
}

function admits({ operator, value = '' }: Constraint, offered: string, placed: ReadonlyMap<string, number>): boolean {
  switch (operator) {
    case 'UNIQUE':
      return !placed.has(offered);
    case 'CLUSTER':
      return value === '' ? placed.size === 0 || placed.has(offered) : offered === value;
    case 'MAX_PER':
      return (placed.get(offered) ?? 0) < Number(value);
    case 'IS':
      return offered === (/^\d+(?:\.\d+)?$/.test(value) ? formatScalar(Number(value)) : value);
  }
}

function fieldValue(field: string, place: Place): string | undefined {
  if (field === 'hostname' || field === '@hostname') return place.hostname;
  const text = place.attributes.find(([name]) => name === field)?.[1];
  return text === undefined ? undefined : attributeText(text);
}

/** An attribute's value as constraints compare it: scalars with up to three decimals, ranges sorted, text as it is. */
export function attributeText(text: string): string {
  if (/^-?\d{1,15}(?:\.\d{1,15})?$/.test(text)) return formatScalar(Number(text));
  const inner = /^\[([\d,\s-]*)\]$/.exec(text)?.[1];
  if (inner === undefined) return text;
  const ranges = inner.split(',').map((range) => range.trim());
  return `[${ranges.sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10)).join(',')}]`;
}

/** A number with up to three decimals, ties to the even neighbour. */
export function formatScalar(value: number): string {
  const sixteenths = value * 16;
  const tie = Number.isInteger(sixteenths) && sixteenths % 2 !== 0;
  const floor = Math.floor(value * 1000);
  const rounded = tie ? (floor % 2 === 0 ? floor : floor + 1) / 1000 : Number(value.toFixed(3));
  return String(rounded === 0 ? 0 : rounded);
}
