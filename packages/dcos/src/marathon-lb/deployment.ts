/**
 * Zero-downtime deployments: two colours of an app behind one load balancer. Apps with the same `HAPROXY_DEPLOYMENT_GROUP`
 * become one, the older one's definition counts, and as many of its tasks drain as the newer one can stand in for
 * (mesosphere/marathon-lb, marathon_lb.py `get_apps`, 1.15.0). Times are compared as ISO 8601 text, not parsed.
 */
import type { LbApp } from './app.ts';
import { pythonInt, refuse } from './python.ts';

/** The apps as services are made of them: those without a group first, then a merged one for each group. */
export function mergeDeployments(apps: readonly LbApp[]): readonly LbApp[] {
  const merged: LbApp[] = [];
  const groups = new Map<string, LbApp>();
  for (const app of apps) {
    const label = app.labels.get('HAPROXY_DEPLOYMENT_GROUP');
    if (label === undefined) {
      merged.push(app);
      continue;
    }
    if (label === '') throw refuse('invalid-label', `${app.id}/labels/HAPROXY_DEPLOYMENT_GROUP`, 'string index out of range');
    const id = label.startsWith('/') ? label : `/${label}`;
    const earlier = groups.get(id);
    groups.set(id, { ...(earlier === undefined ? app : merge(earlier, app)), id });
  }
  return [...merged, ...groups.values()];
}

/** @param second the one listed later, whose health checks tell whether health is looked at */
function merge(first: LbApp, second: LbApp): LbApp {
  let [older, newer] = startedAt(first) < startedAt(second) ? [first, second] : [second, first];
  let target = 1;
  if (newer.labels.has('HAPROXY_DEPLOYMENT_NEW_INSTANCES')) {
    if (scaledAt(older) > scaledAt(newer)) [older, newer] = [newer, older];
    target = targetInstances(newer);
  }
  const healthy =
    second.healthChecks.length > 0 ? newer.tasks.filter((task) => task.alive?.includes(true)).length : newer.instances;
  const drainable = Math.max(0, healthy + older.instances - target);
  const tasks = older.tasks.toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  const draining = Math.min(healthy, drainable);
  const drained = tasks.map((task, i) => (i < draining ? { ...task, draining: true } : task));
  return { ...older, tasks: [...drained, ...newer.tasks] };
}

function targetInstances(app: LbApp): number {
  const label = 'HAPROXY_DEPLOYMENT_TARGET_INSTANCES';
  const value = app.labels.get(label);
  if (value === undefined) throw refuse('invalid-label', `${app.id}/labels`, `'${label}'`);
  return pythonInt(value, `${app.id}/labels/${label}`);
}

function startedAt(app: LbApp): string {
  const label = 'HAPROXY_DEPLOYMENT_STARTED_AT';
  const value = app.labels.get(label);
  return value === undefined ? '' : comparable(value, `${app.id}/labels/${label}`);
}

function scaledAt(app: LbApp): string {
  if (app.lastScalingAt === undefined) throw refuse('malformed-app', `${app.id}/versionInfo/lastScalingAt`, "'lastScalingAt'");
  return comparable(app.lastScalingAt, `${app.id}/versionInfo/lastScalingAt`);
}

/** The time of day to nine decimals, so that text order is time order. */
function comparable(time: string, path: string): string {
  const parts = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?Z?$/.exec(time);
  if (parts === null) throw refuse('invalid-label', path, `Unknown string format: ${time.slice(0, 100)}`);
  return `${parts[1]}T${parts[2]}.${(parts[3] ?? '').padEnd(9, '0')}`;
}
