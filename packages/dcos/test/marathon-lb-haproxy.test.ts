import { readdirSync, readFileSync } from 'node:fs';
import { parseIpv4, Refusal } from '@portolan/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Attempt } from '../src/haproxy/attempt.ts';
import { createBalancer } from '../src/haproxy/balance.ts';
import type { HeaderField, ProxiedRequest } from '../src/haproxy/conditions.ts';
import { type BackendServer, type Balance, readHaproxyConfig } from '../src/haproxy/haproxy.ts';
import { cookieOf, ownAnswer, requestHeaders, responseHeaders } from '../src/haproxy/headers.ts';
import { chooseFrontend, frontendsAt, type MapFiles, routeConnection, routeRequest } from '../src/haproxy/route.ts';
import { haproxyConfig, LOAD_BALANCER_DEFAULTS } from '../src/marathon-lb/config.ts';
import { regenerate } from '../src/marathon-lb/regenerate.ts';

const RECORDED = new URL('../../conformance/recorded/', import.meta.url);
const recorded = (path: string) => readFileSync(new URL(path, RECORDED), 'utf8');
const configOf = (name: string) => readHaproxyConfig(recorded(`marathon-lb/${name}/output.cfg`));

const LB = parseIpv4('93.186.40.121');
const CLIENT = parseIpv4('198.51.100.7');

function request(target: string, headers: readonly HeaderField[], serverName?: string): ProxiedRequest {
  return { method: 'GET', target, headers, source: CLIENT, ...(serverName === undefined ? {} : { serverName }) };
}

const NOT_READ: ReadonlyMap<string, string> = new Map([
  [
    '57-sse-null-mode-vhost-tcp',
    "http frontend 'marathon_http_in' tries to use incompatible tcp backend 'v_10101' in a 'use_backend' rule (see 'mode').",
  ],
]);

test.each(readdirSync(new URL('marathon-lb/', RECORDED)).filter((name) => /^\d/.test(name)))(
  '%s is read, or refused by name',
  (name) => {
    const reason = NOT_READ.get(name);
    if (reason !== undefined) {
      expect(() => configOf(name)).toThrow(Refusal);
      expect(() => configOf(name)).toThrow(reason);
      return;
    }
    const text = recorded(`marathon-lb/${name}/output.cfg`);
    const config = configOf(name);
    expect([...config.backends.values()].flatMap((backend) => backend.servers)).toHaveLength(
      text.match(/^ {2}server /gm)?.length ?? 0,
    );
    expect(config.frontends).toHaveLength(text.match(/^(frontend|listen) /gm)?.length ?? 0);
  },
);

test("the post's twelve requests: three, three, two, two, two, as the live statistics say", () => {
  const config = configOf('01-post-bridge');
  const frontend = chooseFrontend(config, { address: LB, port: 3141 });
  const route = frontend && routeRequest(config, frontend, request('/', []), new Map());
  if (route?.kind !== 'backend') throw new Error('no backend');
  const balancer = createBalancer(route.backend);
  const served = new Map<string, number>();
  for (let i = 0; i < 12; i++) {
    const attempt = Attempt.start(route.backend, balancer, { source: CLIENT });
    const name = attempt?.server.name ?? '';
    served.set(name, (served.get(name) ?? 0) + 1);
    attempt?.finished();
  }
  const live = recorded('marathon-lb-live/post-stat-2.0.0.txt').matchAll(/^httpi_3141,(\d\S*?),\d+,(\d+),/gm);
  expect([...served]).toEqual([...live].map((row) => [row[1], Number(row[2])]));
});

interface Row {
  readonly alg: Balance['kind'];
  readonly weights: readonly number[];
  readonly disabled: readonly number[];
  readonly input?: readonly unknown[];
  readonly picked: readonly (number | '-')[];
}

const ROWS = (JSON.parse(recorded('haproxy-balance/choices-2.0.0.json')) as { rows: Row[] }).rows;

