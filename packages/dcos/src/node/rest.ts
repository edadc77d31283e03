/**
 * dcos-net's REST interface, on every node at 127.0.0.1:62080 (dcos/dcos-net@7bd01ac, apps/dcos_rest/src): VIPs, nodes, DNS
 * records. Lists of records come zone by zone, in this model's order; the real one's is that of a hash.
 */
import { formatIpv4, type Ipv4 } from '@portolan/core';
import type { DnsRecord } from '../dns/message.ts';
import { resolve, type Zone } from '../dns/zone.ts';
import { formatIp } from '../vips/ip.ts';
import { L4LB_ZONE, vipDnsName } from '../vips/label.ts';
import type { VipView } from '../vips/vip-view.ts';

/** Its port. */
export const DCOS_NET_REST_PORT = 62080;

/** What a node's dcos-net knows. */
export interface RestSources {
  readonly vips: VipView;
  readonly zones: readonly Zone[];
  readonly nodes: readonly { readonly address: Ipv4; readonly hostname: string }[];
  /** When nodes told of themselves, as text of ISO 8601. */
  readonly updated: string;
}

/** An answer: data that goes out as JSON, or nothing but a status. */
export type RestAnswer = { readonly status: 200; readonly data: unknown } | { readonly status: 404 | 501 };

/** What a GET of a path answers. */
export function dcosNetRest(path: string, sources: RestSources): RestAnswer {
  const [, version, resource, name, ...rest] = (path.split('?', 1)[0] ?? '').split('/');
  if (version !== 'v1' || rest.length > 0) return { status: 404 };
  if (name === undefined) {
    if (resource === 'vips') return { status: 200, data: vipRows(sources.vips) };
    if (resource === 'nodes') return { status: 200, data: nodeRows(sources) };
    if (resource === 'records') return { status: 200, data: recordRows(sources) };
    if (resource === 'version') return { status: 200, data: { Service: 'dcos-dns', Version: '0.1.0' } };
    return { status: resource === 'config' || resource === 'enumerate' ? 501 : 404 };
  }
  if (resource === 'hosts') return { status: 200, data: hostRows(name, sources.zones) };
  return resource === 'services' ? { status: 200, data: serviceRows(name, sources.zones) } : { status: 404 };
}

function vipRows(view: VipView): unknown {
  view.catchUp();
  return view.vips().map(({ key, protocol, address, port, backends }) => {
    const host = key.kind === 'named' ? vipDnsName(key.label, key.framework) : formatIp(address);
    const ends = backends.map((backend) => ({ ip: formatIp(backend.address), port: backend.port }));
    return { vip: `${host}:${port}`, protocol: protocol === 6 ? 'tcp' : 'udp', backend: ends };
  });
}

function nodeRows({ nodes, updated }: RestSources): unknown {
  return nodes.map(({ address, hostname }) => ({ private_ip: formatIpv4(address), public_ips: [], hostname, updated }));
}

/** Zones whose records are made when they are asked for are not listed; the VIPs' is. */
function recordRows({ vips, zones }: RestSources): unknown {
  const named = vips.dnsRecords().map(({ name, address }) => {
    return { name: `${name}.${L4LB_ZONE}`, host: formatIp(address), rtype: typeof address === 'number' ? 'A' : 'AAAA' };
  });
  const fixed = FIXED_NAMES.flatMap((name) => answersOf(name, 'A', zones)).map((record) => ({
    name: bare(record.name),
    host: record.data.type === 'A' ? formatIpv4(record.data.address) : '',
    rtype: 'A',
  }));
  return [...fixed, ...named];
}

const FIXED_NAMES = [
  'ready.spartan.',
  'ns.spartan.',
  'localhost.',
  ...[1, 2, 3, 4, 5].map((n) => `zk-${n}.zk.`),
  'thisnode.thisdcos.directory.',
];

function hostRows(name: string, zones: readonly Zone[]): unknown {
  return answersOf(name, 'A', zones).flatMap(({ name: host, data }) =>
    data.type === 'A' ? [{ host: bare(host), ip: formatIpv4(data.address) }] : [],
  );
}

function serviceRows(name: string, zones: readonly Zone[]): unknown {
  return answersOf(name, 'SRV', zones).flatMap(({ name: service, data }) => {
    if (data.type !== 'SRV') return [];
    const [first] = answersOf(data.target, 'A', zones);
    const ip = first?.data.type === 'A' ? { ip: formatIpv4(first.data.address) } : {};
    return [{ host: bare(data.target), port: data.port, service: bare(service), ...ip }];
  });
}

function answersOf(name: string, type: string, zones: readonly Zone[]): readonly DnsRecord[] {
  return resolve({ name, type, id: 0, transport: 'tcp' }, zones).answers;
}

function bare(name: string): string {
  return name.endsWith('.') ? name.slice(0, -1) : name;
}
