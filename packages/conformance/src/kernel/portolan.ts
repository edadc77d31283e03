/** A lab built of Portolan's namespaces, and its probes sent there. */
import {
  Clock,
  type Connection,
  DEFAULT_RULES,
  EMPTY_NETFILTER,
  formatIpv4,
  formatMac,
  type IpSet,
  type Link,
  type LinkKind,
  Namespace,
  type NamespaceConfig,
  parseCidr,
  parseIpv4,
  parseMac,
  parseSave,
  printSave,
  Random,
  type Route,
  routesOfAddress,
  startProxy,
  TABLE,
  type TableName,
  type TcpSocket,
  type Trace,
  Wire,
} from '@portolan/core';
import { frameText } from './frame-text.ts';
import type { Answer, Lab, LabLink, LabNamespace, LabProbe, LabRoute, LabSet, ProbeAnswer, Tables } from './lab.ts';
import { probeOnce, type Seen } from './portolan-probe.ts';

const PROTOCOLS: ReadonlyMap<string, number> = new Map([
  ['icmp', 1],
  ['tcp', 6],
  ['udp', 17],
]);
const RETRANSMIT_MS = 20;

/** Builds a lab, sends its probes, and says what came of it. With a trace it is written there. */
export function answerOfPortolan(lab: Lab, trace?: Trace): Answer {
  const world = new LabWorld(lab, trace);
  const probes = lab.probes.map((probe) => world.probe(probe));
  return { probes, tables: Object.fromEntries([...world.namespaces].map(([name, ns]) => [name, world.tables(name, ns)])) };
}

class LabWorld {
  readonly namespaces = new Map<string, Namespace>();
  private readonly clock = new Clock();
  private readonly wire = new Wire();
  private readonly lab: Lab;
  /** Whether a rule may change the size of segments. */
  private readonly sizes: boolean;
  private seen: Seen[] = [];
  private servers: TcpSocket[] = [];
  /** Bytes of the message that comes by TCP. */
  private expected = 0;

  constructor(lab: Lab, trace: Trace | undefined) {
    this.lab = lab;
    this.sizes = lab.namespaces.some(({ iptables }) => iptables?.includes('TCPMSS') === true);
    const world = { clock: this.clock, wire: this.wire, trace };
    lab.namespaces.forEach((described, i) => {
      const ns = new Namespace(described.name, configOf(described, lab), {
        world,
        random: new Random(i + 1),
        findPeer: (namespace, index) => this.namespaces.get(namespace)?.deviceAt(index),
      });
      this.namespaces.set(described.name, ns);
      this.listen(described, ns);
    });
  }

  probe(probe: LabProbe): ProbeAnswer {
    const packets: Record<string, string[]> = Object.create(null);
    this.clock.advance((probe.wait ?? 0) * 1000);
    this.seen = [];
    this.servers = [];
    this.expected = probe.bytes ?? 4;
    let frames = 0;
    this.wire.tap = (device, direction, frame) => {
      frames++;
      const where = `${device.owner.name}/${device.name}`;
      const lines = packets[where] ?? [];
      packets[where] = lines;
      lines.push(`${direction} ${frameText(frame, this.sizes)}`);
    };
    const ns = this.namespaces.get(probe.from);
    if (ns === undefined) throw new Error(`the lab has no ${probe.from}`);
    const { verdict, reply } = probeOnce(ns, probe, { clock: this.clock, wire: this.wire, frames: () => frames });
    // A program that has closed its socket cannot break the connection off any more.
    for (const server of this.servers) if (server.phase === 'ESTABLISHED' || server.phase === 'CLOSE_WAIT') server.reset();
    this.wire.run();
    this.wire.tap = undefined;
    return { verdict, reply, seen: this.seen, packets: { ...packets } };
  }

