/**
 * A jq program read into a tree. Grammar of jq 1.6 (src/parser.y, src/lexer.l) without definitions, assignments,
 * formats (`@csv`), `foreach`, `label`, `try` and patterns: those are refused by name.
 */

import { notModelled, shorten } from '../result.ts';
import { JqSyntaxError, type JqToken, tokens } from './tokens.ts';

/** An operator between two expressions. */
export type JqOperator = '+' | '-' | '*' | '/' | '%' | '==' | '!=' | '<' | '<=' | '>' | '>=';

/** A jq expression. */
export type JqExpression =
  | { readonly kind: 'identity' | 'recurse' }
  | { readonly kind: 'literal'; readonly value: string | number }
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'text'; readonly parts: readonly (string | JqExpression)[] }
  | { readonly kind: 'index'; readonly of: JqExpression; readonly at: JqExpression }
  | {
      readonly kind: 'slice';
      readonly of: JqExpression;
      readonly from: JqExpression | undefined;
      readonly to: JqExpression | undefined;
    }
  | { readonly kind: 'iterate' | 'optional' | 'negate'; readonly of: JqExpression }
  | { readonly kind: 'pipe' | 'comma' | 'and' | 'or' | 'alternative'; readonly left: JqExpression; readonly right: JqExpression }
  | { readonly kind: 'operation'; readonly operator: JqOperator; readonly left: JqExpression; readonly right: JqExpression }
  | { readonly kind: 'array'; readonly of: JqExpression | undefined }
  | { readonly kind: 'object'; readonly entries: readonly (readonly [JqExpression, JqExpression])[] }
  | { readonly kind: 'if'; readonly condition: JqExpression; readonly then: JqExpression; readonly otherwise: JqExpression }
  | { readonly kind: 'bind'; readonly of: JqExpression; readonly name: string; readonly body: JqExpression }
  | {
      readonly kind: 'reduce';
      readonly of: JqExpression;
      readonly name: string;
      readonly start: JqExpression;
      readonly update: JqExpression;
    }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly JqExpression[] };

const UNMODELLED_WORDS = ['def', 'foreach', 'label', 'try', 'catch', 'import', 'include', '__loc__'];
const DEEPEST = 200;

/**
 * Reads a program.
 * @throws JqSyntaxError in jq's words; Refusal for what is not modelled
 */
export function parseJq(program: string): JqExpression {
  return new Parser(tokens(program), 0).whole();
}

const COMPARISONS = ['==', '!=', '<', '<=', '>', '>='] as const;

class Parser {
  private position = 0;
  constructor(
    private readonly tokens: readonly JqToken[],
    private depth: number,
  ) {}

  whole(): JqExpression {
    const expression = this.tokens.length === 0 ? ({ kind: 'identity' } as const) : this.pipe();
    if (this.position < this.tokens.length) throw this.unexpected();
    return expression;
  }

  private pipe(): JqExpression {
    if (++this.depth > DEEPEST) throw notModelled('jq', `a program nested deeper than ${DEEPEST}`);
    const left = this.comma();
    const right = this.take('|') ? this.pipe() : undefined;
    this.depth--;
    return right === undefined ? left : { kind: 'pipe', left, right };
  }

  private comma(): JqExpression {
    let left = this.alternative();
    while (this.take(',')) left = { kind: 'comma', left, right: this.alternative() };
    return left;
  }

  private alternative(): JqExpression {
    const left = this.either();
    return this.take('//') ? { kind: 'alternative', left, right: this.alternative() } : left;
  }

  private either(): JqExpression {
    let left = this.both();
    while (this.takeName('or')) left = { kind: 'or', left, right: this.both() };
    return left;
  }

  private both(): JqExpression {
    let left = this.comparison();
    while (this.takeName('and')) left = { kind: 'and', left, right: this.comparison() };
    return left;
  }

  private comparison(): JqExpression {
    const left = this.sum();
    const operator = COMPARISONS.find((symbol) => this.take(symbol));
    return operator === undefined ? left : { kind: 'operation', operator, left, right: this.sum() };
  }

  private sum(): JqExpression {
    let left = this.product();
    for (;;) {
      const operator = (['+', '-'] as const).find((symbol) => this.take(symbol));
      if (operator === undefined) return left;
      left = { kind: 'operation', operator, left, right: this.product() };
    }
  }

  private product(): JqExpression {
    let left = this.unary();
    for (;;) {
      const operator = (['*', '/', '%'] as const).find((symbol) => this.take(symbol));
      if (operator === undefined) return left;
      left = { kind: 'operation', operator, left, right: this.unary() };
    }
  }

  private unary(): JqExpression {
    if (this.take('-')) {
      if (++this.depth > DEEPEST) throw notModelled('jq', `a program nested deeper than ${DEEPEST}`);
      const of = this.unary();
      this.depth--;
      return { kind: 'negate', of };
    }
    const term = this.term();
    if (!this.takeName('as')) return term;
    const name = this.variable();
    this.expect('|');
    return { kind: 'bind', of: term, name, body: this.pipe() };
  }

  private term(): JqExpression {
    let term = this.primary();
    for (;;) {
      const token = this.tokens[this.position];
      if (token?.type === 'field' || (token?.type === 'string' && token.field)) {
        this.position++;
        term = { kind: 'index', of: term, at: this.fieldName(token) };
      } else if (this.take('?')) {
        term = { kind: 'optional', of: term };
      } else if (this.take('[')) {
        term = this.bracket(term);
      } else {
        return term;
      }
    }
  }

