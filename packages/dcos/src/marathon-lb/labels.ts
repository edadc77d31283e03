/**
 * What an app's labels say about one of its service ports: `HAPROXY_{n}_NAME` (mesosphere/marathon-lb, config.py, 1.15.0).
 * Labels apply in the order of their names. Every label that program knows has its effect here; names it does not know it
 * ignores, and so does this.
 */
import type { LbApp, LbHealthCheck } from './app.ts';
import { pythonInt, pythonTruth, refuse } from './python.ts';
import { TEMPLATES, type TemplateName } from './templates.ts';

/** The settings of one service port. */
export interface ServiceSettings {
  /** The frontend's port, and the suffix of its name. */
  port: number;
  /** Instead of the app's groups. */
  groups: readonly string[] | undefined;
  enabled: boolean;
  /** `http` or `tcp`; anything else HAProxy will refuse. */
  mode: string | undefined;
  /** Virtual hosts, in lower case, separated by commas; '' for none. */
  hostname: string | undefined;
  path: string;
  /** Order among the rules of virtual hosts: high ones first. */
  weight: number;
  auth: BasicAuth | undefined;
  sticky: boolean;
  redirectToHttps: boolean;
  useHsts: boolean;
  balance: string;
  bindAddress: string;
  /** Absent without the label; an empty one is not the same. */
  bindOptions: string | undefined;
  sslCert: string | undefined;
  proxyPassPath: string;
  reverseProxyPath: string;
  redirectPath: string;
  /** Sources that may connect, separated by blanks; '' for all. */
  networkAllowed: string;
  healthCheck: LbHealthCheck | undefined;
  healthCheckPortIndex: number | undefined;
  readonly templates: Map<TemplateName, string>;
}

/** A user who may pass, by HTTP's basic authentication. */
export interface BasicAuth {
  readonly realm: string;
  readonly user: string;
  readonly password: string;
}

type Setter = (settings: ServiceSettings, value: string, path: string) => void;

const SETTERS: ReadonlyMap<string, Setter> = new Map<string, Setter>([
  ['AUTH', (settings, value, path) => (settings.auth = readAuth(value, path))],
  ['BACKEND_HEALTHCHECK_PORT_INDEX', (settings, value, path) => (settings.healthCheckPortIndex = pythonInt(value, path))],
  ['BACKEND_NETWORK_ALLOWED_ACL', (settings, value) => (settings.networkAllowed = value)],
  ['BACKEND_WEIGHT', (settings, value, path) => (settings.weight = pythonInt(value, path))],
  ['BALANCE', (settings, value) => (settings.balance = value)],
  ['BIND_ADDR', (settings, value) => (settings.bindAddress = value)],
  ['BIND_OPTIONS', (settings, value) => (settings.bindOptions = value)],
  ['ENABLED', (settings, value) => (settings.enabled = pythonTruth(value))],
  ['GROUP', (settings, value) => (settings.groups = value.split(','))],
  ['HTTP_BACKEND_PROXYPASS_PATH', (settings, value) => (settings.proxyPassPath = value)],
  ['HTTP_BACKEND_REDIR', (settings, value) => (settings.redirectPath = value)],
  ['HTTP_BACKEND_REVPROXY_PATH', (settings, value) => (settings.reverseProxyPath = value)],
  ['MODE', (settings, value) => (settings.mode = value.toLowerCase())],
  ['PATH', setPath],
  ['PORT', (settings, value, path) => (settings.port = pythonInt(value, path))],
  ['REDIRECT_TO_HTTPS', (settings, value) => (settings.redirectToHttps = pythonTruth(value))],
  ['SSL_CERT', (settings, value) => (settings.sslCert = value)],
  ['STICKY', (settings, value) => (settings.sticky = pythonTruth(value))],
  ['USE_HSTS', (settings, value) => (settings.useHsts = pythonTruth(value))],
  ['VHOST', (settings, value) => (settings.hostname = value.toLowerCase())],
]);

