/**
 * What must hold in every cluster at every quiet moment, as functions that say what does not: for tests of this project
 * and of its users.
 */
import { contains, formatCidr, formatIpv4, formatMac, includesPort, type MachineConfig } from '@portolan/core';
import type { DcosCluster } from '@portolan/dcos';
import { type TaskInfo, takenWith } from '@portolan/scheduler';
import { type Attached, attached, PRIVATE_NETWORKS } from './containers.ts';
import { isAbandoned, leftovers } from './leftovers.ts';

/** Everything that is wrong with a cluster; empty if nothing is. */
export function violations(cluster: DcosCluster): readonly string[] {
  return [
    ...portViolations(cluster),
    ...addressViolations(cluster),
    ...subnetViolations(cluster),
    ...leftovers(cluster),
    ...vipViolations(cluster),
    ...dnsViolations(cluster),
  ];
}

/** No two tasks of one host share a host port, and every port lies in the ranges its agent offers. */
export function portViolations(cluster: DcosCluster): readonly string[] {
  return cluster.mesos.agents().flatMap((agent) => {
    const used = new Map<number, string>();
    return cluster.mesos.tasksOn(agent.id).flatMap(({ info }) =>
      portsOf(info).flatMap((port) => {
        const other = used.get(port);
        used.set(port, info.taskId);
        const shared = other === undefined ? [] : [`port ${port} of ${agent.id} belongs to ${other} and ${info.taskId}`];
        return includesPort(agent.ports, port)
          ? shared
          : [...shared, `port ${port} of ${info.taskId} is not among those of ${agent.id}`];
      }),
    );
  });
}

/** Of a pod's first task, those of its executor. */
function portsOf(info: TaskInfo): readonly number[] {
  return takenWith(info).flatMap(({ ports }) => ports);
}

/** No two containers of one network share an address or a MAC address; on the overlay not even across machines. */
export function addressViolations(cluster: DcosCluster): readonly string[] {
  const overlay: Attached[] = [];
  const found: string[] = [];
  for (const machine of cluster.core.machines) {
    const all = attached(machine.config);
    overlay.push(...all.filter(({ network }) => !PRIVATE_NETWORKS.includes(network)));
    for (const name of PRIVATE_NETWORKS)
      found.push(...duplicates(all.filter(({ network }) => network === name)).map((text) => `${machine.name}: ${text}`));
  }
  return [...found, ...duplicates(overlay)];
}

/** The agents' subnets and both halves of each are disjoint and inside the overlay. */
export function subnetViolations(cluster: DcosCluster): readonly string[] {
  const subnets = cluster.overlay.records().map(({ subnet }) => subnet);
  const starts = new Set(subnets.map(({ address }) => address));
  const outside = subnets
    .filter(({ address }) => !contains(cluster.overlay.overlay, address))
    .map((subnet) => `${formatCidr(subnet)} is outside the overlay`);
  const shared = starts.size === subnets.length ? [] : ['two nodes have the same subnet'];
  const halves = [...cluster.core.machines].flatMap((machine) => halfViolations(machine.config, cluster));
  return [...outside, ...shared, ...halves];
}

function halfViolations(config: MachineConfig, cluster: DcosCluster): readonly string[] {
  const own = cluster.overlay
    .records()
    .find(({ agent }) => config.host.links.some(({ addresses }) => addresses.some(({ address }) => address === agent)));
  return [...config.docker.networks, ...config.ucr.networks]
    .filter(({ name }) => !PRIVATE_NETWORKS.includes(name))
    .filter(({ subnet }) => own === undefined || subnet.prefix !== own.subnet.prefix + 1 || !contains(own.subnet, subnet.address))
    .map(({ subnet, name }) => `${config.name}: network ${name} has ${formatCidr(subnet)}, which is no half of its own subnet`);
}

/**
 * No two VIPs share an address and port; once settled, every server of a VIP is a running task's, but for a VIP of which
 * all backends are on agents that have gone: those stay.
 */
export function vipViolations(cluster: DcosCluster): readonly string[] {
  const view = cluster.l4lb.view();
  view.catchUp();
  const running = runningTasks(cluster);
  const seen = new Set<string>();
  return view.vips().flatMap((vip) => {
    const { protocol, address, port, backends, servers, name } = vip;
    const key = `${protocol} ${address} ${port}`;
    const twice = seen.has(key) ? [`two VIPs are at ${key}`] : [];
    seen.add(key);
    if (cluster.clock.busy || isAbandoned(cluster, vip)) return twice;
    const stale = backends
      .filter(({ task }) => !running.has(task))
      .filter((backend) => servers.some((server) => server.address === backend.address && server.port === backend.port))
      .map(({ task }) => `VIP ${name ?? key} still has ${task}`);
    return [...twice, ...stale];
  });
}

/** Once settled, Mesos-DNS has records of the running tasks and of no others. */
export function dnsViolations(cluster: DcosCluster): readonly string[] {
  if (cluster.clock.busy) return [];
  const running = runningTasks(cluster);
  const known = new Set(cluster.mesosDns.all().flatMap(({ cause }) => / task (\S+)$/.exec(cause)?.[1] ?? []));
  return [
    ...[...known].filter((task) => !running.has(task)).map((task) => `Mesos-DNS still has ${task}`),
    ...[...running].filter((task) => !known.has(task)).map((task) => `Mesos-DNS does not have ${task}`),
  ];
}

function runningTasks(cluster: DcosCluster): ReadonlySet<string> {
  return new Set(
    cluster.mesos
      .agents()
      .flatMap(({ id }) =>
        cluster.mesos.tasksOn(id).flatMap(({ info, state }) => (state === 'TASK_RUNNING' ? [info.taskId] : [])),
      ),
  );
}

function duplicates(containers: readonly Attached[]): readonly string[] {
  const addresses = new Map<number, string>();
  const macs = new Map<number, string>();
  return containers.flatMap(({ address, mac, name }) => {
    const found: string[] = [];
    const byAddress = addresses.get(address);
    if (byAddress !== undefined) found.push(`${byAddress} and ${name} both have ${formatIpv4(address)}`);
    const byMac = macs.get(mac);
    if (byMac !== undefined) found.push(`${byMac} and ${name} both have ${formatMac(mac)}`);
    addresses.set(address, name);
    macs.set(mac, name);
    return found;
  });
}
