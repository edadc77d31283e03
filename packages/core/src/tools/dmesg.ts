/** `dmesg`: the kernel log. Follows util-linux 2.23 of CentOS 7; times count from the cluster's start. */
import { readOptions } from './options.ts';
import { failed, lines, ok, shorten } from './result.ts';
import type { Tool } from './tool.ts';

const OPTIONS = {
  flags: [
    ['h', 'help'],
    ['V', 'version'],
    ['t', 'notime'],
  ],
  unmodelled: [
    'C',
    'clear',
    'c',
    'read-clear',
    'D',
    'console-off',
    'd',
    'show-delta',
    'e',
    'reltime',
    'E',
    'console-on',
    'F',
    'file',
    'f',
    'facility',
    'H',
    'human',
    'k',
    'kernel',
    'L',
    'color',
    'l',
    'level',
    'n',
    'console-level',
    'P',
    'nopager',
    'r',
    'raw',
    'S',
    'syslog',
    's',
    'buffer-size',
    'T',
    'ctime',
    'u',
    'userspace',
    'w',
    'follow',
    'x',
    'decode',
  ],
};

/** The tool. */
export const dmesg: Tool = {
  name: 'dmesg',
  summary: 'print the kernel log: what LOG rules wrote',
  run(args, host) {
    const options = readOptions('dmesg', OPTIONS, args, (option) => `dmesg: unrecognized option '${option}'`);
    if (options.has('h')) return ok('\nUsage:\n dmesg [-t]\n');
    if (options.has('V')) return ok('dmesg from util-linux 2.23.2\n');
    const [word] = options.words;
    if (word !== undefined) return failed(1, `dmesg: unexpected argument: ${shorten(word)}`);
    const bare = options.has('t');
    return ok(lines(host.kernelLog().map(({ time, text }) => (bare ? text : `[${seconds(time)}] ${text}`))));
  },
};

/** Seconds with six places, as wide as the kernel writes them. */
function seconds(time: number): string {
  return (time / 1000).toFixed(6).padStart(12);
}
