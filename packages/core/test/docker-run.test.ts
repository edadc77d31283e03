/**
 * The recorded runs of dockerd done again, step by step, on a machine of this library. What chance decided (ids, MAC addresses and names
 * of veth pairs, docker0's address) is numbered on both sides by order of appearance; nothing else is taken out but what is named at a test.
 */
import { expect, test } from 'vitest';
import { Cluster, createNetwork, formatIpv4, parseIpv4, Random, type RunRequest } from '../src/index.ts';
import { body, emptyDaemon, emptyDaemonIn, network, publish, read, run, shell, withoutChance } from './docker-host.ts';

const WITHOUT_COUNTERS: readonly (readonly [file: string, command: string])[] = [
  ['brctl', 'brctl show'],
  ['brctl-macs', 'brctl showmacs docker0'],
  ['bridge-link', 'bridge link'],
  ['bridge-link-d', 'bridge -d link'],
  ['filter-Ln', 'iptables -L -n'],
  ['filter-S', 'iptables -S'],
  ['ip-r', 'ip route'],
  ['ip-rule', 'ip rule'],
  ['nat-DOCKER-Ln', 'iptables -n -t nat -L DOCKER'],
  ['nat-L', 'iptables -t nat -L'],
  ['nat-Ln', 'iptables -t nat -L -n'],
  ['nat-S', 'iptables -t nat -S'],
  ['route-local', 'ip route show table local'],
];

test('an empty daemon, one container, two: rules, bridge, ports and routes after each step', () => {
  const machine = emptyDaemon();
  const compare = (step: string) => {
    for (const [file, command] of WITHOUT_COUNTERS) {
      // Addresses of pairs are drawn at random and brctl sorts by them: as a set.
      const lines = (text: string) => (file === 'brctl-macs' ? unnumbered(text) : withoutChance(sortedPorts(text, file)));
      expect(lines(shell(machine, command)), `${step} ${command}`).toBe(lines(body(`a-${step}-${file}.txt`)));
    }
    const inspected = withoutDate(body(`a-${step}-network-inspect.txt`));
    expect(members(shell(machine, 'docker network inspect bridge'))).toEqual(members(inspected));
  };
  compare('0-empty');
  run(machine, 'mesos-881e3841-b58f-49dc-b20c-31253aa2cafb', [publish(16106, 16106)]);
  compare('1-one');
  run(machine, 'mesos-1e44c87b-4c24-479b-a3ce-70bb33ddfc25', [publish(3651, 3651)]);
  compare('2-two');
});

/** Ports of brctl stand in the order of their random names: their number is what is compared. */
function sortedPorts(text: string, file: string): string {
  return file === 'brctl' ? text.replace(/veth[0-9a-f]{7}/g, 'vethX') : text;
}

function unnumbered(text: string): string {
  return text
    .split('\n')
    .map((line) => (line.includes('yes') ? line.replace(/\S+:\S+/, 'MAC') : line))
    .sort()
    .join('\n');
}

/** The model does not know when a network was made (docs/fidelity.md). */
function withoutDate(text: string): string {
  return text.replace(/ {8}"Created".*\n/, '');
}

/** A network as JSON, the members by address, since their ids are random; endpoints' ids and those of the network itself left out. */
function members(text: string): unknown {
  const [{ Containers, Id, ...rest }] = JSON.parse(text);
  const all = Object.values(Containers as { [id: string]: { EndpointID: string; IPv4Address: string } });
  expect(
    [Id, ...Object.keys(Containers), ...all.map((one) => one.EndpointID)].filter((id) => !/^[0-9a-f]{64}$/.test(id)),
  ).toEqual([]);
  const shown = all.map((one) => ({ ...one, EndpointID: '' })).sort((a, b) => (a.IPv4Address < b.IPv4Address ? -1 : 1));
  return { ...rest, Containers: shown };
}