test('there are recorded choices of all three algorithms', () => {
  expect(new Set(ROWS.map(({ alg }) => alg))).toEqual(new Set(['roundrobin', 'leastconn', 'source']));
});

test.each(ROWS.map((row) => [`${row.alg} of ${row.weights.length} without ${row.disabled.join()}`, row] as const))(
  '%s',
  (_, row) => {
    const lines = row.weights.map(
      (weight, i) =>
        `  server s${i + 1} 10.0.0.${i + 1}:80 id ${i + 1} weight ${weight}${row.disabled.includes(i + 1) ? ' disabled' : ''}`,
    );
    const backend = readHaproxyConfig(['backend b', `  balance ${row.alg}`, ...lines].join('\n')).backends.get('b');
    if (backend === undefined) throw new Error('no backend');
    const balancer = createBalancer(backend);
    const open: BackendServer[] = [];
    const picked = row.picked.map((_pick, i) => {
      const input = row.input?.[i];
      if (Array.isArray(input) && input[0] === 'close') {
        for (const server of open.splice(Number(input[1]), 1)) balancer.release(server);
        return '-';
      }
      const server = balancer.take({ source: typeof input === 'string' ? parseIpv4(input) : CLIENT });
      if (server !== undefined) open.push(server);
      if (row.alg === 'roundrobin' && server !== undefined) balancer.release(server);
      return server?.id;
    });
    expect(picked).toEqual(row.picked);
  },
);

/** Runs requests against servers of which some refuse: `status/server@seconds` of each. */
function outcomes(lines: string, count: number, cookie?: string): string[] {
  const backend = readHaproxyConfig(`backend b\n${lines}`).backends.get('b');
  if (backend === undefined) throw new Error('no backend');
  const balancer = createBalancer(backend);
  return Array.from({ length: count }, () => {
    const attempt = Attempt.start(backend, balancer, { source: CLIENT }, cookie);
    if (attempt === undefined) return '503@0';
    for (let delay = 0; ; ) {
      if (!attempt.server.name.startsWith('dead')) {
        attempt.finished();
        return `200/${attempt.server.name}@${delay / 1000}${attempt.newCookie === undefined ? '' : ` ${attempt.newCookie}`}`;
      }
      const next = attempt.refused();
      delay += next.delay;
      if (next.kind === 'give-up') return `503@${delay / 1000}`;
    }
  });
}

const servers = (...names: readonly string[]) =>
  names.map((name, i) => `  server ${name} 10.0.0.${i + 1}:80 cookie c${name.slice(1)}`).join('\n');
const DEAD = JSON.parse(recorded('haproxy-balance/dead-2.0.0.json')) as Record<string, readonly string[]>;
/** `200/s1@39ms` as `200/s1@0`. */
const inSeconds = (rows: readonly string[] | undefined) =>
  rows?.map((row) => row.replace(/@(\d+)ms.*/, (_, ms) => `@${Math.round(Number(ms) / 1000)}`));

test.each([
  ['roundrobin s1,dead,dead,s3,s4', servers('s1', 'dead1', 'dead2', 's3', 's4')],
  ['roundrobin dead,dead,dead,s1', servers('dead1', 'dead2', 'dead3', 's1')],
  ['roundrobin 5 dead then s1', servers('dead1', 'dead2', 'dead3', 'dead4', 'dead5', 's1')],
  ['leastconn dead,s1,s3', `  balance leastconn\n${servers('dead1', 's1', 's3')}`],
  ['source only server dead', `  balance source\n${servers('dead1')}`],
])('dead servers, as recorded: %s', (name, lines) => {
  const expected = inSeconds(DEAD[name]);
  expect(outcomes(lines, expected?.length ?? 0)).toEqual(expected);
});

