/**
 * A haproxy.cfg as a value: who listens where, which rules choose a backend, which servers it has (HAProxy 2.0.17, as
 * Marathon-LB 1.15.0 bundles it). It reads what Marathon-LB and Edge-LB write; anything else is refused by its name. Timeouts, logs
 * and limits are read over: they do not change where a request goes.
 */
import { type Ipv4, isIpv4, parseIpv4, Refusal } from '@portolan/core';
import { parseIp } from '../vips/ip.ts';
import { type Acls, readTests, type Test } from './conditions.ts';
import type { HaproxyVersion } from './headers.ts';
import { type ConfigLine, readLines } from './lines.ts';
import { checkOption } from './options.ts';
import { type Rewrite, readRewrite } from './rewrite.ts';
import { type Rule, readDefaultBackend, readRule, readUseBackend } from './rules.ts';
import {
  type BackendServer,
  type Balance,
  readBalance,
  readPort,
  readServer,
  refuseLine,
  secondsOf,
  where,
} from './server-line.ts';

export type { BackendServer, Balance, ServerCheck } from './server-line.ts';

/** A configuration in force. */
export interface HaproxyConfig {
  /** In the order of the file; `listen` sections are among them. */
  readonly frontends: readonly Frontend[];
  readonly backends: ReadonlyMap<string, Backend>;
}

/** Protocol layer of a section. */
export type ProxyMode = 'http' | 'tcp';

/** Where connections come in, and how they find a backend. */
export interface Frontend {
  readonly name: string;
  readonly mode: ProxyMode;
  readonly binds: readonly Bind[];
  readonly rules: readonly Rule[];
  /** The target that is answered 200 as long as HAProxy lives; '' for none. */
  readonly monitor: string;
  /** Whether it shows the statistics. */
  readonly stats: boolean;
}

/** An address HAProxy listens at. */
export interface Bind {
  /** Absent for all addresses. */
  readonly address: Ipv4 | undefined;
  readonly port: number;
  readonly tls: boolean;
}

/** Servers that answer alike. */
export interface Backend {
  readonly name: string;
  readonly mode: ProxyMode;
  readonly balance: Balance;
  /** In the order of the file, without disabled ones. */
  readonly servers: readonly BackendServer[];
  /** The first server, disabled or not, whose checks would have no port to go to. */
  readonly uncheckable: string | undefined;
  readonly rules: readonly Rule[];
  /** Whether `X-Forwarded-For` is added. */
  readonly forwardFor: boolean;
  /** Name of the cookie that makes clients stick to a server; '' for none. */
  readonly cookie: string;
  /** Headers added to responses. */
  readonly responseHeaders: readonly (readonly [string, string])[];
  /** Changes of request and response lines, in their order. */
  readonly rewrites: readonly Rewrite[];
  /** How its servers are checked: by a GET of a path, or by a connection; the timeout is that of connections if absent. */
  readonly check: { readonly path: string | undefined; readonly timeoutSeconds: number | undefined };
}

/** Lines that do not change where a request goes, by their first words. */
const PASSED_OVER: ReadonlySet<string> = new Set(['timeout', 'stats', 'monitor-uri']);

/** Directives gone since 2.1, with what to use instead. */
const REMOVED: ReadonlyMap<string, string> = new Map([
  ['reqirep', 'http-request replace-header'],
  ['rspirep', 'http-response replace-header'],
  ['rspadd', 'http-response add-header'],
]);

/**
 * Reads a configuration and checks it as `haproxy -c` does.
 * @throws Refusal for what HAProxy refuses, in its words, and for what this model lacks, by its name
 */
export function readHaproxyConfig(text: string, version: HaproxyVersion = '2.0'): HaproxyConfig {
  const frontends: Frontend[] = [];
  const backends = new Map<string, Backend>();
  for (const section of sectionsOf(readLines(text))) {
    if (section.kind === 'frontend' || section.kind === 'listen') frontends.push(readFrontend(section, version));
    else if (section.kind === 'backend') backends.set(section.name, readBackend(section, version));
    else if (section.kind === 'defaults') checkOptions(section);
  }
  const config = { frontends, backends };
  for (const frontend of frontends) checkBackends(frontend, backends);
  for (const backend of backends.values()) checkPorts(backend);
  return config;
}

interface Section {
  readonly kind: string;
  readonly name: string;
  /** Of the line that opens it. */
  readonly line: number;
  readonly lines: ConfigLine[];
}

function sectionsOf(lines: readonly ConfigLine[]): readonly Section[] {
  const sections: Section[] = [];
  for (const line of lines) {
    const [word = '', name = ''] = line.words;
    if (SECTIONS.has(word)) {
      const section = { kind: word, name, line: line.number, lines: [] };
      refuseTwin(section, sections);
      sections.push(section);
      continue;
    }
    const section = sections.at(-1);
    if (section === undefined)
      throw refuseLine(line, 'unknown-keyword', `unknown keyword '${word.slice(0, 100)}' out of section`);
    section.lines.push(line);
  }
  return sections;
}

