import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Refusal } from '../src/base/refusal.ts';
import { jq } from '../src/tools/jq.ts';
import { runShell, splitLine } from '../src/tools/shell.ts';
import type { Tool } from '../src/tools/tool.ts';
import { fakeHost } from './fake-host.ts';

/** Prints its words, one a line, and what it was fed. */
const show: Tool = {
  name: 'show',
  summary: 'print the words',
  run: (args, _host, stdin) => ({
    stdout: args.map((arg) => `<${arg}>\n`).join('') + stdin,
    stderr: 'noise\n',
    code: args.length,
  }),
};
const registry = new Map([show, jq].map((tool) => [tool.name, tool]));
const host = fakeHost();
const run = (line: string) => runShell(line, host, registry);

test('words are split and quoted as bash does', () => {
  const cases = [
    ['docker ps --format "table {{.Names}}\\t{{.Status}}"', ['docker', 'ps', '--format', 'table {{.Names}}\\t{{.Status}}']],
    ["jq -r '.tasks[].ports[]'", ['jq', '-r', '.tasks[].ports[]']],
    ['iptables -A X -m comment --comment "a \\"b\\" c"', ['iptables', '-A', 'X', '-m', 'comment', '--comment', 'a "b" c']],
    ["a'b c'\"d\"\\ e ''", ['ab cd e', '']],
    ['iptables ! -i docker0', ['iptables', '!', '-i', 'docker0']],
    ["show '$(x) `y` ; > *'", ['show', '$(x) `y` ; > *']],
    ['show {{.Names}},{{.ID}}', ['show', '{{.Names}},{{.ID}}']],
    ['  ', undefined],
  ] as const;
  for (const [line, words] of cases) expect(splitLine(line), line).toEqual(words === undefined ? [] : [words]);
});

test('a pipeline feeds each command what the one before printed; sudo is nothing', () => {
  const result = run('sudo show a | show b "c d" | sudo show');
  expect(String(result)).toBe('<b>\n<c d>\n<a>\n');
  expect(result.stderr).toBe('noise\nnoise\nnoise\n');
  expect(result.code).toBe(0);
  expect(run('/sbin/show x').stdout).toBe('<x>\n');
  expect(run('')).toMatchObject({ stdout: '', code: 0 });
});

test('help lists the commands', () => {
  expect(run('help').stdout).toBe('help  list the commands\njq    filter JSON\nshow  print the words\n');
  expect(run('help jq').stdout).toBe('jq  filter JSON\n');
  expect(run('help foo')).toMatchObject({ stderr: "bash: help: no help topics match `foo'.\n", code: 1 });
});

test('what the shell does not have is a Refusal that names it, and no command runs', () => {
  const cases = [
    ['foo -x', 'command-not-found', 'bash: foo: command not found'],
    ['sudo foo', 'command-not-found', 'sudo: foo: command not found'],
    ['__proto__', 'command-not-found', 'bash: __proto__: command not found'],
    ['show | constructor', 'command-not-found', 'bash: constructor: command not found'],
    ['show a ; show b', 'not-modelled', "bash: `;' is not modelled"],
    ['show a && show b', 'not-modelled', "bash: `&&' is not modelled"],
    ['show a || show b', 'not-modelled', "bash: `||' is not modelled"],
    ['show a &', 'not-modelled', "bash: `&' is not modelled"],
    ['show a > file', 'not-modelled', "bash: `>' is not modelled"],
    ['show < file', 'not-modelled', "bash: `<' is not modelled"],
    ['show $(show)', 'not-modelled', 'bash: command substitution is not modelled'],
    ['show "`show`"', 'not-modelled', 'bash: command substitution is not modelled'],
    ['show $HOME', 'not-modelled', 'bash: the variable $HOME is not modelled'],
    [`show "$${'{HOME}'}"`, 'not-modelled', `bash: the variable $${'{HOME}'} is not modelled`],
    ['show *.txt', 'not-modelled', 'bash: the pattern *.txt is not modelled'],
    ['show {a,b}', 'not-modelled', 'bash: brace expansion is not modelled'],
    ['show ~', 'not-modelled', 'bash: ~ is not modelled'],
    ['show # x', 'not-modelled', 'bash: a comment is not modelled'],
    ['A=1 show', 'not-modelled', 'bash: the assignment A=1 is not modelled'],
    ['show\nshow', 'not-modelled', 'bash: more than one line is not modelled'],
    ['sudo -u root show', 'not-modelled', "bash: sudo's option -u is not modelled"],
    ['show | ', 'syntax-error', "bash: syntax error near unexpected token `|'"],
    ['show "abc', 'syntax-error', 'bash: unexpected EOF while looking for matching `"\''],
    [`show ${'x'.repeat(70_000)}`, 'too-long', 'bash: Argument list too long'],
  ] as const;
  for (const [line, code, message] of cases) {
    try {
      run(line);
      expect.fail(`${line} ran`);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      expect([line, error.component, error.code]).toEqual([line, 'shell', code]);
      expect(error.message.startsWith(message), `${line}: ${error.message}`).toBe(true);
    }
  }
});

