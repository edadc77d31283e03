/**
 * App ids: paths of dotted names, and what is made of them.
 * Follows mesosphere/marathon v1.8 state/PathId.scala; the patterns are checked segment by segment, in linear time.
 */
import type { Violation } from './refusal.ts';

const SEGMENT_PATTERN = '^(([a-z0-9]|[a-z0-9][a-z0-9\\-]*[a-z0-9])\\.)*([a-z0-9]|[a-z0-9][a-z0-9\\-]*[a-z0-9])|(\\.|\\.\\.)$';
const RESERVED = ['restart', 'tasks', 'versions', '.', '..'];

/** A path's parts, without the empty ones. */
export function pathParts(id: string): readonly string[] {
  return id.split('/').filter((part) => part !== '');
}

/** The id made absolute under the root, without surplus slashes; dots are kept. */
export function absoluteId(id: string): string {
  return `/${pathParts(id).join('/')}`;
}

/** The path with `.` and `..` resolved, relative ones under `base`. */
export function canonicalPath(id: string, base = '/'): string {
  const parts: string[] = [];
  for (const part of id.startsWith('/') ? pathParts(id) : [...pathParts(base), ...pathParts(id)]) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

/** The group an id is in: `/product` for `/product/frontend`, `/` for `/httpi`. */
export function parentOf(id: string): string {
  return `/${pathParts(id).slice(0, -1).join('/')}`;
}

/** All groups an id is in, the nearest first. */
export function ancestorsOf(id: string): readonly string[] {
  const parts = pathParts(id);
  return parts.map((_, i) => `/${parts.slice(0, parts.length - 1 - i).join('/')}`);
}

/** What of a path follows another, as a relative path; the whole path if it is not under the other. */
export function restOf(id: string, parent: string): string {
  const parts = pathParts(id);
  const above = pathParts(parent);
  const under = above.every((part, i) => parts[i] === part);
  return (under ? parts.slice(above.length) : parts).join('/');
}

/** Negative if `a` comes before `b`: part by part, a group before what is in it. */
export function comparePaths(a: string, b: string): number {
  const [left, right] = [pathParts(a), pathParts(b)];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const [x, y] = [left[i], right[i]];
    if (x === y) continue;
    if (x === undefined) return -1;
    if (y === undefined) return 1;
    return x < y ? -1 : 1;
  }
  return 0;
}

/** `product_frontend` for `/product/frontend`: the app's part of instance ids. */
export function safePath(id: string): string {
  return pathParts(id).join('_');
}

/** `frontend.product` for `/product/frontend`: the task's name and its name in discovery. */
export function hostnameOf(id: string): string {
  return [...pathParts(id)].reverse().join('.');
}

/** Whether a posted id passes the JSON-level pattern: segments are empty, `..` or dotted names. */
export function isPathPattern(id: string): boolean {
  return id.split('/').every((part) => part === '' || part === '..' || isDottedName(part));
}

/** What Marathon says against an app id, before anything is made of it. */
export function validateId(id: string): readonly Violation[] {
  const parts = pathParts(id);
  const say = (message: string): Violation => ({ path: '/id', message });
  if (!id.startsWith('/')) return [say('Path needs to be absolute')];
  if (parts.length === 0) return [{ path: '/', message: 'must not be root' }, say('Path must contain at least one path element')];
  const violations: Violation[] = [];
  if (parts.some((part) => part !== '.' && part !== '..' && !isDottedName(part))) {
    violations.push(say(`must fully match regular expression '${SEGMENT_PATTERN}'`));
  }
  if (RESERVED.includes(parts.at(-1) ?? '')) {
    violations.push(say(`must not end with any of the following reserved keywords: ${RESERVED.join(', ')}`));
  }
  const parent = `/${parts.slice(0, -1).join('/')}`;
  if (canonicalPath(parent) !== parent) violations.push(say(`Identifier is not child of '${parent}'`));
  return violations;
}

function isDottedName(text: string): boolean {
  return text.split('.').every((label) => /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/.test(label));
}
