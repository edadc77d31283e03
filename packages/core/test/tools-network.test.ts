import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { ConntrackRow } from '../src/agent/report.ts';
import { formatIpv4, parseCidr, parseIpv4, parseMac } from '../src/base/address.ts';
import type { Route } from '../src/kernel/config.ts';
import { parseSave } from '../src/kernel/netfilter/restore.ts';
import { routesOfAddress } from '../src/kernel/route.ts';
import { brctl } from '../src/tools/brctl.ts';
import { conntrack } from '../src/tools/conntrack.ts';
import { bridge } from '../src/tools/iproute/bridge.ts';
import { ip } from '../src/tools/iproute/ip.ts';
import { ipset } from '../src/tools/ipset.ts';
import { AGENT_LINKS, AGENT_ROUTES, fakeHost, link, port } from './fake-host.ts';

const RECORDED = new URL('../../conformance/recorded/', import.meta.url);
const recorded = (name: string) => readFileSync(new URL(`docker/${name}.txt`, RECORDED), 'utf8').replace(/^\$.*\n/, '');
const words = (line: string) => line.split(' ').filter((word) => word !== '');
const agent = fakeHost({ links: AGENT_LINKS, routes: AGENT_ROUTES });
const empty = fakeHost({ links: AGENT_LINKS.slice(0, 3), routes: AGENT_ROUTES });
const out = (tool: { run: typeof ip.run }, line: string, host = agent) => tool.run(words(line), host, '').stdout;

/** The recorded lines that do not depend on IPv6 or on the name the lab gave the namespace at the other end. */
const plain = (text: string) =>
  text
    .split('\n')
    .map((line) =>
      line
        .replace(/ link-netns\S* \S+$/, '')
        .replace('eth0@if2', 'eth0')
        .replace(/(eth0: .*) qdisc \S+/, '$1'),
    )
    .filter((line, i, all) => !line.includes('inet6') && !(line.includes('valid_lft') && all[i - 1]?.includes('inet6')))
    .join('\n');

