/** What `npm run kernel` does: labs one after the other through both, disagreements shrunk and shown. */
import { appendFileSync } from 'node:fs';
import { Trace } from '@portolan/core';
import fc from 'fast-check';
import { comparable, type Difference, differences } from './compare.ts';
import { labs } from './generate.ts';
import type { Answer, Lab } from './lab.ts';
import { Linux, obstacle } from './linux.ts';
import { answerOfPortolan } from './portolan.ts';
import { shrink } from './shrink.ts';

/** What the command was asked for, and what it needs of its system. */
export interface JudgeOptions {
  readonly labs: number;
  readonly seed: number;
  /** The text of a file: a lab, a list of labs, or one a line; instead of generated ones. */
  readonly stored: string | undefined;
  /** File to which every lab is appended with the kernel's answer. */
  readonly keep: string | undefined;
  /** Path of the prober. */
  readonly prober: string;
  readonly print: (line: string) => void;
  readonly complain: (line: string) => void;
}

/** Disagreements shrunk and printed; the rest is counted. */
const SHOWN = 10;

/** Runs the judge; the exit code. */
export async function judgeCommand(options: JudgeOptions): Promise<0 | 1 | 2> {
  const hindrance = obstacle();
  if (hindrance !== undefined) {
    options.complain(`kernel: labs cannot be built: ${hindrance}`);
    return 2;
  }
  if (!Number.isSafeInteger(options.labs) || options.labs < 1 || !Number.isSafeInteger(options.seed)) {
    options.complain('kernel: --labs and --seed are whole numbers');
    return 2;
  }
  const all =
    options.stored === undefined ? fc.sample(labs, { numRuns: options.labs, seed: options.seed }) : readLabs(options.stored);
  options.print(`${all.length} labs, seed ${options.seed}`);
  const linux = new Linux(options.prober);
  try {
    return await judge(all, linux, options);
  } finally {
    linux.close();
  }
}

async function judge(all: readonly Lab[], linux: Linux, options: JudgeOptions): Promise<0 | 1> {
  let agree = 0;
  let disagree = 0;
  let shown = 0;
  let unbuilt = 0;
  let late = 0;
  for (const [i, lab] of all.entries()) {
    let outcome = await compare(lab, linux);
    // What a busy machine delays, a second run may not: only what is seen again counts.
    for (let again = 0; again < 2 && 'found' in outcome && outcome.found.length > 0; again++) {
      outcome = await compare(lab, linux);
      if ('found' in outcome && outcome.found.length === 0) late++;
    }
    if ('error' in outcome) {
      unbuilt++;
      options.print(`lab ${i} cannot be built: ${outcome.error.slice(0, 300)}`);
      continue;
    }
    const bad = new Set(outcome.found.map(({ where }) => (where.startsWith('probe') ? where : 'tables')));
    const wrong = Math.min(bad.size, lab.probes.length);
    agree += lab.probes.length - wrong;
    disagree += wrong;
    if (options.keep !== undefined) appendFileSync(options.keep, `${JSON.stringify({ lab, answer: outcome.answer })}\n`);
    if (wrong > 0 && shown++ < SHOWN) await show(i, lab, outcome.found, linux, options);
    if ((i + 1) % 50 === 0) options.print(`${i + 1} labs: ${agree} probes agree, ${disagree} disagree`);
  }
  if (late > 0) options.print(`${late} labs agreed only when asked again`);
  if (unbuilt > 0) options.print(`${unbuilt} labs could not be built`);
  options.print(`${agree} probes agree, ${disagree} disagree`);
  return disagree === 0 && unbuilt === 0 ? 0 : 1;
}

async function compare(
  lab: Lab,
  linux: Linux,
): Promise<{ readonly found: readonly Difference[]; readonly answer: Answer } | { readonly error: string }> {
  const answer = await linux.answer(lab);
  if ('error' in answer) return answer;
  return { found: differences(lab, answer, answerOfPortolan(lab)), answer };
}

async function show(
  index: number,
  lab: Lab,
  first: readonly Difference[],
  linux: Linux,
  { print, seed }: JudgeOptions,
): Promise<void> {
  const small = await shrink(lab, async (candidate) => {
    const outcome = await compare(candidate, linux);
    return 'found' in outcome && outcome.found.length > 0;
  });
  const outcome = await compare(small, linux);
  const again = 'found' in outcome ? outcome.found : [];
  const found = again.length === 0 ? first : again;
  print(`lab ${index} of seed ${seed} disagrees${again.length === 0 ? ', but not every time' : ''}; shrunk:`);
  print(JSON.stringify(small));
  for (const { where, what, linux: kernel, portolan } of found) {
    print(`  ${where} ${what}`);
    for (const line of besides(kernel, portolan)) print(`    linux:    ${line}`);
    for (const line of besides(portolan, kernel)) print(`    portolan: ${line}`);
  }
  const trace = new Trace();
  answerOfPortolan(small, trace);
  for (const line of trace.print().split('\n')) print(`    | ${line}`);
}

/** Lines of a text between what it has in common with another at its beginning and its end. */
function besides(text: string, other: string): readonly string[] {
  const [a, b] = [text.split('\n'), other.split('\n')];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end++;
  return a.slice(start, a.length - end);
}

function readLabs(text: string): readonly Lab[] {
  const values = text.trimStart().startsWith('[') ? (JSON.parse(text) as unknown[]) : splitJson(text);
  return values.map((value) => (typeof value === 'object' && value !== null && 'lab' in value ? value.lab : value) as Lab);
}

function splitJson(text: string): unknown[] {
  try {
    return [JSON.parse(text)];
  } catch {
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as unknown);
  }
}

/** An answer in the words in which two are compared, for storing. */
export function storedAnswer(lab: Lab, answer: Answer): readonly (readonly [string, string])[] {
  return [...comparable(lab, answer)];
}
