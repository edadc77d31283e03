/**
 * Replays which server each request got from a running HAProxy (`haproxy-balance/`): choices by algorithm, weights and disabled
 * servers; dead servers, retries and redispatch with their waits in whole seconds; headers, cookies and its own answers.
 */
import { parseIpv4 } from '@portolan/core';
import {
  Attempt,
  type HaproxyBackend as Backend,
  type BackendServer,
  type Balancer,
  type Chooser,
  createBalancer,
  type HaproxyVersion,
  ownAnswer,
  readHaproxyConfig,
  requestHeaders,
  responseHeaders,
} from '@portolan/dcos';
import type { Report } from './report.ts';
import { canonical, listOf, ReplayTally, recordOf } from './result.ts';

type Row = Readonly<Record<string, unknown>>;

const CLIENT: Chooser = { source: parseIpv4('127.0.0.1') };
const COOKIE = '  cookie mesosphere_server_id insert indirect nocache\n';

/** Replays one recorded file. */
export function replay(text: string, file: string): Report {
  const recorded = recordOf(JSON.parse(text));
  const tally = new ReplayTally();
  const version: HaproxyVersion = /2\.[2-9]/.test(String(recorded.haproxy ?? file)) ? '2.6' : '2.0';
  if (recorded.rows !== undefined)
    for (const [index, item] of listOf(recorded.rows).entries())
      replayChoices(tally, `${file} rows[${index}]`, recordOf(item), version);
  else if (recorded.rawRequestSeen !== undefined) replayMisc(tally, file, recorded, version);
  else for (const [title, outcomes] of Object.entries(recorded)) replayDead(tally, `${file} ${title}`, title, outcomes, version);
  return tally;
}

function backendOf(lines: string): Backend {
  const backend = readHaproxyConfig(`backend b\n${lines}`).backends.get('b');
  if (backend === undefined) throw new Error('no backend');
  return backend;
}

function replayChoices(tally: ReplayTally, name: string, row: Row, version: HaproxyVersion): void {
  const disabled = new Set(listOf(row.disabled).map(Number));
  const lines = listOf(row.weights).map((weight, i) => {
    return `  server s${i + 1} 10.0.0.${i + 1}:80 id ${i + 1} weight ${String(weight)}${disabled.has(i + 1) ? ' disabled' : ''}`;
  });
  const balancer = createBalancer(backendOf([`  balance ${String(row.alg)}`, ...lines].join('\n')), version);
  const open: BackendServer[] = [];
  const inputs = listOf(row.input);
  const picked = listOf(row.picked).map((_, i) => {
    const input = inputs[i];
    if (Array.isArray(input) && input[0] === 'close') {
      for (const server of open.splice(Number(input[1]), 1)) balancer.release(server);
      return '-';
    }
    const server = balancer.take(typeof input === 'string' ? { source: parseIpv4(input) } : CLIENT);
    if (server === undefined) return '-';
    if (Array.isArray(input)) open.push(server);
    else balancer.release(server);
    return server.id;
  });
  tally.compare(`${name} ${String(row.alg)} ${canonical(row.weights)}`, canonical(row.picked), canonical(picked));
}

/** The servers of a title such as `roundrobin s1,dead,dead,s3,s4`; undefined if it is not understood. */
function backendOfTitle(title: string): Backend | undefined {
  if (title === 'cookie to dead server') return backendOf(COOKIE + serverLines(['dead2', 's1', 's3']));
  if (title === 'source only server dead') return backendOf(`  balance source\n${serverLines(['dead1'])}`);
  if (title === 'source, 3 servers, hash hits the dead one')
    return backendOf(`  balance source\n${serverLines(['s1', 'dead2', 's3'])}`);
  const weighted = /^(\w+) weights (.+)$/.exec(title);
  if (weighted !== null) {
    const entries = (weighted[2] ?? '').split(',');
    const names = entries.map((entry, i) => (entry.endsWith('(dead)') ? `dead${i + 1}` : `s${i + 1}`));
    return backendOf(
      `  balance ${weighted[1]}\n${serverLines(
        names,
        entries.map((entry) => Number.parseInt(entry, 10)),
      )}`,
    );
  }
  const [, algorithm, list = ''] = /^(\w+) (.+)$/.exec(title) ?? [];
  const many = /^(\d+) dead then (\w+)$/.exec(list);
  const names = many === null ? list.split(',') : [...Array.from({ length: Number(many[1]) }, () => 'dead'), many[2] ?? ''];
  if (!names.every((name) => /^(dead|s\d+)$/.test(name))) return undefined;
  return backendOf(`  balance ${algorithm}\n${serverLines(names)}`);
}

