import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { capture } from './kernel/capture.ts';
import { addVirtualService, buildLab, type Lab, type LabContainer, type LabOptions } from './kernel/lab.ts';
import { answer, type Probe, type ProbeResult, probe } from './kernel/probe.ts';

interface Recorded {
  readonly options: LabOptions;
  readonly data: readonly {
    readonly note: string;
    readonly result: Probe & ProbeResult & { readonly client_local?: string };
    readonly hops: readonly string[];
    /** How many lines there were; if more than are listed, only those of handshakes are. */
    readonly npackets: number;
  }[];
}

const TASKS: readonly LabContainer[] = [
  { name: 'a2c1', agent: 'a2', network: 'bridge', publish: [['tcp', 9896, 9896]] },
  { name: 'a2c2', agent: 'a2', network: 'bridge', publish: [['tcp', 26186, 26186]] },
  { name: 'cc', agent: 'a2', network: 'bridge', publish: [] },
  { name: 'oo', agent: 'a2', network: 'dcos', publish: [] },
  { name: 'a3c1', agent: 'a3', network: 'bridge', publish: [['tcp', 8584, 8584]] },
  { name: 'a4c1', agent: 'a4', network: 'bridge', publish: [['tcp', 7143, 7143]] },
  { name: 'a4c2', agent: 'a4', network: 'bridge', publish: [['tcp', 14666, 14666]] },
];
const TASK_SERVERS = [
  '172.16.15.168:9896',
  '172.16.15.168:26186',
  '172.16.17.198:8584',
  '172.16.40.67:7143',
  '172.16.40.67:14666',
];
const OVERLAY_TASKS: readonly LabContainer[] = [
  { name: 'cc', agent: 'a2', network: 'bridge', publish: [] },
  { name: 'o21', agent: 'a2', network: 'dcos', publish: [] },
  { name: 'o22', agent: 'a2', network: 'dcos', publish: [] },
  { name: 'o31', agent: 'a3', network: 'dcos', publish: [] },
  { name: 'o41', agent: 'a4', network: 'dcos', publish: [] },
];

const VIP_CASES = [
  ['ipvs_local', TASKS, TASK_SERVERS],
  ['ipvs_container', TASKS, TASK_SERVERS],
  ['ipvs_no_masq', TASKS, TASK_SERVERS],
  ['ipvs_no_proxy', TASKS, TASK_SERVERS],
  ['ipvs_overlay_backends', OVERLAY_TASKS, ['9.0.2.130:3141', '9.0.3.130:3141', '9.0.4.130:3141']],
] as const;

// Milliseconds between probes, as the recorder took them: connections in CLOSE, which lasts 10 s, ran out meanwhile.
const PACE = 2600;

test.each(VIP_CASES)(
  'kernel case %s: the same servers chosen, the same verdicts, ends and packets',
  (name, containers, servers) => {
    const recorded = read(name);
    const lab = buildLab(recorded.options, containers);
    addVirtualService(lab, servers);
    replay(name, lab, recorded);
  },
);

function read(name: string): Recorded {
  const recorded = JSON.parse(readFileSync(new URL(`../recorded/kernel/uml/${name}.json`, import.meta.url), 'utf8')) as Recorded;
  // Beside probes a recording holds listings.
  return { options: recorded.options, data: recorded.data.filter((entry) => 'result' in entry) };
}

