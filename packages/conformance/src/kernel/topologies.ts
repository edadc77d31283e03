/** The shapes of labs: who is joined to whom, before rules and probes. */
import { Cables, gateway } from './cables.ts';
import type { Draw } from './draw.ts';
import type { LabNamespace } from './lab.ts';
import { marked, oneLink, proxied } from './routed-topologies.ts';
import type { Topology } from './topology.ts';

/** All shapes. */
export const TOPOLOGIES: readonly ((draw: Draw) => Topology)[] = [
  router,
  router,
  host,
  host,
  twoRouters,
  overlay,
  marked,
  proxied,
  oneLink,
];

/** a and b on either side of r. */
function router(draw: Draw): Topology {
  const cables = new Cables();
  cables.join({ ns: 'a', name: 'eth0', addresses: ['10.0.1.2/24'] }, { ns: 'r', name: 'eth0', addresses: ['10.0.1.1/24'] });
  cables.join(
    { ns: 'b', name: 'eth0', addresses: ['10.0.2.2/24'] },
    { ns: 'r', name: 'eth1', addresses: ['10.0.2.1/24', ...(draw.chance(30) ? ['10.0.2.3/24'] : [])] },
    draw.pick([1500, 1500, 1500, 1000]),
  );
  return {
    name: 'router',
    namespaces: [
      { name: 'a', links: cables.of('a'), routes: gateway('10.0.1.1') },
      { name: 'r', sysctl: { ipForward: draw.chance(95), rpFilter: draw.pick([0, 0, 1, 2] as const) }, links: cables.of('r') },
      { name: 'b', links: cables.of('b'), routes: draw.chance(85) ? gateway('10.0.2.1') : [] },
    ],
    ruled: ['r'],
    clients: ['a', 'a', 'b', 'r'],
    servers: ['b', 'r'],
    addresses: ['10.0.1.1', '10.0.1.2', '10.0.2.1', '10.0.2.2', '10.0.2.9', '192.0.2.1'],
    networks: ['10.0.1.0/24', '10.0.2.0/24', '10.0.0.0/8', '0.0.0.0/0'],
    broadcasts: ['10.0.1.255', '10.0.2.255'],
  };
}

/** A machine with containers on a bridge, and somebody outside. */
function host(draw: Draw): Topology {
  const cables = new Cables();
  const hairpin = draw.chance(40);
  const isolated = draw.chance(10);
  const forgets = draw.chance(4);
  cables.join({ ns: 'x', name: 'eth0', addresses: ['192.0.2.2/24'] }, { ns: 'h', name: 'eth0', addresses: ['192.0.2.1/24'] });
  cables.add('h', {
    name: 'br0',
    type: 'bridge',
    mac: '02:00:00:00:01:00',
    mtu: 1500,
    addresses: ['172.17.0.1/16'],
    ...(forgets ? { ageing: 1 } : {}),
  });
  for (const [i, name] of ['c1', 'c2', 'c3'].slice(0, draw.number(2, 3)).entries())
    cables.join(
      { ns: name, name: 'eth0', addresses: [`172.17.0.${i + 2}/16`] },
      {
        ns: 'h',
        name: `veth${i}`,
        master: 'br0',
        ...(hairpin ? { hairpin } : {}),
        ...(isolated ? { isolated } : {}),
        ...(draw.chance(10) ? { learning: false } : {}),
        ...(draw.chance(10) ? { flood: false } : {}),
      },
    );
  const containers = ['c1', 'c2', 'c3'].filter((name) => cables.of(name).length > 0);
  return {
    name: 'host',
    namespaces: [
      { name: 'x', links: cables.of('x'), routes: draw.chance(50) ? gateway('192.0.2.1') : [] },
      {
        name: 'h',
        sysctl: {
          ipForward: draw.chance(93),
          bridgeNfCallIptables: draw.chance(60),
          ...(draw.chance(20) ? { routeLocalnet: ['br0'] } : {}),
        },
        links: cables.of('h'),
      },
      ...containers.map((name) => ({ name, links: cables.of(name), routes: gateway('172.17.0.1') })),
    ],
    ruled: ['h'],
    clients: ['x', 'c1', 'c2', 'h'],
    servers: ['c1', 'c2', 'x', 'h'],
    addresses: ['192.0.2.1', '192.0.2.2', '172.17.0.1', '172.17.0.2', '172.17.0.3', '172.17.0.9', '127.0.0.1'],
    networks: ['172.17.0.0/16', '192.0.2.0/24', '127.0.0.0/8'],
    broadcasts: ['172.17.255.255', '192.0.2.255', '127.255.255.255'],
    // Short of the five seconds after which neighbours are probed; TCP would send again meanwhile.
    ...(forgets ? { wait: 2.2, probes: 3, protocols: ['udp', 'icmp'] as const } : {}),
  };
}