function serverLines(names: readonly string[], weights?: readonly number[]): string {
  return names
    .map(
      (name, i) =>
        `  server ${name} 10.0.0.${i + 1}:80 id ${i + 1} cookie c${name.replace(/\D/g, '')} weight ${weights?.[i] ?? 1}`,
    )
    .join('\n');
}

function replayDead(tally: ReplayTally, name: string, title: string, outcomes: unknown, version: HaproxyVersion): void {
  // What the recorder's own model thought of it.
  if (typeof outcomes === 'boolean') return;
  const backend = backendOfTitle(title);
  if (backend === undefined) return tally.skip(name, 'a title of servers that is not understood');
  const balancer = createBalancer(backend, version);
  const expected = listOf(outcomes).map((outcome) => inSeconds(String(outcome)));
  const actual = listOf(outcomes).map((outcome) => {
    const source = /^(\d+\.\d+\.\d+\.\d+) /.exec(String(outcome))?.[1];
    const client = source === undefined ? CLIENT : { source: parseIpv4(source) };
    const answer = outcomeOf(backend, balancer, client, title.startsWith('cookie') ? 'c2' : undefined, version);
    return source === undefined ? answer : `${source} ${answer}`;
  });
  tally.compare(name, expected.join(', '), actual.join(', '));
}

/** `200/s1@39ms` as `200/s1@0`. */
function inSeconds(outcome: string): string {
  return outcome.replace(/@(\d+)ms/, (_, ms) => `@${Math.round(Number(ms) / 1000)}`);
}

/** Status, server, seconds and a new cookie of one request to servers of which those called dead refuse. */
function outcomeOf(
  backend: Backend,
  balancer: Balancer,
  client: Chooser,
  cookie: string | undefined,
  version: HaproxyVersion,
): string {
  const attempt = Attempt.start(backend, balancer, client, cookie, version);
  if (attempt === undefined) return '503@0';
  for (let delay = 0; ; ) {
    const { server } = attempt;
    if (!server.name.startsWith('dead')) {
      attempt.finished();
      const set =
        attempt.newCookie === undefined || backend.cookie === '' ? '' : ` ${backend.cookie}=${attempt.newCookie}; path=/`;
      return `200/${server.name}@${delay / 1000}${set}`;
    }
    const next = attempt.refused();
    delay += next.delay;
    if (next.kind === 'give-up') return `503@${delay / 1000}`;
  }
}

function replayMisc(tally: ReplayTally, file: string, row: Row, version: HaproxyVersion): void {
  for (const [field, value] of Object.entries(row)) {
    const run = MISC.get(field);
    if (run === undefined) tally.skip(`${file} ${field}`, `field '${field.slice(0, 40)}' is not known`);
    else run(tally, `${file} ${field}`, value, version);
  }
}

type Misc = (tally: ReplayTally, name: string, value: unknown, version: HaproxyVersion) => void;

/** The recorder's five servers: the second is dead in `live` and the runs after it. */
const FIVE = ['s1', 'dead2', 's3', 's4', 's5'];

const MISC: ReadonlyMap<string, Misc> = new Map<string, Misc>([
  ['live', (tally, name, value, version) => replayRound(tally, name, value, FIVE, version)],
  ['keepalive', (tally, name, value, version) => replayRound(tally, name, value, FIVE, version)],
  ['dead2', (tally, name, value, version) => replayRound(tally, name, value, FIVE, version)],
  ['tdead2', (tally, name, value, version) => replayRound(tally, name, value, FIVE, version)],
  ['alldead', (tally, name, value, version) => replayRound(tally, name, value, ['dead1', 'dead2', 'dead3', 'dead4'], version)],
  ['one', (tally, name, value, version) => replayRound(tally, name, [value], ['dead1'], version)],
  ['chkAfter', (tally, name, value, version) => replayRound(tally, name, value, ['s1', 's3'], version)],
  ['rawRequestSeen', replayRequest],
  ['rawResponseHeaders', replayResponse],
  [
    'allDeadBody',
    (tally, name, value, version) => tally.compare(name, String(value), ownAnswer({ kind: 'unavailable' }, version).body),
  ],
  [
    'allDeadHeaders',
    (tally, name, value, version) =>
      tally.compare(name, canonical(value), canonical(ownAnswer({ kind: 'unavailable' }, version).headers.flat())),
  ],
  ['stickyFirst', (tally, name, value, version) => replaySticky(tally, name, recordOf(value).headers, version, 'c1')],
  ['stickyCookie', (tally, name, value) => tally.compare(name, String(value), 'mesosphere_server_id=c1')],
  ['stickyNext', replayStuck],
  ['stickyUnknown', (tally, name, value, version) => replaySticky(tally, name, listOf(value)[1], version, 'c3')],
]);