function replay(name: string, lab: Lab, recorded: Recorded): void {
  let server: ProbeResult['server'];
  const listening = new Set<string>();
  for (const { result } of recorded.data) {
    const at =
      result.server === undefined ? undefined : `${result.proto} ${result.server.in} ${result.server.local.split(':')[1]}`;
    if (at === undefined || listening.has(at) || result.server === undefined || result.proto === 'icmp') continue;
    listening.add(at);
    answer(lab, result.server.in, result.proto, Number(result.server.local.split(':')[1]), (seen) => {
      server = seen;
    });
  }
  recorded.data.forEach(({ note, result, hops, npackets }, i) => {
    server = undefined;
    if (recorded.options.ipvs === true) lab.cluster.clock.advance(PACE);
    const lines = capture(lab);
    const sourcePort = sourcePortOf(result, hops) ?? 40000 + i;
    const outcome = probe(
      lab,
      { proto: result.proto, from: result.from, to: result.to, sourcePort },
      () => server,
      result.verdict === 'timeout' ? 2500 : 4000,
    );
    const where = `${name}: ${result.from} to ${result.to} (${note})`;
    expect({ where, verdict: outcome.verdict, server: normal(outcome.server) }).toEqual({
      where,
      verdict: result.verdict,
      server: normal(result.server),
    });
    const seen = comparable(lines());
    const ownHops = hops
      .filter((line) => !isLateError(line, sourcePort))
      .map((line) => (recorded.options.ipvs === true ? withOwnAddress(line, lab) : line));
    const packets = npackets > hops.length ? seen.filter(isHandshake) : seen;
    const wanted = npackets > hops.length ? comparable(ownHops).filter(isHandshake) : comparable(ownHops);
    expect({ where, packets: once(untilEnd(packets, wanted), result.verdict) }).toEqual({
      where,
      packets: once(wanted, result.verdict),
    });
  });
}

// Ports the kernel draws by chance, the names of veths, and the hashed port of a tunnel stand for themselves.
function comparable(lines: readonly string[]): readonly string[] {
  return lines
    .filter((line) => !line.includes('ARP') && !line.includes('/lo ') && !line.startsWith('gw/eth1'))
    .map((line) =>
      line
        .replace(/veth[0-9a-f]{7}/, 'veth')
        .replace(/:(3[2-9]|4\d|5\d|60)\d{3}\b(?!:)/g, (port) => (/^:(4000|5000|5001)/.test(port) ? port : ':chance'))
        .replace(/ {2,}/g, ' ')
        .trim(),
    );
}

// Where the recording stopped before the connection was closed, so does the comparison; a lost probe was not recorded at all.
function untilEnd(packets: readonly string[], wanted: readonly string[]): readonly string[] {
  const stopped = wanted.length === 0 || (wanted.some(isData) && !wanted.some((line) => line.includes(' F.')));
  return stopped ? packets.slice(0, wanted.length) : packets;
}

function isData(line: string): boolean {
  return line.includes(' P. ');
}

// The container cc had a fixed address in the recordings, which Docker would not have given it.
function withOwnAddress(line: string, lab: Lab): string {
  if (!/172\.17\.0\.9\b/.test(line)) return line;
  const last = (lab.namespace('cc').device('eth0')?.link.addresses[0]?.address ?? 0) & 255;
  return line.replace(/172\.17\.0\.9\b/g, `172.17.0.${last}`).replace(/02:42:ac:11:00:09/g, `02:42:ac:11:00:0${last}`);
}

// Errors about an earlier probe's SYNs that were still on their way.
function isLateError(line: string, sourcePort: number): boolean {
  const quoted = /type 3 code 1 \([\d.]+:(\d+)>/.exec(line)?.[1];
  return quoted !== undefined && Number(quoted) !== sourcePort && sourcePort !== 40000;
}

// The recording kernel (6.5 and later) sends its first four SYNs a second apart, older ones double the pause:
// where SYNs were sent again, each kind of line counts once.
function once(lines: readonly string[], verdict: string): readonly string[] {
  return verdict === 'EHOSTUNREACH' || verdict === 'timeout' ? [...new Set(lines)].sort() : lines;
}

function sourcePortOf(result: Recorded['data'][number]['result'], hops: readonly string[]): number | undefined {
  const first = hops.find((line) => line.includes(' out ') && line.includes(` > ${result.to} `)) ?? '';
  const port = result.client_local?.split(':')[1] ?? /:(\d+) > /.exec(first)?.[1];
  return port === undefined ? undefined : Number(port);
}

function isHandshake(line: string): boolean {
  return / DF S\.?( |$)/.test(line) || !/\btcp /.test(line);
}

function normal(server: ProbeResult['server']): ProbeResult['server'] {
  if (server === undefined) return undefined;
  const peer = server.peer.replace(/:(\d+)$/, (text, port) => (/^(4000|5000|5001)/.test(port) ? text : ':chance'));
  return { in: server.in, peer, local: server.local };
}
