/** A machine made of plain values, for the tests of tools. */
import type { MachineConfig } from '../src/agent/config.ts';
import type { ConntrackRow, FdbRow, NeighbourRow, SocketRow } from '../src/agent/report.ts';
import { parseCidr, parseIpv4, parseMac } from '../src/base/address.ts';
import { produce } from '../src/base/immutable.ts';
import { ANYWHERE, type Link, type Route, type RoutingRule } from '../src/kernel/config.ts';
import { EMPTY_NETFILTER, type Netfilter, type TableName } from '../src/kernel/netfilter/rule.ts';
import { type ChainCounters, TABLES } from '../src/kernel/netfilter/save.ts';
import { TableState } from '../src/kernel/netfilter/table.ts';
import type { Host } from '../src/tools/tool.ts';

/** What a test may set; the rest is empty. */
export interface FakeMachine {
  readonly netfilter?: Netfilter;
  readonly counters?: ReadonlyMap<string, ChainCounters>;
  readonly links?: readonly Link[];
  readonly routes?: readonly Route[];
  readonly rules?: readonly RoutingRule[];
  readonly config?: (config: MachineConfig) => MachineConfig;
  readonly neighbours?: readonly NeighbourRow[];
  readonly fdb?: readonly FdbRow[];
  readonly conntrack?: readonly ConntrackRow[];
  readonly sockets?: readonly SocketRow[];
  readonly kernelLog?: ReturnType<Host['kernelLog']>;
  readonly ipvs?: Host['ipvs'];
  readonly now?: number;
}

/** Monday 22 July 2019, 15:58:00 UTC. */
export const EPOCH = 1_563_811_080_000;

/** A host that answers from those values and keeps the configuration it is given. */
export function fakeHost(machine: FakeMachine = {}): Host {
  let config: MachineConfig = {
    name: 'ip-172-16-17-198',
    host: {
      links: machine.links ?? [],
      routes: machine.routes ?? [],
      rules: machine.rules ?? [
        { priority: 0, table: 255 },
        { priority: 32766, table: 254 },
        { priority: 32767, table: 253 },
      ],
      neighbours: [],
      fdb: [],
      netfilter: machine.netfilter ?? EMPTY_NETFILTER,
      sets: [],
      sysctl: {
        ipForward: true,
        bridgeNfCallIptables: true,
        rpFilter: 0,
        routeLocalnet: [],
        sendRedirects: true,
        ipvsConntrack: true,
      },
    },
    docker: { networks: [], containers: [], userlandProxy: true },
    ucr: { networks: [], containers: [] },
    nextIndex: 10,
  };
  config = machine.config?.(config) ?? config;
  let connections = machine.conntrack ?? [];
  const tables = new Map(
    TABLES.map((name) => {
      const table = new TableState(name, config.host.netfilter[name]);
      for (const { name: chain } of config.host.netfilter[name]) {
        const counters = machine.counters?.get(`${name} ${chain}`);
        if (counters === undefined) continue;
        table.setCounter(chain, 'policy', counters.policy);
        counters.rules.forEach((counter, i) => {
          table.setCounter(chain, i, counter);
        });
      }
      return [name, table] as const;
    }),
  );
  const tableOf = (name: TableName) => {
    const table = tables.get(name) as TableState;
    table.configure(config.host.netfilter[name]);
    return table;
  };
  return {
    name: config.name,
    now: machine.now ?? 0,
    epoch: EPOCH,
    get config() {
      return config;
    },
    configure(recipe) {
      config = produce(config, recipe);
    },
    counters(table, chain) {
      const state = tableOf(table).chain(chain);
      return { policy: state?.policy ?? { packets: 0, bytes: 0 }, rules: state?.counters ?? [] };
    },
    setCounter: (table, chain, place, counter) => void tableOf(table).setCounter(chain, place, counter),
    neighbours: () => machine.neighbours ?? [],
    fdb: () => machine.fdb ?? [],
    conntrack: () => connections,
    sockets: () => machine.sockets ?? [],
    deleteConnections(which) {
      const deleted = connections.filter(which);
      connections = connections.filter((row) => !which(row));
      return deleted;
    },
    kernelLog: () => machine.kernelLog ?? [],
    ipvs() {
      if (machine.ipvs === undefined) throw new Error('this machine has no IPVS');
      return machine.ipvs();
    },
    routes: () => config.host.routes,
    sets: () => config.host.sets,
    interfaceName: (namespace, index) =>
      namespace === config.name ? config.host.links.find((link) => link.index === index)?.name : undefined,
  };
}

