/**
 * Replays recorded sequences of gossip through the product's VIP view (`l4lb/sequences.json`): VIPs with addresses, DNS
 * names, and the ordered writes to the kernel. Agents of rewritten backends are not compared: the product keeps none.
 */
import {
  formatIp,
  type IpAddress,
  L4lb,
  type LocalPortMapping,
  parseIp,
  type TaskBackend,
  type VipKey,
  type VipOperation,
  type VipView,
} from '@portolan/dcos';
import type { Report } from './report.ts';
import { canonical, listOf, ReplayTally, recordOf } from './result.ts';

type Row = Readonly<Record<string, unknown>>;

/** Replays one recorded file; a case is a step's VIPs, its applied VIPs, its DNS names or its writes. */
export function replay(text: string, file: string): Report {
  const recorded = recordOf(JSON.parse(text));
  const node = parseIp(String(recordOf(recorded.meta).node));
  const tally = new ReplayTally();
  for (const section of Object.keys(recorded)) {
    if (section !== 'meta' && section !== 'sequences') tally.skip(`${file} ${section}`, 'cases of this kind are unknown');
  }
  for (const item of listOf(recorded.sequences)) {
    const sequence = recordOf(item);
    const run = new Run(typeof node === 'number' ? node : 0);
    for (const [index, step] of listOf(sequence.steps).entries()) {
      run.step(tally, `${file} ${String(sequence.title)}[${index}]`, recordOf(step));
    }
  }
  return tally;
}

const FIELDS: ReadonlySet<string> = new Set([
  'name',
  'port_mappings',
  'reachable',
  'gossip_tree_empty',
  'lashup_value_order',
  'vips',
  'applied',
  'dns',
  'ops',
]);

/** One node that lives through a sequence. */
class Run {
  private readonly l4lb = new L4lb();
  private readonly view: VipView;
  private readonly agents = new Set<number>();
  private settings: readonly [mappings: string, reachable: string] = ['[]', 'undefined'];

  constructor(node: number) {
    this.view = this.l4lb.ownView(0, { node });
  }

  step(tally: ReplayTally, name: string, step: Row): void {
    for (const field of Object.keys(step))
      if (!FIELDS.has(field)) tally.skip(`${name}.${field}`, 'this field of a step is unknown');
    this.configure(step);
    const done = this.view.operationCount;
    const backends = listOf(step.lashup_value_order).flatMap((vip) => backendsOf(recordOf(vip)));
    for (const { backend } of backends) this.agents.add(backend.agent);
    const publications = [...this.agents].map((agent) => ({
      agent,
      backends: backends.filter(({ backend }) => backend.agent === agent),
    }));
    this.l4lb.merge(publications, 0);
    this.view.reconcile();
    const vips = this.view.vips();
    const keys = vips.map(({ protocol, address, port }) => ({ protocol: word(protocol), ip: formatIp(address), port }));
    const published = vips.map(({ backends: its }, i) => ({
      key: keys[i],
      backends: its.map((b) => ({ agent: formatIp(b.agent), ...serverRow(b) })),
    }));
    const applied = vips.map(({ servers }, i) => ({ key: keys[i], backends: servers.map(serverRow) }));
    const dns = this.view.dnsRecords().map(({ name: host, address }) => [host, formatIp(address)]);
    tally.compare(`${name}.vips`, canonical(step.vips), canonical(published));
    tally.compare(`${name}.applied`, canonical(withoutAgents(step.applied)), canonical(applied));
    tally.compare(`${name}.dns`, sortedText(step.dns), sortedText(dns));
    tally.compare(`${name}.ops`, canonical(step.ops), canonical(rowsOf(this.view.operationsSince(done))));
  }

  private configure(step: Row): void {
    const reachable = step.gossip_tree_empty === true ? undefined : listOf(step.reachable);
    const settings = [canonical(step.port_mappings), canonical(reachable)] as const;
    if (settings[0] !== this.settings[0])
      this.view.setPortMappings(listOf(step.port_mappings).map((row) => mappingOf(recordOf(row))));
    if (settings[1] !== this.settings[1])
      this.view.setReachable(reachable && new Set(reachable.map((text) => ipOf(text) as number)));
    this.settings = settings;
  }
}

function backendsOf(vip: Row): TaskBackend[] {
  const key = keyOf(recordOf(vip.key));
  return listOf(vip.backends).map((item) => {
    const { agent, ip, port, weight } = recordOf(item);
    const end = { agent: ipOf(agent) as number, address: ipOf(ip), port: Number(port), weight: Number(weight ?? 1) };
    return { key, backend: { ...end, cause: '', task: '', ...(weight === undefined ? { unweighted: true } : {}) } };
  });
}

function keyOf(row: Row): VipKey {
  const protocol = row.protocol === 'udp' ? 17 : 6;
  const port = Number(row.port);
  if (row.ip !== undefined) return { kind: 'fixed', protocol, address: ipOf(row.ip), port };
  return { kind: 'named', protocol, label: String(row.label), framework: String(row.framework), port };
}

function mappingOf(row: Row): LocalPortMapping {
  const protocol = row.protocol === 'udp' ? 17 : 6;
  return { protocol, hostPort: Number(row.host_port), address: ipOf(row.ip), port: Number(row.port) };
}

/** The writes as the recorder noted them: members and routes by list, the rest one by one. */
function rowsOf(operations: readonly VipOperation[]): unknown[] {
  const rows: unknown[] = [];
  let [open, items]: [string, unknown[]] = ['', []];
  for (const op of operations) {
    const listed = op.kind.endsWith('-member') || op.kind.endsWith('-route');
    if (listed && open !== op.kind) {
      items = [];
      const member = op.kind.endsWith('-member');
      const verb = op.kind.startsWith('add') ? 'add' : 'del';
      rows.push(member ? [`${verb}_ipset`, items] : [`${verb}_routes`, 'host', items]);
    }
    open = listed ? op.kind : '';
    if (!('protocol' in op)) items.push(formatIp(op.address));
    else if (listed) items.push([word(op.protocol), formatIp(op.address), op.port]);
    else rows.push(ipvsRow(op));
  }
  return rows;
}

const VERBS = new Map([
  ['add-service', 'add_service'],
  ['delete-service', 'del_service'],
  ['add-server', 'add_dest'],
  ['remove-server', 'del_dest'],
  ['set-weight', 'edit_dest'],
]);

function ipvsRow(op: Extract<VipOperation, { protocol: number }>): unknown[] {
  const service = [VERBS.get(op.kind), 'host', word(op.protocol), formatIp(op.address), op.port];
  if (!('server' in op)) return service;
  const end = [...service, formatIp(op.server.address), op.server.port];
  return op.kind === 'remove-server' ? end : [...end, op.server.weight];
}

function serverRow(server: { address: IpAddress; port: number; weight: number }) {
  return { ip: formatIp(server.address), port: server.port, weight: server.weight };
}

function withoutAgents(vips: unknown): unknown {
  return listOf(vips).map((vip) => {
    const { key, backends } = recordOf(vip);
    return { key, backends: listOf(backends).map((item) => ({ ...recordOf(item), agent: undefined })) };
  });
}

function ipOf(text: unknown): IpAddress {
  const address = parseIp(String(text));
  if (address === undefined) throw new Error(`${String(text)} is no address`);
  return address;
}

function word(protocol: number): string {
  return protocol === 17 ? 'udp' : 'tcp';
}

function sortedText(rows: unknown): string {
  return listOf(rows).map(canonical).sort().join('\n');
}
