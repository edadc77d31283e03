/**
 * What was connected on the recorded host of dockerd, with and without docker-proxy, is connected again: the verdict, and what the server
 * saw, the first packets of each way at each device, and the flows that are then tracked. The port of a connection that docker-proxy makes
 * is drawn by the kernel: only that there is one is compared.
 */
import { readFileSync } from 'node:fs';
import {
  Cluster,
  CORE_TOOLS,
  change,
  createNetwork,
  type DockerNetwork,
  daemonRules,
  hostConfig,
  type PublishedPort,
  parseCidr,
  parseIpv4,
  Random,
  runShell,
  toolRegistry,
} from '@portolan/core';
import { expect, test } from 'vitest';
import { capture } from './kernel/capture.ts';
import type { Lab } from './kernel/lab.ts';
import { answer, type Probe, type ProbeResult, probe } from './kernel/probe.ts';

interface Recorded {
  readonly userland_proxy: boolean;
  readonly probes: readonly {
    readonly note: string;
    readonly result: ProbeResult & Omit<Probe, 'sourcePort'>;
    readonly hops: readonly string[];
    readonly conntrack: readonly string[];
  }[];
}

const HOST = '172.16.17.198';
const EXT = '172.16.9.84';
/** The model's docker-proxy passes on TCP only (docs/fidelity.md). */
const BY_UDP_PROXY = ['w1 -> host:7005/udp own', 'w2 -> host:7005/udp sibling'];

function network(name: string, bridge: string, subnet: string, masquerade: boolean): DockerNetwork {
  const cidr = parseCidr(subnet);
  const id = new Random(cidr.prefix).hex(64);
  return { id, name, bridge, subnet: cidr, gateway: cidr.address + 1, mtu: 1500, masquerade, icc: true, options: [] };
}

function build(userlandProxy: boolean): Lab {
  const cluster = new Cluster({ seed: 1, epoch: 0, images: { find: () => undefined } });
  const bare = hostConfig('host', [{ name: 'eth0', address: parseCidr(`${HOST}/16`) }], parseIpv4(EXT));
  let config = {
    ...bare,
    host: { ...bare.host, netfilter: daemonRules(userlandProxy), sysctl: { ...bare.host.sysctl, ipForward: true } },
    docker: { ...bare.docker, userlandProxy },
  };
  config = createNetwork(config, network('bridge', 'docker0', '172.17.0.0/16', true), new Random(1));
  if (userlandProxy) {
    config = createNetwork(config, network('dcos', 'd-dcos', '9.0.3.128/25', false), new Random(2));
    // The overlay module's repair: containers of different networks may talk.
    const netfilter = change(config.host.netfilter, 'filter', 'DOCKER-ISOLATION-STAGE-2', (old) => [
      { matches: [], target: { name: 'RETURN' } },
      ...old,
    ]);
    config = { ...config, host: { ...config.host, netfilter } };
  }
  const machine = cluster.add(config);
  cluster.add(hostConfig('ext', [{ name: 'eth0', address: parseCidr(`${EXT}/16`) }], parseIpv4(HOST)));
  const ids = new Map<string, string>();
  const run = (name: string, where: string, ports: readonly PublishedPort[]) => {
    const [result] = machine.run([{ name, image: 'lab', env: [], labels: [], network: where, ports }]);
    if (result !== undefined && 'container' in result) ids.set(name, result.container.id);
  };
  const publish = (port: number, protocol: 'tcp' | 'udp' = 'tcp') => ({ protocol, hostPort: port, containerPort: port });
  if (userlandProxy) for (const name of ['first', 'second']) run(name, 'bridge', []);
  run('w1', 'bridge', [publish(7009), publish(7005, 'udp'), publish(7001)]);
  run('w2', 'bridge', [publish(7002)]);
  if (userlandProxy) for (const name of ['ov1', 'ov2', 'ov3', 'ovp', 'wo']) run(name, 'dcos', []);
  return {
    cluster,
    namespace: (name) => {
      const found = name === 'ext' ? cluster.machine('ext').host : machine.namespace(ids.get(name) ?? name);
      if (found === undefined) throw new Error(`there is no ${name}`);
      return found;
    },
    nameOf: (name) => [...ids].find(([, id]) => id === name)?.[0] ?? name,
    stopProxies: () => {},
    hairpinOff: () => {},
  };
}

