/**
 * The recorded run of dockerd whose two containers are asked three times, done again: programs and sizes as the counters tell them, then
 * every listing. What chance decided is numbered on both sides by order of appearance; what else is taken out is named where it is.
 */
import { expect, test } from 'vitest';
import {
  broadcastOf,
  Cluster,
  createNetwork,
  formatCidr,
  formatIpv4,
  formatMac,
  hostConfig,
  type Link,
  type Machine,
  parseCidr,
  parseIpv4,
  Random,
  type Route,
} from '../src/index.ts';
import { body, emptyDaemon, emptyDaemonIn, known, network, publish, read, run, shell, withoutChance } from './docker-host.ts';

const ENV = (port: number) =>
  [
    ['PORT_HTTP', String(port)],
    ['HOST', '172.16.17.198'],
  ] as const;
const FIRST = 'mesos-881e3841-b58f-49dc-b20c-31253aa2cafb';
const SECOND = 'mesos-1e44c87b-4c24-479b-a3ce-70bb33ddfc25';
const PI = '3.1415926536';

/** A server that writes head and body by themselves and closes; of the head the recorded counters tell the length. */
function serve(machine: Machine, container: string, port: number): void {
  machine.namespace(container)?.sockets.listen({ address: 0, port, program: 'httpi' }, (socket) => ({
    received: () => {
      socket.write(`HTTP/1.0 200 OK\r\n`.padEnd(205, 'x').concat('\r\n\r\n'));
      socket.write(PI);
      socket.close();
    },
    closed: () => socket.close(),
  }));
}

/** `wget -qO- http://address:port/` as GNU Wget 1.21.3 asks. */
function wget(cluster: Cluster, from: Machine, address: string, port: number): string {
  const host = `${address}:${port}`;
  const request = `GET / HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: Wget/1.21.3\r\nAccept: */*\r\nAccept-Encoding: identity\r\nConnection: Keep-Alive\r\n\r\n`;
  let text = '';
  let done = false;
  const end = () => {
    done = true;
  };
  from.host.sockets.connect(
    { address: parseIpv4(address), port },
    {
      connected: (socket) => socket.write(request),
      received: (_, more) => {
        text += more;
      },
      closed: (socket) => {
        socket.close();
        end();
      },
      failed: end,
    },
  );
  cluster.runUntil(() => done, 3000);
  cluster.run();
  return text.slice(text.indexOf('\r\n\r\n') + 4);
}

/** The minute that `iptables -L` without -n takes, whose name server nobody is: six names, each asked twice, of 413 bytes together. */
function resolve(cluster: Cluster, host: Machine, until: number): void {
  for (const [i, size] of [41, 41, 41, 41, 41, 40].entries()) {
    const first = until - 60_200 + i * 10_000;
    cluster.clock.after(first - cluster.clock.now, () => {
      const socket = host.host.sockets.bindUdp({ address: 0, port: 0, program: 'resolver' }, () => {});
      const ask = () => socket.send({ address: parseIpv4('10.255.255.53'), port: 53 }, 'q', size);
      ask();
      cluster.clock.after(5000, () => {
        ask();
        socket.close();
      });
    });
  }
}

type Change = (text: string) => string;
const same: Change = (text) => text;
const sorted: Change = (text) => text.replace(/\n$/, '').split('\n').sort().join('\n');
const within =
  (...changes: readonly Change[]): Change =>
  (text) =>
    changes.reduce((now, change) => change(now), text);
const without =
  (pattern: RegExp): Change =>
  (text) =>
    text.replace(pattern, '');

