/**
 * The sections of one service: its frontend and its backend (mesosphere/marathon-lb, marathon_lb.py `config`, 1.15.0).
 */
import { fill, refuse, type TemplateFields } from './python.ts';
import { cleanName, serverCookie, serverId, serverName } from './server.ts';
import type { Service } from './services.ts';
import { type TemplateName, type Templates, templateOf } from './templates.ts';

/** The name of a service's frontend and of its backend. */
export function backendName(service: Service): string {
  return `${service.appId.slice(1).replaceAll('/', '_')}_${service.port}`;
}

/** The mode of a service: what it says, or `http` for virtual hosts, or `tcp`. */
export function modeOf(service: Service): string {
  return service.mode ?? (service.hostname ? 'http' : 'tcp');
}

/** The frontend that listens on the service's port. */
export function frontendSection(service: Service, templates: Templates): string {
  const backend = backendName(service);
  const head = write(service, templates, 'FRONTEND_HEAD', {
    bindAddr: service.bindAddress,
    backend,
    servicePort: service.port,
    mode: modeOf(service),
    sslCert: service.sslCert ? ` ssl crt ${service.sslCert}` : '',
    bindOptions: service.bindOptions ? ` ${service.bindOptions}` : '',
  });
  return head + write(service, templates, 'FRONTEND_BACKEND_GLUE', { backend });
}

/** The list of users who may pass, if the service asks for one. */
export function userListSection(service: Service, templates: Templates): string {
  const { auth } = service;
  if (!auth?.user) return '';
  return write(service, templates, 'USERLIST_HEAD', { backend: backendName(service), user: auth.user, passwd: auth.password });
}

/** The rule that finds the service's backend by the header `X-Marathon-App-Id`. */
export function appIdRule(service: Service, templates: Templates): string {
  const { appId, hostname } = service;
  return write(service, templates, 'HTTP_FRONTEND_APPID_ACL', {
    cleanedUpAppId: cleanName(appId),
    hostname,
    appId,
    backend: backendName(service),
  });
}

/**
 * The backend with its servers.
 * @param siblings all services of the same app, sorted, from one of which a health check's port may be borrowed
 */
export function backendSection(service: Service, siblings: readonly Service[], templates: Templates): string {
  const mode = modeOf(service);
  return [
    write(service, templates, 'BACKEND_HEAD', { backend: backendName(service), balance: service.balance, mode }),
    mode === 'http' ? httpOptions(service, templates) : '',
    networkRules(service, templates, mode),
    service.sticky ? templateOf(service, templates, 'BACKEND_STICKY_OPTIONS') : '',
    healthOptions(service, siblings, templates),
    ...serverLines(service, siblings, templates),
  ].join('');
}

function httpOptions(service: Service, templates: Templates): string {
  const { proxyPassPath, reverseProxyPath, redirectPath } = service;
  const { hostname } = service;
  return [
    service.useHsts ? templateOf(service, templates, 'BACKEND_HSTS_OPTIONS') : '',
    templateOf(service, templates, 'BACKEND_HTTP_OPTIONS'),
    proxyPassPath ? write(service, templates, 'HTTP_BACKEND_PROXYPASS_GLUE', { hostname, proxypath: proxyPassPath }) : '',
    reverseProxyPath ? write(service, templates, 'HTTP_BACKEND_REVPROXY_GLUE', { hostname, rootpath: reverseProxyPath }) : '',
    redirectPath ? write(service, templates, 'HTTP_BACKEND_REDIR', { hostname, redirpath: redirectPath }) : '',
  ].join('');
}

function networkRules(service: Service, templates: Templates, mode: string): string {
  if (!service.networkAllowed || (mode !== 'http' && mode !== 'tcp')) return '';
  const layer = mode === 'http' ? 'HTTP' : 'TCP';
  const networks = service.networkAllowed.split(/\s+/).filter((network) => network !== '');
  const rules = networks.map((network) =>
    write(service, templates, `${layer}_BACKEND_NETWORK_ALLOWED_ACL`, { network_allowed: network }),
  );
  return rules.join('') + templates[`${layer}_BACKEND_ACL_ALLOW_DENY`];
}

function serverLines(service: Service, siblings: readonly Service[], templates: Templates): readonly string[] {
  const taken = new Set<number>();
  return service.servers.map((server, index) => {
    const name = serverName(server);
    return write(service, templates, 'BACKEND_SERVER_OPTIONS', {
      host: server.host,
      host_ipv4: server.address,
      port: server.port,
      serverName: name,
      serverId: serverId(name, taken),
      cookieOptions: service.sticky ? ` check cookie ${serverCookie(name)}` : '',
      healthCheckOptions: serverHealth(service, siblings, templates, index),
      otherOptions: server.draining ? ' disabled' : '',
    });
  });
}

/** How the backend checks its servers: `TCP` or `HTTP`, or not at all. */
function checkLayer(service: Service): 'TCP' | 'HTTP' | undefined {
  const mode = modeOf(service);
  const protocol = service.healthCheck?.protocol;
  if (protocol === undefined) return undefined;
  if (mode === 'tcp' || protocol === 'TCP' || protocol === 'MESOS_TCP') return 'TCP';
  return mode === 'http' ? 'HTTP' : undefined;
}

function healthOptions(service: Service, siblings: readonly Service[], templates: Templates): string {
  const layer = checkLayer(service);
  if (layer === undefined || service.servers.length === 0) return '';
  const template = templateOf(service, templates, `BACKEND_${layer}_HEALTHCHECK_OPTIONS`);
  return template === '' ? '' : fillHealth(service, template, checkedPort(service, siblings, 0));
}

function serverHealth(service: Service, siblings: readonly Service[], templates: Templates, index: number): string {
  const layer = checkLayer(service);
  if (layer === undefined) return '';
  const template = templateOf(service, templates, `BACKEND_SERVER_${layer}_HEALTHCHECK_OPTIONS`).trim();
  if (template === '') return '';
  const borrows = service.healthCheckPortIndex !== undefined;
  return fillHealth(service, ` ${template}`, borrows ? checkedPort(service, siblings, index) : service.healthCheck?.port);
}

/** The port of the server of that index, in this service or in the one whose health check it borrows. */
function checkedPort(service: Service, siblings: readonly Service[], index: number): number {
  const borrowed = service.healthCheckPortIndex;
  const own = borrowed === undefined || Math.abs(borrowed) > siblings.length;
  const server = (own ? service : siblings.at(borrowed))?.servers[index];
  if (borrowed === siblings.length || server === undefined)
    throw refuse('invalid-label', service.appId, 'list index out of range');
  return server.port;
}

function fillHealth(service: Service, template: string, port: number | undefined): string {
  const check = service.healthCheck;
  const fields: TemplateFields = {
    healthCheckPortIndex: check?.portIndex,
    healthCheckPort: port,
    healthCheckProtocol: check?.protocol,
    healthCheckPath: check?.path,
    healthCheckTimeoutSeconds: check?.timeoutSeconds,
    healthCheckIntervalSeconds: check?.intervalSeconds,
    healthCheckGracePeriodSeconds: check?.gracePeriodSeconds,
    healthCheckMaxConsecutiveFailures: check?.maxConsecutiveFailures,
    healthCheckFalls: (check?.maxConsecutiveFailures ?? 0) + 1,
    healthCheckPortOptions: port ? ` port ${port}` : '',
  };
  return fill(template, fields, `${service.appId}/healthChecks`);
}

function write(service: Service, templates: Templates, name: TemplateName, fields: TemplateFields): string {
  return fill(templateOf(service, templates, name), fields, `HAPROXY_${name}`);
}
