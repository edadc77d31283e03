/** A session with iptables 1.8.9 (legacy) on Linux 6.18, command by command: what it printed, and its exit codes. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Refusal } from '../src/base/refusal.ts';
import { iptables } from '../src/tools/iptables/iptables.ts';
import { iptablesRestore } from '../src/tools/iptables/iptables-restore.ts';
import { iptablesSave } from '../src/tools/iptables/iptables-save.ts';
import type { Host, Tool } from '../src/tools/tool.ts';
import { fakeHost } from './fake-host.ts';

const SESSION = new URL('../../conformance/recorded/kernel/formats/iptables-1.8.9-session.txt', import.meta.url);
const TOOLS = new Map([iptables('1.8.9'), iptablesSave('1.8.9'), iptablesRestore('1.8.9')].map((tool) => [tool.name, tool]));

test('every command of a session answers as iptables did: counters, lists, renaming, ranges, restoring', () => {
  const host = fakeHost();
  const commands = readFileSync(SESSION, 'utf8').split(/^\$ /m).slice(1);
  expect(commands.length).toBeGreaterThan(100);
  for (const command of commands) {
    const [line = '', ...rest] = command.trimEnd().split('\n');
    const [name = '', ...args] = line.split(' ');
    const tool = TOOLS.get(name);
    if (tool === undefined) throw new Error(`no tool ${name}`);
    expect
      .soft(`$ ${line}\n${answer(tool, args, host, marked(rest, '< '))}`)
      .toBe(`$ ${line}\n${rest.filter((one) => !one.startsWith('< ')).join('\n')}`);
  }
});

function marked(lines: readonly string[], mark: string): string {
  return lines
    .filter((line) => line.startsWith(mark))
    .map((line) => `${line.slice(mark.length)}\n`)
    .join('');
}

function answer(tool: Tool, args: readonly string[], host: Host, stdin: string): string {
  const { stdout, stderr, code } = asked(tool, args, host, stdin);
  const lines = (text: string, mark: string) =>
    text
      .split('\n')
      .slice(0, -1)
      .filter((line) => !line.startsWith('#'))
      .map((line) => mark + line);
  return [...lines(stdout, '1 '), ...lines(stderr, '2 '), `= ${code}`].join('\n');
}

function asked(tool: Tool, args: readonly string[], host: Host, stdin: string) {
  try {
    return tool.run(args, host, stdin);
  } catch (error) {
    // What a tool does not know is a Refusal with its words.
    if (!(error instanceof Refusal)) throw error;
    return { stdout: '', stderr: `${error.message}\nTry \`iptables -h' or 'iptables --help' for more information.\n`, code: 2 };
  }
}
