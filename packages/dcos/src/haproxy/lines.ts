/**
 * A line of a haproxy.cfg as words: split at blanks, with quotes, backslashes and comments (HAProxy 2.0, src/cfgparse.c and
 * src/tools.c `parse_line`; environment variables are not expanded).
 */

/** A line with words. */
export interface ConfigLine {
  /** From 1. */
  readonly number: number;
  readonly words: readonly string[];
}

/** The lines of a file that hold words. */
export function readLines(text: string): readonly ConfigLine[] {
  return text
    .split('\n')
    .map((line, index) => ({ number: index + 1, words: splitWords(line) }))
    .filter((line) => line.words.length > 0);
}

function splitWords(line: string): readonly string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let i = 0; i < line.length; i++) {
    const char = line[i] ?? '';
    if (quote === "'" ? char !== "'" : char === '\\' && i + 1 < line.length) {
      word = (word ?? '') + (quote === "'" ? char : escaped(line[++i] ?? ''));
    } else if (quote !== '') {
      if (char === quote) quote = '';
      else word = (word ?? '') + char;
    } else if (char === '"' || char === "'") {
      quote = char;
      word ??= '';
    } else if (char === '#') break;
    else if (char === ' ' || char === '\t' || char === '\r') {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + char;
  }
  if (word !== undefined) words.push(word);
  return words;
}

/** What a backslash and a character stand for; most keep their backslash. */
function escaped(char: string): string {
  return ESCAPES.get(char) ?? `\\${char}`;
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ...[' ', '\\', '#', '"', "'"].map((char) => [char, char] as const),
  ['r', '\r'],
  ['n', '\n'],
  ['t', '\t'],
]);
