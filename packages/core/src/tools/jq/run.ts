/**
 * A jq program at work: every expression is a stream of outputs for one input.
 * Follows jq 1.6 (src/compile.c for the order of outputs: of two operands the right one is the outer loop).
 */

import { notModelled } from '../result.ts';
import { JQ_FUNCTIONS, recurse } from './functions.ts';
import type { JqExpression } from './program.ts';
import {
  arithmetic,
  compareJson,
  described,
  indexJson,
  isArray,
  isObject,
  JqError,
  type Json,
  objectOf,
  sliceJson,
  truthy,
} from './value.ts';

/** Variables in sight, innermost first. */
export interface JqScope {
  readonly name: string;
  readonly value: Json;
  readonly outer: JqScope | undefined;
}

/** Work that a program may do, counted in outputs of its expressions. */
export const MOST_STEPS = 1_000_000;

/** One run of a program; it counts the work done. */
export class JqRun {
  private steps = 0;

  /** Counts one step. */
  step(): void {
    if (++this.steps > MOST_STEPS) throw notModelled('jq', `more work than ${MOST_STEPS} steps`);
  }

  /** The outputs of an expression for one input. */
  *outputs(expression: JqExpression, input: Json, scope?: JqScope): Generator<Json> {
    this.step();
    switch (expression.kind) {
      case 'identity':
        yield input;
        return;
      case 'literal':
        yield expression.value;
        return;
      case 'variable':
        yield lookUp(expression.name, scope);
        return;
      case 'recurse':
        yield* recurse(input, this);
        return;
      case 'text':
        yield* this.text(expression.parts, input, scope);
        return;
      case 'index':
        for (const key of this.outputs(expression.at, input, scope)) {
          for (const value of this.outputs(expression.of, input, scope)) yield indexJson(value, key);
        }
        return;
      case 'slice':
        for (const to of this.optional(expression.to, input, scope)) {
          for (const from of this.optional(expression.from, input, scope)) {
            for (const value of this.outputs(expression.of, input, scope)) yield sliceJson(value, from, to);
          }
        }
        return;
      case 'iterate':
        for (const value of this.outputs(expression.of, input, scope)) yield* this.items(value);
        return;
      case 'optional':
        yield* this.suppressed(expression.of, input, scope);
        return;
      case 'negate':
        for (const value of this.outputs(expression.of, input, scope)) {
          if (typeof value !== 'number') throw new JqError(`${described(value)} cannot be negated`);
          yield -value;
        }
        return;
      case 'pipe':
        for (const value of this.outputs(expression.left, input, scope)) yield* this.outputs(expression.right, value, scope);
        return;
      case 'comma':
        yield* this.outputs(expression.left, input, scope);
        yield* this.outputs(expression.right, input, scope);
        return;
      case 'and':
      case 'or':
        yield* this.logic(expression, input, scope);
        return;
      case 'alternative':
        yield* this.alternative(expression, input, scope);
        return;
      case 'operation':
        for (const right of this.outputs(expression.right, input, scope)) {
          for (const left of this.outputs(expression.left, input, scope)) yield operate(expression.operator, left, right);
        }
        return;
      case 'array':
        yield expression.of === undefined ? [] : [...this.outputs(expression.of, input, scope)];
        return;
      case 'object':
        yield* this.object(expression.entries, 0, [], input, scope);
        return;
      case 'if':
        for (const condition of this.outputs(expression.condition, input, scope)) {
          yield* this.outputs(truthy(condition) ? expression.then : expression.otherwise, input, scope);
        }
        return;
      case 'bind':
        for (const value of this.outputs(expression.of, input, scope)) {
          yield* this.outputs(expression.body, input, { name: expression.name, value, outer: scope });
        }
        return;
      case 'reduce':
        for (const start of this.outputs(expression.start, input, scope)) yield this.reduce(expression, start, input, scope);
        return;
      case 'call':
        yield* this.call(expression, input, scope);
    }
  }

  /** `.[]`. */
  *items(value: Json): Generator<Json> {
    if (!isArray(value) && !isObject(value)) throw new JqError(`Cannot iterate over ${described(value)}`);
    for (const item of isArray(value) ? value : Object.values(value)) {
      this.step();
      yield item;
    }
  }

