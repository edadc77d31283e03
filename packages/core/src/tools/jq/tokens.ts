/** A jq program cut into tokens. Follows jq 1.6 (src/lexer.l); comments and formats (`@csv`) are refused by name. */
import { notModelled } from '../result.ts';

/** What is wrong with a program, in jq's words. */
export class JqSyntaxError extends Error {}

/** A piece of a string: text, or the program of a `\\(...)` in it. */
export type StringPart = string | { readonly program: string };

/** A token; a field is a name or string after a dot. */
export type JqToken =
  | { readonly type: 'name' | 'variable' | 'field' | 'symbol'; readonly text: string }
  | { readonly type: 'number'; readonly text: string; readonly value: number }
  | {
      readonly type: 'string';
      readonly text: string;
      readonly parts: readonly StringPart[];
      readonly field: boolean;
    };

const SYMBOLS = [
  '..',
  '?//',
  '//',
  '==',
  '!=',
  '<=',
  '>=',
  '|=',
  '+=',
  '-=',
  '*=',
  '/=',
  '%=',
  '.',
  '[',
  ']',
  '(',
  ')',
  '{',
  '}',
  '|',
  ',',
  ':',
  ';',
  '?',
  '<',
  '>',
  '=',
  '+',
  '-',
  '*',
  '/',
  '%',
];
const UNMODELLED_SYMBOLS = ['?//', '//=', '=', '|=', '+=', '-=', '*=', '/=', '%='];

/**
 * Cuts a program.
 * @throws JqSyntaxError in jq's words; Refusal for what is not modelled
 */
export function tokens(program: string): readonly JqToken[] {
  const found: JqToken[] = [];
  const word = /[a-zA-Z_][a-zA-Z0-9_]*(?:::[a-zA-Z_][a-zA-Z0-9_]*)*/y;
  const number = /(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y;
  for (let i = 0; i < program.length; ) {
    const c = program.charAt(i);
    if (/\s/.test(c)) {
      i++;
      continue;
    }
    if (c === '#') throw notModelled('jq', 'a comment');
    if (c === '@') throw notModelled('jq', 'a format (@)');
    const fieldString = c === '.' && program[i + 1] === '"';
    if (c === '"' || fieldString) {
      const { parts, end } = readString(program, fieldString ? i + 2 : i + 1);
      found.push({ type: 'string', text: '"', parts, field: fieldString });
      i = end;
      continue;
    }
    const sigil = c === '$' || c === '.' ? c : '';
    word.lastIndex = i + sigil.length;
    const name = word.exec(program)?.[0];
    number.lastIndex = i;
    const digits = number.exec(program)?.[0];
    if (name !== undefined) {
      found.push({ type: sigil === '$' ? 'variable' : sigil === '.' ? 'field' : 'name', text: name });
      i += sigil.length + name.length;
    } else if (digits !== undefined) {
      found.push({ type: 'number', text: digits, value: Number(digits) });
      i += digits.length;
    } else {
      const symbol = program.startsWith('//=', i) ? '//=' : SYMBOLS.find((known) => program.startsWith(known, i));
      if (symbol === undefined) throw new JqSyntaxError('syntax error, unexpected INVALID_CHARACTER');
      if (UNMODELLED_SYMBOLS.includes(symbol)) throw notModelled('jq', `the operator ${symbol}`);
      found.push({ type: 'symbol', text: symbol });
      i += symbol.length;
    }
  }
  return found;
}

/** The parts of a string from after its quote: texts, and the expressions of `\(...)`. */
function readString(program: string, start: number): { parts: readonly StringPart[]; end: number } {
  const parts: StringPart[] = [];
  let text = '';
  for (let i = start; i < program.length; i++) {
    const c = program.charAt(i);
    if (c === '"') {
      parts.push(text);
      return { parts, end: i + 1 };
    }
    if (c !== '\\') {
      text += c;
      continue;
    }
    const escaped = program.charAt(++i);
    if (escaped === '(') {
      const end = closing(program, i + 1);
      parts.push(text, { program: program.slice(i + 1, end) });
      text = '';
      i = end;
    } else if (escaped === 'u' && /^[0-9a-fA-F]{4}$/.test(program.slice(i + 1, i + 5))) {
      text += String.fromCharCode(Number.parseInt(program.slice(i + 1, i + 5), 16));
      i += 4;
    } else {
      const at = 'bfnrt"\\/'.indexOf(escaped);
      if (escaped === '' || at < 0) throw new JqSyntaxError('syntax error, unexpected INVALID_CHARACTER');
      text += '\b\f\n\r\t"\\/'.charAt(at);
    }
  }
  throw new JqSyntaxError('syntax error, unexpected $end, expecting QQSTRING_TEXT or QQSTRING_INTERP_START or QQSTRING_END');
}

function closing(program: string, start: number): number {
  let depth = 1;
  let quoted = false;
  for (let i = start; i < program.length; i++) {
    const c = program.charAt(i);
    if (quoted && c === '\\') i++;
    else if (c === '"') quoted = !quoted;
    else if (!quoted && c === '(') depth++;
    else if (!quoted && c === ')' && --depth === 0) return i;
  }
  throw new JqSyntaxError('syntax error, unexpected $end');
}