test('ip route get and ip rule: the lines of iproute2 6.1 on Linux 6.18', () => {
  // Set up and asked in a namespace of Linux: 10.0.1.2/24 on d0, two rules by mark, routes of every type.
  const route = (to: string, more: Partial<Route>): Route => ({
    table: 254,
    type: 'unicast',
    destination: parseCidr(to),
    scope: 'global',
    protocol: 'boot',
    metric: 0,
    ...more,
  });
  const d0 = link(2, 'd0', '02:00:00:00:00:01', 1500, { type: 'dummy' }, ['10.0.1.2/24']);
  const host = fakeHost({
    links: [link(1, 'lo', '00:00:00:00:00:00', 65536, { type: 'loopback' }, ['127.0.0.1/8']), d0],
    routes: [
      ...routesOfAddress(d0, parseCidr('10.0.1.2/24')),
      route('0.0.0.0/0', { via: parseIpv4('10.0.1.1'), device: 'd0' }),
      route('10.9.0.0/24', { via: parseIpv4('10.0.1.9'), device: 'd0', table: 7 }),
      route('192.0.2.0/24', { device: 'd0', table: 42, scope: 'link' }),
      route('10.0.0.0/8', { type: 'throw', table: 42 }),
      route('10.8.0.0/24', { type: 'unreachable' }),
      route('10.7.0.0/24', { type: 'prohibit' }),
      route('10.6.0.0/24', { type: 'blackhole' }),
    ],
    rules: [
      { priority: 0, table: 255 },
      { priority: 1000, mark: { value: 1, mask: 0xffffffff }, table: 7 },
      { priority: 1001, from: parseCidr('10.0.0.0/8'), mark: { value: 2, mask: 3 }, table: 42 },
      { priority: 32766, table: 254 },
      { priority: 32767, table: 253 },
    ],
  });
  expect(out(ip, 'rule', host)).toBe(
    '0:\tfrom all lookup local\n1000:\tfrom all fwmark 0x1 lookup 7\n1001:\tfrom 10.0.0.0/8 fwmark 0x2/0x3 lookup 42\n32766:\tfrom all lookup main\n32767:\tfrom all lookup default\n',
  );
  const get = (line: string) => out(ip, `route get ${line}`, host);
  const cache = '\n    cache \n';
  expect(get('1.2.3.4')).toBe(`1.2.3.4 via 10.0.1.1 dev d0 src 10.0.1.2 uid 0 ${cache}`);
  expect(get('10.0.1.7')).toBe(`10.0.1.7 dev d0 src 10.0.1.2 uid 0 ${cache}`);
  expect(get('10.0.1.2')).toBe('local 10.0.1.2 dev lo table local src 10.0.1.2 uid 0 \n    cache <local> \n');
  expect(get('10.0.1.255')).toBe('broadcast 10.0.1.255 dev d0 table local src 10.0.1.2 uid 0 \n    cache <local,brd> \n');
  expect(get('255.255.255.255')).toBe('broadcast 255.255.255.255 dev d0 src 10.0.1.2 uid 0 \n    cache <local,brd> \n');
  expect(get('10.9.0.1 mark 1')).toBe(`10.9.0.1 via 10.0.1.9 dev d0 table 7 src 10.0.1.2 mark 1 uid 0 ${cache}`);
  expect(get('10.0.1.7 mark 0x10')).toBe(`10.0.1.7 dev d0 src 10.0.1.2 mark 0x10 uid 0 ${cache}`);
  expect(get('1.2.3.4 from 10.0.1.2')).toBe(`1.2.3.4 from 10.0.1.2 via 10.0.1.1 dev d0 uid 0 ${cache}`);
  expect(get('192.0.2.1 mark 2 from 10.0.1.2')).toBe(`192.0.2.1 from 10.0.1.2 dev d0 table 42 mark 2 uid 0 ${cache}`);
  const lost = (line: string) => ip.run(words(`route get ${line}`), host, '');
  expect(lost('10.8.0.1')).toEqual({ stdout: '', stderr: 'RTNETLINK answers: No route to host\n', code: 2 });
  expect(lost('10.7.0.1').stderr).toBe('RTNETLINK answers: Permission denied\n');
  expect(lost('10.6.0.1').stderr).toBe('RTNETLINK answers: Invalid argument\n');
  expect(lost('1.2.3.4 from 9.9.9.9').stderr).toBe('RTNETLINK answers: Network is unreachable\n');
  expect(lost('bogus')).toEqual({ stdout: '', stderr: 'Error: any valid prefix is expected rather than "bogus".\n', code: 1 });
  expect(lost('')).toEqual({ stdout: '', stderr: 'need at least a destination address\n', code: 1 });
  expect(out(ip, 'route show table 42', host)).toBe('throw 10.0.0.0/8 \n192.0.2.0/24 dev d0 scope link \n');
});

test('bridge link: the recorded lines of iproute2 6.1', () => {
  const six = bridge('iproute2-6');
  expect(out(six, 'link')).toBe(recorded('a-2-two-bridge-link'));
  expect(out(six, '-d link')).toBe(recorded('a-2-two-bridge-link-d'));
  expect(out(six, 'link', empty)).toBe(recorded('a-0-empty-bridge-link'));
  expect(out(six, 'link show dev veth0e312fc')).toBe(`${recorded('a-2-two-bridge-link').split('\n')[1]}\n`);
});

test("bridge li: the post's lines, with the other end's name looked up in the wrong namespace", () => {
  const links = [
    ...AGENT_LINKS.slice(0, 3),
    port(69, 'veth10f72e2', '02:00:00:00:00:45', 'a'),
    port(71, 'vethd365035', '02:00:00:00:00:47', 'b'),
  ];
  const post = (third: string) =>
    `69: veth10f72e2 state UP @${third}: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 master docker0 state forwarding priority 32 cost 2 \n` +
    '71: vethd365035 state UP @(null): <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 master docker0 state forwarding priority 32 cost 2 \n';
  expect(out(bridge(), 'li', fakeHost({ links }))).toBe(post('(null)'));
  const withIndex68 = fakeHost({ links: [...links, link(68, 'eth9', '02:00:00:00:00:44', 1500, { type: 'ethernet' }, [])] });
  expect(out(bridge(), 'link', withIndex68)).toBe(post('eth9'));
});

test('a port that is set down is disabled', () => {
  const links = AGENT_LINKS.map((one) => (one.index === 5 ? { ...one, up: false } : one));
  expect(out(bridge('iproute2-6'), 'link', fakeHost({ links })).split('\n')[0]).toBe(
    '5: veth5fd7cbf@if4: <BROADCAST,MULTICAST> mtu 1500 master docker0 state disabled priority 32 cost 2 ',
  );
});

