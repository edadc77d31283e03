/**
 * Which apps `?label=` means: `a`, `a == b`, `a != b`, `a in (b, c)`, `a notin (b, c)`, several by commas; a selector meets none but
 * apps that have its label. Follows mesosphere/marathon v1.8 api/v2/LabelSelector.scala. A refusal names the furthest place that could
 * not be read, and of several expectations there the last, as scala-parser-combinators 1.1.1 does.
 */
import type { Pairs } from '../app/read.ts';
import { MarathonRefusal } from '../app/refusal.ts';

/** Whether an app's labels meet all of a query. */
export type LabelSelector = (labels: Pairs) => boolean;

/**
 * Reads a query.
 * @throws MarathonRefusal `bad-label`
 */
export function labelSelector(query: string): LabelSelector {
  const conditions = new Reader(query).conditions();
  return (pairs) => {
    const labels = new Map(pairs);
    return conditions.every(({ key, meets }) => {
      const value = labels.get(key);
      return value !== undefined && meets(value);
    });
  };
}

interface Condition {
  readonly key: string;
  readonly meets: (value: string) => boolean;
}

const TERM = {
  regex: /(?:\\[^\n\r\u0085\u2028\u2029]|[-A-Za-z0-9_.])+/y,
  name: "string matching regex '(\\\\.|[-A-Za-z0-9_.])+'",
};
const SET_OPERATOR = { regex: /in|notin/y, name: "string matching regex '(in|notin)'" };
const EQUALITY = { regex: /==|!=/y, name: "string matching regex '(==|!=)'" };
const COMMA = { regex: /,/y, name: "','" };
const OPENING = { regex: /\(/y, name: "'('" };
const CLOSING = { regex: /\)/y, name: "')'" };

/** Reads tokens one after the other, and remembers where and why it got no further. */
class Reader {
  private at = 0;
  private failure = { at: -1, message: '' };

  constructor(private readonly text: string) {}

  conditions(): readonly Condition[] {
    const all = this.list(() => this.condition());
    this.skipBlanks();
    if (this.at === this.text.length) return all;
    const reason = this.failure.at < this.at ? 'end of input expected' : this.failure.message;
    const message = `Can not parse label selector ${this.text}. Reason: ${reason}`;
    throw new MarathonRefusal('bad-label', 422, [{ path: '', message }]);
  }

  private condition(): Condition | undefined {
    return this.attempt(() => this.setCondition()) ?? this.attempt(() => this.equality()) ?? this.attempt(() => this.existence());
  }

  private setCondition(): Condition | undefined {
    const key = this.term();
    const operator = key === undefined ? undefined : this.token(SET_OPERATOR);
    if (key === undefined || operator === undefined || this.token(OPENING) === undefined) return undefined;
    const values = this.list(() => this.term());
    if (this.token(CLOSING) === undefined) return undefined;
    return { key, meets: (value) => values.includes(value) === (operator === 'in') };
  }

  private equality(): Condition | undefined {
    const key = this.term();
    const operator = key === undefined ? undefined : this.token(EQUALITY);
    const wanted = operator === undefined ? undefined : this.term();
    if (key === undefined || wanted === undefined) return undefined;
    return { key, meets: (value) => (value === wanted) === (operator === '==') };
  }

  private existence(): Condition | undefined {
    const key = this.term();
    return key === undefined ? undefined : { key, meets: () => true };
  }

  private term(): string | undefined {
    return this.token(TERM)?.replace(/\\(.)/gs, '$1');
  }

  /** None, or several with commas between them. */
  private list<T>(item: () => T | undefined): readonly T[] {
    const items: T[] = [];
    let next = this.attempt(item);
    while (next !== undefined) {
      items.push(next);
      next = this.attempt(() => (this.token(COMMA) === undefined ? undefined : item()));
    }
    return items;
  }

  /** What is not there leaves the place where it is. */
  private attempt<T>(read: () => T | undefined): T | undefined {
    const before = this.at;
    const result = read();
    if (result === undefined) this.at = before;
    return result;
  }

  private token({ regex, name }: { readonly regex: RegExp; readonly name: string }): string | undefined {
    this.skipBlanks();
    regex.lastIndex = this.at;
    const [found] = regex.exec(this.text) ?? [];
    if (found !== undefined) {
      this.at += found.length;
      return found;
    }
    const next = this.at === this.text.length ? 'end of source' : `'${this.text[this.at]}'`;
    if (this.at >= this.failure.at) this.failure = { at: this.at, message: `${name} expected but ${next} found` };
    return undefined;
  }

  private skipBlanks(): void {
    while (' \t\n\v\f\r'.includes(this.text[this.at] ?? '-')) this.at++;
  }
}