  private *optional(expression: JqExpression | undefined, input: Json, scope: JqScope | undefined): Generator<Json> {
    if (expression === undefined) yield null;
    else yield* this.outputs(expression, input, scope);
  }

  private *suppressed(expression: JqExpression, input: Json, scope: JqScope | undefined): Generator<Json> {
    try {
      yield* this.outputs(expression, input, scope);
    } catch (error) {
      if (!(error instanceof JqError)) throw error;
    }
  }

  private *text(parts: readonly (string | JqExpression)[], input: Json, scope: JqScope | undefined): Generator<string> {
    const [last, ...before] = parts.toReversed();
    if (last === undefined) {
      yield '';
      return;
    }
    const rest = before.toReversed();
    for (const end of typeof last === 'string' ? [last] : this.outputs(last, input, scope)) {
      const text = typeof end === 'string' ? end : JSON.stringify(end);
      for (const start of this.text(rest, input, scope)) yield start + text;
    }
  }

  private *logic(
    expression: { kind: string; left: JqExpression; right: JqExpression },
    input: Json,
    scope: JqScope | undefined,
  ): Generator<Json> {
    for (const left of this.outputs(expression.left, input, scope)) {
      if (truthy(left) === (expression.kind === 'or')) yield expression.kind === 'or';
      else for (const right of this.outputs(expression.right, input, scope)) yield truthy(right);
    }
  }

  private *alternative(
    expression: { left: JqExpression; right: JqExpression },
    input: Json,
    scope: JqScope | undefined,
  ): Generator<Json> {
    let found = false;
    for (const value of this.outputs(expression.left, input, scope)) {
      if (!truthy(value)) continue;
      found = true;
      yield value;
    }
    if (!found) yield* this.outputs(expression.right, input, scope);
  }

  private *object(
    entries: readonly (readonly [JqExpression, JqExpression])[],
    at: number,
    made: readonly (readonly [string, Json])[],
    input: Json,
    scope: JqScope | undefined,
  ): Generator<Json> {
    const entry = entries[at];
    if (entry === undefined) {
      yield objectOf(made);
      return;
    }
    for (const key of this.outputs(entry[0], input, scope)) {
      if (typeof key !== 'string') throw new JqError(`Object keys must be strings`);
      for (const value of this.outputs(entry[1], input, scope))
        yield* this.object(entries, at + 1, [...made, [key, value]], input, scope);
    }
  }

  private reduce(
    expression: { of: JqExpression; name: string; update: JqExpression },
    start: Json,
    input: Json,
    scope: JqScope | undefined,
  ): Json {
    let state: Json = start;
    for (const value of this.outputs(expression.of, input, scope)) {
      let last: Json = null;
      for (const next of this.outputs(expression.update, state, { name: expression.name, value, outer: scope })) last = next;
      state = last;
    }
    return state;
  }

  private *call(
    expression: { name: string; args: readonly JqExpression[] },
    input: Json,
    scope: JqScope | undefined,
  ): Generator<Json> {
    const found = JQ_FUNCTIONS.get(`${expression.name}/${expression.args.length}`);
    if (found === undefined) throw notModelled('jq', `the function ${expression.name}/${expression.args.length}`);
    const args = expression.args.map((arg) => (value: Json) => this.outputs(arg, value, scope));
    yield* found(input, args, this);
  }
}

function lookUp(name: string, scope: JqScope | undefined): Json {
  for (let at = scope; at !== undefined; at = at.outer) if (at.name === name) return at.value;
  throw new JqError(`$${name} is not defined`);
}

function operate(operator: '+' | '-' | '*' | '/' | '%' | '==' | '!=' | '<' | '<=' | '>' | '>=', left: Json, right: Json): Json {
  switch (operator) {
    case '==':
      return compareJson(left, right) === 0;
    case '!=':
      return compareJson(left, right) !== 0;
    case '<':
      return compareJson(left, right) < 0;
    case '<=':
      return compareJson(left, right) <= 0;
    case '>':
      return compareJson(left, right) > 0;
    case '>=':
      return compareJson(left, right) >= 0;
    default:
      return arithmetic(operator, left, right);
  }
}
