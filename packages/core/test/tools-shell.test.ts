import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Refusal } from '../src/base/refusal.ts';
import { jq } from '../src/tools/jq/jq.ts';
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
