/**
 * ACLs and conditions of a haproxy.cfg, as far as Marathon-LB and Edge-LB write them: what a rule asks about a request
 * (HAProxy 2.0, src/acl.c). Lines with the same ACL name are alternatives. Of regular expressions, which are PCRE's in HAProxy,
 * those that a linear-time engine reads are modelled.
 */
import { type Cidr, contains, type Ipv4, parseCidr, Refusal } from '@portolan/core';
import { findPattern } from '@portolan/scheduler';

/** What rules can ask about a request. */
export interface ProxiedRequest {
  readonly method: string;
  /** Path and query, as in the request line. */
  readonly target: string;
  readonly headers: readonly HeaderField[];
  /** The client's address. */
  readonly source: Ipv4;
  /** The name a client asks for in its TLS greeting; absent without TLS. */
  readonly serverName?: string;
}

/** A header's name, in any case, and its value. */
export type HeaderField = readonly [name: string, value: string];

/** Something a request is or is not. */
export type Test =
  | { readonly kind: 'header'; readonly name: string; readonly matches: Matcher }
  | { readonly kind: 'path'; readonly matches: Matcher }
  | { readonly kind: 'source'; readonly network: Cidr }
  | { readonly kind: 'tls' }
  | { readonly kind: 'server-name'; readonly matches: Matcher }
  | { readonly kind: 'authenticated'; readonly userList: string }
  | { readonly kind: 'constant'; readonly value: boolean };

/** Whether a text is as a pattern wants it. */
type Matcher = (text: string) => boolean;

/** A term of a condition: one of its tests must hold, or none. */
export interface Term {
  readonly negated: boolean;
  readonly anyOf: readonly Test[];
}

/** When a rule counts: `if` or `unless` all terms of one of the alternatives hold. */
export interface Condition {
  readonly unless: boolean;
  readonly anyOf: readonly (readonly Term[])[];
}

/** The condition of a rule that has none. */
export const ALWAYS: Condition = { unless: false, anyOf: [[]] };

/** ACLs of a section by name. */
export type Acls = ReadonlyMap<string, readonly Test[]>;

/** Whether a condition holds. */
export function holds({ unless, anyOf }: Condition, request: ProxiedRequest): boolean {
  return (
    unless !== anyOf.some((terms) => terms.every((term) => term.negated !== term.anyOf.some((test) => passes(test, request))))
  );
}

/**
 * Reads what an ACL asks: a test for each of its patterns, of which one must hold. Without a pattern none does.
 * @param words of an `acl` line after the name, or between braces
 * @param where for complaints: `haproxy.cfg:12`
 */
export function readTests(words: readonly string[], where: string): readonly Test[] {
  const [fetch = '', ...rest] = words;
  if (rest.length === 0) {
    const plain = PLAIN_TESTS.get(fetch);
    const userList = /^http_auth\(([^()]*)\)$/.exec(fetch)?.[1];
    if (plain !== undefined) return [plain];
    if (userList !== undefined) return [{ kind: 'authenticated', userList }];
  }
  if (fetch === 'req_ssl_hello_type' && rest.join() === '1') return [{ kind: 'tls' }];
  const [, sample = '', suffix, argument] = /^(.*?)(?:_(beg|end|sub|reg))?(?:\(([^()]*)\))?$/.exec(fetch) ?? [];
  const { flags, patterns } = readFlags(rest, suffix);
  if (fetch === 'src' && flags?.ignoreCase === false && flags.method === undefined)
    return patterns.map((value) => ({ kind: 'source', network: readNetwork(value, where) }));
  const make = sampleOf(sample, argument);
  if (flags === undefined || make === undefined) throw notModelled(words, where);
  return patterns.map((pattern) => make(matcherOf(pattern, flags, () => notModelled(words, where))));
}

const PLAIN_TESTS: ReadonlyMap<string, Test> = new Map<string, Test>([
  ['ssl_fc', { kind: 'tls' }],
  ['always_true', { kind: 'constant', value: true }],
  ['always_false', { kind: 'constant', value: false }],
]);

/** ACLs that are there without being written. */
const PREDEFINED: Acls = new Map<string, readonly Test[]>([
  ['TRUE', [{ kind: 'constant', value: true }]],
  ['FALSE', [{ kind: 'constant', value: false }]],
]);

interface Flags {
  readonly ignoreCase: boolean;
  readonly method: string | undefined;
}

/** The flags before the patterns; undefined if one of them is not modelled. */
function readFlags(
  words: readonly string[],
  suffix: string | undefined,
): { flags: Flags | undefined; patterns: readonly string[] } {
  let [ignoreCase, method, i] = [false, suffix, 0];
  for (; i < words.length; i++) {
    const word = words[i];
    if (word === '-i') ignoreCase = true;
    else if (word === '-m') method = words[++i];
    else break;
  }
  const known = words[i]?.startsWith('-') !== true || words[i] === '--';
  return { flags: known ? { ignoreCase, method } : undefined, patterns: words.slice(words[i] === '--' ? i + 1 : i) };
}