/** Templates that no label replaces: those of the whole configuration, and one whose name is a setting's. */
const GLOBAL_TEMPLATES: ReadonlySet<string> = new Set<TemplateName>([
  'HTTP_FRONTEND_HEAD',
  'HTTP_FRONTEND_APPID_HEAD',
  'HTTPS_FRONTEND_HEAD',
  'HTTPS_GROUPED_FRONTEND_HEAD',
  'HTTPS_GROUPED_VHOST_FRONTEND_HEAD',
  'HTTPS_GROUPED_VHOST_BACKEND_HEAD',
  'HTTPS_GROUPED_VHOST_FRONTEND_ACL',
  'HTTP_BACKEND_ACL_ALLOW_DENY',
  'TCP_BACKEND_ACL_ALLOW_DENY',
  'HTTP_BACKEND_REDIR',
]);

/** Names of templates that a label may replace. */
const LABEL_TEMPLATES = (Object.keys(TEMPLATES) as TemplateName[]).filter((name) => !GLOBAL_TEMPLATES.has(name));

/**
 * The settings of an app's service port number `index`.
 * @throws Refusal for a number or an AUTH label that cannot be read
 */
export function readSettings(app: LbApp, index: number, servicePort: number, strictMode: boolean): ServiceSettings {
  const healthCheck = healthCheckOf(app, index);
  const settings: ServiceSettings = {
    port: servicePort,
    groups: undefined,
    enabled: !strictMode,
    mode: healthCheck?.protocol === 'HTTP' ? 'http' : undefined,
    hostname: undefined,
    path: '',
    weight: 0,
    auth: undefined,
    sticky: false,
    redirectToHttps: false,
    useHsts: false,
    balance: 'roundrobin',
    bindAddress: '*',
    bindOptions: undefined,
    sslCert: undefined,
    proxyPassPath: '',
    reverseProxyPath: '',
    redirectPath: '',
    networkAllowed: '',
    healthCheck,
    healthCheckPortIndex: undefined,
    templates: new Map(),
  };
  for (const [name, set] of SETTERS) {
    const label = `HAPROXY_${index}_${name}`;
    const value = app.labels.get(label);
    if (value !== undefined) set(settings, value, `${app.id}/labels/${label}`);
  }
  for (const name of LABEL_TEMPLATES) {
    const value = app.labels.get(`HAPROXY_${index}_${name}`);
    if (value !== undefined) settings.templates.set(name, value.replaceAll('\r\n', '\n'));
  }
  borrowHealthCheck(app, settings);
  return settings;
}

/** A path outweighs plain hosts, even where the weight 0 was asked for. */
function setPath(settings: ServiceSettings, value: string): void {
  settings.path = value;
  if (settings.weight === 0) settings.weight = 1;
}

function readAuth(value: string, path: string): BasicAuth {
  const parts = value.split(':');
  const [realm = '', user = '', password = ''] = parts;
  if (parts.length === 3) return { realm, user, password };
  const count =
    parts.length < 3 ? `not enough values to unpack (expected 3, got ${parts.length})` : 'too many values to unpack (expected 3)';
  throw refuse('invalid-label', path, count);
}

/** The first check with a port of its own, whatever its index, or with this index. */
function healthCheckOf(app: LbApp, index: number): LbHealthCheck | undefined {
  return app.healthChecks.find((check) => Boolean(check.port) || check.portIndex === index);
}

function borrowHealthCheck(app: LbApp, settings: ServiceSettings): void {
  if (settings.healthCheck !== undefined || settings.healthCheckPortIndex === undefined) return;
  settings.healthCheck = healthCheckOf(app, settings.healthCheckPortIndex);
  if (settings.healthCheck === undefined) return;
  if (['HTTP', 'HTTPS', 'MESOS_HTTP', 'MESOS_HTTPS'].includes(settings.healthCheck.protocol)) settings.mode = 'http';
}
