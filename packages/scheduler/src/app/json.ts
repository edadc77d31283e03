/**
 * JSON from outside, made safe: every object a Map (a key `__proto__` is only a key), depth and size bounded.
 * Stands where Marathon's play-json parser stands (mesosphere/marathon v1.8, api/RestResource.scala).
 */
import { MarathonRefusal } from './refusal.ts';

/** A JSON value whose objects are maps, in the order of their keys in the input. */
export type Json = null | boolean | number | string | readonly Json[] | ReadonlyMap<string, Json>;

const MAXIMUM_CHARACTERS = 8 * 1024 * 1024;
const MAXIMUM_DEPTH = 64;
const MAXIMUM_VALUES = 200_000;

/**
 * Reads a JSON text or an already parsed JSON value.
 * @throws MarathonRefusal `invalid-json` with status 400: not JSON, not representable in it, nested deeper than 64, over 8 MiB or 200,000 values
 */
export function readJson(input: unknown): Json {
  if (input === undefined || (typeof input === 'string' && input.trim() === '')) {
    throw unreadable('No content to map due to end-of-input', 'Please specify data in JSON format');
  }
  const budget = { values: MAXIMUM_VALUES, characters: MAXIMUM_CHARACTERS };
  return convert(typeof input === 'string' ? parse(input) : input, 0, budget);
}

/** The value as plain objects and arrays again. */
export function plainJson(json: Json): unknown {
  if (json instanceof Map) return Object.fromEntries([...json].map(([key, value]) => [key, plainJson(value)]));
  return Array.isArray(json) ? json.map((item) => plainJson(item)) : json;
}

function parse(text: string): unknown {
  if (text.length > MAXIMUM_CHARACTERS) throw unreadable(`${text.length} characters are more than ${MAXIMUM_CHARACTERS}`);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw unreadable(error instanceof Error ? error.message.slice(0, 200) : 'unreadable');
  }
}

function convert(value: unknown, depth: number, budget: { values: number; characters: number }): Json {
  if (--budget.values < 0) throw unreadable(`more than ${MAXIMUM_VALUES} values`);
  if (depth > MAXIMUM_DEPTH) throw unreadable(`nested deeper than ${MAXIMUM_DEPTH}`);
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'string') {
    budget.characters -= value.length;
    if (budget.characters < 0) throw unreadable(`more than ${MAXIMUM_CHARACTERS} characters`);
    return value;
  }
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw unreadable(`${value} is not a JSON number`);
    return value;
  }
  if (Array.isArray(value)) {
    if (value.length > budget.values) throw unreadable(`more than ${MAXIMUM_VALUES} values`);
    return Array.from(value, (item: unknown) => convert(item ?? null, depth + 1, budget));
  }
  if (typeof value === 'object') {
    const map = new Map<string, Json>();
    for (const [key, item] of Object.entries(value)) {
      budget.characters -= key.length;
      if (item !== undefined) map.set(key, convert(item, depth + 1, budget));
    }
    return map;
  }
  throw unreadable(`a ${typeof value} is not a JSON value`);
}

function unreadable(why: string, what = 'Invalid JSON'): MarathonRefusal {
  return new MarathonRefusal('invalid-json', 400, [{ path: '', message: `${what}: ${why}` }]);
}
