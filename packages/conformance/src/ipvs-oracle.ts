/**
 * `npm run ipvs-oracle -- --ops N --seed S`: random operations on the real ip_vs, on a kernel of its own, each compared
 * at once with what Portolan makes of it. Where there is no such kernel it says so and is content.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { SCHEDULER_NAMES } from '@portolan/core';
import { hindrance, runOnMachine } from './ipvs-oracle/machine.ts';
import { type Plan, planTraces } from './ipvs-oracle/plan.ts';
import { replay } from './replay/ipvs.ts';

const USAGE = `Usage: npm run ipvs-oracle -- [--ops N] [--seed S] [--keep FOLDER]
Records N random IPVS operations on a private kernel (user-mode-linux) and compares Portolan with each.
--keep FOLDER  stores the recorded traces, for npm run replay -- ipvs FILE...
`;
const MOST = 20_000;
const SHOWN = 5;

async function main(): Promise<0 | 1 | 2> {
  const { values } = parseArgs({
    options: {
      ops: { type: 'string', default: '600' },
      seed: { type: 'string', default: '1' },
      keep: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) return say(USAGE, 0);
  const [ops, seed] = [Number(values.ops), Number(values.seed)];
  if (!Number.isInteger(ops) || ops < 1 || ops > MOST || !Number.isSafeInteger(seed))
    return say(`ipvs-oracle: --ops is a number from 1 to ${MOST}, --seed a whole number\n${USAGE}`, 2);
  const why = hindrance();
  if (why !== undefined) return say(`ipvs-oracle: not compared with the real ip_vs: ${why}\n`, 0);
  const folder = mkdtempSync(join(tmpdir(), 'portolan-ipvs-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return judge(planTraces(ops, seed), seed, folder, values.keep);
}

async function judge(plans: readonly Plan[], seed: number, folder: string, keep: string | undefined): Promise<0 | 1> {
  const tsNode = join(__dirname, '..', '..', '..', 'node_modules', 'ts-node', 'dist', 'bin.js');
  const driver = [process.execPath, tsNode, join(__dirname, 'ipvs-oracle-driver.ts')];
  writeFileSync(join(folder, 'plan.json'), JSON.stringify(plans));
  const traces = join(folder, 'traces');
  mkdirSync(traces);
  const seconds = 60 + plans.length * 20;
  const { code, said } = await runOnMachine(folder, SCHEDULER_NAMES, [...driver, join(folder, 'plan.json'), traces], seconds);
  if (code !== 0) return say(`ipvs-oracle: recording failed (seed ${seed}): ${said}\n`, 1);
  let [agree, disagree, notCovered] = [0, 0, 0];
  for (const { name } of plans) {
    const text = readFileSync(join(traces, `${name}.jsonl`), 'utf8');
    if (keep !== undefined) {
      mkdirSync(keep, { recursive: true });
      writeFileSync(join(keep, `${name}.jsonl`), text);
    }
    const report = replay(text, name);
    agree += report.agree;
    notCovered += report.notCovered.length;
    for (const { case: place, expected, actual } of report.disagree) {
      if (++disagree <= SHOWN) say(`disagree: ${place}\n  kernel:   ${expected}\n  portolan: ${actual}\n`, 1);
    }
  }
  const total = `${agree} agree, ${disagree} disagree, ${notCovered} not covered`;
  return say(`ipvs-oracle: ${total} (${plans.length} traces, seed ${seed})\n`, disagree + notCovered === 0 ? 0 : 1);
}

function say<Code extends 0 | 1 | 2>(text: string, code: Code): Code {
  (code === 0 ? process.stdout : process.stderr).write(text);
  return code;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`ipvs-oracle: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
