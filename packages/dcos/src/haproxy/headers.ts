/**
 * Headers as HAProxy passes them on, and its own answers, byte by byte as versions 2.0 and 2.6 were seen to do; 1.9, which
 * the first half of 2019 ran, keeps the case of names. Answers other than 503 follow HAProxy's sources, unrecorded.
 */
import { formatIpv4 } from '@portolan/core';
import { type HeaderField, holds, type ProxiedRequest } from './conditions.ts';
import type { Backend } from './haproxy.ts';
import { rewrittenLocation } from './rewrite.ts';
import type { Route } from './route.ts';

/** Versions that differ in headers. Marathon-LB 1.13 has 1.9, 1.14 and 1.15 have 2.0. */
export type HaproxyVersion = '1.9' | '2.0' | '2.6';

/** An answer of HAProxy's own. */
export interface OwnAnswer {
  readonly status: number;
  readonly reason: string;
  readonly headers: readonly HeaderField[];
  readonly body: string;
}

/**
 * The headers a server receives.
 * @param to where the client connected: its port goes into `X-Forwarded-Port`
 */
export function requestHeaders(
  request: ProxiedRequest,
  backend: Backend,
  to: { readonly port: number },
  version: HaproxyVersion,
): readonly HeaderField[] {
  let headers = request.headers.filter(([name]) => name.toLowerCase() !== 'connection');
  for (const { action, when } of backend.rules) {
    if ((action.kind !== 'set-header' && action.kind !== 'add-header') || !holds(when, request)) continue;
    const value = action.value.replaceAll('%[dst_port]', String(to.port));
    if (action.kind === 'set-header') headers = headers.filter(([name]) => name.toLowerCase() !== action.name.toLowerCase());
    headers.push([action.name, value]);
  }
  if (backend.forwardFor) headers.push(['X-Forwarded-For', formatIpv4(request.source)]);
  return [...headers.map((field) => inCase(field, version)), connectionClose(version)];
}

/**
 * The headers a client receives.
 * @param cookie the value for the backend's cookie, if this response sets it
 */
export function responseHeaders(
  headers: readonly HeaderField[],
  backend: Backend,
  cookie: string | undefined,
  version: HaproxyVersion,
): readonly HeaderField[] {
  const passed = headers
    .filter(([name]) => name.toLowerCase() !== 'connection')
    .map(([name, value]): HeaderField => {
      return [name, name.toLowerCase() === 'location' ? rewrittenLocation(value, backend.rewrites) : value];
    });
  passed.push(...backend.responseHeaders);
  if (cookie !== undefined) {
    passed.push(['Set-Cookie', `${backend.cookie}=${cookie}; path=/`]);
    if (version !== '2.6') passed.push(['Cache-Control', 'private']);
  }
  return passed.map((field) => inCase(field, version));
}

/** The value of a cookie in a request's headers. */
export function cookieOf(headers: readonly HeaderField[], name: string): string | undefined {
  for (const [header, value] of headers) {
    if (header.toLowerCase() !== 'cookie') continue;
    for (const pair of value.split(';')) {
      const at = pair.indexOf('=');
      if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
    }
  }
  return undefined;
}

/** Why HAProxy answers itself: by its rules, for want of a server, or since the server's answer broke off. */
export type OwnReason = Exclude<Route, { kind: 'backend' | 'respond' }> | { readonly kind: 'bad-gateway' };

/** What HAProxy answers where no server does. */
export function ownAnswer(route: OwnReason, version: HaproxyVersion): OwnAnswer {
  switch (route.kind) {
    case 'unavailable':
      return page(503, 'Service Unavailable', 'No server is available to handle this request.', [], version);
    case 'bad-gateway':
      return page(502, 'Bad Gateway', 'The server returned an invalid or incomplete response.', [], version);
    case 'deny':
      return page(403, 'Forbidden', 'Request forbidden by administrative rules.', [], version);
    case 'authenticate': {
      const challenge: HeaderField = ['WWW-Authenticate', `Basic realm="${route.realm}"`];
      return page(401, 'Unauthorized', 'You need a valid user and password to access this content.', [challenge], version);
    }
    case 'redirect': {
      const headers: readonly HeaderField[] = [
        ['Content-Length', '0'],
        ['Location', route.location],
      ];
      return {
        status: route.code,
        reason: REASONS.get(route.code) ?? 'Found',
        headers: headers.map((field) => inCase(field, version)),
        body: '',
      };
    }
  }
}

const REASONS: ReadonlyMap<number, string> = new Map([
  [301, 'Moved Permanently'],
  [302, 'Found'],
  [303, 'See Other'],
  [307, 'Temporary Redirect'],
  [308, 'Permanent Redirect'],
]);

function page(
  status: number,
  reason: string,
  sentence: string,
  extra: readonly HeaderField[],
  version: HaproxyVersion,
): OwnAnswer {
  const body = `<html><body><h1>${status} ${reason}</h1>\n${sentence}\n</body></html>\n`;
  const common: readonly HeaderField[] = [['Cache-Control', 'no-cache'], ['Content-Type', 'text/html'], ...extra];
  const fields: readonly HeaderField[] = version === '1.9' ? common : [['Content-Length', String(body.length)], ...common];
  return { status, reason, headers: [...fields.map((field) => inCase(field, version)), connectionClose(version)], body };
}

/** HTX, since 2.0, has all names in lower case; 2.0 adds its own `Connection` as it is. */
function inCase([name, value]: HeaderField, version: HaproxyVersion): HeaderField {
  return [version === '1.9' ? name : name.toLowerCase(), value];
}

function connectionClose(version: HaproxyVersion): HeaderField {
  return [version === '2.6' ? 'connection' : 'Connection', 'close'];
}
