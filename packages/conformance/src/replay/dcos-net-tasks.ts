/**
 * Replays what dcos-net made of Mesos tasks (`dcos-net-tasks/cases.json`): the task it keeps, its VIPs with backends
 * (of version 2.1, which made the recording), its DNS records; and single functions' answers. Agent and framework of a
 * task are taken from the expected answer, since the recording gives them nowhere else.
 */
import {
  accepts,
  complement,
  formatIp,
  label,
  localPortMappings,
  type MesosTask,
  parseIp,
  printData,
  routeQuestion,
  type SeenTask,
  seenTask,
  type TaskPort,
  taskBackends,
  taskZoneRecords,
  VIP_RANGE,
  type VipKey,
  VipNames,
  vipDnsName,
} from '@portolan/dcos';
import { SuiteReplay } from './dcos-net-suites.ts';
import { labelsOf } from './mesos-state-json.ts';
import type { Report } from './report.ts';
import { canonical, listOf, ReplayTally, recordOf } from './result.ts';

type Row = Readonly<Record<string, unknown>>;

/** Replays one recorded file. */
export function replay(text: string, file: string): Report {
  const tally = new ReplayTally();
  const suites = new SuiteReplay();
  for (const item of listOf(recordOf(JSON.parse(text)).rows)) {
    const row = recordOf(item);
    const name = `${file} ${String(row.n)} ${String(row.test)}`;
    if (row.kind === 'fixture')
      replayTask(
        tally,
        name,
        row,
        listOf(row.input).map((event) => recordOf(recordOf(event).data)),
      );
    else if (row.kind === 'synthetic') replayTask(tally, name, row, [recordOf(row.input)]);
    else if (!suites.replay(tally, name, row)) replayUnit(tally, name, row);
  }
  return tally;
}

function replayTask(tally: ReplayTally, name: string, row: Row, updates: readonly Row[]): void {
  const expected = recordOf(row.expected);
  const agent = parseIp(String(expected.agent_ip));
  if (typeof agent !== 'number' || updates.length === 0) {
    tally.skip(name, 'the task is not in the expected table');
    return;
  }
  let seen: SeenTask | undefined;
  for (const update of updates)
    seen = merged(seen, seenTask(taskOf(update, agent, String(expected.framework)), seen?.ports ?? []), update);
  if (seen === undefined) return;
  tally.compare(`${name} task`, canonical(expected), canonical(taskRow(seen)));
  const backends = taskBackends(seen, { version: '2.1' });
  const vips = new Map<string, { key: unknown; backends: unknown[] }>();
  for (const { key, backend } of backends) {
    const shown = keyRow(key);
    const vip = vips.get(canonical(shown)) ?? { key: shown, backends: [] };
    vips.set(canonical(shown), vip);
    const { address, port, weight } = backend;
    vip.backends.push({ agent: formatIp(backend.agent), ip: formatIp(address), port, weight });
  }
  if (row.vips !== undefined) tally.compare(`${name} vips`, sortedVips(row.vips), sortedVips([...vips.values()]));
  if (row.dns !== undefined) {
    const dns = taskZoneRecords(seen).map((record) => [
      record.name.slice(0, -1),
      record.data.type,
      record.ttl,
      printData(record.data),
    ]);
    tally.compare(`${name} dns`, canonical(row.dns), canonical(dns));
  }
  if (row.local_port_mappings !== undefined) {
    const mappings = localPortMappings([seen]).map((m) => [word(m.protocol), m.hostPort, formatIp(m.address), m.port]);
    tally.compare(`${name} local_port_mappings`, canonical(row.local_port_mappings), canonical(mappings));
  }
}

/** A status update leaves what it does not tell as it was. */
function merged(before: SeenTask | undefined, now: SeenTask, update: Row): SeenTask {
  if (before === undefined) return now;
  const healthy = now.healthy ?? before.healthy;
  return {
    ...now,
    name: now.name === '' ? before.name : now.name,
    addresses: now.addresses.length === 0 ? before.addresses : now.addresses,
    ports: now.ports.length === 0 ? before.ports : now.ports,
    runtime: update.container === undefined ? before.runtime : now.runtime,
    ...(healthy === undefined ? {} : { healthy }),
  };
}

/** A task as GET_STATE of Mesos' operator API has it, or a status of one. */
export function taskOf(object: Row, agentAddress: number, frameworkName: string): MesosTask {
  const container = recordOf(object.container);
  const type = String(container.type);
  const docker = recordOf(container.docker).port_mappings;
  const networks = container.network_infos;
  const mappings =
    type === 'DOCKER'
      ? docker
      : networks === undefined
        ? undefined
        : listOf(networks).flatMap((item) => listOf(recordOf(item).port_mappings));
  const discovery = recordOf(object.discovery);
  const ports = recordOf(discovery.ports).ports;
  const statuses = object.statuses === undefined ? [object] : listOf(object.statuses).map(recordOf);
  return {
    id: text(recordOf(object.task_id).value),
    name: text(object.name),
    frameworkName,
    agentId: text(recordOf(object.agent_id).value),
    agentAddress,
    state: text(object.state),
    healthCheck: object.health_check !== undefined,
    statuses: statuses.map((status) => ({
      state: text(status.state),
      timestamp: Number(status.timestamp ?? 0),
      networks: listOf(recordOf(status.container_status).network_infos).map((item) => ({
        addresses: listOf(recordOf(item).ip_addresses).flatMap((ip) => parseIp(text(recordOf(ip).ip_address)) ?? []),
        portMappings: mappingsOf(recordOf(item).port_mappings),
      })),
      ...(typeof status.healthy === 'boolean' ? { healthy: status.healthy } : {}),
    })),
    ...(object.container === undefined
      ? {}
      : { container: { type, ...(mappings === undefined ? {} : { portMappings: mappingsOf(mappings) }) } }),
    labels: labelsOf(recordOf(object.labels).labels),
    resourcePorts: listOf(object.resources).flatMap((item) => rangesOf(recordOf(item))),
    ...(object.discovery === undefined
      ? {}
      : {
          discovery: {
            ...(discovery.name === undefined ? {} : { name: text(discovery.name) }),
            ...(ports === undefined ? {} : { ports: listOf(ports).map((item) => portOf(recordOf(item))) }),
          },
        }),
  };
}

