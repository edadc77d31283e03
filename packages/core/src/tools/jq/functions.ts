/**
 * The functions of jq that are modelled, by name and number of arguments; each is a stream of outputs.
 * Follows jq 1.6 (src/builtin.jq, src/builtin.c).
 */

import { notModelled } from '../result.ts';
import { extreme, type Filter, groups, type Run, SELF, sortBy, sortItems } from './sort.ts';
import {
  arithmetic,
  compareJson,
  described,
  indexJson,
  isArray,
  isObject,
  JqError,
  type Json,
  type JsonObject,
  objectOf,
  sortedKeys,
  splitText,
  truthy,
  typeName,
} from './value.ts';

type JqFunction = (input: Json, args: readonly Filter[], run: Run) => Iterable<Json>;

const NOTHING: Filter = () => [];

/** A function of the input alone. */
function plain(f: (input: Json) => Json): JqFunction {
  return (input) => [f(input)];
}

/** A function of the input and of each output of its argument. */
function withValue(f: (input: Json, value: Json) => Json): JqFunction {
  return function* (input, [arg = NOTHING]) {
    for (const value of arg(input)) yield f(input, value);
  };
}

/** Passes the input on if it is of one of the types. */
function ofType(...types: readonly string[]): JqFunction {
  return (input) => (types.includes(typeName(input)) ? [input] : []);
}

function text(value: Json, what: string): string {
  if (typeof value === 'string') return value;
  throw new JqError(`${described(value)} ${what}`);
}

function reverse(input: Json): Json {
  if (isArray(input)) return input.toReversed();
  return length(input) === 0 ? [] : indexJson(input, 0);
}

function length(input: Json): Json {
  if (input === null) return 0;
  if (typeof input === 'boolean') throw new JqError(`${described(input)} has no length`);
  if (typeof input === 'number') return Math.abs(input);
  return typeof input === 'string' ? [...input].length : isArray(input) ? input.length : Object.keys(input).length;
}

function keys(input: Json, sorted: boolean): Json {
  if (isArray(input)) return input.map((_, i) => i);
  if (!isObject(input)) throw new JqError(`${described(input)} has no keys`);
  return sorted ? sortedKeys(input) : Object.keys(input);
}

function has(input: Json, key: Json): Json {
  if (input === null) return false;
  if (isObject(input) && typeof key === 'string') return Object.hasOwn(input, key);
  if (isArray(input) && typeof key === 'number') return key >= 0 && key < input.length;
  throw new JqError(`Cannot check whether ${typeName(input)} has a ${typeof key === 'string' ? 'string' : typeName(key)} key`);
}

function contains(a: Json, b: Json): boolean {
  if (isObject(a) && isObject(b))
    return Object.entries(b).every(([key, value]) => Object.hasOwn(a, key) && contains(a[key] ?? null, value));
  if (isArray(a) && isArray(b))
    return b.every((wanted) => a.some((item) => typeName(item) === typeName(wanted) && contains(item, wanted)));
  if (typeof a === 'string' && typeof b === 'string') return a.includes(b);
  if (typeName(a) !== typeName(b)) throw new JqError(`${described(a)} and ${described(b)} cannot have their containment checked`);
  return compareJson(a, b) === 0;
}

function* flatten(items: readonly Json[], depth: number, run: Run): Generator<Json> {
  for (const item of items) {
    run.step();
    if (isArray(item) && depth > 0) yield* flatten(item, depth - 1, run);
    else yield item;
  }
}

function toEntries(input: Json): Json {
  const pairs: (readonly [Json, Json])[] = isArray(input)
    ? input.map((item, i) => [i, item])
    : isObject(input)
      ? Object.entries(input)
      : [];
  if (!isArray(input) && !isObject(input)) throw new JqError(`${described(input)} has no keys`);
  return pairs.map(([key, value]) =>
    objectOf([
      ['key', key],
      ['value', value],
    ]),
  );
}

function fromEntries(input: Json, run: Run): JsonObject {
  const pairs: (readonly [string, Json])[] = [];
  for (const entry of run.items(input)) {
    const named = ['key', 'k', 'name', 'Name', 'K', 'Key'].map((name) => indexJson(entry, name));
    const key = named.find(truthy) ?? named.at(-1) ?? null;
    if (typeof key !== 'string') throw new JqError(`Cannot use ${described(key)} as object key`);
    pairs.push([key, has(entry, 'value') === true ? indexJson(entry, 'value') : indexJson(entry, 'Value')]);
  }
  return objectOf(pairs);
}

