/**
 * Reading a pool's JSON: an object by its fields, each of its kind or refused by its path. Edge-LB reads by a generated swagger
 * model that drops what it does not know; here that is refused, as everywhere in this library.
 */
import { Refusal } from '@portolan/core';

/** An object's fields, and where it stands in the pool. */
export interface Fields {
  /** `pool.haproxy.frontends[0]`. */
  readonly path: string;
  readonly values: ReadonlyMap<string, unknown>;
}

/** Complains about a field. */
export function refusePool(path: string, message: string, code: 'invalid-pool' | 'not-modelled' = 'invalid-pool'): Refusal {
  return new Refusal({ component: 'edgelb', code, path, message });
}

/**
 * An object of JSON.
 * @param known its fields that mean something here
 * @param unmodelled its fields that Edge-LB knows and this model does not: refused unless they are empty
 * @throws Refusal `invalid-pool`, `not-modelled`
 */
export function fieldsOf(value: unknown, path: string, known: readonly string[], unmodelled: readonly string[] = []): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refusePool(path, `${path} must be an object`);
  const values = new Map(Object.entries(value).filter(([, field]) => field !== null && field !== undefined));
  for (const [name, field] of values) {
    const at = `${path}.${name.slice(0, 60)}`;
    if (known.includes(name) || (unmodelled.includes(name) && isEmpty(field))) continue;
    if (unmodelled.includes(name)) throw refusePool(at, `${at} is not modelled; leave it out`, 'not-modelled');
    throw refusePool(at, `${at} is not a field of Edge-LB's V2 pools`);
  }
  return { path, values };
}

function isEmpty(field: unknown): boolean {
  return field === '' || field === false || (typeof field === 'object' && field !== null && Object.keys(field).length === 0);
}

/** A field that is a text of one line; '' if it is absent. */
export function textOf({ path, values }: Fields, name: string): string {
  const value = values.get(name) ?? '';
  if (typeof value !== 'string') throw refusePool(`${path}.${name}`, `${path}.${name} must be a string`);
  // A line break would begin another line of the configuration.
  if (/[\r\n\0]/.test(value)) throw refusePool(`${path}.${name}`, `${path}.${name} must be one line`);
  return value;
}

/** A field that is one of some words. */
export function wordOf<const W extends string>(fields: Fields, name: string, words: readonly W[]): W | undefined {
  const value = textOf(fields, name);
  const word = words.find((other) => other === value);
  const path = `${fields.path}.${name}`;
  if (value !== '' && word === undefined) throw refusePool(path, `${path} in body should be one of [${words.join(' ')}]`);
  return word;
}

/** A field that is a number. */
export function numberOf({ path, values }: Fields, name: string, otherwise: number): number {
  const value = values.get(name) ?? otherwise;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw refusePool(`${path}.${name}`, `${path}.${name} must be a number`);
}

/** A field that is a 32-bit integer. */
export function integerOf(fields: Fields, name: string, otherwise: number): number {
  const value = numberOf(fields, name, otherwise);
  if (Number.isInteger(value) && Math.abs(value) < 2 ** 31) return value;
  throw refusePool(`${fields.path}.${name}`, `${fields.path}.${name} must be an integer of 32 bits`);
}

/** A field that is true or false. */
export function booleanOf({ path, values }: Fields, name: string, otherwise: boolean): boolean {
  const value = values.get(name) ?? otherwise;
  if (typeof value !== 'boolean') throw refusePool(`${path}.${name}`, `${path}.${name} must be true or false`);
  return value;
}

/** A field that is a list, element by element; empty if it is absent. */
export function listOf<T>({ path, values }: Fields, name: string, read: (element: unknown, path: string) => T): readonly T[] {
  const value = values.get(name) ?? [];
  if (!Array.isArray(value)) throw refusePool(`${path}.${name}`, `${path}.${name} must be a list`);
  return value.map((element: unknown, i) => read(element, `${path}.${name}[${i}]`));
}

/** A field that is a list of texts. */
export function textsOf(fields: Fields, name: string): readonly string[] {
  return listOf(fields, name, (element, path) => {
    const at = path.slice(path.lastIndexOf('.') + 1);
    return textOf({ path: path.slice(0, -at.length - 1), values: new Map([[at, element]]) }, at);
  });
}
