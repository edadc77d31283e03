/** One seed, one history: in one process, in two of them, and however the keys of a JSON object are ordered. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { DcosCluster } from '@portolan/dcos';
import { configurationLines, eventLog, type Happening, happen, histories } from '@portolan/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';

/** All that can be seen of a history: events, configurations, what people on the nodes are shown. */
function play(seed: number, history: readonly Happening[]): readonly string[] {
  const cluster = DcosCluster.create({ seed, agents: 3 });
  const log = eventLog(cluster);
  const refused = history.map((what) => happen(cluster, what));
  cluster.settle();
  const nodes = [cluster.master(), ...cluster.agents().map(({ node }) => node)];
  const shown = nodes.flatMap((node) => [
    node.http('http://a.marathon.l4lb.thisdcos.directory:3141').body,
    ...['docker ps -a', 'ipvsadm -Ln', 'ip addr', 'iptables-save', 'dig a.marathon.mesos'].map((line) => node.shell(line).stdout),
  ]);
  return [...log, refused.join(), ...shown, ...configurationLines(cluster)];
}

/** The same JSON value with its objects' keys in another order. */
function shuffled(value: unknown, order: (keys: readonly string[]) => readonly string[]): unknown {
  if (Array.isArray(value)) return value.map((item) => shuffled(item, order));
  if (typeof value !== 'object' || value === null) return value;
  const entries = new Map(Object.entries(value));
  return Object.fromEntries(order([...entries.keys()]).map((key) => [key, shuffled(entries.get(key), order)]));
}

function reordered(what: Happening, order: (keys: readonly string[]) => readonly string[]): Happening {
  if (what.kind === 'add') return { ...what, app: shuffled(what.app, order) as Record<string, unknown> };
  if (what.kind === 'update') return { ...what, definition: shuffled(what.definition, order) as Record<string, unknown> };
  return what;
}

const ORDERS = [
  (keys: readonly string[]) => keys.toSorted((a, b) => (a < b ? -1 : 1)),
  (keys: readonly string[]) => keys.toReversed(),
];

test('two clusters of one seed have the same history, to the last event, listing and configuration', () => {
  fc.assert(
    fc.property(fc.nat(), histories(20), (seed, history) => {
      expect(play(seed, history)).toEqual(play(seed, history));
    }),
    { numRuns: 100 },
  );
});

test('two seeds have two histories: what is compared can differ', () => {
  const [history = []] = fc.sample(histories(20), { numRuns: 1, seed: 3 });
  expect(play(1, history)).not.toEqual(play(2, history));
});

test('the order of an object’s keys makes no difference', () => {
  fc.assert(
    fc.property(fc.nat(), histories(12), fc.constantFrom(...ORDERS), (seed, history, order) => {
      expect(
        play(
          seed,
          history.map((what) => reordered(what, order)),
        ),
      ).toEqual(play(seed, history));
    }),
    { numRuns: 100 },
  );
});

test('nor does the order of many labels and variables', () => {
  const play = (order: (keys: readonly string[]) => readonly string[]): readonly string[] => {
    const cluster = DcosCluster.create({ seed: 5 });
    const log = eventLog(cluster);
    cluster.install('marathon-lb');
    const definition = {
      id: '/a',
      instances: 3,
      cpus: 0.1,
      mem: 32,
      env: { A: '1', B: '2', C: '3', D: '4', E: '5', F: '6' },
      labels: { HAPROXY_GROUP: 'external', HAPROXY_0_VHOST: 'a.example', HAPROXY_0_MODE: 'http', Y: '2', Z: '3', W: '4' },
      networks: [{ mode: 'container/bridge' }],
      container: {
        type: 'DOCKER',
        docker: { image: 'dcoslabs/httpi' },
        portMappings: [{ containerPort: 0, name: 'http', labels: { VIP_0: '/a:1', VIP_1: '/b:2', VIP_2: '/c:3', X: 'x' } }],
      },
    };
    cluster.marathon.add(shuffled(definition, order));
    cluster.settle();
    const listings = cluster.agents().map(({ node }) => node.shell('ipvsadm -Ln').stdout);
    return [...log, ...configurationLines(cluster), cluster.haproxyConfig ?? '', ...listings];
  };
  const asWritten = play((keys) => keys);
  expect(asWritten.join()).toContain('a.example');
  for (const order of ORDERS) expect(play(order)).toEqual(asWritten);
});

const SCRIPT = `
  const { createHash } = require('node:crypto');
  const fc = require('fast-check');
  const { DcosCluster } = require('@portolan/dcos');
  const { configurationLines, eventLog, happen, histories } = require('@portolan/testing');
  const hash = createHash('sha256');
  for (const history of fc.sample(histories(20), { numRuns: 10, seed: 11 })) {
    const cluster = DcosCluster.create({ seed: 11, agents: 3 });
    const log = eventLog(cluster);
    for (const what of history) happen(cluster, what);
    cluster.settle();
    hash.update([...log, ...configurationLines(cluster)].join());
  }
  process.stdout.write(hash.digest('hex'));
`;

function runElsewhere(env: Readonly<Record<string, string>>): Promise<string> {
  const cwd = fileURLToPath(new URL('../../../', import.meta.url));
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      ['-r', 'ts-node/register', '-e', SCRIPT],
      { cwd, env: { ...process.env, ...env } },
      (error, out) => {
        if (error === null) resolve(out);
        else reject(error);
      },
    );
  });
}

test('other processes, another time zone, another language: the same history as here', async () => {
  const hash = createHash('sha256');
  for (const history of fc.sample(histories(20), { numRuns: 10, seed: 11 })) {
    const cluster = DcosCluster.create({ seed: 11, agents: 3 });
    const log = eventLog(cluster);
    for (const what of history) happen(cluster, what);
    cluster.settle();
    hash.update([...log, ...configurationLines(cluster)].join());
  }
  const here = hash.digest('hex');
  expect(await runElsewhere({ TZ: 'UTC', LC_ALL: 'C' })).toBe(here);
  expect(await runElsewhere({ TZ: 'Pacific/Kiritimati', LC_ALL: 'tr_TR.UTF-8' })).toBe(here);
});