function join(input: Json, separator: Json, run: Run): Json {
  let joined: Json = null;
  for (const item of run.items(input)) {
    const part = item === null ? '' : typeof item === 'boolean' || typeof item === 'number' ? JSON.stringify(item) : item;
    joined = joined === null ? arithmetic('+', '', part) : arithmetic('+', arithmetic('+', joined, separator), part);
  }
  return joined ?? '';
}

function toNumber(input: Json): Json {
  if (typeof input === 'number') return input;
  if (typeof input === 'string' && /^\s*-?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/.test(input)) return Number(input);
  if (typeof input === 'string')
    throw new JqError(`Invalid numeric literal at EOF at line 1, column ${input.length} (while parsing '${input.slice(0, 60)}')`);
  throw new JqError(`${described(input)} cannot be parsed as a number`);
}

function fromJson(input: Json): Json {
  try {
    return JSON.parse(text(input, 'only strings can be parsed')) as Json;
  } catch (error) {
    if (error instanceof JqError) throw error;
    throw new JqError(`Invalid JSON text (while parsing '${String(input).slice(0, 60)}')`);
  }
}

function ascii(change: (letter: string) => string, letters: RegExp): JqFunction {
  return plain((input) => {
    if (typeof input !== 'string') throw new JqError('explode input must be a string');
    return input.replace(letters, change);
  });
}

function* range(from: Json, to: Json, run: Run): Generator<Json> {
  if (typeof from !== 'number' || typeof to !== 'number') throw new JqError('Range bounds must be numeric');
  for (let i = from; i < to; i++) {
    run.step();
    yield i;
  }
}

function trim(affix: (input: string, part: string) => string): JqFunction {
  return withValue((input, part) => (typeof input === 'string' && typeof part === 'string' ? affix(input, part) : input));
}

function raise(message: Json): never {
  if (typeof message !== 'string') throw notModelled('jq', 'an error that is not a text');
  throw new JqError(message);
}

/** The value and all in it, as `..`. */
export function* recurse(value: Json, run: Run): Generator<Json> {
  run.step();
  yield value;
  if (isArray(value) || isObject(value)) for (const item of run.items(value)) yield* recurse(item, run);
}

function* limit(count: Json, outputs: Iterable<Json>): Generator<Json> {
  if (typeof count !== 'number') throw notModelled('jq', 'limit with a count that is no number');
  let left = count;
  for (const value of outputs) {
    yield value;
    if (--left <= 0) return;
  }
}

function each(f: (values: Iterable<boolean>) => boolean): JqFunction {
  return function* (input, [test = SELF], run) {
    yield f(
      (function* () {
        for (const item of run.items(input)) for (const value of test(item)) yield truthy(value);
      })(),
    );
  };
}

function some(values: Iterable<boolean>): boolean {
  for (const value of values) if (value) return true;
  return false;
}

function every(values: Iterable<boolean>): boolean {
  for (const value of values) if (!value) return false;
  return true;
}

function mapValues(input: Json, f: Filter, run: Run): Json {
  const first = (value: Json): Json => {
    for (const output of f(value)) return output;
    throw notModelled('jq', 'map_values with a filter that is empty');
  };
  if (isObject(input)) return objectOf(Object.entries(input).map(([key, value]) => [key, first(value)] as const));
  return [...run.items(input)].map(first);
}