test('bridge fdb: the recorded lines, but for the groups of IPv6 addresses', () => {
  const expected = recorded('a-2-two-bridge-fdb').replace(/^33:33:ff:.*\n/gm, '');
  expect(out(bridge(), 'fdb')).toBe(expected);
  const learned = fakeHost({
    links: [
      ...AGENT_LINKS,
      link(9, 'vtep1024', '70:b3:d5:80:00:03', 1500, { type: 'vxlan', vni: 1024, port: 64000, learning: false }, []),
    ],
    fdb: [
      { mac: parseMac('02:42:ac:11:00:02'), device: 'veth5fd7cbf', master: 'docker0', self: false, permanent: false },
      { mac: parseMac('70:b3:d5:80:00:04'), device: 'vtep1024', remote: parseIpv4('172.16.40.67'), self: true, permanent: true },
    ],
  });
  expect(out(bridge(), 'fdb show dev vtep1024', learned)).toBe(
    '70:b3:d5:80:00:04 dev vtep1024 dst 172.16.40.67 self permanent\n',
  );
  const lines = out(bridge(), 'fdb show br docker0', learned).split('\n');
  expect(lines[5]).toBe('02:42:ac:11:00:02 dev veth5fd7cbf master docker0 ');
  expect(lines.some((line) => line.includes('eth0 ') || line.includes('vtep'))).toBe(false);
});

test('ip address, link, route, rule: the recorded lines', () => {
  expect(plain(out(ip, 'a'))).toBe(plain(recorded('a-2-two-ip-a')));
  expect(out(ip, 'r')).toBe(recorded('a-2-two-ip-r'));
  expect(out(ip, 'route show', empty)).toBe(recorded('a-0-empty-ip-r'));
  expect(out(ip, 'route show table local')).toBe(recorded('a-2-two-route-local'));
  expect(out(ip, 'ru')).toBe(recorded('a-2-two-ip-rule'));
  const heads = recorded('a-2-two-ip-d-link')
    .split('\n')
    .filter((line) => /^\d|^ {4}link/.test(line))
    .map((line) => line.replace(/ promiscuity.*/, ''));
  expect(plain(out(ip, 'link'))).toBe(plain(`${heads.join('\n')}\n`));
});

test('the routes of a DC/OS agent', () => {
  const base = { table: 254, type: 'unicast', scope: 'global', protocol: 'boot', metric: 0 } as const;
  const host = fakeHost({
    links: AGENT_LINKS,
    routes: [
      ...AGENT_ROUTES,
      { ...base, destination: parseCidr('9.0.4.0/24'), via: parseIpv4('44.128.0.4'), device: 'vtep1024' },
      { ...base, destination: parseCidr('9.0.2.0/24'), via: parseIpv4('44.128.0.2'), device: 'vtep1024', metric: 7 },
      { ...base, destination: parseCidr('9.0.2.0/23'), type: 'blackhole' },
      { ...base, table: 42, destination: parseCidr('172.16.40.67/32'), via: parseIpv4('44.128.0.4'), device: 'vtep1024' },
    ],
    config: (config) => ({
      ...config,
      host: {
        ...config.host,
        rules: [
          { priority: 0, table: 255 },
          { priority: 32765, from: parseCidr('9.0.0.0/8'), table: 42 },
        ],
      },
    }),
  });
  expect(out(ip, 'route', host).split('\n').slice(1, 4)).toEqual([
    '9.0.2.0/24 via 44.128.0.2 dev vtep1024 metric 7 ',
    'blackhole 9.0.2.0/23 ',
    '9.0.4.0/24 via 44.128.0.4 dev vtep1024 ',
  ]);
  expect(out(ip, 'route show table 42', host)).toBe('172.16.40.67 via 44.128.0.4 dev vtep1024 \n');
  expect(out(ip, 'route show table all', host)).toContain('172.16.40.67 via 44.128.0.4 dev vtep1024 table 42 \n');
  expect(out(ip, 'route show dev docker0', host)).toBe('172.17.0.0/16 proto kernel scope link src 172.17.0.1 \n');
  expect(out(ip, 'rule', host)).toBe('0:\tfrom all lookup local\n32765:\tfrom 9.0.0.0/8 lookup 42\n');
});

