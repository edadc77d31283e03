/**
 * Pages of HAProxy's own: that it lives, its statistics, and what Marathon-LB's scripts in Lua tell of it (HAProxy 1.9, src/proto_http.c and
 * src/stats.c; mesosphere/marathon-lb, getconfig.lua, getpids.lua, getmaps.lua, signalmlb.lua). Statistics for people are a plain table.
 */
import type { Frontend } from './haproxy.ts';
import type { OwnAnswer } from './headers.ts';

/** What the pages are made of. */
export interface PageSources {
  /** The configuration in force. */
  readonly text: string;
  readonly pid: number;
  /** The map files, by their paths. */
  readonly files: ReadonlyMap<string, string>;
  csv(): string;
}

/** What a frontend answers before it looks at any rule. */
export function monitorPage(frontend: Frontend, target: string): OwnAnswer | undefined {
  if (frontend.monitor === '' || target !== frontend.monitor) return undefined;
  const body = '<html><body><h1>200 OK</h1>\nService ready.\n</body></html>\n';
  return {
    ...page(body, 'text/html'),
    headers: [
      ['Cache-Control', 'no-cache'],
      ['Connection', 'close'],
      ['Content-Type', 'text/html'],
    ],
  };
}

/** The statistics, if a frontend shows them there: looked at after its own rules. */
export function statsPage(frontend: Frontend, target: string, sources: PageSources): OwnAnswer | undefined {
  if (!frontend.stats || !target.startsWith(STATS)) return undefined;
  const csv = sources.csv();
  if (target.slice(STATS.length).split(';').includes('csv')) return page(csv, 'text/plain');
  const rows = csv
    .trimEnd()
    .split('\n')
    .map((line) => `<tr><td>${line.split(',').map(escaped).join('</td><td>')}</td></tr>`);
  return page(`<html><body><table>\n${rows.join('\n')}\n</table></body></html>\n`, 'text/html');
}

const STATS = '/haproxy?stats';

/** What a script answers; undefined if there is none of that name. */
export function scriptPage(service: string, { text, pid, files }: PageSources): OwnAnswer | undefined {
  switch (service) {
    case 'lua.getconfig':
      return page(text, 'text/plain');
    case 'lua.getpids':
      return page(String(pid), 'text/plain');
    case 'lua.getvhostmap':
      return page(files.get('/marathon-lb/domain2backend.map') ?? '', 'text/plain');
    case 'lua.getappmap':
      return page(files.get('/marathon-lb/app2backend.map') ?? '', 'text/plain');
    // Marathon-LB makes its configuration anew, which comes out the same.
    case 'lua.signalmlbhup':
      return page('Sent SIGHUP signal to marathon-lb', 'text/plain');
    case 'lua.signalmlbusr1':
      return page('Sent SIGUSR1 signal to marathon-lb', 'text/plain');
    default:
      return undefined;
  }
}

function page(body: string, type: string): OwnAnswer {
  const length = String(new TextEncoder().encode(body).length);
  return {
    status: 200,
    reason: 'OK',
    headers: [
      ['Content-Length', length],
      ['Content-Type', type],
    ],
    body,
  };
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
