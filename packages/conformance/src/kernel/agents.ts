/** Labs of agents as this library wires them: a cluster with apps of Docker and of Mesos' own containerizer in every network mode, probes between all its parts. */
import { DcosCluster } from '@portolan/dcos';
import type { Draw } from './draw.ts';
import type { Lab, LabNamespace, LabProbe } from './lab.ts';
import { namespacesOfCluster } from './machines.ts';

const MODES = ['host', 'container/bridge', 'container'] as const;

/** A cluster with one or two private agents. IPVS is left out: VIPs are local addresses behind which nobody is. */
export function generateAgentsLab(draw: Draw): Lab {
  const cluster = DcosCluster.create({
    seed: draw.number(1, 1_000_000),
    agents: draw.number(1, 2),
    publicAgents: draw.chance(25) ? 1 : 0,
    userlandProxy: draw.chance(60),
  });
  const apps = draw.number(1, 3);
  for (let i = 0; i < apps; i++) cluster.marathon.add(app(draw, i));
  cluster.settle();
  const names = new Map<string, string>();
  const namespaces = namespacesOfCluster(cluster.core, (container) => {
    const name = names.get(container) ?? `c${names.size + 1}`;
    names.set(container, name);
    return name;
  });
  const count = draw.number(3, 7);
  const probes: LabProbe[] = [];
  for (let i = 0; i < count; i++) probes.push(probeBetween(draw, namespaces, i));
  return { name: 'agents', namespaces, probes };
}

function app(draw: Draw, index: number): unknown {
  const mode = draw.pick(MODES);
  const network = mode === 'container' ? { mode, name: 'dcos' } : { mode };
  const vip = draw.chance(50) ? { labels: { VIP_0: `/app${index}:3141` } } : {};
  const common = { id: `/app${index}`, cpus: 0.1, mem: 32, instances: draw.number(1, 2), networks: [network] };
  const container = { type: draw.pick(['DOCKER', 'MESOS']), docker: { image: 'dcoslabs/httpi:latest' } };
  if (mode === 'host') return { ...common, portDefinitions: [{ port: 0, name: 'http', ...vip }], container };
  const published = mode === 'container/bridge' || draw.chance(50);
  const mapping = { containerPort: draw.pick([0, 80, 3141]), name: 'http', ...(published ? { hostPort: 0 } : {}), ...vip };
  return { ...common, container: { ...container, portMappings: [mapping] } };
}

function probeBetween(draw: Draw, namespaces: readonly LabNamespace[], index: number): LabProbe {
  const inhabited = namespaces.filter(({ name }) => name !== 'underlay' && name !== 'outside');
  const from = draw.pick(inhabited).name;
  const target = draw.pick(inhabited);
  const sourcePort = draw.chance(30) ? 40000 : 40010 + index;
  const protocol = draw.pick(['tcp', 'tcp', 'tcp', 'udp', 'icmp'] as const);
  const to = draw.pick(addressesOf(target));
  if (protocol === 'icmp') return { from, protocol, to, sourcePort };
  return { from, protocol, to, port: draw.pick(portsOf(target)), sourcePort };
}

/** Its own addresses, those of services it holds, one of its neighbours' that nobody has. */
function addressesOf({ links, routes = [] }: LabNamespace): readonly string[] {
  const own = links.flatMap(({ addresses = [] }) => addresses.map((address) => address.replace(/\/.*/, '')));
  const services = routes.filter(({ type }) => type === 'local').map(({ to }) => to.replace(/\/.*/, ''));
  return [...own, ...services, ...own.slice(-1).map((address) => address.replace(/\d+$/, '99')), '127.0.0.1'];
}

/** Those it listens on and those it publishes, and one that is neither. */
function portsOf({ listeners = [], iptables = '' }: LabNamespace): readonly number[] {
  const published = [...iptables.matchAll(/--dport (\d+)/g)].map(([, port]) => Number(port));
  return [...new Set([...listeners.map(({ port }) => port), ...published, 9])].filter((port) => port !== 64000);
}
