/** Packets through IPVS: masquerading, direct routing, tunnelling, ICMP errors, firewall marks, on a small network. */
import { expect, test } from 'vitest';
import { hostConfig, type Plug, withLink } from '../src/agent/host.ts';
import { parseCidr, parseIpv4 } from '../src/base/address.ts';
import type { Cluster } from '../src/cluster/cluster.ts';
import { type Forwarding, markKey } from '../src/kernel/ipvs/service.ts';
import type { Namespace } from '../src/kernel/namespace.ts';
import { Packet } from '../src/wire/ipv4.ts';
import { echo, lan, talk } from './lan.ts';

const VIP = '10.0.1.1';
const SERVICE = { protocol: 6, address: parseIpv4(VIP), port: 80 } as const;

interface Network {
  readonly cluster: Cluster;
  readonly client: Namespace;
  readonly director: Namespace;
  readonly server: Namespace;
}

/**
 * A client, a director that holds the virtual address, a real server that holds it too. Masqueraded answers must come
 * back by the director, so then the client is on another network; otherwise the server answers it directly.
 */
function network(forward: Forwarding): Network {
  const cluster = lan();
  const outer = forward === 'masquerade';
  const dummy = (name: string) =>
    ({ name, mac: 0x020000000001, mtu: 1500, up: true, kind: { type: 'dummy' }, addresses: [parseCidr(`${VIP}/32`)] }) as const;
  const add = (name: string, plugs: readonly Plug[], gateway: string, vip: boolean) => {
    const config = hostConfig(name, plugs, parseIpv4(gateway));
    const forwarding = {
      ...config,
      host: { ...config.host, sysctl: { ...config.host.sysctl, ipForward: true, ipvsConntrack: true } },
    };
    return cluster.add(vip ? withLink(forwarding, dummy('vip0')) : forwarding).host;
  };
  const inside: Plug = { name: 'eth0', address: parseCidr('10.0.0.2/24') };
  const outside: Plug = { name: 'eth1', address: parseCidr('10.9.0.2/24'), network: 'outer' };
  const director = add('director', outer ? [inside, outside] : [inside], '10.0.0.254', true);
  const client = outer
    ? add('client', [{ name: 'eth0', address: parseCidr('10.9.0.1/24'), network: 'outer' }], '10.9.0.2', false)
    : add('client', [{ name: 'eth0', address: parseCidr('10.0.0.1/24') }], '10.0.0.2', false);
  const server = add('server', [{ name: 'eth0', address: parseCidr('10.0.0.3/24') }], '10.0.0.2', !outer);
  director.ipvs.addService({ ...SERVICE, scheduler: 'wlc' });
  director.ipvs.addServer(SERVICE, { address: parseIpv4('10.0.0.3'), port: outer ? 8080 : 80, weight: 1, forward });
  echo(server, outer ? 8080 : 80);
  return { cluster, client, director, server };
}

function connections({ ipvs }: Namespace): readonly string[] {
  return [...ipvs.connections()].map(({ state }) => state);
}

test('masquerading: the server sees the client, the client the virtual address; both directions pass the director', () => {
  const { cluster, client, director } = network('masquerade');
  const result = talk(client, VIP, 80, { sourcePort: 4000, keep: true });
  cluster.run();
  expect(result.answer).toBe('hello from 10.9.0.1:4000');
  expect(connections(director)).toEqual(['ESTABLISHED']);
  result.socket?.close();
  cluster.run();
  expect(connections(director)).toEqual(['TIME_WAIT']);
  cluster.clock.advance(4000);
  const { packetsIn, packetsOut } = director.ipvs.total.amounts;
  expect(packetsIn).toBeGreaterThan(3);
  expect(packetsOut).toBeGreaterThan(3);
});

test('direct routing: the server gets the packet as it is and answers past the director, which sees one side only', () => {
  const { cluster, client, director } = network('route');
  const result = talk(client, VIP, 80, { sourcePort: 4000, keep: true });
  const { trace } = cluster.traced(() => cluster.run());
  expect(result.answer).toBe('hello from 10.0.0.1:4000');
  expect(connections(director)).toEqual(['ESTABLISHED']);
  expect(trace.print()).toContain('10.0.1.1:80 goes to 10.0.0.3:80 as it is');
  expect(
    trace.hops.some(
      ({ namespace, packet }) => namespace === 'server' && packet.destination === SERVICE.address && packet.ttl === 63,
    ),
  ).toBe(true);
  cluster.clock.advance(4000);
  expect(director.ipvs.total.amounts.packetsOut).toBe(0);
  // The director has not seen the server's FIN: FIN_WAIT, where a masquerading one would say CLOSE_WAIT and TIME_WAIT.
  result.socket?.close();
  cluster.run();
  expect(connections(director)).toEqual(['FIN_WAIT']);
});

