/**
 * Replays what dcos-net's own test suites assert, where the recording restates a scenario in words: comparison of lists of
 * VIPs, local port mappings, gossiped overlays, upstreams, names of VIPs, polls. Words that are not understood are not covered.
 */

import { type Cidr, parseCidr, parseIpv4, Refusal } from '@portolan/core';
import {
  agentBackends,
  formatIp,
  L4lb,
  type LocalPortMapping,
  localPortMappings,
  type MesosTask,
  OverlayDirectory,
  operationsBetween,
  parseIp,
  parseUpstream,
  seenTask,
  VIP_RANGE,
} from '@portolan/dcos';
import { canonical, listOf, type ReplayTally, recordOf } from './result.ts';

type Row = Readonly<Record<string, unknown>>;

/** The suites of one file: some rows go on where the row before left off. */
export class SuiteReplay {
  private readonly names = new L4lb({ range: { ...VIP_RANGE, max: parseIpv4('11.0.0.254') } });
  private readonly listed = new Map<string, string>();

  /** Replays a row; false if its test is none of these. */
  replay(tally: ReplayTally, name: string, row: Row): boolean {
    const test = String(row.test);
    if (test.includes('diff_simple_test')) tally.compare(name, canonical(row.expected), canonical(listDiff(recordOf(row.input))));
    else if (test.includes('be_port_mapping_test')) replayMapping(tally, name, row);
    else if (test.includes('overlay_changed_test'))
      tally.compare(name, String(row.expected), String(overlayChanged(String(row.input))));
    else if (test.includes('parse_ipv4_address_with_port')) replayUpstream(tally, name, row);
    else if (test.includes('lashup_vip_listener_SUITE:lookup_vips')) return this.replayLookup(tally, name, row);
    else if (test.includes('l4lb_mesos_poller_SUITE')) return replayPoll(tally, name, row);
    else return false;
    return true;
  }

  /** `add /foo of framework bar with one IPv4 backend`, `remove the only backend of /foo (bar)`. */
  private replayLookup(tally: ReplayTally, name: string, row: Row): boolean {
    const input = String(row.input);
    const added = /^add (\S+) of framework (\S+?)(?: with one (IPv[46]) backend)?$/.exec(input);
    const removed = /^remove the only backend of (\S+) \((\S+)\)$/.exec(input);
    if (added !== null) {
      const [, label = '', framework = '', family] = added;
      const dns = this.change(label, framework, family === 'IPv6' ? 6 : 4);
      tally.compare(name, String(row.expected), dns);
    } else if (removed !== null) {
      const before = new Map(this.listed);
      const gone = `${bare(removed[1] ?? '')}.${removed[2]}`;
      this.change(removed[1] ?? '', removed[2] ?? '', undefined);
      before.delete(gone);
      const rest = [...before].filter(([host, text]) => this.listed.get(host) === text).map(([host]) => host);
      const [absent = '', unchanged = ''] = String(row.expected).split('; ');
      tally.compare(`${name} gone`, absent, `${this.listed.has(gone) ? '' : gone} no answer`);
      const kept = unchanged
        .replace(/ unchanged$/, '')
        .split(' and ')
        .filter((host) => before.has(host));
      tally.compare(
        `${name} kept`,
        kept.sort().join(' and '),
        rest
          .filter((host) => kept.includes(host))
          .sort()
          .join(' and '),
      );
    } else return false;
    return true;
  }

  /** Publishes one backend of a VIP, or none; the DNS record of its name. */
  private change(label: string, framework: string, family: 4 | 6 | undefined): string {
    const agent = [...`${label} ${framework}`].reduce((sum, char) => sum * 31 + char.charCodeAt(0), 7) % 0x7fffffff;
    const key = { kind: 'named', protocol: 6, label, framework, port: 80 } as const;
    const address = family === 6 ? (parseIp('1::1') ?? 0) : parseIpv4('10.0.0.1');
    const backend = { agent, address, port: 80, weight: 1, cause: '', task: '' };
    this.names.publish(agent, family === undefined ? [] : [{ key, backend }], 0);
    const view = this.names.view();
    view.catchUp();
    this.listed.clear();
    for (const record of view.dnsRecords()) {
      const kind = typeof record.address === 'number' ? 'A' : 'AAAA';
      this.listed.set(record.name, `${record.name}.l4lb.thisdcos.directory ${kind} ${formatIp(record.address)}`);
    }
    return this.listed.get(`${bare(label)}.${framework}`) ?? `${bare(label)}.${framework} no answer`;
  }
}

