import { readdirSync, readFileSync } from 'node:fs';
import { Refusal } from '@portolan/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { haproxyConfig, LOAD_BALANCER_DEFAULTS, type LoadBalancerOptions } from '../src/marathon-lb/config.ts';
import { serverId } from '../src/marathon-lb/server.ts';
import { sha256, sha256Hex } from '../src/marathon-lb/sha256.ts';

const RECORDED = new URL('../../conformance/recorded/marathon-lb/', import.meta.url);

interface RecordedInput {
  readonly args: Readonly<Record<string, unknown>>;
  readonly dns: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  readonly apps: readonly unknown[];
}

function recordedCase(name: string) {
  const file = (path: string) => readFileSync(new URL(`${name}/${path}`, RECORDED), 'utf8');
  const input = JSON.parse(file('input.json')) as RecordedInput;
  const { args } = input;
  const options: LoadBalancerOptions = {
    groups: args.groups as string[],
    strictMode: args.strict_mode as boolean,
    healthCheck: args.health_check as boolean,
    haproxyMap: args.haproxy_map as boolean,
    bindHttpHttps: args.bind_http_https as boolean,
    sslCerts: args.ssl_certs as string,
    groupHttpsByVhost: args.group_https_by_vhost as boolean,
    minServicePort: args.min_serv_port_ip_per_task as number,
    maxServicePort: args.max_serv_port_ip_per_task as number,
    configFile: args.config_file as string,
    environment: new Map(Object.entries(input.env)),
    resolve: (host) => (/^[0-9.]+$/.test(host) ? host : (input.dns[host] ?? '')),
    health: new Map(),
  };
  return { file, apps: input.apps, options };
}

const CASES = readdirSync(RECORDED).filter((name) => /^\d\d-/.test(name));
/** Where the real order of servers is that of a Python set. */
const UNORDERED = ['02-', '48-', '61-'];

test('there are cases to replay', () => expect(CASES.length).toBeGreaterThanOrEqual(33));

test.each(CASES)('%s: byte for byte what the real program wrote', (name) => {
  const { file, apps, options } = recordedCase(name);
  const generated = haproxyConfig(apps, options);
  const expected = file('output.cfg');
  if (UNORDERED.some((prefix) => name.startsWith(prefix))) {
    expect(generated.text.split('\n').toSorted()).toEqual(expected.split('\n').toSorted());
  } else expect(generated.text).toBe(expected);
  if (options.haproxyMap) {
    expect(generated.maps?.domain2backend).toBe(file('domain2backend.map'));
    expect(generated.maps?.app2backend).toBe(file('app2backend.map'));
  }
});

