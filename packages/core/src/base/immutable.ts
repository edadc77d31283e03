/** Immutable state: immer, in an instance of its own, since the default instance's settings belong to all its users. */
import { enablePatches, Immer, immerable, type Patch } from 'immer';

enablePatches();
const immer = new Immer({ autoFreeze: false });

/** The next state of an immutable value: what the recipe does to a draft, structurally shared with the old. */
export const produce = immer.produce;

/** As {@link produce}, with the patches that lead there and back. */
export const produceWithPatches = immer.produceWithPatches;

/** A change to an immutable value: operation, path, value. */
export type { Patch };

/** Marks a class whose instances are drafted as plain objects are. */
export { immerable };

/** Freezes every produced state (for tests: a write past immer then throws) or stops doing so. */
export function setFreezing(on: boolean): void {
  immer.setAutoFreeze(on);
}

/** Computes once per immutable value, and keeps the result as long as the value lives. */
export function memo<K extends object, V>(compute: (key: K) => V): (key: K) => V {
  const cache = new WeakMap<K, V>();
  return (key) => {
    let value = cache.get(key);
    if (value === undefined) {
      value = compute(key);
      cache.set(key, value);
    }
    return value;
  };
}

const remembered = new WeakMap<object, Map<string, object>>();

/** What was made of an immutable value under a key before, or else what `make` makes now: equal changes to equal states stay one value. */
export function remember<V extends object>(value: object, key: string, make: () => V): V {
  let made = remembered.get(value);
  if (made === undefined) {
    made = new Map();
    remembered.set(value, made);
  }
  const known = made.get(key);
  if (known !== undefined) return known as V;
  const fresh = make();
  made.set(key, fresh);
  return fresh;
}