function bare(label: string): string {
  return label.replace(/^\//, '');
}

/** Lists of VIPs with servers, compared as VIPs named a, b, c at ports 97, 98, 99. */
function listDiff(input: Row): unknown {
  const vips = (list: unknown) =>
    listOf(list).map((item) => {
      const [key, servers] = listOf(item);
      const ends = listOf(servers).map((port) => ({ address: 1, port: Number(port), weight: 1 }));
      return { protocol: 6, address: 1, port: String(key).charCodeAt(0), servers: ends, order: ends } as const;
    });
  const [add, del]: [[string, number[]][], string[]] = [[], []];
  const mod = new Map<string, [number[], number[]]>();
  const operations = operationsBetween(vips(input.old), vips(input.new));
  for (const operation of operations) {
    if (!('port' in operation)) continue;
    const key = String.fromCharCode(operation.port);
    const known = add.find(([name]) => name === key)?.[1];
    const sides = mod.get(key) ?? [[], []];
    if (operation.kind === 'add-service') add.push([key, []]);
    if (operation.kind === 'delete-service') del.push(key);
    if (operation.kind === 'add-server') (known ?? sides[0]).push(operation.server.port);
    if (operation.kind === 'remove-server') sides[1].push(operation.server.port);
    if ('server' in operation && known === undefined) mod.set(key, sides);
  }
  const gone = new Set(del);
  return {
    add,
    del: listOf(input.old).length === 0 ? [] : listed(input.old, del),
    mod: [...mod].filter(([key]) => !gone.has(key)).map(([key, [a, d]]) => [key, a, d]),
  };
}

/** Deleted VIPs with the servers they had. */
function listed(old: unknown, keys: readonly string[]): unknown {
  const servers = new Map(listOf(old).map((item) => [String(listOf(item)[0]), listOf(item)[1]]));
  return keys.map((key) => [key, servers.get(key)]);
}

function replayMapping(tally: ReplayTally, name: string, row: Row): void {
  const input = recordOf(row.input);
  const mappings = [...String(input.port_mappings).matchAll(/(tcp|udp) (\d+) -> \[?([0-9a-f.:]+?)\]?:(\d+)(?=,|$)/g)].map(
    ([, protocol, hostPort, ip, port]): LocalPortMapping => ({
      protocol: protocol === 'udp' ? 17 : 6,
      hostPort: Number(hostPort),
      address: parseIp(ip ?? '') ?? 0,
      port: Number(port),
    }),
  );
  const agent = parseIpv4(String(input.agent));
  const [ip, port, weight] = listOf(input.backend);
  const protocol = input.protocol === 'udp' ? 17 : 6;
  const l4lb = new L4lb();
  const view = l4lb.ownView(0, { node: agent });
  view.setPortMappings(mappings);
  const end = { agent, address: parseIp(String(ip)) ?? 0, port: Number(port), weight: Number(weight ?? 1) };
  const backend = { ...end, cause: '', task: '', ...(weight === undefined ? { unweighted: true as const } : {}) };
  l4lb.publish(agent, [{ key: { kind: 'named', protocol, label: 'x', framework: 'y', port: 80 }, backend }], 0);
  view.catchUp();
  const [server] = view.vips()[0]?.servers ?? [];
  const shown = server && { agent: formatIp(agent), ip: formatIp(server.address), port: server.port, weight: server.weight };
  tally.compare(name, canonical(row.expected), canonical(shown));
}

/** Whether a record is news to those who gossip, when another record, or none, is there. */
function overlayChanged(words: string): boolean {
  const cidr = (text: string): Cidr => parseCidr(text);
  const mine = {
    agent: parseIpv4('10.0.0.1'),
    vtep: parseIpv4('44.128.0.1'),
    vtepMac: 0x70b3d5800001,
    subnet: cidr('9.0.0.0/24'),
  };
  const directory = new OverlayDirectory([{ network: cidr('9.0.0.0/8'), prefix: 24 }]);
  if (words.includes('vtep key')) directory.put({ ...mine, vtep: parseIpv4('44.128.0.2') });
  else if (words.includes('agent ip')) directory.put({ ...mine, agent: parseIpv4('10.0.0.2') });
  else if (words.includes('subnet')) directory.put({ ...mine, subnet: cidr('9.0.1.0/24') });
  else if (words.includes('mac')) directory.put({ ...mine, vtepMac: 0x70b3d5800002 });
  else if (!words.includes('nothing')) directory.put(mine);
  return directory.put(mine);
}

function replayUpstream(tally: ReplayTally, name: string, row: Row): void {
  try {
    const { address, port } = parseUpstream(String(row.input));
    tally.compare(name, canonical(row.expected), canonical([formatIp(address), port]));
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    // A refused text is recorded in some words of its own.
    tally.compare(name, 'refused', Array.isArray(row.expected) ? refusal.message : 'refused');
  }
}

const AGENT = parseIpv4('10.0.0.243');

/** A task of the poller's suite: of the Mesos containerizer, with one port and VIP merp:5000. */
function suiteTask(words: string): MesosTask {
  const ip = /\b(9\.\d+\.\d+\.\d+)\b/.exec(words)?.[1] ?? '9.0.1.29';
  const hostPort = Number(/host_port (\d+)/.exec(words)?.[1] ?? 12049);
  const healthy = /healthy=(true|false)/.exec(words)?.[1];
  const status = {
    state: 'TASK_RUNNING',
    timestamp: 1,
    networks: [{ addresses: [parseIp(ip) ?? 0] }],
    ...(healthy === undefined ? {} : { healthy: healthy === 'true' }),
  };
  return {
    id: `app.${hostPort}`,
    name: 'app',
    frameworkName: 'marathon',
    agentId: 'S0',
    agentAddress: AGENT,
    state: words.includes('killing') ? 'TASK_KILLING' : 'TASK_RUNNING',
    statuses: [status],
    container: { type: 'MESOS', portMappings: [{ protocol: 'tcp', containerPort: 80, hostPort }] },
    resourcePorts: [],
    discovery: {
      ports: [
        {
          number: hostPort,
          protocol: 'tcp',
          labels: [
            { key: 'VIP_0', value: 'merp:5000' },
            { key: 'network-scope', value: 'host' },
          ],
        },
      ],
    },
  };
}

/** One poll; what it left in the gossiped table, in the suite's words. */
function poll(l4lb: L4lb, tasks: readonly MesosTask[]) {
  l4lb.publish(AGENT, agentBackends(tasks, { version: '2.1' }), 0);
  const backends = [...l4lb.backends()];
  const mappings = localPortMappings(tasks.map((task) => seenTask(task)));
  return { backends, mappings };
}

function replayPoll(tally: ReplayTally, name: string, row: Row): boolean {
  const [input, expected] = [String(row.input), String(row.expected)];
  const l4lb = new L4lb();
  if (/^(UCR task )?(running|killing)/.test(input)) {
    const { backends } = poll(l4lb, [suiteTask(input)]);
    const [first] = backends;
    if (first === undefined || first.key.kind !== 'named') {
      tally.compare(name, expected, 'no backend');
      return true;
    }
    const { key, backend } = first;
    const end = `backend ${formatIp(backend.address)}:${backend.port} weight ${backend.weight}`;
    const vip = `VIP ${key.label}:${key.port}/${key.framework} -> ${end}, owner ${formatIp(backend.agent)}`;
    tally.compare(name, expected, expected.startsWith('VIP') ? vip : end);
    return true;
  }
  if (!input.startsWith('poll: ')) return false;
  const found = input.split('; ').map((step) => {
    const words = step.replace('poll: ', '');
    const { backends, mappings } = poll(l4lb, words === 'none' ? [] : [suiteTask(words)]);
    const shown = mappings.map(({ hostPort, address, port }) => `${hostPort} -> ${formatIp(address)}:${port}`).join();
    const [first] = backends;
    if (first === undefined) return `then VIP removed from the CRDT and mappings [${shown}]`;
    return words === 'task' ? `backend :${first.backend.port}` : `then backend :${first.backend.port} and mapping ${shown}`;
  });
  tally.compare(name, expected, found.join('; '));
  return true;
}
