/** JSON values as jq compares, adds, indexes and prints them. Follows jq 1.6 (src/jv.c, src/builtin.c). */

import { notModelled } from '../result.ts';

/** Longest text that `*` makes. */
const LONGEST_TEXT = 1_000_000;

/** A JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
/** A JSON object; only its own keys count. */
export interface JsonObject {
  readonly [key: string]: Json;
}

/** An error of a running program, in jq's words. */
export class JqError extends Error {}

/** `null`, `boolean`, `number`, `string`, `array`, `object`. */
export function typeName(value: Json): string {
  return value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
}

/** Whether a value is an object; arrays are not. */
export function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a value is an array. */
export function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

/** An object of entries; of equal keys the last counts, at the place of the first. */
export function objectOf(entries: Iterable<readonly [string, Json]>): JsonObject {
  const made: { [key: string]: Json } = Object.create(null);
  for (const [key, value] of entries) made[key] = value;
  return made;
}

/** `number (1)`: a value as messages name it, shortened beyond fourteen characters. */
export function described(value: Json): string {
  const text = JSON.stringify(value);
  return `${typeName(value)} (${text.length > 14 ? `${text.slice(0, 11)}...` : text})`;
}

/** Whether jq takes a value for true. */
export function truthy(value: Json): boolean {
  return value !== null && value !== false;
}

function rank(value: Json): number {
  if (value === null) return 0;
  if (typeof value === 'boolean') return value ? 2 : 1;
  if (typeof value === 'number') return 3;
  return typeof value === 'string' ? 4 : isArray(value) ? 5 : 6;
}

/** jq's order of all values: null, false, true, numbers, strings, arrays, objects. */
export function compareJson(a: Json, b: Json): number {
  const difference = rank(a) - rank(b);
  if (difference !== 0) return difference;
  if (isArray(a) && isArray(b)) return compareArrays(a, b);
  if (isObject(a) && isObject(b)) {
    const keys = sortedKeys(a);
    const byKeys = compareArrays(keys, sortedKeys(b));
    return byKeys !== 0
      ? byKeys
      : compareArrays(
          keys.map((key) => a[key] ?? null),
          keys.map((key) => b[key] ?? null),
        );
  }
  if ((typeof a === 'number' && typeof b === 'number') || (typeof a === 'string' && typeof b === 'string'))
    return a < b ? -1 : a > b ? 1 : 0;
  return 0;
}

function compareArrays(a: readonly Json[], b: readonly Json[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const difference = compareJson(a[i] ?? null, b[i] ?? null);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** An object's keys, sorted. */
export function sortedKeys(object: JsonObject): string[] {
  return Object.keys(object).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

/** `.[key]`. */
export function indexJson(value: Json, key: Json): Json {
  if (isObject(value) && typeof key === 'string') return Object.hasOwn(value, key) ? (value[key] ?? null) : null;
  if (isArray(value) && typeof key === 'number')
    return value[Math.floor(key) < 0 ? value.length + Math.floor(key) : Math.floor(key)] ?? null;
  if (value === null && (typeof key === 'string' || typeof key === 'number')) return null;
  if (typeof key === 'string') throw new JqError(`Cannot index ${typeName(value)} with string "${key}"`);
  throw new JqError(`Cannot index ${typeName(value)} with ${typeName(key)}`);
}

/** `.[from:to]`. */
export function sliceJson(value: Json, from: Json, to: Json): Json {
  if (value === null) return null;
  if (typeof value !== 'string' && !isArray(value)) throw new JqError(`Cannot index ${typeName(value)} with object`);
  if ((from !== null && typeof from !== 'number') || (to !== null && typeof to !== 'number')) {
    throw new JqError(`Start and end indices of an ${typeName(value)} slice must be numbers`);
  }
  const items: readonly Json[] | string[] = typeof value === 'string' ? [...value] : value;
  const start = from === null ? 0 : Math.floor(from);
  const end = to === null ? items.length : Math.ceil(to);
  const part = items.slice(
    start < 0 ? Math.max(0, items.length + start) : start,
    end < 0 ? Math.max(0, items.length + end) : end,
  );
  return typeof value === 'string' ? part.join('') : part;
}

/** Two values under `+`, `-`, `*`, `/`, `%`. */
export function arithmetic(operator: '+' | '-' | '*' | '/' | '%', a: Json, b: Json): Json {
  switch (operator) {
    case '+':
      return add(a, b);
    case '-':
      if (typeof a === 'number' && typeof b === 'number') return a - b;
      if (isArray(a) && isArray(b)) return a.filter((item) => !b.some((other) => compareJson(item, other) === 0));
      throw new JqError(`${described(a)} and ${described(b)} cannot be subtracted`);
    case '*':
      if (typeof a === 'number' && typeof b === 'number') return a * b;
      if (isObject(a) && isObject(b)) return mergeDeep(a, b);
      if (typeof a === 'string' && typeof b === 'number') return repeat(a, b);
      throw new JqError(`${described(a)} and ${described(b)} cannot be multiplied`);
    case '/':
      if (typeof a === 'string' && typeof b === 'string') return splitText(a, b);
      if (typeof a !== 'number' || typeof b !== 'number')
        throw new JqError(`${described(a)} and ${described(b)} cannot be divided`);
      if (b === 0) throw new JqError(`${described(a)} and ${described(b)} cannot be divided because the divisor is zero`);
      return a / b;
    default:
      if (typeof a !== 'number' || typeof b !== 'number')
        throw new JqError(`${described(a)} and ${described(b)} cannot be divided (remainder)`);
      if (Math.trunc(b) === 0)
        throw new JqError(`${described(a)} and ${described(b)} cannot be divided (remainder) because the divisor is zero`);
      return Math.trunc(a) % Math.abs(Math.trunc(b)) || 0;
  }
}

function add(a: Json, b: Json): Json {
  if (a === null) return b;
  if (b === null) return a;
  if (typeof a === 'number' && typeof b === 'number') return a + b;
  if (typeof a === 'string' && typeof b === 'string') return a + b;
  if (isArray(a) && isArray(b)) return [...a, ...b];
  if (isObject(a) && isObject(b)) return objectOf([...Object.entries(a), ...Object.entries(b)]);
  throw new JqError(`${described(a)} and ${described(b)} cannot be added`);
}

/** A text `count` times; null for none. */
function repeat(text: string, count: number): Json {
  if (count <= 0) return null;
  if (text.length * count > LONGEST_TEXT) throw notModelled('jq', `a text of more than ${LONGEST_TEXT} characters`);
  return text.repeat(Math.max(1, Math.trunc(count)));
}

function mergeDeep(a: JsonObject, b: JsonObject): JsonObject {
  const merged = new Map(Object.entries(a));
  for (const [key, value] of Object.entries(b)) {
    const old = merged.get(key) ?? null;
    merged.set(key, isObject(old) && isObject(value) ? mergeDeep(old, value) : value);
  }
  return objectOf(merged);
}

/** `split(separator)`: an empty text has no parts. */
export function splitText(text: string, separator: string): readonly string[] {
  return text === '' ? [] : text.split(separator);
}
