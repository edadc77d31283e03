/** Bad input from every side: one clear line, and the cluster is what it was, down to the identity of its configurations. */
import { Refusal } from '@portolan/core';
import { DcosCluster, type DcosOptions, type DcosSnapshot } from '@portolan/dcos';
import { leftovers, violations } from '@portolan/testing';
import { beforeEach, describe, expect, test } from 'vitest';

const DOCKER = { image: 'dcoslabs/httpi' };

function bridged(more: object = {}, mapping: object = {}): Record<string, unknown> {
  return {
    id: '/x',
    instances: 1,
    cpus: 0.1,
    mem: 32,
    networks: [{ mode: 'container/bridge' }],
    container: { type: 'DOCKER', docker: DOCKER, portMappings: [{ containerPort: 0, name: 'http', ...mapping }] },
    ...more,
  };
}

function refusal(action: () => unknown): Refusal {
  try {
    action();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

/** Whether every machine still has the very same configuration. */
function same(a: DcosSnapshot, b: DcosSnapshot): boolean {
  return (
    a.time === b.time && a.machines.size === b.machines.size && [...a.machines].every(([name, c]) => b.machines.get(name) === c)
  );
}

describe('what is refused leaves everything as it was', () => {
  let cluster: DcosCluster;
  beforeEach(() => {
    cluster = DcosCluster.create({ seed: 1, agents: 2 });
    cluster.marathon.add(bridged({ id: '/here', instances: 2 }));
    cluster.settle();
  });

  const add = (definition: unknown) => (c: DcosCluster) => c.marathon.add(definition);
  const shell = (line: string) => (c: DcosCluster) => c.master().shell(line);
  const cases: readonly (readonly [string, (c: DcosCluster) => unknown, string, string])[] = [
    ['text that is no JSON', add('{"id": "/x",'), 'marathon', 'invalid-json'],
    ['a list in place of an app', add([]), 'marathon', 'invalid-json'],
    ['an id that is a prototype', add(bridged({ id: '__proto__' })), 'marathon', 'invalid-json'],
    ['a field that is a prototype', add('{"id":"/x","cmd":"y","__proto__":{"cpus":9}}'), 'marathon', 'invalid-json'],
    ['NaN', add(bridged({ cpus: Number.NaN })), 'marathon', 'invalid-json'],
    ['port 65536', add(bridged({}, { hostPort: 65536 })), 'marathon', 'invalid-json'],
    ['port -1', add(bridged({}, { containerPort: -1 })), 'marathon', 'invalid-json'],
    ['half an instance', add(bridged({ instances: 0.5 })), 'marathon', 'invalid-json'],
    ['10 MB of JSON', add(JSON.stringify(bridged({ labels: { a: 'x'.repeat(10_000_000) } }))), 'marathon', 'invalid-json'],
    ['deep nesting', add(`{"id":"/x","labels":${'['.repeat(100_000)}${']'.repeat(100_000)}}`), 'marathon', 'invalid-json'],
    ['an id that exists', add(bridged({ id: '/here' })), 'marathon', 'app-exists'],
    ['an app that does not exist', (c) => c.marathon.scale('/nope', 3), 'marathon', 'app-missing'],
    ['a task that does not exist', (c) => c.marathon.killTask('__proto__'), 'marathon', 'task-missing'],
    ['a negative number of instances', (c) => c.marathon.scale('/here', -1), 'marathon', 'invalid-json'],
    ['an unknown agent', (c) => c.agent('S99'), 'cluster', 'no-such-node'],
    ['an agent that is a prototype', (c) => c.agent('constructor'), 'cluster', 'no-such-node'],
    ['the loss of an unknown agent', (c) => c.loseAgent('S99'), 'cluster', 'no-such-node'],
    ['an agent at an address in use', (c) => c.addAgent(c.agent('S1').address), 'cluster', 'bad-option'],
    ['an agent at no address', (c) => c.addAgent(Number.NaN), 'cluster', 'bad-option'],
    ['an agent in another network', (c) => c.addAgent(0x0a000001), 'cluster', 'bad-option'],
    ['an unknown master', (c) => c.master(7), 'cluster', 'no-such-node'],
    ['an unknown container', (c) => c.agent('S1').container('nope'), 'docker', 'no-such-container'],
    ['an unknown package', (c) => c.install('kubernetes'), 'dcos', 'no-such-package'],
    ['a span of NaN', (c) => c.advance(Number.NaN), 'clock', 'bad-duration'],
    ['a span that goes back', (c) => c.advance(-1), 'clock', 'bad-duration'],
    ['a span in words', (c) => c.advance('a while'), 'clock', 'bad-duration'],
    ['a URL without a host', (c) => c.master().http('http://:99999/'), 'http', 'bad-url'],
    ['a URL of 10 MB', (c) => c.master().http(`http://${'a'.repeat(10_000_000)}`), 'http', 'bad-url'],
    ['an unknown command', shell('frobnicate -x'), 'shell', 'command-not-found'],
    ['a command that is a prototype', shell('__proto__'), 'shell', 'command-not-found'],
    ['an open quote', shell('iptables "'), 'shell', 'syntax-error'],
    ['a redirection', shell('iptables -L > file'), 'shell', 'not-modelled'],
    ['a line of 3 MB', shell(`iptables ${'-L '.repeat(1_000_000)}`), 'shell', 'too-long'],
    ['an option curl does not have', shell('curl --frob x'), 'curl', 'unknown-option'],
    ['an option iptables does not have', shell('iptables --frob'), 'iptables', 'unknown-option'],
    ['an option docker does not have', shell('docker ps --frob'), 'docker', 'unknown-option'],
    ['an option of dig that is not modelled', shell('dig --frob x'), 'dig', 'not-modelled'],
    ['a dcos command that is not modelled', shell('dcos job list'), 'dcos', 'not-modelled'],
  ];
  test.each(cases)('%s', (_, action, component, code) => {
    const before = cluster.snapshot();
    const refused = refusal(() => action(cluster));
    expect([refused.component, refused.code]).toEqual([component, code]);
    expect(refused.message).not.toContain('\n');
    expect(refused.message.length).toBeLessThan(300);
    expect(same(before, cluster.snapshot())).toBe(true);
    cluster.settle();
    expect(same(before, cluster.snapshot())).toBe(true);
    expect(cluster.marathon.tasks().length).toBe(2);
  });

  // Tools that print their complaint as the real ones do, on stderr and with their exit code.
  test.each([
    ['iptables -t nat -L NOPE', 1],
    ['ipvsadm -Lnq', 255],
    ['ipvsadm -A', 2],
    ['ip link show nope', 1],
    ['ip frob', 1],
    ['docker frob', 1],
    ['docker inspect nope', 1],
    ['jq .[', 3],
  ])('%s complains, and nothing changes', (line, code) => {
    const before = cluster.snapshot();
    const result = cluster.agent('S1').shell(line);
    expect(result.code).toBe(code);
    expect(result.stderr).not.toBe('');
    expect(same(before, cluster.snapshot())).toBe(true);
  });

  test('what is no refusal: an unlikely but valid name', () => {
    expect(same(cluster.snapshot(), cluster.snapshot())).toBe(true);
    cluster.marathon.add(bridged({ id: '/constructor' }));
    expect(cluster.settle()).toBe(true);
    expect(cluster.marathon.tasks('/constructor')[0]?.state).toBe('TASK_RUNNING');
    expect(cluster.master().shell('dig +short _constructor._tcp.marathon.mesos SRV').stdout).toMatch(/^0 1 \d+ constructor-/);
    expect(violations(cluster)).toEqual([]);
  });
});

test.each<readonly [DcosOptions, string]>([
  [{ seed: Number.NaN }, 'seed: a seed is an integer, not NaN'],
  [{ agents: -1 }, 'agents: a number from 0 to 60000 or a list of addresses, not -1'],
  [{ agents: ['1.2.3'] }, "agents: '1.2.3' is not an IPv4 address"],
  [{ agents: ['10.0.0.5'] }, "agents: a node's address is one of 172.16.0.0/16, not 10.0.0.5"],
  [{ agents: ['172.16.0.5', '172.16.0.5'] }, 'agents: two nodes have the same address'],
  [{ masters: 0 }, 'masters: a cluster has at least one master'],
  [{ ports: [{ begin: 1, end: 65536 }] }, 'ports are 0 to 65535, not 1-65536'],
  [{ ports: [{ begin: 5, end: 1 }] }, 'Invalid ranges resource: begin > end'],
  [{ cpus: Number.NaN }, 'Invalid scalar resource: value < 0 or not a number: cpus NaN'],
  [{ publicAddress: 'here' }, "publicAddress: 'here' is not an IPv4 address"],
  [{ epoch: Number.POSITIVE_INFINITY }, 'epoch: an integer, not Infinity'],
])('no cluster of %j', (options, message) => {
  expect(refusal(() => DcosCluster.create(options)).message).toBe(message);
});

describe('apps that can never run', () => {
  /** Messages of failed tasks, ids left out, with the moments of failure. */
  function failures(cluster: DcosCluster): { readonly at: number[]; readonly messages: Set<string> } {
    const seen = { at: [] as number[], messages: new Set<string>() };
    cluster.mesos.events.on('status', ({ message = '' }, { state }) => {
      if (state !== 'TASK_FAILED') return;
      seen.at.push(cluster.clock.now);
      seen.messages.add(message.replace(/[0-9a-f]{64}/g, 'ID'));
    });
    return seen;
  }

  /** The reasons for which Marathon turned offers down, of the only app that waits. */
  function reasons(cluster: DcosCluster): readonly string[] {
    const [item, ...more] = cluster.marathon.queue();
    expect(more).toEqual([]);
    const rows = item?.processedOffersSummary.rejectSummaryLastOffers ?? [];
    return rows.filter(({ declined }) => declined > 0).map(({ reason, declined }) => `${reason} ${declined}`);
  }

  test('an image nobody registered: each start fails as a failed pull does, at growing intervals', () => {
    const cluster = DcosCluster.create({ seed: 1 });
    const seen = failures(cluster);
    cluster.marathon.add(bridged({ container: { type: 'DOCKER', docker: { image: 'nobody/nothing:1' } } }));
    expect(cluster.settle()).toBe(true);
    cluster.advance('20min');
    expect([...seen.messages]).toEqual([
      "Failed to launch container: Failed to run 'docker -H unix:///var/run/docker.sock pull nobody/nothing:1': exited with status 1; " +
        "stderr='Error response from daemon: pull access denied for nobody/nothing, repository does not exist or may require 'docker login''",
    ]);
    const pauses = seen.at.slice(1).map((at, i) => at - (seen.at[i] ?? 0));
    expect(pauses.length).toBeGreaterThan(20);
    expect(pauses.every((pause, i) => pause >= (pauses[i - 1] ?? 0))).toBe(true);
    // Backoff 1 s, 15 % more each time, 300 s at most (maxLaunchDelaySeconds), and a second or two for the offer and the start.
    expect(pauses.at(-1)).toBeGreaterThan(60_000);
    expect(Math.max(...pauses)).toBeLessThan(304_000);
    expect(cluster.marathon.queue().length).toBe(1);
    expect(leftovers(cluster)).toEqual([]);
  });

  test('a program that wants a port that another one has: it ends with the words of bind, and is started again', () => {
    const cluster = DcosCluster.create({ seed: 1, agents: 1 });
    const seen = failures(cluster);
    const host = { networks: [{ mode: 'host' }], env: { PORT_HTTP: '8080' }, container: { type: 'DOCKER', docker: DOCKER } };
    cluster.marathon.add(bridged({ ...host, instances: 3 }));
    expect(cluster.settle()).toBe(true);
    expect(cluster.marathon.tasks().filter(({ state }) => state === 'TASK_RUNNING').length).toBe(1);
    expect([...seen.messages]).toEqual([
      'Container exited with status 1: listen tcp4 0.0.0.0:8080: bind: address already in use',
    ]);
    expect(violations(cluster)).toEqual([]);
  });

  test('a port outside every range waits, for want of ports', () => {
    const cluster = DcosCluster.create({ seed: 1, agents: 2, publicAgents: 0 });
    cluster.marathon.add(bridged({}, { hostPort: 40000 }));
    expect(cluster.settle()).toBe(true);
    expect(reasons(cluster)).toEqual(['InsufficientPorts 2']);
    expect(cluster.marathon.tasks()).toEqual([]);
    expect(violations(cluster)).toEqual([]);
  });

  test('an app too large for every agent waits, for want of CPUs and memory', () => {
    const cluster = DcosCluster.create({ seed: 1, agents: 2, publicAgents: 0 });
    cluster.marathon.add(bridged({ cpus: 9 }));
    expect(cluster.settle()).toBe(true);
    expect(reasons(cluster)).toEqual(['InsufficientCpus 2']);
    const other = DcosCluster.create({ seed: 1, agents: 2, publicAgents: 0 });
    other.marathon.add(bridged({ mem: 100_000 }));
    expect(other.settle()).toBe(true);
    expect(reasons(other)).toEqual(['InsufficientMemory 2']);
  });

  test('300 tasks for one /25: 125 get addresses, the others fail in the words of Docker and wait; nothing leaks', () => {
    const cluster = DcosCluster.create({ seed: 1, agents: 1, publicAgents: 0, cpus: 100 });
    const seen = failures(cluster);
    const mapping = { containerPort: 3141 };
    cluster.marathon.add(bridged({ instances: 300, networks: [{ mode: 'container', name: 'dcos' }] }, mapping));
    expect(cluster.settle()).toBe(true);
    // 128 addresses less network, broadcast and gateway.
    expect(cluster.marathon.tasks().filter(({ state }) => state === 'TASK_RUNNING').length).toBe(125);
    expect([...seen.messages]).toEqual([
      "Container exited with status 125: docker: Error response from daemon: no available IPv4 addresses on this network's address pools: dcos (ID)",
    ]);
    expect(cluster.marathon.queue()).toMatchObject([{ count: 175, delay: { overdue: false } }]);
    expect(violations(cluster)).toEqual([]);
    expect(cluster.agent('S0').machine.config.docker.containers.length).toBe(125);
    // Marathon ends running instances before waiting ones; the addresses they give back serve those.
    cluster.marathon.scale('/x', 100, { force: true });
    expect(cluster.settle()).toBe(true);
    expect(cluster.marathon.tasks()).toEqual([]);
    cluster.advance('10min');
    cluster.marathon.scale('/x', 125);
    expect(cluster.settle()).toBe(true);
    expect(cluster.marathon.tasks().filter(({ state }) => state === 'TASK_RUNNING').length).toBe(125);
    expect(violations(cluster)).toEqual([]);
  });
});
