/** The machine on which dockerd was recorded, and what its listings have that chance decided. For the tests that do its runs again. */
import { readFileSync } from 'node:fs';
import {
  Cluster,
  CORE_TOOLS,
  createNetwork,
  type DockerNetwork,
  daemonRules,
  HTTPI,
  hostConfig,
  type Machine,
  type PublishedPort,
  parseCidr,
  parseIpv4,
  Random,
  type RunRequest,
  runShell,
  toolRegistry,
} from '../src/index.ts';
import { docker } from '../src/tools/docker/docker.ts';
import { bridge } from '../src/tools/iproute/bridge.ts';
import { iptables } from '../src/tools/iptables/iptables.ts';
import { iptablesSave } from '../src/tools/iptables/iptables-save.ts';

/** A recorded file. */
export const read = (name: string) => readFileSync(new URL(`../../conformance/recorded/docker/${name}`, import.meta.url), 'utf8');
/** The same without the line of its command. */
export const body = (name: string) => read(name).replace(/^\$.*\n/, '');
const TOOLS = toolRegistry(CORE_TOOLS, [iptables('1.8.9'), iptablesSave('1.8.9'), bridge('iproute2-6'), docker('20.10')]);
/** What a command prints on a machine. */
export const shell = (machine: Machine, line: string) => runShell(line, machine, TOOLS).stdout;

/** Ids, short ids, names of pairs and MAC addresses that no address is in, numbered as they appear. */
export function withoutChance(text: string): string {
  const seen = new Map<string, string>();
  return text.replace(
    /\b[0-9a-f]{64}\b|\b8000\.[0-9a-f]{12}\b|\bveth[0-9a-f]{7}\b|\b(?!02:42:(?:ac|09|0a))(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b/g,
    (word) => {
      if (/^(00:00|ff:ff|33:33|01:00)/.test(word)) return word;
      const known = seen.get(word) ?? `#${seen.size}`;
      seen.set(word, known);
      return known;
    },
  );
}

/** A network of the bridge driver with the gateway Docker chooses. */
export function network(name: string, bridgeName: string, subnet: string, more: Partial<DockerNetwork> = {}): DockerNetwork {
  const cidr = parseCidr(subnet);
  const id = new Random(cidr.address).hex(64);
  const given = [['com.docker.network.bridge.name', bridgeName]] as const;
  const common = { mtu: 1500, masquerade: true, icc: true, options: name === 'bridge' ? [] : given };
  return { id, name, bridge: bridgeName, subnet: cidr, gateway: cidr.address + 1, ...common, ...more };
}

/** The recorded host with an empty daemon, in a cluster of its own. */
export function emptyDaemon(userlandProxy = true, more: Partial<DockerNetwork> = {}): Machine {
  return emptyDaemonIn(new Cluster({ seed: 1, epoch: 0, images: { find: () => HTTPI } }), userlandProxy, more);
}

/** The same in a cluster that is there. */
export function emptyDaemonIn(cluster: Cluster, userlandProxy = true, more: Partial<DockerNetwork> = {}): Machine {
  const host = hostConfig('N', [{ name: 'eth0', address: parseCidr('172.16.17.198/16') }], parseIpv4('172.16.9.84'));
  const bare = {
    ...host,
    host: { ...host.host, netfilter: daemonRules(userlandProxy), sysctl: { ...host.host.sysctl, ipForward: true } },
    docker: { ...host.docker, userlandProxy },
  };
  return cluster.add(createNetwork(bare, network('bridge', 'docker0', '172.17.0.0/16', more), new Random(1)));
}

/** `-p`. */
export const publish = (
  hostPort: number,
  containerPort: number,
  protocol: 'tcp' | 'udp' = 'tcp',
  address?: string,
): PublishedPort => ({
  protocol,
  hostPort,
  containerPort,
  hostAddress: address === undefined ? undefined : parseIpv4(address),
});

/** `docker run`: the id, or why not. */
export function run(
  machine: Machine,
  name: string,
  ports: readonly PublishedPort[] = [],
  more: Partial<RunRequest> = {},
): string {
  const [result] = machine.run([
    { name, image: 'dcoslabs/httpi:latest', env: [], labels: [], network: 'bridge', ports, ...more },
  ]);
  if (result === undefined) throw new Error('no answer');
  return 'refusal' in result ? result.refusal.message : result.container.id;
}

/** A JSON value without the keys that only the real daemon knows, at any depth; their order is kept. */
export function known(real: unknown, ours: unknown): unknown {
  if (Array.isArray(real) && Array.isArray(ours)) return real.map((item, i) => known(item, ours[i]));
  if (typeof real !== 'object' || real === null || typeof ours !== 'object' || ours === null || Array.isArray(real)) return real;
  const mine = ours as { [key: string]: unknown };
  return Object.fromEntries(
    Object.entries(real).flatMap(([key, value]) => (Object.hasOwn(mine, key) ? [[key, known(value, mine[key])]] : [])),
  );
}
