/** What `npm run kernel` does: labs through both, disagreements asked again, shrunk, shown and kept. */
import { appendFileSync } from 'node:fs';
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
  /** File to which every lab is appended with the kernel's answer. */
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
const SHOWN = 10;

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
    const outcome = await settled(outcomes[i] as Outcome, lab, first);
    if ('error' in outcome) {
      unbuilt++;
      print(`lab ${i} cannot be built: ${outcome.error.slice(0, 300)}`);
      continue;
    }
    const wrong = wrongProbes(lab, outcome.found);
    if (wrong === 0 && outcome !== outcomes[i]) late++;
    disagree += wrong;
    if (options.store !== undefined) appendFileSync(options.store, storedLine({ lab, answer: outcome.answer }));
    if (wrong > 0 && shown++ < SHOWN) await show(i, lab, outcome, first, options);
  }
  const probes = all.reduce((sum, lab, i) => sum + ('error' in (outcomes[i] as Outcome) ? 0 : lab.probes.length), 0);
  if (late > 0) print(`${late} labs agreed only when asked again`);
  if (unbuilt > 0) print(`${unbuilt} labs could not be built`);
  print(`${probes - disagree} probes agree, ${disagree} disagree`);
  return disagree === 0 && unbuilt === 0 ? 0 : 1;
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

/** A probe with several differences counts once, and all tables together do. */
function wrongProbes(lab: Lab, found: readonly Difference[]): number {
  const places = new Set(found.map(({ where }) => (where.startsWith('probe') ? where : 'tables')));
  return Math.min(places.size, lab.probes.length);
}

async function show(index: number, lab: Lab, first: Outcome, linux: Linux, { print, seed, keep }: JudgeOptions): Promise<void> {
  const small = await shrink(lab, async (candidate) => {
    const outcome = await compare(candidate, linux);
    return 'found' in outcome && outcome.found.length > 0;
  });
  const again = await compare(small, linux);
  const stable = 'found' in again && again.found.length > 0;
  const outcome = stable ? again : first;
  if ('error' in outcome) return;
  print(`lab ${index} of seed ${seed} disagrees${stable ? '' : ', but not every time'}; shrunk:`);
  for (const line of disagreementLines(small, outcome.found)) print(line);
  if (keep !== undefined && stable) appendFileSync(keep, storedLine({ lab: small, answer: again.answer }));
}
