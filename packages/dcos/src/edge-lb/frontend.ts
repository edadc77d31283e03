/**
 * A frontend of a pool: where clients connect, and to which backend they are led (mesosphere/dcos-edge-lb,
 * apiserver/spec/v2/swagger.yml, V2Frontend). TLS is written into the configuration, and not acted upon.
 */
import { fieldsOf, integerOf, listOf, refusePool, textOf, textsOf, wordOf } from './fields.ts';

/** How a peer speaks. */
export type EdgeLbProtocol = 'HTTP' | 'HTTPS' | 'TCP' | 'TLS';

/** All of them. */
export const PROTOCOLS: readonly EdgeLbProtocol[] = ['HTTP', 'HTTPS', 'TCP', 'TLS'];

/** A frontend. */
export interface Frontend {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** Text at the end of its `bind` line. */
  readonly bindModifier: string;
  readonly certificates: readonly string[];
  readonly protocol: EdgeLbProtocol;
  /** Requests that are let in without TLS; undefined if all are. */
  readonly redirectExcept: readonly { readonly host: string; readonly pathBeg: string }[] | undefined;
  /** Lines before those of its links. */
  readonly lines: readonly string[];
  readonly links: readonly Link[];
  /** '' for none. */
  readonly defaultBackend: string;
}

/** Which requests a backend gets: those for which all that is not '' holds. */
export interface Link {
  readonly backend: string;
  readonly hostEq: string;
  readonly hostReg: string;
  readonly pathBeg: string;
  readonly pathReg: string;
  readonly pathEnd: string;
}

const FIELDS = [
  ...[
    'name',
    'bindAddress',
    'bindPort',
    'bindModifier',
    'certificates',
    'redirectToHttps',
    'miscStrs',
    'protocol',
    'linkBackend',
  ],
];
const CONDITIONS = ['hostEq', 'hostReg', 'pathBeg', 'pathReg', 'pathEnd'] as const;
const CERTIFICATE = /^(?:\$AUTOCERT|\$(?:ENVFILE|SECRETS)\/[a-zA-Z0-9_-]+)$/;

/** Reads an element of `frontends`. */
export function readFrontend(value: unknown, path: string): Frontend {
  const fields = fieldsOf(value, path, FIELDS);
  const address = textOf(fields, 'bindAddress') || '0.0.0.0';
  const bad = /[*[\]]/.exec(address)?.[0];
  if (bad !== undefined) throw refusePool(`${path}.bindAddress`, `frontend.bindAddress invalid character: '${bad}'`);
  const port = integerOf(fields, 'bindPort', -1);
  const protocol = wordOf(fields, 'protocol', PROTOCOLS);
  if (protocol === undefined) throw refusePool(`${path}.protocol`, 'frontend.protocol cannot be empty or the empty string');
  const link = fieldsOf(fields.values.get('linkBackend') ?? {}, `${path}.linkBackend`, ['defaultBackend', 'map']);
  return {
    name: sectionName(textOf(fields, 'name') || `frontend_${address}_${port}`, `${path}.name`),
    address: word(address, `${path}.bindAddress`),
    port,
    bindModifier: textOf(fields, 'bindModifier'),
    certificates: certificatesOf(textsOf(fields, 'certificates'), protocol, path),
    protocol,
    redirectExcept: redirectOf(fields.values.get('redirectToHttps'), protocol, `${path}.redirectToHttps`),
    lines: textsOf(fields, 'miscStrs'),
    links: listOf(link, 'map', readLink),
    defaultBackend: textOf(link, 'defaultBackend'),
  };
}

/** A word of a configuration: neither empty nor with blanks, quotes, comments or a backslash at its end. */
export function word(text: string, path: string): string {
  if (/^(?:[^\s"'#\\]|\\[^\s"'#])+$/.test(text)) return text;
  throw refusePool(path, `${path}: '${text.slice(0, 60)}' is not one word of a haproxy.cfg`);
}

/** A name HAProxy takes for a section. */
export function sectionName(text: string, path: string): string {
  if (/^[A-Za-z0-9_.:-]+$/.test(text)) return text;
  throw refusePool(path, `${path}: '${text.slice(0, 60)}' has a character that is not permitted in a name of HAProxy's`);
}

function certificatesOf(certificates: readonly string[], protocol: EdgeLbProtocol, path: string): readonly string[] {
  if (protocol !== 'HTTPS' && protocol !== 'TLS') return certificates;
  const at = `${path}.certificates`;
  if (certificates.length === 0) throw refusePool(at, `frontend.protocol ${protocol} must have non-empty frontend.certificates`);
  const bad = certificates.find((certificate) => !CERTIFICATE.test(certificate));
  if (bad === undefined) return certificates;
  throw refusePool(at, `frontend.certificates: ${bad.slice(0, 100)} invalid: did not match ${CERTIFICATE_WORDS}`);
}

const CERTIFICATE_WORDS = String.raw`(^\$AUTOCERT$|^(\$ENVFILE|\$SECRETS)/[a-zA-Z0-9_-]+$)`;

function redirectOf(value: unknown, protocol: EdgeLbProtocol, path: string): Frontend['redirectExcept'] {
  if (value === undefined) return undefined;
  if (protocol !== 'HTTP') throw refusePool(path, `frontend.redirectToHttps cannot be set with frontend.protocol ${protocol}`);
  return listOf(fieldsOf(value, path, ['except']), 'except', (element, at) => {
    const fields = fieldsOf(element, at, ['host', 'pathBeg']);
    return { host: textOf(fields, 'host'), pathBeg: textOf(fields, 'pathBeg') };
  });
}

function readLink(value: unknown, path: string): Link {
  const fields = fieldsOf(value, path, ['backend', ...CONDITIONS]);
  const backend = textOf(fields, 'backend');
  if (backend === '') throw refusePool(`${path}.backend`, 'frontend.linkBackend.map.backend cannot be empty or the empty string');
  const [hostEq, hostReg, pathBeg, pathReg, pathEnd] = CONDITIONS.map((name) => {
    const text = textOf(fields, name);
    return text === '' ? '' : word(text, `${path}.${name}`);
  }) as [string, string, string, string, string];
  const message = 'frontend.linkBackend.map.backend: at least one of the condition fields must be filled out';
  if (hostEq + hostReg + pathBeg + pathReg + pathEnd === '') throw refusePool(path, message);
  return { backend, hostEq, hostReg, pathBeg, pathReg, pathEnd };
}
