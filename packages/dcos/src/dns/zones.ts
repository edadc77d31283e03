/** The zones every dcos-dns serves by itself: spartan, localhost, zk, l4lb, thisnode and the copy of Mesos-DNS' zone. */
import { type Ipv4, parseIpv4 } from '@portolan/core';
import type { MesosRecord } from '../mesos-dns/records.ts';
import { L4LB_ZONE } from '../vips/label.ts';
import type { VipView } from '../vips/vip-view.ts';
import { addressRecord, type DnsRecord } from './message.ts';
import type { TaskZone } from './task-zone.ts';
import { DCOS_DNS_TTL, type Zone } from './zone.ts';

/** What the zones of one node are made of. */
export interface ZoneSources {
  /** The node's own address. */
  readonly node: Ipv4;
  /** Its addresses as seen from outside, by detect_ip_public. */
  readonly publicAddresses?: readonly Ipv4[];
  readonly masters: readonly Ipv4[];
  readonly leader: Ipv4 | undefined;
  readonly vips: VipView;
  readonly tasks: TaskZone;
  /** The leading master's Mesos-DNS: whose records are copied every 30 seconds. */
  readonly mesosDns?: {
    readonly options: { readonly domain: string };
    find(name: string, kind: MesosRecord['kind']): readonly MesosRecord[];
  };
}

/** The addresses dcos-dns listens on, on every node, on device spartan. */
export const SPARTAN_ADDRESSES: readonly Ipv4[] = ['198.51.100.1', '198.51.100.2', '198.51.100.3'].map(parseIpv4);

/** How many names zone zk has, whatever the number of masters. */
const ZOOKEEPERS = 5;
const MESOS_ZONE = 'mesos.thisdcos.directory.';

/** The zones of a node; l4lb is missing until it has heard of a VIP, dcos until there is a leader. */
export function dcosZones(sources: ZoneSources): Zone[] {
  const { node, publicAddresses, masters, leader, vips, tasks, mesosDns } = sources;
  const zookeepers: [string, readonly Ipv4[]][] = [];
  for (let i = 0; i < ZOOKEEPERS && masters.length > 0; i++)
    zookeepers.push([`zk-${i + 1}.zk.`, [masters[i % masters.length] as Ipv4]]);
  const zones = [
    fixedZone('spartan.', [
      ['ready.spartan.', [parseIpv4('127.0.0.1')]],
      ['ns.spartan.', SPARTAN_ADDRESSES.slice(0, 1)],
    ]),
    fixedZone('localhost.', [['localhost.', [parseIpv4('127.0.0.1')]]]),
    fixedZone('zk.', zookeepers),
    fixedZone('thisnode.thisdcos.directory.', [
      ['thisnode.thisdcos.directory.', [node]],
      ['public.thisnode.thisdcos.directory.', publicAddresses ?? []],
    ]),
  ];
  if (vips.ready) zones.push(vipZone(vips));
  if (leader !== undefined) zones.push(tasks.zone(masters, leader));
  if (mesosDns !== undefined) zones.push(mesosZone(mesosDns));
  return zones;
}

function fixedZone(apex: string, hosts: readonly (readonly [name: string, addresses: readonly Ipv4[]])[]): Zone {
  const byName = new Map(hosts);
  return { apex, records: (name) => (byName.get(name) ?? []).map((address) => addressRecord(name, DCOS_DNS_TTL, address)) };
}

function vipZone(vips: VipView): Zone {
  return {
    apex: `${L4LB_ZONE}.`,
    records: (name) => vips.lookup(name).map((address) => addressRecord(name, DCOS_DNS_TTL, address)),
  };
}

/** X.mesos. as X.mesos.thisdcos.directory., SRV records with priority 1. */
function mesosZone(source: NonNullable<ZoneSources['mesosDns']>): Zone {
  const suffix = `${source.options.domain}.`;
  const moved = (name: string) => `${name.slice(0, -suffix.length)}${MESOS_ZONE}`;
  return {
    apex: MESOS_ZONE,
    records: (name) => {
      const original = `${name.slice(0, -MESOS_ZONE.length)}${suffix}`;
      return (['A', 'AAAA', 'SRV'] as const)
        .flatMap((kind) => source.find(original, kind))
        .map((record): DnsRecord => {
          if (record.kind !== 'SRV') return addressRecord(name, DCOS_DNS_TTL, record.address);
          const { port, target } = record;
          return { name, ttl: DCOS_DNS_TTL, data: { type: 'SRV', priority: 1, weight: 1, port, target: moved(target) } };
        });
    },
  };
}