/** Ports that the kernel drew for docker-proxy. */
const DRAWN_PORT = /(?<=[:=])(?!500\d\d\b)(3[2-9]|4\d|5\d|60)\d{3}\b(?!:)/g;

/** First packets of each way, without drawn MAC addresses; nobody looked at lo, d-dcos and pairs' ends on the host. */
function packets(lines: readonly string[]): readonly string[] {
  return lines
    .filter((line) => !/ARP|\/(lo|d-dcos|veth\S*) /.test(line) && (/ (S|S\.|R|R\.)( |$)/.test(line) || !line.includes(' tcp ')))
    .map((line) =>
      line
        .replace(/\b(?!02:42:(?:ac:11|09:00))(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b/g, 'drawn')
        .replace(DRAWN_PORT, 'drawn')
        .replace(/ {2,}/g, ' ')
        .trim(),
    );
}

/** Flows without what is left of their time. */
function flows(lines: readonly string[]): readonly string[] {
  return lines
    .filter((line) => line !== '')
    .map((line) =>
      line
        .replace(/ {2,}/g, ' ')
        .replace(/^(\w+ \d+) \d+/, '$1')
        .replace(DRAWN_PORT, 'drawn'),
    )
    .sort();
}

const TOOLS = toolRegistry(CORE_TOOLS, []);
const drawn = ({ verdict, server }: ProbeResult) => ({
  verdict,
  server: server === undefined ? undefined : { ...server, peer: server.peer.replace(/:(?!500\d\d$)\d+$/, ':drawn') },
});

test.each(['a', 'b'])('run %s: every probe ends as it did, and servers see whom they saw', (name) => {
  const path = new URL(`../recorded/docker/${name}-conn.json`, import.meta.url);
  const recorded: Recorded = JSON.parse(readFileSync(path, 'utf8'));
  const lab = build(recorded.userland_proxy);
  let seen: ProbeResult['server'];
  const servers = [
    ['w1', 'tcp', 7001],
    ['w1', 'tcp', 5000],
    ['w1', 'udp', 7005],
    ['w2', 'tcp', 7002],
    ['ext', 'tcp', 80],
    ...(recorded.userland_proxy ? ([['wo', 'tcp', 80]] as const) : []),
  ] as const;
  for (const [where, proto, port] of servers)
    answer(lab, where, proto, port, (server) => {
      seen = server;
    });
  const machine = lab.cluster.machine('host');
  let compared = 0;
  recorded.probes.forEach(({ note, result, hops, conntrack }, i) => {
    if (recorded.userland_proxy && BY_UDP_PROXY.includes(note)) return;
    seen = undefined;
    const { proto, from, to } = result;
    const lines = capture(lab);
    runShell('conntrack -F', machine, TOOLS);
    const ours = probe(lab, { proto, from, to, sourcePort: 50_001 + i }, () => seen, 2500);
    const server = result.server === undefined ? {} : { server: pick(result.server) };
    expect(drawn(ours), note).toEqual(drawn({ verdict: result.verdict, ...server }));
    expect(packets(lines()), note).toEqual(packets(hops));
    expect(flows(runShell('conntrack -L', machine, TOOLS).stdout.split('\n')), note).toEqual(flows(conntrack));
    compared++;
  });
  expect(compared).toBe(name === 'a' ? 22 : 20);
});

function pick({ in: where, peer, local }: NonNullable<ProbeResult['server']>) {
  return { in: where, peer, local };
}
