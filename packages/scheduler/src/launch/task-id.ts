/**
 * Ids of tasks and instances, read back: whose they are, and what the next launch is called.
 * Follows mesosphere/marathon v1.8 core/task/Task.scala and core/instance/Instance.scala, older forms of ids included.
 */
import { Refusal } from '@portolan/core';

/** A task id taken apart. */
export interface ParsedTaskId {
  readonly kind: 'LegacyId' | 'LegacyResidentId' | 'EphemeralTaskId' | 'TaskIdWithIncarnation';
  /** The app's or pod's id as a path. */
  readonly runSpecId: string;
  readonly instanceId: string;
  /** The pod's container; absent for an app. */
  readonly containerName?: string;
  /** Which launch of the instance, if the id tells. */
  readonly attempt?: number;
}

/**
 * Takes a task id apart.
 * @throws Refusal `bad-task-id`
 */
export function parseTaskId(id: string): ParsedTaskId {
  const parsed = withInstance(id) ?? legacy(id);
  if (parsed !== undefined) return parsed;
  const message = `taskId ${id.slice(0, 200)} no valid identifier`;
  throw new Refusal({ component: 'marathon', code: 'bad-task-id', path: 'taskId', message });
}

/**
 * The id of the instance's next launch.
 * @throws Refusal `bad-task-id`
 */
export function nextTaskId(id: string): string {
  const { kind, attempt } = parseTaskId(id);
  const counted = kind === 'LegacyResidentId' || kind === 'TaskIdWithIncarnation';
  return counted ? `${id.slice(0, id.lastIndexOf('.'))}.${(attempt ?? 0) + 1}` : `${id}.1`;
}

/** The path an instance id begins with; undefined if it is no instance id. */
export function runSpecOfInstance(instanceId: string): string | undefined {
  const mark = instanceMark(instanceId, instanceId.length);
  return mark === undefined ? undefined : pathOf(instanceId.slice(0, mark.at));
}

/** `app.instance-<uuid>._app.1` and its like: the mark that lies furthest to the right and is followed by the right parts. */
function withInstance(id: string): ParsedTaskId | undefined {
  for (let mark = instanceMark(id, id.length); mark !== undefined; mark = instanceMark(id, mark.at)) {
    const rest = id.slice(mark.after);
    const split = rest.search(/[._]/);
    if (split <= 0 || mark.at === 0) continue;
    const parts = rest.slice(split + 1).split('.');
    const [container = '', attempt] = parts;
    // Between UUID and container stands one `.` or `_`; the container of an app is `_app`.
    const counted = parts.length === 2 && attempt !== undefined && /^\d+$/.test(attempt);
    if (container === '' || !(parts.length === 1 || counted)) continue;
    const app = container === '_app' || container === '$anon';
    return {
      kind: counted ? 'TaskIdWithIncarnation' : 'EphemeralTaskId',
      runSpecId: pathOf(id.slice(0, mark.at)),
      instanceId: id.slice(0, mark.after + split),
      ...(app ? {} : { containerName: container }),
      ...(counted ? { attempt: Number(attempt) } : {}),
    };
  }
  return undefined;
}

/** `app.<uuid>` or `app_<uuid>`, of before 1.8; with a number if the task was resident. */
function legacy(id: string): ParsedTaskId | undefined {
  const dot = id.lastIndexOf('.');
  const tail = id.slice(dot + 1);
  if (dot > 0 && /^\d+$/.test(tail)) {
    const base = legacyBase(id.slice(0, dot));
    if (base !== undefined) return { kind: 'LegacyResidentId', ...base, attempt: Number(tail) };
  }
  const base = legacyBase(id);
  return base === undefined ? undefined : { kind: 'LegacyId', ...base };
}

function legacyBase(text: string): { readonly runSpecId: string; readonly instanceId: string } | undefined {
  const at = Math.max(text.lastIndexOf('.'), text.lastIndexOf('_'));
  if (at <= 0 || at === text.length - 1) return undefined;
  const path = text.slice(0, at);
  return { runSpecId: pathOf(path), instanceId: `${path}.marathon-${text.slice(at + 1)}` };
}

function instanceMark(id: string, before: number): { readonly at: number; readonly after: number } | undefined {
  const found = ['.instance-', '.marathon-'].map((mark) => ({ at: before <= 0 ? -1 : id.lastIndexOf(mark, before - 1), mark }));
  const last = found.reduce((a, b) => (b.at > a.at ? b : a));
  return last.at < 0 ? undefined : { at: last.at, after: last.at + last.mark.length };
}

function pathOf(safe: string): string {
  return `/${safe.split('_').join('/')}`;
}
