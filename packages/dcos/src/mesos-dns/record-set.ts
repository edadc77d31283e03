/**
 * All of Mesos-DNS' records as of one state, made when they are asked for: tasks are indexed by name, and a query makes
 * records of the tasks of that name only. The index hangs on the state's list of tasks and is shared by all who read it.
 */
import { memo } from '@portolan/core';
import type { MesosAgent, MesosState, MesosTask } from '../mesos-state.ts';
import type { IpAddress } from '../vips/ip.ts';
import { type LabelSpec, mesosDomainFragment } from './names.ts';
import { type Pointers, pointersOf } from './pointers.ts';
import { clusterRecords, type MesosRecord, type RecordOptions, taskNames, taskRecords } from './records.ts';

/** Tasks by framework's and task's name. */
type TaskIndex = ReadonlyMap<string, ReadonlyMap<string, readonly MesosTask[]>>;
/** Records by kind and name. */
type Records = ReadonlyMap<string, readonly MesosRecord[]>;

/** The records of one state. */
export class RecordSet {
  private readonly state: MesosState;
  private readonly options: RecordOptions;
  private readonly listeners: readonly IpAddress[];
  private readonly server: string;
  private cluster: Records | undefined = undefined;
  private pointers: Pointers | undefined = undefined;
  private readonly buckets = new Map<readonly MesosTask[], Records>();

  /** @param server name of the name server, `ns1.mesos.`, at the addresses `listeners` */
  constructor(state: MesosState, options: RecordOptions, listeners: readonly IpAddress[], server: string) {
    this.state = state;
    this.options = options;
    this.listeners = listeners;
    this.server = server;
  }

  /** Records of a name and kind, each value once, in the order in which they were made. */
  find(name: string, kind: MesosRecord['kind']): readonly MesosRecord[] {
    const key = `${kind} ${name}`;
    this.cluster ??= byName(clusterRecords(this.state, this.listeners, this.server, this.options));
    const found = [...(this.cluster.get(key) ?? [])];
    for (const bucket of this.bucketsOf(name)) found.push(...(this.recordsOf(bucket).get(key) ?? []));
    return distinct(found);
  }

  /** Whether a name has records of any kind. */
  has(name: string): boolean {
    return (['SRV', 'A', 'AAAA'] as const).some((kind) => this.find(name, kind).length > 0);
  }

  /** Every record, each once: what `/v1/axfr` transfers. */
  all(): readonly MesosRecord[] {
    const records = clusterRecords(this.state, this.listeners, this.server, this.options);
    for (const task of this.state.tasks) {
      const agent = agentsOf(this.state.agents).get(task.agentId);
      if (agent !== undefined && task.state === 'TASK_RUNNING') records.push(...taskRecords(task, [agent], this.options));
    }
    return [...byName(records).values()].flat();
  }

  /** The names of an address, `168.15.16.172.in-addr.arpa.`, of version m3. */
  namesOf(pointer: string): readonly string[] {
    this.pointers ??= pointersOf(this.state, this.options);
    return [...(this.pointers.get(pointer) ?? [])];
  }

  /** Each running task with the records it was the first to have, in the order of frameworks: what `/v1/enumerate` lists. */
  byTask(): readonly { readonly task: MesosTask; readonly records: readonly MesosRecord[] }[] {
    const seen = new Set<string>();
    const agents = agentsOf(this.state.agents);
    return this.state.tasks.flatMap((task) => {
      const agent = agents.get(task.agentId);
      if (agent === undefined || task.state !== 'TASK_RUNNING') return [];
      const records = taskRecords(task, [agent], this.options).filter((record) => {
        const identity = `${record.kind} ${record.name} ${textOf(record)}`;
        return !seen.has(identity) && seen.add(identity);
      });
      return [{ task, records }];
    });
  }

