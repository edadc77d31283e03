/**
 * Rules that send requests to a service by host and path: those of the HTTP and HTTPS frontends on ports 80 and 443
 * (mesosphere/marathon-lb, marathon_lb.py `generateHttpVhostAcl`, 1.15.0). With `--haproxy-map` plain hosts go into a map
 * file, and one line per frontend looks them up.
 */
import { fill, type TemplateFields } from './python.ts';
import { cleanName } from './server.ts';
import type { Service } from './services.ts';
import { type TemplateName, type Templates, templateOf } from './templates.ts';

/** What rules of one configuration share. */
export interface VhostContext {
  readonly templates: Templates;
  /** `--haproxy-map`. */
  readonly useMap: boolean;
  readonly directory: string;
  /** Lines of the map from host to backend; rules add theirs. */
  readonly map: Set<string>;
  /** Whether the line that looks up the map stands already, per frontend. */
  readonly mapped: { http: boolean; https: boolean };
}

/** The rules of one service. */
export interface VhostRules {
  /** Services with higher weights come first. */
  readonly weight: number;
  readonly http: string;
  /** What the rules of HTTPS share: the ACL of the path, or ''. */
  readonly httpsHead: string;
  readonly https: readonly HttpsRule[];
}

/** A rule for one host, by the name a client asks for in its TLS greeting. */
export interface HttpsRule {
  readonly host: string;
  readonly text: string;
}

/** The weight of the line that looks up the map: behind all others. */
const MAP_WEIGHT = -1;

/** The rules for the hosts of a service, of which it has one or several. */
export function vhostRules(service: Service, backend: string, context: VhostContext): VhostRules {
  const hosts = (service.hostname ?? '').split(',');
  const before = { ...context.mapped };
  const rules = new RuleWriter(service, backend, hosts, context);
  const http = hosts.length > 1 ? rules.httpOfMany() : rules.httpOfOne();
  const https = rules.https();
  const opensMap = context.mapped.http !== before.http || context.mapped.https !== before.https;
  return { weight: opensMap ? MAP_WEIGHT : service.weight, http, ...https };
}

class RuleWriter {
  private readonly fields: TemplateFields;

  constructor(
    private readonly service: Service,
    private readonly backend: string,
    private readonly hosts: readonly string[],
    private readonly context: VhostContext,
  ) {
    const { appId, auth, path, bindAddress } = service;
    const cleanedUpHostname = `${cleanName(hosts[0] ?? '')}_${appId.slice(1).replaceAll('/', '_')}`;
    this.fields = {
      cleanedUpHostname,
      appId,
      backend,
      path,
      realm: auth?.realm,
      bindAddr: bindAddress,
      haproxy_dir: context.directory,
    };
  }

  /** One host: its ACL and its route in one. */
  httpOfOne(): string {
    const { path, auth, redirectToHttps } = this.service;
    const host = this.hosts[0] ?? '';
    if (redirectToHttps) {
      const acl: readonly TemplateName[] = path
        ? ['HTTP_FRONTEND_ACL_ONLY', 'HTTP_FRONTEND_ACL_ONLY_WITH_PATH']
        : ['HTTP_FRONTEND_ACL'];
      return acl.map((name) => this.write(name, host)).join('') + this.redirect();
    }
    if (path) return this.write(auth?.realm ? 'HTTP_FRONTEND_ACL_WITH_AUTH_AND_PATH' : 'HTTP_FRONTEND_ACL_WITH_PATH', host);
    if (auth?.realm) return this.write('HTTP_FRONTEND_ACL_WITH_AUTH', host);
    if (this.context.useMap) return this.mapLine('http', 'MAP_HTTP_FRONTEND_ACL', 'HTTP_FRONTEND_ACL', host);
    return this.write('HTTP_FRONTEND_ACL', host);
  }

  /** Several hosts: an ACL of one name with all of them, then one route. */
  httpOfMany(): string {
    const { path, auth, redirectToHttps } = this.service;
    const { useMap } = this.context;
    let text = '';
    if (path) text += this.write(auth?.realm ? 'HTTP_FRONTEND_ACL_ONLY_WITH_PATH_AND_AUTH' : 'HTTP_FRONTEND_ACL_ONLY_WITH_PATH');
    for (const host of this.hosts) {
      if (useMap && !path && !auth?.realm && !redirectToHttps) {
        text += this.mapLine('http', 'MAP_HTTP_FRONTEND_ACL_ONLY', 'HTTP_FRONTEND_ACL_ONLY', host);
      } else text += this.write('HTTP_FRONTEND_ACL_ONLY', host);
    }
    if (redirectToHttps) return text + this.redirect();
    if (path)
      return (
        text + this.write(auth?.realm ? 'HTTP_FRONTEND_ROUTING_ONLY_WITH_PATH_AND_AUTH' : 'HTTP_FRONTEND_ROUTING_ONLY_WITH_PATH')
      );
    if (auth?.realm) return text + this.write('HTTP_FRONTEND_ROUTING_ONLY_WITH_AUTH');
    return useMap ? text : text + this.write('HTTP_FRONTEND_ROUTING_ONLY');
  }

  https(): { readonly httpsHead: string; readonly https: readonly HttpsRule[] } {
    const { path, auth } = this.service;
    const httpsHead = path ? this.write('HTTPS_FRONTEND_ACL_ONLY_WITH_PATH') : '';
    const name =
      `HTTPS_FRONTEND_ACL${auth?.realm || path ? '_WITH' : ''}${auth?.realm ? '_AUTH' : ''}${auth?.realm && path ? '_AND' : ''}${path ? '_PATH' : ''}` as const;
    const mapped = name === 'HTTPS_FRONTEND_ACL' && this.context.useMap;
    const https = this.hosts.map((host) => ({
      host,
      text: mapped
        ? this.mapLine('https', 'MAP_HTTPS_FRONTEND_ACL', 'HTTPS_FRONTEND_ACL', host)
        : this.write(name as TemplateName, host),
    }));
    return { httpsHead, https };
  }

  /** Puts the host into the map; the first one in a frontend brings the line that looks it up. */
  private mapLine(frontend: 'http' | 'https', name: TemplateName, label: TemplateName, host: string): string {
    const { mapped, map, templates } = this.context;
    map.add(`${host} ${this.backend}\n`);
    if (mapped[frontend]) return '';
    mapped[frontend] = true;
    return fill(this.service.templates.get(label) ?? templates[name], { ...this.fields, hostname: host }, `HAPROXY_${name}`);
  }

  private redirect(): string {
    return this.write(this.service.path ? 'BACKEND_REDIRECT_HTTP_TO_HTTPS_WITH_PATH' : 'BACKEND_REDIRECT_HTTP_TO_HTTPS');
  }

  private write(name: TemplateName, hostname?: string): string {
    return fill(templateOf(this.service, this.context.templates, name), { ...this.fields, hostname }, `HAPROXY_${name}`);
  }
}
