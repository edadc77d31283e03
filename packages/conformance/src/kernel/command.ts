/** What `npm run kernel` does: labs through both, disagreements asked again, shrunk, shown and kept. */
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { type Difference, differences } from './compare.ts';
import { labs } from './generate.ts';
import { inOrder } from './in-order.ts';
import type { Answer, Lab } from './lab.ts';
import { Linux, obstacle } from './linux.ts';
import { answerOfPortolan } from './portolan.ts';
import { disagreementLines } from './show.ts';
import { shrink } from './shrink.ts';
import { readLabs, storedLine } from './stored.ts';

/** What the command was asked for, and what it needs of its system. */
export interface JudgeOptions {
  readonly labs: number;
  readonly seed: number;
  /** Labs that are built at the same time. */
  readonly jobs: number;
  /** The text of a file: a lab, a list of labs, or one a line; instead of generated ones. */
  readonly stored: string | undefined;
  /** Folder for every lab with the kernel's answer, one file for each name of a lab. */
  readonly store: string | undefined;
  /** File to which every lab that disagrees is appended, shrunk, with the kernel's answer. */
  readonly keep: string | undefined;
  /** Path of the prober. */
  readonly prober: string;
  readonly print: (line: string) => void;
  readonly complain: (line: string) => void;
}

type Outcome = { readonly found: readonly Difference[]; readonly answer: Answer } | { readonly error: string };

/** Disagreements shrunk and printed; the rest is counted. */
const SHOWN = 5;

/** Runs the judge; the exit code. */
export async function judgeCommand(options: JudgeOptions): Promise<0 | 1 | 2> {
  const hindrance = obstacle();
  if (hindrance !== undefined) {
    options.complain(`kernel: labs cannot be built: ${hindrance}`);
    return 2;
  }
  const { seed, jobs } = options;
  if (!Number.isSafeInteger(options.labs) || options.labs < 1 || !Number.isSafeInteger(seed)) {
    options.complain('kernel: --labs and --seed are whole numbers');
    return 2;
  }
  if (!Number.isSafeInteger(jobs) || jobs < 1 || jobs > 64) {
    options.complain('kernel: --jobs is a number from 1 to 64');
    return 2;
  }
  const all = options.stored === undefined ? fc.sample(labs, { numRuns: options.labs, seed }) : readLabs(options.stored);
  options.print(`${all.length} labs, seed ${seed}`);
  const first = new Linux(options.prober);
  const others = Array.from({ length: Math.min(jobs, all.length) - 1 }, () => new Linux(options.prober));
  try {
    return await judge(all, first, others, options);
  } finally {
    for (const linux of [first, ...others]) linux.close();
  }
}

async function judge(all: readonly Lab[], first: Linux, others: readonly Linux[], options: JudgeOptions): Promise<0 | 1> {
  const { print } = options;
  const outcomes: Outcome[] = [];
  await inOrder(all, [first, ...others], compare, (outcome, i) => {
    outcomes.push(outcome);
    if ((i + 1) % 100 === 0) print(`${i + 1} labs asked, ${outcomes.filter(disagrees).length} to ask again`);
  });
  let late = 0;
  let unbuilt = 0;
  let disagree = 0;
  let shown = 0;
  for (const [i, lab] of all.entries()) {
    const asked = outcomes[i] as Outcome;
    const outcome = await settled(asked, lab, first);
    if ('error' in outcome) {
      unbuilt++;
      print(`lab ${i} cannot be built: ${outcome.error.slice(0, 300)}`);
      continue;
    }
    const wrong = wrongProbes(lab, outcome.found);
    if (wrong === 0 && outcome !== asked) {
      late++;
      print(`lab ${i} agreed only when asked again; at first: ${inShort(asked)}`);
    }
    disagree += wrong;
    outcomes[i] = outcome;
    if (wrong > 0 && shown++ < SHOWN) await show(i, lab, outcome, first, options);
  }
  const probes = all.reduce((sum, lab, i) => sum + ('error' in (outcomes[i] as Outcome) ? 0 : lab.probes.length), 0);
  if (options.store !== undefined) storeAll(all, outcomes, options.store);
  if (late > 0) print(`${late} labs agreed only when asked again`);
  if (unbuilt > 0) print(`${unbuilt} labs could not be built`);
  print(`${probes - disagree} probes agree, ${disagree} disagree`);
  return disagree === 0 && unbuilt === 0 ? 0 : 1;
}

function storeAll(all: readonly Lab[], outcomes: readonly Outcome[], folder: string): void {
  const files = new Map<string, string>();
  for (const [i, lab] of all.entries()) {
    const outcome = outcomes[i] as Outcome;
    const name = lab.name.replace(/\W+/g, '-');
    if ('answer' in outcome) files.set(name, (files.get(name) ?? '') + storedLine({ lab, answer: outcome.answer }));
  }
  for (const [name, text] of files) writeFileSync(join(folder, `${name}.jsonl`), text);
}

/** What a busy machine delays, a quiet one may not: a lab that did not agree is asked twice more, alone. */
async function settled(first: Outcome, lab: Lab, linux: Linux): Promise<Outcome> {
  let outcome = first;
  for (let again = 0; again < 2 && disagrees(outcome); again++) outcome = await compare(lab, linux);
  return outcome;
}

async function compare(lab: Lab, linux: Linux): Promise<Outcome> {
  const answer = await linux.answer(lab);
  if ('error' in answer) return answer;
  return { found: differences(lab, answer, answerOfPortolan(lab)), answer };
}

function disagrees(outcome: Outcome): boolean {
  return 'error' in outcome || outcome.found.length > 0;
}

/** The first of the differences on one line. */
function inShort(outcome: Outcome): string {
  if ('error' in outcome) return outcome.error.slice(0, 200);
  const [first] = outcome.found;
  if (first === undefined) return 'nothing';
  const theirs = first.linux.split('\n');
  const ours = first.portolan.split('\n');
  const line = theirs.findIndex((text, i) => text !== ours[i]);
  const at = line < 0 ? theirs.length : line;
  return `${first.where} ${first.what}: ${theirs[at] ?? 'nothing'} | ${ours[at] ?? 'nothing'}`;
}

/** A probe with several differences counts once, and all tables together do. */
function wrongProbes(lab: Lab, found: readonly Difference[]): number {
  const places = new Set(found.map(({ where }) => (where.startsWith('probe') ? where : 'tables')));
  return Math.min(places.size, lab.probes.length);
}

async function show(index: number, lab: Lab, first: Outcome, linux: Linux, { print, seed, keep }: JudgeOptions): Promise<void> {
  // A busy machine disagrees once; what is wrong disagrees again, in the same thing.
  const wanted = new Set('found' in first ? first.found.map(({ what }) => what) : []);
  const shows = (outcome: Outcome) => 'found' in outcome && outcome.found.some(({ what }) => wanted.has(what));
  const small = await shrink(
    lab,
    async (candidate) => shows(await compare(candidate, linux)) && shows(await compare(candidate, linux)),
    // One that waits takes seconds each time.
    lab.probes.some(({ wait }) => wait !== undefined) ? 20 : 150,
  );
  const again = await compare(small, linux);
  const stable = shows(again);
  const outcome = stable ? again : first;
  if ('error' in outcome) return;
  print(`lab ${index} of seed ${seed} disagrees${stable ? '' : ', but not every time'}; shrunk:`);
  for (const line of disagreementLines(small, outcome.found)) print(line);
  if (keep !== undefined && stable) appendFileSync(keep, storedLine({ lab: small, answer: outcome.answer }));
}