/** Requests in a row; the round may have begun before the first that is recorded. */
function replayRound(tally: ReplayTally, name: string, value: unknown, names: readonly string[], version: HaproxyVersion): void {
  const backend = backendOf(serverLines(names));
  const expected = listOf(value).map((outcome) => inSeconds(String(outcome)).replace(/^(\d)@/, '200/s$1@'));
  const rounds = names.map((_, skip) => {
    const balancer = createBalancer(backend, version);
    for (let i = 0; i < skip; i++) outcomeOf(backend, balancer, CLIENT, undefined, version);
    return expected.map(() => outcomeOf(backend, balancer, CLIENT, undefined, version)).join(', ');
  });
  const wanted = expected.join(', ');
  tally.compare(name, wanted, rounds.includes(wanted) ? wanted : (rounds[0] ?? ''));
}

const POST_BACKEND = [
  '  mode http',
  '  option forwardfor',
  '  http-request set-header X-Forwarded-Port %[dst_port]',
  '  http-request add-header X-Forwarded-Proto https if { ssl_fc }',
].join('\n');

function replayRequest(tally: ReplayTally, name: string, value: unknown, version: HaproxyVersion): void {
  const port = Number(/x-forwarded-port: (\d+)/.exec(String(value))?.[1]);
  const headers = [
    ['Host', '93.186.40.121:3141'],
    ['User-Agent', 't/1'],
    ['X-Forwarded-For', '1.2.3.4'],
    ['Connection', 'keep-alive'],
  ] as const;
  const request = { method: 'GET', target: '/', headers, source: CLIENT.source };
  const lines = requestHeaders(request, backendOf(POST_BACKEND), { port }, version).map(
    ([field, text]) => `${field}: ${text}\r\n`,
  );
  tally.compare(name, String(value), `GET / HTTP/1.1\r\n${lines.join('')}\r\n`);
}

const ANSWER = (server: string) =>
  [
    ['X-Id', server],
    ['Content-Length', '12'],
    ['Content-Type', 'text/plain; charset=utf-8'],
  ] as const;

/** The recorded client asked for `Connection: close`; HAProxy grants it in its own spelling. */
function withClose(headers: readonly (readonly [string, string])[], version: HaproxyVersion): readonly string[] {
  return [...headers.flat(), version === '2.6' ? 'connection' : 'Connection', 'close'];
}

function replayResponse(tally: ReplayTally, name: string, value: unknown, version: HaproxyVersion): void {
  const headers = responseHeaders(ANSWER(String(listOf(value)[1])), backendOf(POST_BACKEND), undefined, version);
  tally.compare(name, canonical(value), canonical(withClose(headers, version)));
}

function replaySticky(tally: ReplayTally, name: string, value: unknown, version: HaproxyVersion, cookie: string): void {
  const headers = responseHeaders(ANSWER(String(listOf(value)[1])), backendOf(COOKIE + POST_BACKEND), cookie, version);
  tally.compare(name, canonical(value), canonical(withClose(headers, version)));
}

function replayStuck(tally: ReplayTally, name: string, value: unknown, version: HaproxyVersion): void {
  const backend = backendOf(COOKIE + serverLines(FIVE));
  const balancer = createBalancer(backend, version);
  const actual = listOf(value).map(() => [outcomeOf(backend, balancer, CLIENT, 'c1', version), []]);
  const expected = listOf(value).map((item) => [inSeconds(String(listOf(item)[0])), listOf(item)[1]]);
  tally.compare(name, canonical(expected), canonical(actual));
}
