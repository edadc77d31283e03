/**
 * Mesos-DNS' HTTP interface, port 8123 of every master (mesosphere/mesos-dns@857ceb9, resolver/resolver.go `configureHTTP`):
 * hosts, services, all records, as JSON indented by one blank. Lists come in the order of a walk over Go's map.
 */

import { absolute, lowerCase } from '../dns/message.ts';
import { formatIp } from '../vips/ip.ts';
import type { MesosDns } from './mesos-dns.ts';
import { REFRESH_SECONDS } from './mesos-dns.ts';
import type { MesosRecord } from './records.ts';

/** An answer of the interface. */
export interface MesosDnsPage {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** Its port in DC/OS. */
export const MESOS_DNS_HTTP_PORT = 8123;

const VERSIONS = { '113': '1.13', head: 'dev', m3: 'dev' } as const;
const KINDS = ['A', 'AAAA'] as const;

/** What a GET of a path answers. */
export function mesosDnsPage(dns: MesosDns, path: string): MesosDnsPage {
  const [version, resource, name, extra, ...rest] = path.slice(1).split('/');
  if (version === 'v1' && rest.length === 0) {
    if (name === undefined && resource === 'version') return json(versionOf(dns));
    if (name === undefined && resource === 'config') return json(dns.configuration);
    if (name === undefined && resource === 'axfr') return json(transferOf(dns));
    if (name === undefined && resource === 'enumerate') return json({ frameworks: frameworksOf(dns) });
    if (resource === 'hosts' && name !== undefined && extra === undefined) return json(hostsOf(dns, name));
    if (resource === 'hosts' && extra === 'ports') return plain(501, 'To be implemented...');
    if (resource === 'services' && name !== undefined && extra === undefined) return json(servicesOf(dns, name));
  }
  return plain(404, '404: Page Not Found');
}

function versionOf(dns: MesosDns): unknown {
  const { version } = dns.options;
  return { Service: 'Mesos-DNS', URL: 'https://github.com/mesosphere/mesos-dns', Version: VERSIONS[version] };
}

function hostsOf(dns: MesosDns, name: string): unknown {
  const host = lowerCase(absolute(name));
  const rows = KINDS.flatMap((kind) => addresses(dns.walk(host, kind))).map((ip) => ({ host, ip }));
  return rows.length === 0 ? [{ host: '', ip: '' }] : rows;
}

function servicesOf(dns: MesosDns, name: string): unknown {
  const rows = dns.walk(lowerCase(absolute(name)), 'SRV').flatMap((record) => {
    if (record.kind !== 'SRV') return [];
    const { target, port } = record;
    return KINDS.flatMap((kind) => addresses(dns.find(target, kind))).map((ip) => {
      return { service: name, host: target, ip, port: String(port) };
    });
  });
  return rows.length === 0 ? [{ service: '', host: '', ip: '', port: '' }] : rows;
}

function frameworksOf(dns: MesosDns): unknown {
  const frameworks = new Map<string, { name: string; id: string; records: unknown[] }[]>(
    dns.frameworks.map((name) => [name, []]),
  );
  if (frameworks.size === 0) return null;
  for (const { task, records } of dns.byTask()) {
    const tasks = frameworks.get(task.frameworkName) ?? [];
    frameworks.set(task.frameworkName, tasks);
    const rows = records.map((record) => ({ name: record.name, host: textOf(record), rtype: record.kind }));
    tasks.push({ name: task.name, id: task.id, records: rows });
  }
  return [...frameworks].map(([name, tasks]) => ({ tasks, name }));
}

function transferOf(dns: MesosDns): unknown {
  const { serial, server, ttl } = dns.zone;
  const records = dns.all();
  const byName = (kind: MesosRecord['kind']) => {
    const names = [...new Set(records.flatMap((record) => (record.kind === kind ? [record.name] : [])))].sort();
    return Object.fromEntries(names.map((name) => [name, dns.walk(name, kind).map(textOf)]));
  };
  return {
    TTL: ttl,
    Serial: serial,
    RefreshSeconds: REFRESH_SECONDS,
    Mname: server,
    Rname: `root.${server}`,
    Domain: dns.options.domain,
    Records: { As: byName('A'), AAAAs: byName('AAAA'), SRVs: byName('SRV') },
  };
}

function addresses(records: readonly MesosRecord[]): readonly string[] {
  return records.flatMap((record) => (record.kind === 'SRV' ? [] : [formatIp(record.address)]));
}

function textOf(record: MesosRecord): string {
  return record.kind === 'SRV' ? `${record.target}:${record.port}` : formatIp(record.address);
}

/** Go's MarshalIndent with prefix and indent of one blank each. */
function json(value: unknown): MesosDnsPage {
  const body = JSON.stringify(value, undefined, 1).replaceAll('\n', '\n ');
  return { status: 200, type: 'application/json', body };
}

function plain(status: number, body: string): MesosDnsPage {
  return { status, type: 'text/plain; charset=utf-8', body };
}
