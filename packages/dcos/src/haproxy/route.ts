/**
 * Where HAProxy sends a connection or a request: the frontend by address and port, the backend by the frontend's rules, then
 * the backend's own rules (HAProxy 2.0: `http-request` rules before `redirect` ones, these before `use_backend`). Only what
 * Marathon-LB's configurations contain.
 */
import { formatIpv4, type Ipv4, memo, Refusal } from '@portolan/core';
import { holds, type ProxiedRequest } from './conditions.ts';
import type { Backend, Frontend, HaproxyConfig } from './haproxy.ts';
import type { Action, MapKey, Rule } from './rules.ts';

/** Texts of map files by path: lines of `key value`, of which the first for a key counts. Not changed once in use. */
export type MapFiles = ReadonlyMap<string, string>;

/** What becomes of a request. */
export type Route =
  | { readonly kind: 'backend'; readonly backend: Backend }
  | { readonly kind: 'redirect'; readonly code: number; readonly location: string }
  | { readonly kind: 'authenticate'; readonly realm: string }
  | { readonly kind: 'deny' }
  /** HAProxy answers itself: `lua.getconfig`, `lua.getpids`, ... */
  | { readonly kind: 'respond'; readonly service: string }
  /** No rule leads to a backend: 503. */
  | { readonly kind: 'unavailable' };

/** The frontends that listen at an address and port, in the order of the file. */
export function frontendsAt(config: HaproxyConfig, at: { readonly address: Ipv4; readonly port: number }): readonly Frontend[] {
  return config.frontends.filter((frontend) => {
    return frontend.binds.some((bind) => bind.port === at.port && (bind.address === undefined || bind.address === at.address));
  });
}

/**
 * The frontend that accepts connections at an address and port; nothing if none listens there.
 * @throws Refusal if several do: the kernel spreads connections over their sockets by a hash with a secret, which has no
 *   answer here
 */
export function chooseFrontend(
  config: HaproxyConfig,
  at: { readonly address: Ipv4; readonly port: number },
): Frontend | undefined {
  const [frontend, ...others] = frontendsAt(config, at);
  if (frontend === undefined || others.length === 0) return frontend;
  const names = [frontend, ...others].map(({ name }) => name).join(', ');
  const place = `${formatIpv4(at.address)}:${at.port}`;
  const message = `several frontends listen at ${place}: ${names}; the kernel would split connections between them`;
  throw new Refusal({ component: 'haproxy', code: 'ambiguous-frontend', path: place, message });
}

/** The backend of connections to a TCP frontend. */
export function routeConnection(config: HaproxyConfig, frontend: Frontend, source: Ipv4): Route {
  return routeRequest(config, frontend, { method: '', target: '', headers: [], source }, new Map());
}

/** What becomes of a request at a frontend. */
export function routeRequest(config: HaproxyConfig, frontend: Frontend, request: ProxiedRequest, maps: MapFiles): Route {
  const answer = answerOf(frontend.rules, request);
  if (answer !== undefined) return answer;
  for (const { action, when } of frontend.rules) {
    const name = backendOf(action, request, maps);
    const backend = name === undefined ? undefined : config.backends.get(name);
    if (backend === undefined || !holds(when, request)) continue;
    return answerOf(backend.rules, request) ?? { kind: 'backend', backend };
  }
  return { kind: 'unavailable' };
}

/** What a section's rules answer by themselves, if anything. */
function answerOf(rules: readonly Rule[], request: ProxiedRequest): Route | undefined {
  for (const { action, when } of rules) {
    if (!FINAL.has(action.kind) || !holds(when, request)) continue;
    if (action.kind === 'allow') break;
    if (action.kind === 'deny' || action.kind === 'authenticate' || action.kind === 'respond') return action;
  }
  for (const { action, when } of rules) {
    if (action.kind === 'redirect' && holds(when, request)) {
      return { kind: 'redirect', code: action.code, location: action.location ?? `https://${hostOf(request)}${request.target}` };
    }
  }
  return undefined;
}

const FINAL: ReadonlySet<Action['kind']> = new Set<Action['kind']>(['allow', 'deny', 'authenticate', 'respond']);

function backendOf(action: Action, request: ProxiedRequest, maps: MapFiles): string | undefined {
  if (action.kind === 'use-backend') return action.backend;
  if (action.kind !== 'look-up') return undefined;
  return parsedMaps(maps).get(action.map)?.get(keyOf(action.key, request));
}

const parsedMaps = memo((maps: MapFiles) => new Map([...maps].map(([path, text]) => [path, readMapFile(text)])));

function readMapFile(text: string): ReadonlyMap<string, string> {
  const map = new Map<string, string>();
  for (const line of text.split('\n')) {
    const blank = line.indexOf(' ');
    if (blank > 0 && !map.has(line.slice(0, blank))) map.set(line.slice(0, blank), line.slice(blank + 1));
  }
  return map;
}

function keyOf(key: MapKey, request: ProxiedRequest): string {
  if (key === 'host') return (hostOf(request).split(':', 1)[0] ?? '').toLowerCase();
  return (key === 'app-id' ? headerOf(request, 'x-marathon-app-id') : (request.serverName ?? '')).toLowerCase();
}

function hostOf(request: ProxiedRequest): string {
  return headerOf(request, 'host');
}

function headerOf(request: ProxiedRequest, wanted: string): string {
  return request.headers.find(([name]) => name.toLowerCase() === wanted)?.[1] ?? '';
}