test('a cookie for a dead server: two seconds, another server, a new cookie, as recorded', () => {
  const sticky =
    '  cookie mesosphere_server_id insert indirect nocache\n  server dead2 10.0.0.2:80 cookie c2\n  server s1 10.0.0.1:80 cookie c1\n  server s3 10.0.0.3:80 cookie c3';
  expect(outcomes(sticky, 2, 'c2')).toEqual(['200/s1@2 c1', '200/s3@2 c3']);
  expect(outcomes(sticky, 2, 'c3')).toEqual(['200/s3@0', '200/s3@0']);
  expect(outcomes(sticky, 2, 'unknown')).toEqual(['200/s1@0 c1', '200/s3@0 c3']);
});

test('one dead server alone: 503 after three seconds', () => {
  expect(outcomes(servers('dead1'), 1)).toEqual(['503@3']);
});

test.each(['2.0', '2.6'] as const)('headers are passed on as HAProxy %s passed them', (version) => {
  const misc = JSON.parse(recorded(`haproxy-balance/misc-${version === '2.0' ? '2.0.0' : '2.6.12'}.json`)) as {
    rawRequestSeen: string;
    allDeadBody: string;
    allDeadHeaders: readonly string[];
    stickyFirst: { headers: readonly string[] };
  };
  const [backend] = configOf('17-sticky').backends.values();
  if (backend === undefined) throw new Error('no backend');
  const sent: ProxiedRequest = {
    ...request('/', [
      ['Host', '93.186.40.121:3141'],
      ['User-Agent', 't/1'],
      ['X-Forwarded-For', '1.2.3.4'],
      ['Connection', 'keep-alive'],
    ]),
    source: parseIpv4('127.0.0.1'),
  };
  const lines = requestHeaders(sent, backend, { port: 31001 }, version).map(([name, value]) => `${name}: ${value}\r\n`);
  expect(`GET / HTTP/1.1\r\n${lines.join('')}\r\n`).toBe(misc.rawRequestSeen);

  const unavailable = ownAnswer({ kind: 'unavailable' }, version);
  expect(unavailable).toMatchObject({ status: 503, reason: 'Service Unavailable', body: misc.allDeadBody });
  expect(unavailable.headers.flat()).toEqual(misc.allDeadHeaders);

  const answered: readonly HeaderField[] = [
    ['X-Id', '1'],
    ['Content-Length', '12'],
    ['Content-Type', 'text/plain; charset=utf-8'],
    ['Connection', 'close'],
  ];
  expect(responseHeaders(answered, backend, 'c1', version).flat()).toEqual(misc.stickyFirst.headers.slice(0, -2));
});

test('a client-sent X-Forwarded-Port is replaced, the client itself is in X-Forwarded-For', () => {
  const [backend] = configOf('01-post-bridge').backends.values();
  if (backend === undefined) throw new Error('no backend');
  const headers = requestHeaders(request('/', [['x-forwarded-port', '1']], 'tls.example.com'), backend, { port: 3141 }, '1.9');
  expect(headers).toEqual([
    ['X-Forwarded-Port', '3141'],
    ['X-Forwarded-Proto', 'https'],
    ['X-Forwarded-For', '198.51.100.7'],
    ['Connection', 'close'],
  ]);
});

/** The route of a request in one word. */
function routeOf(name: string, port: number, sent: ProxiedRequest, maps: MapFiles = new Map()): string {
  const config = configOf(name);
  const frontend = chooseFrontend(config, { address: LB, port });
  if (frontend === undefined) return 'closed';
  const route = routeRequest(config, frontend, sent, maps);
  if (route.kind === 'backend') return route.backend.name;
  if (route.kind === 'redirect') return `${route.code} ${route.location}`;
  return route.kind === 'respond' ? route.service : route.kind;
}

const host = (name: string): readonly HeaderField[] => [['Host', name]];