  tables(name: string, ns: Namespace): Tables {
    const described = this.lab.namespaces.find((one) => one.name === name);
    const named = ['raw', 'mangle', 'nat', 'filter'].filter((table) => described?.iptables?.includes(`*${table}\n`));
    const save = printSave(ns.config.netfilter, {
      tables: named as TableName[],
      ruleCounters: true,
      counters: (table, chain) => {
        const state = ns.tables[table].chain(chain);
        return { policy: state?.policy ?? { packets: 0, bytes: 0 }, rules: state?.counters ?? [] };
      },
    });
    return {
      conntrack: [...ns.connections.list(this.clock.now)].map((connection) => connectionText(connection, this.clock.now)),
      save: named.length === 0 ? '' : save,
      fdb: ns.devices
        .flatMap((bridge) =>
          (bridge.bridge?.list(this.clock.now) ?? []).map(
            ({ mac, place }) => `${formatMac(mac)} dev ${place.name} master ${bridge.name}`,
          ),
        )
        .concat(
          ns.devices.flatMap((device) =>
            (device.tunnel?.list(this.clock.now) ?? []).map(
              ({ mac, place }) => `${formatMac(mac)} dev ${device.name} dst ${formatIpv4(place)} self`,
            ),
          ),
        ),
      neighbours: ns.neighbours.list().map(({ neighbour, state }) => {
        const mac = neighbour.mac === 0 ? '' : `lladdr ${formatMac(neighbour.mac)} `;
        return `${formatIpv4(neighbour.address)} dev ${neighbour.device.name} ${mac}${state}`;
      }),
    };
  }

  private listen(described: LabNamespace, ns: Namespace): void {
    for (const { protocol, port, address, forward, tellsEnds } of described.listeners ?? []) {
      if (forward !== undefined) {
        const [host = '', to] = forward.split(':');
        startProxy(ns, { address: parseIpv4(host) }, { hostPort: port, containerPort: Number(to) });
        continue;
      }
      const at = { address: address === undefined ? 0 : parseIpv4(address), port, program: 'lab' };
      const note = (remote: number, remotePort: number, local: number): Seen => {
        const seen = { peer: end(remote, remotePort), local: end(local, port), in: ns.name };
        this.seen.push(seen);
        return seen;
      };
      if (protocol === 'udp') {
        ns.sockets.bindUdp(at, ({ source, sourcePort, destination, payload }, socket) => {
          const seen = note(source, sourcePort, destination);
          const got = typeof payload === 'string' ? payload : '';
          const text = tellsEnds === true ? jsonText({ ...seen, len: got.length }) : got;
          socket.send({ address: source, port: sourcePort, source: destination }, text, text.length);
        });
        continue;
      }
      ns.sockets.listen(at, (socket) => {
        const seen = note(socket.remote, socket.remotePort, socket.local);
        this.servers.push(socket);
        let got = '';
        return {
          received: (_, text) => {
            got += text;
            // Nobody answers a part of a message.
            if (got.length < this.expected) return;
            socket.write(tellsEnds === true ? `${jsonText(seen)}\n` : got);
            got = '';
          },
          closed: () => socket.close(),
        };
      });
    }
  }
}

/** JSON with the blanks of the prober's. */
function jsonText(value: Readonly<Record<string, string | number>>): string {
  return JSON.stringify(value, undefined, 1).replace(/\n\s*/g, ' ').replace('{ ', '{').replace(' }', '}');
}

function end(address: number, port: number): string {
  return `${formatIpv4(address)}:${port}`;
}

function configOf(described: LabNamespace, lab: Lab): NamespaceConfig {
  const lo: Link = {
    index: 1,
    name: 'lo',
    mac: 0,
    mtu: 65536,
    up: true,
    kind: { type: 'loopback' },
    addresses: [parseCidr('127.0.0.1/8')],
  };
  const links = [lo, ...described.links.map((link, i) => linkOf(link, i + 2, lab))];
  const own = links.filter(({ up }) => up).flatMap((link) => link.addresses.flatMap((address) => routesOfAddress(link, address)));
  const rules = (described.rules ?? []).map(({ priority, from, mark, table }) => ({
    priority,
    table,
    ...(from === undefined ? {} : { from: parseCidr(from) }),
    ...(mark === undefined ? {} : { mark: markOf(mark) }),
  }));
  const sysctl = described.sysctl ?? {};
  return {
    links,
    routes: [...own, ...(described.routes ?? []).map(routeOf)],
    rules: [...DEFAULT_RULES, ...rules].sort((a, b) => a.priority - b.priority),
    neighbours: (described.neighbours ?? []).map(({ address, device, mac }) => ({
      address: parseIpv4(address),
      device,
      mac: parseMac(mac),
    })),
    fdb: (described.fdb ?? []).map(({ mac, device, remote }) => ({ mac: parseMac(mac), device, remote: parseIpv4(remote) })),
    netfilter: described.iptables === undefined ? EMPTY_NETFILTER : parseSave(described.iptables),
    sets: (described.sets ?? []).map(setOf),
    sysctl: {
      ipForward: sysctl.ipForward === true,
      bridgeNfCallIptables: sysctl.bridgeNfCallIptables === true,
      rpFilter: sysctl.rpFilter ?? 0,
      routeLocalnet: sysctl.routeLocalnet ?? [],
      sendRedirects: sysctl.sendRedirects === true,
      sourceValidMark: sysctl.sourceValidMark === true,
      tcpSack: sysctl.tcpSack !== false,
      devices: sysctl.devices ?? [],
      proxyDelayMs: 0,
      ipvsConntrack: false,
      neighbourRetransMs: RETRANSMIT_MS,
    },
  };
}