  /** The groups of tasks a name could be about: its framework's part cut off, then what Mesos-DNS puts around a task's name. */
  private *bucketsOf(name: string): Generator<readonly MesosTask[]> {
    const end = `.${this.options.domain}.`;
    if (!name.endsWith(end)) return;
    const rest = name.slice(0, -end.length);
    const seen = new Set<readonly MesosTask[]>();
    for (const [framework, tasks] of indexBy[this.options.spec](this.state.tasks)) {
      for (const tail of [`.${framework}`, `.${framework}.slave`]) {
        if (!rest.endsWith(tail)) continue;
        for (const candidate of candidatesOf(rest.slice(0, -tail.length))) {
          const bucket = tasks.get(candidate);
          if (bucket === undefined || seen.has(bucket)) continue;
          seen.add(bucket);
          yield bucket;
        }
      }
    }
  }

  private recordsOf(bucket: readonly MesosTask[]): Records {
    let records = this.buckets.get(bucket);
    if (records === undefined) {
      const agents = agentsOf(this.state.agents);
      records = byName(
        bucket.flatMap((task) => {
          const agent = agents.get(task.agentId);
          return agent === undefined ? [] : taskRecords(task, [agent], this.options);
        }),
      );
      this.buckets.set(bucket, records);
    }
    return records;
  }
}

/** The value of a record as text: an address, or target and port. */
function textOf(record: MesosRecord): string {
  return record.kind === 'SRV' ? `${record.target}:${record.port}` : record.address.toString();
}

const agentsOf = memo((agents: readonly MesosAgent[]) => new Map(agents.map(({ id, address }) => [id, address])));

const indexBy: Readonly<Record<LabelSpec, (tasks: readonly MesosTask[]) => TaskIndex>> = {
  rfc1123: memo((tasks: readonly MesosTask[]) => indexOf(tasks, 'rfc1123')),
  rfc952: memo((tasks: readonly MesosTask[]) => indexOf(tasks, 'rfc952')),
};

function indexOf(tasks: readonly MesosTask[], spec: LabelSpec): TaskIndex {
  const index = new Map<string, Map<string, MesosTask[]>>();
  const fragments = new Map<string, string>();
  for (const task of tasks) {
    if (task.state !== 'TASK_RUNNING') continue;
    const framework = fragments.get(task.frameworkName) ?? mesosDomainFragment(task.frameworkName, spec);
    fragments.set(task.frameworkName, framework);
    const names = index.get(framework) ?? new Map<string, MesosTask[]>();
    index.set(framework, names);
    for (const name of new Set(taskNames(task, spec))) {
      const bucket = names.get(name);
      if (bucket === undefined) names.set(name, [task]);
      else bucket.push(task);
    }
  }
  return index;
}

/** Task names that `httpi`, `httpi-7n7a6-s2`, `_httpi._tcp` or `_http._httpi._tcp` may be about. */
function candidatesOf(head: string): readonly string[] {
  const candidates = [head];
  const tail = head.lastIndexOf('-');
  const hash = tail <= 0 ? -1 : head.lastIndexOf('-', tail - 1);
  if (hash >= 0) candidates.push(head.slice(0, hash));
  const protocol = head.startsWith('_') ? head.lastIndexOf('._') : -1;
  if (protocol > 0) {
    const body = head.slice(1, protocol);
    const port = body.indexOf('._');
    candidates.push(body);
    if (port >= 0) candidates.push(body.slice(port + 2));
  }
  return candidates;
}

function byName(records: readonly MesosRecord[]): Records {
  const map = new Map<string, MesosRecord[]>();
  const seen = new Set<string>();
  for (const record of records) {
    const key = `${record.kind} ${record.name}`;
    const identity = `${key} ${textOf(record)}`;
    if (seen.has(identity)) continue;
    seen.add(identity);
    const values = map.get(key);
    if (values === undefined) map.set(key, [record]);
    else values.push(record);
  }
  return map;
}

function distinct(records: readonly MesosRecord[]): readonly MesosRecord[] {
  const seen = new Set<string>();
  return records.filter((record) => {
    const value = textOf(record);
    return !seen.has(value) && seen.add(value);
  });
}