test('ip neigh: one that does not answer has no address', () => {
  const failing = fakeHost({
    links: AGENT_LINKS,
    neighbours: [{ address: parseIpv4('172.17.0.9'), device: 'docker0', state: 'FAILED' }],
  });
  expect(out(ip, 'n show dev docker0', failing)).toBe('172.17.0.9 FAILED \n');
});

/** Reads a recorded line of `conntrack -L` back, so that the printer has something to print. */
function parseConntrack(line: string): ConntrackRow {
  const fields = [...line.matchAll(/(\w+)=(\S+)/g)].map((m) => [m[1] ?? '', m[2] ?? ''] as const);
  const end = (nth: number) => {
    const value = (name: string) => fields.filter(([key]) => key === name)[nth]?.[1];
    const id = value('id');
    return {
      source: parseIpv4(value('src') ?? ''),
      destination: parseIpv4(value('dst') ?? ''),
      sourcePort: Number(id ?? value('sport') ?? 0),
      destinationPort: Number(id ?? value('dport') ?? 0),
      ...(id === undefined ? {} : { icmpType: Number(value('type')), icmpCode: Number(value('code')) }),
    };
  };
  const [, protocol, seconds, state] = /^\S+ +(\d+) (\d+) ([A-Z_]+ )?/.exec(line) ?? [];
  return {
    protocol: Number(protocol),
    secondsLeft: Number(seconds),
    ...(state === undefined ? {} : { state: state.trim() }),
    original: end(0),
    reply: end(1),
    assured: line.includes('[ASSURED]'),
    unreplied: line.includes('[UNREPLIED]'),
    mark: Number(/mark=(\d+)/.exec(line)?.[1]),
  };
}

test('conntrack -L: recorded flows of TCP, UDP, ICMP and others', () => {
  const listings: string[] = [];
  for (const kernel of ['native', 'uml']) {
    const { dumps } = JSON.parse(readFileSync(new URL(`kernel/${kernel}/listings.json`, RECORDED), 'utf8')).data;
    listings.push(dumps.after['conntrack -L']);
  }
  listings.push(recorded('a-3-used-conntrack').split('\n').slice(1).join('\n'));
  const lines = listings
    .join('\n')
    .split('\n')
    .filter((line) => line !== '');
  const host = fakeHost({ conntrack: lines.map(parseConntrack) });
  expect(lines.some((line) => line.startsWith('icmp'))).toBe(true);
  expect(conntrack.run(['-L'], host, '')).toEqual({
    stdout: `${lines.join('\n')}\n`,
    stderr: `conntrack v1.4.4 (conntrack-tools): ${lines.length} flow entries have been shown.\n`,
    code: 0,
  });
  const tcp = lines.filter((line) => line.startsWith('tcp'));
  expect(out(conntrack, '-L -p tcp', host)).toBe(`${tcp.join('\n')}\n`);
  const from = formatIpv4(parseConntrack(tcp[0] ?? '').original.source);
  expect(out(conntrack, `-L -s ${from} -p tcp`, host).split('\n')[0]).toBe(tcp[0]);
  expect(out(conntrack, '-L --src 1.2.3.4', host)).toBe('');
});

test('ipset list: the set of the overlay and the set of the VIPs', () => {
  const host = fakeHost({
    config: (config) => ({
      ...config,
      host: {
        ...config.host,
        netfilter: parseSave('*nat\n-A POSTROUTING -s 9.0.0.0/8 -m set --match-set overlay dst -j MASQUERADE\nCOMMIT\n'),
        sets: [
          {
            name: 'overlay',
            type: 'hash:net',
            counters: true,
            members: [{ network: parseCidr('9.0.0.0/8'), nomatch: true }, { network: parseCidr('128.0.0.0/1') }],
          },
          {
            name: 'dcos-l4lb',
            type: 'hash:ip,port',
            counters: false,
            members: [{ network: parseCidr('11.249.78.219'), port: { protocol: 6, number: 3141 } }],
          },
        ],
      },
    }),
  });
  expect(out(ipset, 'list overlay', host)).toBe(
    'Name: overlay\nType: hash:net\nRevision: 6\nHeader: family inet hashsize 1024 maxelem 65536 counters\nReferences: 1\nNumber of entries: 2\n' +
      'Members:\n9.0.0.0/8 nomatch packets 0 bytes 0\n128.0.0.0/1 packets 0 bytes 0\n',
  );
  expect(out(ipset, '-L', host)).toContain('References: 0\nNumber of entries: 1\nMembers:\n11.249.78.219,tcp:3141\n');
  expect(out(ipset, 'list -n', host)).toBe('overlay\ndcos-l4lb\n');
});

