/**
 * The texts a HAProxy configuration of Marathon-LB is made of (its names and their meaning: mesosphere/marathon-lb,
 * config.py, 1.15.0; the texts as it printed them). `{name}` stands for a field; raw templates have none. An app may
 * replace most of them by the label `HAPROXY_{n}_NAME`, the process all of them by the variable `HAPROXY_NAME`.
 */
import { CIPHERS } from '../haproxy/ciphers.ts';

/** What comes before all sections of services; `{defaultOptions}` are lines of `option`. */
export const HEAD = `\
global
  log /dev/log local0
  log /dev/log local1 notice
  spread-checks 5
  max-spread-checks 15000
  maxconn 50000
  tune.ssl.default-dh-param 2048
  ssl-default-bind-ciphers ${CIPHERS}
  ssl-default-bind-options no-sslv3 no-tlsv10 no-tls-tickets
  ssl-default-server-ciphers ${CIPHERS}
  ssl-default-server-options no-sslv3 no-tlsv10 no-tls-tickets
  stats socket /var/run/haproxy/socket expose-fd listeners
  server-state-file global
  server-state-base /var/state/haproxy/
  lua-load /marathon-lb/getpids.lua
  lua-load /marathon-lb/getconfig.lua
  lua-load /marathon-lb/getmaps.lua
  lua-load /marathon-lb/signalmlb.lua
defaults
  load-server-state-from-file global
  log               global
  retries                   3
  backlog               10000
  maxconn               10000
  timeout connect          3s
  timeout client          30s
  timeout server          30s
  timeout tunnel        3600s
  timeout http-keep-alive  1s
  timeout http-request    15s
  timeout queue           30s
  timeout tarpit          60s
{defaultOptions}listen stats
  bind 0.0.0.0:9090
  balance
  mode http
  stats enable
  http-request use-service prometheus-exporter if { path /metrics }
  monitor-uri /_haproxy_health_check
  acl getpid path /_haproxy_getpids
  http-request use-service lua.getpids if getpid
  acl getvhostmap path /_haproxy_getvhostmap
  http-request use-service lua.getvhostmap if getvhostmap
  acl getappmap path /_haproxy_getappmap
  http-request use-service lua.getappmap if getappmap
  acl getconfig path /_haproxy_getconfig
  http-request use-service lua.getconfig if getconfig

  acl signalmlbhup path /_mlb_signal/hup
  http-request use-service lua.signalmlbhup if signalmlbhup
  acl signalmlbusr1 path /_mlb_signal/usr1
  http-request use-service lua.signalmlbusr1 if signalmlbusr1
`;

/** The defaults' options, as `HAPROXY_GLOBAL_DEFAULT_OPTIONS` gives them. */
export const DEFAULT_OPTIONS = 'redispatch,http-server-close,dontlognull';

function lines(...texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join('');
}