test('SHA-256 of the standard examples', () => {
  const hash = (text: string) => sha256Hex(sha256(new TextEncoder().encode(text)));
  expect(hash('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  expect(hash('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  expect(hash('abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq')).toBe(
    '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
  );
});

/** A number in the place of the hash of a server's name, from the first case's recorded lines. */
test('a taken number gives way to that of name and hash', () => {
  const taken = new Set<number>();
  expect(serverId('172_16_15_168_9896', taken)).toBe(8798);
  const second = serverId('172_16_15_168_9896', taken);
  expect(second).not.toBe(8798);
  const hash = sha256Hex(sha256(new TextEncoder().encode('172_16_15_168_9896')));
  expect(BigInt(`0x${hash}`) % 32767n).toBe(8798n);
  const again = sha256Hex(sha256(new TextEncoder().encode(`172_16_15_168_9896 ${hash}`)));
  expect(second).toBe(Number(BigInt(`0x${again}`) % 32767n));
  expect(taken).toEqual(new Set([8798, second]));
});

test('a collision seen in the wild: two names with one hash in one backend', () => {
  expect(serverId('10_0_1_3_20202', new Set())).toBe(24031);
  expect(serverId('10_0_1_3_20202', new Set([24031]))).toBe(27552);
});

const task = fc.record({
  id: fc.uuid(),
  host: fc.constantFrom('172.16.15.168', '172.16.17.198', '172.16.40.67'),
  state: fc.constant('TASK_RUNNING'),
  ports: fc.array(fc.integer({ min: 1025, max: 32000 }), { minLength: 1, maxLength: 2 }),
  ipAddresses: fc.integer({ min: 2, max: 60 }).map((last) => [{ ipAddress: `9.0.3.${last}`, protocol: 'IPv4' }]),
});

const app = fc.record({
  id: fc.constantFrom('/a', '/a/b', '/a_b', '/c'),
  labels: fc.record(
    {
      HAPROXY_GROUP: fc.constantFrom('external', 'internal,external', 'internal'),
      HAPROXY_0_PORT: fc.constantFrom('80', '3141', '10101'),
      HAPROXY_0_MODE: fc.constantFrom('http', 'TCP'),
      HAPROXY_0_VHOST: fc.constantFrom('a.example.com', 'a.example.com,b.example.com'),
      HAPROXY_1_STICKY: fc.constantFrom('true', 'no'),
      HAPROXY_0_PATH: fc.constantFrom('/', '/a'),
    },
    { requiredKeys: ['HAPROXY_GROUP'] },
  ),
  networks: fc.constantFrom([{ mode: 'container/bridge' }], [{ mode: 'container', name: 'dcos' }]),
  container: fc.constant({
    portMappings: [
      { containerPort: 80, servicePort: 10101 },
      { containerPort: 81, servicePort: 10102 },
    ],
  }),
  tasks: fc.array(task, { maxLength: 8 }),
});

const apps = fc.uniqueArray(app, { selector: (each) => each.id, maxLength: 4 });

test('the text depends on the apps alone, not on the order in which Marathon lists apps and tasks', () => {
  fc.assert(
    fc.property(apps, fc.boolean(), fc.infiniteStream(fc.nat()), (list, haproxyMap, chance) => {
      const options = { ...LOAD_BALANCER_DEFAULTS, haproxyMap };
      const shuffled = shuffle(list, chance).map((each) => ({ ...each, tasks: shuffle(each.tasks, chance) }));
      expect(haproxyConfig(shuffled, options)).toEqual(haproxyConfig(list, options));
    }),
    { numRuns: 1000 },
  );
});

test('numbers of servers are unique in a backend, positive and below 32768', () => {
  fc.assert(
    fc.property(apps, (list) => {
      const { text } = haproxyConfig(list, { ...LOAD_BALANCER_DEFAULTS, groups: ['*'] });
      for (const backend of text.split('\nbackend ').slice(1)) {
        const ids = [...backend.matchAll(/^ {2}server .* id (\d+)/gm)].map((match) => Number(match[1]));
        expect(new Set(ids).size).toBe(ids.length);
        expect(ids.every((id) => id > 0 && id < 32768)).toBe(true);
      }
    }),
    { numRuns: 1000 },
  );
});

test('health is remembered: a task without results counts as at its last ones', () => {
  const { apps: recorded, options } = recordedCase('62-post-bridge-health');
  const ids = (recorded as { tasks: { id: string }[] }[]).flatMap((each) => each.tasks.map(({ id }) => id));
  const servers = (health: ReadonlyMap<string, boolean>) =>
    haproxyConfig(recorded, { ...options, health }).text.match(/ {2}server .*/g)?.length;
  expect(servers(new Map())).toBe(1);
  expect(servers(new Map(ids.map((id) => [id, true])))).toBe(4);
  expect(haproxyConfig(recorded, options).health).toEqual(
    new Map([
      [ids[0], true],
      [ids[1], false],
    ]),
  );
});

const POST = recordedCase('01-post-bridge');

test.each([
  ['HAPROXY_0_PORT', 'http', 'invalid-label', "invalid literal for int() with base 10: 'http'"],
  ['HAPROXY_0_AUTH', 'realm:user', 'invalid-label', 'not enough values to unpack (expected 3, got 2)'],
  ['HAPROXY_0_AUTH', 'a:b:c:d', 'invalid-label', 'too many values to unpack (expected 3)'],
  ['HAPROXY_0_BACKEND_HEAD', 'backend {colour}', 'invalid-template', "the template has no field 'colour'"],
  ['HAPROXY_0_BACKEND_HEAD', 'backend {__proto__}', 'invalid-template', "the template has no field '__proto__'"],
  ['HAPROXY_0_FRONTEND_HEAD', 'a } b', 'invalid-template', "Single '}' encountered in format string"],
])('%s=%s ends the run', (label, value, code, message) => {
  expect(refusalOf(() => withLabel(label, value))).toMatchObject({ component: 'marathon-lb', code, message });
});

test('templates of labels stand in the place of the own ones, unknown labels do nothing', () => {
  const plain = haproxyConfig(POST.apps, POST.options).text;
  expect(withLabel('HAPROXY_0_COLOUR', 'red').text).toBe(plain);
  expect(withLabel('HAPROXY_9_PORT', 'nine').text).toBe(plain);
  const replaced = withLabel('HAPROXY_0_BACKEND_HEAD', '\r\nbackend {backend}\n  balance first # {{{mode}}}\n').text;
  expect(replaced).toContain('\nbackend httpi_3141\n  balance first # {http}\n  option forwardfor\n');
});

test.each<[string, unknown]>([
  ['/apps(0)', 7],
  ['/apps(0)/id', { id: 7 }],
  ['/apps(0)/tasks', { id: '/a', tasks: {} }],
  ['/apps(0)/tasks(0)/ports(0)', { id: '/a', tasks: [{ id: 't', ports: [Number.NaN] }] }],
  ['/apps(0)/labels/x', { id: '/a', labels: { x: {} } }],
])('%s of the wrong kind is refused with its path', (path, value) => {
  expect(refusalOf(() => haproxyConfig([value], LOAD_BALANCER_DEFAULTS))).toMatchObject({ code: 'malformed-app', path });
});

test('a deployment of two colours: tasks of the old one drain as new ones can stand in', () => {
  const colour = (id: string, startedAt: string, instances: number, tasks: number) => ({
    id,
    instances,
    labels: {
      HAPROXY_GROUP: 'external',
      HAPROXY_0_PORT: '3141',
      HAPROXY_DEPLOYMENT_GROUP: 'httpi',
      HAPROXY_DEPLOYMENT_STARTED_AT: startedAt,
      HAPROXY_DEPLOYMENT_NEW_INSTANCES: '0',
      HAPROXY_DEPLOYMENT_TARGET_INSTANCES: '4',
    },
    networks: [{ mode: 'container/bridge' }],
    container: { portMappings: [{ containerPort: 0, servicePort: 10101 }] },
    versionInfo: { lastScalingAt: startedAt },
    tasks: Array.from({ length: tasks }, (_, i) => ({ id: `${id}.${i}`, host: '10.0.0.1', ports: [instances * 1000 + i] })),
  });
  const blue = colour('/httpi-blue', '2019-07-22T15:57:59.000Z', 4, 4);
  const green = colour('/httpi-green', '2019-07-22T16:57:59.5', 2, 2);
  const { text } = haproxyConfig([green, blue], LOAD_BALANCER_DEFAULTS);
  expect(text.match(/\nbackend .*/g)).toEqual(['\nbackend httpi_3141']);
  const drained = text
    .match(/:\d+ id \d+.*/g)
    ?.map((line) => `${line.split(' ')[0]}${line.endsWith(' disabled') ? ' disabled' : ''}`);
  expect(drained).toEqual([':2000', ':2001', ':4000 disabled', ':4001 disabled', ':4002', ':4003']);
});

function withLabel(label: string, value: string) {
  const changed = POST.apps.map((each) => {
    const { labels, ...rest } = each as { labels: Record<string, string> };
    return { ...rest, labels: { ...labels, [label]: value } };
  });
  return haproxyConfig(changed, POST.options);
}

function refusalOf(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  return undefined;
}

/** A shuffle driven by the property's own chance. */
function shuffle<T>(items: readonly T[], chance: Iterator<number>): T[] {
  const keyed = items.map((item) => ({ item, key: Number(chance.next().value) }));
  return keyed.toSorted((a, b) => a.key - b.key).map(({ item }) => item);
}
