import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Container, DockerNetwork } from '../src/agent/docker/state.ts';
import { parseCidr, parseIpv4, parseMac } from '../src/base/address.ts';
import { Refusal } from '../src/base/refusal.ts';
import { docker } from '../src/tools/docker/docker.ts';
import { jq } from '../src/tools/jq/jq.ts';
import { runShell } from '../src/tools/shell.ts';
import { asctime, humanDuration, rfc3339 } from '../src/tools/time.ts';
import { fakeHost } from './fake-host.ts';

const RECORDED = new URL('../../conformance/recorded/', import.meta.url);
const read = (name: string) => readFileSync(new URL(`docker/${name}`, RECORDED), 'utf8');

const MINUTE = 60_000;
const bridgeNetwork: DockerNetwork = {
  id: '0e6fec1329e58f12eb5d54f40a6a79d0dc8ee1b1ba960954701799d8f42262b8',
  name: 'bridge',
  bridge: 'docker0',
  subnet: parseCidr('172.17.0.0/16'),
  gateway: parseIpv4('172.17.0.1'),
  mtu: 1500,
  masquerade: true,
  icc: true,
  options: [],
};
const dcosNetwork: DockerNetwork = {
  id: '2b364a8bc06cecd5fd9402fe036643be2a007d75abe0eaf05d665f23475b37e0',
  name: 'dcos',
  bridge: 'd-dcos',
  subnet: parseCidr('9.0.3.128/25'),
  gateway: parseIpv4('9.0.3.129'),
  mtu: 1420,
  masquerade: false,
  icc: true,
  options: [
    ['com.docker.network.bridge.name', 'd-dcos'],
    ['com.docker.network.bridge.enable_ip_masquerade', 'false'],
    ['com.docker.network.driver.mtu', '1420'],
  ],
};

/** A container as the recorded files name it. */
function made(
  id: string,
  name: string,
  network: string,
  endpoint: string,
  address: string,
  port?: readonly [number, number],
  startedAt = 0,
): Container {
  const ip = parseIpv4(address);
  return {
    id,
    name,
    image: 'dcoslabs/httpi:latest',
    env: [
      ['PORT_HTTP', '3651'],
      ['PATH', '/bin'],
    ],
    labels: [],
    network,
    endpoint: { id: endpoint, address: ip, mac: 0x0242 * 0x100000000 + ip, veth: 'veth0000000', index: 5 },
    ports: port === undefined ? [] : [{ protocol: 'tcp', hostPort: port[0], containerPort: port[1] }],
    createdAt: startedAt,
    startedAt,
    state: 'running',
  };
}

const FIRST = made(
  '37504db486dd3898b1bc058a53168cb3dfa04e7884a258609c2b2b94fd524045',
  'mesos-881e3841-b58f-49dc-b20c-31253aa2cafb',
  'bridge',
  'f5571a1e335fd440963154fbf27f491fa6dc4ce3ac3d75a0651c34336bbab80b',
  '172.17.0.2',
  [16106, 16106],
);
const SECOND = made(
  '4ed52ae54fcd70833f35204d94b75192dfe093b92fd9f017786ca1431127595b',
  'mesos-1e44c87b-4c24-479b-a3ce-70bb33ddfc25',
  'bridge',
  'c5bfd18c306ab7e9838063128d6f1fd11d4616e0259a9b441aabf4a4c18d8b11',
  '172.17.0.3',
  [3651, 3651],
);
const OVERLAY = made(
  'adff1936f7cd8a7028e5b1bf51ae9ef781fc2d145df891e10b7e917c865a02a7',
  'ovp',
  'dcos',
  'ff68d66b5e387aabff18de7ce484f08bd1cdc70a67ce18159b232268a1b9d658',
  '9.0.3.133',
  [4444, 3141],
);

function host(containers: readonly Container[], now = 0) {
  return fakeHost({
    now,
    config: (config) => ({ ...config, docker: { ...config.docker, networks: [bridgeNetwork, dcosNetwork], containers } }),
  });
}

const agent = host([FIRST, SECOND, OVERLAY]);
const run = (args: readonly string[], on = agent, tool = docker()) => tool.run(args, on, '');

test('docker network inspect: the recorded text, but for its date', () => {
  const recorded = read('a-2-two-network-inspect.txt')
    .replace(/^\$.*\n/, '')
    .replace(/ {8}"Created".*\n/, '');
  expect(run(['network', 'inspect', 'bridge'], host([FIRST, SECOND])).stdout).toBe(recorded);
  expect(run(['network', 'inspect', bridgeNetwork.id.slice(0, 6)], host([SECOND, FIRST])).stdout).toBe(recorded);
});