const SECTIONS: ReadonlySet<string> = new Set(['global', 'defaults', 'listen', 'frontend', 'backend', 'userlist', 'resolvers']);

/** Two frontends must not share a name, nor two backends; a frontend and a backend may. */
function refuseTwin({ kind, name, line }: Section, before: readonly Section[]): void {
  const twin = PROXIES.has(kind) ? before.find((other) => other.name === name && rivals(kind, other.kind)) : undefined;
  if (twin === undefined) return;
  const message = `Parsing [haproxy.cfg:${line}]: ${kind} '${name}' has the same name as ${twin.kind} '${name}' declared at haproxy.cfg:${twin.line}.`;
  throw new Refusal({ component: 'haproxy', code: 'same-name', path: `haproxy.cfg:${line}`, message });
}

const PROXIES: ReadonlySet<string> = new Set(['listen', 'frontend', 'backend']);

function rivals(a: string, b: string): boolean {
  return PROXIES.has(b) && (a === b || a === 'listen' || b === 'listen');
}

function readFrontend(section: Section, version: HaproxyVersion): Frontend {
  const acls = readAcls(section);
  const binds: Bind[] = [];
  const rules: Rule[] = [];
  let mode: ProxyMode = 'tcp';
  let monitor = '';
  let stats = false;
  let otherwise: Rule | undefined;
  for (const line of section.lines) {
    const [word = ''] = line.words;
    if (word === 'bind') binds.push(...readBind(line));
    else if (word === 'mode') mode = readMode(line);
    else if (word === 'use_backend') rules.push(readUseBackend(line, acls));
    else if (word === 'default_backend') otherwise = readDefaultBackend(line);
    else if (word === 'tcp-request' && line.words[1] === 'inspect-delay') continue;
    else if (word === 'redirect' || word === 'http-request' || word === 'tcp-request')
      rules.push(readRule(line, acls, section, version));
    else if (word === 'option') checkOption(line);
    else if (word === 'monitor-uri') monitor = line.words[1] ?? '';
    else if (word === 'stats' && line.words[1] === 'enable') stats = true;
    else if (word === 'server') throw noBackendCapability(line, section);
    else if (word !== 'acl' && word !== 'balance' && !PASSED_OVER.has(word)) throw unknownKeyword(line, section);
  }
  const all = otherwise === undefined ? rules : [...rules, otherwise];
  return { name: section.name, mode, binds, rules: all, monitor, stats };
}

function readBackend(section: Section, version: HaproxyVersion): Backend {
  const acls = readAcls(section);
  const all: ReturnType<typeof readServer>[] = [];
  const rules: Rule[] = [];
  const responseHeaders: [string, string][] = [];
  const rewrites: Rewrite[] = [];
  let mode: ProxyMode = 'tcp';
  let balance: Balance = { kind: 'roundrobin' };
  let checkPath: string | undefined;
  let checkTimeoutSeconds: number | undefined;
  let forwardFor = false;
  let cookie = '';
  for (const line of section.lines) {
    const [word = '', argument = ''] = line.words;
    if (word === 'server') all.push(readServer(line));
    else if (word === 'mode') mode = readMode(line);
    else if (word === 'balance') balance = readBalance(line);
    else if (word === 'redirect' || word === 'http-request' || word === 'tcp-request')
      rules.push(readRule(line, acls, section, version));
    else if (word === 'option' && argument === 'forwardfor') forwardFor = true;
    else if (word === 'option' && argument !== 'httpchk') checkOption(line);
    else if (word === 'option') checkPath = line.words[3] ?? line.words[2] ?? '/';
    else if (word === 'timeout' && argument === 'check') checkTimeoutSeconds = secondsOf(line.words[2] ?? '');
    else if (word === 'cookie') cookie = readCookie(line);
    else if (REMOVED.has(word) && version === '2.6') throw removedKeyword(line);
    else if (word === 'rspadd') responseHeaders.push(readResponseHeader(line));
    else if (word === 'reqirep' || word === 'rspirep') rewrites.push(readRewrite(line));
    else if (word !== 'acl' && !PASSED_OVER.has(word)) throw unknownKeyword(line, section);
  }
  const check = { path: checkPath, timeoutSeconds: checkTimeoutSeconds };
  const servers = all.filter(({ disabled }) => !disabled).map(({ server }) => server);
  const uncheckable = all.find(({ server }) => isUncheckable(server))?.server.name;
  return { name: section.name, mode, balance, servers, uncheckable, rules, forwardFor, cookie, responseHeaders, rewrites, check };
}

function readAcls(section: Section): Acls {
  const acls = new Map<string, Test[]>();
  for (const line of section.lines) {
    const [word, name = '', ...words] = line.words;
    // What is asked of a response is asked by rewrites alone, which know it themselves.
    if (word !== 'acl' || words[0]?.startsWith('res.')) continue;
    const tests = acls.get(name) ?? [];
    tests.push(...readTests(words, where(line)));
    acls.set(name, tests);
  }
  return acls;
}

