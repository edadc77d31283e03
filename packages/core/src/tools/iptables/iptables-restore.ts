/**
 * `iptables-restore`: the tables that a saved text names are replaced; the text is read from a pipe.
 * Follows iptables 1.8.9 (iptables/iptables-restore.c). Differs: all or nothing, where the real one has changed the
 * tables before the bad line.
 */
import type { Draft } from 'immer';
import { Refusal } from '../../base/refusal.ts';
import type { Netfilter } from '../../kernel/netfilter/rule.ts';
import { parseSave } from '../../kernel/netfilter/save.ts';
import { readOptions } from '../options.ts';
import { failed, ok, shorten } from '../result.ts';
import type { Tool, ToolResult } from '../tool.ts';
import { programName } from './iptables.ts';
import type { IptablesVersion } from './list.ts';

const OPTIONS = {
  flags: [
    ['t', 'test'],
    ['h', 'help'],
    ['V', 'version'],
  ],
  unmodelled: ['c', 'counters', 'n', 'noflush', 'v', 'verbose', 'T', 'table', 'M', 'modprobe', 'w', 'wait', 'W', 'wait-interval'],
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
      if (options.has('h')) return ok('Usage: iptables-restore [-t]\n');
      if (options.has('V')) return ok(`${name}\n`);
      const [word] = options.words;
      if (word !== undefined) return failed(1, `Can't open ${shorten(word)}: No such file or directory`);
      let after: Netfilter;
      try {
        after = parseSave(stdin, host.config.host.netfilter);
      } catch (error) {
        if (error instanceof Refusal && error.code !== 'not-modelled') return explain(error, name);
        throw error;
      }
      if (!options.has('t')) {
        host.configure((draft) => {
          draft.host.netfilter = after as Draft<Netfilter>;
        });
      }
      return ok('');
    },
  };
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
