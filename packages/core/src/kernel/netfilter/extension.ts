/**
 * A match or target extension of iptables as a table of its options: one description of an option both reads it
 * from arguments and writes it back, so that what is printed can be read again.
 * Follows libxtables' xt_option_entry (iptables 1.8.9, include/xtables.h).
 */
import { assert } from '../../base/assert.ts';
import { notModelled, parameterProblem } from './notation.ts';
import type { TableName } from './rule.ts';

/** A value under construction. */
export type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** What an option says: its words, and whether `!` stands before it. */
export interface Argument {
  readonly words: readonly string[];
  readonly not: boolean;
}

/** One option of an extension. */
export interface OptionDescription<T> {
  /** The first is the one printed. */
  readonly flags: readonly [string, ...string[]];
  /** Number of words that follow; 1 unless given. */
  readonly arity?: number;
  /** Whether `!` may stand before it. */
  readonly negatable?: boolean;
  /** Puts what was given into the value; throws a Refusal for a bad one. */
  read(argument: Argument, into: Mutable<T>): void;
  /** The option's words if the value has it. */
  write(from: T): Argument | undefined;
}

/** Where an extension may stand: the table, and the built-in chains; anywhere if absent. */
export interface Place {
  readonly table?: TableName;
  readonly chains?: readonly string[];
}

/** What one extension is made of. */
export interface ExtensionDescription<T extends { readonly name: string }> {
  readonly name: T['name'];
  readonly options: readonly OptionDescription<T>[];
  /** Options that iptables has and the model does not, with the number of words that follow each. */
  readonly unmodelled?: readonly (readonly [flag: string, arity: number])[];
  /** Whether a rule with it asks for connection tracking. */
  readonly tracks?: boolean;
  /** Where the kernel lets it stand, given its value. */
  place?(value: T): Place | undefined;
  /** The value before any option is read. */
  start(): Mutable<T>;
  /** Says what is missing, in iptables' words; nothing if the value is complete. */
  missing?(value: Mutable<T>, given: number): string | undefined;
  /** Its text in `iptables -L`, without the leading blank; '' for none. `protocol` is the rule's, 0 for any. */
  list(value: T, numeric: boolean, protocol: number): string;
}

/** An extension with its value's type closed over: what parser and printer work with. */
export interface Extension<Union extends { readonly name: string }> {
  readonly name: string;
  readonly tracks: boolean;
  /** How many words an option takes; undefined if it is not this extension's. */
  arity(flag: string): number | undefined;
  /** Its options that begin so, each by its first flag. */
  completions(start: string): readonly string[];
  begin(): Builder<Union>;
  /** Its options as `iptables -S` writes them, each with a leading blank. */
  save(value: Union): string;
  list(value: Union, numeric: boolean, protocol: number): string;
  place(value: Union): Place | undefined;
}

/** An extension's value while its options are read. */
export interface Builder<Union> {
  /** Name of the extension. */
  readonly name: string;
  /** As {@link Extension.arity}. */
  arity(flag: string): number | undefined;
  /** As {@link Extension.completions}. */
  completions(start: string): readonly string[];
  /** Reads an option; refuses what the model does not have with code `not-modelled`. */
  take(flag: string, argument: Argument): void;
  finish(): Union;
}

/** Makes an extension of its description. */
export function extension<Union extends { readonly name: string }, T extends Union>(
  description: ExtensionDescription<T>,
): Extension<Union> {
  const byFlag = new Map<string, OptionDescription<T>>();
  for (const option of description.options) for (const flag of option.flags) byFlag.set(flag, option);
  const unmodelled = new Map(description.unmodelled);
  const arity = (flag: string): number | undefined => {
    const option = byFlag.get(flag);
    return option === undefined ? unmodelled.get(flag) : (option.arity ?? 1);
  };
  const completions = (start: string): readonly string[] => {
    const own = description.options.filter(({ flags }) => flags.some((flag) => flag.startsWith(start)));
    const others = [...unmodelled.keys()].filter((flag) => flag.startsWith(start));
    return [...own.map(({ flags }) => flags[0]), ...others];
  };
  return {
    name: description.name,
    tracks: description.tracks === true,
    arity,
    completions,
    begin: () => begin(description, byFlag, { arity, completions }),
    save: (value) => {
      assert(value.name === description.name, `${value.name} printed as ${description.name}`);
      return description.options.map((option) => writeOption(option, value as T)).join('');
    },
    list: (value, numeric, protocol) => description.list(value as T, numeric, protocol),
    place: (value) => description.place?.(value as T),
  };
}

function begin<Union extends { readonly name: string }, T extends Union>(
  description: ExtensionDescription<T>,
  byFlag: ReadonlyMap<string, OptionDescription<T>>,
  { arity, completions }: Pick<Builder<Union>, 'arity' | 'completions'>,
): Builder<Union> {
  const value = description.start();
  const seen = new Set<OptionDescription<T>>();
  return {
    name: description.name,
    arity,
    completions,
    take(flag, argument) {
      const option = byFlag.get(flag);
      if (option === undefined) throw notModelled(`${description.name}'s option ${flag}`);
      if (argument.not && option.negatable !== true)
        throw parameterProblem(`${description.name}: option "${flag}" cannot be inverted.`, flag);
      if (seen.has(option)) throw parameterProblem(`${description.name}: option "${flag}" can only be used once.`, flag);
      seen.add(option);
      option.read(argument, value);
    },
    finish() {
      const message = description.missing?.(value, seen.size);
      if (message !== undefined) throw parameterProblem(message);
      return value as T;
    },
  };
}

function writeOption<T>(option: OptionDescription<T>, value: T): string {
  const argument = option.write(value);
  if (argument === undefined) return '';
  return `${argument.not ? ' !' : ''} ${[option.flags[0], ...argument.words].join(' ')}`;
}