/** Templates by the name that comes after `HAPROXY_`. */
export const TEMPLATES = {
  USERLIST_HEAD: lines('\nuserlist user_{backend}', '  user {user} password {passwd}'),
  HTTP_FRONTEND_HEAD: lines('\nfrontend marathon_http_in', '  bind *:80', '  mode http'),
  HTTP_FRONTEND_APPID_HEAD: lines('\nfrontend marathon_http_appid_in', '  bind *:9091', '  mode http'),
  HTTPS_FRONTEND_HEAD: lines('\nfrontend marathon_https_in', '  bind *:443 ssl {sslCerts}', '  mode http'),
  HTTPS_GROUPED_FRONTEND_HEAD: lines(
    '\nfrontend marathon_https_in',
    '  bind *:443',
    '  mode tcp',
    '  tcp-request inspect-delay 5s',
    '  tcp-request content accept if { req_ssl_hello_type 1 }',
  ),
  HTTPS_GROUPED_VHOST_FRONTEND_HEAD: lines(
    '\nfrontend {name}',
    '  mode http',
    '  bind abns@{name} accept-proxy ssl {sslCerts}{bindOpts}',
  ),
  HTTPS_GROUPED_VHOST_BACKEND_HEAD: lines('\nbackend {name}', '  server loopback-for-tls abns@{name} send-proxy-v2'),
  HTTPS_GROUPED_VHOST_FRONTEND_ACL: '  use_backend {backend} if {{ req_ssl_sni -i {host} }}\n',
  FRONTEND_HEAD: lines('\nfrontend {backend}', '  bind {bindAddr}:{servicePort}{sslCert}{bindOptions}', '  mode {mode}'),
  BACKEND_HEAD: lines('\nbackend {backend}', '  balance {balance}', '  mode {mode}'),
  BACKEND_REDIRECT_HTTP_TO_HTTPS: '  redirect scheme https code 301 if !{{ ssl_fc }} host_{cleanedUpHostname}\n',
  BACKEND_REDIRECT_HTTP_TO_HTTPS_WITH_PATH:
    '  redirect scheme https code 301 if !{{ ssl_fc }} host_{cleanedUpHostname} path_{backend}\n',
  BACKEND_HSTS_OPTIONS: '  rspadd  Strict-Transport-Security:\\ max-age=15768000\n',
  HTTP_FRONTEND_ACL: lines(
    '  acl host_{cleanedUpHostname} hdr(host) -i {hostname}',
    '  use_backend {backend} if host_{cleanedUpHostname}',
  ),
  MAP_HTTP_FRONTEND_ACL: '  use_backend %[req.hdr(host),lower,regsub(:.*$,,),map({haproxy_dir}/domain2backend.map)]\n',
  HTTP_FRONTEND_ACL_WITH_AUTH: lines(
    '  acl host_{cleanedUpHostname} hdr(host) -i {hostname}',
    '  acl auth_{cleanedUpHostname} http_auth(user_{backend})',
    '  http-request auth realm "{realm}" if host_{cleanedUpHostname} !auth_{cleanedUpHostname}',
    '  use_backend {backend} if host_{cleanedUpHostname}',
  ),
  HTTP_FRONTEND_ACL_ONLY: '  acl host_{cleanedUpHostname} hdr(host) -i {hostname}\n',
  MAP_HTTP_FRONTEND_ACL_ONLY: '  use_backend %[req.hdr(host),lower,regsub(:.*$,,),map({haproxy_dir}/domain2backend.map)]\n',
  HTTP_FRONTEND_ROUTING_ONLY: '  use_backend {backend} if host_{cleanedUpHostname}\n',
  HTTP_FRONTEND_ROUTING_ONLY_WITH_AUTH: lines(
    '  acl auth_{cleanedUpHostname} http_auth(user_{backend})',
    '  http-request auth realm "{realm}" if host_{cleanedUpHostname} !auth_{cleanedUpHostname}',
    '  use_backend {backend} if host_{cleanedUpHostname}',
  ),
  HTTP_FRONTEND_ACL_WITH_PATH: lines(
    '  acl host_{cleanedUpHostname} hdr(host) -i {hostname}',
    '  acl path_{backend} path_beg {path}',
    '  use_backend {backend} if host_{cleanedUpHostname} path_{backend}',
  ),
  HTTP_FRONTEND_ACL_WITH_AUTH_AND_PATH: lines(
    '  acl host_{cleanedUpHostname} hdr(host) -i {hostname}',
    '  acl auth_{cleanedUpHostname} http_auth(user_{backend})',
    '  acl path_{backend} path_beg {path}',
    '  http-request auth realm "{realm}" if host_{cleanedUpHostname} path_{backend} !auth_{cleanedUpHostname}',
    '  use_backend {backend} if host_{cleanedUpHostname} path_{backend}',
  ),
  HTTP_FRONTEND_ACL_ONLY_WITH_PATH: '  acl path_{backend} path_beg {path}\n',
  HTTP_FRONTEND_ACL_ONLY_WITH_PATH_AND_AUTH: lines(
    '  acl path_{backend} path_beg {path}',
    '  acl auth_{cleanedUpHostname} http_auth(user_{backend})',
  ),
  HTTPS_FRONTEND_ACL_ONLY_WITH_PATH: '  acl path_{backend} path_beg {path}\n',
  HTTP_FRONTEND_ROUTING_ONLY_WITH_PATH: '  use_backend {backend} if host_{cleanedUpHostname} path_{backend}\n',
  HTTP_FRONTEND_ROUTING_ONLY_WITH_PATH_AND_AUTH: lines(
    '  http-request auth realm "{realm}" if host_{cleanedUpHostname} path_{backend} !auth_{cleanedUpHostname}',
    '  use_backend {backend} if host_{cleanedUpHostname} path_{backend}',
  ),
  HTTP_FRONTEND_APPID_ACL: lines(
    '  acl app_{cleanedUpAppId} hdr(x-marathon-app-id) -i {appId}',
    '  use_backend {backend} if app_{cleanedUpAppId}',
  ),
  MAP_HTTP_FRONTEND_APPID_ACL: '  use_backend %[req.hdr(x-marathon-app-id),lower,map({haproxy_dir}/app2backend.map)]\n',
  HTTPS_FRONTEND_ACL: '  use_backend {backend} if {{ ssl_fc_sni {hostname} }}\n',
  MAP_HTTPS_FRONTEND_ACL: '  use_backend %[ssl_fc_sni,lower,map({haproxy_dir}/domain2backend.map)]\n',
  HTTPS_FRONTEND_ACL_WITH_AUTH: lines(
    '  acl auth_{cleanedUpHostname} http_auth(user_{backend})',
    '  http-request auth realm "{realm}" if {{ ssl_fc_sni {hostname} }} !auth_{cleanedUpHostname}',
    '  use_backend {backend} if {{ ssl_fc_sni {hostname} }}',
  ),
  HTTPS_FRONTEND_ACL_WITH_PATH: '  use_backend {backend} if {{ ssl_fc_sni {hostname} }} path_{backend}\n',
  HTTPS_FRONTEND_ACL_WITH_AUTH_AND_PATH: lines(
    '  acl auth_{cleanedUpHostname} http_auth(user_{backend})',
    '  http-request auth realm "{realm}" if {{ ssl_fc_sni {hostname} }} path_{backend} !auth_{cleanedUpHostname}',
    '  use_backend {backend} if {{ ssl_fc_sni {hostname} }} path_{backend}',
  ),
  BACKEND_HTTP_OPTIONS: lines(
    '  option forwardfor',
    '  http-request set-header X-Forwarded-Port %[dst_port]',
    '  http-request add-header X-Forwarded-Proto https if { ssl_fc }',
  ),
  HTTP_BACKEND_PROXYPASS_GLUE: lines(
    '  http-request set-header Host {hostname}',
    '  reqirep  "^([^ :]*)\\ {proxypath}/?(.*)" "\\1\\ /\\2"',
  ),
  HTTP_BACKEND_REVPROXY_GLUE: lines(
    '  acl hdr_location res.hdr(Location) -m found',
    '  rspirep "^Location: (https?://{hostname}(:[0-9]+)?)?(/.*)" "Location:   {rootpath}" if hdr_location',
  ),
  HTTP_BACKEND_REDIR: lines(
    '  acl is_root path -i /',
    '  acl is_domain hdr(host) -i {hostname}',
    '  redirect code 301 location {redirpath} if is_domain is_root',
  ),
  BACKEND_HTTP_HEALTHCHECK_OPTIONS: lines(
    '  option  httpchk GET {healthCheckPath}',
    '  timeout check {healthCheckTimeoutSeconds}s',
  ),
  BACKEND_TCP_HEALTHCHECK_OPTIONS: '',
  BACKEND_STICKY_OPTIONS: '  cookie mesosphere_server_id insert indirect nocache\n',
  BACKEND_SERVER_OPTIONS:
    '  server {serverName} {host_ipv4}:{port} id {serverId}{cookieOptions}{healthCheckOptions}{otherOptions}\n',
  BACKEND_SERVER_HTTP_HEALTHCHECK_OPTIONS:
    '  check inter {healthCheckIntervalSeconds}s fall {healthCheckFalls}{healthCheckPortOptions}\n',
  BACKEND_SERVER_TCP_HEALTHCHECK_OPTIONS:
    '  check inter {healthCheckIntervalSeconds}s fall {healthCheckFalls}{healthCheckPortOptions}\n',
  FRONTEND_BACKEND_GLUE: '  use_backend {backend}\n',
  HTTP_BACKEND_NETWORK_ALLOWED_ACL: '  acl network_allowed src {network_allowed}\n',
  HTTP_BACKEND_ACL_ALLOW_DENY: lines('  http-request allow if network_allowed', '  http-request deny'),
  TCP_BACKEND_NETWORK_ALLOWED_ACL: '  acl network_allowed src {network_allowed}\n',
  TCP_BACKEND_ACL_ALLOW_DENY: lines('  tcp-request content accept if network_allowed', '  tcp-request content reject'),
} satisfies Readonly<Record<string, string>>;

