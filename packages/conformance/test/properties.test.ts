/**
 * Packets through whole clusters of generated apps: what is published is reached, what is not only as far as a rule of
 * dcos-net lets a route reach it; every conversation ends in a fate; VIPs have the running tasks as servers everywhere.
 */
import { formatIpv4, HTTPI, type Ipv4, type Machine, type Program, parseCidr, type Route, TABLE } from '@portolan/core';
import { DcosCluster, type DcosNode, formatIp, type HttpReply } from '@portolan/dcos';
import type { MarathonTask } from '@portolan/scheduler';
import { appDefinitions, isAbandoned } from '@portolan/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';

/** Outside what agents offer, so that no task draws it. */
const UNPUBLISHED = 45_000;
/** Listens where it is told (in container mode that is the host port, if there is one), on 3141 unless told SILENT, and where nobody publishes it. */
const SILENT = 4242;
const SERVER: Program = {
  ...HTTPI,
  start: (env) => {
    const start = HTTPI.start(env);
    if (!('ports' in start)) return start;
    return { ports: [...new Set([...start.ports, ...(start.ports.includes(SILENT) ? [] : [3141]), UNPUBLISHED])] };
  },
};

type Mode = 'host' | 'container/bridge' | 'container';

function app(id: string, mode: Mode, instances: number, hostPort: boolean): Record<string, unknown> {
  const mapping = { containerPort: mode === 'container' ? 3141 : 0, name: 'http', ...(hostPort ? { hostPort: 0 } : {}) };
  return {
    id,
    instances,
    cpus: 0.1,
    mem: 32,
    networks: [mode === 'container' ? { mode, name: 'dcos' } : { mode }],
    ...(mode === 'host' ? { portDefinitions: [{ port: 0, name: 'http' }] } : {}),
    // On the host a second port would be the agent's own, one for all tasks there.
    container: {
      type: 'DOCKER',
      docker: { image: mode === 'host' ? 'dcoslabs/httpi' : 'test/server' },
      ...(mode === 'host' ? {} : { portMappings: [mapping] }),
    },
  };
}

function ask(node: DcosNode, host: Ipv4 | string, port: number | undefined): HttpReply {
  return node.http(`http://${typeof host === 'string' ? host : formatIpv4(host)}:${port}`);
}

/** Whether any packet of it was dropped by the policy of FORWARD on that machine. */
function fellToPolicy(reply: HttpReply, machine: Machine): boolean {
  return reply.trace.hops.some(
    ({ namespace, steps }) =>
      namespace === machine.name &&
      steps.some((step) => step.action === 'policy' && step.chain === 'FORWARD' && step.policy === 'DROP'),
  );
}

function routeToContainers(via: Ipv4): Route {
  const destination = parseCidr('172.17.0.0/16');
  return { table: TABLE.main, type: 'unicast', destination, via, device: 'eth0', scope: 'global', protocol: 'boot', metric: 0 };
}

function withRoute(machine: Machine, via: Ipv4, action: () => void): void {
  const before = machine.config;
  machine.configure((draft) => {
    draft.host.routes.push(routeToContainers(via));
  });
  action();
  machine.replace(before);
}

function withoutDcosNetAccept(machine: Machine, action: () => void): void {
  const before = machine.config;
  machine.configure((draft) => {
    for (const chain of draft.host.netfilter.filter)
      if (chain.name === 'FORWARD') chain.rules = chain.rules.filter(({ cause }) => cause !== 'dcos-net.service');
  });
  expect(machine.config).not.toBe(before);
  action();
  machine.replace(before);
}

const deployments = fc.array(
  fc.record({
    mode: fc.constantFrom<Mode>('host', 'container/bridge', 'container/bridge', 'container'),
    instances: fc.integer({ min: 1, max: 3 }),
    hostPort: fc.boolean(),
  }),
  { minLength: 1, maxLength: 3 },
);

