/**
 * Java's regular expressions, as far as a linear-time engine goes: LIKE and UNLIKE match them against whole values.
 * Follows java.util.regex as mesosphere/marathon v1.8 mesos/Constraints.scala uses it, by means of RE2 (re2js). What Java has and RE2
 * has not (look-around, back references, possessive quantifiers, class arithmetic and a few escapes) is told as not modelled.
 */
import { RE2JS } from 're2js';

/** A pattern, or why it is none. */
export type PatternResult =
  | { readonly matches: (text: string) => boolean }
  /** `java`: Java refuses it too; `engine`: Java knows it, this engine does not. */
  | { readonly refusedBy: 'java' | 'engine'; readonly why: string };

const MAXIMUM_PATTERN = 1000;
const MAXIMUM_KEPT = 1000;
const kept = new Map<string, PatternResult>();

/** The pattern's meaning; asked again, the same answer. */
export function compilePattern(source: string): PatternResult {
  const known = kept.get(source);
  if (known !== undefined) return known;
  if (kept.size >= MAXIMUM_KEPT) kept.clear();
  const result = compiled(source);
  kept.set(source, result);
  return result;
}

/** The same, but matching any part of a text, as most programs use regular expressions. */
export function findPattern(source: string): PatternResult {
  const whole = compilePattern(source);
  return 'refusedBy' in whole ? whole : compilePattern(`(?s:.*)(?:${source})(?s:.*)`);
}

function compiled(source: string): PatternResult {
  if (source.length > MAXIMUM_PATTERN) return { refusedBy: 'engine', why: `longer than ${MAXIMUM_PATTERN} characters` };
  const foreign = javaOnly(source);
  if (foreign !== undefined) return { refusedBy: 'engine', why: foreign };
  try {
    const pattern = RE2JS.compile(inRe2Words(source));
    return { matches: (text) => pattern.matches(text) };
  } catch (error) {
    const why = error instanceof Error ? error.message : 'unreadable';
    return { refusedBy: /invalid repeat count: `\{\d{4,}|invalid repeat count: `\{1000/.test(why) ? 'engine' : 'java', why };
  }
}

const JAVA_ESCAPES = 'GZXRhHvVk123456789ucex0';
const POSIX = new Map([
  ['Lower', 'a-z'],
  ['Upper', 'A-Z'],
  ['Alpha', 'a-zA-Z'],
  ['Digit', '0-9'],
  ['Alnum', 'a-zA-Z0-9'],
  ['XDigit', '0-9a-fA-F'],
]);

/** What of Java's syntax RE2 does not know, or reads otherwise. */
function javaOnly(source: string): string | undefined {
  let inClass = 0;
  for (let i = 0; i < source.length; i++) {
    const character = source[i] ?? '';
    const next = source[i + 1] ?? '';
    if (character === '\\') {
      if (next === 'Q' || next === 'E') return 'the quotation \\Q';
      if (JAVA_ESCAPES.includes(next) && next !== '') return `the escape \\${next}`;
      i++;
    } else if (inClass > 0) {
      if (character === '[') return 'a class in a class';
      if (character === '&' && next === '&') return 'the intersection of classes';
      if (character === ']') inClass--;
    } else if (character === '[') {
      inClass++;
      // A bracket right after the opening one is an error in Java and a member in RE2.
      if (next === '^') i++;
      if (source[i + 1] === ']') return 'an empty class';
    } else if ('*+?}'.includes(character) && next === '+') return 'a possessive quantifier';
    else if (character === '(' && next === '?' && /^(?:[=!>]|<[=!])/.test(source.slice(i + 2, i + 4))) {
      return `the group (?${source[i + 2] ?? ''}`;
    } else if (character === '(' && next === '?' && /^[a-zA-Z]*[dxuU]/.test(source.slice(i + 2, i + 8))) return 'inline flags';
  }
  return undefined;
}

/** `\p{Alpha}` and its kin, which RE2 spells otherwise, as ranges. */
function inRe2Words(source: string): string {
  let text = '';
  let inClass = false;
  for (let i = 0; i < source.length; i++) {
    const character = source[i] ?? '';
    if (character === '[') inClass = true;
    else if (character === ']') inClass = false;
    if (character !== '\\') {
      text += character;
      continue;
    }
    const close = source[i + 2] === '{' ? source.indexOf('}', i) : -1;
    const members = source[i + 1] === 'p' && close > 0 ? POSIX.get(source.slice(i + 3, close)) : undefined;
    if (members === undefined) {
      text += character + (source[i + 1] ?? '');
      i++;
    } else {
      text += inClass ? members : `[${members}]`;
      i = close;
    }
  }
  return text;
}
