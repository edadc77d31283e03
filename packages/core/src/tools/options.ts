/**
 * The options of a command, read by the getopts library in GNU style: `-Ln`, `-n -L`, `--format=x`, `--format x`.
 * Each tool gives the table of its options; what is not in it is refused by name.
 */
import * as library from 'getopts';
import { Refusal } from '../base/refusal.ts';

/** The library's one function; its own declaration says it wrongly for an ES module. */
const getopts = (library as unknown as { readonly default: Getopts }).default;
type Getopts = (
  words: string[],
  options: {
    alias: { [name: string]: string[] };
    boolean: string[];
    string: string[];
    stopEarly: boolean;
    unknown: (name: string) => boolean;
  },
) => { [name: string]: unknown; _: string[] };

/** The options of a command: the name is a letter or a word; `-` and `--` are not part of it. */
export interface OptionTable {
  /** Options without a value: name, and other names for the same. */
  readonly flags: readonly (readonly string[])[];
  /** Options with a value. */
  readonly values?: readonly (readonly string[])[];
  /** Options that the real tool has and the model does not. */
  readonly unmodelled?: readonly string[];
  /** The first word that is no option ends the options. */
  readonly stopEarly?: boolean;
}

/** What was given: options by their first name, and the words that are no options. */
export interface Options {
  has(name: string): boolean;
  /** The value of an option; undefined if it was not given. The last one counts. */
  value(name: string): string | undefined;
  readonly words: readonly string[];
}

/** The text of an unknown option in the tool's own words. */
export type UnknownOption = (option: string) => string;

/**
 * Reads a command's words by its option table.
 * @throws Refusal `unknown-option` in the words given, or `not-modelled`, of the tool's name
 */
export function readOptions(tool: string, table: OptionTable, args: readonly string[], unknown: UnknownOption): Options {
  const aliases: { [name: string]: string[] } = Object.create(null);
  for (const [name = '', ...others] of [...table.flags, ...(table.values ?? [])]) aliases[encode(name)] = others.map(encode);
  let wrong: string | undefined;
  const parsed = getopts(
    joinValues(args, table).map((word) => (word.startsWith('--') ? `--${encode(word.slice(2))}` : word)),
    {
      alias: aliases,
      boolean: table.flags.flat().map(encode),
      string: (table.values ?? []).flat().map(encode),
      stopEarly: table.stopEarly ?? false,
      unknown: (name) => {
        wrong ??= name;
        return false;
      },
    },
  );
  wrong ??= strange(parsed, table);
  if (wrong !== undefined) throw refuse(tool, decode(wrong), table, unknown);
  return {
    has: (name) => parsed[encode(name)] === true || Array.isArray(parsed[encode(name)]),
    value: (name) => lastText(parsed[encode(name)]),
    words: parsed._,
  };
}

/** The library takes a word that begins with `-` for an option even where a value must stand: such a value is joined on. */
function joinValues(args: readonly string[], table: OptionTable): readonly string[] {
  const valued = new Set((table.values ?? []).flat().map((name) => (name.length === 1 ? `-${name}` : `--${name}`)));
  const joined: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const word = args[i] ?? '';
    const next = args[i + 1];
    if (word === '--') return [...joined, ...args.slice(i)];
    if (valued.has(word) && next?.startsWith('-') === true) {
      joined.push(`--${word.replace(/^-+/, '')}=${next}`);
      i++;
    } else joined.push(word);
  }
  return joined;
}

/** The library takes `--no-x` for the contrary of `--x`; to the tools here `no-x` is a name like others. */
function encode(name: string): string {
  return name.startsWith('no-') ? `no_${name.slice(3)}` : name;
}

function decode(name: string): string {
  return name.startsWith('no_') ? `no-${name.slice(3)}` : name;
}

/** The library keeps names that every JavaScript object has, such as `--constructor`, past its own check. */
function strange(parsed: object, table: OptionTable): string | undefined {
  if (Object.getPrototypeOf(parsed) !== Object.prototype) return '__proto__';
  const known = new Set(['_', ...[...table.flags, ...(table.values ?? [])].flat().map(encode)]);
  return Object.keys(parsed).find((name) => !known.has(name));
}

function lastText(value: unknown): string | undefined {
  const last: unknown = Array.isArray(value) ? value.at(-1) : value;
  return typeof last === 'string' && last !== '' ? last : undefined;
}

function refuse(tool: string, name: string, table: OptionTable, unknown: UnknownOption): Refusal {
  const option = (name.length === 1 ? `-${name}` : `--${name}`).slice(0, 60);
  if (table.unmodelled?.includes(name) === true) {
    return new Refusal({
      component: tool,
      code: 'not-modelled',
      path: option,
      message: `${tool}: option ${option} is not modelled`,
    });
  }
  return new Refusal({ component: tool, code: 'unknown-option', path: option, message: unknown(option) });
}
