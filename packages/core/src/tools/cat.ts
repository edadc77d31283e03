/**
 * `cat`: what it is given on its input, and the files of `/proc` that the model keeps: IPVS's. Other files there are none.
 */
import { procConnections, procServices, procStatistics } from '../kernel/ipvs/proc.ts';
import { readOptions } from './options.ts';
import { failed, ok, shorten } from './result.ts';
import type { Host, Tool } from './tool.ts';

const OPTIONS = { flags: [], unmodelled: ['A', 'b', 'e', 'E', 'n', 's', 't', 'T', 'u', 'v', 'help', 'version'] };

const FILES: ReadonlyMap<string, (host: Host) => string> = new Map([
  ['/proc/net/ip_vs', (host) => procServices(host.ipvs().services())],
  ['/proc/net/ip_vs_conn', (host) => procConnections(host.ipvs().connections(), host.now)],
  ['/proc/net/ip_vs_stats', (host) => procStatistics(host.ipvs().total)],
]);

/** The command. */
export const cat: Tool = {
  name: 'cat',
  summary: 'print /proc/net/ip_vs, ip_vs_conn or ip_vs_stats',
  run(args, host, stdin) {
    const { words } = readOptions('cat', OPTIONS, args, (option) => `cat: unrecognized option '${option}'`);
    if (words.length === 0) return ok(stdin);
    let stdout = '';
    const missing: string[] = [];
    for (const word of words) {
      const file = word === '-' ? () => stdin : FILES.get(word);
      if (file === undefined) missing.push(`cat: ${shorten(word)}: No such file or directory`);
      else stdout += file(host);
    }
    return missing.length === 0 ? ok(stdout) : failed(1, missing.join('\n'), stdout);
  },
};
