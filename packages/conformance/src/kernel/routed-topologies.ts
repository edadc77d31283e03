/** Shapes about routing: rules by mark, ARP on behalf of others, two subnets on one link. */
import { Cables, gateway } from './cables.ts';
import type { Draw } from './draw.ts';
import type { LabNamespace, LabRoute } from './lab.ts';
import type { Topology } from './topology.ts';

type Switches = NonNullable<NonNullable<LabNamespace['sysctl']>['devices']>;

/** Two ways from r to b, one of them for marked packets. */
export function marked(draw: Draw): Topology {
  const cables = new Cables();
  cables.join({ ns: 'a', name: 'eth0', addresses: ['10.0.1.2/24'] }, { ns: 'r', name: 'eth0', addresses: ['10.0.1.1/24'] });
  cables.join({ ns: 'b', name: 'eth0', addresses: ['10.0.2.2/24'] }, { ns: 'r', name: 'eth1', addresses: ['10.0.2.1/24'] });
  cables.join({ ns: 'b', name: 'eth1', addresses: ['10.0.3.2/24'] }, { ns: 'r', name: 'eth2', addresses: ['10.0.3.1/24'] });
  const rules = [
    { priority: 1000, mark: draw.pick(['0x1', '0x2/0x2', '0x0/0x1']), table: 7 },
    ...(draw.chance(40) ? [{ priority: 1001, mark: '0x3', from: '10.0.1.0/24', table: 8 }] : []),
  ];
  const routes: readonly LabRoute[] = [
    draw.pick<LabRoute>([
      { to: '10.0.2.0/24', via: '10.0.3.2', device: 'eth2', table: 7 },
      { to: '10.0.2.0/24', via: '10.0.3.2', device: 'eth2', table: 7, source: '10.0.1.1' },
      { to: '0.0.0.0/0', via: '10.0.1.2', device: 'eth0', table: 7 },
      { type: 'throw', to: '10.0.2.0/24', table: 7 },
      { type: 'unreachable', to: '10.0.2.0/24', table: 7 },
    ]),
    draw.pick<LabRoute>([
      { type: 'blackhole', to: '10.0.0.0/8', table: 8 },
      { type: 'prohibit', to: '10.0.2.2/32', table: 8 },
      { type: 'throw', to: '0.0.0.0/0', table: 8 },
    ]),
  ];
  return {
    name: 'marked',
    namespaces: [
      { name: 'a', links: cables.of('a'), routes: gateway('10.0.1.1') },
      {
        name: 'r',
        sysctl: {
          ipForward: true,
          rpFilter: draw.pick([0, 0, 1, 2] as const),
          sourceValidMark: draw.chance(40),
          devices: generateSwitches(draw, ['eth0', 'eth1', 'eth2']),
        },
        links: cables.of('r'),
        rules,
        routes,
      },
      { name: 'b', links: cables.of('b'), routes: gateway('10.0.2.1'), sysctl: { rpFilter: draw.pick([0, 0, 1, 2] as const) } },
    ],
    ruled: ['r'],
    clients: ['a', 'a', 'b', 'r'],
    servers: ['b', 'r'],
    addresses: ['10.0.1.1', '10.0.1.2', '10.0.2.1', '10.0.2.2', '10.0.3.2', '10.0.2.9'],
    networks: ['10.0.1.0/24', '10.0.2.0/24', '10.0.3.0/24', '0.0.0.0/0'],
    hosts: () => ['10.0.1.2', '10.0.2.2', '10.0.3.2', '10.0.1.1'],
  };
}

function generateSwitches(draw: Draw, devices: readonly string[]): Switches {
  return devices
    .filter(() => draw.chance(25))
    .map((name) => ({
      name,
      ...(draw.chance(30) ? { forwarding: false } : {}),
      ...(draw.chance(50) ? { rpFilter: draw.pick([0, 1, 2] as const) } : {}),
    }));
}

/** a believes that everybody is on its link; r answers for those who are not. */
export function proxied(draw: Draw): Topology {
  const cables = new Cables();
  cables.join({ ns: 'a', name: 'eth0', addresses: ['10.0.1.2/16'] }, { ns: 'r', name: 'eth0', addresses: ['10.0.1.1/24'] });
  cables.join({ ns: 'b', name: 'eth0', addresses: ['10.0.2.2/16'] }, { ns: 'r', name: 'eth1', addresses: ['10.0.2.1/24'] });
  const devices = ['eth0', 'eth1'].map((name) => ({
    name,
    proxyArp: draw.chance(80),
    ...(draw.chance(10) ? { forwarding: false } : {}),
  }));
  return {
    name: 'proxied',
    namespaces: [
      { name: 'a', links: cables.of('a') },
      {
        name: 'r',
        sysctl: { ipForward: true, rpFilter: draw.pick([0, 1, 2] as const), devices },
        links: cables.of('r'),
        routes: draw.chance(30) ? [{ type: 'unreachable', to: '10.0.3.0/24' }] : [],
      },
      { name: 'b', links: cables.of('b') },
    ],
    ruled: ['r'],
    clients: ['a', 'b', 'r'],
    servers: ['a', 'b', 'r'],
    addresses: ['10.0.1.1', '10.0.1.2', '10.0.2.1', '10.0.2.2', '10.0.1.9', '10.0.2.9', '10.0.3.9'],
    networks: ['10.0.1.0/24', '10.0.2.0/24', '10.0.0.0/16'],
    broadcasts: ['10.0.255.255', '10.0.2.255'],
  };
}

/** a and b have addresses of two subnets on one link, and r between them sends back by the device it received by. */
export function oneLink(draw: Draw): Topology {
  const cables = new Cables();
  const sendRedirects = draw.chance(70);
  cables.add('sw', { name: 'br0', type: 'bridge', mac: '02:00:00:00:01:00', mtu: 1500 });
  const ports = [
    { ns: 'a', name: 'eth0', addresses: ['10.0.1.2/24'] },
    { ns: 'b', name: 'eth0', addresses: ['10.0.2.2/24'] },
    { ns: 'r', name: 'eth0', addresses: ['10.0.1.1/24', '10.0.2.1/24'] },
  ];
  for (const [i, end] of ports.entries()) cables.join(end, { ns: 'sw', name: `port${i}`, master: 'br0' });
  return {
    name: 'one link',
    namespaces: [
      // Before its neighbours: a port that is up first forwards as soon as its pair is.
      { name: 'sw', links: cables.of('sw') },
      { name: 'a', links: cables.of('a'), routes: gateway('10.0.1.1') },
      { name: 'b', links: cables.of('b'), routes: draw.chance(80) ? gateway('10.0.2.1') : [] },
      {
        name: 'r',
        sysctl: { ipForward: true, rpFilter: draw.pick([0, 1, 2] as const), sendRedirects },
        links: cables.of('r'),
        routes: draw.chance(30) ? [{ to: '192.0.2.0/24', via: '10.0.2.2', device: 'eth0' }] : [],
      },
    ],
    ruled: ['r'],
    clients: ['a', 'a', 'b'],
    servers: ['b', 'a', 'r'],
    addresses: ['10.0.1.1', '10.0.1.2', '10.0.2.2', '192.0.2.9'],
    networks: ['10.0.1.0/24', '10.0.2.0/24'],
    // A socket that its program is using at this moment does not hear of redirects: TCP's does, or not, by chance.
    ...(sendRedirects ? { protocols: ['udp', 'icmp'] as const } : {}),
    // A sender is told again after a while, and how long probes take is a matter of the machine.
    probes: 1,
  };
}