test.each([
  ['01-post-bridge', 80, request('/', host('httpi.example.com')), 'unavailable'],
  ['01-post-bridge', 3142, request('/', []), 'closed'],
  ['01-post-bridge', 9091, request('/', [['X-Marathon-App-Id', '/httpi']]), 'httpi_3141'],
  ['01-post-bridge', 9091, request('/', []), 'unavailable'],
  ['01-post-bridge', 9090, request('/_haproxy_getconfig', []), 'lua.getconfig'],
  ['01-post-bridge', 9090, request('/_haproxy_getpids?x', []), 'lua.getpids'],
  ['13-vhost-path', 80, request('/api/v1', host('WEB.example.com')), 'web_10101'],
  ['13-vhost-path', 80, request('/', host('web.example.com')), 'unavailable'],
  ['13-vhost-path', 443, request('/api', [], 'web.example.com'), 'web_10101'],
  ['15-redirect-https', 80, request('/x?y=1', host('b.example.com')), '301 https://b.example.com/x?y=1'],
  ['15-redirect-https', 80, request('/', host('c.example.com')), 'unavailable'],
  ['15-redirect-https', 443, request('/', [], 'b.example.com'), 'web2_10102'],
  ['28-auth', 80, request('/', host('web.example.com')), 'authenticate'],
  ['28-auth', 80, request('/', host('other.example.com')), 'unavailable'],
  ['35-network-allowed', 3141, request('/', []), 'deny'],
  ['35-network-allowed', 3141, { ...request('/', []), source: parseIpv4('10.1.40.77') }, 'h_3141'],
  ['35-network-allowed', 3141, { ...request('/', []), source: parseIpv4('10.1.55.43') }, 'h_3141'],
])('%s, port %i: %o goes to %s', (name, port, sent, expected) => {
  expect(routeOf(name, port, sent)).toBe(expected);
});

test('maps are looked up by host without port and by app id', () => {
  const files = ['domain2backend.map', 'app2backend.map'];
  const maps = new Map(files.map((file) => [`/marathon-lb/${file}`, recorded(`marathon-lb/30-map/${file}`)]));
  expect(routeOf('30-map', 80, request('/', host('BB.example.com:80')), maps)).toBe('b_10102');
  expect(routeOf('30-map', 443, request('/', [], 'a.example.com'), maps)).toBe('a_10101');
  expect(routeOf('30-map', 80, request('/c', host('c.example.com')), maps)).toBe('c_10103');
  expect(routeOf('30-map', 80, request('/d', host('c.example.com')), maps)).toBe('unavailable');
  expect(routeOf('30-map', 9091, request('/', [['x-marathon-app-id', '/d']]), maps)).toBe('d_3141');
});

test('a TCP frontend takes connections by address alone', () => {
  const config = configOf('35-network-allowed');
  const frontend = chooseFrontend(config, { address: LB, port: 10102 });
  if (frontend === undefined) throw new Error('no frontend');
  expect(routeConnection(config, frontend, CLIENT).kind).toBe('deny');
  expect(routeConnection(config, frontend, parseIpv4('10.1.40.1')).kind).toBe('backend');
});

test('two apps at one port are said to be ambiguous, a bind address is kept', () => {
  const config = configOf('41-same-port-two-apps');
  expect(frontendsAt(config, { address: LB, port: 3141 }).map(({ name }) => name)).toEqual(['a_3141', 'b_3141']);
  expect(() => chooseFrontend(config, { address: LB, port: 3141 })).toThrow(
    'several frontends listen at 93.186.40.121:3141: a_3141, b_3141',
  );
  const local = configOf('29-ssl-bind');
  expect(chooseFrontend(local, { address: LB, port: 8443 })).toBeUndefined();
  expect(chooseFrontend(local, { address: parseIpv4('127.0.0.1'), port: 8443 })?.name).toBe('s_8443');
});

test('cookies are found among others', () => {
  expect(cookieOf([['Cookie', 'a=1; mesosphere_server_id=c1; b=2']], 'mesosphere_server_id')).toBe('c1');
  expect(cookieOf([['Cookie', 'xmesosphere_server_id=c1']], 'mesosphere_server_id')).toBeUndefined();
});

