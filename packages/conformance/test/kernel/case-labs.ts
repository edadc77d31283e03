/** The recorded cases restated as labs: the network they were observed in as this library wires it, and their probes. */
import { readFileSync } from 'node:fs';
import type { Lab, LabListener, LabNamespace, LabProbe } from '../../src/kernel/lab.ts';
import { namespacesOfCluster } from '../../src/kernel/machines.ts';
import { buildLab, type LabContainer, type LabOptions } from './lab.ts';

/** A recorded case. */
export interface Recorded {
  readonly options: LabOptions;
  readonly data: readonly RecordedProbe[];
}

/** One of its probes. */
export interface RecordedProbe {
  readonly note: string;
  readonly result: {
    readonly proto: 'tcp' | 'udp' | 'icmp';
    readonly from: string;
    readonly to: string;
    readonly client_local?: string;
    readonly verdict: string;
    readonly server?: { readonly in: string; readonly peer: string; readonly local: string };
  };
  readonly hops: readonly string[];
  /** How many lines there were; if more than are listed, only those of handshakes are. */
  readonly npackets: number;
}

const CONTAINERS: readonly LabContainer[] = [
  { name: 'd1', agent: 'a2', network: 'bridge', publish: [] },
  { name: 'o21', agent: 'a2', network: 'dcos', publish: [] },
  {
    name: 'c1',
    agent: 'a3',
    network: 'bridge',
    publish: [
      ['tcp', 16106, 16106],
      ['tcp', 7777, 7777],
      ['udp', 5353, 5353],
      ['udp', 5454, 5454],
    ],
  },
  { name: 'c2', agent: 'a3', network: 'bridge', publish: [['tcp', 3651, 3651]] },
  { name: 'o31', agent: 'a3', network: 'dcos', publish: [['tcp', 4444, 3141]] },
  { name: 'o32', agent: 'a3', network: 'dcos', publish: [] },
];

/** Cases of the kernel of this project's first machine; those with IPVS are not labs, since no kernel at hand has it. */
export const CASES = [
  'same_host',
  'same_host_brnf0',
  'icc_false',
  'icc_false_brnf0',
  'published',
  'published_dcos_forward',
  'from_host',
  'from_host_noproxy_process',
  'from_host_hairpin_rules',
  'hairpin_proxy',
  'hairpin_nat',
  'hairpin_nat_port_off',
  'hairpin_nat_brnf0',
  'cross_host',
  'outside',
  'overlay',
  'isolation_docker',
  'isolation_fixed',
  'overlay_publish',
];

/** Reads a case. */
export function readRecorded(name: string): Recorded {
  const text = readFileSync(new URL(`../../recorded/kernel/native/${name}.json`, import.meta.url), 'utf8');
  const recorded = JSON.parse(text) as Recorded;
  // Beside probes a recording holds listings.
  const probes = recorded.data.filter((entry) => 'result' in entry);
  return {
    options: recorded.options,
    data: probes.map((probe, i) => ({ ...probe, hops: probe.hops.filter((line) => !isLate(line, sourcePortOf(probe, i))) })),
  };
}

// An error about an earlier probe's SYNs that were still on their way.
function isLate(line: string, sourcePort: number): boolean {
  const quoted = /type 3 code 1 \([\d.]+:(\d+)>/.exec(line)?.[1];
  return quoted !== undefined && Number(quoted) !== sourcePort;
}

/** The lab of a case. */
export function labOfCase(name: string, recorded: Recorded): Lab {
  const built = buildLab(recorded.options, CONTAINERS);
  if (name === 'from_host_noproxy_process') built.stopProxies('a3');
  if (name === 'hairpin_nat_port_off') built.hairpinOff('a3');
  const listeners = listenersOf(recorded);
  const namespaces = namespacesOfCluster(built.cluster).map((ns): LabNamespace => {
    const own = [...(ns.listeners ?? []), ...(listeners.get(ns.name) ?? [])];
    return own.length === 0 ? ns : { ...ns, listeners: own };
  });
  return { name, namespaces, probes: recorded.data.map(probeOf) };
}

function listenersOf(recorded: Recorded): ReadonlyMap<string, readonly LabListener[]> {
  const listeners = new Map<string, LabListener[]>();
  for (const { result } of recorded.data) {
    const { server, proto } = result;
    if (server === undefined || proto === 'icmp') continue;
    const port = Number(server.local.split(':')[1]);
    const own = listeners.get(server.in) ?? [];
    listeners.set(server.in, own);
    if (!own.some((one) => one.protocol === proto && one.port === port)) own.push({ protocol: proto, port, tellsEnds: true });
  }
  return listeners;
}

function probeOf(probe: RecordedProbe, index: number): LabProbe {
  const { result } = probe;
  const [to = '', port] = result.to.split(':');
  const common = { from: result.from, protocol: result.proto, to, sourcePort: sourcePortOf(probe, index) };
  if (result.proto === 'icmp') return { ...common, bytes: 56 };
  return { ...common, port: Number(port), bytes: result.proto === 'tcp' ? 1 : 4 };
}

function sourcePortOf({ result, hops }: RecordedProbe, index: number): number {
  if (result.proto === 'icmp') return 1;
  const first = hops.find((line) => line.includes(' out ') && line.includes(` > ${result.to} `)) ?? '';
  return Number(result.client_local?.split(':')[1] ?? /:(\d+) > /.exec(first)?.[1] ?? 40000 + index);
}
