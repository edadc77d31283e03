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

/** The running tasks of one framework and name. */
interface Namesakes {
  /** As it stands in the zone. */
  readonly host: string;
  readonly tasks: Map<string, MesosTask>;
}

/** The tasks of a cluster by the names they have here. */
export class TaskZone {
  /** By framework's name and task's, as they are. */
  private readonly byName = new Map<string, Map<string, Namesakes>>();
  /** By the names they have in the zone, which several may share. */
  private readonly byHost = new Map<string, Set<Namesakes>>();

  /** Takes a task in as it is now; one that does not run has no names. */
  set(task: MesosTask): void {
    if (task.state !== 'TASK_RUNNING') return this.delete(task);
    const { id } = task;
    const { tasks } = this.namesakes(task) ?? this.newName(task);
    // The latest to come stands last.
    tasks.delete(id);
    tasks.set(id, task);
  }

  /** Forgets a task. */
  delete(task: MesosTask): void {
    const namesakes = this.namesakes(task);
    if (namesakes === undefined) return;
    namesakes.tasks.delete(task.id);
    if (namesakes.tasks.size > 0) return;
    this.byName.get(task.frameworkName)?.delete(nameOf(task));
    const sharers = this.byHost.get(namesakes.host);
    sharers?.delete(namesakes);
    if (sharers?.size === 0) this.byHost.delete(namesakes.host);
  }

  private namesakes(task: MesosTask): Namesakes | undefined {
    return this.byName.get(task.frameworkName)?.get(nameOf(task));
  }

  private newName(task: MesosTask): Namesakes {
    const { frameworkName } = task;
    const name = nameOf(task);
    const made: Namesakes = { host: `${label(name)}.${label(frameworkName)}`, tasks: new Map() };
    const ofFramework = this.byName.get(frameworkName) ?? new Map<string, Namesakes>();
    this.byName.set(frameworkName, ofFramework.set(name, made));
    const sharers = this.byHost.get(made.host) ?? new Set<Namesakes>();
    this.byHost.set(made.host, sharers.add(made));
    return made;
  }

  /** The zone as it is now. */
  zone(masters: readonly Ipv4[], leader: Ipv4 | undefined): Zone {
    return { apex: DCOS_ZONE, records: (name) => this.records(name, masters, leader) };
  }

  private records(name: string, masters: readonly Ipv4[], leader: Ipv4 | undefined): readonly DnsRecord[] {
    const host = name.slice(0, -DCOS_ZONE.length - 1);
    const own = host === 'leader' && leader !== undefined ? [leader] : host === 'master' ? masters : [];
    const kind = KINDS.find((word) => host.endsWith(`.${word}`));
    const sharers = kind === undefined ? undefined : this.byHost.get(host.slice(0, -kind.length - 1));
    const addresses = new Set<IpAddress>(own);
    if (kind !== undefined)
      for (const { tasks } of sharers ?? [])
        for (const task of tasks.values()) for (const ip of addressesOf(seenTask(task), kind)) addresses.add(ip);
    return [...addresses].map((address) => addressRecord(name, DCOS_DNS_TTL, address));
  }
}

function nameOf(task: MesosTask): string {
  return task.discovery?.name ?? task.name;
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