/** a, r, s and b in a row, with smaller packets in the middle. */
function twoRouters(draw: Draw): Topology {
  const cables = new Cables();
  cables.join({ ns: 'a', name: 'eth0', addresses: ['10.0.1.2/24'] }, { ns: 'r', name: 'eth0', addresses: ['10.0.1.1/24'] });
  cables.join(
    { ns: 'r', name: 'eth1', addresses: ['10.0.3.1/24'] },
    { ns: 's', name: 'eth1', addresses: ['10.0.3.2/24'] },
    draw.pick([1500, 1500, 1400, 600, 576, 300]),
  );
  cables.join({ ns: 'b', name: 'eth0', addresses: ['10.0.2.2/24'] }, { ns: 's', name: 'eth0', addresses: ['10.0.2.1/24'] });
  const types = ['blackhole', 'unreachable', 'prohibit'] as const;
  return {
    name: 'two routers',
    namespaces: [
      { name: 'a', links: cables.of('a'), routes: gateway('10.0.1.1') },
      {
        name: 'r',
        sysctl: { ipForward: true },
        links: cables.of('r'),
        routes: [...gateway('10.0.3.2', 'eth1'), ...(draw.chance(40) ? [{ type: draw.pick(types), to: '10.0.9.0/24' }] : [])],
      },
      {
        name: 's',
        sysctl: { ipForward: true },
        links: cables.of('s'),
        routes: [{ to: '10.0.1.0/24', via: '10.0.3.1', device: 'eth1' }],
      },
      { name: 'b', links: cables.of('b'), routes: gateway('10.0.2.1') },
    ],
    ruled: ['r', 's'],
    clients: ['a', 'b', 'r'],
    servers: ['b', 's'],
    addresses: ['10.0.1.2', '10.0.3.1', '10.0.3.2', '10.0.2.1', '10.0.2.2', '10.0.9.1'],
    networks: ['10.0.1.0/24', '10.0.2.0/24', '10.0.3.0/24'],
    broadcasts: ['10.0.1.255', '10.0.2.255', '10.0.3.255'],
  };
}

/** Two machines with a bridge and a tunnel each. */
function overlay(draw: Draw): Topology {
  const cables = new Cables();
  const learning = draw.chance(50);
  cables.join({ ns: 'h1', name: 'eth0', addresses: ['172.16.0.1/16'] }, { ns: 'h2', name: 'eth0', addresses: ['172.16.0.2/16'] });
  for (const i of [1, 2]) {
    cables.add(`h${i}`, { name: 'br0', type: 'bridge', mac: `02:00:00:00:01:0${i}`, mtu: 1420, addresses: [`9.0.${i}.1/24`] });
    cables.add(`h${i}`, {
      name: 'vx0',
      type: 'vxlan',
      mac: `70:b3:d5:80:00:0${i}`,
      mtu: 1450,
      addresses: [`44.128.0.${i}/20`],
      vni: 1024,
      port: 64000,
      learning,
    });
    cables.join({ ns: `c${i}`, name: 'eth0', addresses: [`9.0.${i}.2/24`] }, { ns: `h${i}`, name: 'veth0', master: 'br0' }, 1420);
  }
  const bridgeNfCallIptables = draw.chance(50);
  // Either every end is known beforehand, as dcos-net does it, or frames for all go to all ends, and ARP and learning do the rest.
  const flat = draw.chance(30);
  const machine = (i: 1 | 2): LabNamespace => {
    const o = 3 - i;
    return {
      name: `h${i}`,
      sysctl: { ipForward: true, bridgeNfCallIptables },
      links: cables.of(`h${i}`),
      routes: [
        { to: `9.0.${o}.0/24`, via: `44.128.0.${o}`, device: 'vx0' },
        { to: `172.16.0.${o}/32`, via: `44.128.0.${o}`, device: 'vx0', table: 42 },
      ],
      rules: [{ priority: 32765, from: '9.0.0.0/8', table: 42 }],
      neighbours: flat ? [] : [{ address: `44.128.0.${o}`, device: 'vx0', mac: `70:b3:d5:80:00:0${o}` }],
      fdb: [{ mac: flat ? '00:00:00:00:00:00' : `70:b3:d5:80:00:0${o}`, device: 'vx0', remote: `172.16.0.${o}` }],
    };
  };
  return {
    name: 'overlay',
    namespaces: [
      machine(1),
      machine(2),
      ...[1, 2].map((i) => ({ name: `c${i}`, links: cables.of(`c${i}`), routes: gateway(`9.0.${i}.1`) })),
    ],
    ruled: ['h1', 'h2'],
    clients: ['c1', 'c2', 'h1'],
    servers: ['c1', 'c2', 'h2'],
    addresses: ['9.0.1.2', '9.0.2.2', '9.0.2.1', '172.16.0.2', '172.16.0.1', '44.128.0.2', '9.0.2.77'],
    networks: ['9.0.0.0/8', '172.16.0.0/16', '44.128.0.0/20'],
    broadcasts: ['9.0.1.255', '9.0.2.255', '44.128.15.255'],
    // A tunnel's own packets led into the tunnel end only where the kernel counts how deep it is in itself.
    hosts: (name) => ['172.16.0.1', '172.16.0.2', name === 'h1' ? '9.0.1.2' : '9.0.2.2'],
  };
}
