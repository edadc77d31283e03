/** What changed between two snapshots: devices, rules and containers of each machine, VIPs of all, tasks, each with its cause. */
import { type Cluster, type MachineConfig, type Rule, ruleArguments, type TableName } from '@portolan/core';
import { serverLine, type VipSnapshot } from './vip-snapshot.ts';

/** All configurations at one moment, and the VIPs in force. */
export interface DcosSnapshot extends VipSnapshot {
  readonly time: number;
  readonly machines: ReturnType<Cluster['snapshot']>['machines'];
  /** Names of the running tasks by id. */
  readonly tasks: ReadonlyMap<string, string>;
}

/** One thing more or less. */
export interface Change {
  /** Name of the machine, or `all nodes`. */
  readonly where: string;
  readonly kind: 'added' | 'removed';
  /** As the tool that would show it prints it. */
  readonly what: string;
  /** The app and field, or the daemon, that wanted it. */
  readonly cause: string | undefined;
}

/** The changes, machine by machine. */
export interface SnapshotDiff {
  readonly changes: readonly Change[];
  /** The changes as text, a line each, machines as headings. */
  print(): string;
}

const TABLES: readonly TableName[] = ['raw', 'mangle', 'nat', 'filter'];

/** Compares two snapshots. */
export function diffSnapshots(before: DcosSnapshot, after: DcosSnapshot): SnapshotDiff {
  const changes: Change[] = [];
  for (const [name, config] of after.machines) {
    const old = before.machines.get(name);
    if (old !== config) changes.push(...diffMachine(name, old, config));
  }
  for (const [name, config] of before.machines)
    if (!after.machines.has(name)) changes.push(...diffMachine(name, config, undefined));
  changes.push(...diffVips(before, after));
  changes.push(
    ...compare('dns', [...before.tasks.values()], [...after.tasks.values()], (name) => ({
      what: `task record ${name}`,
      cause: undefined,
    })),
  );
  return { changes, print: () => printChanges(changes) };
}

function diffMachine(where: string, before: MachineConfig | undefined, after: MachineConfig | undefined): Change[] {
  const changes: Change[] = [];
  const links = (config: MachineConfig | undefined) => config?.host.links ?? [];
  changes.push(...compare(where, links(before), links(after), (link) => ({ what: `link ${link.name}`, cause: undefined })));
  for (const table of TABLES) {
    const rules = (config: MachineConfig | undefined) =>
      (config?.host.netfilter[table] ?? []).flatMap((chain) => chain.rules.map((rule) => new RuleAt(chain.name, rule)));
    changes.push(
      ...compareBy(
        where,
        rules(before),
        rules(after),
        ({ rule }) => rule,
        ({ chain, rule }) => ({ what: `rule -t ${table} -A ${chain} ${ruleArguments(rule)}`, cause: rule.cause }),
      ),
    );
  }
  changes.push(...compareBy(where, containersOf(before), containersOf(after), ({ id }) => id, describeContainer));
  return changes;
}

interface RunningContainer {
  readonly id: string;
  readonly name: string;
  readonly image: string;
}

function containersOf(config: MachineConfig | undefined): readonly RunningContainer[] {
  if (config === undefined) return [];
  const { docker, ucr } = config;
  return [
    ...docker.containers.filter(({ state }) => state === 'running'),
    ...ucr.containers.map(({ id, programs }) => ({ id, name: id, image: programs.map(({ image }) => image).join(', ') })),
  ];
}

function describeContainer({ name, image }: RunningContainer): { readonly what: string; readonly cause: undefined } {
  return { what: `container ${name} (${image})`, cause: undefined };
}

class RuleAt {
  constructor(
    readonly chain: string,
    readonly rule: Rule,
  ) {}
}

function diffVips(before: DcosSnapshot, after: DcosSnapshot): Change[] {
  const causeOf = (line: string) => after.vipCauses.get(line) ?? before.vipCauses.get(line);
  const services = compare('all nodes', [...before.vips.keys()], [...after.vips.keys()], (vip) => ({
    what: `virtual service ${vip}`,
    cause: causeOf(vip),
  }));
  const servers = (snapshot: DcosSnapshot) =>
    [...snapshot.vips].flatMap(([vip, list]) => list.map((server) => serverLine(server, vip)));
  return [...services, ...compare('all nodes', servers(before), servers(after), (what) => ({ what, cause: causeOf(what) }))];
}

type Describe<T> = (item: T) => { readonly what: string; readonly cause: string | undefined };

function compare<T>(where: string, before: readonly T[], after: readonly T[], describe: Describe<T>): Change[] {
  return compareBy(where, before, after, (item) => item, describe);
}

function compareBy<T, K>(
  where: string,
  before: readonly T[],
  after: readonly T[],
  key: (item: T) => K,
  describe: Describe<T>,
): Change[] {
  const had = new Set(before.map(key));
  const has = new Set(after.map(key));
  const removed = before
    .filter((item) => !has.has(key(item)))
    .map((item): Change => ({ where, kind: 'removed', ...describe(item) }));
  const added = after.filter((item) => !had.has(key(item))).map((item): Change => ({ where, kind: 'added', ...describe(item) }));
  return [...removed, ...added];
}

function printChanges(changes: readonly Change[]): string {
  const places = [...new Set(changes.map(({ where }) => where))];
  return places
    .map((place) =>
      [
        place,
        ...changes
          .filter(({ where }) => where === place)
          .map(
            ({ kind, what, cause }) => `  ${kind === 'added' ? '+' : '-'} ${what}${cause === undefined ? '' : `  (${cause})`}`,
          ),
      ].join('\n'),
    )
    .join('\n');
}