/** Where a line listens: nowhere if that is a socket of another kind, or an address that no packet here has. */
function readBind(line: ConfigLine): readonly Bind[] {
  const [, place = '', ...options] = line.words;
  if (options.at(-1) === 'crt')
    throw refuseLine(line, 'invalid-bind', `'bind ${place}' in section 'frontend' : 'crt' : missing certificate location`);
  if (place.startsWith('abns@')) return [];
  const colon = place.lastIndexOf(':');
  const host = place.slice(0, colon);
  const port = readPort(place.slice(colon + 1));
  if (colon < 0 || port === undefined)
    throw refuseLine(line, 'invalid-bind', `'bind' : missing port number in '${place.slice(0, 100)}'`);
  if (port === 0) throw refuseLine(line, 'invalid-bind', "'bind' : invalid port '0'");
  // A socket of IPv6 takes connections of IPv4 too, as Linux has it.
  const any = host === '*' || host === '' || host === '0.0.0.0' || host === '::';
  const tls = options.includes('ssl');
  if (any) return [{ address: undefined, port, tls }];
  if (isIpv4(host)) return [{ address: parseIpv4(host), port, tls }];
  if (parseIp(host) !== undefined) return [];
  throw refuseLine(line, 'not-modelled', `a bind address that is a name is not modelled: '${host.slice(0, 100)}'`);
}

function readMode(line: ConfigLine): ProxyMode {
  const mode = line.words[1] ?? '';
  if (mode === 'http' || mode === 'tcp') return mode;
  if (mode === 'health') throw refuseLine(line, 'not-modelled', "the mode 'health' is not modelled");
  throw refuseLine(line, 'unknown-mode', `unknown proxy mode '${mode.slice(0, 100)}'.`);
}

function readCookie(line: ConfigLine): string {
  const [, name = '', ...options] = line.words;
  if (options.toSorted().join(' ') === 'indirect insert nocache') return name;
  throw refuseLine(line, 'not-modelled', `cookie options '${options.join(' ').slice(0, 100)}' are not modelled`);
}

function readResponseHeader(line: ConfigLine): [string, string] {
  const header = line.words[1] ?? '';
  const colon = header.indexOf(':');
  return [header.slice(0, Math.max(0, colon)), header.slice(colon + 1).trim()];
}

/** A rule of an HTTP frontend must not lead to a TCP backend, and any must exist. */
function checkBackends(frontend: Frontend, backends: ReadonlyMap<string, Backend>): void {
  for (const { action } of frontend.rules) {
    if (action.kind !== 'use-backend') continue;
    const backend = backends.get(action.backend);
    const path = frontend.name;
    if (backend === undefined) {
      throw new Refusal({
        component: 'haproxy',
        code: 'no-such-backend',
        path,
        message: `Proxy '${frontend.name}': unable to find required ${action.keyword}: '${action.backend}'.`,
      });
    }
    if (frontend.mode === backend.mode) continue;
    const message = `${frontend.mode} frontend '${frontend.name}' tries to use incompatible ${backend.mode} backend '${backend.name}' ${action.keyword === 'use_backend' ? "in a 'use_backend' rule" : 'as its default backend'} (see 'mode').`;
    if (frontend.mode === 'http') throw new Refusal({ component: 'haproxy', code: 'incompatible-backend', path, message });
  }
}

function isUncheckable({ port, check }: BackendServer): boolean {
  return port === 0 && check !== undefined && check.port === undefined;
}

/** Somebody must know where a check goes. */
function checkPorts({ name, uncheckable }: Backend): void {
  if (uncheckable === undefined) return;
  const message = `config: backend '${name}': server '${uncheckable}' has neither service port nor check port nor tcp_check rule 'connect' with port information.`;
  throw new Refusal({ component: 'haproxy', code: 'no-check-port', path: name, message });
}

/** Lines of `option` in a section that has none that count. */
function checkOptions(section: Section): void {
  for (const line of section.lines) if (line.words[0] === 'option') checkOption(line);
}

function noBackendCapability(line: ConfigLine, section: Section): Refusal {
  const at = where(line);
  const message = `[${at}] : parsing [${at}] : 'server' not allowed because ${section.kind} '${section.name}' has no backend capability.`;
  return new Refusal({ component: 'haproxy', code: 'no-backend-capability', path: at, message });
}

function unknownKeyword(line: ConfigLine, section: Section): Refusal {
  const keyword = line.words[0] ?? '';
  return refuseLine(
    line,
    'not-modelled',
    `'${keyword.slice(0, 100)}' in the ${section.kind} '${section.name.slice(0, 100)}' is not modelled`,
  );
}

function removedKeyword(line: ConfigLine): Refusal {
  const keyword = line.words[0] ?? '';
  const message = `The '${keyword}' directive is not supported anymore since HAProxy 2.1. Use '${REMOVED.get(keyword)}' instead.`;
  return refuseLine(line, 'removed-keyword', message);
}
