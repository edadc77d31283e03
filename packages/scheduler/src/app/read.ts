/**
 * Typed readers for JSON: each checks one kind of value and records what is wrong under play-json's error keys.
 * Stands for the classes Marathon generates from its RAML files (mesosphere/marathon v1.8, docs/docs/rest-api/public/api/v2/types).
 * Differs in one point: a field Marathon does not know is refused, where Marathon ignores it.
 */
import type { Json } from './json.ts';
import type { Violation } from './refusal.ts';

/** Reads a value at a path; records violations and gives nothing if it is wrong. */
export type Read<T> = (json: Json, path: string, violations: Violation[]) => T | undefined;

/** Names with values, sorted by name. */
export type Pairs = readonly (readonly [string, string])[];

/** Any JSON value, kept as it is. */
export const anyJson: Read<NonNullable<Json>> = (json) => json ?? undefined;

/** A boolean. */
export const boolean: Read<boolean> = (json, path, violations) =>
  typeof json === 'boolean' ? json : wrong(violations, path, 'error.expected.jsboolean');

/** A string, optionally of some shape and length. */
export function text(rule: { pattern?: (text: string) => boolean; minLength?: number; maxLength?: number } = {}): Read<string> {
  return (json, path, violations) => {
    if (typeof json !== 'string') return wrong(violations, path, 'error.expected.jsstring');
    if (json.length < (rule.minLength ?? 0)) return wrong(violations, path, 'error.minLength');
    if (json.length > (rule.maxLength ?? Number.POSITIVE_INFINITY)) return wrong(violations, path, 'error.maxLength');
    if (rule.pattern !== undefined && !rule.pattern(json)) return wrong(violations, path, 'error.pattern');
    return json;
  };
}

/** A number within bounds, both included. */
export function number(minimum: number, maximum = Number.MAX_VALUE): Read<number> {
  return (json, path, violations) => {
    if (typeof json !== 'number') return wrong(violations, path, 'error.expected.jsnumber');
    if (json < minimum) return wrong(violations, path, 'error.min');
    if (json > maximum) return wrong(violations, path, 'error.max');
    return json;
  };
}

/** A 32-bit integer within bounds, both included. */
export function integer(minimum: number, maximum = 0x7fffffff): Read<number> {
  const within = number(minimum, maximum);
  return (json, path, violations) => {
    if (typeof json === 'number' && !Number.isInteger(json)) return wrong(violations, path, 'error.expected.int');
    return within(json, path, violations);
  };
}

/** One of some literals. */
export function oneOf<const L extends string>(...literals: readonly L[]): Read<L> {
  return (json, path, violations) => {
    if (typeof json !== 'string') return wrong(violations, path, 'error.expected.jsstring');
    return literals.find((literal) => literal === json) ?? wrong(violations, path, 'error.unknown.enum.literal');
  };
}

/** A list. */
export function list<T>(item: Read<T>): Read<readonly T[]> {
  return (json, path, violations) => {
    if (!Array.isArray(json)) return wrong(violations, path, 'error.expected.jsarray');
    const items: T[] = [];
    json.forEach((element: Json, i) => {
      const value = item(element, `${path}(${i})`, violations);
      if (value !== undefined) items.push(value);
    });
    return items;
  };
}

/** An object with free keys and string values. */
export const pairs: Read<Pairs> = (json, path, violations) => {
  if (!(json instanceof Map)) return wrong(violations, path, 'error.expected.jsobject');
  const entries: [string, string][] = [];
  for (const [key, value] of json as ReadonlyMap<string, Json>) {
    if (typeof value === 'string') entries.push([key, value]);
    else wrong(violations, `${path}/${key}`, 'error.expected.jsstring');
  }
  return entries.sort((a, b) => (a[0] < b[0] ? -1 : 1));
};

/** A reader for each field of a record; null counts as absent. */
export type Shape<T> = { readonly [K in keyof Required<T>]: Read<NonNullable<T[K]>> };

/** An object with known fields. */
export function record<T extends object>(shape: Shape<T>, required: readonly (keyof T & string)[] = []): Read<T> {
  const fields = new Map<string, Read<unknown>>(Object.entries(shape) as [string, Read<unknown>][]);
  return (json, path, violations) => {
    if (!(json instanceof Map)) return wrong(violations, path === '' ? '/' : path, 'error.expected.jsobject');
    const object = json as ReadonlyMap<string, Json>;
    const entries: [string, unknown][] = [];
    for (const [name, read] of fields) {
      const field = object.get(name);
      if (field === undefined || field === null) continue;
      const value = read(field, `${path}/${name}`, violations);
      if (value !== undefined) entries.push([name, value]);
    }
    for (const name of required)
      if ((object.get(name) ?? null) === null) wrong(violations, `${path}/${name}`, 'error.path.missing');
    for (const name of object.keys())
      if (!fields.has(name)) wrong(violations, `${path}/${name.slice(0, 80)}`, 'is not a field Marathon knows');
    return Object.fromEntries(entries) as T;
  };
}

/** A field of Marathon's that could change placement or ports and is not in this model; empty values do no harm. */
export const notModelled: Read<never> = (json, path, violations) => {
  const size = json instanceof Map ? json.size : Array.isArray(json) ? json.length : json === false || json === '' ? 0 : 1;
  if (size > 0) violations.push({ path, message: 'is not modelled yet', notModelled: true });
  return undefined;
};

function wrong(violations: Violation[], path: string, message: string): undefined {
  violations.push({ path, message });
  return undefined;
}