/** By `name/number of arguments`. */
export const JQ_FUNCTIONS: ReadonlyMap<string, JqFunction> = new Map<string, JqFunction>([
  ['true/0', plain(() => true)],
  ['false/0', plain(() => false)],
  ['null/0', plain(() => null)],
  ['empty/0', () => []],
  ['error/0', plain(raise)],
  ['error/1', withValue((_, value) => raise(value))],
  ['not/0', plain((input) => !truthy(input))],
  ['recurse/0', (input, _, run) => recurse(input, run)],
  ['type/0', plain(typeName)],
  ['length/0', plain(length)],
  ['keys/0', plain((input) => keys(input, true))],
  ['keys_unsorted/0', plain((input) => keys(input, false))],
  ['values/0', (input) => (input === null ? [] : [input])],
  ['nulls/0', ofType('null')],
  ['booleans/0', ofType('boolean')],
  ['numbers/0', ofType('number')],
  ['strings/0', ofType('string')],
  ['arrays/0', ofType('array')],
  ['objects/0', ofType('object')],
  ['iterables/0', ofType('array', 'object')],
  ['scalars/0', ofType('null', 'boolean', 'number', 'string')],
  ['map/1', (input, [f = NOTHING], run) => [[...run.items(input)].flatMap((item) => [...f(item)])]],
  ['map_values/1', (input, [f = NOTHING], run) => [mapValues(input, f, run)]],
  [
    'select/1',
    function* (input, [test = NOTHING]) {
      for (const value of test(input)) if (truthy(value)) yield input;
    },
  ],
  ['add/0', (input, _, run) => [[...run.items(input)].reduce<Json>((sum, item) => arithmetic('+', sum, item), null)]],
  ['any/0', each(some)],
  ['any/1', each(some)],
  ['all/0', each(every)],
  ['all/1', each(every)],
  ['sort/0', (input) => [sortItems(input)]],
  ['sort_by/1', (input, [f = SELF], run) => [sortBy(input, f, run)]],
  ['group_by/1', (input, [f = SELF], run) => [groups(input, f, run)]],
  ['unique/0', (input, _, run) => [groups(input, SELF, run).map(([first = null]) => first)]],
  ['unique_by/1', (input, [f = SELF], run) => [groups(input, f, run).map(([first = null]) => first)]],
  ['min/0', (input, [f], run) => [extreme(-1, input, f, run)]],
  ['min_by/1', (input, [f], run) => [extreme(-1, input, f, run)]],
  ['max/0', (input, [f], run) => [extreme(1, input, f, run)]],
  ['max_by/1', (input, [f], run) => [extreme(1, input, f, run)]],
  ['reverse/0', plain(reverse)],
  ['first/0', plain((input) => indexJson(input, 0))],
  ['last/0', plain((input) => indexJson(input, -1))],
  ['first/1', (input, [f = NOTHING]) => limit(1, f(input))],
  ['last/1', (input, [f = NOTHING]) => [[...f(input)].at(-1) ?? null]],
  ['nth/1', withValue((input, at) => indexJson(input, at))],
  [
    'limit/2',
    function* (input, [count = NOTHING, f = NOTHING]) {
      for (const n of count(input)) yield* limit(n, f(input));
    },
  ],
  ['has/1', withValue(has)],
  ['in/1', withValue((input, object) => has(object, input))],
  ['contains/1', withValue(contains)],
  ['inside/1', withValue((input, whole) => contains(whole, input))],
  [
    'startswith/1',
    withValue((input, part) => {
      if (typeof input === 'string' && typeof part === 'string') return input.startsWith(part);
      throw new JqError('startswith() requires string inputs');
    }),
  ],
  [
    'endswith/1',
    withValue((input, part) => {
      if (typeof input === 'string' && typeof part === 'string') return input.endsWith(part);
      throw new JqError('endswith() requires string inputs');
    }),
  ],
  ['ltrimstr/1', trim((input, part) => (input.startsWith(part) ? input.slice(part.length) : input))],
  ['rtrimstr/1', trim((input, part) => (input.endsWith(part) ? input.slice(0, input.length - part.length) : input))],
  [
    'split/1',
    withValue((input, separator) => {
      if (typeof input === 'string' && typeof separator === 'string') return splitText(input, separator);
      throw new JqError('split input and separator must be strings');
    }),
  ],
  [
    'join/1',
    function* (input, [separator = NOTHING], run) {
      for (const value of separator(input)) yield join(input, value, run);
    },
  ],
  ['ascii_downcase/0', ascii((letter) => letter.toLowerCase(), /[A-Z]/g)],
  ['ascii_upcase/0', ascii((letter) => letter.toUpperCase(), /[a-z]/g)],
  ['tostring/0', plain((input) => (typeof input === 'string' ? input : JSON.stringify(input)))],
  ['tonumber/0', plain(toNumber)],
  ['tojson/0', plain((input) => JSON.stringify(input))],
  ['fromjson/0', plain(fromJson)],
  [
    'floor/0',
    plain((input) => {
      if (typeof input === 'number') return Math.floor(input);
      throw new JqError(`${described(input)} number required`);
    }),
  ],
  ['to_entries/0', plain(toEntries)],
  ['from_entries/0', (input, _, run) => [fromEntries(input, run)]],
  [
    'with_entries/1',
    (input, [f = NOTHING], run) => [
      fromEntries(
        [...run.items(toEntries(input))].flatMap((entry) => [...f(entry)]),
        run,
      ),
    ],
  ],
  ['flatten/0', (input, _, run) => [[...flatten([...run.items(input)], 1e9, run)]]],
  [
    'flatten/1',
    function* (input, [depth = NOTHING], run) {
      for (const value of depth(input)) {
        if (typeof value !== 'number' || value < 0) throw new JqError('flatten depth must not be negative');
        yield [...flatten([...run.items(input)], value, run)];
      }
    },
  ],
  [
    'range/1',
    function* (input, [to = NOTHING], run) {
      for (const end of to(input)) yield* range(0, end, run);
    },
  ],
  [
    'range/2',
    function* (input, [from = NOTHING, to = NOTHING], run) {
      for (const start of from(input)) for (const end of to(input)) yield* range(start, end, run);
    },
  ],
]);