/** What is looked at; undefined if that is not modelled. */
function sampleOf(sample: string, argument: string | undefined): ((matches: Matcher) => Test) | undefined {
  if ((sample === 'hdr' || sample === 'req.hdr') && argument !== undefined)
    return (matches) => ({ kind: 'header', name: argument.toLowerCase(), matches });
  if (argument !== undefined) return undefined;
  if (sample === 'path') return (matches) => ({ kind: 'path', matches });
  if (SERVER_NAMES.has(sample)) return (matches) => ({ kind: 'server-name', matches });
  return undefined;
}

const SERVER_NAMES: ReadonlySet<string> = new Set(['ssl_fc_sni', 'req_ssl_sni', 'req.ssl_sni']);

function matcherOf(pattern: string, { ignoreCase, method }: Flags, refusal: () => Refusal): Matcher {
  const wanted = ignoreCase ? pattern.toLowerCase() : pattern;
  const inCase = ignoreCase ? (text: string) => text.toLowerCase() : (text: string) => text;
  switch (method) {
    case undefined:
    case 'str':
      return (text) => inCase(text) === wanted;
    case 'beg':
      return (text) => inCase(text).startsWith(wanted);
    case 'end':
      return (text) => inCase(text).endsWith(wanted);
    case 'sub':
      return (text) => inCase(text).includes(wanted);
    case 'reg': {
      const result = findPattern(ignoreCase ? `(?i:${pattern})` : pattern);
      if ('refusedBy' in result) throw refusal();
      return result.matches;
    }
    default:
      throw refusal();
  }
}

function notModelled(words: readonly string[], where: string): Refusal {
  const message = `the ACL '${words.join(' ').slice(0, 200)}' is not modelled`;
  return new Refusal({ component: 'haproxy', code: 'not-modelled', path: where, message });
}

/** Reads what comes after `if` or `unless`: names of ACLs and tests in braces, each perhaps after `!`, with `or` between alternatives. */
export function readCondition(keyword: 'if' | 'unless', words: readonly string[], acls: Acls, where: string): Condition {
  const anyOf: Term[][] = [[]];
  for (let i = 0; i < words.length; i++) {
    let word = words[i] ?? '';
    if (word.toLowerCase() === 'or' || word === '||') {
      anyOf.push([]);
      continue;
    }
    const negated = word.startsWith('!');
    if (negated) word = word.slice(1) || (words[++i] ?? '');
    if (word === '{') {
      const end = words.indexOf('}', i);
      if (end < 0)
        throw new Refusal({
          component: 'haproxy',
          code: 'invalid-condition',
          path: where,
          message: "missing closing '}' in condition",
        });
      anyOf.at(-1)?.push({ negated, anyOf: readTests(words.slice(i + 1, end), where) });
      i = end;
    } else {
      const tests = acls.get(word) ?? PREDEFINED.get(word);
      if (tests === undefined)
        throw new Refusal({
          component: 'haproxy',
          code: 'no-such-acl',
          path: where,
          message: `no such ACL : '${word.slice(0, 200)}'`,
        });
      anyOf.at(-1)?.push({ negated, anyOf: tests });
    }
  }
  return { unless: keyword === 'unless', anyOf };
}

function passes(test: Test, request: ProxiedRequest): boolean {
  switch (test.kind) {
    case 'header':
      return request.headers.some(([name, value]) => {
        return name.toLowerCase() === test.name && value.split(',').some((part) => test.matches(part.trim()));
      });
    case 'path':
      return test.matches(request.target.split('?', 1)[0] ?? '');
    case 'source':
      return contains(test.network, request.source);
    case 'tls':
      return request.serverName !== undefined;
    case 'server-name':
      return request.serverName !== undefined && test.matches(request.serverName);
    case 'authenticated':
      return isAuthenticated(test.userList, request);
    case 'constant':
      return test.value;
  }
}

/** Passwords of a user list are hashes of crypt(3), which is not modelled: only a request without credentials has an answer. */
function isAuthenticated(userList: string, request: ProxiedRequest): boolean {
  if (!request.headers.some(([name]) => name.toLowerCase() === 'authorization')) return false;
  const message = `passwords of the user list '${userList}' are not modelled`;
  throw new Refusal({ component: 'haproxy', code: 'not-modelled', path: userList, message });
}

function readNetwork(text: string, where: string): Cidr {
  try {
    return parseCidr(text.includes('/') ? text : `${text}/32`);
  } catch {
    throw new Refusal({
      component: 'haproxy',
      code: 'invalid-acl',
      path: where,
      message: `'${text.slice(0, 100)}' is not a valid IPv4 or IPv6 address`,
    });
  }
}