test.each([
  ['backend b\n  balance random', "parsing [haproxy.cfg:2] : balance 'random' is not modelled"],
  ['frontend f\n  bind *:80\n  mode weird', "parsing [haproxy.cfg:3] : unknown proxy mode 'weird'."],
  ['frontend f\n  bind *:http', "parsing [haproxy.cfg:2] : 'bind' : missing port number in '*:http'"],
  ['frontend f\n  use_backend __proto__', "unable to find required use_backend: '__proto__'."],
  ['frontend f\n  use_backend b if constructor', "no such ACL : 'constructor'"],
  ['backend b\n  server s 10.0.0.1:65536', "parsing [haproxy.cfg:2] : 'server s' : missing port number in '10.0.0.1:65536'"],
  ['backend b\n  server s 10.0.0.1:80 backup', "parsing [haproxy.cfg:2] : the server's option 'backup' is not modelled"],
  ['bind *:80', "parsing [haproxy.cfg:1] : unknown keyword 'bind' out of section"],
])('%j is refused', (text, message) => {
  expect(() => readHaproxyConfig(text)).toThrow(Refusal);
  expect(() => readHaproxyConfig(text)).toThrow(message);
});

test('an app that HAProxy refuses is left out, the others stay', () => {
  const app = (id: string, labels: Readonly<Record<string, string>>) => ({
    id,
    labels: { HAPROXY_GROUP: 'external', ...labels },
    networks: [{ mode: 'container/bridge' }],
    container: { portMappings: [{ containerPort: 0, servicePort: 10101 }] },
    tasks: [{ id: `${id}.1`, host: '10.0.0.1', ports: [20000] }],
  });
  const good = app('/good', { HAPROXY_0_PORT: '3141' });
  const weird = app('/weird', { HAPROXY_0_MODE: 'weird' });
  const vhost = app('/tcp', { HAPROXY_0_MODE: 'tcp', HAPROXY_0_VHOST: 'tcp.example.com' });
  const { text, excluded, haproxy } = regenerate([weird, good, vhost], LOAD_BALANCER_DEFAULTS);
  expect(text).toBe(haproxyConfig([good], LOAD_BALANCER_DEFAULTS).text);
  expect([...excluded.keys()]).toEqual(['/weird', '/tcp']);
  expect(excluded.get('/weird')?.message).toContain("unknown proxy mode 'weird'.");
  expect([...haproxy.backends.keys()]).toEqual(['good_3141']);
  const unmodelled = app('/random', { HAPROXY_0_BALANCE: 'random' });
  expect(() => regenerate([good, unmodelled], LOAD_BALANCER_DEFAULTS)).toThrow("balance 'random' is not modelled");
});

test('with any servers down round robin is fair: counts of those up differ by one at most', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 9 }), fc.nat({ max: 40 }), (up, requests) => {
      const lines = up.map((_, i) => `  server s${i} 10.0.0.${i + 1}:80 id ${i + 1}`);
      const backend = readHaproxyConfig(`backend b\n${lines.join('\n')}`).backends.get('b');
      if (backend === undefined) throw new Error('no backend');
      const balancer = createBalancer(backend);
      for (const [i, server] of backend.servers.entries()) balancer.setUp(server, up[i] === true);
      const counts = backend.servers.map(() => 0);
      for (let i = 0; i < requests; i++) {
        const server = balancer.take({ source: CLIENT });
        expect(server === undefined).toBe(!up.includes(true));
        if (server !== undefined) counts[server.id - 1] = (counts[server.id - 1] ?? 0) + 1;
      }
      const served = counts.filter((_, i) => up[i]);
      expect(counts.every((count, i) => up[i] || count === 0)).toBe(true);
      expect(Math.max(0, ...served) - Math.min(requests, ...served)).toBeLessThanOrEqual(1);
    }),
    { numRuns: 1000 },
  );
});
