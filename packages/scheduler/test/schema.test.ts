/** The JSON Schema of an app against the parser: what one reads the other accepts. A schema's few keywords are checked here by themselves. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { prepareApp } from '../src/app/prepare.ts';
import { MarathonRefusal } from '../src/app/refusal.ts';
import { APP_SCHEMA } from '../src/app/schema.ts';

type Schema = boolean | { readonly [keyword: string]: unknown };

const TYPES: Readonly<Record<string, (value: unknown) => boolean>> = {
  object: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  array: Array.isArray,
  string: (value) => typeof value === 'string',
  boolean: (value) => typeof value === 'boolean',
  number: (value) => typeof value === 'number',
  integer: (value) => Number.isInteger(value),
};

function accepts(schema: Schema, value: unknown): boolean {
  if (typeof schema === 'boolean') return schema;
  return Object.entries(schema).every(([keyword, rule]) => {
    switch (keyword) {
      case '$schema':
      case 'title':
      case 'description':
        return true;
      case 'type':
        return TYPES[String(rule)]?.(value) === true;
      case 'enum':
        return (rule as unknown[]).includes(value);
      case 'anyOf':
        return (rule as Schema[]).some((one) => accepts(one, value));
      case 'minimum':
        return typeof value !== 'number' || value >= Number(rule);
      case 'maximum':
        return typeof value !== 'number' || value <= Number(rule);
      case 'minLength':
        return typeof value !== 'string' || value.length >= Number(rule);
      case 'maxLength':
        return typeof value !== 'string' || value.length <= Number(rule);
      case 'pattern':
        return typeof value !== 'string' || new RegExp(String(rule)).test(value);
      case 'items':
        return !Array.isArray(value) || value.every((item) => accepts(rule as Schema, item));
      case 'required':
        return !TYPES.object?.(value) || (rule as string[]).every((name) => name in (value as object));
      case 'properties':
        return Object.entries(rule as Record<string, Schema>).every(
          ([name, one]) => !TYPES.object?.(value) || !(name in (value as object)) || accepts(one, (value as never)[name]),
        );
      case 'additionalProperties': {
        if (!TYPES.object?.(value)) return true;
        const known = Object.keys((schema.properties as object | undefined) ?? {});
        return Object.entries(value as object).every(([name, one]) => known.includes(name) || accepts(rule as Schema, one));
      }
      default:
        throw new Error(`the keyword ${keyword}`);
    }
  });
}

/** Values good and bad, by field. */
const FIELDS: Readonly<Record<string, readonly unknown[]>> = {
  id: ['/app', '/a/b.c', 'A', '', 5, '/a//b', '..'],
  cmd: ['sleep 1', 'x', '', 5],
  args: [['a'], [], 'a', [1]],
  cpus: [1, 0, 0.001, -1, '1'],
  mem: [32, -1, 0],
  instances: [0, 3, 1.5, -1, 2 ** 31],
  env: [{ A: 'b' }, { A: 1 }, {}, []],
  labels: [{ a: 'b' }, { a: null }, 'a'],
  networks: [[], [{ mode: 'host' }], [{ mode: 'x' }], [{ name: 'a_b' }], [{ name: 'A' }], {}, [5]],
  portDefinitions: [
    [],
    [{ port: 0 }],
    [{ port: 65536 }],
    [{ port: 1.5 }],
    [{ name: 'a', protocol: 'udp,tcp' }],
    [{ protocol: 'tcp,udp' }],
  ],
  ports: [[0, 1], [-1], ['1']],
  requirePorts: [true, 'true'],
  container: [
    {},
    { type: 'DOCKER', docker: { image: 'a' } },
    { type: 'MESOS', portMappings: [{ containerPort: 0, hostPort: 80 }] },
    { type: 'X' },
    { docker: {} },
    { docker: { image: 'a', network: 'USER', parameters: [{ key: 'a', value: 'b' }] } },
    { volumes: [{ containerPath: 'a', persistent: { size: 1, type: 'root' } }] },
    { volumes: [{ hostPath: 'a' }] },
  ],
  healthChecks: [
    [{}],
    [{ protocol: 'HTTP', portIndex: 0 }],
    [{ protocol: 'COMMAND', command: { value: 'a' } }],
    [{ protocol: 'X' }],
    [{ portIndex: -1 }],
  ],
  readinessChecks: [[{}], [{ portName: 'A' }], [{ httpStatusCodesForReady: [99] }], [{ protocol: 'HTTPS' }]],
  constraints: [[['a', 'UNIQUE']], [['a', 1]], 'a'],
  upgradeStrategy: [{}, { minimumHealthCapacity: 0.5 }, { maximumOverCapacity: 2 }],
  unreachableStrategy: ['disabled', 'x', {}, { inactiveAfterSeconds: -1 }, { expungeAfterSeconds: 1 }],
  killSelection: ['OLDEST_FIRST', 'x'],
  backoffFactor: [1, 0.9],
  fetch: [[], [{ uri: 'a' }], [{}], [{ uri: '' }], ['a']],
  uris: [['a'], 'a'],
  dependencies: [['/a', '../b'], ['A'], ['']],
  ipAddress: [{}, { networkName: 'a', discovery: { ports: [{ name: 'a' }] } }, { discovery: { ports: [{}] } }],
  resourceLimits: [{}, { cpus: 'unlimited' }, { mem: 64 }, { mem: 'Infinity' }, { cpus: true }],
  nonsense: [1],
};

const definition = fc
  .subarray(Object.keys(FIELDS), { maxLength: 3 })
  .chain((names) => fc.record(Object.fromEntries(names.map((name) => [name, fc.constantFrom(...(FIELDS[name] ?? []))]))));

/** What the parser makes of a definition: read, or not; and whether its rules were met as well. */
function judged(posted: object): 'unread' | 'read' | 'taken' {
  try {
    prepareApp(posted, { frameworkRole: '*', defaultNetworkName: 'dcos' }, '/given');
    return 'taken';
  } catch (refusal) {
    if (!(refusal instanceof MarathonRefusal)) throw refusal;
    return refusal.code === 'invalid-json' ? 'unread' : 'read';
  }
}

test('what the parser takes the schema accepts, and what the schema accepts the parser reads', () => {
  const seen = { unread: 0, read: 0, taken: 0 };
  fc.assert(
    fc.property(definition, (fields) => {
      const posted = { cmd: 'sleep 1', ...fields };
      const verdict = judged(posted);
      seen[verdict]++;
      if (verdict === 'taken') expect(accepts(APP_SCHEMA as Schema, posted)).toBe(true);
      if (verdict === 'unread') expect(accepts(APP_SCHEMA as Schema, posted)).toBe(false);
    }),
    { numRuns: 2000 },
  );
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(50);
});

test('each value of each field alone, which is no matter of luck', () => {
  for (const [name, values] of Object.entries(FIELDS)) {
    for (const value of values) {
      const posted = { [name]: value };
      const verdict = judged(posted);
      if (verdict !== 'read') expect([posted, accepts(APP_SCHEMA as Schema, posted)]).toEqual([posted, verdict === 'taken']);
    }
  }
});
