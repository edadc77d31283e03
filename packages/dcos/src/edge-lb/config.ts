/**
 * The haproxy.cfg of a pool: the lines of Edge-LB's template, without its blank lines and indents, for the tasks there are
 * (mesosphere/dcos-edge-lb, apiserver/containerfiles/templates/haproxy.cfg.ctmpl, of 2018). Where that differs from the documentation of 1.5,
 * the documentation counts: conditions of a link must all hold, and a path put in the place of another brings no double slash.
 */
import type { MesosTask } from '../mesos-state.ts';
import type { Backend, RewriteHttp } from './backend.ts';
import { base64 } from './base64.ts';
import type { Frontend, Link } from './frontend.ts';
import { HEAD, STATS } from './head.ts';
import type { Pool } from './pool.ts';
import { type EdgeLbServer, serversOf } from './servers.ts';
import type { Endpoint } from './service.ts';

/** The configuration of a pool's load balancers. */
export function poolConfig(pool: Pool, tasks: Iterable<MesosTask>): string {
  const all = [...tasks];
  const sections = [
    ...HEAD,
    ['listen stats', `bind ${pool.stats.address}:${pool.stats.port}`, ...STATS],
    ...pool.frontends.map(frontendLines),
    ...pool.backends.map((backend) => [...backendLines(backend), ...serverLines(backend, all)]),
  ];
  return sections
    .map(([title, ...lines]) => [title, ...lines.map((line) => `  ${line}`)].join('\n'))
    .join('\n\n')
    .concat('\n');
}

function frontendLines(frontend: Frontend): readonly string[] {
  const { name, address, port, protocol, certificates, bindModifier, redirectExcept, links, defaultBackend } = frontend;
  const tls = protocol === 'HTTPS' ? ` ssl${certificates.map((file) => ` crt "$MESOS_SANDBOX/${file}"`).join('')}` : '';
  const http = protocol === 'HTTP' || protocol === 'HTTPS';
  return [
    `frontend ${name}`,
    `bind ${address}:${port}${tls}${bindModifier === '' ? '' : ` ${bindModifier}`}`,
    ...(http ? ['mode http', 'option httplog'] : ['mode tcp', 'option tcplog']),
    ...(protocol === 'TLS' ? ['tcp-request inspect-delay 5s', 'tcp-request content accept if { req_ssl_hello_type 1 }'] : []),
    ...(redirectExcept === undefined ? [] : [redirectLine(redirectExcept)]),
    ...frontend.lines,
    ...links.map((link) => linkLine(link, protocol)),
    ...(defaultBackend === '' ? [] : [`default_backend ${defaultBackend}`]),
  ];
}

function redirectLine(except: NonNullable<Frontend['redirectExcept']>): string {
  const alternatives = except.map(({ host, pathBeg }) =>
    ['{ always_true }', host && hostTest(host), pathBeg && `{ path_beg ${pathBeg} }`].filter(Boolean).join(' '),
  );
  const unless = alternatives.length === 0 ? '' : ` unless ${alternatives.join(' or ')}`;
  return `redirect scheme https code 307${unless}`;
}

function linkLine(link: Link, protocol: Frontend['protocol']): string {
  if (protocol === 'TCP') return `use_backend ${link.backend}`;
  return `use_backend ${link.backend} if ${testsOf(link, protocol).join(' ') || '{ always_true }'}`;
}

function testsOf({ hostEq, hostReg, pathBeg, pathReg, pathEnd }: Link, protocol: Frontend['protocol']): readonly string[] {
  if (protocol === 'TLS') return hostEq === '' ? [] : [`{ req.ssl_sni -i ${hostEq} }`];
  const hosts =
    protocol === 'HTTP'
      ? [hostEq && hostTest(hostEq), hostReg && `{ req.hdr(host) -i -m reg ${hostReg} }`]
      : [hostEq && `{ ssl_fc_sni ${hostEq} }`, hostReg && `{ ssl_fc_sni_reg ${hostReg} }`];
  const paths = [
    pathBeg && `{ path_beg ${pathBeg} }`,
    pathReg && `{ path_reg ${pathReg} }`,
    pathEnd && `{ path_end ${pathEnd} }`,
  ];
  return [...hosts, ...paths].filter((test) => test !== '');
}

function hostTest(host: string): string {
  return `{ req.hdr(host) -i -m reg ^${host}(:.*$)? }`;
}

function backendLines({ name, balance, protocol, check, rewrite, lines }: Backend): readonly string[] {
  return [
    `backend ${name}`,
    `balance ${balance}`,
    `mode ${protocol === 'HTTP' ? 'http' : 'tcp'}`,
    ...(check.http === undefined ? [] : [`option httpchk ${check.http}`.trimEnd()]),
    ...(check.line === '' ? [] : [check.line]),
    ...(protocol === 'HTTP' ? rewriteLines(rewrite) : []),
    ...lines,
  ];
}

function rewriteLines(rewrite: RewriteHttp): readonly string[] {
  const { sticky, host, path } = rewrite;
  const when = (wanted: boolean, line: string) => (wanted ? [line] : []);
  return [
    ...when(sticky?.enabled === true, sticky?.line || `cookie ${COOKIE} insert indirect nocache`),
    ...when(rewrite.forwardFor, 'option forwardfor'),
    ...when(rewrite.forwardedPort, 'http-request set-header X-Forwarded-Port %[dst_port]'),
    ...when(rewrite.forwardedProto, 'http-request add-header X-Forwarded-Proto https if { ssl_fc }'),
    ...when(rewrite.setHost && host !== '', `http-request set-header Host ${host}`),
    ...(path !== undefined && rewrite.rewritePath ? [pathLine(path)] : []),
    ...(path !== undefined && rewrite.rewriteLocation ? [locationLine(path)] : []),
  ];
}

const COOKIE = 'DCOS_SERVER_ID_FOR_THE_STICKY';

type PathPair = NonNullable<RewriteHttp['path']>;

function pathLine({ from, to }: PathPair): string {
  if (to === '' || to === '/') return String.raw`reqirep "^([^ :]*)\ ${from}/?(.*)" "\1\ /\2"`;
  return String.raw`reqirep "^([^ :]*)\ ${from}(.*)" "\1\ ${to}\2"`;
}

function locationLine(path: PathPair): string {
  const [from, to] = path.to === '' || path.to === '/' ? [`${path.from.replace(/\/$/, '')}/`, '/'] : [path.from, path.to];
  return String.raw`rspirep "^Location: (https?://.*(:[0-9]+)?)?${to}(.*)" "Location: ${from}\3" if { res.hdr(Location) -m found }`;
}

/** Each service's servers; one that two services choose is the first one's. */
function serverLines(backend: Backend, tasks: readonly MesosTask[]): readonly string[] {
  const lines = new Map<string, string>();
  for (const service of backend.services) {
    for (const server of serversOf(service, tasks)) {
      if (!lines.has(server.name)) lines.set(server.name, serverLine(server, service.endpoint, backend));
    }
  }
  return [...lines.values()];
}

function serverLine(
  { name, host, port }: EdgeLbServer,
  { type, check, options }: Endpoint,
  { protocol, rewrite }: Backend,
): string {
  const cookie = protocol === 'HTTP' && rewrite.sticky !== undefined ? `cookie ${base64(name)}` : '';
  const resolvers = type === 'ADDRESS' && /[a-z]/i.test(host) ? 'resolvers default_resolvers' : '';
  const words = ['server', name, `${host}:${port}`, check.enabled ? 'check' : '', check.enabled ? check.options : ''];
  return [...words, resolvers, cookie, options].filter((part) => part !== '').join(' ');
}
