/**
 * What changed between two immutable values, as immer's patches: told from which parts the two still share. Costs what
 * has changed, not what there is; nobody pays for it who does not ask.
 */
import type { Patch } from 'immer';

type Path = readonly (string | number)[];
type Fields = Readonly<Record<string, unknown>>;

/** The patches that make `after` out of `before` when they are applied in order. */
export function patchesBetween(before: object, after: object): readonly Patch[] {
  const patches: Patch[] = [];
  compare(before, after, [], patches);
  return patches;
}

function compare(before: unknown, after: unknown, path: Path, patches: Patch[]): void {
  if (before === after) return;
  if (Array.isArray(before) && Array.isArray(after)) compareLists(before, after, path, patches);
  else if (isFields(before) && isFields(after)) compareFields(before, after, path, patches);
  else patches.push({ op: 'replace', path: [...path], value: after });
}

function compareFields(before: Fields, after: Fields, path: Path, patches: Patch[]): void {
  for (const key of Object.keys(before)) if (!Object.hasOwn(after, key)) patches.push({ op: 'remove', path: [...path, key] });
  for (const key of Object.keys(after)) {
    if (Object.hasOwn(before, key)) compare(before[key], after[key], [...path, key], patches);
    else patches.push({ op: 'add', path: [...path, key], value: after[key] });
  }
}

/** What both ends share stays; between, elements that stand opposite each other are compared, the rest comes or goes. */
function compareLists(before: readonly unknown[], after: readonly unknown[], path: Path, patches: Patch[]): void {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start++;
  let tail = 0;
  while (
    tail < before.length - start &&
    tail < after.length - start &&
    before[before.length - 1 - tail] === after[after.length - 1 - tail]
  )
    tail++;
  const gone = before.length - start - tail;
  const come = after.length - start - tail;
  if (gone === come) {
    for (let i = start; i < start + gone; i++) compare(before[i], after[i], [...path, i], patches);
    return;
  }
  for (let i = start + gone - 1; i >= start; i--) patches.push({ op: 'remove', path: [...path, i] });
  for (let i = start; i < start + come; i++) patches.push({ op: 'add', path: [...path, i], value: after[i] });
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
