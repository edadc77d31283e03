/**
 * Typed readers for JSON: each checks one kind of value and records what is wrong under play-json's error keys.
 * Stands for the classes Marathon generates from its RAML files (mesosphere/marathon v1.8, docs/docs/rest-api/public/api/v2/types).
 * Differs in one point: a field Marathon does not know is refused, where Marathon ignores it.
 */
import type { Json } from './json.ts';
import type { Violation } from './refusal.ts';

/** A JSON Schema (2020-12) of what a reader accepts. */
export type JsonSchema = boolean | { readonly [keyword: string]: unknown };

type ReadFunction<T> = (json: Json, path: string, violations: Violation[]) => T | undefined;

/** Reads a value at a path; records violations and gives nothing if it is wrong. */
export type Read<T> = ReadFunction<T> & {
  /** The same rule for editors: made with the reader, so that the two cannot part. */
  readonly schema: JsonSchema;
};

/** A reader of that function and schema. */
export function reader<T>(read: ReadFunction<T>, schema: JsonSchema): Read<T> {
  return Object.assign((json: Json, path: string, violations: Violation[]) => read(json, path, violations), { schema });
}

/** Names with values, sorted by name. */
export type Pairs = readonly (readonly [string, string])[];

/** Any JSON value, kept as it is. */
export const anyJson: Read<NonNullable<Json>> = reader((json) => json ?? undefined, true);

/** A boolean. */
export const boolean: Read<boolean> = reader(
  (json, path, violations) => (typeof json === 'boolean' ? json : wrong(violations, path, 'error.expected.jsboolean')),
  { type: 'boolean' },
);

/** What a string must look like. */
export interface TextRule {
  readonly pattern?: {
    readonly test: (text: string) => boolean;
    /** The same as a regular expression, for the schema. */
    readonly source: string;
  };
  readonly minLength?: number;
  readonly maxLength?: number;
}

/** A string, optionally of some shape and length. */
export function text(rule: TextRule = {}): Read<string> {
  const { pattern, minLength, maxLength } = rule;
  const schema = {
    type: 'string',
    ...(pattern === undefined ? {} : { pattern: pattern.source }),
    ...(minLength === undefined ? {} : { minLength }),
    ...(maxLength === undefined ? {} : { maxLength }),
  };
  return reader((json, path, violations) => {
    if (typeof json !== 'string') return wrong(violations, path, 'error.expected.jsstring');
    if (json.length < (minLength ?? 0)) return wrong(violations, path, 'error.minLength');
    if (json.length > (maxLength ?? Number.POSITIVE_INFINITY)) return wrong(violations, path, 'error.maxLength');
    if (pattern !== undefined && !pattern.test(json)) return wrong(violations, path, 'error.pattern');
    return json;
  }, schema);
}

/** A number within bounds, both included. */
export function number(minimum: number, maximum = Number.MAX_VALUE): Read<number> {
  return reader(
    (json, path, violations) => {
      if (typeof json !== 'number') return wrong(violations, path, 'error.expected.jsnumber');
      if (json < minimum) return wrong(violations, path, 'error.min');
      if (json > maximum) return wrong(violations, path, 'error.max');
      return json;
    },
    { type: 'number', minimum, ...(maximum === Number.MAX_VALUE ? {} : { maximum }) },
  );
}

/** A 32-bit integer within bounds, both included. */
export function integer(minimum: number, maximum = 0x7fffffff): Read<number> {
  const within = number(minimum, maximum);
  return reader(
    (json, path, violations) => {
      if (typeof json === 'number' && !Number.isInteger(json)) return wrong(violations, path, 'error.expected.int');
      return within(json, path, violations);
    },
    { type: 'integer', minimum, maximum },
  );
}

/** One of some literals. */
export function oneOf<const L extends string>(...literals: readonly L[]): Read<L> {
  return reader(
    (json, path, violations) => {
      if (typeof json !== 'string') return wrong(violations, path, 'error.expected.jsstring');
      return literals.find((literal) => literal === json) ?? wrong(violations, path, 'error.unknown.enum.literal');
    },
    { enum: literals },
  );
}

/** A list. */
export function list<T>(item: Read<T>): Read<readonly T[]> {
  return reader(
    (json, path, violations) => {
      if (!Array.isArray(json)) return wrong(violations, path, 'error.expected.jsarray');
      const items: T[] = [];
      json.forEach((element: Json, i) => {
        const value = item(element, `${path}(${i})`, violations);
        if (value !== undefined) items.push(value);
      });
      return items;
    },
    { type: 'array', items: item.schema },
  );
}

/** An object with free keys and values of one kind, sorted by key. */
export function mapOf<T>(item: Read<T>): Read<readonly (readonly [string, T])[]> {
  return reader(
    (json, path, violations) => {
      if (!(json instanceof Map)) return wrong(violations, path, 'error.expected.jsobject');
      const entries: [string, T][] = [];
      for (const [key, value] of json as ReadonlyMap<string, Json>) {
        const read = item(value, `${path}/${key}`, violations);
        if (read !== undefined) entries.push([key, read]);
      }
      return entries.sort((a, b) => (a[0] < b[0] ? -1 : 1));
    },
    { type: 'object', additionalProperties: item.schema },
  );
}

/** An object with free keys and string values. */
export const pairs: Read<Pairs> = mapOf(text());

/** A reader for each field of a record; null counts as absent. */
export type Shape<T> = { readonly [K in keyof Required<T>]: Read<NonNullable<T[K]>> };

/** An object with known fields. */
export function record<T extends object>(shape: Shape<T>, required: readonly (keyof T & string)[] = []): Read<T> {
  const shapes = Object.entries(shape) as [string, Read<unknown>][];
  const fields = new Map<string, Read<unknown>>(shapes);
  const schema = {
    type: 'object',
    properties: Object.fromEntries(shapes.map(([name, read]) => [name, read.schema])),
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: false,
  };
  return reader((json, path, violations) => {
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
  }, schema);
}

/** A field read in one of two ways, by the JSON type of what is there. */
export function either<A, B>(test: (json: Json) => boolean, first: Read<A>, second: Read<B>): Read<A | B> {
  return reader((json, path, violations) => (test(json) ? first : second)(json, path, violations), {
    anyOf: [first.schema, second.schema],
  });
}

function wrong(violations: Violation[], path: string, message: string): undefined {
  violations.push({ path, message });
  return undefined;
}