function markOf(text: string): { readonly value: number; readonly mask: number } {
  const [value, mask = '0xffffffff'] = text.split('/');
  return { value: Number(value), mask: Number(mask) };
}

function linkOf(link: LabLink, index: number, lab: Lab): Link {
  return {
    index,
    name: link.name,
    mac: parseMac(link.mac),
    mtu: link.mtu,
    up: link.up !== false,
    kind: kindOf(link, lab),
    addresses: (link.addresses ?? []).map(parseCidr),
    ...(link.master === undefined
      ? {}
      : {
          port: {
            master: link.master,
            hairpin: link.hairpin === true,
            isolated: link.isolated === true,
            ...(link.learning === false ? { learning: false } : {}),
            ...(link.flood === false ? { flood: false } : {}),
          },
        }),
  };
}

function kindOf(link: LabLink, lab: Lab): LinkKind {
  switch (link.type) {
    case 'bridge':
      return { type: 'bridge', ageingSeconds: link.ageing ?? 300 };
    case 'dummy':
      return { type: 'dummy' };
    case 'vxlan':
      return { type: 'vxlan', vni: link.vni ?? 1, port: link.port ?? 64000, learning: link.learning !== false };
    case 'veth': {
      const [namespace = '', device] = (link.peer ?? '').split('/');
      const index = lab.namespaces.find(({ name }) => name === namespace)?.links.findIndex(({ name }) => name === device) ?? -1;
      return { type: 'veth', peer: { namespace, index: index + 2 } };
    }
  }
}

function routeOf(route: LabRoute): Route {
  return {
    table: route.table ?? TABLE.main,
    type: route.type ?? 'unicast',
    destination: parseCidr(route.to),
    ...(route.via === undefined ? {} : { via: parseIpv4(route.via) }),
    ...(route.device === undefined ? {} : { device: route.device }),
    ...(route.source === undefined ? {} : { source: parseIpv4(route.source) }),
    scope: route.type === 'local' ? 'host' : route.via === undefined ? 'link' : 'global',
    protocol: 'boot',
    metric: route.metric ?? 0,
  };
}

function setOf({ name, type, members }: LabSet): IpSet {
  return {
    name,
    type,
    counters: false,
    members: members.map((text) => {
      const [member = '', nomatch] = text.split(' ');
      const [network = '', port] = member.split(',');
      const [protocol = 'tcp', number = port ?? ''] = (port ?? '').split(':');
      return {
        network: parseCidr(network),
        ...(port === undefined ? {} : { port: { protocol: PROTOCOLS.get(protocol) ?? 6, number: portNumber(number) } }),
        ...(nomatch === 'nomatch' ? { nomatch: true } : {}),
      };
    }),
  };
}

/** `80`; of ICMP `8/0`. */
function portNumber(text: string): number {
  const [type, code] = text.split('/').map(Number);
  return code === undefined ? (type ?? 0) : (type ?? 0) * 256 + code;
}

const STATES = 'NONE SYN_SENT SYN_RECV ESTABLISHED FIN_WAIT CLOSE_WAIT LAST_ACK TIME_WAIT CLOSE SYN_SENT2'.split(' ');

function connectionText(c: Connection, now: number): string {
  const name = [...PROTOCOLS].find(([, number]) => number === c.original.protocol)?.[0] ?? 'unknown';
  const seconds = Math.floor((c.expiresAt - now) / 1000);
  const state = c.original.protocol === 6 ? ` ${STATES[c.tcp]}` : '';
  const tuple = (t: Connection['original'], icmp: number) => {
    const ports =
      t.protocol === 1 ? `type=${icmp} code=0 id=${t.sourcePort}` : `sport=${t.sourcePort} dport=${t.destinationPort}`;
    return `src=${formatIpv4(t.source)} dst=${formatIpv4(t.destination)} ${ports}`;
  };
  const unreplied = c.seenReply ? '' : ' [UNREPLIED]';
  return `${name} ${c.original.protocol} ${seconds}${state} ${tuple(c.original, 8)}${unreplied} ${tuple(c.reply, 0)}${c.assured ? ' [ASSURED]' : ''} mark=${c.mark}`;
}
