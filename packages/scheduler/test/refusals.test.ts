/** What is refused, in which words, and that nothing changes by it. */
import { describe, expect, test } from 'vitest';
import { refusal } from './recorded.ts';
import { agent, refusalOf, SLEEP, world } from './world.ts';

describe('refusals leave everything as it was', () => {
  const cases: readonly (readonly [string, unknown, string, string])[] = [
    ['not JSON', '{', 'invalid-json', ''],
    ['no object', '[]', 'invalid-json', '/'],
    ['a port too high', { ...SLEEP, portDefinitions: [{ port: 65536 }] }, 'invalid-json', '/portDefinitions(0)/port'],
    ['not a number', { ...SLEEP, cpus: Number.NaN }, 'invalid-json', ''],
    ['infinity', '{"id":"a","cmd":"sleep","cpus":1e999}', 'invalid-json', ''],
    ['a fraction of an instance', { ...SLEEP, instances: 0.1 }, 'invalid-json', '/instances'],
    ['an unknown field', { ...SLEEP, prots: [] }, 'invalid-json', '/prots'],
    [
      'an unknown protocol',
      { ...SLEEP, portDefinitions: [{ protocol: 'tcp,udp' }] },
      'invalid-json',
      '/portDefinitions(0)/protocol',
    ],
    ['a nameless image', { id: 'a', container: { docker: {} } }, 'invalid-json', '/container/docker/image'],
    ['nothing to run', { id: 'a' }, 'invalid-app', '/'],
    ['no id', { cmd: 'sleep' }, 'invalid-json', '/id'],
    [
      'two host ports of one number',
      { ...SLEEP, portDefinitions: [{ port: 80 }, { port: 80 }] },
      'invalid-app',
      '/portDefinitions',
    ],
    ['a prototype', '{"id":"a","cmd":"sleep","__proto__":{"cpus":9}}', 'invalid-json', '/__proto__'],
    ['a pattern only Java knows', { ...SLEEP, constraints: [['rack', 'LIKE', '(?=a).*']] }, 'not-modelled', '/constraints(0)'],
    ['a pattern Java refuses too', { ...SLEEP, constraints: [['rack', 'LIKE', '(a']] }, 'invalid-app', '/constraints(0)'],
    ['an operator in lower case', { ...SLEEP, constraints: [['rack', 'cluster', 'a']] }, 'invalid-app', ''],
    ['an existing id', { ...SLEEP, id: 'here' }, 'app-exists', ''],
  ];
  for (const [name, posted, code, path] of cases) {
    test(name, () => {
      const w = world(1);
      w.marathon.add({ ...SLEEP, id: 'here' });
      w.settle();
      const before = [w.marathon.apps(), w.clock.now];
      const refused = refusal(() => w.marathon.add(posted));
      expect([refused.code, refused.path]).toEqual([code, path]);
      expect(refused.message).not.toContain('\n');
      expect(refused.message.length).toBeLessThan(300);
      w.settle();
      expect([w.marathon.apps(), w.clock.now]).toEqual(before);
    });
  }

  test('hostile JSON is refused quickly', () => {
    const w = world(1);
    const circle: { self?: object } = {};
    circle.self = circle;
    for (const posted of [
      '['.repeat(1_000_000),
      ' '.repeat(10_000_000),
      circle,
      Array(1_000_000).fill({}),
      { id: 'a'.repeat(9_000_000) },
      () => 1,
    ]) {
      expect(refusal(() => w.marathon.add(posted)).code).toBe('invalid-json');
    }
    expect(refusal(() => w.marathon.add({ ...SLEEP, id: `/${'a-'.repeat(1_000_000)}` })).message).toBe('error.pattern');
  }, 5000);

  test('labels named like parts of objects are only labels', () => {
    const w = world(1);
    w.marathon.add('{"id":"a","cmd":"sleep","labels":{"__proto__":"x","constructor":"y"}}');
    w.settle();
    expect(w.launched[0]?.labels).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
    expect(JSON.stringify(w.marathon.show('a'))).toContain('"labels":{"__proto__":"x","constructor":"y"}');
    expect(refusal(() => w.marathon.app('__proto__')).code).toBe('app-missing');
  });

  test('agents', () => {
    const w = world(1);
    expect(refusalOf(() => w.master.addAgent(agent(0)))).toBe('agent-exists');
    expect(refusalOf(() => w.master.addAgent(agent(1, { ports: [{ begin: 5, end: 65536 }] })))).toBe('bad-ranges');
    expect(refusalOf(() => w.master.addAgent(agent(1, { cpus: Number.NaN })))).toBe('bad-agent');
    expect(refusalOf(() => w.master.removeAgent('S9'))).toBe('agent-missing');
    expect(w.master.agents().length).toBe(1);
  });

  test('unknown ids', () => {
    const { marathon } = world(1);
    const missing = (run: () => unknown): unknown => [refusal(run).code, refusal(run).status];
    expect(missing(() => marathon.scale('nope', 1))).toEqual(['app-missing', 404]);
    expect(missing(() => marathon.remove('nope'))).toEqual(['app-missing', 404]);
    expect(missing(() => marathon.show('nope'))).toEqual(['app-missing', 404]);
    expect(missing(() => marathon.killTask('nope'))).toEqual(['task-missing', 404]);
  });
});
