/**
 * The long options that iptables has without any extension, each with its letter, and how a part of a name is completed.
 * Follows iptables 1.8.9 (iptables/iptables.c, original_opts) and getopt_long: the beginning of a name will do if only
 * one option begins so.
 */

/** Names with their letters; two names of one letter are one option. */
const LONG_OPTIONS: readonly (readonly [name: string, letter: string])[] = [
  ['--append', '-A'],
  ['--delete', '-D'],
  ['--check', '-C'],
  ['--insert', '-I'],
  ['--replace', '-R'],
  ['--list', '-L'],
  ['--list-rules', '-S'],
  ['--flush', '-F'],
  ['--zero', '-Z'],
  ['--new-chain', '-N'],
  ['--delete-chain', '-X'],
  ['--rename-chain', '-E'],
  ['--policy', '-P'],
  ['--source', '-s'],
  ['--src', '-s'],
  ['--destination', '-d'],
  ['--dst', '-d'],
  ['--protocol', '-p'],
  ['--in-interface', '-i'],
  ['--out-interface', '-o'],
  ['--jump', '-j'],
  ['--goto', '-g'],
  ['--match', '-m'],
  ['--fragments', '-f'],
  ['--set-counters', '-c'],
  ['--table', '-t'],
  ['--numeric', '-n'],
  ['--verbose', '-v'],
  ['--exact', '-x'],
  ['--line-numbers', '--line-numbers'],
  ['--wait', '-w'],
  ['--wait-interval', '-W'],
  ['--modprobe', '-M'],
  ['--version', '-V'],
  ['--help', '-h'],
  ['--ipv4', '-4'],
  ['--ipv6', '-6'],
];
const LETTERS: ReadonlyMap<string, string> = new Map(LONG_OPTIONS);

/** The letter of a long option whose whole name this is; a short option is its own. */
export function letterOf(flag: string): string {
  return LETTERS.get(flag) ?? flag;
}

/** Letters of all options whose names begin so. */
export function lettersFrom(start: string): readonly string[] {
  if (!start.startsWith('--')) return [];
  return [...new Set(LONG_OPTIONS.filter(([name]) => name.startsWith(start)).map(([, letter]) => letter))];
}
