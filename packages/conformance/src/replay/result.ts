/** Tools of the replays of JSON recordings: a tally of cases, and values of unknown shape read with care. */
import type { Disagreement, NotCovered, Report } from './report.ts';

/** What a replay found; the same as {@link Report}. */
export type ReplayResult = Report;

/** Collects a file's outcome case by case. */
export class ReplayTally implements Report {
  agree = 0;
  readonly disagree: Disagreement[] = [];
  readonly notCovered: NotCovered[] = [];

  /** Counts one case: it agrees if both texts are equal. */
  compare(name: string, expected: string, actual: string): void {
    if (expected === actual) this.agree++;
    else this.disagree.push({ case: name, expected, actual });
  }

  /** Counts a case that is not replayed. */
  skip(name: string, reason: string): void {
    this.notCovered.push({ case: name, reason });
  }
}

/** An object of a recorded file; anything else is `{}`. */
export function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

/** An array of a recorded file; anything else is `[]`. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A text with the keys of every object in order, to compare two values by. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'undefined';
  const entries = Object.entries(value).filter(([, field]) => field !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, field]) => `${JSON.stringify(key)}:${canonical(field)}`).join(',')}}`;
}