test("the post's commands, through the shell", () => {
  const line = (text: string, on = agent) => String(runShell(text, on, new Map([docker(), jq].map((tool) => [tool.name, tool]))));
  expect(line('sudo docker ps --format "table {{.Names}}\\t{{.Status}}"', host([FIRST, SECOND], 32 * MINUTE))).toBe(
    'NAMES                                        STATUS\n' +
      'mesos-1e44c87b-4c24-479b-a3ce-70bb33ddfc25   Up 32 minutes\n' +
      'mesos-881e3841-b58f-49dc-b20c-31253aa2cafb   Up 32 minutes\n',
  );
  expect(line(`sudo docker inspect ${SECOND.name} | jq -r '.[].NetworkSettings.Networks.bridge.NetworkID'`)).toBe(
    `${bridgeNetwork.id}\n`,
  );
  expect(line("sudo docker inspect ovp | jq -r '.[].NetworkSettings.Networks.dcos'")).toBe(
    `{
  "IPAMConfig": null,
  "Links": null,
  "Aliases": [
    "adff1936f7cd"
  ],
  "NetworkID": "${dcosNetwork.id}",
  "EndpointID": "${OVERLAY.endpoint?.id}",
  "Gateway": "9.0.3.129",
  "IPAddress": "9.0.3.133",
  "IPPrefixLen": 25,
  "IPv6Gateway": "",
  "GlobalIPv6Address": "",
  "GlobalIPv6PrefixLen": 0,
  "MacAddress": "02:42:09:00:03:85",
  "DriverOpts": null
}
`,
  );
  expect(line(`docker inspect ${FIRST.name} | jq -r '.[].Config.Env[]'`)).toBe('PORT_HTTP=3651\nPATH=/bin\n');
});

test('docker ps: the wider columns of 18.09, and what is asked for alone', () => {
  const on = host([FIRST, SECOND], 80_000);
  expect(run(['ps'], on).stdout.split('\n')[1]).toBe(
    `4ed52ae54fcd        dcoslabs/httpi:latest   About a minute ago   Up About a minute   0.0.0.0:3651->3651/tcp     ${SECOND.name}`,
  );
  expect(run(['ps', '-q', '--no-trunc'], on).stdout).toBe(`${SECOND.id}\n${FIRST.id}\n`);
  expect(run(['ps', '--format', '{{.ID}} {{.Networks}}'], on).stdout).toBe('4ed52ae54fcd bridge\n37504db486dd bridge\n');
});

test('docker ps -a shows those that do not run; ports of consecutive numbers are grouped', () => {
  const ports = [
    [31001, 31001],
    [31000, 31000],
    [31002, 31002],
    [8080, 80],
  ].map(([hostPort, containerPort]) => ({
    protocol: 'tcp' as const,
    hostPort: hostPort ?? 0,
    containerPort: containerPort ?? 0,
  }));
  const on = host([
    { ...FIRST, ports },
    { ...SECOND, state: 'exited' },
    { ...OVERLAY, state: 'created' },
  ]);
  expect(run(['ps', '--format', '{{.Ports}}'], on).stdout).toBe('0.0.0.0:31000-31002->31000-31002/tcp, 0.0.0.0:8080->80/tcp\n');
  expect(run(['ps', '-a', '--format', '{{.Names}} {{.Status}}'], on).stdout).toBe(
    `ovp Created\n${SECOND.name} Exited\n${FIRST.name} Up Less than a second\n`,
  );
});

test('templates read fields and nothing else', () => {
  expect(run(['inspect', '--format', '{{.NetworkSettings.Networks.dcos.IPAddress}}:{{json .Config.Env}}', 'ovp']).stdout).toBe(
    '9.0.3.133:["PORT_HTTP=3651","PATH=/bin"]\n',
  );
  expect(run(['inspect', '-f', '{{.Foo}}', 'ovp'])).toEqual({
    stdout: '',
    stderr: 'Template parsing error: template: :1:2: executing "" at <.Foo>: map has no entry for key "Foo"\n',
    code: 1,
  });
  expect(run(['inspect', '-f', '{{.constructor}}', 'ovp']).code).toBe(1);
  for (const bad of [
    '{{range .NetworkSettings.Networks}}x{{end}}',
    '{{.Name | upper}}',
    '{{index .X 0}}',
    '{{.Config',
    '{{.Config.Env}}',
  ]) {
    expect(() => run(['inspect', '-f', bad, 'ovp']), bad).toThrow(/is not modelled/);
  }
});