test('tunnelling: the packet travels in another one, twenty bytes longer, from the director to the server', () => {
  const { cluster, client } = network('tunnel');
  talk(client, VIP, 80, { sourcePort: 4000 });
  const { trace } = cluster.traced(() => cluster.run());
  const outer = trace.hops.find(({ namespace, packet }) => namespace === 'server' && packet.protocol === 4);
  expect(outer?.packet).toMatchObject({
    source: parseIpv4('10.0.0.2'),
    destination: parseIpv4('10.0.0.3'),
    length: 80,
    ttl: 63,
    df: true,
  });
  // A machine without a device for the tunnel does not take the packet out.
  expect(outer?.steps.at(-1)?.action).toBe('not-modelled');
});

test('an ICMP error of the client about an answer reaches the real server as its own', () => {
  const { cluster, client, director, server } = network('masquerade');
  const service = { ...SERVICE, protocol: 17, port: 53 } as const;
  director.ipvs.addService({ ...service, scheduler: 'wlc' });
  director.ipvs.addServer(service, { address: parseIpv4('10.0.0.3'), port: 5353, weight: 1 });
  let failure: string | undefined;
  server.sockets.bindUdp(
    { address: 0, port: 5353, program: 'dns' },
    ({ source, sourcePort }, socket) => socket.send({ address: source, port: sourcePort }, 'answer', 10),
    (why) => {
      failure = why;
    },
  );
  const asking = client.sockets.bindUdp({ address: 0, port: 6000, program: 'dig' }, () => undefined);
  asking.send({ address: SERVICE.address, port: 53 }, 'question', 10);
  asking.close();
  cluster.run();
  expect(failure).toBe('ECONNREFUSED');
});

test('an ICMP error of the network about a packet to the server reaches the client as the virtual service’s', () => {
  const { cluster, client, director } = network('masquerade');
  director.ipvs.addServer(SERVICE, { address: parseIpv4('10.0.0.77'), port: 80, weight: 100 });
  const result = talk(client, VIP, 80);
  cluster.run();
  cluster.clock.advance(10_000);
  expect(result.failure).toBe('EHOSTUNREACH');
});

test('no usable server: ICMP port unreachable from the virtual address; a deleted one: silence', () => {
  const { cluster, client, director } = network('masquerade');
  const kept = talk(client, VIP, 80, { keep: true });
  cluster.run();
  expect(kept.answer).toContain('hello');
  director.ipvs.deleteServer(SERVICE, { address: parseIpv4('10.0.0.3'), port: 8080 });
  const refused = talk(client, VIP, 80);
  cluster.run();
  expect(refused.failure).toBe('ECONNREFUSED');
  const { trace } = cluster.traced(() => {
    kept.socket?.write('more');
    cluster.run();
  });
  expect(trace.print()).toContain('the real server of this connection is gone');
});

test('masquerading and its reply are inverse, whatever ports and addresses', () => {
  const { director } = network('masquerade');
  const service = markKey(3);
  director.ipvs.addService({ ...service, scheduler: 'rr' });
  for (const i of [3, 4, 5]) director.ipvs.addServer(service, { address: parseIpv4(`10.0.0.${i}`), port: 9000 + i, weight: 1 });
  const seen = new Set<string>();
  for (let i = 0; i < 300; i++) {
    const [client, port, virtual, virtualPort] = [0x0a090000 + i * 7, 1024 + i * 13, 0x0a000100 + (i % 5), 1 + i * 11];
    const packet = Object.assign(new Packet(6, client, port, virtual, virtualPort, 60), { flags: 2, mark: 3 });
    const made = director.ipvs.incoming(packet);
    if (typeof made === 'string') throw new Error(made);
    const back = director.ipvs.outgoing(new Packet(6, made.server.address, made.destinationPort, client, port, 60));
    expect(back).toBe(made);
    expect(back).toMatchObject({ virtual, virtualPort, client, clientPort: port });
    seen.add(String(made.server.address));
  }
  expect(seen.size).toBe(3);
});

test('the sender on the director itself learns at once that a service has no server', () => {
  const { director } = network('masquerade');
  director.ipvs.addService({ protocol: 17, address: SERVICE.address, port: 53, scheduler: 'rr' });
  const socket = director.sockets.bindUdp({ address: 0, port: 0, program: 'client' }, () => {});
  expect(socket.send({ address: SERVICE.address, port: 53 }, 'question', 8)).toBe('EPERM');
});