/** The name of a template. */
export type TemplateName = keyof typeof TEMPLATES;

/** Templates as a process of Marathon-LB has them. */
export type Templates = Readonly<Record<TemplateName, string>>;

/** The text a service uses: its label's, or the process's. */
export function templateOf(
  service: { readonly templates: ReadonlyMap<TemplateName, string> },
  templates: Templates,
  name: TemplateName,
): string {
  return service.templates.get(name) ?? templates[name];
}

/**
 * The templates of a process, with what its environment replaces.
 * @param environment variables by name; `\n` in their text stands for a line's end
 */
export function templatesOf(environment: ReadonlyMap<string, string>): Templates {
  const replaced = Object.entries(TEMPLATES).map(([name, text]) => [name, fromEnvironment(environment, name) ?? text]);
  return Object.fromEntries(replaced) as Templates;
}

/** The head of a configuration, with the default options of the environment, sorted and each once. */
export function headOf(environment: ReadonlyMap<string, string>): string {
  const options = (environment.get('HAPROXY_GLOBAL_DEFAULT_OPTIONS') ?? DEFAULT_OPTIONS).split(',');
  const optionLines = [...new Set(options.map((option) => `  option            ${option.trim()}\n`))].toSorted();
  return fromEnvironment(environment, 'HEAD') ?? HEAD.replace('{defaultOptions}', () => optionLines.join(''));
}

function fromEnvironment(environment: ReadonlyMap<string, string>, name: string): string | undefined {
  return environment.get(`HAPROXY_${name}`)?.replaceAll('\\n', '\n') || undefined;
}
