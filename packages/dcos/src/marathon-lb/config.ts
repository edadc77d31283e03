/**
 * Marathon-LB: HAProxy's configuration out of Marathon's apps, and nothing else (mesosphere/marathon-lb, marathon_lb.py,
 * 1.15.0, commit 9e669ec; Apache-2.0 licensed, followed in behaviour). Runs in DC/OS on the public agents. Two things
 * differ: server order among equals (see server.ts) and the health cache, which is given and returned.
 */
import { readApps } from './app.ts';
import { fill, refuse } from './python.ts';
import { appIdRule, backendName, backendSection, frontendSection, modeOf, userListSection } from './sections.ts';
import { cleanName } from './server.ts';
import { readServices, type Service, type ServiceOptions } from './services.ts';
import { headOf, type Templates, templatesOf } from './templates.ts';
import { type VhostContext, type VhostRules, vhostRules } from './vhosts.ts';

/** The command line and the environment of a Marathon-LB. */
export interface LoadBalancerOptions extends Omit<ServiceOptions, 'frameworkName'> {
  /** `--group`: only services of one of these; `*` takes all. */
  readonly groups: readonly string[];
  /** `--haproxy-map`. */
  readonly haproxyMap: boolean;
  /** Not `--dont-bind-http-https`. */
  readonly bindHttpHttps: boolean;
  /** `--ssl-certs`: paths, separated by commas. */
  readonly sslCerts: string;
  /** `--group-https-by-vhost`. */
  readonly groupHttpsByVhost: boolean;
  /** `--haproxy-config`. */
  readonly configFile: string;
  readonly environment: ReadonlyMap<string, string>;
}

/** What Marathon-LB writes. */
export interface GeneratedConfig {
  /** The file `haproxy.cfg`, byte for byte. */
  readonly text: string;
  /** The files beside it, if the options ask for maps: lines of `key value`. */
  readonly maps: { readonly domain2backend: string; readonly app2backend: string } | undefined;
  /** For {@link LoadBalancerOptions.health} of the next run. */
  readonly health: ReadonlyMap<string, boolean>;
}

/** The options of a Marathon-LB started with none but a group, where hosts go by their addresses. */
export const LOAD_BALANCER_DEFAULTS: LoadBalancerOptions = {
  groups: ['external'],
  strictMode: false,
  healthCheck: false,
  haproxyMap: false,
  bindHttpHttps: true,
  sslCerts: '/etc/ssl/cert.pem',
  groupHttpsByVhost: false,
  minServicePort: 10050,
  maxServicePort: 10100,
  configFile: '/marathon-lb/haproxy.cfg',
  environment: new Map(),
  resolve: (host) => host,
  health: new Map(),
};

/** The options of DC/OS' package: `sse --health-check --haproxy-map --group external`. */
export const DCOS_PACKAGE_OPTIONS: LoadBalancerOptions = { ...LOAD_BALANCER_DEFAULTS, healthCheck: true, haproxyMap: true };

/**
 * The configuration for these apps.
 * @param apps the list under `apps` of Marathon's answer to `GET /v2/apps?embed=apps.tasks`, as parsed from JSON
 * @throws Refusal where the real program gives up the whole run and keeps the old file
 */
export function haproxyConfig(apps: readonly unknown[], options: LoadBalancerOptions): GeneratedConfig {
  const { environment } = options;
  const frameworkName = environment.get('FRAMEWORK_NAME');
  const { services, health } = readServices(readApps(apps), { ...options, frameworkName });
  const templates = templatesOf(environment);
  const chosen = services.filter((service) => isChosen(service, options.groups));
  const directory = options.configFile.slice(0, Math.max(0, options.configFile.lastIndexOf('/')));
  const context: VhostContext = {
    templates,
    useMap: options.haproxyMap,
    directory,
    map: new Set(),
    mapped: { http: false, https: false },
  };
  const vhosts = options.bindHttpHttps ? chosen.filter((service) => service.hostname) : [];
  const rules = vhosts.map((service) => ({ service, ...vhostRules(service, backendName(service), context) }));
  const byAppId = firstHttpServices(chosen);
  const siblings = siblingsOf(services);
  const text = [
    checkedHead(headOf(environment)),
    ...chosen.map((service) => userListSection(service, templates)),
    ...(options.bindHttpHttps ? httpSection(rules, templates) : []),
    ...appIdSection(byAppId, templates, options.haproxyMap, directory),
    ...(options.bindHttpHttps ? httpsSections(rules, templates, options) : []),
    ...chosen.map((service) => frontendSection(service, templates)),
    ...chosen.map((service) => backendSection(service, siblings.get(service.appId) ?? [], templates)),
  ].join('');
  return { text, maps: options.haproxyMap ? mapFiles(context, byAppId) : undefined, health };
}

/** Whether a service is enabled and in one of the load balancer's groups; its own label outweighs the app's. */
function isChosen(service: Service, groups: readonly string[]): boolean {
  const own = service.groups ?? service.appGroups;
  if (!groups.includes('*')) {
    if (groups.length === 0 && own.length === 0) throw refuse('no-groups', service.appId, 'No groups specified');
    if (!own.some((group) => groups.includes(group))) return false;
  }
  return service.enabled;
}

