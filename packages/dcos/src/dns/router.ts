/**
 * Where dcos-dns takes a question: its own zones, a renamed one, Mesos-DNS on the masters, or other name servers
 * (dcos_dns_router.erl of dcos/dcos-net@7bd01ac).
 */
import type { Ipv4, Random } from '@portolan/core';
import { isIpv4, parseIpv4, Refusal, shuffle } from '@portolan/core';
import { lowerCase } from './message.ts';

/** A name server to ask. */
export interface Upstream {
  readonly address: Ipv4;
  readonly port: number;
}

/** What the router knows. */
export interface RoutingTable {
  /** Mesos-DNS on each master. */
  readonly mesos: readonly Upstream[];
  /** For everything else. */
  readonly upstreams: readonly Upstream[];
  /** Zones with name servers of their own, by apex without final dot, lower case. */
  readonly forwardZones?: ReadonlyMap<string, readonly Upstream[]>;
  /** The cluster's public key in z-base-32, under which its names are known outside. */
  readonly cryptoId?: string;
}

/** The router's decision; zones and names with their final dot. */
export type DnsRoute =
  | { readonly kind: 'internal'; readonly zone: string }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string }
  | { readonly kind: 'forward'; readonly zone: string; readonly upstreams: readonly Upstream[] };

/** The five upstreams of a dcos-dns that nobody configured. */
export const DEFAULT_UPSTREAMS: readonly Upstream[] = ['8.8.8.8', '4.2.2.1', '8.8.8.8', '4.2.2.1', '8.8.8.8'].map((text) => ({
  address: parseIpv4(text),
  port: 53,
}));

/** Decides by the name's last labels; the first rule that fits counts. */
export function routeQuestion(name: string, table: RoutingTable): DnsRoute {
  const labels = lowerCase(name.endsWith('.') ? name.slice(0, -1) : name).split('.');
  const [first, second, third, fourth] = labels.toReversed();
  if (second === 'thisdcos' && third !== undefined) {
    const zone = `${third}.thisdcos.directory.`;
    if (first === 'directory' && third === 'dclb') return { kind: 'rename', from: 'dclb.thisdcos.directory.', to: L4LB };
    if (first === 'global') return { kind: 'rename', from: `${third}.thisdcos.global.`, to: third === 'dclb' ? L4LB : zone };
    if (first === 'directory') return { kind: 'internal', zone };
  }
  if (first === 'directory' && second === 'dcos' && third !== undefined && third === table.cryptoId && fourth !== undefined) {
    return { kind: 'rename', from: `${fourth}.${third}.dcos.directory.`, to: `${fourth}.thisdcos.directory.` };
  }
  if (first === 'mesos') return { kind: 'forward', zone: 'mesos.', upstreams: table.mesos };
  if (first === 'localhost' || first === 'zk' || first === 'spartan') return { kind: 'internal', zone: `${first}.` };
  for (let from = 0; from < labels.length; from++) {
    const zone = labels.slice(from).join('.');
    const upstreams = table.forwardZones?.get(zone);
    if (upstreams !== undefined && upstreams.length > 0) return { kind: 'forward', zone: `${zone}.`, upstreams };
  }
  return { kind: 'forward', zone: '.', upstreams: table.upstreams };
}

const L4LB = 'l4lb.thisdcos.directory.';

/**
 * Reads an upstream of the configuration, `8.8.8.8` or `127.0.0.1:9000`.
 * @throws Refusal `bad-upstream`
 */
export function parseUpstream(text: string): Upstream {
  const match = /^([0-9.]{7,15})(?::([0-9]{1,5}))?$/.exec(text);
  const [, address = '', digits = '53'] = match ?? [];
  const port = Number(digits);
  if (!isIpv4(address) || port > 65535) {
    const message = `'${text.slice(0, 60)}' is not an address such as 8.8.8.8:53`;
    throw new Refusal({ component: 'dcos-net', code: 'bad-upstream', path: 'upstream_resolvers', message });
  }
  return { address: parseIpv4(address), port };
}

/**
 * Those of the upstreams that are asked, all at once: one or two all, of more the two with the fewest failures,
 * equals by chance.
 */
export function chooseUpstreams(
  upstreams: readonly Upstream[],
  failures: (upstream: Upstream) => number,
  random: Random,
): Upstream[] {
  if (upstreams.length < 3) return [...upstreams];
  const buckets = new Map<number, Upstream[]>();
  for (const upstream of upstreams) {
    const count = failures(upstream);
    buckets.set(count, [...(buckets.get(count) ?? []), upstream]);
  }
  const chosen: Upstream[] = [];
  for (const [, bucket] of [...buckets].sort(([a], [b]) => a - b)) {
    const wanted = 2 - chosen.length;
    if (wanted > 0) chosen.push(...(bucket.length === 1 ? bucket : shuffle(bucket, random)).slice(0, wanted));
  }
  return chosen;
}