test('what docker answers when it cannot, with its exit codes', () => {
  const cases = [
    [['inspect', 'nope'], 1, 'Error: No such object: nope\n', '[]\n'],
    [['container', 'inspect', 'nope'], 1, 'Error: No such container: nope\n', '[]\n'],
    [['port', 'nope'], 1, 'Error: No such container: nope\n', ''],
    [['port', 'ovp', '80'], 1, "Error: No public port '80/tcp' published for ovp\n", ''],
    [['network', 'inspect', 'nope'], 1, 'Error: No such network: nope\n', '[]\n'],
    [['inspect', '__proto__'], 1, 'Error: No such object: __proto__\n', '[]\n'],
    [['frob'], 1, "docker: 'frob' is not a docker command.\nSee 'docker --help'\n", ''],
    [['ps', 'x'], 1, '"docker ps" accepts no arguments.\nSee \'docker ps --help\'.\n', ''],
    [
      ['ps', '--format', '{{.Foo}}'],
      1,
      'Template parsing error: template: :1:2: executing "" at <.Foo>: can\'t evaluate field Foo in type *formatter.containerContext\n',
      '',
    ],
  ] as const;
  for (const [args, code, stderr, stdout] of cases) expect([args, run(args)]).toEqual([args, { stdout, stderr, code }]);
  expect(run(['inspect', 'ovp', 'nope'])).toMatchObject({
    code: 1,
    stderr: 'Error: No such object: nope\n',
    stdout: expect.stringContaining('"/ovp"'),
  });
});

test('commands and options that are unknown or not modelled are Refusals that name them', () => {
  const cases = [
    [['run', 'x'], 'not-modelled', 'docker: the command run is not modelled'],
    [['network', 'create', 'x'], 'not-modelled', 'docker: the command network create is not modelled'],
    [['ps', '--filter', 'x=y'], 'not-modelled', 'docker: option --filter is not modelled'],
    [['ps', '--foo'], 'unknown-option', 'docker ps: unknown flag: --foo'],
    [['ps', '--no-all'], 'unknown-option', 'docker ps: unknown flag: --no-all'],
    [['ps', '-x'], 'unknown-option', "docker ps: unknown shorthand flag: 'x' in -x"],
    [['-H', 'tcp://x', 'ps'], 'not-modelled', 'docker: option -H is not modelled'],
    [['inspect', '--size', 'x'], 'not-modelled', 'docker: option --size is not modelled'],
  ] as const;
  for (const [args, code, message] of cases)
    expect(() => run(args), args.join(' ')).toThrow(expect.objectContaining({ component: 'docker', code, message }));
});

test('spans in words, by hand from go-units', () => {
  const cases = [
    [0, 'Less than a second'],
    [1_999, '1 second'],
    [59_999, '59 seconds'],
    [60_000, 'About a minute'],
    [119_999, 'About a minute'],
    [120_000, '2 minutes'],
    [32 * MINUTE, '32 minutes'],
    [59 * MINUTE + 59_000, '59 minutes'],
    [60 * MINUTE, 'About an hour'],
    [89 * MINUTE, 'About an hour'],
    [90 * MINUTE, '2 hours'],
    [47 * 60 * MINUTE, '47 hours'],
    [48 * 60 * MINUTE, '2 days'],
    [14 * 24 * 60 * MINUTE, '2 weeks'],
    [60 * 24 * 60 * MINUTE, '2 months'],
    [730 * 24 * 60 * MINUTE, '2 years'],
  ] as const;
  for (const [span, text] of cases) expect(humanDuration(span), String(span)).toBe(text);
});

test('dates agree with the platform, from 1970 to 2100', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4_102_444_800_000 }), (time) => {
      const iso = new Date(time).toISOString();
      expect(rfc3339(time)).toBe(
        iso.replace(/\.?0*Z$/, (tail) =>
          tail.startsWith('.') || iso.endsWith(`.${'0'.repeat(3)}Z`) ? 'Z' : tail.replace(/0+Z/, 'Z'),
        ),
      );
      const [weekday, day, month, year, clock] = new Date(time).toUTCString().replace(',', '').split(' ');
      expect(asctime(time)).toBe(`${weekday} ${month} ${String(Number(day)).padStart(2)} ${clock} ${year}`);
    }),
    { numRuns: 2000 },
  );
});

test('any words are an answer or a Refusal', () => {
  const word = fc.oneof(
    fc.constantFrom('ps', 'inspect', 'network', 'ls', '-a', '--format', 'table {{.Names}}', '{{json .}}', 'ovp', 'bridge'),
    fc.string({ maxLength: 8 }),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 5 }), (args) => {
      try {
        run(args);
      } catch (error) {
        expect(error).toBeInstanceOf(Refusal);
      }
    }),
    { numRuns: 2000 },
  );
});

test('a MAC of the model is printed as docker prints it', () => {
  expect(parseMac(JSON.parse(run(['inspect', 'ovp']).stdout)[0].NetworkSettings.Networks.dcos.MacAddress)).toBe(
    OVERLAY.endpoint?.mac,
  );
});