function portOf(port: Row) {
  const labels = labelsOf(recordOf(port.labels).labels);
  const name = port.name === undefined ? {} : { name: text(port.name) };
  return { number: Number(port.number ?? 0), protocol: text(port.protocol), labels, ...name };
}

function mappingsOf(mappings: unknown) {
  return listOf(mappings).map((item) => {
    const { protocol, container_port, host_port } = recordOf(item);
    return { protocol: text(protocol), containerPort: Number(container_port), hostPort: Number(host_port) };
  });
}

function rangesOf(resource: Row): { begin: number; end: number }[] {
  if (resource.name !== 'ports') return [];
  if (resource.type === 'SCALAR') {
    const port = Number(recordOf(resource.scalar).value);
    return [{ begin: port, end: port }];
  }
  return listOf(recordOf(resource.ranges).range).map((item) => ({
    begin: Number(recordOf(item).begin),
    end: Number(recordOf(item).end),
  }));
}

function taskRow(task: SeenTask): unknown {
  return {
    agent_ip: formatIp(task.agentAddress),
    framework: task.framework,
    healthy: task.healthy,
    name: task.name,
    ports: task.ports.length === 0 ? undefined : task.ports.map(portRow),
    runtime: task.runtime,
    state: task.state,
    task_ip: task.addresses.length === 0 ? undefined : task.addresses.map(formatIp),
  };
}

function portRow({ protocol, port, hostPort, name, vips }: TaskPort): unknown {
  return { protocol: word(protocol), port, host_port: hostPort, name, vip: vips?.map(({ value }) => value) };
}

function keyRow(key: VipKey): unknown {
  const { protocol, port } = key;
  if (key.kind === 'fixed') return { protocol: word(protocol), ip: formatIp(key.address), port };
  const ip4 = formatIp(new VipNames(VIP_RANGE).assign(4, key.label, key.framework));
  return {
    protocol: word(protocol),
    label: key.label,
    framework: key.framework,
    port,
    dns_name: vipDnsName(key.label, key.framework),
    ip4,
  };
}

function sortedVips(vips: unknown): string {
  const rows = listOf(vips).map((item) => {
    const { key, backends } = recordOf(item);
    return canonical({ key, backends: listOf(backends).map(canonical).sort() });
  });
  return rows.sort().join('\n');
}

function replayUnit(tally: ReplayTally, name: string, row: Row): void {
  const test = String(row.test);
  const input = recordOf(row.input);
  if (test.includes('validate_backend_ip')) {
    const [vip, address] = [text(input.vip), parseIp(text(input.task_ip))];
    const fixed = parseIp(vip);
    const key: VipKey =
      fixed === undefined
        ? { kind: 'named', protocol: 6, label: vip, framework: '', port: 80 }
        : { kind: 'fixed', protocol: 6, address: fixed, port: 80 };
    tally.compare(name, String(row.expected), String(accepts(key, address ?? 0, input.ipv6_enabled === true)));
  } else if (test.startsWith('mesos_state:remap_test')) {
    tally.compare(name, String(row.expected), label(text(row.input)));
  } else if (test.startsWith('dcos_net_utils:complement')) {
    const terms = (list: unknown) => [...listOf(list)].sort(compareTerms);
    const found = complement(terms(input.a), terms(input.b), compareTerms);
    tally.compare(name, canonical(row.expected), canonical({ a_minus_b: found.onlyA, b_minus_a: found.onlyB }));
  } else if (test.startsWith('dcos_dns_router:find_upstream')) {
    replayRoute(tally, name, row);
  } else {
    tally.skip(name, 'cases of this function are not replayed');
  }
}

/** The routes of the suite's own configuration: zones and upstreams are read out of the expected answer. */
function replayRoute(tally: ReplayTally, name: string, row: Row): void {
  const [kind, second, third] = listOf(row.expected);
  const upstreams =
    kind === 'forward'
      ? listOf(second).map((end) => ({ address: parseIp(text(listOf(end)[0])), port: Number(listOf(end)[1]) }))
      : [];
  const known = upstreams.flatMap(({ address, port }) => (typeof address === 'number' ? [{ address, port }] : []));
  const zone = text(third).replace(/\.$/, '');
  const own = kind === 'forward' && zone !== '' && zone !== 'mesos';
  const route = routeQuestion(text(row.input), {
    mesos: zone === 'mesos' ? known : [],
    upstreams: zone === '' ? known : [],
    forwardZones: own ? new Map([[zone, known]]) : new Map(),
  });
  const shown =
    route.kind === 'internal'
      ? ['internal', route.zone]
      : route.kind === 'rename'
        ? ['rename', route.from, route.to]
        : ['forward', route.upstreams.map(({ address, port }) => [formatIp(address), port]), route.zone];
  tally.compare(name, canonical(row.expected), canonical(shown));
}

function compareTerms(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return String(a) < String(b) ? -1 : String(a) > String(b) ? 1 : 0;
}

function text(value: unknown): string {
  return value === undefined || value === null ? '' : String(value);
}

function word(protocol: number): string {
  return protocol === 17 ? 'udp' : 'tcp';
}
