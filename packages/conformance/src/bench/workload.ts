/** The clusters and apps that are measured: agents that are never full, apps in bridge mode with one port and a VIP. */
import { parseCidr } from '@portolan/core';
import { DcosCluster } from '@portolan/dcos';

const VTEPS = parseCidr('44.0.0.0/8');

/** A cluster of one master and so many agents, of 64 CPUs and 256 GiB each; with an IPv6 overlay most could not register. */
export function cluster(agents: number): DcosCluster {
  return DcosCluster.create({ seed: 1, agents, publicAgents: 0, vtepNetwork: VTEPS, ipv6: false, cpus: 64, mem: 262_144 });
}

/** An app of small tasks; its VIP is called as itself. */
export function app(id: string, instances: number) {
  return {
    id,
    instances,
    cpus: 0.1,
    mem: 32,
    networks: [{ mode: 'container/bridge' }],
    container: {
      type: 'DOCKER',
      docker: { image: 'dcoslabs/httpi' },
      portMappings: [{ name: 'http', labels: { VIP_0: `${id}:3141` } }],
    },
  };
}

/** Apps of these numbers, for one deployment: Marathon runs no more than a hundred at once. */
export function definitions(from: number, to: number, instances: number) {
  return Array.from({ length: to - from }, (_, i) => {
    const id = `/app-${from + i}`;
    return { id, definition: app(id, instances) };
  });
}

/** Starts so many apps and lets them come up. @throws Error if not all of their tasks run and have their VIPs in a kernel */
export function deploy(at: DcosCluster, apps: number, instances: number): void {
  at.marathon.updateApps(definitions(0, apps, instances));
  at.settle();
  const services = at.master().machine.ipvs().services();
  const servers = services.reduce((sum, service) => sum + service.servers.length, 0);
  if (servers < apps * instances) throw new Error(`${servers} servers of ${apps * instances} are in force`);
}

/** How many tasks run. */
export function running(at: DcosCluster): number {
  let count = 0;
  for (const { state } of at.mesos.tasks()) if (state === 'TASK_RUNNING') count++;
  return count;
}