/** The links of the recorded agent with two containers: eth0, docker0, and two veths whose other ends are in containers. */
export const AGENT_LINKS: readonly Link[] = [
  link(1, 'lo', '00:00:00:00:00:00', 65536, { type: 'loopback' }, ['127.0.0.1/8']),
  link(2, 'eth0', 'be:a1:85:9c:27:fc', 1500, { type: 'ethernet' }, ['172.16.17.198/16']),
  link(3, 'docker0', '02:42:6b:e6:1e:f8', 1500, { type: 'bridge', ageingSeconds: 300 }, ['172.17.0.1/16']),
  port(5, 'veth5fd7cbf', 'c6:11:f9:4d:19:85', 'a'.repeat(64)),
  port(7, 'veth0e312fc', '42:6f:58:17:ef:60', 'b'.repeat(64)),
];

/** A device that is up. */
export function link(
  index: number,
  name: string,
  mac: string,
  mtu: number,
  kind: Link['kind'],
  addresses: readonly string[],
): Link {
  return { index, name, mac: parseMac(mac), mtu, up: true, kind, addresses: addresses.map(parseCidr) };
}

/** A port of a bridge whose peer, one index lower, is in another namespace. */
export function port(index: number, name: string, mac: string, namespace: string, master = 'docker0', mtu = 1500): Link {
  const kind = { type: 'veth', peer: { namespace, index: index - 1 } } as const;
  return { ...link(index, name, mac, mtu, kind, []), port: { master, hairpin: false, isolated: false } };
}

/** The connected and default routes of {@link AGENT_LINKS}, and the local table's. */
export const AGENT_ROUTES: readonly Route[] = [
  connected('172.17.0.0/16', 'docker0', '172.17.0.1'),
  connected('172.16.0.0/16', 'eth0', '172.16.17.198'),
  {
    table: 254,
    type: 'unicast',
    destination: ANYWHERE,
    via: parseIpv4('172.16.9.84'),
    device: 'eth0',
    scope: 'global',
    protocol: 'boot',
    metric: 0,
  },
  ...local('127.0.0.1/8', 'lo'),
  ...local('172.16.17.198/16', 'eth0'),
  ...local('172.17.0.1/16', 'docker0'),
];

function connected(network: string, device: string, source: string): Route {
  return {
    table: 254,
    type: 'unicast',
    destination: parseCidr(network),
    device,
    source: parseIpv4(source),
    scope: 'link',
    protocol: 'kernel',
    metric: 0,
  };
}

function local(address: string, device: string): readonly Route[] {
  const { address: source, prefix } = parseCidr(address);
  const mask = prefix === 0 ? 0 : (0xffffffff << (32 - prefix)) >>> 0;
  const route = (type: 'local' | 'broadcast', destination: number, length: number): Route => ({
    table: 255,
    type,
    destination: { address: destination, prefix: length },
    device,
    source,
    scope: type === 'local' ? 'host' : 'link',
    protocol: 'kernel',
    metric: 0,
  });
  const loopback = device === 'lo' ? [route('local', (source & mask) >>> 0, prefix)] : [];
  return [...loopback, route('local', source, 32), route('broadcast', (source | ~mask) >>> 0, 32)];
}
