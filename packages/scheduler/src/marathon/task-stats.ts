/**
 * How many tasks an app has, in which states, and for how long: by itself and by version.
 * Follows mesosphere/marathon v1.8 core/appinfo/{TaskCounts,TaskStatsByVersion,TaskLifeTime}.scala.
 */
import type { App } from '../app/app.ts';
import type { MarathonTask, PlainJson } from './show.ts';

/** Tasks by state; one that is starting is in none of them. */
export interface TaskCounts {
  readonly staged: number;
  readonly running: number;
  readonly healthy: number;
  readonly unhealthy: number;
}

/** Counts tasks. */
export function taskCounts(tasks: readonly MarathonTask[]): TaskCounts {
  const count = (test: (task: MarathonTask) => boolean): number => tasks.filter(test).length;
  return {
    staged: count(({ condition }) => condition === 'Provisioned' || condition === 'Staging'),
    running: count(({ condition }) => condition === 'Running'),
    healthy: count(({ healthy }) => healthy === true),
    unhealthy: count(({ healthy }) => healthy === false),
  };
}

/** What `embed=apps.taskStats` shows; a group of tasks that is empty is left out. `now` is virtual milliseconds. */
export function taskStats(app: App, tasks: readonly MarathonTask[], now: number): PlainJson {
  const groups: readonly (readonly [string, readonly MarathonTask[]])[] = [
    ['startedAfterLastScaling', tasks.filter(({ version }) => version >= app.lastScalingAt)],
    ['totalSummary', tasks],
    ['withLatestConfig', tasks.filter(({ version }) => version >= app.lastConfigChangeAt)],
    ['withOutdatedConfig', tasks.filter(({ version }) => version < app.lastConfigChangeAt)],
  ];
  return Object.fromEntries(
    groups.flatMap(([name, some]) =>
      some.length === 0 ? [] : [[name, { stats: { counts: { ...taskCounts(some) }, ...lifeTime(some, now) } }]],
    ),
  );
}

function lifeTime(tasks: readonly MarathonTask[], now: number): { readonly lifeTime?: PlainJson } {
  const times = tasks.flatMap(({ startedAt }) => (startedAt === undefined ? [] : [(now - startedAt) / 1000]));
  if (times.length === 0) return {};
  times.sort((a, b) => a - b);
  const sum = times.reduce((total, time) => total + time, 0);
  return { lifeTime: { averageSeconds: sum / times.length, medianSeconds: times[Math.floor(times.length / 2)] ?? 0 } };
}