/** Services by app, in order. */
function siblingsOf(services: readonly Service[]): ReadonlyMap<string, readonly Service[]> {
  const siblings = new Map<string, Service[]>();
  for (const service of services) {
    const list = siblings.get(service.appId);
    if (list === undefined) siblings.set(service.appId, [service]);
    else list.push(service);
  }
  return siblings;
}

/** Of each app the HTTP service with the lowest port. */
function firstHttpServices(services: readonly Service[]): readonly Service[] {
  const seen = new Set<string>();
  return services.filter((service) => modeOf(service) === 'http' && !seen.has(service.appId) && seen.add(service.appId));
}

function checkedHead(head: string): string {
  if (head.split(/\s+/).includes('daemon') || !head.includes('expose-fd listeners')) {
    throw refuse(
      'invalid-template',
      'HAPROXY_HEAD',
      'Error in custom HAPROXY_HEAD template: the head must not say "daemon" and must expose its listeners ("expose-fd listeners")',
    );
  }
  return head;
}

type ServiceRules = VhostRules & { readonly service: Service };

function byWeight<T extends { readonly weight: number }>(rules: readonly T[]): readonly T[] {
  return rules.toSorted((a, b) => b.weight - a.weight);
}

function httpSection(rules: readonly ServiceRules[], templates: Templates): readonly string[] {
  return [templates.HTTP_FRONTEND_HEAD, ...byWeight(rules).map((rule) => rule.http)];
}

function appIdSection(services: readonly Service[], templates: Templates, useMap: boolean, directory: string): readonly string[] {
  const head = templates.HTTP_FRONTEND_APPID_HEAD;
  const first = services[0];
  if (!useMap) return [head, ...services.map((service) => appIdRule(service, templates))];
  if (first === undefined) return [head];
  const template = first.templates.get('HTTP_FRONTEND_APPID_ACL') ?? templates.MAP_HTTP_FRONTEND_APPID_ACL;
  return [head, fill(template, { haproxy_dir: directory }, 'HAPROXY_MAP_HTTP_FRONTEND_APPID_ACL')];
}

function httpsSections(rules: readonly ServiceRules[], templates: Templates, options: LoadBalancerOptions): readonly string[] {
  if (options.groupHttpsByVhost) return groupedHttpsSections(rules, templates, options);
  const sslCerts = certificates(options.sslCerts.split(','));
  return [
    fill(templates.HTTPS_FRONTEND_HEAD, { sslCerts }, 'HAPROXY_HTTPS_FRONTEND_HEAD'),
    ...byWeight(rules).map((rule) => rule.httpsHead + rule.https.map((line) => line.text).join('')),
  ];
}

/** A frontend that sorts by name on TCP, and behind it one for each virtual host, with the host's own certificates. */
function groupedHttpsSections(
  rules: readonly ServiceRules[],
  templates: Templates,
  options: LoadBalancerOptions,
): readonly string[] {
  const hosts = [...new Set(rules.flatMap((rule) => rule.https.map((line) => line.host)))].toSorted();
  const entry = hosts.map((host) =>
    fill(
      templates.HTTPS_GROUPED_VHOST_FRONTEND_ACL,
      { backend: cleanName(host), host },
      'HAPROXY_HTTPS_GROUPED_VHOST_FRONTEND_ACL',
    ),
  );
  const sections = hosts.map((host) => {
    const own = rules.filter((rule) => rule.https.some((line) => line.host === host));
    const certs = [...new Set(own.flatMap(({ service }) => service.sslCert ?? []))].toSorted();
    const binds = [...new Set(own.flatMap(({ service }) => service.bindOptions ?? []))].toSorted();
    const name = cleanName(host);
    const sslCerts = certificates(certs.length > 0 ? certs : options.sslCerts.split(','));
    const head = fill(
      templates.HTTPS_GROUPED_VHOST_FRONTEND_HEAD,
      { name, sslCerts, bindOpts: binds.map((bind) => ` ${bind}`).join(' ') },
      'HAPROXY_HTTPS_GROUPED_VHOST_FRONTEND_HEAD',
    );
    const lines = byWeight(own).flatMap((rule) => [
      rule.httpsHead,
      ...rule.https.filter((line) => line.host === host).map((line) => line.text),
    ]);
    return [
      fill(templates.HTTPS_GROUPED_VHOST_BACKEND_HEAD, { name }, 'HAPROXY_HTTPS_GROUPED_VHOST_BACKEND_HEAD'),
      head,
      ...lines,
    ].join('');
  });
  return [templates.HTTPS_GROUPED_FRONTEND_HEAD, ...entry, ...sections];
}

function certificates(paths: readonly string[]): string {
  return paths.map((path) => `crt ${path}`).join(' ');
}

function mapFiles(context: VhostContext, byAppId: readonly Service[]): NonNullable<GeneratedConfig['maps']> {
  return {
    domain2backend: [...context.map].join(''),
    app2backend: byAppId.map((service) => `${service.appId} ${backendName(service)}\n`).join(''),
  };
}