test('a published port is reached from outside its agent; an unpublished one as far as FORWARD of dcos-net lets a route', () => {
  fc.assert(
    fc.property(fc.nat(), fc.boolean(), deployments, (seed, userlandProxy, apps) => {
      const cluster = DcosCluster.create({ seed, userlandProxy, agents: 3, publicAgents: 0, images: { 'test/server': SERVER } });
      apps.forEach(({ mode, instances, hostPort }, i) => {
        cluster.marathon.add(app(`/app${i}`, mode, instances, hostPort));
      });
      expect(cluster.settle()).toBe(true);
      for (const task of cluster.marathon.tasks()) reach(cluster, task);
    }),
    { numRuns: 300 },
  );
});

function reach(cluster: DcosCluster, { appId, host, slaveId, ports, ipAddresses }: MarathonTask): void {
  const master = cluster.master();
  const agent = cluster.agent(slaveId);
  const others = cluster.agents().flatMap(({ node }) => (node === agent ? [] : [node]));
  const [address = 0] = ipAddresses;
  const mode = cluster.marathon.app(appId).networks[0]?.mode;
  for (const node of [master, ...others]) for (const port of ports) expect(ask(node, host, port).status).toBe(200);
  if (mode === 'host') return;
  // Nobody listens for it on the agent itself.
  expect(ask(master, host, UNPUBLISHED).failure).toBe('ECONNREFUSED');
  if (mode === 'container') {
    expect(ask(master, address, UNPUBLISHED).status).toBe(200);
    withoutDcosNetAccept(agent.machine, () => {
      const lost = ask(master, address, UNPUBLISHED);
      expect([lost.failure, fellToPolicy(lost, agent.machine)]).toEqual(['ETIMEDOUT', true]);
      for (const port of ports) expect(ask(master, host, port).status).toBe(200);
    });
    return;
  }
  expect(ask(master, address, UNPUBLISHED).status).toBe(0);
  withRoute(master.machine, agent.address, () => {
    expect(ask(master, address, UNPUBLISHED).status).toBe(200);
    withoutDcosNetAccept(agent.machine, () => {
      const lost = ask(master, address, UNPUBLISHED);
      expect([lost.failure, fellToPolicy(lost, agent.machine)]).toEqual(['ETIMEDOUT', true]);
      expect(ask(master, host, ports[0]).status).toBe(200);
      // The container's own port, which Docker's chain accepts for whoever comes.
      expect(ask(master, address, ports[0]).status).toBe(200);
    });
  });
}

const FATES = new Set<string>([
  'delivered',
  'no-listener',
  'dropped',
  'rejected',
  'no-route',
  'ttl-expired',
  'too-big',
  'unresolved',
  'not-forwarded',
  'martian',
  'device-down',
  'not-modelled',
]);

test('every request ends: with an answer or a failure, and the last step of its trace is a fate', () => {
  const clusters = [true, false].map((userlandProxy) => {
    const cluster = DcosCluster.create({ seed: 5, userlandProxy, images: { 'test/server': SERVER } });
    cluster.marathon.add({
      ...app('/h', 'host', 2, false),
      portDefinitions: [{ port: 0, name: 'http', labels: { VIP_0: '/h:80' } }],
    });
    cluster.marathon.add(app('/b', 'container/bridge', 3, true));
    // Published, but nobody listens on the container port: docker-proxy has nobody to pass a connection to.
    cluster.marathon.add({ ...app('/c', 'container', 3, true), env: { PORT_HTTP: String(SILENT) } });
    expect(cluster.settle()).toBe(true);
    const tasks = cluster.marathon.tasks();
    const places = [
      cluster.master(),
      cluster.outside,
      ...cluster
        .agents()
        .flatMap(({ node }) => [node, ...node.machine.config.docker.containers.map(({ id }) => node.container(id))]),
    ];
    const hosts = [
      ...tasks.flatMap(({ host, ipAddresses }) => [host, ...ipAddresses.map(formatIpv4)]),
      ...['127.0.0.1', '0.0.0.0', '255.255.255.255', '224.0.0.1', '10.1.2.3', '172.17.0.1', '172.17.0.77', '172.17.255.255'],
      ...['9.0.2.129', '9.0.200.1', '9.255.255.255', '172.16.0.1', '172.16.0.200', '172.16.255.255', '44.128.0.2', '44.128.0.99'],
      ...[
        '198.51.100.1',
        '93.186.40.121',
        '203.0.113.1',
        '203.0.113.99',
        'h.marathon.l4lb.thisdcos.directory',
        'b.marathon.mesos',
      ],
      ...['leader.mesos', 'nope', 'nope.marathon.mesos'],
    ];
    const ports = [...tasks.flatMap((task) => task.ports), 80, 3141, UNPUBLISHED, 53, 64000, 1, 65535];
    return { places, hosts, ports };
  });
  const request = fc
    .constantFrom(...clusters)
    .chain(({ places, hosts, ports }) =>
      fc.record({ place: fc.constantFrom(...places), host: fc.constantFrom(...hosts), port: fc.constantFrom(...ports) }),
    );
  const seen = new Set<string>();
  fc.assert(
    fc.property(request, ({ place, host, port }) => {
      const { status, failure, trace } = ask(place, host, port);
      expect(status > 0).toBe(failure === undefined);
      seen.add(failure ?? String(status));
      // Nothing was sent at all where connect() itself refuses.
      if (trace.hops.length === 0) expect(failure).toBe('ENETUNREACH');
      else expect(FATES).toContain(trace.fate?.action);
    }),
    { numRuns: 5000 },
  );
  // All kinds of ends were met.
  expect([...seen].sort()).toEqual([
    '200',
    'ECONNREFUSED',
    'ECONNRESET',
    'EHOSTUNREACH',
    'ENETUNREACH',
    'ETIMEDOUT',
    'no such host',
  ]);
});

