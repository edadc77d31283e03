import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Refusal } from '../src/base/refusal.ts';
import { jq } from '../src/tools/jq/jq.ts';
import { fakeHost } from './fake-host.ts';

const host = fakeHost();
const filter = (args: readonly string[], stdin: string) => jq.run(args, host, stdin);

/** What jq 1.6 printed for each program and input: `jq -c PROGRAM`, stdout, exit code, stderr. */
const ANSWERS = readFileSync(new URL('../../conformance/recorded/jq/answers.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as { program: string; answers: [string, string, number, string][] });

/** Where jq says something else on stderr, or folds constants and literals while it compiles. */
const OTHER_WORDS = ['fromjson', 'tonumber'];
const FOLDED = ['1/0', '.e1'];

test('every recorded answer of jq 1.6 is given, or the program refused by name', () => {
  let agreed = 0;
  const refused = new Set<string>();
  for (const { program, answers } of ANSWERS) {
    if (FOLDED.includes(program)) continue;
    for (const [input, stdout, code, stderr] of answers) {
      try {
        const result = filter(['-c', program], input);
        expect([program, input, result.stdout, result.code]).toEqual([program, input, stdout, code]);
        if (code === 5 && !OTHER_WORDS.includes(program))
          expect([program, input, result.stderr]).toEqual([program, input, stderr]);
        agreed++;
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        refused.add(program);
      }
    }
  }
  expect([...refused]).toEqual([
    'map_values(empty)',
    'with_entries(.value|=tostring)',
    'ascii(65)',
    'error',
    '. as [$a]|1',
    '@csv',
  ]);
  expect(agreed).toBeGreaterThan(1100);
});

const STATE = JSON.stringify([
  { NetworkSettings: { Ports: {}, IPs: [], Networks: { dcos: { IPAddress: '9.0.3.131', Aliases: ['f90839231484'] } } } },
]);

test("the post's filters, printed as jq does", () => {
  const tasks = '{"tasks":[{"ports":[16327],"slaveId":"S2"},{"ports":[1,2],"slaveId":"S3"}]}';
  expect(filter(['-r', '.tasks[].ports[]'], tasks).stdout).toBe('16327\n1\n2\n');
  expect(filter(['-r', '.tasks[].slaveId'], tasks).stdout).toBe('S2\nS3\n');
  expect(filter(['.tasks[].slaveId'], tasks).stdout).toBe('"S2"\n"S3"\n');
  expect(filter(['-r', '.[].NetworkSettings.Networks.dcos'], STATE).stdout).toBe(
    '{\n  "IPAddress": "9.0.3.131",\n  "Aliases": [\n    "f90839231484"\n  ]\n}\n',
  );
  expect(filter(['.[].NetworkSettings|{Ports,IPs}'], STATE).stdout).toBe('{\n  "Ports": {},\n  "IPs": []\n}\n');
  expect(filter(['-cS', '.'], '{"b":1,"a":{"d":1,"c":2}}').stdout).toBe('{"a":{"c":2,"d":1},"b":1}\n');
  expect(filter(['-n', '1+1'], '').stdout).toBe('2\n');
  expect(filter(['-s', '-c', '.'], '1').stdout).toBe('[1]\n');
  expect(filter(['-j', '.[]'], '["a",1,"b"]').stdout).toBe('a1b');
  expect(filter(['.'], '').stdout).toBe('');
  expect(filter(['-e', '.x'], '{}')).toMatchObject({ stdout: 'null\n', code: 1 });
  expect(filter(['-r', '.[] | "\\(.a)-\\(.b | join("+"))"'], '[{"a":1,"b":["x","y"]}]').stdout).toBe('1-x+y\n');
});

test('bad programs and bad input', () => {
  const broken = (program: string, what: string) =>
    `jq: error: ${what} at <top-level>, line 1:\n${program}\njq: 1 compile error\n`;
  expect(filter(['.a['], '{}')).toEqual({
    stdout: '',
    code: 3,
    stderr: broken('.a[', 'syntax error, unexpected $end (Unix shell quoting issues?)'),
  });
  expect(filter(['foo'], '{}')).toEqual({ stdout: '', code: 3, stderr: broken('foo', 'foo/0 is not defined') });
  expect(filter(['$x'], '{}')).toEqual({ stdout: '', code: 3, stderr: broken('$x', '$x is not defined') });
  expect(filter(['. as $x | 1 | $y'], '{}').stderr).toContain('$y is not defined');
  expect(filter(['.'], 'no json')).toMatchObject({ stdout: '', code: 2, stderr: expect.stringContaining('parse error') });
  expect(filter(['.[]'], '1\n')).toEqual({
    stdout: '',
    code: 5,
    stderr: 'jq: error (at <stdin>:1): Cannot iterate over number (1)\n',
  });
});

test('names that every JavaScript object has are nothing special', () => {
  for (const name of ['__proto__', 'constructor', 'toString', 'length', 'hasOwnProperty']) {
    expect(filter(['-c', `.${name}, has("${name}")`], '{}').stdout).toBe('null\nfalse\n');
    expect(filter(['-c', `{${name}: 1} | ., keys`], '{}').stdout).toBe(`{"${name}":1}\n["${name}"]\n`);
    expect(filter(['-c', `.${name}`], `{"${name}":{"a":1}}`).stdout).toBe('{"a":1}\n');
    expect(filter([name === 'length' ? 'foo' : name], '{}').code).toBe(3);
  }
});

test('clock, environment, regular expressions, definitions, assignments and endless loops are refused by name', () => {
  const cases = [
    ['now', 'the function now/0'],
    ['"\\(now)"', 'the function now/0'],
    ['if false then now else 1 end', 'the function now/0'],
    ['try now catch 1', 'the word try'],
    ['env', 'the function env/0'],
    ['$ENV.HOME', 'the variable $ENV'],
    ['test("(a+)+b")', 'the function test/1'],
    ['[limit(3; repeat(1))]', 'the function repeat/1'],
    ['[range(1e15)]', 'more work than 1000000 steps'],
    ['"x" * 1e9', 'a text of more than 1000000 characters'],
    ['def map(f): 42; map(.)', 'the word def'],
    ['.a = 1', 'the operator ='],
    ['.a |= 1', 'the operator |='],
    ['. # x', 'a comment'],
    ['@base64', 'a format (@)'],
    [`${'['.repeat(300)}${']'.repeat(300)}`, 'a program nested deeper than 200'],
    [`.${' '.repeat(20_000)}`, 'a program of more than 10000 characters'],
  ] as const;
  for (const [program, what] of cases) {
    expect(() => filter([program], 'null'), program).toThrow(
      expect.objectContaining({ component: 'jq', code: 'not-modelled', message: `jq: ${what} is not modelled` }),
    );
  }
  expect(() => filter(['-C', '.'], '1')).toThrow('jq: option -C is not modelled');
  expect(() => filter(['--foo', '.'], '1')).toThrow('jq: Unknown arguments: --foo');
  expect(() => filter(['.', 'file.json'], '1')).toThrow('reading the file file.json is not modelled');
});

test('`.` gives back any JSON, and any program is an answer or a Refusal', () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
      const text = JSON.stringify(value);
      expect(filter(['-c', '.'], text).stdout).toBe(`${JSON.stringify(JSON.parse(text))}\n`);
      expect(filter(['.'], text).stdout).toBe(`${JSON.stringify(JSON.parse(text), undefined, 2)}\n`);
    }),
  );
  const piece = fc.constantFrom(
    '.',
    '.a',
    '[',
    ']',
    '(',
    ')',
    '{',
    '}',
    '|',
    ',',
    ':',
    '"x',
    '"',
    '\\(',
    '1',
    '-',
    '+',
    '?',
    '//',
    'if',
    'then',
    'else',
    'end',
    'map',
    'keys',
    'as',
    '$x',
    ' ',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 10 }), fc.jsonValue(), (pieces, value) => {
      try {
        filter([` ${pieces.join('')}`], JSON.stringify(value));
      } catch (error) {
        expect(error).toBeInstanceOf(Refusal);
      }
    }),
    { numRuns: 5000 },
  );
});
