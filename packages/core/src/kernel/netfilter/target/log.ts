/**
 * LOG: a line in the kernel log.
 * Follows linux net/netfilter/nf_log_syslog.c (6.1) and iptables 1.8.9, extensions/libxt_LOG.c.
 */
import type { OptionDescription } from '../extension.ts';
import { LOG_FLAG, packetLog } from '../log-text.ts';
import { parameterProblem, quoteWord, shorten } from '../notation.ts';
import type { TargetDescription } from '../targets.ts';

/** How a line is made. */
export interface LogTarget {
  readonly name: 'LOG';
  readonly level: number;
  readonly prefix: string;
  /** Bits of {@link LOG_FLAG}. */
  readonly flags: number;
}

const WARNING = 4;
const LEVELS: readonly (readonly [string, number])[] = [
  ['alert', 1],
  ['crit', 2],
  ['debug', 7],
  ['emerg', 0],
  ['error', 3],
  ['info', 6],
  ['notice', 5],
  ['panic', 0],
  ['warning', WARNING],
];
/** As `-L` names them, by number. */
const NAMES = ['emerg', 'alert', 'crit', 'error', 'warn', 'notice', 'info', 'debug'];
const MOST_PREFIX = 29;
const FLAGS: readonly (readonly [flag: string, bit: number, listed: string])[] = [
  ['--log-tcp-sequence', LOG_FLAG.tcpSequence, ' tcp-sequence'],
  ['--log-tcp-options', LOG_FLAG.tcpOptions, ' tcp-options'],
  ['--log-ip-options', LOG_FLAG.ipOptions, ' ip-options'],
  ['--log-uid', LOG_FLAG.uid, ' uid'],
  ['--log-macdecode', LOG_FLAG.macDecode, ' macdecode'],
];

function bitOption(flag: string, bit: number): OptionDescription<LogTarget> {
  return {
    flags: [flag],
    arity: 0,
    read: (_, into) => {
      into.flags |= bit;
    },
    write: ({ flags }) => (flags & bit ? { words: [], not: false } : undefined),
  };
}

/** `-j LOG` */
export const log: TargetDescription<LogTarget> = {
  name: 'LOG',
  options: [
    {
      flags: ['--log-prefix'],
      read({ words: [text = ''] }, into) {
        if (text.includes('\n')) throw parameterProblem('LOG: Newlines not allowed in --log-prefix', '--log-prefix');
        into.prefix = text.slice(0, MOST_PREFIX);
      },
      write: ({ prefix }) => (prefix === '' ? undefined : { words: [quoteWord(prefix)], not: false }),
    },
    {
      flags: ['--log-level'],
      read({ words: [text = ''] }, into) {
        const named = LEVELS.find(([name]) => name === text.toLowerCase() || (text.length > 2 && name.startsWith(text)));
        const level = /^[0-7]$/.test(text) ? Number(text) : named?.[1];
        if (level === undefined) throw parameterProblem(`log level "${shorten(text)}" unknown`, '--log-level');
        into.level = level;
      },
      write: ({ level }) => (level === WARNING ? undefined : { words: [String(level)], not: false }),
    },
    ...FLAGS.map(([flag, bit]) => bitOption(flag, bit)),
  ],
  start: () => ({ name: 'LOG', level: WARNING, prefix: '', flags: 0 }),
  list({ level, prefix, flags }, numeric) {
    const head = numeric ? `LOG flags ${flags} level ${level}` : `LOG level ${NAMES[level]}${flagNames(flags)}`;
    return `${head}${prefix === '' ? '' : ` prefix "${prefix}"`}`;
  },
  act:
    ({ prefix, flags }) =>
    (host, skb) =>
      host.log(`${prefix}${packetLog(skb, flags)}`),
};

function flagNames(flags: number): string {
  return FLAGS.filter(([, bit]) => flags & bit)
    .map(([, , name]) => name)
    .join('');
}
