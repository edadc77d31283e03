/** Kinds of options that many extensions have, as descriptions for extension.ts. */
import type { Mutable, OptionDescription } from './extension.ts';
import { parameterProblem, shorten } from './notation.ts';

/** What may stand behind `!`. */
export interface Negatable {
  readonly not?: boolean;
}

/** Numbers first..last, both included. */
export interface Span {
  readonly first: number;
  readonly last: number;
}

/** An option of one word that may be negated, kept in a field of the value. */
export function fieldOption<T extends object, V extends Negatable>(
  flags: readonly [string, ...string[]],
  field: keyof T & string,
  parse: (text: string) => V,
  format: (value: V) => string,
): OptionDescription<T> {
  return {
    flags,
    negatable: true,
    read({ words: [text = ''], not }, into) {
      const value = parse(text);
      Object.assign(into, { [field]: not ? { ...value, not } : value });
    },
    write(from) {
      const value = from[field] as V | undefined;
      return value === undefined ? undefined : { words: [format(value)], not: value.not === true };
    },
  };
}

/** An option without words, kept as a field that is true. */
export function flagOption<T extends object>(flag: string, field: keyof T & string): OptionDescription<T> {
  return {
    flags: [flag],
    arity: 0,
    read: (_, into) => void Object.assign(into, { [field]: true }),
    write: (from) => (from[field] === true ? { words: [], not: false } : undefined),
  };
}

/** An option that is only another way to write an earlier one. */
export function spelling<T>(flag: string, arity: number, read: (text: string, into: Mutable<T>) => void): OptionDescription<T> {
  return { flags: [flag], arity, read: ({ words: [text = ''] }, into) => read(text, into), write: () => undefined };
}

/**
 * Reads a whole number.
 * @throws Refusal in iptables' words
 */
export function parseNumber(name: string, option: string, text: string, low: number, high: number): number {
  const number = /^0[xX][0-9a-fA-F]{1,8}$|^\d{1,10}$/.test(text) ? Number(text) : -1;
  if (number < low || number > high)
    throw parameterProblem(`${name}: bad value for option "${option}", or out of range (${low}-${high}).`, option);
  return number;
}

/**
 * Reads `3`, `1:3`, `:3`, `1:`.
 * @throws Refusal in iptables' words
 */
export function parseSpan(name: string, option: string, text: string, high: number): Span {
  const colon = text.indexOf(':');
  const part = (word: string, otherwise: number) => {
    if (word === '') return otherwise;
    const number = /^\d{1,10}$/.test(word) ? Number(word) : -1;
    if (number >= 0 && number <= high) return number;
    throw parameterProblem(
      `${name}: bad value for option "${option}" near "${shorten(word)}", or out of range (0-${high}).`,
      option,
    );
  };
  if (colon < 0) {
    const number = text === '' ? part('x', 0) : part(text, 0);
    return { first: number, last: number };
  }
  return { first: part(text.slice(0, colon), 0), last: part(text.slice(colon + 1), high) };
}

/** `3` or `1:3`. */
export function formatSpan({ first, last }: Span): string {
  return first === last ? String(first) : `${first}:${last}`;
}

/** Whether a number lies in a span, or outside of a negated one. */
export function within(span: Span & Negatable, number: number): boolean {
  return (span.first <= number && number <= span.last) !== (span.not === true);
}
