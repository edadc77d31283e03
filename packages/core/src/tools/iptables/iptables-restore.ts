/**
 * `iptables-restore`: the tables that a saved text names are replaced; the text is read from a pipe.
 * Follows iptables 1.8.9 (iptables/iptables-restore.c). Differs: all or nothing, where the real one has changed the
 * tables before the bad line.
 */
import type { Draft } from 'immer';
import { Refusal } from '../../base/refusal.ts';
import { parameterProblem } from '../../kernel/netfilter/notation.ts';
import { type Restored, restore } from '../../kernel/netfilter/restore.ts';
import type { Chain, Netfilter, TableName } from '../../kernel/netfilter/rule.ts';
import { TABLES } from '../../kernel/netfilter/save.ts';
import { readOptions } from '../options.ts';
import { failed, ok, shorten } from '../result.ts';
import type { Host, Tool, ToolResult } from '../tool.ts';
import { parseCommand } from './command.ts';
import { applyCommand } from './edit.ts';
import { programName } from './iptables.ts';
import type { IptablesVersion } from './list.ts';

const OPTIONS = {
  flags: [
    ['t', 'test'],
    ['c', 'counters'],
    ['n', 'noflush'],
    ['h', 'help'],
    ['V', 'version'],
  ],
  values: [['T', 'table']],
  unmodelled: ['v', 'verbose', 'M', 'modprobe', 'w', 'wait', 'W', 'wait-interval'],
};

/** Makes the tool, as part of one release. */
export function iptablesRestore(version: IptablesVersion = '1.4.21'): Tool {
  const name = programName(version).replace('iptables', 'iptables-restore');
  return {
    name: 'iptables-restore',
    summary: 'replace the rules of tables by what iptables-save printed',
    run(args, host, stdin) {
      const options = readOptions(
        'iptables-restore',
        OPTIONS,
        args,
        (option) => `iptables-restore: unrecognized option '${option}'`,
      );
      if (options.has('h')) return ok('Usage: iptables-restore [-c] [-n] [-t] [-T table]\n');
      if (options.has('V')) return ok(`${name}\n`);
      const [word] = options.words;
      if (word !== undefined) return failed(1, `Can't open ${shorten(word)}: No such file or directory`);
      const only = TABLES.find((table) => table === options.value('T'));
      if (options.value('T') !== undefined && only === undefined) return ok('');
      let after: Restored;
      try {
        after = restore(stdin, host.config.host.netfilter, {
          counters: options.has('c'),
          noflush: options.has('n'),
          ...(only === undefined ? {} : { table: only }),
          otherwise: edit,
        });
      } catch (error) {
        if (error instanceof Refusal && error.code !== 'not-modelled') return explain(error, name);
        throw error;
      }
      if (!options.has('t')) take(host, after);
      return ok('');
    },
  };
}

/** Commands beside `-A`: those that change chains. */
function edit(table: TableName, chains: readonly Chain[], words: readonly string[]): readonly Chain[] {
  const command = parseCommand(['-t', table, ...words]);
  if (command === 'help' || command === 'version' || command.letter === 'L' || command.letter === 'S' || command.letter === 'Z')
    throw parameterProblem(`the command ${shorten(words[0] ?? '')} in a file is not modelled`, words[0], 'not-modelled');
  return applyCommand(chains, command).chains;
}

function take(host: Host, { netfilter, counters }: Restored): void {
  host.configure((draft) => {
    draft.host.netfilter = netfilter as Draft<Netfilter>;
  });
  for (const { table, chain, place, counter } of counters) host.setCounter(table, chain, place, counter);
}

/** A line that the kernel or its own syntax fails is told in a word, a bad option at length. */
function explain({ message, path }: Refusal, name: string): ToolResult {
  if (/^line \d+ failed$|^COMMIT expected/.test(message)) return failed(1, `iptables-restore: ${message}`);
  const line = path.replace('line ', '');
  return failed(
    2,
    `${name}: ${message}\nError occurred at line: ${line}\nTry \`iptables-restore -h' or 'iptables-restore --help' for more information.`,
  );
}
