/**
 * Zone dcos.thisdcos.directory: three names of every running task, and those of the masters (dcos_dns_mesos.erl of
 * dcos/dcos-net@7bd01ac). The leading master makes it and gossips it, at most once a second; here one index of tasks by
 * name serves all nodes, and records are made when they are asked for.
 */
import type { Ipv4 } from '@portolan/core';
import type { MesosTask } from '../mesos-state.ts';
import type { IpAddress } from '../vips/ip.ts';
import { label } from '../vips/label.ts';
import { type SeenTask, seenTask } from '../vips/task-ports.ts';
import { addressRecord, type DnsRecord } from './message.ts';
import { DCOS_DNS_TTL, type Zone } from './zone.ts';

/** The zone's apex. */
export const DCOS_ZONE = 'dcos.thisdcos.directory.';

const KINDS = ['agentip', 'containerip', 'autoip'] as const;

/** The tasks of a cluster by the names they have here. */
export class TaskZone {
  private readonly byName = new Map<string, Map<string, MesosTask>>();

  /** Takes a task in as it is now; one that does not run has no names. */
  set(task: MesosTask): void {
    if (task.state !== 'TASK_RUNNING') return this.delete(task);
    const name = nameOf(task);
    const tasks = this.byName.get(name);
    if (tasks === undefined) this.byName.set(name, new Map([[task.id, task]]));
    else {
      // The latest to come stands last.
      tasks.delete(task.id);
      tasks.set(task.id, task);
    }
  }

  /** Forgets a task. */
  delete(task: MesosTask): void {
    const name = nameOf(task);
    const tasks = this.byName.get(name);
    tasks?.delete(task.id);
    if (tasks?.size === 0) this.byName.delete(name);
  }

  /** The zone as it is now. */
  zone(masters: readonly Ipv4[], leader: Ipv4 | undefined): Zone {
    return { apex: DCOS_ZONE, records: (name) => this.records(name, masters, leader) };
  }

  private records(name: string, masters: readonly Ipv4[], leader: Ipv4 | undefined): readonly DnsRecord[] {
    const host = name.slice(0, -DCOS_ZONE.length - 1);
    const own = host === 'leader' && leader !== undefined ? [leader] : host === 'master' ? masters : [];
    const kind = KINDS.find((word) => host.endsWith(`.${word}`));
    const tasks = kind === undefined ? undefined : this.byName.get(host.slice(0, -kind.length - 1));
    const addresses = new Set<IpAddress>(own);
    if (kind !== undefined)
      for (const task of tasks?.values() ?? []) for (const ip of addressesOf(seenTask(task), kind)) addresses.add(ip);
    return [...addresses].map((address) => addressRecord(name, DCOS_DNS_TTL, address));
  }
}

function nameOf(task: MesosTask): string {
  return `${label(task.discovery?.name ?? task.name)}.${label(task.frameworkName)}`;
}

/** The records of one task in this zone: agentip, containerip, autoip. */
export function taskZoneRecords(task: SeenTask): readonly DnsRecord[] {
  if (task.state !== 'running') return [];
  return KINDS.flatMap((kind) => {
    const name = `${label(task.name)}.${label(task.framework)}.${kind}.${DCOS_ZONE}`;
    return addressesOf(task, kind).map((address) => addressRecord(name, DCOS_DNS_TTL, address));
  });
}

/** autoip is the agent's address if a port is published there or the task has no address, else the task's own. */
function addressesOf(task: SeenTask, kind: (typeof KINDS)[number]): readonly IpAddress[] {
  const { addresses, agentAddress } = task;
  if (kind === 'containerip') return addresses;
  const published = addresses.length === 0 || task.ports.some(({ hostPort }) => hostPort !== undefined);
  return kind === 'agentip' || published ? [agentAddress] : addresses;
}