test('addresses are given, freed and reused as recorded; a full network refuses: every line in its order', () => {
  const machine = emptyDaemon();
  run(machine, 'first');
  run(machine, 'second');
  const said: string[] = [];
  const idOf = (name: string) => machine.config.docker.containers.find((one) => one.name === name)?.id ?? '';
  const stop = (...names: string[]) => machine.stop(new Set(names.map(idOf)));
  const remove = (...names: string[]) => {
    stop(...names);
    machine.remove(new Set(names.map(idOf)));
  };
  const show = (...names: string[]) => {
    for (const name of names) {
      const [{ Name, State, NetworkSettings }] = JSON.parse(shell(machine, `docker inspect ${name}`));
      for (const one of Object.values<{ IPAddress: string; MacAddress: string }>(NetworkSettings.Networks))
        said.push(`${Name} ip=${one.IPAddress} mac=${one.MacAddress} ${State.Status}`);
    }
  };
  const create = (names: string, more: Partial<RunRequest> = {}) => {
    for (const name of names.split(' ')) {
      const answer = run(machine, name, [], more);
      if (idOf(name) === '') said.push(`docker: Error response from daemon: ${answer}.`);
      else show(name);
    }
  };
  const again = (...names: string[]) => {
    for (const name of names) {
      machine.startAgain([idOf(name)]);
      show(name);
    }
  };
  create('ta tb tc td te');
  stop('tb', 'td');
  show('tb', 'td');
  create('tf tg th');
  again('tb', 'td');
  remove('ta', 'tc');
  create('ti tj');
  remove('th');
  create('tk');
  stop('te');
  again('te');
  remove('tb', 'td', 'te', 'tf', 'tg', 'ti', 'tj', 'tk');
  create('tl tm');
  // tn was made before and started after it, which is the same to addresses: `docker create` is not modelled.
  create('to tn');
  machine.replace(createNetwork(machine.config, network('tnet', 'brt', '10.99.0.0/28'), new Random(2)));
  const tnet = { network: 'tnet' };
  create('up', { ...tnet, address: parseIpv4('10.99.0.4') });
  create('ua ub uc q1 q2 q3 q4 q5 q6 q7 q8 q9 q10 q11', tnet);
  remove('q3', 'q1');
  create('ux uy', tnet);
  const text = read('a-ipam.txt');
  // Without those that are there and have not run (docs/fidelity.md).
  const recorded = text.split('\n').filter((line) => /^(\/|docker: )/.test(line) && !line.endsWith(' created'));
  expect(withoutChance(said.join('\n'))).toBe(withoutChance(recorded.join('\n')));
  const inspected = withoutDate(text.slice(text.indexOf('[\n'), text.indexOf('\n]\n') + 3));
  expect(members(shell(machine, 'docker network inspect tnet'))).toEqual(members(inspected));
});

