/**
 * Names of addresses, which only the successor of Mesosphere's Mesos-DNS has (m3scluster/mesos-dns@8b8e4ae): every address of
 * a task leads back to the names of its tasks. It answers only where there is one name, and only with `ReverseDnsOn`.
 */
import type { MesosState } from '../mesos-state.ts';
import type { IpAddress } from '../vips/ip.ts';
import { mesosDomainFragment } from './names.ts';
import { publishedAddresses, type RecordOptions, taskNames } from './records.ts';

/** `168.15.16.172.in-addr.arpa.` with the names it stands for, in the order in which they came. */
export type Pointers = ReadonlyMap<string, ReadonlySet<string>>;

/** The pointers of all running tasks. */
export function pointersOf(state: MesosState, options: RecordOptions): Pointers {
  const agents = new Map(state.agents.map(({ id, address }) => [id, address]));
  const pointers = new Map<string, Set<string>>();
  for (const task of state.tasks) {
    const agent = agents.get(task.agentId);
    if (agent === undefined || task.state !== 'TASK_RUNNING') continue;
    const end = `${mesosDomainFragment(task.frameworkName, options.spec)}.${options.domain}.`;
    for (const address of publishedAddresses(task, [agent], options)) {
      const name = reverseName(address);
      const names = pointers.get(name) ?? new Set<string>();
      pointers.set(name, names);
      for (const taskName of taskNames(task, options.spec)) names.add(`${taskName}.${end}`);
    }
  }
  return pointers;
}

/** The name under which an address is looked up. */
export function reverseName(address: IpAddress): string {
  if (typeof address === 'number') {
    const bytes = [0, 8, 16, 24].map((shift) => (address >>> shift) & 255);
    return `${bytes.join('.')}.in-addr.arpa.`;
  }
  const digits = address.toString(16).padStart(32, '0');
  return `${[...digits].reverse().join('.')}.ip6.arpa.`;
}