test('what these tools answer when they cannot, with their exit codes', () => {
  const cases = [
    [ip, 'foo', 1, 'Object "foo" is unknown, try "ip help".\n'],
    [ip, 'a show nope', 1, 'Device "nope" does not exist.\n'],
    [ip, 'neigh show dev nope', 1, 'Cannot find device "nope"\n'],
    [ip, 'route show dev nope', 1, 'Cannot find device "nope"\n'],
    [ip, 'route show table foo', 255, 'Error: argument "foo" is wrong: table id value is invalid\n\n'],
    [bridge(), 'foo', 255, 'Object "foo" is unknown, try "bridge help".\n'],
    [bridge(), 'link show dev nope', 1, 'Cannot find device "nope"\n'],
    [bridge(), 'fdb show br nope', 1, 'Cannot find device "nope"\n'],
    [ipset, 'list nope', 1, 'ipset v6.38: The set with the given name does not exist\n'],
    [
      conntrack,
      '-L -s 300.1.1.1',
      2,
      "conntrack v1.4.4 (conntrack-tools): Invalid IP address `300.1.1.1'\nTry `conntrack -h' or 'conntrack --help' for more information.\n",
    ],
    [
      conntrack,
      '-L -p foo',
      2,
      "conntrack v1.4.4 (conntrack-tools): `foo' unsupported protocol\nTry `conntrack -h' or 'conntrack --help' for more information.\n",
    ],
  ] as const;
  for (const [tool, line, code, stderr] of cases)
    expect([line, tool.run(words(line), agent, '')]).toEqual([line, { stdout: '', stderr, code }]);
});

test('an option, object or filter that is unknown or not modelled is a Refusal that names it', () => {
  const cases = [
    [ip, '-foo a', 'unknown-option', 'Option "-foo" is unknown, try "ip -help".'],
    [ip, '-json a', 'not-modelled', 'ip: option -json is not modelled'],
    [ip, 'netns', 'not-modelled', 'ip: the object netns is not modelled'],
    [ip, 'link set eth0 up', 'not-modelled', 'ip: link set is not modelled'],
    [ip, 'link frob', 'unknown-command', 'Command "frob" is unknown, try "ip link help".'],
    [ip, 'route get 1.2.3.4 oif eth0', 'not-modelled', 'ip: route get ... oif is not modelled'],
    [ip, 'route show table', 'incomplete', 'Command line is not complete. Try option "help"'],
    [bridge(), '-s fdb', 'not-modelled', 'bridge: option -s is not modelled'],
    [bridge(), 'vlan', 'not-modelled', 'bridge: the object vlan is not modelled'],
    [bridge(), 'fdb del x', 'not-modelled', 'bridge: fdb del is not modelled'],
    [ipset, 'add overlay 1.2.3.4', 'not-modelled', 'ipset: the command add is not modelled'],
    [ipset, 'list --foo', 'unknown-option', "ipset v6.38: Unknown argument: `--foo'"],
    [conntrack, '-E', 'not-modelled', 'conntrack: option -E is not modelled'],
    [conntrack, '-L --constructor', 'unknown-option', "conntrack v1.4.4 (conntrack-tools): unrecognized option '--constructor'"],
    [conntrack, '-L --__proto__', 'unknown-option', "conntrack v1.4.4 (conntrack-tools): unrecognized option '--__proto__'"],
  ] as const;
  for (const [tool, line, code, message] of cases) {
    expect(() => tool.run(words(line), agent, ''), line).toThrow(expect.objectContaining({ name: 'Refusal', code, message }));
  }
});

