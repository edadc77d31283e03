/** `iptables-save`: all tables in use as text. Follows iptables 1.8.9; the date is virtual time's, in UTC. */
import { printSave, TABLES } from '../../kernel/netfilter/save.ts';
import { readOptions } from '../options.ts';
import { failed, ok } from '../result.ts';
import { asctime } from '../time.ts';
import type { Tool } from '../tool.ts';
import type { IptablesVersion } from './list.ts';

const OPTIONS = {
  flags: [
    ['c', 'counters'],
    ['h', 'help'],
    ['V', 'version'],
  ],
  values: [['t', 'table']],
  unmodelled: ['f', 'file', 'M', 'modprobe', 'd', 'dump'],
};

/** Makes the tool, as part of one release. */
export function iptablesSave(version: IptablesVersion = '1.4.21'): Tool {
  return {
    name: 'iptables-save',
    summary: 'print the rules of all tables in a form that iptables-restore reads',
    run(args, host) {
      const options = readOptions('iptables-save', OPTIONS, args, (option) => `iptables-save: unrecognized option '${option}'`);
      if (options.has('h')) return ok('Usage: iptables-save [-c] [-t table]\n');
      if (options.has('V')) return ok(`iptables-save v${version}\n`);
      if (options.words.length > 0) return failed(1, 'Unknown arguments found on commandline');
      const wanted = options.value('t');
      const table = TABLES.find((name) => name === wanted);
      if (wanted !== undefined && table === undefined) {
        return failed(1, `iptables-save v${version}: Cannot initialize: Table does not exist (do you need to insmod?)\n`);
      }
      return ok(
        printSave(host.config.host.netfilter, {
          ...(table === undefined ? {} : { tables: [table] }),
          counters: (name, chain) => host.counters(name, chain),
          ruleCounters: options.has('c'),
          generated: { program: `iptables-save v${version}`, date: asctime(host.epoch + host.now) },
        }),
      );
    },
  };
}
