/**
 * ACLs and conditions of a haproxy.cfg, as far as Marathon-LB writes them: what a rule asks about a request
 * (HAProxy 2.0, src/acl.c). Lines with the same ACL name are alternatives; the terms of a condition must all hold.
 */
import { type Cidr, contains, type Ipv4, parseCidr, Refusal } from '@portolan/core';

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
  | { readonly kind: 'header'; readonly name: string; readonly value: string; readonly ignoreCase: boolean }
  | { readonly kind: 'path'; readonly value: string; readonly ignoreCase: boolean; readonly prefix: boolean }
  | { readonly kind: 'source'; readonly network: Cidr }
  | { readonly kind: 'tls' }
  | { readonly kind: 'server-name'; readonly value: string; readonly ignoreCase: boolean }
  | { readonly kind: 'authenticated'; readonly userList: string };

/** A term of a condition: one of its tests must hold, or none. */
export interface Term {
  readonly negated: boolean;
  readonly anyOf: readonly Test[];
}

/** ACLs of a section by name. */
export type Acls = ReadonlyMap<string, readonly Test[]>;

/** Whether all terms hold. */
export function holds(terms: readonly Term[], request: ProxiedRequest): boolean {
  return terms.every((term) => term.negated !== term.anyOf.some((test) => passes(test, request)));
}

/**
 * Reads what an ACL asks: a test for each of its patterns, of which one must hold. Without a pattern none does.
 * @param words of an `acl` line after the name, or between braces
 * @param where for complaints: `haproxy.cfg:12`
 */
export function readTests(words: readonly string[], where: string): readonly Test[] {
  const [fetch = '', ...rest] = words;
  const ignoreCase = rest[0] === '-i';
  const values = ignoreCase ? rest.slice(1) : rest;
  const [, name, argument = ''] = /^([a-z_.]+)\(([^()]*)\)$/.exec(fetch) ?? [];
  if (fetch === 'ssl_fc' && rest.length === 0) return [{ kind: 'tls' }];
  if (fetch === 'req_ssl_hello_type' && rest.join() === '1') return [{ kind: 'tls' }];
  if (name === 'http_auth' && rest.length === 0) return [{ kind: 'authenticated', userList: argument }];
  if (name === 'hdr') return values.map((value) => ({ kind: 'header', name: argument.toLowerCase(), value, ignoreCase }));
  if (fetch === 'path' || fetch === 'path_beg')
    return values.map((value) => ({ kind: 'path', value, ignoreCase, prefix: fetch === 'path_beg' }));
  if (fetch === 'ssl_fc_sni' || fetch === 'req_ssl_sni')
    return values.map((value) => ({ kind: 'server-name', value, ignoreCase }));
  if (fetch === 'src' && !ignoreCase) return values.map((value) => ({ kind: 'source', network: readNetwork(value, where) }));
  const message = `the ACL '${words.join(' ').slice(0, 200)}' is not modelled`;
  throw new Refusal({ component: 'haproxy', code: 'not-modelled', path: where, message });
}

/** Reads the terms after `if`: names of ACLs and tests in braces, each perhaps after `!`. */
export function readTerms(words: readonly string[], acls: Acls, where: string): readonly Term[] {
  const terms: Term[] = [];
  for (let i = 0; i < words.length; i++) {
    let word = words[i] ?? '';
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
      terms.push({ negated, anyOf: readTests(words.slice(i + 1, end), where) });
      i = end;
    } else {
      const anyOf = acls.get(word);
      if (anyOf === undefined)
        throw new Refusal({
          component: 'haproxy',
          code: 'no-such-acl',
          path: where,
          message: `no such ACL : '${word.slice(0, 200)}'`,
        });
      terms.push({ negated, anyOf });
    }
  }
  return terms;
}

function passes(test: Test, request: ProxiedRequest): boolean {
  switch (test.kind) {
    case 'header':
      return request.headers.some(([name, value]) => {
        return (
          name.toLowerCase() === test.name && value.split(',').some((part) => same(part.trim(), test.value, test.ignoreCase))
        );
      });
    case 'path': {
      const path = request.target.split('?', 1)[0] ?? '';
      return test.prefix
        ? same(path.slice(0, test.value.length), test.value, test.ignoreCase)
        : same(path, test.value, test.ignoreCase);
    }
    case 'source':
      return contains(test.network, request.source);
    case 'tls':
      return request.serverName !== undefined;
    case 'server-name':
      return request.serverName !== undefined && same(request.serverName, test.value, test.ignoreCase);
    case 'authenticated':
      return isAuthenticated(test.userList, request);
  }
}

/** Passwords of a user list are hashes of crypt(3), which is not modelled: only a request without credentials has an answer. */
function isAuthenticated(userList: string, request: ProxiedRequest): boolean {
  if (!request.headers.some(([name]) => name.toLowerCase() === 'authorization')) return false;
  const message = `passwords of the user list '${userList}' are not modelled`;
  throw new Refusal({ component: 'haproxy', code: 'not-modelled', path: userList, message });
}

function same(a: string, b: string, ignoreCase: boolean): boolean {
  return ignoreCase ? a.toLowerCase() === b.toLowerCase() : a === b;
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
