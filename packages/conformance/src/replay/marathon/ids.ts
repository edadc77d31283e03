/** Judges of ids: of apps as paths, of instances and tasks. */
import { Refusal } from '@portolan/core';
import {
  ancestorsOf,
  canonicalPath,
  comparePaths,
  isPathPattern,
  nextTaskId,
  parseTaskId,
  restOf,
  runSpecOfInstance,
  taskIdOf,
  validateId,
} from '@portolan/scheduler';
import { type Check, type Fields, fields, type Judge, list, type Row, texts, UnknownShape } from './row.ts';

const UUID = 'b6ff5fa5-7714-11e7-a55c-5ecf1c4671f6';

function idValidation({ input, expected: recorded }: Row): readonly Check[] {
  const expected = fields(recorded);
  return texts(input.ids ?? [input.id]).flatMap((id): readonly Check[] => {
    const violations = validateId(id);
    const messages = violations.map(({ message }) => message);
    const wanted = list(expected.violations).map((violation) => texts(violation)[1] ?? '');
    return [
      [`${id} valid`, expected.valid, violations.length === 0 && isPathPattern(id)],
      ...wanted.map((message): Check => [`${id} told`, message, messages.find((told) => told === message) ?? messages]),
    ];
  });
}

function pathId({ input, expected }: Row): readonly Check[] {
  if (input.canonical !== undefined)
    return [['canonical', expected, canonicalPath(String(input.canonical), String(input.base ?? '/'))]];
  const [of = '', from = ''] = texts(input.restOf);
  if (input.restOf !== undefined) return [['restOf', expected, restOf(of, from)]];
  if (input['parents of'] !== undefined) return [['parents', expected, ancestorsOf(String(input['parents of']))]];
  if (input.sort !== undefined) {
    const sorted = [...texts(input.sort)].sort(comparePaths);
    return [['sorted', expected, sorted.filter((path, i) => i === 0 || comparePaths(path, sorted[i - 1] ?? '') !== 0)]];
  }
  throw new UnknownShape('what is asked of paths');
}

function taskId({ input, expected: recorded }: Row): readonly Check[] {
  const expected = fields(recorded);
  const whole = (text: unknown) =>
    String(text)
      .replace(/ \(.*\)$/, '')
      .replace(/-<uuid>/g, `.${UUID}`)
      .replace(/<uuid>/g, UUID)
      .replace(/^<i>/, `app.instance-${UUID}`);
  if (input.taskIds !== undefined) return [['kinds', expected.kinds, texts(input.taskIds).map((id) => parseTaskId(id).kind)]];
  if (input['next of'] !== undefined) {
    const before = parseTaskId(whole(input['next of']));
    const next = parseTaskId(nextTaskId(whole(input['next of'])));
    return idChecks(expected, {
      kind: next.kind,
      attempt: next.attempt,
      sameInstance: next.instanceId === before.instanceId,
      taskId: nextTaskId(whole(input['next of'])),
    });
  }
  if (input.instance !== undefined) {
    const instance = whole(input.instance);
    const container = typeof input.container === 'string' ? `${instance}.${input.container}.1` : taskIdOf(instance, 1);
    return idChecks(
      { ...expected, ...(expected.taskId === undefined ? {} : { taskId: whole(expected.taskId) }) },
      { taskId: container, runSpec: runSpecOfInstance(instance) },
    );
  }
  const parsed = refusalMessage(() => parseTaskId(whole(input.taskId)));
  if (typeof parsed === 'string') return [['throws', expected.throws ?? expected.message, parsed]];
  const { runSpecId: runSpec, instanceId: instance, containerName: container = null, kind, attempt } = parsed;
  return idChecks(expected, { runSpec, instance, container, kind, attempt });
}

function refusalMessage<T>(run: () => T): T | string {
  try {
    return run();
  } catch (refusal) {
    if (refusal instanceof Refusal) return refusal.message;
    throw refusal;
  }
}

function idChecks(expected: Fields, actual: Fields): readonly Check[] {
  return Object.entries(expected)
    .filter(([field]) => field !== 'note')
    .map(([field, value]) => {
      if (!(field in actual)) throw new UnknownShape(`what is meant by ${field}`);
      return [field, value, actual[field]];
    });
}

/** Judges by area. */
export const ID_JUDGES: readonly (readonly [string, Judge])[] = [
  ['id-validation', { input: ['id', 'ids'], expected: ['valid', 'violations'], run: idValidation }],
  ['path-id', { input: ['canonical', 'base', 'restOf', 'parents of', 'sort'], run: pathId }],
  ['task-id', { input: ['taskId', 'taskIds', 'next of', 'instance', 'container'], run: taskId }],
];