test('any line is an answer or a Refusal, in time linear in its length', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ maxLength: 40 }), fc.stringMatching(/^show [a-c'"\\ $|{}*]{0,30}$/)), (line) => {
      try {
        run(line);
      } catch (error) {
        expect(error).toBeInstanceOf(Refusal);
      }
    }),
    { numRuns: 3000 },
  );
  for (const bad of ['"a', "'", '\\', '$', '${', '{,', '"$', '" "', "a'b'"]) {
    const line = `show ${bad.repeat(60_000 / bad.length)}`;
    const started = performance.now();
    try {
      run(line);
    } catch (error) {
      expect(error).toBeInstanceOf(Refusal);
    }
    expect(performance.now() - started, bad).toBeLessThan(2000);
  }
});

test('whatever words a line is made of come back', () => {
  const quote = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;
  fc.assert(
    fc.property(
      fc.array(
        fc.string({ maxLength: 10 }).filter((word) => !/[\n\r]/.test(word)),
        { minLength: 1 },
      ),
      (words) => {
        expect(splitLine(words.map(quote).join(' '))).toEqual([words]);
      },
    ),
    { numRuns: 2000 },
  );
});

const filter = (args: readonly string[], stdin: string) => jq.run(args, host, stdin);
const STATE = JSON.stringify([
  { NetworkSettings: { Ports: {}, IPs: [], Networks: { dcos: { IPAddress: '9.0.3.131', Aliases: ['f90839231484'] } } } },
]);

test("jq: the post's filters, printed as jq does", () => {
  const tasks = '{"tasks":[{"ports":[16327],"slaveId":"S2"},{"ports":[1,2],"slaveId":"S3"}]}';
  expect(filter(['-r', '.tasks[].ports[]'], tasks).stdout).toBe('16327\n1\n2\n');
  expect(filter(['-r', '.tasks[].slaveId'], tasks).stdout).toBe('S2\nS3\n');
  expect(filter(['.tasks[].slaveId'], tasks).stdout).toBe('"S2"\n"S3"\n');
  expect(filter(['-r', '.[].NetworkSettings.Networks.dcos'], STATE).stdout).toBe(
    '{\n  "IPAddress": "9.0.3.131",\n  "Aliases": [\n    "f90839231484"\n  ]\n}\n',
  );
  expect(filter(['.[].NetworkSettings|{Ports,IPs}'], STATE).stdout).toBe('{\n  "Ports": {},\n  "IPs": []\n}\n');
  expect(filter(['-c', '.[0].NetworkSettings.Networks | keys'], STATE).stdout).toBe('["dcos"]\n');
  expect(filter(['-cS', '.'], '{"b":1,"a":{"d":1,"c":2}}').stdout).toBe('{"a":{"c":2,"d":1},"b":1}\n');
  expect(filter(['-n', '1+1'], '').stdout).toBe('2\n');
  expect(filter(['.'], '').stdout).toBe('');
  expect(filter(['map(select(.a > 1) | .a) | length'], '[{"a":1},{"a":2},{"a":3}]').stdout).toBe('2\n');
  expect(filter(['-e', '.x'], '{}')).toMatchObject({ stdout: 'null\n', code: 1 });
});

test('jq: bad programs and bad input', () => {
  expect(filter(['.a['], '{}')).toMatchObject({ stdout: '', code: 3, stderr: expect.stringContaining('jq: 1 compile error') });
  expect(filter(['.'], 'no json')).toMatchObject({ stdout: '', code: 2, stderr: expect.stringContaining('parse error') });
  expect(filter(['.[]'], '1')).toMatchObject({
    stdout: '',
    code: 5,
    stderr: 'jq: error (at <stdin>:0): cannot iterate over number\n',
  });
});

test('jq: clock, environment, regular expressions, unbounded loops and definitions are refused by name', () => {
  const cases = [
    ['now', 'the function now/0'],
    ['"\\(now)"', 'the function now/0'],
    ['try now catch 1', 'the function'],
    ['env', 'the function env/0'],
    ['test("(a+)+b")', 'the function test/1'],
    ['[limit(3; repeat(1))]', 'the function repeat/1'],
    ['[range(1e15)]', 'the function range/1'],
    ['def map(f): 42; map(.)', 'the word def'],
    ['input', 'the function input/0'],
  ] as const;
  for (const [program, what] of cases) {
    expect(() => filter([program], 'null'), program).toThrow(
      expect.objectContaining({ component: 'jq', code: 'not-modelled', message: expect.stringContaining(what) }),
    );
  }
  expect(filter(['-c', 'map(.+1)'], '[1,2]').stdout).toBe('[2,3]\n');
  expect(() => filter(['-C', '.'], '1')).toThrow('jq: option -C is not modelled');
  expect(() => filter(['--foo', '.'], '1')).toThrow('jq: Unknown arguments: --foo');
  expect(() => filter(['.', 'file.json'], '1')).toThrow('reading the file file.json is not modelled');
});
