/**
 * DC/OS' daemons of one node: its kernel gets what they keep for all nodes alike (VIPs, overlay), dcos-dns and dcos-net's
 * REST interface listen, on a master Mesos-DNS too.
 */
import { type Ipv4, type Machine, parseIpv4 } from '@portolan/core';
import { formatTimestamp } from '@portolan/scheduler';
import type { TaskZone } from '../dns/task-zone.ts';
import { dcosZones } from '../dns/zones.ts';
import { MESOS_DNS_HTTP_PORT, mesosDnsPage } from '../mesos-dns/http-api.ts';
import type { MesosDns } from '../mesos-dns/mesos-dns.ts';
import type { OverlayView } from '../overlay/directory.ts';
import { startDcosDns, startMesosDns } from './dns-service.ts';
import type { NodeVips } from './node-vips.ts';
import { DCOS_NET_REST_PORT, dcosNetRest } from './rest.ts';
import { ipvsFeed, VIP_SET } from './vip-kernel.ts';
import { getOnly, serveWeb, type WebPage } from './web-server.ts';

/** What all nodes' daemons know, or will be told. */
export interface DaemonWorld {
  readonly masters: readonly Ipv4[];
  /** The master that leads, or led last. */
  readonly leader: () => Ipv4;
  readonly tasks: TaskZone;
  readonly mesosDns: MesosDns;
  /** All nodes, in the order in which they came. */
  readonly nodes: () => readonly { readonly address: Ipv4; readonly hostname: string }[];
  /** Unix milliseconds. */
  readonly now: () => number;
}

const LOOPBACK = parseIpv4('127.0.0.1');
const MESOS_DNS_DNS_PORT = 61053;

/** Starts a node's daemons. */
export function startDaemons(machine: Machine, address: Ipv4, vips: NodeVips, overlay: OverlayView, world: DaemonWorld): void {
  const { masters, tasks, mesosDns } = world;
  machine.host.share({
    epoch: () => vips.kernel.epoch() + overlay.epoch(),
    routes: [vips.routes, overlay.subnetRoutes, overlay.agentRoutes],
    neighbour: (device, next) => overlay.neighbour(device, next),
    neighbours: () => overlay.neighbours(),
    remote: (device, mac) => overlay.remote(device, mac),
    fdb: () => overlay.fdb(),
    set: (name) => (name === VIP_SET ? vips.kernel.set : undefined),
    sets: () => [vips.kernel.asSet()],
    syncIpvs: ipvsFeed(() => vips.view),
  });
  const zones = () => {
    const { view } = vips;
    view.catchUp();
    return dcosZones({ node: address, masters, leader: world.leader(), vips: view, tasks, mesosDns });
  };
  const upstream = masters.map((master) => ({ address: master, port: MESOS_DNS_DNS_PORT }));
  startDcosDns(machine.host, () => ({ routing: { mesos: upstream, upstreams: [] }, zones: zones() }));
  const rest = { address: LOOPBACK, port: DCOS_NET_REST_PORT, program: 'dcos-net' };
  const restPage = (path: string): WebPage => {
    const updated = formatTimestamp(world.now());
    const answer = dcosNetRest(path, { vips: vips.view, zones: zones(), nodes: world.nodes(), updated });
    if (answer.status !== 200) return { status: answer.status, type: '', body: '' };
    return { status: 200, type: 'application/json', body: JSON.stringify(answer.data) };
  };
  serveWeb(machine, rest, world.now, getOnly(restPage));
}

/** Starts Mesos-DNS on a master, its name server and its HTTP interface. */
export function startMesosDnsOn(machine: Machine, world: DaemonWorld): void {
  startMesosDns(machine.host, world.mesosDns);
  const at = { address: 0, port: MESOS_DNS_HTTP_PORT, program: 'mesos-dns' };
  serveWeb(
    machine,
    at,
    world.now,
    getOnly((path) => mesosDnsPage(world.mesosDns, path)),
  );
}