/** Ports that clients drew; the kernel's order is that of a hash; it has an entry for IGMP, which is not modelled. */
const flows = within(
  without(/^conntrack v.*\n/gm),
  without(/^unknown {2}2 .*\n/gm),
  (text) => text.replace(/port=(?!3651|16106|53 )\d+/g, 'port=drawn'),
  sorted,
);
/** Without processes' numbers, files and the sockets of IPv6; columns are as wide as their widest cell. */
const listeners = within(without(/^.*\[::\].*\n/gm), without(/,pid=\d+,fd=\d+/g), without(/ +$/gm), sorted);
/** Ports of the bridge have drawn addresses, by which the rows stand. That of 172.17.0.2 was seen once more, by a timer that came late. */
const addresses = within(
  (text) => text.replace(/\S+(?=\tyes)/g, 'drawn'),
  (text) => text.replace(/(02:42:ac:11:00:02\tno\t\t).*/g, '$1'),
  sorted,
);
/** Without COMMAND, which is not modelled. */
const containers = within(without(/COMMAND {18}|"\/bin\/httpi -port \d+…" {3}/g), (text) =>
  text.replace(/^[0-9a-f]{12}\b/gm, 'drawn'),
);
/** Without IPv6; the recorded eth0 is one end of a pair, and that namespace has a number, too. */
const links = within(
  without(/^ +inet6 .*\n +valid_lft.*\n/gm),
  without(/ link-netns\S* \S+$/gm),
  without(/(?<=eth0)@if2/g),
  (text) => text.replace(/(eth0: .*) qdisc \S+/, '$1'),
);
/** Both lists are printed at a date. */
const rules = without(/(?<=^# .*) on .*$/gm);

type Listing = readonly [file: string, command: string, change: Change];
/** Taken before `iptables -t nat -L`, which took a minute to look names up. */
const BEFORE: readonly Listing[] = [['nat-Lnv', 'iptables -t nat -L -n -v', same]];
const LISTINGS: readonly Listing[] = [
  ['brctl-macs', 'brctl showmacs docker0', addresses],
  ['bridge-fdb', 'bridge fdb', without(/^33:33:ff:.*\n/gm)],
  ['bridge-link', 'bridge link', same],
  ['bridge-link-d', 'bridge -d link', same],
  ['conntrack', 'conntrack -L', flows],
  ['docker-ps', 'docker ps --format "table {{.Names}}\\t{{.Status}}"', same],
  ['docker-ps-full', 'docker ps', containers],
  ['filter-Ln', 'iptables -L -n', same],
  ['filter-Lnv', 'iptables -L -n -v', same],
  ['filter-S', 'iptables -S', same],
  ['ip-a', 'ip a', links],
  ['ip-neigh', 'ip neigh', sorted],
  ['ip-r', 'ip route', same],
  ['ip-rule', 'ip rule', same],
  ['nat-DOCKER-Ln', 'iptables -n -t nat -L DOCKER', same],
  ['nat-L', 'iptables -t nat -L', same],
  ['nat-Ln', 'iptables -t nat -L -n', same],
  ['nat-Lnx', 'iptables -t nat -L DOCKER -n -v -x --line-numbers', same],
  ['nat-S', 'iptables -t nat -S', same],
  ['network-ls', 'docker network ls --no-trunc', same],
  ['route-local', 'ip route show table local', same],
  ['save', 'iptables-save -c', rules],
  ['ss', 'ss -ltnp', listeners],
];

/**
 * Of the packets between host and containers one was recorded as sent by the host, which here is sent by a container: an acknowledgement
 * of 52 bytes, whose sender is who came first. The counts are compared as sums.
 */
const inAndOut: Change = (text) => {
  const [, packetsIn, bytesIn] =
    /INPUT (?:ACCEPT \[|\(policy ACCEPT )(\d+)(?: packets, |:)(\d+)/.exec(text.slice(filterAt(text))) ?? [];
  const [, packetsOut, bytesOut] =
    /OUTPUT (?:ACCEPT \[|\(policy ACCEPT )(\d+)(?: packets, |:)(\d+)/.exec(text.slice(filterAt(text))) ?? [];
  const sums = `${Number(packetsIn) + Number(packetsOut)} packets, ${Number(bytesIn) + Number(bytesOut)} bytes`;
  const head = text.slice(0, filterAt(text));
  return `${sums}\n${head}${text.slice(filterAt(text)).replace(/((?:IN|OUT)PUT (?:ACCEPT \[|\(policy ACCEPT ))\d+(?: packets, |:)\d+/g, '$1')}`;
};
const filterAt = (text: string) => Math.max(0, text.indexOf('*filter'));

function compare(machine: Machine, step: string, listings: readonly Listing[], counted: Change): void {
  for (const [file, command, change] of listings) {
    const both = within(change, file === 'save' || file === 'filter-Lnv' ? counted : same, withoutChance);
    expect(both(shell(machine, command)), `${step} ${command}`).toBe(both(body(`a-${step}-${file}.txt`)));
  }
}

/** Both as text with the keys the model has, in the recorded order; dates and ids are drawn. */
function inspect(recorded: string, ours: string): { readonly recorded: string; readonly ours: string } {
  const text = (value: unknown) => {
    const all = JSON.stringify(value, undefined, 1).replace(/"\d{4}-\d\d-\d\dT[^"]*"/g, '"date"');
    const id = /"Id": "([0-9a-f]{12})/.exec(all)?.[1] ?? '';
    return withoutChance(all.replaceAll(`"${id}"`, '"short id"'));
  };
  const model = JSON.parse(ours);
  return { recorded: text(known(JSON.parse(recorded), model)), ours: text(model) };
}

/** What busybox's `ip a` and `ip route` print in a container. */
function busybox(machine: Machine, name: string): string {
  const ns = machine.namespace(name);
  if (ns === undefined) return 'not there';
  const { links, routes } = ns.config;
  const device = (link: Link) => {
    const loopback = link.kind.type === 'loopback';
    const peer = link.kind.type === 'veth' ? `@if${link.kind.peer.index}` : '';
    const flags = loopback ? 'LOOPBACK,UP,LOWER_UP' : 'BROADCAST,MULTICAST,UP,LOWER_UP,M-DOWN';
    const [mac, all] = loopback ? [formatMac(0), formatMac(0)] : [formatMac(link.mac), 'ff:ff:ff:ff:ff:ff'];
    const address = link.addresses.map(
      (cidr) =>
        `    inet ${formatCidr(cidr)}${loopback ? ' scope host' : ` brd ${formatIpv4(broadcastOf(cidr))} scope global`} ${link.name}\n       valid_lft forever preferred_lft forever\n`,
    );
    const kind = loopback ? 'loopback' : 'ether';
    return `${link.index}: ${link.name}${peer}: <${flags}> mtu ${link.mtu} qdisc noqueue ${loopback ? 'qlen 1000' : ''}\n    link/${kind} ${mac} brd ${all}\n${address.join('')}`;
  };
  const way = ({ destination, via, device: on, source }: Route) =>
    destination.prefix === 0
      ? `default via ${formatIpv4(via ?? 0)} dev ${on} \n`
      : `${formatCidr(destination)} dev ${on} scope link  src ${formatIpv4(source ?? 0)} \n`;
  const main = routes.filter(({ table }) => table === 254).toSorted((a, b) => a.destination.prefix - b.destination.prefix);
  return links.map(device).join('') + main.map(way).join('');
}

test('two containers, a minute, three requests, a minute: every listing', () => {
  const cluster = new Cluster({ seed: 1, epoch: 0, images: { find: () => undefined } });
  const machine = emptyDaemonIn(cluster);
  const ext = cluster.add(hostConfig('X', [{ name: 'eth0', address: parseCidr('172.16.9.84/16') }], parseIpv4('172.16.17.198')));
  const one = run(machine, FIRST, [publish(16106, 16106)], { env: ENV(16106) });
  cluster.clock.advance(40_000);
  const two = run(machine, SECOND, [publish(3651, 3651)], { env: ENV(3651) });
  serve(machine, one, 16106);
  serve(machine, two, 3651);
  compare(machine, '2-two', BEFORE, same);
  resolve(cluster, machine, 100_300);
  cluster.runUntil(() => false, 60_300);
  compare(machine, '2-two', LISTINGS, same);
  const got = [
    ['ext', wget(cluster, ext, '172.16.17.198', 16106)],
    ['host', wget(cluster, machine, '172.16.17.198', 3651)],
    ['lo', wget(cluster, machine, '127.0.0.1', 3651)],
  ] as const;
  for (const [name, text] of got) expect(text, name).toBe(body(`a-2-two-curl-${name}.txt`).trimEnd());
  compare(machine, '3-used', BEFORE, same);
  resolve(cluster, machine, 160_630);
  cluster.runUntil(() => false, 60_330);
  compare(machine, '3-used', LISTINGS, inAndOut);
  for (const name of [FIRST, SECOND]) {
    const inspected = inspect(read(`a-inspect-${name}.json`), shell(machine, `docker inspect ${name}`));
    expect(inspected.ours, name).toBe(inspected.recorded);
    const inside = (file: string) => read(`a-in-${name}-${file}.txt`);
    expect(`${busybox(machine, name)}`).toBe(inside('ip-a') + inside('ip-route'));
  }
});

test("the overlay module's network and containers on it: inspected, listed, and from within", () => {
  const machine = emptyDaemon();
  const options = [
    ['com.docker.network.bridge.name', 'd-dcos'],
    ['com.docker.network.bridge.enable_ip_masquerade', 'false'],
    ['com.docker.network.driver.mtu', '1420'],
  ] as const;
  const dcos = network('dcos', 'd-dcos', '9.0.3.128/25', { masquerade: false, mtu: 1420, options });
  machine.replace(createNetwork(machine.config, dcos, new Random(7)));
  const env = [['PORT_HTTP', '3141']] as const;
  for (const name of ['ov1', 'ov2', 'ov3']) run(machine, name, [], { network: 'dcos', env });
  run(machine, 'ovp', [publish(4444, 3141)], { network: 'dcos' });
  for (const name of ['ov1', 'ov2', 'ov3', 'ovp']) {
    const inspected = inspect(read(`a-inspect-${name}.json`), shell(machine, `docker inspect ${name}`));
    expect(inspected.ours, name).toBe(inspected.recorded);
  }
  const text = read('a-dcos-network.txt');
  const listed = text.slice(text.indexOf('NETWORK ID'), text.indexOf('1: lo'));
  const short: Change = (all) => all.replace(/^[0-9a-f]{12}\b/gm, 'drawn');
  expect(short(shell(machine, 'docker network ls'))).toBe(short(listed));
});