test('published ports: taken ones are refused; addresses and protocols; stopped and started again, their rules come last', () => {
  const machine = emptyDaemon();
  run(machine, 'first', [publish(16106, 16106)]);
  run(machine, 'second', [publish(3651, 3651)]);
  const sections = read('a-ports.txt').split(/^## /m);
  const refused = (section: string) => withoutChance(/daemon: (.*)\.\n/.exec(section)?.[1] ?? '');
  expect(withoutChance(run(machine, 'clash', [publish(3651, 80)]).replace(/\.$/, ''))).toBe(refused(sections[1] ?? ''));
  const python = machine.host.sockets.listen({ address: 0, port: 8080, program: 'python' }, () => ({}));
  expect(withoutChance(run(machine, 'clash2', [publish(8080, 80)]).replace(/\.$/, ''))).toBe(refused(sections[2] ?? ''));
  python.close();
  const rules = (text: string) => text.split('\n').filter((rule) => /^-A (DOCKER|POSTROUTING) /.test(rule));
  const ours = () => rules(`${shell(machine, 'iptables -t nat -S')}${shell(machine, 'iptables -S DOCKER')}`);
  // Docker's order of several ports of one container is that of a map: here it is the recorded one.
  const multi = run(machine, 'multi', [
    publish(9200, 84, 'tcp', '127.0.0.1'),
    publish(9100, 83, 'udp', '172.16.17.198'),
    publish(9100, 80),
    publish(9050, 82, 'udp'),
    publish(9000, 81),
  ]);
  expect(ours()).toEqual(rules(sections[3] ?? ''));
  const listed = shell(machine, 'docker ps --format "{{.Names}} {{.Ports}}"').split('\n')[0];
  expect(sections[3]?.split('\n')).toContain(listed);
  const [inspected] = JSON.parse(shell(machine, 'docker inspect multi'));
  const bindings = /^\{"80\/tcp".*$/m.exec(sections[3] ?? '')?.[0] ?? '';
  expect(JSON.stringify(inspected.NetworkSettings.Ports)).toBe(bindings);
  expect(shell(machine, 'docker port multi')).toBe(`${sections[3]?.match(/^\d+\/\w+ -> .*$/gm)?.join('\n')}\n`);
  // What -p without a port draws, given by hand.
  run(machine, 'eph1', [publish(32768, 80)]);
  run(machine, 'eph2', [publish(32769, 81), publish(32768, 80, 'udp')]);
  const drawn = `${shell(machine, 'docker port eph1')}${shell(machine, 'docker port eph2')}`;
  expect(drawn).toBe(`${sections[4]?.match(/^\d+\/\w+ -> .*$/gm)?.join('\n')}\n`);
  machine.stop(new Set([multi]));
  expect(shell(machine, 'docker port multi')).toBe('');
  expect(ours()).toEqual(rules(sections[5] ?? ''));
  const [result] = machine.startAgain([multi]);
  expect(result !== undefined && 'container' in result && formatIpv4(result.container.endpoint?.address ?? 0)).toBe('172.17.0.4');
  const nat = (text: string) => rules(text).filter((rule) => rule.startsWith('-A DOCKER ') && !rule.includes(' ACCEPT'));
  expect(new Set(nat(ours().join('\n')))).toEqual(new Set(nat(sections[6] ?? '')));
  expect(nat(ours().join('\n')).slice(0, 6)).toEqual(nat(sections[6] ?? '').slice(0, 6));
});

test.each([
  ['a', true],
  ['b', false],
] as const)('run %s, whose userland proxy is %s: the rules after all containers', (name, userlandProxy) => {
  const recorded = JSON.parse(read(`${name}-conn.json`)) as { nat: string; filter: string; bridge: string };
  const machine = emptyDaemon(userlandProxy);
  if (userlandProxy) {
    run(machine, 'first', [publish(16106, 16106)]);
    run(machine, 'second', [publish(3651, 3651)]);
    const dcos = network('dcos', 'd-dcos', '9.0.3.128/25', { masquerade: false, mtu: 1420 });
    machine.replace(createNetwork(machine.config, dcos, new Random(3)));
    shell(machine, 'iptables -D DOCKER-ISOLATION-STAGE-2 -j RETURN');
    shell(machine, 'iptables -I DOCKER-ISOLATION-STAGE-2 1 -j RETURN');
    for (const one of ['ov1', 'ov2', 'ov3']) run(machine, one, [], { network: 'dcos' });
    run(machine, 'ovp', [publish(4444, 3141)], { network: 'dcos' });
  }
  run(machine, 'w1', [publish(7009, 7009), publish(7005, 7005, 'udp'), publish(7001, 7001)]);
  run(machine, 'w2', [publish(7002, 7002)]);
  expect(shell(machine, 'iptables -t nat -S').trim()).toBe(recorded.nat.trim());
  expect(shell(machine, 'iptables -S').trim()).toBe(recorded.filter.trim());
  if (userlandProxy) run(machine, 'wo', [], { network: 'dcos' });
  // Run a had made and removed other containers before: their numbers were gone.
  const ports = (text: string) => withoutChance(userlandProxy ? text.replace(/^\d+: (veth\w+@if)\d+/gm, '$1') : text).trim();
  expect(ports(shell(machine, 'bridge -d link'))).toBe(ports(recorded.bridge));
});

test('what libnetwork does elsewhere, by its source: icc=false, internal networks, one port published twice', () => {
  const machine = emptyDaemon(true, { icc: false });
  machine.replace(createNetwork(machine.config, network('shut', 'br1', '10.1.0.0/16', { internal: true }), new Random(4)));
  machine.replace(createNetwork(machine.config, network('quiet', 'br2', '10.2.0.0/16', { icc: false }), new Random(5)));
  const forward = shell(machine, 'iptables -S FORWARD').split('\n');
  expect(forward.slice(-4, -1)).toEqual([
    '-A FORWARD -i docker0 ! -o docker0 -j ACCEPT',
    '-A FORWARD -i docker0 -o docker0 -j DROP',
    '-A FORWARD -i br2 -o br2 -j DROP',
  ]);
  expect(forward.filter((rule) => rule.includes('br1'))).toEqual(['-A FORWARD -i br1 -o br1 -j ACCEPT']);
  expect(shell(machine, 'iptables -S DOCKER-ISOLATION-STAGE-1').split('\n').slice(2, 4)).toEqual([
    '-A DOCKER-ISOLATION-STAGE-1 ! -s 10.1.0.0/16 -o br1 -j DROP',
    '-A DOCKER-ISOLATION-STAGE-1 ! -d 10.1.0.0/16 -i br1 -j DROP',
  ]);
  run(machine, 'twice', [publish(8001, 80), publish(8002, 80)]);
  expect(shell(machine, 'iptables -S DOCKER').split('\n').slice(1, -1)).toEqual([
    '-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT',
  ]);
  expect(shell(machine, 'iptables -t nat -S DOCKER')).toContain('--dport 8002 -j DNAT --to-destination 172.17.0.2:80');
});

test('the boot order of DC/OS: before a stop of dockerd, when its containers have ended, and one that is started again', () => {
  const text = read('c-restart.txt');
  const [, , before = '', stopped = '', started = ''] = text.split(/^## .*\n/m);
  const rules = (section: string) => section.split('\n').filter((rule) => /^-[PNA] /.test(rule));
  const pairs = (section: string) => withoutChance(section.match(/^\d+: veth.*$/gm)?.join('\n') ?? '');
  const cluster = new Cluster({ seed: 1, epoch: 0, images: { find: () => undefined } });
  const machine = emptyDaemonIn(cluster);
  shell(machine, 'iptables -A FORWARD -j ACCEPT');
  const dcos = network('dcos', 'd-dcos', '9.0.3.128/25', { masquerade: false, mtu: 1420 });
  machine.replace(createNetwork(machine.config, dcos, new Random(6)));
  shell(machine, 'iptables -D DOCKER-ISOLATION-STAGE-2 -j RETURN');
  shell(machine, 'iptables -I DOCKER-ISOLATION-STAGE-2 1 -j RETURN');
  const [ra, rb] = [run(machine, 'ra', [publish(5001, 80)]), run(machine, 'rb', [publish(5002, 80)])];
  const ours = () => rules(`${shell(machine, 'iptables -S')}${shell(machine, 'iptables -t nat -S')}`);
  expect(ours()).toEqual(rules(before));
  expect(pairs(shell(machine, 'bridge link'))).toBe(pairs(before));
  machine.stop(new Set([ra, rb]));
  expect(ours()).toEqual(rules(stopped));
  machine.startAgain([ra]);
  cluster.clock.advance(1000);
  // dockerd made the rules of its networks anew when it started: those of containers are compared.
  const own = (all: readonly string[]) => all.filter((rule) => /^-A (DOCKER|POSTROUTING) /.test(rule));
  expect(own(ours())).toEqual(own(rules(started)));
  expect(pairs(shell(machine, 'bridge link'))).toBe(pairs(started));
  expect(started.split('\n')).toContain(shell(machine, 'docker ps --format "{{.Names}} {{.Status}} {{.Ports}}"').trim());
  const [{ NetworkSettings }] = JSON.parse(shell(machine, 'docker inspect ra'));
  expect(started.split('\n')).toContain(NetworkSettings.IPAddress);
  const drawn = (list: string) => list.replace(/^[0-9a-f]{12}\b/gm, 'drawn');
  expect(drawn(shell(machine, 'docker network ls'))).toBe(drawn(started.slice(started.indexOf('NETWORK ID'))));
});

test('a new network puts the two jumps of FORWARD on top again, as EnsureJumpRule does', () => {
  const machine = emptyDaemon();
  shell(machine, 'iptables -I FORWARD 1 -s 10.9.0.0/16 -j DROP');
  shell(machine, 'iptables -I FORWARD 1 -i eth0 -j DOCKER-USER');
  shell(machine, 'iptables -D FORWARD -j DOCKER-ISOLATION-STAGE-1');
  machine.replace(createNetwork(machine.config, network('more', 'br3', '10.3.0.0/16'), new Random(8)));
  const forward = shell(machine, 'iptables -S FORWARD').split('\n');
  expect([...forward.slice(1, 3), ...forward.slice(7, 9)]).toEqual([
    '-A FORWARD -j DOCKER-USER',
    '-A FORWARD -j DOCKER-ISOLATION-STAGE-1',
    '-A FORWARD -i eth0 -j DOCKER-USER',
    '-A FORWARD -s 10.9.0.0/16 -j DROP',
  ]);
});
