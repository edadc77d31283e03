/**
 * Lines of a section that decide about requests: `use_backend`, `redirect`, `http-request` and `tcp-request content`, each with its
 * condition (HAProxy 2.0, src/http_act.c, src/http_rules.c, src/tcp_rules.c). Actions that are not modelled are refused by name.
 */
import { Refusal } from '@portolan/core';
import { type Acls, ALWAYS, type Condition, readCondition } from './conditions.ts';
import type { HaproxyVersion } from './headers.ts';
import type { ConfigLine } from './lines.ts';
import { refuseLine, where } from './server-line.ts';

/** What may happen to a request, and when. */
export interface Rule {
  readonly action: Action;
  readonly when: Condition;
}

/** Consequences of rules. */
export type Action =
  | { readonly kind: 'use-backend'; readonly backend: string; readonly keyword: 'use_backend' | 'default_backend' }
  | { readonly kind: 'look-up'; readonly key: MapKey; readonly map: string }
  | { readonly kind: 'redirect'; readonly code: number; readonly location: string | undefined }
  | { readonly kind: 'authenticate'; readonly realm: string }
  | { readonly kind: 'allow' }
  | { readonly kind: 'deny' }
  | { readonly kind: 'set-header'; readonly name: string; readonly value: string }
  | { readonly kind: 'add-header'; readonly name: string; readonly value: string }
  | { readonly kind: 'respond'; readonly service: string };

/** What a request is looked up by in a map: its host, its app id or the TLS name. */
export type MapKey = 'host' | 'app-id' | 'server-name';

/** The section a line stands in, for complaints. */
interface Place {
  readonly kind: string;
  readonly name: string;
}

/** Reads a `use_backend` line. */
export function readUseBackend(line: ConfigLine, acls: Acls): Rule {
  const [, target = '', keyword, ...condition] = line.words;
  const when = readWhen(line, keyword, condition, acls);
  if (!target.startsWith('%[')) return { action: { kind: 'use-backend', backend: target, keyword: 'use_backend' }, when };
  const map = /,map\(([^()]*)\)\]$/.exec(target)?.[1];
  const key = MAP_KEYS.get(target.slice(2, target.lastIndexOf(',map(')));
  if (map === undefined || key === undefined)
    throw refuseLine(line, 'not-modelled', `the expression '${target.slice(0, 200)}' is not modelled`);
  return { action: { kind: 'look-up', key, map }, when };
}

/** Reads a `default_backend` line: the rule that counts when no other does. */
export function readDefaultBackend({ words: [, backend = ''] }: ConfigLine): Rule {
  return { action: { kind: 'use-backend', backend, keyword: 'default_backend' }, when: ALWAYS };
}

const MAP_KEYS: ReadonlyMap<string, MapKey> = new Map([
  ['req.hdr(host),lower,regsub(:.*$,,)', 'host'],
  ['req.hdr(x-marathon-app-id),lower', 'app-id'],
  ['ssl_fc_sni,lower', 'server-name'],
]);

/** Reads a line that answers or changes a request: `redirect`, `http-request`, `tcp-request content`. */
export function readRule(line: ConfigLine, acls: Acls, section: Place, version: HaproxyVersion): Rule {
  const at = line.words.findIndex((word) => word === 'if' || word === 'unless');
  const words = at < 0 ? line.words : line.words.slice(0, at);
  const when = at < 0 ? ALWAYS : readWhen(line, line.words[at], line.words.slice(at + 1), acls);
  const [layer, verb = '', ...rest] = words;
  const action =
    layer === 'redirect' ? readRedirect(words.slice(1)) : readAction(layer === 'tcp-request' ? (rest[0] ?? '') : verb, rest);
  if (action === undefined && layer === 'http-request' && (verb === 'set-header' || verb === 'add-header'))
    throw badHeaderRule(line, section, version, [verb, ...rest]);
  if (action === undefined) throw refuseLine(line, 'not-modelled', `'${words.join(' ').slice(0, 200)}' is not modelled`);
  return { action, when };
}

/** A rule with fewer or more than a header's name and value. */
function badHeaderRule(line: ConfigLine, section: Place, version: HaproxyVersion, words: readonly string[]): Refusal {
  const [verb, , value, more] = words;
  const rule = `'http-request ${verb}'`;
  if (version === '2.0') return refuseLine(line, 'invalid-rule', `${rule} expects exactly 2 arguments.`);
  if (value !== undefined && more !== undefined) {
    const message = `parsing [${where(line)}]: ${rule} expects either 'if' or 'unless' followed by a condition but found '${more}'.`;
    return new Refusal({ component: 'haproxy', code: 'invalid-rule', path: where(line), message });
  }
  const problem = `error detected in ${section.kind} '${section.name}' while parsing ${rule} rule : expects exactly 2 arguments.`;
  return refuseLine(line, 'invalid-rule', problem);
}

function readRedirect(words: readonly string[]): Action | undefined {
  const option = (name: string) => words[words.indexOf(name) + 1] ?? '';
  const code = Number(words.includes('code') ? option('code') : 302);
  if (words.includes('location')) return { kind: 'redirect', code, location: option('location') };
  return words.includes('scheme') && option('scheme') === 'https' ? { kind: 'redirect', code, location: undefined } : undefined;
}

function readAction(verb: string, [first = '', value, ...more]: readonly string[]): Action | undefined {
  if (verb === 'allow' || verb === 'accept') return { kind: 'allow' };
  if (verb === 'deny' || verb === 'reject') return { kind: 'deny' };
  if (verb === 'auth' && first === 'realm') return { kind: 'authenticate', realm: value ?? '' };
  if (verb === 'use-service') return { kind: 'respond', service: first };
  if ((verb === 'set-header' || verb === 'add-header') && value !== undefined && more.length === 0)
    return { kind: verb, name: first, value };
  return undefined;
}

function readWhen(line: ConfigLine, keyword: string | undefined, condition: readonly string[], acls: Acls): Condition {
  if (keyword === undefined) return ALWAYS;
  if (keyword === 'if' || keyword === 'unless') return readCondition(keyword, condition, acls, where(line));
  throw refuseLine(line, 'not-modelled', `'${keyword.slice(0, 100)}' is not modelled`);
}
