/**
 * A backend of a pool: how HAProxy speaks with servers, and which tasks they are (mesosphere/dcos-edge-lb,
 * apiserver/spec/v2/swagger.yml, V2Backend). HTTPS to servers and checks by a TLS greeting are not modelled.
 */
import { booleanOf, type Fields, fieldsOf, listOf, refusePool, textOf, textsOf, wordOf } from './fields.ts';
import { type EdgeLbProtocol, PROTOCOLS, sectionName } from './frontend.ts';
import { type EdgeLbService, readService } from './service.ts';

/** A backend. */
export interface Backend {
  readonly name: string;
  readonly protocol: Exclude<EdgeLbProtocol, 'HTTPS'>;
  /** As `balance` has it: `roundrobin`, `leastconn`, `uri whole`, ... */
  readonly balance: string;
  readonly rewrite: RewriteHttp;
  readonly check: {
    /** What comes after `option httpchk`; undefined for a check that only connects. */
    readonly http: string | undefined;
    /** A line of its own; '' for none. */
    readonly line: string;
  };
  /** Lines before its servers. */
  readonly lines: readonly string[];
  readonly services: readonly EdgeLbService[];
}

/** What it changes in requests and responses of HTTP. */
export interface RewriteHttp {
  /** The Host header that servers get; '' for the client's. */
  readonly host: string;
  readonly path: { readonly from: string; readonly to: string } | undefined;
  readonly forwardFor: boolean;
  readonly forwardedPort: boolean;
  readonly forwardedProto: boolean;
  readonly setHost: boolean;
  readonly rewritePath: boolean;
  readonly rewriteLocation: boolean;
  /** Whether clients stick to a server, and by which line instead of the usual one; undefined for servers without cookies. */
  readonly sticky: { readonly enabled: boolean; readonly line: string } | undefined;
}

const FIELDS = ['name', 'protocol', 'balance', 'rewriteHttp', 'customCheck', 'miscStrs', 'services'];

/** Reads an element of `backends`. */
export function readBackend(value: unknown, path: string): Backend {
  const fields = fieldsOf(value, path, FIELDS);
  const name = textOf(fields, 'name');
  if (name === '') throw refusePool(`${path}.name`, 'backend.name cannot be empty or the empty string');
  const protocol = wordOf(fields, 'protocol', PROTOCOLS);
  if (protocol === undefined) throw refusePool(`${path}.protocol`, 'backend.protocol cannot be empty or the empty string');
  if (protocol === 'HTTPS')
    throw refusePool(`${path}.protocol`, `${path}.protocol: HTTPS to servers is not modelled; write HTTP or TLS`, 'not-modelled');
  const check = fieldsOf(fields.values.get('customCheck') ?? {}, `${path}.customCheck`, CHECK_FIELDS, ['sslHelloChk']);
  const services = listOf(fields, 'services', readService);
  if (services.length === 0) throw refusePool(`${path}.services`, 'backend.services: must have at least 1');
  return {
    name: sectionName(name, `${path}.name`),
    protocol,
    balance: textOf(fields, 'balance') || 'roundrobin',
    rewrite: rewriteOf(fieldsOf(fields.values.get('rewriteHttp') ?? {}, `${path}.rewriteHttp`, REWRITE_FIELDS)),
    check: {
      http: booleanOf(check, 'httpchk', false) ? textOf(check, 'httpchkMiscStr') : undefined,
      line: textOf(check, 'miscStr'),
    },
    lines: textsOf(fields, 'miscStrs'),
    services,
  };
}

const CHECK_FIELDS = ['httpchk', 'httpchkMiscStr', 'miscStr'];
const REWRITE_FIELDS = ['host', 'path', 'request', 'response', 'sticky'];
const REQUEST_FIELDS = ['forwardfor', 'xForwardedPort', 'xForwardedProtoHttpsIfTls', 'setHostHeader', 'rewritePath'];

function rewriteOf(fields: Fields): RewriteHttp {
  const part = (name: string, known: readonly string[]) =>
    fieldsOf(fields.values.get(name) ?? {}, `${fields.path}.${name}`, known);
  const request = part('request', REQUEST_FIELDS);
  const sticky = fields.values.has('sticky') ? part('sticky', ['enabled', 'customStr']) : undefined;
  const path = fields.values.has('path') ? part('path', ['fromPath', 'toPath']) : undefined;
  const text = (name: string, from: Fields) => plainPath(textOf(from, name), `${from.path}.${name}`);
  return {
    host: textOf(fields, 'host'),
    path: path === undefined ? undefined : { from: text('fromPath', path), to: text('toPath', path) },
    forwardFor: booleanOf(request, 'forwardfor', true),
    forwardedPort: booleanOf(request, 'xForwardedPort', true),
    forwardedProto: booleanOf(request, 'xForwardedProtoHttpsIfTls', true),
    setHost: booleanOf(request, 'setHostHeader', true),
    rewritePath: booleanOf(request, 'rewritePath', true),
    rewriteLocation: booleanOf(part('response', ['rewriteLocation']), 'rewriteLocation', true),
    sticky: sticky && { enabled: booleanOf(sticky, 'enabled', true), line: textOf(sticky, 'customStr') },
  };
}

/** A path that stands for itself in a regular expression. */
function plainPath(text: string, path: string): string {
  if (/^[A-Za-z0-9/_.~-]*$/.test(text)) return text;
  throw refusePool(path, `${path}: paths with characters beyond letters, digits and /_.~- are not modelled`, 'not-modelled');
}
