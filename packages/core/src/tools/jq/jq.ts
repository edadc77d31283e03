/**
 * `jq`: filters JSON, as jq 1.6 does. Differs: one JSON text is read from standard input, not a stream of them; what
 * needs a clock, files, the environment or regular expressions, and whatever jq-program.ts and jq-functions.ts do
 * not have, is refused by name.
 */
import { Refusal } from '../../base/refusal.ts';
import { readOptions } from '../options.ts';
import { failed, notModelled, ok, shorten } from '../result.ts';
import type { Tool, ToolResult } from '../tool.ts';
import { JQ_FUNCTIONS } from './functions.ts';
import { type JqExpression, parseJq } from './program.ts';
import { JqRun } from './run.ts';
import { JqSyntaxError } from './tokens.ts';
import { isArray, isObject, JqError, type Json, objectOf, sortedKeys } from './value.ts';

const OPTIONS = {
  flags: [
    ['r', 'raw-output'],
    ['j', 'join-output'],
    ['c', 'compact-output'],
    ['S', 'sort-keys'],
    ['n', 'null-input'],
    ['s', 'slurp'],
    ['e', 'exit-status'],
    ['M', 'monochrome-output'],
    ['h', 'help'],
    ['V', 'version'],
  ],
  unmodelled: [
    'R',
    'raw-input',
    'C',
    'color-output',
    'a',
    'ascii-output',
    'tab',
    'indent',
    'unbuffered',
    'stream',
    'seq',
    'f',
    'from-file',
    'L',
    'arg',
    'argjson',
    'slurpfile',
    'rawfile',
    'args',
    'jsonargs',
  ],
};

const LONGEST_PROGRAM = 10_000;

/** The tool. */
export const jq: Tool = {
  name: 'jq',
  summary: 'filter JSON',
  run(args, _host, stdin) {
    const options = readOptions('jq', OPTIONS, args, (option) => `jq: Unknown arguments: ${option}`);
    const [program, ...files] = options.words;
    if (options.has('h') || (program === undefined && args.length === 0))
      return options.has('h') ? ok(USAGE) : failed(2, USAGE.trimEnd());
    if (options.has('V')) return ok('jq-1.6\n');
    if (files.length > 0) throw notModelled('jq', `reading the file ${shorten(files[0] ?? '')}`);
    let expression: JqExpression;
    try {
      expression = compile(program ?? '.');
    } catch (error) {
      if (!(error instanceof JqSyntaxError)) throw error;
      const quoting = error.message.startsWith('syntax error') ? ' (Unix shell quoting issues?)' : '';
      return failed(
        3,
        `jq: error: ${error.message}${quoting} at <top-level>, line 1:\n${shorten(program ?? '')}\njq: 1 compile error`,
      );
    }
    const inputs = options.has('n') ? [null] : readInputs(stdin);
    if (inputs === undefined) return failed(2, 'parse error: Invalid JSON text');
    return run(expression, options.has('s') ? [inputs] : inputs, stdin.split('\n').length - 1, {
      exitStatus: options.has('e'),
      print(value) {
        if (typeof value === 'string' && options.has('j')) return value;
        if (typeof value === 'string' && options.has('r')) return `${value}\n`;
        const sorted = options.has('S') ? sortKeys(value) : value;
        return JSON.stringify(sorted, undefined, options.has('c') || options.has('j') ? 0 : 2) + (options.has('j') ? '' : '\n');
      },
    });
  },
};

const USAGE = 'Usage:\tjq [options] <jq filter>\n\tjq reads JSON from standard input; options: -r -j -c -S -n -s -e\n';

/** Functions of jq's own that are not modelled; any other name is not defined. */
const UNMODELLED = new Set(
  (
    'IN INDEX GROUP_BY UNIQUE_BY acos acosh ascii asin asinh atan atan2 atanh bsearch builtins capture cbrt ceil combinations copysign cos cosh debug del ' +
    'delpaths drem env erf exp exp10 exp2 explode fabs fdim finites fma fmax fmin fmod foreach fromdate fromdateiso8601 fromstream gamma get_search_list getpath ' +
    'gmtime gsub halt halt_error hypot implode index indices infinite input input_filename input_line_number inputs isfinite isinfinite isnan isnormal ' +
    'isvalid j0 j1 jn ldexp leaf_paths lgamma limit localtime log log10 log2 ltrim match mktime modf nan nearbyint normals now path paths pick pow recurse ' +
    'recurse_down repeat rindex rint round rtrim scan setpath sin sinh splits sqrt stderr strflocaltime strftime strptime sub tan tanh test tgamma ' +
    'toarray todate todateiso8601 tostream transpose trim trunc truncate_stream until utf8bytelength walk while y0 y1 yn split range first last any all'
  ).split(' '),
);

function compile(program: string): JqExpression {
  if (program.length > LONGEST_PROGRAM) throw notModelled('jq', `a program of more than ${LONGEST_PROGRAM} characters`);
  const expression = parseJq(program);
  checkNames(expression, []);
  return expression;
}

/** Refuses functions and variables that are not there before anything runs. */
function checkNames(expression: JqExpression, variables: readonly string[]): void {
  if (expression.kind === 'call') {
    const name = `${expression.name}/${expression.args.length}`;
    if (!JQ_FUNCTIONS.has(name) && UNMODELLED.has(expression.name)) throw notModelled('jq', `the function ${name}`);
    if (!JQ_FUNCTIONS.has(name)) throw new JqSyntaxError(`${shorten(name)} is not defined`);
  }
  if (expression.kind === 'variable' && !variables.includes(expression.name))
    throw new JqSyntaxError(`$${shorten(expression.name)} is not defined`);
  const inner = expression.kind === 'bind' || expression.kind === 'reduce' ? [...variables, expression.name] : variables;
  for (const part of partsOf(expression)) checkNames(part, part === outerOf(expression) ? variables : inner);
}

/** The part of a binding that does not see its variable. */
function outerOf(expression: JqExpression): JqExpression | undefined {
  return expression.kind === 'bind' || expression.kind === 'reduce' ? expression.of : undefined;
}

function partsOf(expression: JqExpression): readonly JqExpression[] {
  const values: unknown[] = Object.values(expression).flat(3);
  return values.filter((value): value is JqExpression => typeof value === 'object' && value !== null && 'kind' in value);
}

/** The values of standard input; undefined if it is not JSON. */
function readInputs(stdin: string): readonly Json[] | undefined {
  if (stdin.trim() === '') return [];
  try {
    return [JSON.parse(stdin) as Json];
  } catch {
    return undefined;
  }
}

function run(
  expression: JqExpression,
  inputs: readonly Json[],
  line: number,
  output: { readonly exitStatus: boolean; print(value: Json): string },
): ToolResult {
  const texts: string[] = [];
  let last: Json | undefined;
  try {
    const work = new JqRun();
    for (const input of inputs) {
      for (const value of work.outputs(expression, input)) {
        last = value;
        texts.push(output.print(value));
      }
    }
  } catch (error) {
    if (error instanceof Refusal || !(error instanceof JqError || error instanceof RangeError)) throw error;
    return failed(5, `jq: error (at <stdin>:${line}): ${error.message}`, texts.join(''));
  }
  const code = !output.exitStatus ? 0 : last === undefined ? 4 : last === null || last === false ? 1 : 0;
  return { stdout: texts.join(''), stderr: '', code };
}

function sortKeys(value: Json): Json {
  if (isArray(value)) return value.map(sortKeys);
  if (!isObject(value)) return value;
  return objectOf(sortedKeys(value).map((key) => [key, sortKeys(value[key] ?? null)]));
}