test('conntrack -L and -D choose as conntrack-tools 1.4.7 did on three flows', () => {
  const tcp =
    'tcp      6 431999 ESTABLISHED src=127.0.0.1 dst=127.0.0.1 sport=40000 dport=80 src=127.0.0.1 dst=127.0.0.1 sport=80 dport=40000 [ASSURED] mark=0 use=1';
  const nat =
    'udp      17 29 src=127.0.0.1 dst=127.0.0.1 sport=40001 dport=54 src=127.0.0.1 dst=127.0.0.1 sport=53 dport=40001 mark=0 use=1';
  const alone =
    'udp      17 29 src=127.0.0.1 dst=127.0.0.1 sport=40002 dport=53 [UNREPLIED] src=127.0.0.1 dst=127.0.0.1 sport=53 dport=40002 mark=0 use=1';
  const host = fakeHost({ conntrack: [alone, nat, tcp].map(parseConntrack) });
  const cases: readonly (readonly [string, readonly string[], number, string])[] = [
    ['-L -p tcp --state ESTABLISHED', [tcp], 0, '1 flow entries have been shown.'],
    ['-L -p tcp --sport 40000', [tcp], 0, '1 flow entries have been shown.'],
    ['-L -p udp --dport 54', [nat], 0, '1 flow entries have been shown.'],
    ['-L -u ASSURED', [tcp], 0, '1 flow entries have been shown.'],
    ['-L -u UNREPLIED', [alone], 0, '1 flow entries have been shown.'],
    ['-L -m 0', [alone, nat, tcp], 0, '3 flow entries have been shown.'],
    ['-L -m 1', [], 0, '0 flow entries have been shown.'],
    ['-L -g', [nat], 0, '1 flow entries have been shown.'],
    ['-L -n', [], 0, '0 flow entries have been shown.'],
    ['-L -j', [nat], 0, '1 flow entries have been shown.'],
    ['-L -r 127.0.0.1', [alone, nat, tcp], 0, '3 flow entries have been shown.'],
    ['-L -p tcp --dport x', [], 0, '0 flow entries have been shown.'],
    ['-D -p tcp --dport 81', [], 1, '0 flow entries have been deleted.'],
    ['-D -p udp --orig-port-dst 54', [nat], 0, '1 flow entries have been deleted.'],
    ['-D -s 127.0.0.1 -p tcp', [tcp], 0, '1 flow entries have been deleted.'],
    ['-L', [alone], 0, '1 flow entries have been shown.'],
    ['-F', [], 0, 'connection tracking table has been emptied.'],
    ['-L', [], 0, '0 flow entries have been shown.'],
  ];
  for (const [line, rows, code, said] of cases)
    expect(conntrack.run(line.split(' '), host, ''), line).toEqual({
      stdout: rows.map((row) => `${row}\n`).join(''),
      stderr: `conntrack v1.4.4 (conntrack-tools): ${said}\n`,
      code,
    });
  const refusals = [
    ['-L --dport 54', "unknown option `--dport'"],
    ['-L -p udp --state CLOSE', "unknown option `--state'"],
    ['-L -p tcp --state X', "unknown TCP state `X'"],
    ['-L -u FOO', "Bad parameter `FOO'"],
    ['-L -D', 'Invalid commands combination'],
    ['-D -s x', "Invalid IP address `x'"],
  ] as const;
  for (const [line, said] of refusals) {
    const { stderr, code } = conntrack.run(line.split(' '), host, '');
    expect([line, code, stderr.split('\n')[0]]).toEqual([line, 2, `conntrack v1.4.4 (conntrack-tools): ${said}`]);
  }
});