  private bracket(of: JqExpression): JqExpression {
    if (this.take(']')) return { kind: 'iterate', of };
    if (this.take(':')) return { kind: 'slice', of, from: undefined, to: this.closed(']') };
    const at = this.pipe();
    if (!this.take(':')) {
      this.expect(']');
      return { kind: 'index', of, at };
    }
    if (this.take(']')) return { kind: 'slice', of, from: at, to: undefined };
    return { kind: 'slice', of, from: at, to: this.closed(']') };
  }

  private closed(symbol: string): JqExpression {
    const inner = this.pipe();
    this.expect(symbol);
    return inner;
  }

  private primary(): JqExpression {
    const token = this.tokens[this.position++];
    switch (token?.type) {
      case 'number':
        return { kind: 'literal', value: token.value };
      case 'string':
        return token.field ? { kind: 'index', of: { kind: 'identity' }, at: this.fieldName(token) } : this.fieldName(token);
      case 'field':
        return { kind: 'index', of: { kind: 'identity' }, at: this.fieldName(token) };
      case 'variable':
        if (UNMODELLED_WORDS.includes(token.text) || token.text === 'ENV')
          throw notModelled('jq', `the variable $${shorten(token.text)}`);
        return { kind: 'variable', name: token.text };
      case 'name':
        return this.named(token.text);
      default:
        return this.symbol(token?.text);
    }
  }

  private symbol(text: string | undefined): JqExpression {
    if (text === '..') return { kind: 'recurse' };
    if (text === '.') return { kind: 'identity' };
    if (text === '(') return this.closed(')');
    if (text === '[') return this.take(']') ? { kind: 'array', of: undefined } : { kind: 'array', of: this.closed(']') };
    if (text === '{') return this.object();
    this.position--;
    throw this.unexpected();
  }

  private named(name: string): JqExpression {
    if (UNMODELLED_WORDS.includes(name)) throw notModelled('jq', `the word ${name}`);
    if (name === 'if') return this.condition();
    if (name === 'reduce') return this.reduction();
    if (['then', 'elif', 'else', 'end', 'as', 'and', 'or'].includes(name)) {
      this.position--;
      throw this.unexpected();
    }
    const args: JqExpression[] = [];
    if (this.take('(')) {
      do args.push(this.pipe());
      while (this.take(';'));
      this.expect(')');
    }
    return { kind: 'call', name, args };
  }

  private condition(): JqExpression {
    const condition = this.pipe();
    this.expectName('then');
    const then = this.pipe();
    if (this.takeName('elif')) return { kind: 'if', condition, then, otherwise: this.condition() };
    this.expectName('else');
    const otherwise = this.pipe();
    this.expectName('end');
    return { kind: 'if', condition, then, otherwise };
  }

  private reduction(): JqExpression {
    const of = this.term();
    this.expectName('as');
    const name = this.variable();
    this.expect('(');
    const start = this.pipe();
    this.expect(';');
    return { kind: 'reduce', of, name, start, update: this.closed(')') };
  }

  private object(): JqExpression {
    const entries: (readonly [JqExpression, JqExpression])[] = [];
    while (!this.take('}')) {
      entries.push(this.entry());
      if (!this.take(',') && this.tokens[this.position]?.text !== '}') throw this.unexpected();
    }
    return { kind: 'object', entries };
  }

  private entry(): readonly [JqExpression, JqExpression] {
    const token = this.tokens[this.position++];
    if (token?.type === 'variable')
      return [
        { kind: 'literal', value: token.text },
        { kind: 'variable', name: token.text },
      ];
    let key: JqExpression;
    if (token?.type === 'name') key = { kind: 'literal', value: token.text };
    else if (token?.type === 'string' && !token.field) key = this.fieldName(token);
    else if (token?.text === '(' && token.type === 'symbol') key = this.closed(')');
    else {
      this.position--;
      throw this.unexpected();
    }
    if (this.take(':')) return [key, this.entryValue()];
    if (token.text === '(') throw this.unexpected();
    return [key, { kind: 'index', of: { kind: 'identity' }, at: key }];
  }

  /** An entry's value is one term, or terms joined by `|`. */
  private entryValue(): JqExpression {
    const left: JqExpression = this.take('-') ? { kind: 'negate', of: this.term() } : this.term();
    return this.take('|') ? { kind: 'pipe', left, right: this.entryValue() } : left;
  }

  private variable(): string {
    const token = this.tokens[this.position++];
    if (token?.type === 'variable') return token.text;
    if (token?.text === '[' || token?.text === '{') throw notModelled('jq', 'a pattern after `as`');
    this.position--;
    throw this.unexpected();
  }

  private take(symbol: string): boolean {
    const token = this.tokens[this.position];
    if (token?.type !== 'symbol' || token.text !== symbol) return false;
    this.position++;
    return true;
  }

  private takeName(name: string): boolean {
    const token = this.tokens[this.position];
    if (token?.type !== 'name' || token.text !== name) return false;
    this.position++;
    return true;
  }

  private expect(symbol: string): void {
    if (!this.take(symbol)) throw this.unexpected();
  }

  private expectName(name: string): void {
    if (!this.takeName(name)) throw this.unexpected();
  }

  private unexpected(): JqSyntaxError {
    const token = this.tokens[this.position];
    return new JqSyntaxError(`syntax error, unexpected ${token === undefined ? '$end' : `'${shorten(token.text)}'`}`);
  }

  /** A field's name, or a string with its interpolations. */
  private fieldName(token: JqToken): JqExpression {
    if (token.type !== 'string') return { kind: 'literal', value: token.text };
    const [only] = token.parts;
    if (token.parts.length === 1 && typeof only === 'string') return { kind: 'literal', value: only };
    const parts = token.parts.map((part) =>
      typeof part === 'string' ? part : new Parser(tokens(part.program), this.depth + 20).whole(),
    );
    return { kind: 'text', parts };
  }
}
