/**
 * The examples as a user runs them, with ts-node in processes of their own: what they print is stored in golden/ and
 * compared byte for byte (UPDATE_GOLDEN=1 stores it anew); how they fail; and what the post itself shows.
 */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const TS_NODE = `${ROOT}node_modules/ts-node/dist/bin.js`;
const EXAMPLES = readdirSync(`${ROOT}examples`)
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -'.ts'.length))
  .sort();
/** Those of the post, which are played once more with a seed. */
const OF_THE_POST = ['01-host-port', '02-bridge-and-vip', '03-marathon-lb', '04-overlay', 'post'];

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(example: string, args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, [TS_NODE, `examples/${example}.ts`, ...args], { cwd: ROOT }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });
}

function golden(name: string): URL {
  return new URL(`../golden/${name}.txt`, import.meta.url);
}

describe('stored outputs', { timeout: 60_000 }, () => {
  const runs = [
    ...EXAMPLES.map((example) => [example, []] as const),
    ...OF_THE_POST.map((example) => [example, ['--seed', '7']] as const),
  ];
  test.each(runs)('%s %j', async (example, args) => {
    const file = golden(`${example}${args.length === 0 ? '' : '.seed-7'}`);
    const { code, stdout, stderr } = await run(example, args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(file, stdout);
    expect(existsSync(file)).toBe(true);
    expect(stdout).toBe(readFileSync(file, 'utf8'));
  });

  test.each([
    [['--seed', 'x'], "example: --seed takes an integer, not 'x'\n"],
    [['--seed', '1.5'], "example: --seed takes an integer, not '1.5'\n"],
    [['--frob'], "example: Unknown option '--frob'; see --help\n"],
  ])('a scenario that fails ends with code 1 and one line: %j', async (args, stderr) => {
    expect(await run('01-host-port', args)).toEqual({ code: 1, stdout: '', stderr });
  });
});

// What the post prints, beside what the example with the post's own choices prints.
describe('the post', () => {
  let text = '';
  beforeAll(() => {
    text = readFileSync(golden('post'), 'utf8');
  });
  /** The output after the nth time a command was typed, up to the next blank line, prompt or sentence. */
  const output = (command: string, nth = 0): readonly string[] => {
    const lines = text.split('\n');
    const at = lines.flatMap((line, i) => (line.endsWith(command) && /^\[?\S* ?\S*[$] /.test(line) ? [i] : []))[nth];
    if (at === undefined) return [];
    const rest = lines.slice(at + 1);
    const end = rest.findIndex((line) => line === '' || /^(\$|\[centos@)/.test(line));
    return rest.slice(0, end);
  };
  /** Columns closed up: the post's copy has lost the padding. */
  const columns = (lines: readonly string[]): readonly string[] => lines.map((line) => line.trim().replace(/ +/g, ' '));

  test('host mode: port 16327, and pi', () => {
    expect(output("dcos marathon app show /httpi | jq -r '.tasks[].ports[]'")).toEqual(['16327']);
    expect(text).toContain('curl http://172.16.15.168:16327\n3.1415926536\n');
    expect(text).toContain('\nPORT_HTTP=16327\n');
  });

  test('the VIP has the name and the address of the post, and answers', () => {
    expect(output('dig +short httpi.marathon.l4lb.thisdcos.directory')).toEqual(['11.249.78.219']);
    expect(output('curl http://httpi.marathon.l4lb.thisdcos.directory:3141')).toEqual(['3.1415926536']);
  });

  test('ipvsadm -Ln: its heading, service and servers in their order; one connection lingers after the curl before', () => {
    const rows = columns(output('sudo ipvsadm -Ln'));
    expect(rows.map((row) => row.replace(/ \d+ \d+$/, ''))).toEqual([
      'IP Virtual Server version 1.2.1 (size=4096)',
      'Prot LocalAddress:Port Scheduler Flags',
      '-> RemoteAddress:Port Forward Weight ActiveConn InActConn',
      'TCP 11.249.78.219:3141 wlc',
      '-> 172.16.15.168:9896 Masq 1',
      '-> 172.16.15.168:26186 Masq 1',
      '-> 172.16.17.198:8584 Masq 1',
      '-> 172.16.40.67:7143 Masq 1',
      '-> 172.16.40.67:14666 Masq 1',
    ]);
    expect(rows.slice(4).map((row) => row.split(' ').slice(-2))).toContainEqual(['0', '1']);
  });

  test('the SRV records: priority 0, weight 1, the five ports, names after the pattern of the post', () => {
    const records = output('dig +short _httpi._tcp.marathon.mesos SRV').map((line) =>
      /^0 1 (\d+) httpi-[a-z0-9]{5}-s\d\.marathon\.mesos\.$/.exec(line),
    );
    expect(records.map((match) => Number(match?.[1])).sort((a, b) => a - b)).toEqual([7143, 8584, 9896, 14666, 26186]);
  });

  test('five agents, as ids of Mesos', () => {
    const ids = output("dcos marathon app show /httpi | jq -r '.tasks[].slaveId'");
    expect(ids.length).toBe(5);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}-S\d$/);
    expect(new Set(ids).size).toBe(3);
  });

  test('bridge li: two ports of docker0, line by line but for index and name', () => {
    const rows = output('sudo bridge li').map((line) => line.replace(/^\d+: veth[0-9a-f]{7}/, 'N: vethX'));
    const row =
      'N: vethX state UP @(null): <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 master docker0 state forwarding priority 32 cost 2 ';
    expect(rows).toEqual([row, row]);
  });

  test('docker ps and docker network inspect: names, 172.17.0.2 and .3 with the MAC addresses made of them', () => {
    const [heading, ...rows] = output('sudo docker ps --format "table {{.Names}}\\t{{.Status}}"');
    expect(heading).toMatch(/^NAMES +STATUS$/);
    const names = rows.map((row) => /^(mesos-[0-9a-f-]{36}) +Up \d+ seconds$/.exec(row)?.[1]);
    const inspected = text.slice(text.indexOf('sudo docker network inspect'));
    const parsed: unknown = JSON.parse(inspected.slice(inspected.indexOf('\n{') + 1, inspected.indexOf('\n}') + 2));
    const containers = Object.values(parsed as Readonly<Record<string, Readonly<Record<string, string>>>>);
    expect(containers.map((c) => c.Name).sort()).toEqual([...names].sort());
    const addresses = containers.map((c) => [c.MacAddress, c.IPv4Address, c.IPv6Address].join(' ')).sort();
    expect(addresses).toEqual(['02:42:ac:11:00:02 172.17.0.2/16 ', '02:42:ac:11:00:03 172.17.0.3/16 ']);
    expect(Object.keys(containers[0] ?? {})).toEqual(['Name', 'EndpointID', 'MacAddress', 'IPv4Address', 'IPv6Address']);
  });

  test('iptables -L DOCKER: the RETURN rule, then a DNAT rule for each container, port to the same port', () => {
    const rows = columns(output('sudo iptables -n -t nat -L DOCKER'));
    expect(rows.slice(0, 3)).toEqual([
      'Chain DOCKER (2 references)',
      'target prot opt source destination',
      'RETURN all -- 0.0.0.0/0 0.0.0.0/0',
    ]);
    const ports = new Map([
      ['172.17.0.2', '14666'],
      ['172.17.0.3', '7143'],
    ]);
    expect(rows.slice(3)).toEqual(
      [...ports].map(([address, port]) => `DNAT tcp -- 0.0.0.0/0 0.0.0.0/0 tcp dpt:${port} to:${address}:${port}`),
    );
  });

  test('Marathon-LB: the answer at the public address, header by header', () => {
    const at = text.indexOf('http 93.186.40.121:3141\n');
    const answer = text.slice(at).split('\n').slice(1, 7);
    expect(answer).toEqual([
      'HTTP/1.1 200 OK',
      'Content-Length: 12',
      'Content-Type: text/plain; charset=utf-8',
      expect.stringMatching(/^Date: Mon, 22 Jul 2019 16:0\d:\d\d GMT$/),
      '',
      '3.1415926536',
    ]);
  });

  test('the overlay: the five addresses, and the container of the post with its gateway and MAC address', () => {
    const addresses = output("dcos marathon app show /httpi | jq -r '.tasks[].ipAddresses[].ipAddress'");
    expect([...addresses].sort()).toEqual(['9.0.2.130', '9.0.3.130', '9.0.3.131', '9.0.3.132', '9.0.4.130']);
    const inspected = text.slice(text.indexOf(".NetworkSettings.Networks.dcos'"));
    const network = JSON.parse(inspected.slice(inspected.indexOf('\n{') + 1, inspected.indexOf('\n}') + 2)) as object;
    expect(network).toEqual({
      IPAMConfig: null,
      Links: null,
      Aliases: [expect.stringMatching(/^[0-9a-f]{12}$/)],
      NetworkID: expect.stringMatching(/^[0-9a-f]{64}$/),
      EndpointID: expect.stringMatching(/^[0-9a-f]{64}$/),
      Gateway: '9.0.3.129',
      IPAddress: '9.0.3.131',
      IPPrefixLen: 25,
      IPv6Gateway: '',
      GlobalIPv6Address: '',
      GlobalIPv6PrefixLen: 0,
      MacAddress: '02:42:09:00:03:83',
      DriverOpts: null,
    });
    expect(Object.keys(network).join(' ')).toBe(
      'IPAMConfig Links Aliases NetworkID EndpointID Gateway IPAddress IPPrefixLen IPv6Gateway GlobalIPv6Address GlobalIPv6PrefixLen MacAddress DriverOpts',
    );
  });
});
