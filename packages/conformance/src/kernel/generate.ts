/** Labs made up: a few topologies, rules in the middle of them, probes that meet the rules. */
import type fc from 'fast-check';
import { generateAgentsLab } from './agents.ts';
import { type Draw, drawn } from './draw.ts';
import { generateRules, type Vocabulary } from './generate-rules.ts';
import type { Lab, LabLink, LabListener, LabNamespace, LabProbe, LabSet } from './lab.ts';
import { TOPOLOGIES } from './topologies.ts';
import type { Topology } from './topology.ts';

/** Of a segment with a timestamp, IP's included. */
const TCP_HEADERS = 52;
/** Whatever devices and rules here make of a segment's size. */
const ALWAYS_ONE_SEGMENT = 200;
/** The kernel does not send more segments again at once. */
const MOST_SEGMENTS = 4;
const PORTS = [80, 8080, 53, 5000, 40000];

/** Labs by chance. */
export const labs: fc.Arbitrary<Lab> = drawn((draw) => (draw.chance(7) ? generateAgentsLab(draw) : generateLab(draw)));

function generateLab(draw: Draw): Lab {
  const topology = draw.pick(TOPOLOGIES)(draw);
  const sets = draw.chance(30) ? generateSets(draw, topology) : [];
  const namespaces = topology.namespaces.map((ns): LabNamespace => {
    const ruled = topology.ruled.includes(ns.name) ? draw.chance(85) : draw.chance(8);
    const own = topology.ruled.includes(ns.name) ? sets : [];
    const listeners = topology.servers.includes(ns.name)
      ? generateListeners(draw, ns)
      : draw.chance(20)
        ? generateListeners(draw, ns)
        : [];
    return {
      ...ns,
      ...(own.length > 0 ? { sets: own } : {}),
      ...(ruled ? { iptables: generateRules(draw, vocabularyOf(ns, topology, own)) } : {}),
      ...(listeners.length > 0 ? { listeners } : {}),
    };
  });
  const count = Math.min(draw.number(2, 6), topology.probes ?? Number.POSITIVE_INFINITY);
  const probes: LabProbe[] = [];
  for (let i = 0; i < count; i++) probes.push(generateProbe(draw, topology, i));
  const cutsTcp = probes.some(({ protocol, bytes = 0 }) => protocol === 'tcp' && bytes > ALWAYS_ONE_SEGMENT);
  const made = namespaces.map(withoutEmpty);
  return { name: topology.name, namespaces: cutsTcp ? made.map(withoutSack) : made, probes };
}

/** With SACK the kernel sends again what a rule has dropped, within a time that its measured round trips decide. */
function withoutSack(ns: LabNamespace): LabNamespace {
  return { ...ns, sysctl: { ...ns.sysctl, tcpSack: false } };
}

function withoutEmpty(ns: LabNamespace): LabNamespace {
  const { iptables, ...rest } = ns;
  return iptables === undefined || iptables === '' ? rest : ns;
}

function vocabularyOf(ns: LabNamespace, topology: Topology, sets: readonly LabSet[]): Vocabulary {
  const devices = ns.links.filter(({ master }) => master === undefined).map(({ name }: LabLink) => name);
  return {
    devices: [...devices, 'lo', 'eth+'],
    addresses: [...topology.addresses.map((address) => `${address}/32`), ...topology.networks],
    hosts: topology.hosts?.(ns.name) ?? topology.addresses,
    ports: PORTS,
    sets: sets.map(({ name }) => name),
    macs: topology.namespaces.flatMap(({ links }) => links.map(({ mac }) => mac)),
    bridgePorts: ns.links.filter(({ master }) => master !== undefined).map(({ name }) => name),
    tunnels: ns.links.some(({ type }) => type === 'vxlan'),
    bridged: ns.sysctl?.bridgeNfCallIptables === true,
  };
}

function generateSets(draw: Draw, topology: Topology): readonly LabSet[] {
  const addresses = topology.addresses.filter(() => draw.chance(40));
  const networks = topology.networks.filter((network) => !network.startsWith('0.') && draw.chance(50));
  return [
    { name: 'hosts', type: 'hash:ip', members: addresses },
    {
      name: 'pairs',
      type: 'hash:ip,port',
      members: addresses.map((address) => `${address},${draw.pick(['tcp:80', 'udp:53', 'tcp:5000', 'udp:5000'])}`),
    },
    { name: 'nets', type: 'hash:net', members: [...networks, ...addresses.slice(0, 1).map((a) => `${a}/32 nomatch`)] },
  ];
}

/** Most listen on all addresses, some on one of their own. */
function generateListeners(draw: Draw, ns: LabNamespace): readonly LabListener[] {
  const own = ns.links.flatMap(({ addresses = [] }) => addresses.map((address) => address.replace(/\/.*/, '')));
  return [
    { protocol: 'tcp' as const, port: 80 },
    { protocol: 'udp' as const, port: 53 },
    { protocol: 'tcp' as const, port: 5000 },
    { protocol: 'udp' as const, port: 5000 },
  ].flatMap((listener) => {
    if (!draw.chance(75)) return [];
    return [draw.chance(15) ? { ...listener, address: draw.pick([...own, '127.0.0.1']) } : listener];
  });
}

/** Sizes about which some device has another opinion, and who may cut what is too large. */
function generateSize(draw: Draw, topology: Topology, protocol: LabProbe['protocol']) {
  if (!draw.chance(25)) return {};
  const most = protocol === 'tcp' ? MOST_SEGMENTS * oneSegment(topology) : Number.POSITIVE_INFINITY;
  const bytes = draw.pick([1, 100, 500, 575, 1000, 1400, 1430, 1472, 2000, 3500].filter((size) => size <= most));
  return { bytes, ...(protocol !== 'tcp' && draw.chance(60) ? { fragment: draw.chance(75) } : {}) };
}

/** What fits one segment everywhere. */
function oneSegment({ namespaces }: Topology): number {
  return Math.min(...namespaces.flatMap(({ links }) => links.map(({ mtu }) => mtu))) - TCP_HEADERS;
}

function generateProbe(draw: Draw, topology: Topology, index: number): LabProbe {
  const protocol = draw.pick(topology.protocols ?? (['tcp', 'tcp', 'udp', 'udp', 'icmp'] as const));
  const from = draw.pick(topology.clients);
  const many = protocol !== 'tcp' && draw.chance(8);
  const to = draw.pick(many ? [...(topology.broadcasts ?? []), '255.255.255.255', '224.0.0.1', '224.0.0.9'] : topology.addresses);
  const clash = draw.chance(40);
  const sourcePort =
    protocol === 'icmp' ? (clash ? 7 : 100 + index) : clash ? 40000 + (index % 2) : draw.pick([40010, 300, 700]) + index * 3;
  const ttl = draw.chance(12) ? { ttl: draw.number(1, 3) } : {};
  const port = protocol === 'icmp' ? {} : { port: draw.pick(PORTS.filter((one) => one !== sourcePort)) };
  const wait = topology.wait !== undefined && index === 2 ? { wait: topology.wait } : {};
  const connect = protocol === 'udp' && !many && draw.chance(30) ? { connect: true } : {};
  return {
    from,
    protocol,
    to,
    ...port,
    sourcePort,
    ...ttl,
    ...wait,
    ...connect,
    ...(many && draw.chance(80) ? { broadcast: true } : {}),
    ...generateSize(draw, topology, protocol),
  };
}