test('conntrack -G, networks, families, masks and the extended output, as conntrack-tools 1.4.7 answered', () => {
  const tcp =
    'tcp      6 431999 ESTABLISHED src=127.0.0.1 dst=127.0.0.1 sport=45000 dport=8080 src=127.0.0.1 dst=127.0.0.1 sport=8080 dport=45000 [ASSURED] mark=0 use=1';
  const udp =
    'udp      17 29 src=127.0.0.1 dst=127.0.0.1 sport=4001 dport=53 [UNREPLIED] src=127.0.0.1 dst=127.0.0.1 sport=53 dport=4001 mark=0 use=1';
  const host = fakeHost({ conntrack: [udp, tcp].map(parseConntrack) });
  const shown = (count: number) => `${count} flow entries have been shown.`;
  const cases: readonly (readonly [string, readonly string[], number, string])[] = [
    ['-L -o extended', [`ipv4     2 ${udp}`, `ipv4     2 ${tcp}`], 0, shown(2)],
    ['-L -o ktimestamp', [udp, tcp], 0, shown(2)],
    ['-L -p tcp --reply-port-src 8080', [tcp], 0, shown(1)],
    ['-L -p tcp --reply-port-dst 8080', [], 0, shown(0)],
    ['-L -f ipv4', [udp, tcp], 0, shown(2)],
    ['-L -f ipv6', [], 0, shown(0)],
    ['-L -s 127.0.0.0/8', [udp, tcp], 0, shown(2)],
    ['-L -s 128.0.0.0/8', [], 0, shown(0)],
    ['-L -m 0/1', [udp, tcp], 0, shown(2)],
    ['-L -u assured,seen_reply', [tcp], 0, shown(1)],
    ['-G -s 127.0.0.1 -d 127.0.0.1 -p tcp --sport 45000 --dport 8080', [tcp.replace('use=1', 'use=2')], 0, shown(1)],
    ['-G -s 127.0.0.1 -d 127.0.0.1 -p tcp --sport 45001 --dport 8080', [], 1, "Operation failed: such conntrack doesn't exist"],
  ];
  for (const [line, rows, code, said] of cases)
    expect([line, conntrack.run(line.split(' '), host, '')]).toEqual([
      line,
      { stdout: rows.map((row) => `${row}\n`).join(''), stderr: `conntrack v1.4.4 (conntrack-tools): ${said}\n`, code },
    ]);
  for (const [line, said] of [
    ['-G -p udp', "you have to specify `--src' and `--dst'"],
    ['-G -s 127.0.0.1', "You need to supply the `--protonum' option for this command"],
    ['-L -o foo', "Bad parameter `foo'"],
    ['-L -u ASSURED,FOO', "Bad parameter `FOO'"],
  ] as const)
    expect([line, conntrack.run(line.split(' '), host, '').stderr.split('\n')[0]]).toEqual([
      line,
      `conntrack v1.4.4 (conntrack-tools): ${said}`,
    ]);
  for (const output of ['id', 'xml'])
    expect(() => conntrack.run(['-L', '-o', output], host, '')).toThrow(`the output ${output} is not modelled`);
});

test('brctl show: a bridge without ports and with two, as recorded', () => {
  expect(out(brctl, 'show', empty)).toBe(recorded('a-0-empty-brctl'));
  expect(out(brctl, 'show')).toBe(recorded('a-2-two-brctl'));
  expect(out(brctl, 'showmacs docker0')).toBe(recorded('a-2-two-brctl-macs'));
});

test('brctl: what 1.7.1 of Debian 12 says to wrong names and words, with its exit codes', () => {
  const answers = [
    ['show nope', 'bridge nope does not exist!\n', ''],
    ['show lo', 'device lo is not a bridge!\n', ''],
    ['show a b', 'bridge a does not exist!\nbridge b does not exist!\n', ''],
    ['showmacs', '', 'Incorrect number of arguments for command\nUsage: brctl showmacs <bridge>\t\tshow a list of mac addrs\n'],
    ['showmacs nope', 'read of forward table failed: No such device\n', ''],
    ['showmacs lo', 'read of forward table failed: Operation not supported\n', ''],
  ] as const;
  for (const [line, stderr, stdout] of answers)
    expect(brctl.run(words(line), agent, ''), line).toEqual({ stdout, stderr, code: 1 });
  expect(brctl.run(['show', 'docker0', 'nope', 'docker0'], empty, '')).toEqual({
    stdout: recorded('a-0-empty-brctl').replace(/(docker0.*\n)/, '$1$1'),
    stderr: 'bridge nope does not exist!\n',
    code: 1,
  });
  const help = brctl.run(['help'], agent, '');
  expect([help.stderr, help.code]).toEqual(['never heard of command [help]\n', 1]);
  expect(help.stdout.split('\n').slice(0, 9)).toEqual([
    'Usage: brctl [commands]',
    'commands:',
    '\taddbr     \t<bridge>\t\tadd bridge',
    '\tdelbr     \t<bridge>\t\tdelete bridge',
    '\taddif     \t<bridge> <device>\tadd interface to bridge',
    '\tdelif     \t<bridge> <device>\tdelete interface from bridge',
    '\thairpin   \t<bridge> <port> {on|off}\tturn hairpin on/off',
    '\tsetageing \t<bridge> <time>\t\tset ageing time',
    '\tsetbridgeprio\t<bridge> <prio>\t\tset bridge priority',
  ]);
  expect(brctl.run([], agent, '')).toEqual({ stdout: help.stdout, stderr: '', code: 1 });
  expect(brctl.run(['-h'], agent, '')).toEqual({ stdout: help.stdout, stderr: '', code: 0 });
  expect(out(brctl, '-V')).toBe('bridge-utils, 1.7\n');
  expect(() => brctl.run(['showstp', 'docker0'], agent, '')).toThrow('brctl: the command showstp is not modelled');
});