test('settled, a VIP has exactly the running tasks as servers, and every node lists the same, but its own containers of Mesos by their address', () => {
  const unbound = (id: string) =>
    appDefinitions(id).filter((definition) => !JSON.stringify(definition).includes('"hostPort":11'));
  fc.assert(
    fc.property(fc.nat(), unbound('/a'), unbound('/g/b'), fc.nat({ max: 6 }), fc.boolean(), (seed, a, b, instances, lose) => {
      const cluster = DcosCluster.create({ seed, agents: 3, publicAgents: 0 });
      cluster.marathon.add(a);
      cluster.marathon.add(b);
      cluster.settle();
      cluster.marathon.scale('/a', instances);
      if (lose) cluster.loseAgent('S1');
      cluster.settle();
      const wanted: (readonly string[])[] = [];
      for (const definition of [a, b]) {
        if (!JSON.stringify(definition).includes('VIP_0')) continue;
        const id = String(definition.id);
        const overlay = cluster.marathon.app(id).networks[0]?.mode === 'container';
        const servers = cluster.marathon.tasks(id).map(({ host, ports, ipAddresses }) => {
          return overlay ? `${formatIpv4(ipAddresses[0] ?? 0)}:3141` : `${host}:${ports[0]}`;
        });
        if (servers.length > 0) wanted.push(servers.sort());
      }
      // A VIP of which everything was on the lost agent stays as it was.
      const view = cluster.l4lb.view();
      view.catchUp();
      for (const vip of view.vips())
        if (isAbandoned(cluster, vip)) wanted.push(vip.servers.map((end) => `${formatIp(end.address)}:${end.port}`).sort());
      const { vips } = cluster.snapshot();
      expect([...vips.values()].map((servers) => [...servers].sort()).sort()).toEqual(wanted.sort());
      const listing = [...vips].flatMap(([, servers]) => servers);
      for (const node of [cluster.master(), ...cluster.agents().map(({ node }) => node)]) {
        const inside = new Map<string, string>(
          cluster.marathon.tasks().flatMap(({ host, ports, ipAddresses, info }) => {
            const own =
              info.container?.type === 'MESOS' && info.container.network === 'BRIDGE' && host === formatIpv4(node.address);
            // Its container port is 0, which is to be the host port.
            return own ? [[`${host}:${ports[0]}`, `${formatIpv4(ipAddresses[0] ?? 0)}:${ports[0]}`] as const] : [];
          }),
        );
        const rows = node.shell('sudo ipvsadm -Ln').stdout.split('\n');
        const listed = rows.flatMap((row) => /-> (\d\S+)/.exec(row)?.[1] ?? []);
        expect(listed.sort()).toEqual(listing.map((server) => inside.get(server) ?? server).sort());
      }
    }),
    { numRuns: 400 },
  );
});
