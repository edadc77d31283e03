/**
 * The dcos command line, as far as the post uses it: apps, tasks, packages, nodes. It talks to the cluster's Marathon; where it
 * reads a file, the file is one of the cluster's `files` or comes by a pipe. Follows dcos-cli 0.8 with dcos-core-cli 1.13.
 */
import { type OptionTable, Refusal, readOptions, type Tool, type ToolResult } from '@portolan/core';
import type { Marathon } from '@portolan/scheduler';
import { nodeSsh, type SshTarget } from './dcos-node.ts';

/** What the command line reaches. */
export interface DcosCliTarget {
  readonly marathon: Marathon;
  readonly nodes: SshTarget;
  /** Files of the person at the terminal, by name. */
  readonly files: ReadonlyMap<string, string>;
  install(packageName: string): void;
}

const OPTIONS: OptionTable = { flags: [['yes'], ['h', 'help'], ['force']] };

const USAGE = `Usage:
    dcos marathon app add FILE
    dcos marathon app update ID FILE
    dcos marathon app show ID
    dcos marathon app list
    dcos marathon app remove ID
    dcos package install NAME [--yes]
    dcos node ssh --leader | --mesos-id ID | --private-ip IP [--master-proxy] [--user USER] [COMMAND]
`;

type Command = (words: readonly string[], target: DcosCliTarget, stdin: string) => string;

const COMMANDS: ReadonlyMap<string, Command> = new Map<string, Command>([
  [
    'marathon app add',
    ([file], target, stdin) => {
      target.marathon.add(read(file, target, stdin));
      const [deployment] = target.marathon.deployments().slice(-1);
      return deployment === undefined ? '' : `Created deployment ${deployment.id}\n`;
    },
  ],
  [
    'marathon app update',
    ([id, file], target, stdin) => {
      target.marathon.update(needed(id, 'ID'), read(file, target, stdin));
      const deployment = target.marathon.deployments().find(({ appId }) => appId === target.marathon.app(needed(id, 'ID')).id);
      return deployment === undefined ? '' : `Created deployment ${deployment.id}\n`;
    },
  ],
  ['marathon app show', ([id], target) => `${JSON.stringify(target.marathon.show(needed(id, 'ID')), null, 2)}\n`],
  ['marathon app list', (_, target) => listing(target.marathon)],
  [
    'marathon app remove',
    ([id], target) => {
      target.marathon.remove(needed(id, 'ID'));
      return '';
    },
  ],
  [
    'package install',
    ([name], target) => {
      target.install(needed(name, 'NAME'));
      return `Installing Marathon app for package [${name}]\n`;
    },
  ],
]);

/** The `dcos` command. */
export function dcosCli(target: DcosCliTarget): Tool {
  return {
    name: 'dcos',
    summary: 'the DC/OS command line: marathon app, package install, node ssh',
    run: (args, _, stdin): ToolResult => {
      if (args[0] === 'node' && args[1] === 'ssh') return nodeSsh(args.slice(2), target.nodes);
      const options = readOptions('dcos', OPTIONS, args, (option) => `dcos: unknown option ${option}`);
      if (options.has('h') || options.words.length === 0) return { stdout: USAGE, stderr: '', code: 0 };
      for (const [name, command] of COMMANDS) {
        const words = name.split(' ');
        if (words.every((word, i) => options.words[i] === word))
          return { stdout: command(options.words.slice(words.length), target, stdin), stderr: '', code: 0 };
      }
      const asked = options.words.slice(0, 3).join(' ').slice(0, 80);
      throw new Refusal({
        component: 'dcos',
        code: 'not-modelled',
        message: `dcos: '${asked}' is not modelled; see dcos --help`,
      });
    },
  };
}

function read(file: string | undefined, target: DcosCliTarget, stdin: string): string {
  if (file === undefined) {
    if (stdin !== '') return stdin;
    throw new Refusal({
      component: 'dcos',
      code: 'usage',
      path: 'FILE',
      message: 'dcos: an app definition is needed: a file or a pipe',
    });
  }
  const text = target.files.get(file);
  if (text === undefined)
    throw new Refusal({
      component: 'dcos',
      code: 'no-such-file',
      path: file.slice(0, 80),
      message: `Can't open file: ${file.slice(0, 80)}`,
    });
  return text;
}

function needed(word: string | undefined, name: string): string {
  if (word === undefined)
    throw new Refusal({ component: 'dcos', code: 'usage', path: name, message: `dcos: ${name} is missing; see dcos --help` });
  return word;
}

function listing(marathon: Marathon): string {
  const rows = [
    ['ID', 'MEM', 'CPUS', 'TASKS'],
    ...marathon
      .apps()
      .map((app) => [app.id, String(app.mem), String(app.cpus), `${marathon.tasks(app.id).length}/${app.instances}`]),
  ];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
