/**
 * Reads everything that is made when somebody asks: so that what a placement leaves for later can be counted too. Of each container
 * its environment, labels and namespace; of each agent its devices, routes and rules as text; all DNS records; every VIP.
 */
import type { DcosCluster } from '@portolan/dcos';

/** Reads it all; how many characters and things that was, so that nothing can be left out as unused. */
export function readAll(at: DcosCluster): number {
  let read = 0;
  for (const { node } of at.agents()) {
    const { machine } = node;
    const { containers } = machine.config.docker;
    if (containers.length === 0) continue;
    for (const { id, env, labels, ports } of containers) {
      for (const [name, value] of env) read += name.length + value.length;
      for (const [name, value] of labels) read += name.length + value.length;
      for (const { cause } of ports) read += cause?.length ?? 0;
      read += (machine.namespace(id)?.devices.length ?? 0) + (machine.namespace(id)?.routes().length ?? 0);
    }
    read += machine.host.devices.length;
    for (const table of ['nat', 'filter']) read += node.shell(`iptables -t ${table} -S`).stdout.length;
  }
  for (const { name, cause } of at.mesosDns.all()) read += name.length + cause.length;
  for (const { servers, cause } of at.l4lb.view().vips()) read += servers.length + cause.length;
  for (const { id } of at.marathon.tasks()) read += id.length;
  return read;
}
