/**
 * One line of a shell: commands joined by `|`, with bash's quoting, each handed to its simulated tool.
 * The line is split by the shell-quote library. Everything else of bash (`;`, `&&`, redirections, `$(...)`, variables,
 * globs, comments) is refused by name.
 */
import { parse } from 'shell-quote';
import { Refusal } from '../base/refusal.ts';
import { ok, shorten } from './result.ts';
import type { Host, Tool, ToolResult } from './tool.ts';

/** The tools a shell knows, by name. */
export type ToolRegistry = ReadonlyMap<string, Tool>;

/** What a line printed: as text it is its standard output. */
export class ShellResult implements ToolResult {
  constructor(
    readonly stdout: string,
    readonly stderr: string,
    /** The last command's exit code. */
    readonly code: number,
  ) {}

  toString(): string {
    return this.stdout;
  }
}

/** Longest line taken, in characters. */
const LONGEST_LINE = 65_536;

/**
 * Runs one line on a machine.
 * @throws Refusal of component `shell` for a command or syntax it does not have, or of a tool's
 */
export function runShell(line: string, host: Host, registry: ToolRegistry): ShellResult {
  const commands = splitLine(line);
  const tools = commands.map((words) => findTool(words, registry));
  let result: ToolResult = ok('');
  let stderr = '';
  for (const { tool, args } of tools) {
    result = tool.run(args, host, result.stdout);
    stderr += result.stderr;
  }
  return new ShellResult(result.stdout, stderr, result.code);
}

/**
 * A line's commands, each as its words.
 * @throws Refusal for syntax that is not modelled
 */
export function splitLine(line: string): readonly (readonly string[])[] {
  if (line.length > LONGEST_LINE) throw refuse('too-long', 'bash: Argument list too long');
  checkQuotes(line);
  const commands: string[][] = [[]];
  const entries = parse(line, (name) => {
    throw notModelled(`the variable $${shorten(name)}`);
  });
  for (const entry of entries) {
    if (typeof entry === 'string') commands.at(-1)?.push(entry);
    else if ('comment' in entry) throw notModelled('a comment');
    else if (entry.op === 'glob') throw notModelled(`the pattern ${shorten('pattern' in entry ? String(entry.pattern) : '')}`);
    else if (entry.op === '|') commands.push([]);
    else throw notModelled(`\`${shorten(entry.op)}'`);
  }
  if (commands.length === 1 && commands[0]?.length === 0) return [];
  if (commands.some((words) => words.length === 0)) throw refuse('syntax-error', "bash: syntax error near unexpected token `|'");
  return commands;
}

/** What the splitting library would let through unnoticed: open quotes, command substitution, line ends, braces. */
function checkQuotes(line: string): void {
  let quote = '';
  let braces = 0;
  for (let i = 0; i < line.length; i++) {
    const c = line.charAt(i);
    if (quote === "'") {
      if (c === "'") quote = '';
      continue;
    }
    if (c === '\\') i++;
    else if (c === '`' || (c === '$' && line[i + 1] === '(')) throw notModelled('command substitution');
    else if (c === '$' && line[i + 1] === '{')
      throw notModelled(`the variable $${shorten(line.slice(i + 1).split('}')[0] ?? '')}}`);
    else if (c === '"') quote = quote === '' ? c : '';
    else if (quote === '') {
      if (c === "'") quote = c;
      if (c === '\n' || c === '\r') throw notModelled('more than one line');
      if (c === '{') braces++;
      if (c === '}') braces--;
      if (braces > 0 && c === ',') throw notModelled('brace expansion');
      if (c === '~' && (i === 0 || line[i - 1] === ' ')) throw notModelled('~');
    }
  }
  if (quote !== '') throw refuse('syntax-error', `bash: unexpected EOF while looking for matching \`${quote}'`);
}

function findTool(words: readonly string[], registry: ToolRegistry): { readonly tool: Tool; readonly args: readonly string[] } {
  let shell = 'bash';
  let rest = words;
  while (rest[0] === 'sudo') {
    shell = 'sudo';
    rest = rest.slice(1);
    const option = rest[0];
    if (option === undefined) throw refuse('syntax-error', 'usage: sudo command');
    if (option.startsWith('-')) throw notModelled(`sudo's option ${shorten(option)}`);
  }
  const [name = '', ...args] = rest;
  if (/^\w+=/.test(name)) throw notModelled(`the assignment ${shorten(name)}`);
  if (name === 'help') return { tool: help(registry), args };
  const tool = registry.get(name.startsWith('/') ? (name.split('/').at(-1) ?? '') : name);
  if (tool === undefined) throw refuse('command-not-found', `${shell}: ${shorten(name)}: command not found`, name);
  return { tool, args };
}

function help(registry: ToolRegistry): Tool {
  return {
    name: 'help',
    summary: 'list the commands',
    run(args) {
      const [wanted] = args;
      const tools = [...registry.values(), help(registry)].sort((a, b) => (a.name < b.name ? -1 : 1));
      const shown = wanted === undefined ? tools : tools.filter((tool) => tool.name === wanted);
      if (shown.length === 0)
        return { stdout: '', stderr: `bash: help: no help topics match \`${shorten(wanted ?? '')}'.\n`, code: 1 };
      const width = Math.max(...shown.map((tool) => tool.name.length));
      return ok(shown.map((tool) => `${tool.name.padEnd(width)}  ${tool.summary}\n`).join(''));
    },
  };
}

function notModelled(what: string): Refusal {
  return refuse('not-modelled', `bash: ${what} is not modelled; a line is commands joined by |`, what);
}

function refuse(code: string, message: string, path = ''): Refusal {
  return new Refusal({ component: 'shell', code, path: shorten(path), message });
}
